/* SPDX-License-Identifier: ISC */
#ifndef DNS_SERVER_H
#define DNS_SERVER_H

#include "dns.h"

#include <mirage.h>

struct server {
	struct dns_zone zone;
	struct dns_counters counters;
	uint64_t unsent;      /* answers that the network had no room for */
	uint64_t connections; /* of TCP, since the start */
	uint64_t broken;      /* of them, ended for what they did or did not */

	struct mirage_udp *udp;
	struct mirage_listener *listener;
	uint32_t n_connections; /* now */
};

/** Answers over TCP (RFC 7766) who connects to `server->listener`, up to 64 at a
 *  time; more wait to be accepted. */
void tcp_serve(struct server *server);

#endif /* DNS_SERVER_H */
