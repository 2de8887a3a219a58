/* SPDX-License-Identifier: ISC */
/*
 * work.h: what the two guests and dom0 say to each other, in Ethernet frames of
 * a type that nobody else uses (IEEE 802, local experimental). dom0 sends a
 * `struct work`, in this machine's byte order, as all three run on it. The guest
 * answers with the same, `done` and its counts filled in.
 *
 *	WORK_TX    send `count` bulk frames, then answer
 *	WORK_RX    how many bulk frames came since the last time it was asked
 *	WORK_BLOCK read `count` times `size_bytes`, `depth` at a time
 */
#ifndef BENCH_XEN_WORK_H
#define BENCH_XEN_WORK_H

#include <stdint.h>

#define WORK_TYPE 0x88b5 /* orders and answers */
#define WORK_BULK 0x88b6 /* frames of WORK_FRAME_BYTES that mean nothing */
#define WORK_FRAME_BYTES 1514
#define WORK_HEADER_BYTES 14
#define WORK_LARGE_BYTES 512
#define WORK_DEPTH_MAX 64
#define WORK_BLOCK_BYTES_MAX (1u << 20)

enum work_what { WORK_TX = 1, WORK_RX, WORK_BLOCK, WORK_SELF };

struct work {
	uint32_t what;
	uint32_t done;	 /* 1 in an answer, 2 if it went wrong */
	uint32_t number; /* of the order, repeated in its answer */
	uint32_t count;
	uint32_t size_bytes;
	uint32_t depth;
	uint32_t random;     /* the seed of random places; 0 reads in order */
	uint32_t copies;     /* of WORK_LARGE_BYTES or more, since the last */
	uint64_t hypercalls; /* made since the last answer; 0 if unknown */
	uint64_t bytes;
};

/** The next number of a sequence that is the same for both guests. */
static inline uint32_t work_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/** Where read number `i` starts, in a disk of `size_bytes`. */
static inline uint64_t work_place(const struct work *work, uint32_t *state,
				  uint64_t i, uint64_t size_bytes)
{
	uint64_t places = size_bytes / work->size_bytes;

	if (work->random != 0)
		i = work_random(state);
	return i % places * work->size_bytes;
}

#endif /* BENCH_XEN_WORK_H */
