/* SPDX-License-Identifier: ISC */
/* Reads a question. The bytes are a stranger's: every length is checked, nothing is
 * followed, and each byte is looked at once. */
#include "dns.h"

#include <string.h>

enum { OPT_BYTES = 10 }; /* type, class, TTL and length of any record */

struct reader {
	const uint8_t *at, *end;
};

static size_t left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static uint16_t get16(struct reader *reader)
{
	const uint8_t *at = reader->at;

	reader->at += 2;
	return (uint16_t)(at[0] << 8 | at[1]);
}

/** Reads a name without pointers: before a question there is nothing to point to. */
static bool get_name(struct reader *reader, struct dns_name *name)
{
	size_t length = 0, label;

	do {
		if (left(reader) < 1)
			return false;
		label = *reader->at;
		if (label > DNS_LABEL_MAX || left(reader) < label + 1 ||
		    length + label + 1 > DNS_NAME_MAX)
			return false;
		memcpy(name->bytes + length, reader->at, label + 1);
		length += label + 1;
		reader->at += label + 1;
	} while (label != 0);
	name->length = (uint8_t)length;
	return true;
}

/** Passes over a name that may end in a pointer. */
static bool skip_name(struct reader *reader)
{
	while (left(reader) >= 1) {
		size_t label = *reader->at;

		if (label >= 0xc0) {
			if (left(reader) < 2)
				return false;
			reader->at += 2;
			return true;
		}
		if (label > DNS_LABEL_MAX || left(reader) < label + 1)
			return false;
		reader->at += label + 1;
		if (label == 0)
			return true;
	}
	return false;
}

/** Reads one additional record; only OPT (RFC 6891, 6.1) means something here. */
static bool get_additional(struct reader *reader, struct dns_query *query)
{
	bool root = left(reader) >= 1 && *reader->at == 0;
	uint16_t type, class, bytes;
	uint8_t version;

	if (!skip_name(reader) || left(reader) < OPT_BYTES)
		return false;
	type = get16(reader);
	class = get16(reader);
	version = reader->at[1];
	reader->at += 4;
	bytes = get16(reader);
	if (left(reader) < bytes)
		return false;
	reader->at += bytes;
	if (type != DNS_OPT)
		return true;
	if (query->edns || !root)
		return false;
	query->edns = true;
	query->edns_version = version;
	query->edns_bytes = class;
	return true;
}

static bool get_question(struct reader *reader, struct dns_query *query)
{
	const uint8_t *first = reader->at;
	struct dns_name name;

	if (!get_name(reader, &name) || left(reader) < 4)
		return false;
	dns_key_of_name(&query->key, &name);
	query->type = get16(reader);
	query->class = get16(reader);
	query->question_bytes = (size_t)(reader->at - first);
	return true;
}

int dns_query_parse(struct dns_query *query, const uint8_t *bytes, size_t n)
{
	struct reader reader = {bytes, bytes + n};
	uint16_t questions, answers, authorities, additionals;

	memset(query, 0, sizeof(*query));
	if (n < DNS_HEADER_BYTES)
		return -1;
	query->id = get16(&reader);
	query->flags = get16(&reader);
	questions = get16(&reader);
	answers = get16(&reader);
	authorities = get16(&reader);
	additionals = get16(&reader);
	if ((query->flags & DNS_QR) != 0)
		return -1;
	if ((query->flags & DNS_OPCODE) != 0)
		return DNS_NOTIMP;
	if (questions != 1 || !get_question(&reader, query))
		return DNS_FORMERR;
	/* A transfer of what changed brings the SOA that the client has. */
	if (query->type == DNS_IXFR)
		return DNS_REFUSED;
	if (answers != 0 || authorities != 0)
		return DNS_FORMERR;
	while (additionals-- > 0)
		if (!get_additional(&reader, query))
			return DNS_FORMERR;
	if (reader.at != reader.end)
		return DNS_FORMERR;
	return query->edns_version != 0 ? DNS_BADVERS : DNS_NOERROR;
}
