/* SPDX-License-Identifier: ISC */
/*
 * pattern.h: the bytes that the peers of these tests send each other: noise that
 * begins anew after PATTERN_BYTES, a prime, so that no frame, page or window can
 * be missing, doubled or misplaced unnoticed.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_BYTES 262147u
/** How many can be had in one piece. */
#define PATTERN_PIECE_BYTES 262144u

/** Before anything else. */
void pattern_init(void);

/** The bytes of a stream from `offset_bytes` on, PATTERN_PIECE_BYTES of them. */
const uint8_t *pattern_at(uint64_t offset_bytes);

/** Whether `bytes`, any number of them, are those from `offset_bytes` on. */
bool pattern_is(uint64_t offset_bytes, const void *bytes, size_t length);

#endif /* PATTERN_H */
