/* SPDX-License-Identifier: ISC */
/* Numbers nobody should guess: ports, identifiers, first sequence numbers. */
#include "tcpip.h"

#include "hooks.h"

#include <string.h>

enum { STORE = 64 };

static uint32_t store[STORE];
static unsigned n_left;
static uint64_t key[2];

/** Fails when there is no randomness: then nothing is opened. */
int tcpip_random_init(void)
{
	int error = mirage_random_fill(store, sizeof store);

	n_left = error < 0 ? 0 : STORE;
	return error < 0 ? error : mirage_random_fill(key, sizeof key);
}

uint32_t tcpip_random(void)
{
	/* It worked at the start; should it fail now, zeroes are what we get. */
	if (n_left == 0) {
		mirage_random_fill(store, sizeof store);
		n_left = STORE;
	}
	return store[--n_left];
}

static inline uint64_t turn(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = turn(v[1], 13) ^ v[0];
		v[0] = turn(v[0], 32);
		v[2] += v[3];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

/** SipHash-2-4 (Aumasson, Bernstein 2012) of whole words. */
static uint64_t hash(const uint64_t *words, size_t n)
{
	uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575),
			 key[1] ^ UINT64_C(0x646f72616e646f6d),
			 key[0] ^ UINT64_C(0x6c7967656e657261),
			 key[1] ^ UINT64_C(0x7465646279746573)};
	uint64_t end = (uint64_t)n * 8 << 56;

	for (size_t i = 0; i <= n; i++) {
		uint64_t word = i < n ? words[i] : end;

		v[3] ^= word;
		mix(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void pack(uint64_t words[2], const ip_addr_t *ip)
{
	words[0] = words[1] = 0;
	if (IP_IS_V6(ip))
		memcpy(words, ip_2_ip6(ip)->addr, 16);
	else
		memcpy(words, ip_2_ip4(ip), 4);
}

uint64_t tcpip_hash(const ip_addr_t *local, uint16_t local_port,
		    const ip_addr_t *peer, uint16_t peer_port)
{
	uint64_t words[5];

	pack(words, local);
	pack(words + 2, peer);
	words[4] = (uint64_t)local_port << 16 | peer_port;
	return hash(words, 5);
}

/** The first sequence number of a connection (RFC 6528): a clock of 4 us, and a
 *  hash of who the two are. */
uint32_t tcpip_isn(const ip_addr_t *local, uint16_t local_port,
		   const ip_addr_t *peer, uint16_t peer_port)
{
	return (uint32_t)(tcpip_hash(local, local_port, peer, peer_port) +
			  mirage_clock_monotonic_ns() / 4096);
}
