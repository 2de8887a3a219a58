/* SPDX-License-Identifier: ISC */
/* Reads a master file (RFC 1035, 5.1), with $TTL of RFC 2308. */
#include "zone.h"

#include <mirage.h>

#include <string.h>
#include <strings.h>

enum { WORD_MAX = 1023 }; /* 255 bytes as \DDD */
enum { DATA_MAX = 65535 };
enum { TTL_MAX = 0x7fffffff };

enum word { WORD_TEXT, WORD_LINE, WORD_END, WORD_WRONG };

struct reader {
	struct dns_zone *zone;
	const char *at, *end;
	uint32_t line;
	unsigned depth; /* of parentheses */
	bool quoted;	/* the word */
	char word[WORD_MAX + 1];

	struct dns_name origin, owner;
	uint32_t default_ttl_s, ttl_s;
	bool has_origin, has_owner, has_ttl;

	uint8_t data[DATA_MAX];
	size_t data_bytes;
};

static bool wrong(struct reader *r, const char *what)
{
	return dns_zone_wrong(r->zone, r->line, what, NULL);
}

static bool wrong_word(struct reader *r, const char *what)
{
	return dns_zone_wrong(r->zone, r->line, what, r->word);
}

/* ---------------------------------------------------------------- Words -- */

/** Passes over what stands between words: WORD_TEXT when one follows. */
static enum word skip(struct reader *r)
{
	for (; r->at < r->end; r->at++) {
		switch (*r->at) {
		case ' ':
		case '\t':
		case '\r':
			break;
		case ';':
			while (r->at + 1 < r->end && r->at[1] != '\n')
				r->at++;
			break;
		case '(':
			r->depth++;
			break;
		case ')':
			if (r->depth-- == 0) {
				wrong(r, "a ')' without '('");
				return WORD_WRONG;
			}
			break;
		case '\n':
			if (r->depth == 0)
				return WORD_LINE;
			r->line++;
			break;
		default:
			return WORD_TEXT;
		}
	}
	if (r->depth == 0)
		return WORD_END;
	wrong(r, "a '(' without ')'");
	return WORD_WRONG;
}

/** Whether the word goes on with `byte`, which does not follow a backslash. */
static bool goes_on(const struct reader *r, char byte)
{
	if (r->quoted)
		return byte != '"';
	return byte == '\0' || strchr(" \t\r\n;()\"", byte) == NULL;
}

/** Reads the next word into `word`, its escapes as they are. */
static enum word next(struct reader *r)
{
	enum word kind = skip(r);
	size_t length = 0;

	if (kind != WORD_TEXT)
		return kind;
	r->quoted = *r->at == '"';
	r->at += r->quoted;
	while (r->at < r->end && goes_on(r, *r->at)) {
		size_t n = *r->at == '\\' && r->end - r->at > 1 ? 2 : 1;

		if (length + n > WORD_MAX || *r->at == '\0' ||
		    r->at[n - 1] == '\n') {
			wrong(r, "a word without an end");
			return WORD_WRONG;
		}
		memcpy(r->word + length, r->at, n);
		length += n;
		r->at += n;
	}
	r->word[length] = '\0';
	if (r->quoted && r->at++ == r->end) {
		wrong(r, "a '\"' without another");
		return WORD_WRONG;
	}
	return WORD_TEXT;
}

/** Reads a word that must be there. */
static bool need(struct reader *r, const char *what)
{
	enum word kind = next(r);

	if (kind == WORD_LINE || kind == WORD_END)
		wrong(r, what);
	return kind == WORD_TEXT;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Takes one byte of a word, `\X` and `\DDD` read. False at a wrong escape. */
static bool take_byte(const char **text, uint8_t *byte)
{
	const char *at = *text;
	int value;

	if (*at != '\\') {
		*byte = (uint8_t)*at;
		*text = at + 1;
		return true;
	}
	if (at[1] == '\0')
		return false;
	if (!digit(at[1])) {
		*byte = (uint8_t)at[1];
		*text = at + 2;
		return true;
	}
	if (!digit(at[2]) || !digit(at[3]))
		return false;
	value = (at[1] - '0') * 100 + (at[2] - '0') * 10 + at[3] - '0';
	*byte = (uint8_t)value;
	*text = at + 4;
	return value <= 255;
}

/* --------------------------------------------------------------- Pieces -- */

/** Reads labels up to the end of `text`. `*absolute`: they end in a dot. */
static bool take_labels(const char *text, struct dns_name *name, bool *absolute)
{
	size_t length = 0, start;

	*absolute = false;
	do {
		start = length++;
		while (*text != '\0' && *text != '.') {
			if (length >= DNS_NAME_MAX ||
			    !take_byte(&text, &name->bytes[length++]))
				return false;
		}
		if (length - start < 2 || length - start > DNS_LABEL_MAX + 1 ||
		    length >= DNS_NAME_MAX)
			return false;
		name->bytes[start] = (uint8_t)(length - start - 1);
		*absolute = *text == '.';
		text += *absolute;
	} while (*text != '\0');
	name->length = (uint8_t)length;
	return true;
}

/** Reads the word as a name, in `origin` unless it ends in a dot. */
static bool take_name(struct reader *r, struct dns_name *name)
{
	bool absolute = true;

	name->length = 0;
	if (strcmp(r->word, "@") == 0)
		absolute = false;
	else if (strcmp(r->word, ".") != 0 &&
		 !take_labels(r->word, name, &absolute))
		return wrong_word(r, "not a name:");
	if (absolute) {
		name->bytes[name->length++] = 0;
		return true;
	}
	if (!r->has_origin)
		return wrong_word(r, "no $ORIGIN for");
	if (name->length + r->origin.length > DNS_NAME_MAX)
		return wrong_word(r, "not a name:");
	memcpy(name->bytes + name->length, r->origin.bytes, r->origin.length);
	name->length += r->origin.length;
	return true;
}

/** Reads a decimal number, with `units` one like 1h30m too, up to `max`. */
static bool take_number(const char *text, bool units, uint64_t max,
			uint32_t *number)
{
	uint64_t sum = 0, value, unit = 1;

	if (*text == '\0')
		return false;
	while (*text != '\0') {
		if (!digit(*text))
			return false;
		for (value = 0; digit(*text) && value <= max; text++)
			value = value * 10 + (uint64_t)(*text - '0');
		if (*text != '\0') {
			static const char names[] = "smhdwSMHDW";
			static const uint32_t of[] = {1, 60, 3600, 86400,
						      604800};
			const char *name = strchr(names, *text++);

			if (!units || name == NULL)
				return false;
			unit = of[(name - names) % 5];
		} else {
			unit = 1;
		}
		sum += value * unit;
		if (sum > max)
			return false;
	}
	*number = (uint32_t)sum;
	return true;
}

static bool put(struct reader *r, const void *bytes, size_t n)
{
	if (n > DATA_MAX - r->data_bytes)
		return wrong(r, "a record of more than 65,535 bytes");
	memcpy(r->data + r->data_bytes, bytes, n);
	r->data_bytes += n;
	return true;
}

static bool put_number(struct reader *r, size_t bytes, uint64_t max, bool units)
{
	uint8_t be[4];
	uint32_t value;

	if (!take_number(r->word, units, max, &value))
		return wrong_word(r, units ? "not a time:" : "not a number:");
	for (size_t i = 0; i < 4; i++)
		be[i] = (uint8_t)(value >> (24 - 8 * i));
	return put(r, be + 4 - bytes, bytes);
}

static bool put_name(struct reader *r)
{
	struct dns_name name;

	return take_name(r, &name) && put(r, name.bytes, name.length);
}

static bool put_address(struct reader *r, uint8_t version)
{
	struct mirage_ip ip;

	if (!mirage_ip_parse(&ip, r->word) || ip.version != version ||
	    ip.interface != 0)
		return wrong_word(r, version == 4 ? "not an IPv4 address:"
						  : "not an IPv6 address:");
	return put(r, ip.bytes, version == 4 ? 4 : 16);
}

static bool put_string(struct reader *r)
{
	const char *text = r->word;
	uint8_t string[256];
	size_t n = 1;

	while (*text != '\0')
		if (n > 255 || !take_byte(&text, &string[n++]))
			return wrong_word(r, "not a string of at most 255 "
					     "bytes:");
	string[0] = (uint8_t)(n - 1);
	return put(r, string, n);
}

static bool put_piece(struct reader *r, char piece)
{
	switch (piece) {
	case '4':
		return put_address(r, 4);
	case '6':
		return put_address(r, 6);
	case 's':
		return put_number(r, 2, UINT16_MAX, false);
	case 'l':
		return put_number(r, 4, UINT32_MAX, false);
	case 't':
		return put_number(r, 4, TTL_MAX, true);
	case 'x':
		return put_string(r);
	default:
		return put_name(r);
	}
}

/* -------------------------------------------------------------- Records -- */

static bool end_of_line(struct reader *r)
{
	enum word kind = next(r);

	if (kind == WORD_TEXT)
		return wrong_word(r, "too much in a record:");
	return kind != WORD_WRONG;
}

static bool read_strings(struct reader *r)
{
	enum word kind;

	for (kind = next(r); kind == WORD_TEXT; kind = next(r))
		if (!put_piece(r, 'x'))
			return false;
	return kind != WORD_WRONG;
}

static bool read_data(struct reader *r, const struct dns_type_info *type)
{
	const char *piece = type->pieces;

	r->data_bytes = 0;
	for (; *piece != '\0'; piece++)
		if (!need(r, "a record ends too early") ||
		    !put_piece(r, *piece))
			return false;
	return type->pieces[0] == 'x' ? read_strings(r) : end_of_line(r);
}

/** Reads `[TTL] [IN] TYPE`, the first two in any order, from this word on. */
static const struct dns_type_info *read_type(struct reader *r)
{
	const struct dns_type_info *type;
	bool class = false, ttl = false;

	for (;;) {
		if (!ttl && take_number(r->word, true, TTL_MAX, &r->ttl_s))
			ttl = true;
		else if (!class && strcasecmp(r->word, "IN") == 0)
			class = true;
		else
			break;
		if (!need(r, "a record without a type"))
			return NULL;
	}
	if (!ttl && !r->has_ttl) {
		wrong(r, "a record without a TTL, and no $TTL before it");
		return NULL;
	}
	if (!ttl)
		r->ttl_s = r->default_ttl_s;
	type = dns_type_find(0, r->word);
	if (type == NULL)
		wrong_word(r, "a type that this server does not know:");
	return type;
}

static bool read_record(struct reader *r)
{
	const struct dns_type_info *type = read_type(r);
	struct dns_record record = {.line = r->line, .ttl_s = r->ttl_s};
	struct dns_key key;

	if (type == NULL || !read_data(r, type))
		return false;
	record.type = type->type;
	record.data = r->data;
	record.data_bytes = (uint16_t)r->data_bytes;
	dns_key_of_name(&key, &r->owner);
	return dns_zone_add(r->zone, &key, &record);
}

static bool read_directive(struct reader *r)
{
	if (strcasecmp(r->word, "$ORIGIN") == 0) {
		struct dns_name origin;

		if (!need(r, "a $ORIGIN without a name") ||
		    !take_name(r, &origin))
			return false;
		r->origin = origin;
		r->has_origin = true;
		return end_of_line(r);
	}
	if (strcasecmp(r->word, "$TTL") != 0)
		return wrong_word(r, "a directive that this server does not "
				     "know:");
	if (!need(r, "a $TTL without a time"))
		return false;
	r->has_ttl = take_number(r->word, true, TTL_MAX, &r->default_ttl_s);
	return r->has_ttl ? end_of_line(r) : wrong_word(r, "not a time:");
}

/** Reads one line, or several in parentheses, without its end. */
static bool read_entry(struct reader *r)
{
	bool same = r->at < r->end && (*r->at == ' ' || *r->at == '\t');
	enum word kind = next(r);

	if (kind != WORD_TEXT)
		return kind != WORD_WRONG;
	if (!same && r->word[0] == '$' && !r->quoted)
		return read_directive(r);
	if (same && !r->has_owner)
		return wrong(r, "a record without a name");
	if (!same) {
		if (!take_name(r, &r->owner))
			return false;
		r->has_owner = true;
		if (!need(r, "a record without a type"))
			return false;
	}
	return read_record(r);
}

static bool read_origin(struct reader *r, const char *origin)
{
	bool absolute;

	if (origin == NULL || !take_labels(origin, &r->origin, &absolute))
		return false;
	r->origin.bytes[r->origin.length++] = 0;
	return true;
}

bool dns_zone_read(struct dns_zone *zone, const char *origin, const char *text,
		   size_t length)
{
	static struct reader r; /* of 64 KiB: too much for some stacks */

	memset(&r, 0, sizeof(r));
	r.zone = zone;
	r.at = text;
	r.end = text + length;
	r.line = 1;
	r.has_origin = read_origin(&r, origin);
	while (r.at < r.end) {
		if (!read_entry(&r))
			return false;
		if (r.at < r.end) /* the line's end */
			r.at++;
		r.line++;
	}
	return true;
}
