/* SPDX-License-Identifier: ISC */
#include "block.h"

#include <string.h>

static bool grow(struct xen_block *disk)
{
	struct xen_block_page *page = &disk->pages[disk->n_pages];

	if (disk->n_pages == XEN_BLOCK_PAGES_MAX)
		return false;
	page->memory = xen_pages_alloc(1);
	if (page->memory == NULL)
		return false;
	page->reference = xen_grant(disk->bus.backend_id, page->memory, false);
	if (page->reference == XEN_GRANT_NONE) {
		xen_pages_free(page->memory, 1);
		return false;
	}
	disk->n_pages++;
	disk->n_free_pages++;
	page->next = disk->free_pages;
	disk->free_pages = page;
	return true;
}

/* Last in, first out: a backend that keeps only some pages mapped keeps these. */
struct xen_block_page *xen_block_pages_take(struct xen_block *disk, unsigned n)
{
	struct xen_block_page *first, *last;

	while (disk->n_free_pages < n)
		if (!grow(disk))
			return NULL;
	first = last = disk->free_pages;
	for (unsigned i = 1; i < n; i++)
		last = last->next;
	disk->free_pages = last->next;
	disk->n_free_pages -= n;
	last->next = NULL;
	return first;
}

void xen_block_pages_give(struct xen_block *disk, struct xen_block_page *pages)
{
	while (pages != NULL) {
		struct xen_block_page *next = pages->next;

		pages->next = disk->free_pages;
		disk->free_pages = pages;
		disk->n_free_pages++;
		pages = next;
	}
}

/* A page that the backend still holds is never used again: it may be written to
 * at any time. */
void xen_block_pages_fini(struct xen_block *disk)
{
	for (unsigned i = 0; i < disk->n_pages; i++)
		if (xen_grant_end(disk->pages[i].reference))
			xen_pages_free(disk->pages[i].memory, 1);
	disk->n_pages = disk->n_free_pages = 0;
	disk->free_pages = NULL;
}

/* One page of zeroes would do, if the same grant could be mapped any number of
 * times: Xen stops at 127. */
void xen_block_pages_clear(struct xen_block_page *pages)
{
	for (; pages != NULL; pages = pages->next)
		memset(pages->memory, 0, XEN_PAGE_BYTES);
}

/** Walks vectors and pages side by side. */
static void copy(const struct xen_block_page *page,
		 const struct mirage_block_request *request, bool in)
{
	uint32_t at = 0;

	for (uint32_t v = 0; v < request->n_vectors; v++) {
		uint8_t *bytes = request->vectors[v].base;
		size_t left = request->vectors[v].length_bytes;

		while (left > 0) {
			size_t n = XEN_PAGE_BYTES - at;

			n = n < left ? n : left;
			if (in)
				memcpy(page->memory + at, bytes, n);
			else
				memcpy(bytes, page->memory + at, n);
			bytes += n;
			left -= n;
			at += (uint32_t)n;
			if (at == XEN_PAGE_BYTES) {
				page = page->next;
				at = 0;
			}
		}
	}
}

void xen_block_pages_copy_in(struct xen_block_page *pages,
			     const struct mirage_block_request *request)
{
	copy(pages, request, true);
}

void xen_block_pages_copy_out(const struct xen_block_page *pages,
			      const struct mirage_block_request *request)
{
	copy(pages, request, false);
}
