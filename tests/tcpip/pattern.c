/* SPDX-License-Identifier: ISC */
#include "pattern.h"

#include <string.h>

static uint8_t pattern[PATTERN_BYTES + PATTERN_PIECE_BYTES];

void pattern_init(void)
{
	uint32_t x = 2463534242u; /* xorshift, G. Marsaglia 2003 */

	for (size_t i = 0; i < PATTERN_BYTES; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = (uint8_t)(x >> 11);
	}
	memcpy(pattern + PATTERN_BYTES, pattern, PATTERN_PIECE_BYTES);
}

const uint8_t *pattern_at(uint64_t offset_bytes)
{
	return pattern + offset_bytes % PATTERN_BYTES;
}

bool pattern_is(uint64_t offset_bytes, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		size_t n = length < PATTERN_PIECE_BYTES ? length
							: PATTERN_PIECE_BYTES;

		if (memcmp(at, pattern_at(offset_bytes), n) != 0)
			return false;
		at += n;
		offset_bytes += n;
		length -= n;
	}
	return true;
}
