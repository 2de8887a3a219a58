/* SPDX-License-Identifier: ISC */
/* Makes the answer (RFC 1034, 4.3.2; wildcards as in RFC 4592). */
#include "dns.h"

#include <string.h>

enum { LINKS_MAX = 8 };	 /* of a chain of CNAMEs */
enum { NAMES_MAX = 64 }; /* that later ones may point to */
enum { POINTER_MAX = 0x3fff };
enum { OPT_BYTES = 11 };
enum { UDP_PLAIN_MAX = 512 }; /* without EDNS */
enum {
	ANSWER = 3,
	AUTHORITY = 4,
	ADDITIONAL = 5
}; /* 16-bit words of the header */

/** An answer in the making. */
struct message {
	uint8_t *bytes;
	size_t length, room;
	bool full; /* something did not fit */
	uint16_t names[NAMES_MAX];
	size_t n_names;
};

/* -------------------------------------------------------------- Writing -- */

static void put(struct message *m, const void *bytes, size_t n)
{
	if (n > m->room - m->length) {
		m->full = true;
		return;
	}
	memcpy(m->bytes + m->length, bytes, n);
	m->length += n;
}

static void put16(struct message *m, uint32_t value)
{
	put(m, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put32(struct message *m, uint32_t value)
{
	put16(m, value >> 16);
	put16(m, value & 0xffff);
}

static void set16(struct message *m, size_t at, uint32_t value)
{
	m->bytes[at] = (uint8_t)(value >> 8);
	m->bytes[at + 1] = (uint8_t)value;
}

static void count(struct message *m, size_t section)
{
	set16(m, 2 * section,
	      (m->bytes[2 * section] << 8 | m->bytes[2 * section + 1]) + 1u);
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
	for (uint8_t i = 0; i <= a[0]; i++)
		if (a[i] != b[i] &&
		    ((a[i] ^ b[i]) != 0x20 || (a[i] | 0x20) < 'a' ||
		     (a[i] | 0x20) > 'z'))
			return false;
	return true;
}

/** Whether the name that we wrote at `at` is `name`. Our pointers lead backwards. */
static bool same_name(const struct message *m, size_t at, const uint8_t *name)
{
	for (;;) {
		while (m->bytes[at] >= 0xc0)
			at = (m->bytes[at] & 0x3fu) << 8 | m->bytes[at + 1];
		if (m->bytes[at] != name[0] || !same_label(m->bytes + at, name))
			return false;
		if (name[0] == 0)
			return true;
		at += m->bytes[at] + 1u;
		name += name[0] + 1;
	}
}

/** Writes a name, its end by a pointer where it was written before. */
static void put_name(struct message *m, const uint8_t *name)
{
	for (; name[0] != 0; name += name[0] + 1) {
		for (size_t i = 0; i < m->n_names; i++) {
			if (!same_name(m, m->names[i], name))
				continue;
			put16(m, 0xc000u | m->names[i]);
			return;
		}
		/* Not before all of it is there: it would be looked through. */
		put(m, name, name[0] + 1u);
	}
	put(m, name, 1);
}

/** Lets later names point to that at `at`, and to its ends. */
static void remember(struct message *m, size_t at)
{
	while (!m->full && at <= POINTER_MAX && m->n_names < NAMES_MAX &&
	       m->bytes[at] != 0 && m->bytes[at] < 0xc0) {
		m->names[m->n_names++] = (uint16_t)at;
		at += m->bytes[at] + 1u;
	}
}

static void put_known_name(struct message *m, const uint8_t *name)
{
	size_t at = m->length;

	put_name(m, name);
	remember(m, at);
}

static size_t name_bytes(const uint8_t *name)
{
	size_t n = 0;

	while (name[n] != 0)
		n += name[n] + 1u;
	return n + 1;
}

static void put_data(struct message *m, const struct dns_record *record)
{
	const char *piece = dns_type_find(record->type, NULL)->pieces;
	const uint8_t *at = record->data, *end = at + record->data_bytes;

	for (; *piece != '\0' && at < end; piece++) {
		size_t n = *piece == 's'   ? 2
			   : *piece == 'x' ? (size_t)(end - at)
			   : *piece == '6' ? 16
					   : 4;

		if (*piece == 'n' || *piece == 'N')
			n = name_bytes(at);
		if (*piece == 'n')
			put_known_name(m, at);
		else
			put(m, at, n);
		at += n;
	}
}

static void put_record(struct message *m, size_t section,
		       const struct dns_name *owner,
		       const struct dns_record *record, uint32_t ttl_s)
{
	size_t at;

	put_known_name(m, owner->bytes);
	put16(m, record->type);
	put16(m, DNS_CLASS_IN);
	put32(m, ttl_s);
	at = m->length;
	put16(m, 0);
	put_data(m, record);
	if (m->full)
		return;
	set16(m, at, (uint32_t)(m->length - at - 2));
	count(m, section);
}

/** Writes records of one name and type, all of them or none. */
static bool put_set(struct message *m, size_t section,
		    const struct dns_key *key, struct dns_node set)
{
	struct message before = *m;
	uint8_t counts[DNS_HEADER_BYTES];
	struct dns_name owner;

	memcpy(counts, m->bytes, sizeof(counts));
	dns_name_of_key(&owner, key);
	for (size_t i = 0; i < set.n; i++)
		put_record(m, section, &owner, &set.records[i],
			   set.records[i].ttl_s);
	if (!m->full)
		return true;
	*m = before;
	memcpy(m->bytes, counts, sizeof(counts));
	return false;
}

/* -------------------------------------------------------------- Finding -- */

/** The name that `record`, an NS, CNAME, MX or SRV, leads to; false for others. */
static bool target(const struct dns_record *record, struct dns_key *key)
{
	struct dns_name name;
	size_t before = 0; /* the name */

	if (record->type == DNS_MX)
		before = 2;
	else if (record->type == DNS_SRV)
		before = 6;
	else if (record->type != DNS_NS && record->type != DNS_CNAME)
		return false;
	name.length = (uint8_t)(record->data_bytes - before);
	memcpy(name.bytes, record->data + before, name.length);
	dns_key_of_name(key, &name);
	return true;
}

/** Adds the addresses of what `set` leads to; false when they do not fit. */
static bool put_addresses(const struct dns_zone *zone, struct message *m,
			  struct dns_node set)
{
	static const uint16_t types[] = {DNS_A, DNS_AAAA};
	struct dns_node node;
	struct dns_key key;
	bool good = true;

	for (size_t i = 0; i < set.n; i++) {
		if (!target(&set.records[i], &key) ||
		    !dns_zone_find(zone, &key, &node))
			continue;
		for (size_t t = 0; t < 2; t++)
			good &= put_set(m, ADDITIONAL, &key,
					dns_node_type(node, types[t]));
	}
	return good;
}

/** Finds the delegation that `key` is in or below: the NS records of a name between
 *  it and the apex. */
static bool find_cut(const struct dns_zone *zone, const struct dns_key *key,
		     struct dns_key *cut, struct dns_node *set)
{
	struct dns_key at = *key;
	struct dns_node node;
	bool found = false;

	for (; at.length > zone->apex.length; dns_key_up(&at)) {
		if (!dns_zone_find(zone, &at, &node) ||
		    dns_node_type(node, DNS_NS).n == 0)
			continue;
		*set = dns_node_type(node, DNS_NS);
		*cut = at; /* the one nearest to the apex counts */
		found = true;
	}
	return found;
}

/** Finds `key`, else the wildcard that stands for it. */
static bool find(const struct dns_zone *zone, const struct dns_key *key,
		 struct dns_node *node)
{
	struct dns_key at = *key;

	if (dns_zone_find(zone, key, node))
		return true;
	do
		dns_key_up(&at);
	while (!dns_zone_find(zone, &at, node));
	/* `at` was shortened by a label at least, so there is room for this. */
	at.bytes[at.length++] = 1;
	at.bytes[at.length++] = '*';
	return dns_zone_find(zone, &at, node);
}

/* ------------------------------------------------------------ Answering -- */

/** Says that there is nothing, and for how long (RFC 2308, 3). */
static void put_soa(const struct dns_zone *zone, struct message *m)
{
	const struct dns_record *soa = zone->soa;
	const uint8_t *end = soa->data + soa->data_bytes;
	uint32_t least = (uint32_t)end[-4] << 24 | (uint32_t)end[-3] << 16 |
			 (uint32_t)end[-2] << 8 | end[-1];
	struct dns_record record = *soa;

	if (record.ttl_s > least)
		record.ttl_s = least;
	if (!put_set(m, AUTHORITY, &zone->apex, (struct dns_node){&record, 1}))
		m->full = true;
}

static void refer(const struct dns_zone *zone, struct message *m,
		  const struct dns_key *cut, struct dns_node set)
{
	if (!put_set(m, AUTHORITY, cut, set) || !put_addresses(zone, m, set))
		m->full = true;
}

/** Puts the answer to `key` and `type`. Returns the rcode; `*authoritative` is
 *  false when another server has to be asked. */
static int put_answer(const struct dns_zone *zone, struct message *m,
		      struct dns_key key, uint16_t type, bool *authoritative)
{
	struct dns_node node, set;
	struct dns_key cut;

	for (int links = 0; links < LINKS_MAX; links++) {
		if (!dns_key_within(&key, &zone->apex))
			return DNS_NOERROR; /* the client goes on elsewhere */
		if (find_cut(zone, &key, &cut, &set)) {
			*authoritative = links > 0;
			refer(zone, m, &cut, set);
			return DNS_NOERROR;
		}
		if (!find(zone, &key, &node)) {
			put_soa(zone, m);
			return DNS_NXDOMAIN;
		}
		set = dns_node_type(node, type);
		if (set.n > 0) {
			if (!put_set(m, ANSWER, &key, set))
				m->full = true;
			else
				put_addresses(zone, m, set);
			return DNS_NOERROR;
		}
		set = dns_node_type(node, DNS_CNAME);
		if (set.n == 0) {
			put_soa(zone, m);
			return DNS_NOERROR;
		}
		if (!put_set(m, ANSWER, &key, set)) {
			m->full = true;
			return DNS_NOERROR;
		}
		target(set.records, &key);
	}
	return DNS_NOERROR;
}

/** The rcode of a question that is not for this zone. */
static int refuse(const struct dns_zone *zone, const struct dns_query *query)
{
	if (query->class != DNS_CLASS_IN ||
	    !dns_key_within(&query->key, &zone->apex))
		return DNS_REFUSED;
	/* What is no type of data, such as a transfer (RFC 6895, 3.1). */
	if (query->type != DNS_ANY && query->type >= 128 && query->type <= 255)
		return DNS_REFUSED;
	return DNS_NOERROR;
}

static void begin(struct message *m, const struct dns_query *query,
		  const uint8_t *question, bool tcp)
{
	m->room = DNS_TCP_MAX;
	if (!tcp)
		m->room = !query->edns || query->edns_bytes < UDP_PLAIN_MAX
				  ? UDP_PLAIN_MAX
			  : query->edns_bytes < DNS_UDP_MAX ? query->edns_bytes
							    : DNS_UDP_MAX;
	if (query->edns)
		m->room -= OPT_BYTES;
	memset(m->bytes, 0, DNS_HEADER_BYTES);
	m->length = DNS_HEADER_BYTES;
	if (query->question_bytes == 0)
		return;
	put(m, question, query->question_bytes);
	set16(m, 4, 1);
	remember(m, DNS_HEADER_BYTES);
}

static void finish(struct message *m, const struct dns_query *query, int rcode,
		   bool authoritative)
{
	uint32_t kept = query->flags & (DNS_OPCODE | DNS_RD | DNS_CD);

	set16(m, 0, query->id);
	set16(m, 2,
	      DNS_QR | kept | (authoritative ? DNS_AA : 0) |
		      (m->full ? DNS_TC : 0) | ((uint32_t)rcode & 15));
	if (!query->edns)
		return;
	m->room += OPT_BYTES;
	put(m, "", 1);
	put16(m, DNS_OPT);
	put16(m, DNS_UDP_MAX);
	put32(m, (uint32_t)rcode >> 4 << 24);
	put16(m, 0);
	count(m, ADDITIONAL);
}

static uint64_t *counter(struct dns_counters *counters, const struct message *m,
			 int rcode, bool authoritative)
{
	switch (rcode) {
	case DNS_NOERROR:
		return m->full || !authoritative ||
				       m->bytes[2 * ANSWER + 1] != 0
			       ? &counters->found
			       : &counters->nodata;
	case DNS_NXDOMAIN:
		return &counters->nxdomain;
	case DNS_REFUSED:
	case DNS_NOTIMP:
		return &counters->refused;
	default:
		return &counters->malformed;
	}
}

size_t dns_answer(const struct dns_zone *zone, struct dns_counters *counters,
		  const uint8_t *query, size_t query_bytes, uint8_t *answer,
		  bool tcp)
{
	struct message m = {.bytes = answer};
	struct dns_query q;
	int rcode = dns_query_parse(&q, query, query_bytes);
	bool authoritative = false;

	counters->queries++;
	if (rcode < 0) {
		counters->ignored++;
		return 0;
	}
	begin(&m, &q, query + DNS_HEADER_BYTES, tcp);
	if (rcode == DNS_NOERROR)
		rcode = refuse(zone, &q);
	if (rcode == DNS_NOERROR) {
		authoritative = true;
		rcode = put_answer(zone, &m, q.key, q.type, &authoritative);
	}
	++*counter(counters, &m, rcode, authoritative);
	counters->truncated += m.full;
	finish(&m, &q, rcode, authoritative);
	return m.length;
}
