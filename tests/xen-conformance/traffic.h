/* SPDX-License-Identifier: ISC */
/* traffic.h: what a guest and dom0 agree on, to see that no byte is lost between
 * them. Frames of an experimental EtherType carry their number, and after it bytes
 * that follow from it; every byte of a disk follows from its place and the round. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TRAFFIC_TYPE 0x88b5
#define TRAFFIC_FRAMES 10000u
#define TRAFFIC_WINDOW \
	32u /* frames under way at most, so that no queue overflows */
#define TRAFFIC_HEADER 20u /* Ethernet, kind, number */

enum traffic_kind {
	TRAFFIC_HELLO = 1, /* guest to dom0: begin */
	TRAFFIC_DATA = 2,
	TRAFFIC_ACK = 3, /* all before this number have come */
	TRAFFIC_SUM = 4	 /* the sum of all that came */
};

static inline uint32_t traffic_length(uint32_t number)
{
	return 64 + number * 37 % 1451; /* to 1514 */
}

static inline uint64_t traffic_next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static inline void traffic_fill(uint8_t *bytes, size_t length, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	size_t n;

	for (; length > 0; length -= n, bytes += n) {
		x = traffic_next(x);
		n = length < 8 ? length : 8;
		memcpy(bytes, &x, n);
	}
}

/* FNV-1a. */
#define TRAFFIC_SUM_START 0xcbf29ce484222325u
static inline uint64_t traffic_sum(uint64_t sum, const uint8_t *bytes,
				   size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3u;
	return sum;
}

static inline void traffic_put(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> i * 8);
}

static inline uint32_t traffic_get(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* Kinds are at 14, numbers at 16, bytes from 20 on. */
static inline uint8_t traffic_kind(const uint8_t *frame)
{
	return frame[14];
}

static inline void traffic_head(uint8_t *frame, const uint8_t to[6],
				const uint8_t from[6], uint8_t kind,
				uint32_t number)
{
	for (int i = 0; i < 6; i++) {
		frame[i] = to[i];
		frame[6 + i] = from[i];
	}
	frame[12] = TRAFFIC_TYPE >> 8;
	frame[13] = TRAFFIC_TYPE & 255;
	frame[14] = kind;
	frame[15] = 0;
	traffic_put(frame + 16, number);
}

#endif /* TRAFFIC_H */
