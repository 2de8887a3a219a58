/* SPDX-License-Identifier: ISC */
/*
 * pages.h: which pages of a range are taken, a bit for each. Knows no addresses and
 * touches no page, so that it is tested on the host.
 */
#ifndef MIRAGE_XEN_PAGES_H
#define MIRAGE_XEN_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_NONE SIZE_MAX

struct pages {
	uint64_t *taken;
	size_t n, n_free, next_search;
};

/** Words of 64 bits that the bitmap of `n` pages needs. */
static inline size_t pages_words(size_t n)
{
	return n / 64 + (n % 64 != 0);
}

/** Begins with `n` free pages; `bitmap` is the caller's memory. */
void pages_init(struct pages *pages, uint64_t *bitmap, size_t n);

/** Takes `n` pages in a row and returns the first, or PAGES_NONE. */
size_t pages_take(struct pages *pages, size_t n);

/** Whether `n` pages, at least 1, from `first` on exist and are all taken. */
bool pages_are_taken(const struct pages *pages, size_t first, size_t n);

/** Gives pages back, part of what was taken at once if need be. Returns false,
 *  and gives nothing, unless all of them were taken. */
bool pages_give(struct pages *pages, size_t first, size_t n);

#endif /* MIRAGE_XEN_PAGES_H */
