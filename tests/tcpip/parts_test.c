/* SPDX-License-Identifier: ISC */
/* What of lib/tcpip needs no network: the sum, and the messages of the resolver. */
#include "dns.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

uint16_t tcpip_checksum(const void *bytes, int length);

/** RFC 1071 by the letter. */
static uint16_t plain_sum(const uint8_t *bytes, int length)
{
	uint32_t sum = 0;

	for (int i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 * 8);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void sums(void)
{
	static uint8_t bytes[2000];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof bytes; i++) {
		x = x * 1103515245 + 12345;
		bytes[i] = i < 1000 ? (uint8_t)(x >> 16) : 0xff;
	}
	for (int at = 0; at < 9; at++)
		for (int length = 0; length < 1990; length++)
			assert(tcpip_checksum(bytes + at, length) ==
			       plain_sum(bytes + at, length));
}

/* The answer to `www.a.test`: an alias of `b.test`, which has an address. */
static const uint8_t answer[] = {
	0x12, 0x34, 0x81, 0x80, 0,    1,   0,	 2,   0,    0,	 0,   0,
	3,    'w',  'w',  'w',	1,    'a', 4,	 't', 'e',  's', 't', 0,
	0,    1,    0,	  1,	0xc0, 12,  0,	 5,   0,    1,	 0,   0,
	0,    60,   0,	  4,	1,    'b', 0xc0, 18,  0xc0, 40,	 0,   1,
	0,    1,    0,	  0,	0,    60,  0,	 4,   192,  0,	 2,   1,
};

static enum dns_outcome read_as(const uint8_t *message, size_t length,
				uint16_t type, const char *name, uint32_t *n)
{
	static struct mirage_ip ips[2];
	struct dns_answer found = {.room = 2, .ips = ips};
	enum dns_outcome outcome =
		dns_read(message, length, type, name, &found);

	*n = found.n;
	if (found.n > 0)
		assert(ips[0].version == 4 && ips[0].bytes[0] == 192 &&
		       ips[0].bytes[3] == 1);
	return outcome;
}

static void messages(void)
{
	uint8_t message[DNS_MESSAGE_MAX], changed[sizeof answer];
	uint32_t n;

	assert(dns_ask(message, 0x1234, DNS_A, "www.a.test") == 28);
	assert(memcmp(message + 12, answer + 12, 16) == 0);
	assert(dns_ask(message, 0x1234, DNS_A, "www.a.test.") == 28);
	assert(read_as(answer, sizeof answer, DNS_A, "WWW.a.test", &n) ==
		       DNS_ANSWER &&
	       n == 1);
	assert(read_as(answer, sizeof answer, DNS_A, "www.b.test", &n) ==
	       DNS_NOT_OURS);
	assert(read_as(answer, sizeof answer, DNS_AAAA, "www.a.test", &n) ==
	       DNS_NOT_OURS);
	memcpy(changed, answer, sizeof answer);
	changed[3] = 0x83;
	assert(read_as(changed, sizeof changed, DNS_A, "www.a.test", &n) ==
	       DNS_NO_SUCH_NAME);
	changed[3] = 0x82;
	assert(read_as(changed, sizeof changed, DNS_A, "www.a.test", &n) ==
	       DNS_FAILURE);
	memcpy(changed, answer, sizeof answer);
	changed[43] = 42; /* a name that leads to itself */
	assert(read_as(changed, sizeof changed, DNS_A, "www.a.test", &n) ==
		       DNS_FAILURE &&
	       n == 0);
	for (size_t cut = 0; cut < sizeof answer; cut++)
		assert(read_as(answer, cut, DNS_A, "www.a.test", &n) !=
			       DNS_ANSWER ||
		       n == 0);
}

int main(void)
{
	sums();
	messages();
	puts("sums and messages are right");
	return 0;
}
