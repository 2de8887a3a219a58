/* SPDX-License-Identifier: ISC */
/* The Internet checksum (RFC 1071), eight bytes at a time. */
#include "tcpip.h"

#include "hooks.h"

#include <string.h>

static inline uint64_t load(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/** The sum of both halves: carries need no care for the next 2^32 of them. */
static inline uint64_t halves(uint64_t value)
{
	return (value & UINT32_MAX) + (value >> 32);
}

static uint64_t sum_words(const uint8_t **at, int *length)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; *length >= 32; *length -= 32, *at += 32) {
		a += halves(load(*at));
		b += halves(load(*at + 8));
		c += halves(load(*at + 16));
		d += halves(load(*at + 24));
	}
	for (; *length >= 8; *length -= 8, *at += 8)
		a += halves(load(*at));
	return a + b + c + d;
}

/** The folded sum of `length` bytes, in the order of memory, not inverted. */
uint16_t tcpip_checksum(const void *bytes, int length)
{
	const uint8_t *at = bytes;
	uint64_t sum = sum_words(&at, &length);
	uint8_t rest[8] = {0};

	memcpy(rest, at, (size_t)length);
	sum += halves(load(rest));
	sum = halves(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}
