/* SPDX-License-Identifier: ISC */
/* Messages of the domain name system (RFC 1035, RFC 3596): the question that a stub
 * resolver asks, and what it wants to know of the answer. */
#ifndef MIRAGE_TCPIP_DNS_H
#define MIRAGE_TCPIP_DNS_H

#include <mirage.h>

enum { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28 };
enum { DNS_MESSAGE_MAX = 512 };

enum dns_outcome {
	DNS_NOT_OURS, /* malformed, or the answer to something else */
	DNS_ANSWER,   /* perhaps without an address */
	DNS_NO_SUCH_NAME,
	DNS_FAILURE /* the server could or would not say */
};

struct dns_answer {
	uint32_t room, n;
	struct mirage_ip *ips;
};

/** Writes the question for `name`, which is valid, and returns its length. */
size_t dns_ask(uint8_t message[DNS_MESSAGE_MAX], uint16_t id, uint16_t type,
	       const char *name);

/** Reads an answer to the question for `name`; fills `answer` with the addresses of
 *  `type` that belong to it, or to what it is an alias of. */
enum dns_outcome dns_read(const uint8_t *message, size_t length, uint16_t type,
			  const char *name, struct dns_answer *answer);

#endif
