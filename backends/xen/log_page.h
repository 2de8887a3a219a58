/* SPDX-License-Identifier: ISC */
/*
 * log_page.h: where mirage-xen-run and a guest meet for the log. Xen knows of one
 * console; of the pages that a toolstack puts behind a PVH guest's memory the one
 * for buffered input and output belongs to a device model, and there is none. With
 * the magic in it, it is a second console ring, whose output is log lines.
 */
#ifndef MIRAGE_XEN_LOG_PAGE_H
#define MIRAGE_XEN_LOG_PAGE_H

#include <stdint.h>

#include <xen/io/console.h>

#define XEN_LOG_GFN 0xfeffbull
#define XEN_LOG_MAGIC UINT64_C(0x6d69726167654c67)

struct xen_log_page {
	struct xencons_interface ring;
	uint32_t port; /* the guest's */
	uint64_t magic;
};

_Static_assert(sizeof(struct xen_log_page) <= 4096, "a page");

#endif /* MIRAGE_XEN_LOG_PAGE_H */
