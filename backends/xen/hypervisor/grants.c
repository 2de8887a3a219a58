/* SPDX-License-Identifier: ISC */
/*
 * The grant table, version 1 (xen/include/public/grant_table.h): an entry says
 * which domain may use which page. Frames of 512 entries are mapped one after the
 * other, as they are needed. Free entries make a list through `next_free`.
 */
#include "hypervisor.h"

#include "hypercall.h"
#include "machine.h"

#include <xen/grant_table.h>
#include <xen/memory.h>

#define TABLE_ADDRESS XEN_GRANT_TABLE_ADDRESS
#define ENTRIES_PER_FRAME (XEN_PAGE_BYTES / sizeof(grant_entry_v1_t))
#define FRAMES_MAX 64
#define ENTRIES_MAX (FRAMES_MAX * ENTRIES_PER_FRAME)

uint32_t xen_grants_in_use, xen_grants_leaked;

static grant_entry_v1_t *const table = (grant_entry_v1_t *)TABLE_ADDRESS;
static uint16_t next_free[ENTRIES_MAX];
static uint32_t first_free, frames;

static bool place_frame(uint32_t frame)
{
	struct xen_add_to_physmap add = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_grant_table,
		.idx = frame,
		.gpfn = TABLE_ADDRESS / XEN_PAGE_BYTES + frame,
	};

	return xen_hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap,
			     (uintptr_t)&add, 0) == 0;
}

static bool add_frame(void)
{
	uint32_t from = frames * ENTRIES_PER_FRAME;

	if (frames == FRAMES_MAX || !place_frame(frames))
		return false;
	xen_map(TABLE_ADDRESS + frames * XEN_PAGE_BYTES, XEN_MAP_RW);
	frames++;
	if (from == 0)
		from = GNTTAB_NR_RESERVED_ENTRIES;
	for (uint32_t i = from; i < frames * ENTRIES_PER_FRAME; i++) {
		next_free[i] = (uint16_t)first_free;
		first_free = i;
	}
	return true;
}

uint32_t xen_grant(uint32_t domid, const void *page, bool read_only)
{
	uint32_t reference = first_free;

	if (reference == XEN_GRANT_NONE && !add_frame())
		return XEN_GRANT_NONE;
	reference = first_free;
	first_free = next_free[reference];
	table[reference].domid = (domid_t)domid;
	table[reference].frame = (uint32_t)((uintptr_t)page / XEN_PAGE_BYTES);
	__atomic_store_n(
		&table[reference].flags,
		(uint16_t)(GTF_permit_access | (read_only ? GTF_readonly : 0)),
		__ATOMIC_RELEASE);
	xen_grants_in_use++;
	return reference;
}

bool xen_grant_end(uint32_t reference)
{
	uint16_t flags =
		__atomic_load_n(&table[reference].flags, __ATOMIC_ACQUIRE);

	/* Only Xen sets these two bits, and only while access is permitted. */
	do {
		if ((flags & (GTF_reading | GTF_writing)) != 0) {
			xen_grants_leaked++;
			return false;
		}
	} while (!__atomic_compare_exchange_n(&table[reference].flags, &flags,
					      0, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	next_free[reference] = (uint16_t)first_free;
	first_free = reference;
	xen_grants_in_use--;
	return true;
}

/* Xen fills it with zeroes, so that every grant reads as ended. */
void xen_grants_resume(void)
{
	for (uint32_t i = 0; i < frames; i++)
		if (!place_frame(i))
			xen_crash("Xen does not map the grant table again");
}
