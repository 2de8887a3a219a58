/* SPDX-License-Identifier: ISC */
#include "pages.h"

#include <string.h>

static bool is_taken(const struct pages *pages, size_t page)
{
	return (pages->taken[page / 64] >> (page % 64) & 1) != 0;
}

static void flip(struct pages *pages, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		pages->taken[i / 64] ^= UINT64_C(1) << (i % 64);
}

/** The first of `n` free pages in a row at or after `from`. */
static size_t find(const struct pages *pages, size_t from, size_t n)
{
	size_t run = 0;

	for (size_t i = from; i < pages->n; i++) {
		if (i % 64 == 0 && pages->taken[i / 64] == UINT64_MAX) {
			i += 63;
			run = 0;
			continue;
		}
		run = is_taken(pages, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return PAGES_NONE;
}

void pages_init(struct pages *pages, uint64_t *bitmap, size_t n)
{
	memset(bitmap, 0, pages_words(n) * sizeof *bitmap);
	*pages = (struct pages){.taken = bitmap, .n = n, .n_free = n};
}

size_t pages_take(struct pages *pages, size_t n)
{
	size_t first;

	if (n == 0 || n > pages->n_free)
		return PAGES_NONE;
	first = find(pages, pages->next_search, n);
	if (first == PAGES_NONE)
		first = find(pages, 0, n);
	if (first == PAGES_NONE)
		return PAGES_NONE;
	flip(pages, first, n);
	pages->n_free -= n;
	pages->next_search = first + n;
	return first;
}

bool pages_are_taken(const struct pages *pages, size_t first, size_t n)
{
	if (n == 0 || first >= pages->n || n > pages->n - first)
		return false;
	for (size_t i = first; i < first + n; i++)
		if (!is_taken(pages, i))
			return false;
	return true;
}

bool pages_give(struct pages *pages, size_t first, size_t n)
{
	if (!pages_are_taken(pages, first, n))
		return false;
	flip(pages, first, n);
	pages->n_free += n;
	if (first < pages->next_search)
		pages->next_search = first;
	return true;
}
