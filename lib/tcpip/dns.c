/* SPDX-License-Identifier: ISC */
#include "dns.h"

#include <string.h>

enum {
	HEADER_BYTES = 12,
	NAME_BYTES = 256, /* as text, with its NUL */
	FLAG_ANSWER = 0x80,
	FLAG_RECURSE = 0x01,
	CLASS_INTERNET = 1,
	JUMPS_MAX = 32
};

/** What is left to read of a message. */
struct cursor {
	const uint8_t *message;
	size_t length, at;
	bool bad;
};

static unsigned get8(struct cursor *c)
{
	if (c->at >= c->length) {
		c->bad = true;
		return 0;
	}
	return c->message[c->at++];
}

static unsigned get16(struct cursor *c)
{
	unsigned high = get8(c);

	return high << 8 | get8(c);
}

static void skip(struct cursor *c, size_t n)
{
	if (n > c->length - c->at)
		c->bad = true;
	else
		c->at += n;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** Reads a name as lower case text, each label with a dot behind. */
static void get_name(struct cursor *c, char name[NAME_BYTES])
{
	struct cursor at = *c;
	size_t n = 0;
	int jumps = 0;

	for (;;) {
		unsigned label = get8(&at);

		if ((label & 0xc0) == 0xc0) {
			size_t to = (label & 0x3f) << 8 | get8(&at);

			if (jumps++ == 0)
				c->at = at.at;
			at.at = to;
			at.bad |= jumps > JUMPS_MAX;
		} else if (label > 63 || n + label + 2 > NAME_BYTES) {
			at.bad = true;
		} else if (label == 0) {
			break;
		} else {
			while (label-- > 0)
				name[n++] = lower((char)get8(&at));
			name[n++] = '.';
		}
		if (at.bad)
			break;
	}
	name[at.bad ? 0 : n] = '\0';
	c->bad |= at.bad;
	if (jumps == 0)
		c->at = at.at;
}

/** The same of a name as it was asked for. */
static void set_name(char to[NAME_BYTES], const char *name)
{
	size_t n = 0;

	for (; *name != '\0' && n < NAME_BYTES - 2; name++)
		to[n++] = lower(*name);
	if (n > 0 && to[n - 1] != '.')
		to[n++] = '.';
	to[n] = '\0';
}

size_t dns_ask(uint8_t message[DNS_MESSAGE_MAX], uint16_t id, uint16_t type,
	       const char *name)
{
	uint8_t *at = message + HEADER_BYTES;

	memset(message, 0, HEADER_BYTES);
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
	message[2] = FLAG_RECURSE;
	message[5] = 1; /* question */
	while (*name != '\0') {
		size_t label = strcspn(name, ".");

		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	*at++ = (uint8_t)(type >> 8);
	*at++ = (uint8_t)type;
	*at++ = 0;
	*at++ = CLASS_INTERNET;
	return (size_t)(at - message);
}

static void add(struct dns_answer *answer, struct cursor *c, unsigned type)
{
	struct mirage_ip *ip;

	if (answer->n == answer->room)
		return;
	ip = &answer->ips[answer->n++];
	memset(ip, 0, sizeof *ip);
	ip->version = type == DNS_A ? 4 : 6;
	for (int i = 0; i < (type == DNS_A ? 4 : 16); i++)
		ip->bytes[i] = (uint8_t)get8(c);
}

/** Reads one record of the answer; `name` follows the aliases. */
static void read_record(struct cursor *c, unsigned wanted,
			char name[NAME_BYTES], struct dns_answer *answer)
{
	char owner[NAME_BYTES];
	unsigned type, class, length;
	struct cursor data;

	get_name(c, owner);
	type = get16(c);
	class = get16(c);
	skip(c, 4); /* how long it may be kept, which we do not */
	length = get16(c);
	data = *c;
	skip(c, length);
	if (c->bad || class != CLASS_INTERNET || strcmp(owner, name) != 0)
		return;
	if (type == DNS_CNAME)
		get_name(&data, name);
	else if (type == wanted && length == (type == DNS_A ? 4u : 16u))
		add(answer, &data, type);
	c->bad |= data.bad;
}

enum dns_outcome dns_read(const uint8_t *message, size_t length, uint16_t type,
			  const char *name, struct dns_answer *answer)
{
	struct cursor c = {message, length, 2, false};
	unsigned flags = get8(&c), code = get8(&c) & 15;
	unsigned questions = get16(&c), answers = get16(&c);
	char asked[NAME_BYTES], said[NAME_BYTES];

	skip(&c, 4);
	get_name(&c, said);
	set_name(asked, name);
	if (c.bad || (flags & FLAG_ANSWER) == 0 || questions != 1 ||
	    strcmp(asked, said) != 0 || get16(&c) != type ||
	    get16(&c) != CLASS_INTERNET)
		return DNS_NOT_OURS;
	if (code == 3)
		return DNS_NO_SUCH_NAME;
	if (code != 0)
		return DNS_FAILURE;
	/* Of an answer that was cut off we take what has come. */
	while (answers-- > 0 && !c.bad)
		read_record(&c, type, asked, answer);
	return c.bad && answer->n == 0 ? DNS_FAILURE : DNS_ANSWER;
}
