/* SPDX-License-Identifier: ISC */
#ifndef MIRAGE_SLIRP_HOSTFWD_H
#define MIRAGE_SLIRP_HOSTFWD_H

#include <netinet/in.h>
#include <stdbool.h>

/** A port forward: from an address and port of the host to the guest's. */
struct hostfwd {
	bool udp;
	struct in_addr host, guest;
	int host_port, guest_port;
};

/** Reads "tcp:[ADDR]:PORT-[GUEST]:PORT". Returns NULL, or what is wrong with it
 *  (a static string). */
const char *hostfwd_parse(struct hostfwd *forward, const char *rule);

#endif /* MIRAGE_SLIRP_HOSTFWD_H */
