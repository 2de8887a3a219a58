/* SPDX-License-Identifier: ISC */
/* csum.h: the Internet checksum (RFC 1071) that a sender left blank. */
#ifndef MIRAGE_UNIX_CSUM_H
#define MIRAGE_UNIX_CSUM_H

#include <stdint.h>

/**
 * Sums `bytes` from `start` to `length` and puts the checksum `offset` after
 * `start`, where the sum of the pseudo-header was. A checksum of zero is written
 * as 0xffff: it means the same, and in UDP (RFC 768) zero would mean none.
 */
void unix_csum_fill(uint8_t *bytes, uint32_t length, uint32_t start,
		    uint32_t offset);

#endif /* MIRAGE_UNIX_CSUM_H */
