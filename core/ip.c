/* SPDX-License-Identifier: ISC */
/* Addresses and their texts. Our own, because the C libraries differ in what they
 * read and in what they print. */
#include <mirage.h>

#include <stdio.h>
#include <string.h>

enum { GROUPS = 8 }; /* of 16 bits, in an IPv6 address */

/* ------------------------------------------------------------- Reading -- */

/** Reads a decimal number of at most `max`, without leading zeroes; returns what
 *  follows it, or NULL. */
static const char *read_decimal(const char *text, unsigned max, unsigned *value)
{
	const char *first = text;

	*value = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		*value = *value * 10 + (unsigned)(*text - '0');
		if (*value > max)
			return NULL;
	}
	return text == first || (*first == '0' && text - first > 1) ? NULL
								    : text;
}

/** Reads `A.B.C.D`; returns what follows it, or NULL. */
static const char *read_ipv4(const char *text, uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned value;

		if (i > 0 && *text++ != '.')
			return NULL;
		text = read_decimal(text, 255, &value);
		if (text == NULL)
			return NULL;
		bytes[i] = (uint8_t)value;
	}
	return text;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/** Reads one to four hexadecimal digits; returns what follows them, or NULL. */
static const char *read_group(const char *text, uint8_t bytes[2])
{
	unsigned value = 0;
	int n = 0;

	for (; n < 4 && hex_digit(*text) >= 0; n++)
		value = value << 4 | (unsigned)hex_digit(*text++);
	if (n == 0 || hex_digit(*text) >= 0)
		return NULL;
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
	return text;
}

/** Reads the groups, `::` among them, and an IPv4 address as the last two. */
static const char *read_ipv6(const char *text, uint8_t bytes[16])
{
	int n = 0, gap = -1;

	if (text[0] == ':' && text[1] != ':')
		return NULL;
	while (n < GROUPS) {
		const char *next;

		if (text[0] == ':' && text[1] == ':') {
			if (gap >= 0)
				return NULL;
			gap = n;
			text += 2;
			if (hex_digit(*text) < 0)
				break;
		} else if (n > 0 && *text == ':') {
			text++;
		} else if (n > 0) {
			break;
		}
		next = n <= GROUPS - 2 ? read_ipv4(text, bytes + 2 * n) : NULL;
		if (next != NULL) {
			n += 2;
			text = next;
			break;
		}
		text = read_group(text, bytes + 2 * n++);
		if (text == NULL)
			return NULL;
	}
	if (gap < 0)
		return n == GROUPS ? text : NULL;
	if (n == GROUPS)
		return NULL;
	memmove(bytes + 16 - 2 * (n - gap), bytes + 2 * gap,
		(size_t)(2 * (n - gap)));
	memset(bytes + 2 * gap, 0, (size_t)(2 * (GROUPS - n)));
	return text;
}

/** Reads an address; returns what follows it, or NULL. */
static const char *read_ip(const char *text, struct mirage_ip *ip)
{
	struct mirage_ip read = {.version = 4};
	const char *end = read_ipv4(text, read.bytes);
	unsigned interface = 0;

	if (end == NULL) {
		read = (struct mirage_ip){.version = 6};
		end = read_ipv6(text, read.bytes);
		if (end != NULL && *end == '%')
			end = read_decimal(end + 1, 255, &interface);
	}
	read.interface = (uint8_t)interface;
	if (end != NULL)
		*ip = read;
	return end;
}

bool mirage_ip_parse(struct mirage_ip *ip, const char *text)
{
	struct mirage_ip read;
	const char *end = read_ip(text, &read);

	if (end == NULL || *end != '\0')
		return false;
	*ip = read;
	return true;
}

bool mirage_ip_parse_prefix(struct mirage_ip *ip, uint8_t *prefix_bits,
			    const char *text)
{
	struct mirage_ip read;
	const char *end = read_ip(text, &read);
	unsigned bits;

	if (end == NULL || *end != '/')
		return false;
	end = read_decimal(end + 1, read.version == 4 ? 32 : 128, &bits);
	if (end == NULL || *end != '\0')
		return false;
	*ip = read;
	*prefix_bits = (uint8_t)bits;
	return true;
}

/* ------------------------------------------------------------ Printing -- */

static unsigned group(const struct mirage_ip *ip, int i)
{
	return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

/** The longest run of at least two groups that are zero, the first of equals. */
static int longest_zeroes(const struct mirage_ip *ip, int *length)
{
	int at = -1;

	*length = 1;
	for (int i = 0; i < GROUPS; i++) {
		int n = 0;

		while (i + n < GROUPS && group(ip, i + n) == 0)
			n++;
		if (n > *length) {
			*length = n;
			at = i;
		}
		i += n;
	}
	return at;
}

static char *print_groups(const struct mirage_ip *ip, char *to, const char *end)
{
	int length, gap = longest_zeroes(ip, &length);

	for (int i = 0; i < GROUPS; i++) {
		const char *before = i > 0 && i != gap + length ? ":" : "";

		if (i == gap) {
			to += snprintf(to, (size_t)(end - to), "::");
			i += length - 1;
			continue;
		}
		to += snprintf(to, (size_t)(end - to), "%s%x", before,
			       group(ip, i));
	}
	return to;
}

static void print_ipv6(const struct mirage_ip *ip, char *to, const char *end)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *b = ip->bytes;

	if (memcmp(b, mapped, sizeof mapped) == 0)
		to += snprintf(to, (size_t)(end - to), "::ffff:%u.%u.%u.%u",
			       b[12], b[13], b[14], b[15]);
	else
		to = print_groups(ip, to, end);
	if (ip->interface != 0)
		snprintf(to, (size_t)(end - to), "%%%u", ip->interface);
}

const char *mirage_ip_print(const struct mirage_ip *ip,
			    char text[MIRAGE_IP_TEXT_MAX])
{
	const uint8_t *b = ip->bytes;

	if (ip->version == 4)
		snprintf(text, MIRAGE_IP_TEXT_MAX, "%u.%u.%u.%u", b[0], b[1],
			 b[2], b[3]);
	else if (ip->version == 6)
		print_ipv6(ip, text, text + MIRAGE_IP_TEXT_MAX);
	else
		memcpy(text, "-", 2);
	return text;
}

const char *mirage_endpoint_print(const struct mirage_endpoint *at,
				  char text[MIRAGE_IP_TEXT_MAX])
{
	char ip[MIRAGE_IP_TEXT_MAX];
	const char *form = at->ip.version == 6 ? "[%s]:%u" : "%s:%u";

	mirage_ip_print(&at->ip, ip);
	snprintf(text, MIRAGE_IP_TEXT_MAX, form, ip, at->port);
	return text;
}

bool mirage_ip_equal(const struct mirage_ip *a, const struct mirage_ip *b)
{
	return a->version == b->version && a->interface == b->interface &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
