/* SPDX-License-Identifier: ISC */
#include "sha256.h"

#include <string.h>

/* The first 32 bits of the fractions of the square roots of the first 8 primes,
 * and of the cube roots of the first 64 (FIPS 180-4, 5.3.3 and 4.2.2). */
static const uint32_t initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t constant[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned bits)
{
	return x >> bits | x << (32 - bits);
}

static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void schedule(uint32_t w[64], const uint8_t block[64])
{
	for (unsigned i = 0; i < 16; i++)
		w[i] = big_endian(block + 4 * i);
	for (unsigned i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/* The eight words a to h turn round in `v`: step i finds a at index -i. */
static void compress(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[64], v[8];

	schedule(w, block);
	memcpy(v, state, sizeof(v));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t a = v[-i & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7];
		uint32_t e = v[(4 - i) & 7], f = v[(5 - i) & 7];
		uint32_t g = v[(6 - i) & 7], *h = &v[(7 - i) & 7];

		*h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		      ((e & f) ^ (~e & g)) + constant[i] + w[i];
		v[(3 - i) & 7] += *h;
		*h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		      ((a & b) ^ (a & c) ^ (b & c));
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_init(struct sha256 *sha)
{
	memset(sha, 0, sizeof(*sha));
	memcpy(sha->state, initial, sizeof(initial));
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length > 0) {
		size_t used = sha->length_bytes % 64;
		size_t n = length < 64 - used ? length : 64 - used;

		if (n == 64) {
			compress(sha->state, from);
		} else {
			memcpy(sha->block + used, from, n);
			if (used + n == 64)
				compress(sha->state, sha->block);
		}
		sha->length_bytes += n;
		from += n;
		length -= n;
	}
}

void sha256_end(struct sha256 *sha, char hex[65])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = sha->length_bytes * 8;
	uint8_t tail[8];

	for (unsigned i = 0; i < 8; i++)
		tail[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(sha, padding, 1 + (119 - sha->length_bytes % 64) % 64);
	sha256_add(sha, tail, sizeof(tail));
	for (unsigned i = 0; i < 64; i++)
		hex[i] = "0123456789abcdef"[sha->state[i / 8] >>
						    (28 - 4 * (i % 8)) &
					    15];
	hex[64] = '\0';
}
