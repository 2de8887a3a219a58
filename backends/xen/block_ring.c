/* SPDX-License-Identifier: ISC */
/* The ring of a disk: requests onto it, responses off it. */
#include "block.h"

#include <string.h>

#define WIRE_SECTOR_SHIFT 9
#define WIRE_SECTORS_PER_PAGE (XEN_PAGE_BYTES >> WIRE_SECTOR_SHIFT)

/* ---------------------------------------------------------------- Breach -- */

/* The backend broke the protocol: nothing that it says can be believed, so the
 * disk is at its end. The guest is not. */
void xen_block_breach(struct xen_block *disk, const char *what)
{
	disk->breaches++;
	mirage_log(MIRAGE_LOG_ERROR,
		   "block '%s': its backend %s; the disk is shut down",
		   disk->block.name, what);
	xenbus_kill(&disk->bus);
	xen_block_ring_fail(disk, MIRAGE_EIO);
}

/* --------------------------------------------------------------- Waiting -- */

static void wait_last(struct xen_block *disk,
		      struct mirage_block_request *request)
{
	request->next = NULL;
	*disk->waiting_end = request;
	disk->waiting_end = &request->next;
}

static struct mirage_block_request *next_waiting(struct xen_block *disk)
{
	struct mirage_block_request *request = disk->waiting;

	disk->waiting = request->next;
	if (disk->waiting == NULL)
		disk->waiting_end = &disk->waiting;
	return request;
}

/* ----------------------------------------------------------------- Slots -- */

static void give_slot(struct xen_block *disk, struct xen_block_slot *slot)
{
	xen_block_pages_give(disk, slot->pages);
	xen_block_pages_give(disk, slot->indirect);
	slot->request = NULL;
	slot->pages = slot->indirect = NULL;
	slot->next_free = disk->first_free_slot;
	disk->first_free_slot = (uint16_t)(slot - disk->slots);
}

static unsigned pages_of(const struct mirage_block_request *request)
{
	return (unsigned)((request->length_bytes + XEN_PAGE_BYTES - 1) /
			  XEN_PAGE_BYTES);
}

/** Gives `slot` the pages that its request needs; false if there are not enough. */
static bool take_pages(struct xen_block *disk, struct xen_block_slot *slot)
{
	const struct mirage_block_request *request = slot->request;
	unsigned n = pages_of(request);

	if (request->op == MIRAGE_BLOCK_FLUSH ||
	    request->op == MIRAGE_BLOCK_DISCARD)
		return true;
	slot->pages = xen_block_pages_take(disk, n);
	if (slot->pages == NULL)
		return false;
	if (n > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		slot->indirect = xen_block_pages_take(disk, 1);
	return n <= BLKIF_MAX_SEGMENTS_PER_REQUEST || slot->indirect != NULL;
}

/* -------------------------------------------------------------- Requests -- */

static void put_segments(struct xen_block *disk, struct xen_block_slot *slot,
			 struct blkif_request_segment *segments)
{
	uint64_t left = slot->request->length_bytes;
	struct xen_block_page *page = slot->pages;

	for (unsigned i = 0; left > 0; i++) {
		uint64_t n = left < XEN_PAGE_BYTES ? left : XEN_PAGE_BYTES;

		segments[i] = (struct blkif_request_segment){
			.gref = page->reference,
			.last_sect = (uint8_t)((n >> WIRE_SECTOR_SHIFT) - 1),
		};
		left -= n;
		page = page->next;
	}
}

static void put_transfer(struct xen_block *disk, struct xen_block_slot *slot,
			 struct blkif_request *to)
{
	const struct mirage_block_request *request = slot->request;
	uint8_t op = request->op == MIRAGE_BLOCK_READ ? BLKIF_OP_READ
						      : BLKIF_OP_WRITE;
	struct blkif_request_indirect *indirect = (void *)to;

	if (request->op == MIRAGE_BLOCK_WRITE)
		xen_block_pages_copy_in(slot->pages, request);
	else if (request->op == MIRAGE_BLOCK_WRITE_ZEROES)
		xen_block_pages_clear(slot->pages);
	if (slot->indirect == NULL) {
		to->operation = op;
		to->nr_segments = (uint8_t)pages_of(request);
		to->handle = (blkif_vdev_t)disk->bus.handle;
		put_segments(disk, slot, to->seg);
		return;
	}
	indirect->operation = BLKIF_OP_INDIRECT;
	indirect->indirect_op = op;
	indirect->nr_segments = (uint16_t)pages_of(request);
	indirect->handle = (blkif_vdev_t)disk->bus.handle;
	indirect->indirect_grefs[0] = slot->indirect->reference;
	put_segments(disk, slot, (void *)slot->indirect->memory);
}

static void put_request(struct xen_block *disk, struct xen_block_slot *slot)
{
	const struct mirage_block_request *request = slot->request;
	struct blkif_request *to =
		RING_GET_REQUEST(&disk->ring, disk->ring.req_prod_pvt);
	struct blkif_request_discard *discard = (void *)to;

	memset(to, 0, sizeof *to);
	to->id = (uint64_t)(slot - disk->slots);
	to->sector_number = request->offset_bytes >> WIRE_SECTOR_SHIFT;
	if (request->op == MIRAGE_BLOCK_FLUSH) {
		to->operation = BLKIF_OP_FLUSH_DISKCACHE;
		to->handle = (blkif_vdev_t)disk->bus.handle;
		to->sector_number = 0;
	} else if (request->op == MIRAGE_BLOCK_DISCARD) {
		discard->operation = BLKIF_OP_DISCARD;
		discard->handle = (blkif_vdev_t)disk->bus.handle;
		discard->nr_sectors =
			request->length_bytes >> WIRE_SECTOR_SHIFT;
	} else {
		put_transfer(disk, slot, to);
		to->id = (uint64_t)(slot - disk->slots);
	}
	disk->ring.req_prod_pvt++;
}

void xen_block_ring_fill(struct xen_block *disk)
{
	while (xen_block_is_on(disk) && disk->waiting != NULL &&
	       disk->first_free_slot < XEN_BLOCK_SLOTS_MAX &&
	       !RING_FULL(&disk->ring)) {
		struct xen_block_slot *slot =
			&disk->slots[disk->first_free_slot];

		disk->first_free_slot = slot->next_free;
		slot->request = disk->waiting;
		if (take_pages(disk, slot)) {
			next_waiting(disk);
			put_request(disk, slot);
			continue;
		}
		give_slot(disk, slot);
		/* Pages come back with responses, if any are due. */
		if (disk->n_free_pages < disk->n_pages)
			break;
		mirage_core_block_complete(next_waiting(disk), MIRAGE_ENOMEM);
	}
	xen_kick(&disk->kick);
}

/** One notification for all that was put on the ring, if the backend sleeps. */
static void run_kick(struct xen_kick *kick)
{
	struct xen_block *disk =
		(void *)((char *)kick - offsetof(struct xen_block, kick));
	int notify;

	if (!xen_block_is_on(disk))
		return;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&disk->ring, notify);
	if (notify)
		xen_event_notify(disk->port);
}

/* ------------------------------------------------------------- Responses -- */

static void lose_capability(struct xen_block *disk, uint32_t op)
{
	uint32_t cap = op == MIRAGE_BLOCK_FLUSH ? MIRAGE_BLOCK_CAP_FLUSH
						: MIRAGE_BLOCK_CAP_DISCARD;

	if ((disk->info.caps & cap) == 0)
		return;
	disk->info.caps &= ~cap;
	mirage_core_block_event(&disk->block, MIRAGE_EVENT_CAPS);
}

static int result_of(struct xen_block *disk, uint32_t op, int16_t status)
{
	if (status == BLKIF_RSP_OKAY)
		return 0;
	if (status != BLKIF_RSP_EOPNOTSUPP)
		return MIRAGE_EIO;
	if (op == MIRAGE_BLOCK_FLUSH || op == MIRAGE_BLOCK_DISCARD)
		lose_capability(disk, op);
	return MIRAGE_ENOTSUP;
}

/** Takes one response; false if it was a breach. */
static bool take_response(struct xen_block *disk,
			  struct blkif_response response)
{
	struct mirage_block_request *request;
	struct xen_block_slot *slot;
	int result;

	if (response.id >= XEN_BLOCK_SLOTS_MAX ||
	    disk->slots[response.id].request == NULL) {
		xen_block_breach(disk, "answered a request that was not sent");
		return false;
	}
	slot = &disk->slots[response.id];
	request = slot->request;
	result = result_of(disk, request->op, response.status);
	if (result == 0 && request->op == MIRAGE_BLOCK_READ)
		xen_block_pages_copy_out(slot->pages, request);
	give_slot(disk, slot);
	mirage_core_block_complete(request, result);
	return true;
}

static void take_responses(struct xen_block *disk)
{
	RING_IDX end =
		__atomic_load_n(&disk->shared->rsp_prod, __ATOMIC_ACQUIRE);

	if (end - disk->ring.rsp_cons >
	    disk->ring.req_prod_pvt - disk->ring.rsp_cons) {
		xen_block_breach(disk, "moved its index beyond what was sent");
		return;
	}
	while (disk->ring.rsp_cons != end) {
		struct blkif_response response =
			*RING_GET_RESPONSE(&disk->ring, disk->ring.rsp_cons);

		__asm__ volatile("" : : : "memory"); /* read once */
		disk->ring.rsp_cons++;
		if (!take_response(disk, response))
			return;
	}
}

static void on_event(void *arg)
{
	struct xen_block *disk = arg;
	int more = 0;

	do {
		if (!xen_block_is_on(disk))
			return;
		take_responses(disk);
		if (!xen_block_is_on(disk))
			return;
		RING_FINAL_CHECK_FOR_RESPONSES(&disk->ring, more);
	} while (more);
	xen_block_ring_fill(disk);
}

/* ------------------------------------------------------------------ Life -- */

static void init_slots(struct xen_block *disk)
{
	for (unsigned i = 0; i < XEN_BLOCK_SLOTS_MAX; i++)
		disk->slots[i] =
			(struct xen_block_slot){.next_free = (uint16_t)(i + 1)};
	disk->first_free_slot = 0;
	disk->kick.run = run_kick;
}

static bool grant_ring(struct xen_block *disk, uint8_t *memory)
{
	bool all = true;

	for (unsigned i = 0; i < disk->ring_pages; i++) {
		disk->ring_references[i] =
			xen_grant(disk->bus.backend_id,
				  memory + i * XEN_PAGE_BYTES, false);
		all &= disk->ring_references[i] != XEN_GRANT_NONE;
	}
	return all;
}

bool xen_block_ring_init(struct xen_block *disk, unsigned pages)
{
	uint8_t *memory = xen_pages_alloc(pages);

	if (memory == NULL)
		return false;
	init_slots(disk);
	disk->shared = (blkif_sring_t *)memory;
	SHARED_RING_INIT(disk->shared);
	FRONT_RING_INIT(&disk->ring, disk->shared, pages * XEN_PAGE_BYTES);
	disk->ring_pages = pages;
	disk->port = xen_event_open(disk->bus.backend_id, on_event, disk);
	return grant_ring(disk, memory) && disk->port != 0;
}

static void collect_slots(struct xen_block *disk)
{
	struct mirage_block_request *after = disk->waiting;

	/* What was under way is done again, before what had to wait. */
	disk->waiting = NULL;
	disk->waiting_end = &disk->waiting;
	for (unsigned i = 0; i < XEN_BLOCK_SLOTS_MAX; i++)
		if (disk->slots[i].request != NULL)
			wait_last(disk, disk->slots[i].request);
	*disk->waiting_end = after;
	while (*disk->waiting_end != NULL)
		disk->waiting_end = &(*disk->waiting_end)->next;
}

void xen_block_ring_fini(struct xen_block *disk)
{
	bool all = true;

	if (disk->shared == NULL)
		return;
	collect_slots(disk);
	init_slots(disk);
	if (disk->port != 0)
		xen_event_close(disk->port);
	for (unsigned i = 0; i < disk->ring_pages; i++)
		all &= disk->ring_references[i] == XEN_GRANT_NONE ||
		       xen_grant_end(disk->ring_references[i]);
	if (all)
		xen_pages_free(disk->shared, disk->ring_pages);
	disk->shared = NULL;
	disk->port = 0;
	xen_block_pages_fini(disk);
}

void xen_block_ring_fail(struct xen_block *disk, int error)
{
	collect_slots(disk);
	for (unsigned i = 0; i < XEN_BLOCK_SLOTS_MAX; i++)
		disk->slots[i].request = NULL;
	while (disk->waiting != NULL)
		mirage_core_block_complete(next_waiting(disk), error);
}
