/* SPDX-License-Identifier: ISC */
/* sha256.h: SHA-256 (FIPS 180-4) of bytes that come piece by piece. */
#ifndef EXAMPLES_SHA256_H
#define EXAMPLES_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t length_bytes;
	uint8_t block[64]; /* the last length_bytes % 64 bytes */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t length);

/** Ends the sum and writes it to `hex` as 64 digits and a NUL. */
void sha256_end(struct sha256 *sha, char hex[65]);

#endif /* EXAMPLES_SHA256_H */
