/* SPDX-License-Identifier: ISC */
#include "back.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

static const char *in(const char *directory, const char *name)
{
	static char path[2][128];
	static unsigned which;

	which ^= 1;
	snprintf(path[which], sizeof path[which], "%s/%s", directory, name);
	return path[which];
}

static void set_state(struct blkback *back, unsigned state)
{
	fake_setf(in(back->back, "state"), "%u", state);
}

/* ------------------------------------------------------------ Connecting -- */

static void connect(struct blkback *back)
{
	long order = fake_get_number(in(back->front, "ring-page-order"));
	uint8_t *first = NULL;
	char name[16];

	assert(strcmp(fake_get(in(back->front, "protocol")),
		      XEN_IO_PROTO_ABI_X86_64) == 0);
	back->ring_pages = order >= 0 ? 1u << order : 1;
	for (unsigned i = 0; i < back->ring_pages; i++) {
		uint8_t *page;

		snprintf(name, sizeof name,
			 order >= 0 ? "ring-ref%u" : "ring-ref", i);
		back->references[i] =
			(uint32_t)fake_get_number(in(back->front, name));
		page = fake_map(back->references[i], true);
		assert(page != NULL);
		if (i == 0)
			first = page;
		assert(page == first + i * XEN_PAGE_BYTES);
	}
	BACK_RING_INIT(&back->ring, (blkif_sring_t *)first,
		       back->ring_pages * XEN_PAGE_BYTES);
	back->port =
		(uint32_t)fake_get_number(in(back->front, "event-channel"));
	assert(fake_port_open(back->port));
	back->connected = true;
	set_state(back, XenbusStateConnected);
}

void blkback_crash(struct blkback *back)
{
	for (unsigned i = 0; back->connected && i < back->ring_pages; i++)
		fake_unmap(back->references[i]);
	while (back->n_kept > 0)
		fake_unmap(back->kept[--back->n_kept]);
	back->connected = false;
}

static bool follow(struct blkback *back)
{
	long theirs = fake_get_number(in(back->front, "state"));
	long ours = fake_get_number(in(back->back, "state"));

	if (theirs == XenbusStateInitialised && ours == XenbusStateInitWait) {
		connect(back);
	} else if (theirs == XenbusStateClosed && ours != XenbusStateClosed &&
		   ours > 0) {
		blkback_crash(back);
		set_state(back, XenbusStateClosed);
	} else if (theirs == XenbusStateInitialising &&
		   ours == XenbusStateClosed) {
		set_state(back, XenbusStateInitWait);
	} else {
		return false;
	}
	return true;
}

/* -------------------------------------------------------------- Requests -- */

/** The page of a grant, mapped from now on. */
static uint8_t *page_of(struct blkback *back, uint32_t reference)
{
	for (unsigned i = 0; i < back->n_kept; i++)
		if (back->kept[i] == reference)
			return fake_page(reference, true);
	assert(back->n_kept < 600);
	back->kept[back->n_kept++] = reference;
	return fake_map(reference, true);
}

static void transfer(struct blkback *back, bool write, uint64_t sector,
		     const struct blkif_request_segment *segments, unsigned n)
{
	unsigned unit = back->sector_bytes / 512;

	if (n > back->n_segments_most)
		back->n_segments_most = n;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *page = page_of(back, segments[i].gref);
		unsigned first = segments[i].first_sect;
		unsigned count = segments[i].last_sect + 1u - first;

		assert(page != NULL && segments[i].last_sect < 8);
		assert(sector % unit == 0 && count % unit == 0);
		assert(sector + count <= back->sectors);
		if (write)
			memcpy(back->disk + sector * 512, page + first * 512,
			       count * 512);
		else
			memcpy(page + first * 512, back->disk + sector * 512,
			       count * 512);
		sector += count;
	}
}

static void perform(struct blkback *back, const blkif_request_t *request)
{
	const blkif_request_indirect_t *indirect = (const void *)request;
	const blkif_request_discard_t *discard = (const void *)request;

	switch (request->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		assert(request->nr_segments >= 1 && request->nr_segments <= 11);
		transfer(back, request->operation == BLKIF_OP_WRITE,
			 request->sector_number, request->seg,
			 request->nr_segments);
		break;
	case BLKIF_OP_INDIRECT:
		back->n_indirect++;
		assert(indirect->nr_segments > 11 &&
		       indirect->nr_segments <= 256);
		transfer(back, indirect->indirect_op == BLKIF_OP_WRITE,
			 indirect->sector_number,
			 (void *)page_of(back, indirect->indirect_grefs[0]),
			 indirect->nr_segments);
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		back->n_flushes++;
		assert(request->nr_segments == 0);
		break;
	case BLKIF_OP_DISCARD:
		back->n_discards++;
		assert(discard->sector_number + discard->nr_sectors <=
		       back->sectors);
		memset(back->disk + discard->sector_number * 512, 0xdc,
		       discard->nr_sectors * 512);
		break;
	default:
		assert(!"an operation that there is not");
	}
}

static void take_request(struct blkback *back)
{
	blkif_request_t request =
		*RING_GET_REQUEST(&back->ring, back->ring.req_cons);
	blkif_response_t response = {
		.id = request.id,
		.operation = request.operation,
		.status = BLKIF_RSP_OKAY,
	};

	back->ring.req_cons++;
	back->n_requests++;
	if ((back->unsupported >> request.operation & 1) != 0)
		response.status = BLKIF_RSP_EOPNOTSUPP;
	else if (back->fail > 0)
		response.status = BLKIF_RSP_ERROR, back->fail--;
	else
		perform(back, &request);
	*RING_GET_RESPONSE(&back->ring, back->ring.rsp_prod_pvt) = response;
	back->ring.rsp_prod_pvt++;
}

static bool serve(struct blkback *back)
{
	bool any = false;
	int more, notify;

	if (!back->connected || back->hold || !fake_raised(back->port))
		return false;
	do {
		while (RING_HAS_UNCONSUMED_REQUESTS(&back->ring)) {
			take_request(back);
			any = true;
		}
		RING_FINAL_CHECK_FOR_REQUESTS(&back->ring, more);
	} while (more);
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back->ring, notify);
	if (notify)
		fake_raise(back->port);
	return any;
}

static bool step(struct fake_player *player)
{
	struct blkback *back = (struct blkback *)player;

	return follow(back) || serve(back);
}

/* ------------------------------------------------------------------ Life -- */

void blkback_start(struct blkback *back, unsigned handle, uint64_t sectors,
		   uint32_t sector_bytes)
{
	*back = (struct blkback){
		.player = {.step = step},
		.sectors = sectors,
		.sector_bytes = sector_bytes,
		.disk = calloc(sectors, 512),
	};
	snprintf(back->back, sizeof back->back,
		 "/local/domain/0/backend/vbd/%u/%u", fake.domid, handle);
	snprintf(back->front, sizeof back->front, "device/vbd/%u", handle);
	fake_set(in(back->front, "backend"), back->back);
	fake_set(in(back->front, "backend-id"), "0");
	fake_set(in(back->front, "state"), "1");
	fake_set(in(back->back, "online"), "1");
	fake_setf(in(back->back, "sectors"), "%llu",
		  (unsigned long long)sectors);
	fake_setf(in(back->back, "sector-size"), "%u", sector_bytes);
	fake_set(in(back->back, "max-ring-page-order"), "4");
	fake_set(in(back->back, "feature-flush-cache"), "1");
	fake_set(in(back->back, "feature-discard"), "1");
	fake_set(in(back->back, "feature-persistent"), "1");
	fake_set(in(back->back, "feature-max-indirect-segments"), "256");
	set_state(back, XenbusStateInitWait);
	fake_play(&back->player);
}

void blkback_resize(struct blkback *back, uint64_t sectors)
{
	back->disk = realloc(back->disk, sectors * 512);
	back->sectors = sectors;
	fake_setf(in(back->back, "sectors"), "%llu",
		  (unsigned long long)sectors);
	set_state(back, XenbusStateConnected);
}

void blkback_close(struct blkback *back)
{
	set_state(back, XenbusStateClosing);
}

void blkback_return(struct blkback *back)
{
	fake_set(in(back->front, "state"), "1");
	set_state(back, XenbusStateInitWait);
}
