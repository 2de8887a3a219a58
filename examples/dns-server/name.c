/* SPDX-License-Identifier: ISC */
#include "dns.h"

#include <string.h>
#include <strings.h>

enum { LABELS_MAX = 128 };

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/** Copies labels, each with its length before it, in the opposite order. Returns the
 *  bytes copied. */
static uint8_t reverse(uint8_t *to, const uint8_t *from, uint8_t length)
{
	uint8_t labels[LABELS_MAX];
	size_t n = 0;
	uint8_t at = 0, put = 0;

	for (; at < length && from[at] != 0; at += from[at] + 1)
		labels[n++] = at;
	while (n-- > 0) {
		memcpy(to + put, from + labels[n], from[labels[n]] + 1u);
		put += from[labels[n]] + 1;
	}
	return put;
}

void dns_key_of_name(struct dns_key *key, const struct dns_name *name)
{
	key->length = reverse(key->bytes, name->bytes, name->length);
	/* Lengths are below 'A'. */
	for (uint8_t i = 0; i < key->length; i++)
		key->bytes[i] = lower(key->bytes[i]);
}

void dns_name_of_key(struct dns_name *name, const struct dns_key *key)
{
	name->length = reverse(name->bytes, key->bytes, key->length);
	name->bytes[name->length++] = 0;
}

bool dns_key_up(struct dns_key *key)
{
	uint8_t at = 0, last = 0;

	if (key->length == 0)
		return false;
	for (; at < key->length; at += key->bytes[at] + 1)
		last = at;
	key->length = last;
	return true;
}

bool dns_key_within(const struct dns_key *key, const struct dns_key *above)
{
	return key->length >= above->length &&
	       memcmp(key->bytes, above->bytes, above->length) == 0;
}

static const struct dns_type_info types[] = {
	{DNS_A, "A", "4"},	     {DNS_AAAA, "AAAA", "6"},
	{DNS_NS, "NS", "n"},	     {DNS_CNAME, "CNAME", "n"},
	{DNS_SOA, "SOA", "nnltttt"}, {DNS_PTR, "PTR", "n"},
	{DNS_MX, "MX", "sn"},	     {DNS_TXT, "TXT", "x"},
	{DNS_SRV, "SRV", "sssN"},
};

const struct dns_type_info *dns_type_find(uint16_t type, const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (type != 0 ? types[i].type == type
			      : strcasecmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
