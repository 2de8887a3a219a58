/* SPDX-License-Identifier: ISC */
/* What the parts of the DNS server share: names, the zone, a question, an answer
 * (RFC 1034, RFC 1035). */
#ifndef DNS_H
#define DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63, DNS_HEADER_BYTES = 12 };
enum { DNS_UDP_MAX = 1232 };  /* what passes everywhere unfragmented */
enum { DNS_TCP_MAX = 65535 }; /* of any message */

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_MAILB = 253,
	DNS_MAILA = 254,
	DNS_ANY = 255
};

enum { DNS_CLASS_IN = 1 };

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16 /* RFC 6891 */
};

/** A name as on the wire, its root included. */
struct dns_name {
	uint8_t length;
	uint8_t bytes[DNS_NAME_MAX];
};

/** A name to look up: lower case, the labels from the root on, each after its length.
 *  As bytes it comes right before all that is below it. */
struct dns_key {
	uint8_t length;
	uint8_t bytes[DNS_NAME_MAX];
};

void dns_key_of_name(struct dns_key *key, const struct dns_name *name);
void dns_name_of_key(struct dns_name *name, const struct dns_key *key);
/** Takes the label off that is farthest from the root; false for the root. */
bool dns_key_up(struct dns_key *key);
/** Whether `key` is `above` or below it. */
bool dns_key_within(const struct dns_key *key, const struct dns_key *above);

/**
 * What the data of a type is made of, piece by piece: `4` and `6` are addresses, `s` is
 * a number of 16 bits, `l` of 32, `t` a time, `n` a name that may be compressed, `N`
 * one that may not (RFC 3597), `x` strings up to the end.
 */
struct dns_type_info {
	uint16_t type;
	const char *name;
	const char *pieces;
};

/** By number, or, where that is 0, by `name` in any case; NULL for an unknown one. */
const struct dns_type_info *dns_type_find(uint16_t type, const char *name);

/* ------------------------------------------------------------------ Zone -- */

struct dns_record {
	const struct dns_key *key;
	uint16_t type;
	uint16_t data_bytes;
	uint32_t ttl_s;
	uint32_t line;	     /* of the zone file */
	const uint8_t *data; /* names in it are not compressed */
};

enum { DNS_ZONE_RECORDS_MAX = 1 << 20 };

/** The records of a zone, ordered by key, type and data. */
struct dns_zone {
	struct dns_record *records;
	size_t n_records, room;
	struct dns_key apex;
	const struct dns_record *soa;
	struct dns_chunk *chunks; /* memory of keys and data */
	char error[200];	  /* "line 7: …", when loading has failed */
};

/** Reads a master file (RFC 1035, 5) of `length` bytes; `origin`, such as
 *  "example.org", counts until a $ORIGIN. False, with `error` set, when it makes no
 *  sense; free the zone in either case. */
bool dns_zone_load(struct dns_zone *zone, const char *origin, const char *text,
		   size_t length);
void dns_zone_free(struct dns_zone *zone);

/** The records of one name: `n` is 0 for one that exists for those below it. */
struct dns_node {
	const struct dns_record *records;
	size_t n;
};

/** Whether there is such a name in the zone. */
bool dns_zone_find(const struct dns_zone *zone, const struct dns_key *key,
		   struct dns_node *node);

/** The records of `type` in `node`; ANY stands for the first type that is there
 *  (RFC 8482). */
struct dns_node dns_node_type(struct dns_node node, uint16_t type);

/* -------------------------------------------------------------- Question -- */

struct dns_query {
	uint16_t id, flags;
	uint16_t type, class;
	struct dns_key key;
	size_t question_bytes; /* after the header; 0 when it makes no sense */
	bool edns;
	uint8_t edns_version;
	uint16_t edns_bytes; /* the longest answer the client takes by UDP */
};

enum { DNS_QR = 0x8000, DNS_OPCODE = 0x7800, DNS_AA = 0x0400, DNS_TC = 0x0200 };
enum { DNS_RD = 0x0100, DNS_CD = 0x0010 };

/** Reads a message of `n` bytes. Returns an `enum dns_rcode`, or -1 for what must not
 *  be answered: too short, or itself an answer. */
int dns_query_parse(struct dns_query *query, const uint8_t *bytes, size_t n);

/* ---------------------------------------------------------------- Answer -- */

struct dns_counters {
	uint64_t queries;   /* all that came */
	uint64_t found;	    /* answered with records, referrals included */
	uint64_t nodata;    /* the name is there, the type is not */
	uint64_t nxdomain;  /* the name is not there */
	uint64_t refused;   /* not our zone, class, type or opcode */
	uint64_t malformed; /* FORMERR and BADVERS */
	uint64_t ignored;   /* not answered at all */
	uint64_t truncated; /* by UDP: the client comes back with TCP */
};

/** Answers the message `query` into `answer`, which has DNS_UDP_MAX bytes, for TCP
 *  DNS_TCP_MAX. Returns the length of the answer, 0 for none. */
size_t dns_answer(const struct dns_zone *zone, struct dns_counters *counters,
		  const uint8_t *query, size_t query_bytes, uint8_t *answer,
		  bool tcp);

#endif /* DNS_H */
