/* SPDX-License-Identifier: ISC */
#include "entropy.h"

#include "chacha20.h"

#include <string.h>

#define KEY_WORDS 8
#define BLOCK_BYTES 64

/**
 * Draws one word. Processors are known that answer all ones, with success, after a
 * suspension; and twice the same word in a row comes once in 2^64 from a generator
 * that works.
 */
static bool draw(struct entropy *entropy, entropy_source_fn *source,
		 uint64_t *word)
{
	if (!source(word) || *word == 0 || *word == UINT64_MAX ||
	    (entropy->drawn && *word == entropy->last)) {
		entropy->failed = true;
		return false;
	}
	entropy->drawn = true;
	entropy->last = *word;
	return true;
}

static bool mix_in(struct entropy *entropy, entropy_source_fn *source)
{
	for (unsigned i = 0; i < KEY_WORDS; i += 2) {
		uint64_t word;

		if (!draw(entropy, source, &word))
			return false;
		entropy->key[i] ^= (uint32_t)word;
		entropy->key[i + 1] ^= (uint32_t)(word >> 32);
	}
	return true;
}

static bool refresh(struct entropy *entropy)
{
	if (entropy->failed || (!entropy->seed && !entropy->stream))
		return false;
	if (!entropy->seeded && entropy->seed != NULL &&
	    !mix_in(entropy, entropy->seed))
		return false;
	entropy->seeded = true;
	return mix_in(entropy, entropy->stream != NULL ? entropy->stream
						       : entropy->seed);
}

bool entropy_fill(struct entropy *entropy, void *bytes, size_t length)
{
	/* "expand 32-byte k", the key, a counter of blocks, a nonce of zero: a
	 * key is used for one call only. */
	uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint8_t block[BLOCK_BYTES], *at = bytes;

	if (!refresh(entropy))
		return false;
	memcpy(&state[4], entropy->key, sizeof entropy->key);
	chacha20_block(block, state);
	memcpy(entropy->key, block, sizeof entropy->key);
	while (length > 0) {
		size_t n = length < BLOCK_BYTES ? length : BLOCK_BYTES;

		if (++state[12] == 0)
			state[13]++;
		chacha20_block(block, state);
		memcpy(at, block, n);
		at += n;
		length -= n;
	}
	memset(block, 0, sizeof block);
	memset(state, 0, sizeof state);
	__asm__ volatile("" : : "r"(block), "r"(state) : "memory");
	return true;
}
