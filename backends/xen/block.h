/* SPDX-License-Identifier: ISC */
/*
 * block.h: blkfront (xen/include/public/io/blkif.h). A disk is a ring of slots and a
 * pool of pages that stay granted: the backend maps each once, and data is copied
 * to or from them, which costs less than a grant and a map for each request.
 *
 * The wire counts in units of 512 bytes, whatever the sector.
 *
 * What the backend writes is not trusted: its indices and ids are copied, checked
 * against what is under way, and a breach ends the disk (`xen_block_breach`).
 */
#ifndef MIRAGE_XEN_BLOCK_H
#define MIRAGE_XEN_BLOCK_H

#include "hypervisor.h"
#include "xenbus.h"

#include <xen/io/blkif.h>

#define XEN_BLOCK_RING_ORDER_MAX 2
#define XEN_BLOCK_RING_PAGES_MAX (1u << XEN_BLOCK_RING_ORDER_MAX)
#define XEN_BLOCK_SLOTS_MAX 128
/* Three of the longest requests, each with a page of segments: while one is being
 * copied here the backend has the next. With less they go one by one. */
#define XEN_BLOCK_PAGES_MAX (3 * (XEN_BLOCK_SEGMENTS_MAX + 1))
#define XEN_BLOCK_SEGMENTS_MAX 256 /* 1 MiB: one page of them */

/** A page that is granted for good. */
struct xen_block_page {
	uint8_t *memory;
	uint32_t reference;
	struct xen_block_page *next;
};

/** A request on the ring, found by the id that the backend returns. */
struct xen_block_slot {
	struct mirage_block_request *request; /* NULL: free */
	struct xen_block_page *pages;	      /* of the data, in its order */
	struct xen_block_page *indirect;
	uint16_t next_free;
};

struct xen_block {
	struct mirage_block block; /* first */
	struct mirage_block_info info;
	struct mirage_block_counters counters;
	struct xenbus bus;
	blkif_sring_t *shared;
	blkif_front_ring_t ring;
	unsigned ring_pages;
	uint32_t ring_references[XEN_BLOCK_RING_PAGES_MAX];
	uint32_t port;

	struct xen_block_slot slots[XEN_BLOCK_SLOTS_MAX];
	uint16_t first_free_slot;
	struct xen_block_page pages[XEN_BLOCK_PAGES_MAX];
	struct xen_block_page *free_pages;
	unsigned n_pages, n_free_pages;

	/* Requests that wait for a slot or for pages, first come first served. */
	struct mirage_block_request *waiting, **waiting_end;
	struct xen_kick kick;
	uint64_t breaches;
};

/* block.c */
void xen_block_open(struct mirage_open *open);

/** Whether requests go out and responses come in. */
static inline bool xen_block_is_on(const struct xen_block *disk)
{
	return disk->bus.phase == XENBUS_CONNECTED;
}

/* block_ring.c */

/** Ends the disk: its backend did what the protocol forbids. */
void xen_block_breach(struct xen_block *disk, const char *what);

/** Makes a ring of `pages` and its event channel; false without memory. */
bool xen_block_ring_init(struct xen_block *disk, unsigned pages);
/** Takes the ring back; requests on it go to the front of the waiting ones. */
void xen_block_ring_fini(struct xen_block *disk);
/** Puts requests that wait onto the ring while there is room. */
void xen_block_ring_fill(struct xen_block *disk);
/** Completes everything that waits or is on the ring with `error`. */
void xen_block_ring_fail(struct xen_block *disk, int error);

/* block_pages.c */

/** Takes `n` pages in a list, granting new ones if need be, or returns NULL. */
struct xen_block_page *xen_block_pages_take(struct xen_block *disk, unsigned n);
void xen_block_pages_give(struct xen_block *disk, struct xen_block_page *pages);
/** Ends the grants of all pages, and frees those that the backend let go of. */
void xen_block_pages_fini(struct xen_block *disk);
void xen_block_pages_clear(struct xen_block_page *pages);
void xen_block_pages_copy_in(struct xen_block_page *pages,
			     const struct mirage_block_request *request);
void xen_block_pages_copy_out(const struct xen_block_page *pages,
			      const struct mirage_block_request *request);

#endif /* MIRAGE_XEN_BLOCK_H */
