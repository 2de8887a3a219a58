/* SPDX-License-Identifier: ISC */
/* Between the reader of zone files and what keeps their records. */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include "dns.h"

/** Sets the zone's error: what is wrong, and the word that is, or NULL. Returns
 *  false. */
bool dns_zone_wrong(struct dns_zone *zone, uint32_t line, const char *what,
		    const char *word);

/** Adds a copy of `record` for `key`. */
bool dns_zone_add(struct dns_zone *zone, const struct dns_key *key,
		  const struct dns_record *record);

/** Reads the file and adds its records. */
bool dns_zone_read(struct dns_zone *zone, const char *origin, const char *text,
		   size_t length);

#endif /* DNS_ZONE_H */
