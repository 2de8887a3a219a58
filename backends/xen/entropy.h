/* SPDX-License-Identifier: ISC */
/*
 * entropy.h: a stream of random bytes from the processor's generators, without the
 * instructions themselves, so that it is tested on the host.
 */
#ifndef MIRAGE_XEN_ENTROPY_H
#define MIRAGE_XEN_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A generator: fills in `word`, or returns false when it has none to give. */
typedef bool entropy_source_fn(uint64_t *word);

/** Zeroed, but for the sources. */
struct entropy {
	/** For the first key, such as RDSEED. NULL where there is none. */
	entropy_source_fn *seed;
	/** For fresh words with every fill, such as RDRAND. NULL where there is
	 *  none; without both nothing is ever filled. */
	entropy_source_fn *stream;

	uint32_t key[8];
	uint64_t last; /* word that was drawn */
	bool seeded, drawn, failed;
};

/**
 * Fills `bytes` with ChaCha20 under a key into which four fresh words go with every
 * call, and which is replaced before the call returns: what was given out cannot be
 * computed from the state that remains. Returns false, and does so ever after, when a
 * source fails or repeats itself.
 */
bool entropy_fill(struct entropy *entropy, void *bytes, size_t length);

#endif /* MIRAGE_XEN_ENTROPY_H */
