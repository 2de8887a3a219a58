/* SPDX-License-Identifier: ISC */
#include "chacha20.h"

#include <string.h>

#define DOUBLE_ROUNDS 10

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static void quarter(uint32_t x[16], unsigned a, unsigned b, unsigned c,
		    unsigned d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

void chacha20_block(uint8_t out[64], const uint32_t in[16])
{
	uint32_t x[16];

	memcpy(x, in, sizeof x);
	for (int i = 0; i < DOUBLE_ROUNDS; i++) {
		for (unsigned j = 0; j < 4; j++)
			quarter(x, j, 4 + j, 8 + j, 12 + j);
		for (unsigned j = 0; j < 4; j++)
			quarter(x, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4,
				12 + (j + 3) % 4);
	}
	for (unsigned i = 0; i < 16; i++) {
		x[i] += in[i];
		for (unsigned j = 0; j < 4; j++)
			out[i * 4 + j] = (uint8_t)(x[i] >> (8 * j));
	}
}
