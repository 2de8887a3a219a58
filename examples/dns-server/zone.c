/* SPDX-License-Identifier: ISC */
/* The records of a zone: kept, put in order, found. */
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 32 << 10 };

struct dns_chunk {
	struct dns_chunk *next;
	size_t used;
	_Alignas(8) uint8_t bytes[CHUNK_BYTES];
};

bool dns_zone_wrong(struct dns_zone *zone, uint32_t line, const char *what,
		    const char *word)
{
	if (word != NULL)
		snprintf(zone->error, sizeof(zone->error),
			 "line %u: %s '%.60s'", (unsigned)line, what, word);
	else
		snprintf(zone->error, sizeof(zone->error), "line %u: %s",
			 (unsigned)line, what);
	return false;
}

/* -------------------------------------------------------------- Keeping -- */

/** Copies `n` bytes, at most 64 KiB, to memory of the zone, or returns NULL. */
static const void *keep(struct dns_zone *zone, const void *bytes, size_t n)
{
	struct dns_chunk *chunk = zone->chunks;
	size_t more = n > CHUNK_BYTES ? n - CHUNK_BYTES : 0;
	void *kept;

	if (chunk == NULL || chunk->used + n > CHUNK_BYTES) {
		chunk = calloc(1, sizeof(*chunk) + more);
		if (chunk == NULL)
			return NULL;
		chunk->next = zone->chunks;
		zone->chunks = chunk;
	}
	kept = chunk->bytes + chunk->used;
	chunk->used += n;
	memcpy(kept, bytes, n);
	return kept;
}

/** The key of the owner: that of the record before, mostly. */
static const struct dns_key *keep_key(struct dns_zone *zone,
				      const struct dns_key *key)
{
	const struct dns_key *last = NULL;

	if (zone->n_records > 0)
		last = zone->records[zone->n_records - 1].key;
	if (last != NULL && last->length == key->length &&
	    memcmp(last->bytes, key->bytes, key->length) == 0)
		return last;
	return keep(zone, key, offsetof(struct dns_key, bytes) + key->length);
}

static bool grow(struct dns_zone *zone)
{
	size_t room = zone->room == 0 ? 64 : 2 * zone->room;
	struct dns_record *records;

	if (zone->n_records < zone->room)
		return true;
	if (room > DNS_ZONE_RECORDS_MAX)
		return false;
	records = realloc(zone->records, room * sizeof(*records));
	if (records == NULL)
		return false;
	zone->records = records;
	zone->room = room;
	return true;
}

bool dns_zone_add(struct dns_zone *zone, const struct dns_key *key,
		  const struct dns_record *record)
{
	struct dns_record kept = *record;

	kept.key = keep_key(zone, key);
	kept.data = keep(zone, record->data, record->data_bytes);
	if (kept.key == NULL || kept.data == NULL || !grow(zone))
		return dns_zone_wrong(zone, record->line,
				      "no memory for so many records", NULL);
	zone->records[zone->n_records++] = kept;
	return true;
}

void dns_zone_free(struct dns_zone *zone)
{
	while (zone->chunks != NULL) {
		struct dns_chunk *next = zone->chunks->next;

		free(zone->chunks);
		zone->chunks = next;
	}
	free(zone->records);
	zone->records = NULL;
	zone->n_records = zone->room = 0;
}

/* ---------------------------------------------------------------- Order -- */

static int compare_bytes(const void *a, size_t a_bytes, const void *b,
			 size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	if (order != 0)
		return order;
	return (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_keys(const struct dns_key *a, const struct dns_key *b)
{
	return compare_bytes(a->bytes, a->length, b->bytes, b->length);
}

static int compare_records(const void *left, const void *right)
{
	const struct dns_record *a = left, *b = right;
	int order = compare_keys(a->key, b->key);

	if (order == 0)
		order = (a->type > b->type) - (a->type < b->type);
	if (order == 0)
		order = compare_bytes(a->data, a->data_bytes, b->data,
				      b->data_bytes);
	return order;
}

/** Puts the records in order; of equal ones the first stays (RFC 2181, 5). */
static void sort(struct dns_zone *zone)
{
	size_t n = 0;

	if (zone->n_records == 0)
		return; /* there is not even memory */
	qsort(zone->records, zone->n_records, sizeof(zone->records[0]),
	      compare_records);
	for (size_t i = 0; i < zone->n_records; i++)
		if (n == 0 || compare_records(&zone->records[n - 1],
					      &zone->records[i]) != 0)
			zone->records[n++] = zone->records[i];
	zone->n_records = n;
}

static bool check_alone(struct dns_zone *zone, const struct dns_record *cname)
{
	struct dns_node node;

	dns_zone_find(zone, cname->key, &node);
	return node.n == 1 ||
	       dns_zone_wrong(zone, cname->line,
			      "a name with a CNAME has nothing else", NULL);
}

/** What a zone must have, and must not (RFC 1035, 5.2; RFC 2181, 10.1). */
static bool check(struct dns_zone *zone)
{
	struct dns_node apex;

	for (size_t i = 0; i < zone->n_records; i++) {
		const struct dns_record *record = &zone->records[i];

		if (record->type != DNS_SOA)
			continue;
		if (zone->soa != NULL)
			return dns_zone_wrong(zone, record->line,
					      "a second SOA", NULL);
		zone->soa = record;
	}
	if (zone->soa == NULL)
		return dns_zone_wrong(zone, 1, "no SOA in the zone", NULL);
	zone->apex.length = zone->soa->key->length;
	memcpy(zone->apex.bytes, zone->soa->key->bytes, zone->apex.length);
	for (size_t i = 0; i < zone->n_records; i++) {
		const struct dns_record *record = &zone->records[i];

		if (!dns_key_within(record->key, &zone->apex))
			return dns_zone_wrong(zone, record->line,
					      "a name outside of the zone",
					      NULL);
		if (record->type == DNS_CNAME && !check_alone(zone, record))
			return false;
	}
	dns_zone_find(zone, &zone->apex, &apex);
	return dns_node_type(apex, DNS_NS).n > 0 ||
	       dns_zone_wrong(zone, zone->soa->line, "no NS of the zone itself",
			      NULL);
}

bool dns_zone_load(struct dns_zone *zone, const char *origin, const char *text,
		   size_t length)
{
	memset(zone, 0, sizeof(*zone));
	if (!dns_zone_read(zone, origin, text, length))
		return false;
	sort(zone);
	return check(zone);
}

/* -------------------------------------------------------------- Finding -- */

/** The first record that is not before `key`. */
static size_t first_from(const struct dns_zone *zone, const struct dns_key *key)
{
	size_t from = 0, to = zone->n_records;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_keys(zone->records[middle].key, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool dns_zone_find(const struct dns_zone *zone, const struct dns_key *key,
		   struct dns_node *node)
{
	size_t first = first_from(zone, key), end = first;

	while (end < zone->n_records &&
	       compare_keys(zone->records[end].key, key) == 0)
		end++;
	*node = (struct dns_node){zone->records + first, end - first};
	return end > first || (end < zone->n_records &&
			       dns_key_within(zone->records[end].key, key));
}

struct dns_node dns_node_type(struct dns_node node, uint16_t type)
{
	struct dns_node set = {node.records, 0};

	if (type == DNS_ANY && node.n > 0)
		type = node.records->type;
	while (node.n > 0 && set.records->type != type)
		set.records++, node.n--;
	while (set.n < node.n && set.records[set.n].type == type)
		set.n++;
	return set;
}
