/* SPDX-License-Identifier: ISC */
/* blkback, with a disk in memory. */
#include "backend.h"

#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 64
#define RING_ORDER_MAX 2

static struct disk *of(struct device *device)
{
	return (struct disk *)device;
}

/* --------------------------------------------------------------- Requests -- */

struct job {
	uint8_t op;
	uint64_t id, sector;
	unsigned n;
	struct blkif_request_segment segments[SEGMENTS_MAX];
};

/* Copies one page's part of a request; `at` is where on the disk. */
static void prepare(const struct disk *disk, const struct job *job, unsigned i,
		    uint8_t *at, struct xengnttab_grant_copy_segment *copy)
{
	const struct blkif_request_segment *segment = &job->segments[i];
	bool write = job->op == BLKIF_OP_WRITE;

	*copy = (struct xengnttab_grant_copy_segment){
		.len = (uint16_t)((segment->last_sect - segment->first_sect +
				   1) *
				  512),
		.flags = write ? GNTCOPY_source_gref : GNTCOPY_dest_gref,
	};
	if (write) {
		copy->source.foreign.ref = segment->gref;
		copy->source.foreign.offset = segment->first_sect * 512;
		copy->source.foreign.domid = (uint16_t)disk->device.domid;
		copy->dest.virt = at;
	} else {
		copy->dest.foreign.ref = segment->gref;
		copy->dest.foreign.offset = segment->first_sect * 512;
		copy->dest.foreign.domid = (uint16_t)disk->device.domid;
		copy->source.virt = at;
	}
}

static int transfer(struct disk *disk, const struct job *job)
{
	struct xengnttab_grant_copy_segment copies[SEGMENTS_MAX];
	uint64_t at = job->sector * 512;

	if (job->op == BLKIF_OP_WRITE && disk->read_only)
		return BLKIF_RSP_ERROR;
	for (unsigned i = 0; i < job->n; i++) {
		if (job->segments[i].first_sect > job->segments[i].last_sect ||
		    job->segments[i].last_sect > 7 || at >= disk->size_bytes)
			return BLKIF_RSP_ERROR;
		prepare(disk, job, i, disk->bytes + at, &copies[i]);
		at += copies[i].len;
	}
	if (at > disk->size_bytes ||
	    xengnttab_grant_copy(grants, job->n, copies) != 0)
		return BLKIF_RSP_ERROR;
	for (unsigned i = 0; i < job->n; i++)
		if (copies[i].status != GNTST_okay)
			return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

static int discard(struct disk *disk, const struct blkif_request *request)
{
	const struct blkif_request_discard *it = (const void *)request;
	uint64_t sectors = disk->size_bytes / 512;

	if (!disk->discard)
		return BLKIF_RSP_EOPNOTSUPP;
	if (disk->read_only || it->sector_number > sectors ||
	    it->nr_sectors > sectors - it->sector_number)
		return BLKIF_RSP_ERROR;
	memset(disk->bytes + it->sector_number * 512, 0, it->nr_sectors * 512);
	return BLKIF_RSP_OKAY;
}

static int flush(struct disk *disk)
{
	if (!disk->flush)
		return BLKIF_RSP_EOPNOTSUPP;
	memcpy(disk->durable, disk->bytes, disk->size_bytes);
	return BLKIF_RSP_OKAY;
}

/* Reads the list of segments of an indirect request out of the guest. */
static bool fetch(struct disk *disk, const struct blkif_request *request,
		  struct job *job)
{
	const struct blkif_request_indirect *it = (const void *)request;
	struct xengnttab_grant_copy_segment copy = {
		.source.foreign.ref = it->indirect_grefs[0],
		.source.foreign.domid = (uint16_t)disk->device.domid,
		.dest.virt = job->segments,
		.flags = GNTCOPY_source_gref,
	};

	job->op = it->indirect_op;
	job->n = it->nr_segments;
	job->id = it->id;
	job->sector = it->sector_number;
	copy.len = (uint16_t)(job->n * sizeof(job->segments[0]));
	return job->n > 0 && job->n <= SEGMENTS_MAX &&
	       (job->op == BLKIF_OP_READ || job->op == BLKIF_OP_WRITE) &&
	       xengnttab_grant_copy(grants, 1, &copy) == 0 &&
	       copy.status == GNTST_okay;
}

static int work(struct disk *disk, const struct blkif_request *request)
{
	struct job job = {.op = request->operation,
			  .id = request->id,
			  .n = request->nr_segments,
			  .sector = request->sector_number};

	if (disk->fail_next > 0) {
		disk->fail_next--;
		return BLKIF_RSP_ERROR;
	}
	switch (request->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		if (job.n == 0 || job.n > BLKIF_MAX_SEGMENTS_PER_REQUEST)
			return BLKIF_RSP_ERROR;
		memcpy(job.segments, request->seg,
		       job.n * sizeof(job.segments[0]));
		return transfer(disk, &job);
	case BLKIF_OP_INDIRECT:
		return fetch(disk, request, &job) ? transfer(disk, &job)
						  : BLKIF_RSP_ERROR;
	case BLKIF_OP_FLUSH_DISKCACHE:
		return flush(disk);
	case BLKIF_OP_DISCARD:
		return discard(disk, request);
	default:
		return BLKIF_RSP_EOPNOTSUPP;
	}
}

/* --------------------------------------------------------------- Responses */

static void respond(struct disk *disk, uint64_t id, uint8_t op, int status)
{
	struct blkif_response *response =
		RING_GET_RESPONSE(&disk->ring, disk->ring.rsp_prod_pvt);

	*response = (struct blkif_response){
		.id = id, .operation = op, .status = (int16_t)status};
	disk->ring.rsp_prod_pvt++;
}

/* ---------------------------------------------------------------- Breaches */

static void answer(struct disk *disk, enum world_breach breach)
{
	uint64_t first = RING_GET_REQUEST(&disk->ring, disk->ring.req_cons)->id;

	for (unsigned i = device_breach_needs(breach); i > 0; i--) {
		struct blkif_request request =
			*RING_GET_REQUEST(&disk->ring, disk->ring.req_cons);

		disk->ring.req_cons++;
		if (breach == WORLD_TWICE)
			request.id = first;
		if (breach == WORLD_WRONG_ID)
			request.id = 0xdeadbeef;
		respond(disk, request.id, request.operation,
			breach == WORLD_STATUS ? -30000 : BLKIF_RSP_OKAY);
	}
}

/* Does what no backend should. */
static void breach(struct disk *disk)
{
	enum world_breach breach = disk->device.breach;

	disk->device.breach = 0;
	if (breach == WORLD_INDEX_JUMPS)
		disk->ring.rsp_prod_pvt += 1000;
	else if (breach == WORLD_INDEX_BACK)
		disk->ring.rsp_prod_pvt -= 3;
	else if (breach == WORLD_REFUSE)
		disk->flush = false;
	else if (breach == WORLD_NONSENSE)
		device_nonsense(&disk->device, "sectors");
	else
		answer(disk, breach);
	disk->ring.sring->req_event = disk->ring.req_cons + 1;
	RING_PUSH_RESPONSES(&disk->ring);
	device_notify(&disk->device);
}

static void serve_requests(struct disk *disk)
{
	struct blkif_request request;
	int more = 1, notify;

	while (more) {
		while (RING_HAS_UNCONSUMED_REQUESTS(&disk->ring)) {
			request = *RING_GET_REQUEST(&disk->ring,
						    disk->ring.req_cons);
			disk->ring.req_cons++;
			respond(disk, request.id, request.operation,
				work(disk, &request));
		}
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&disk->ring, notify);
		if (notify)
			device_notify(&disk->device);
		RING_FINAL_CHECK_FOR_REQUESTS(&disk->ring, more);
	}
}

static void serve(struct device *device)
{
	struct disk *disk = of(device);

	if (device->breach == WORLD_SILENT || device->paused)
		return;
	if (device->breach != 0 &&
	    XEN_RING_NR_UNCONSUMED_REQUESTS(&disk->ring) <
		    device_breach_needs(device->breach))
		return;
	if (device->breach != 0)
		breach(disk);
	else
		serve_requests(disk);
}

/* --------------------------------------------------------------- Meeting -- */

static void say(struct disk *disk)
{
	const char *back = disk->device.back;

	store_write(back, "feature-flush-cache", "%d", disk->flush);
	store_write(back, "feature-discard", "%d", disk->discard);
	store_write(back, "info", "%d", disk->read_only ? VDISK_READONLY : 0);
	store_write(back, "sectors", "%llu",
		    (unsigned long long)(disk->size_bytes / 512));
}

static void offer(struct device *device)
{
	struct disk *disk = of(device);

	disk->flush = disk->discard = !disk->read_only;
	store_write(device->back, "max-ring-page-order", "%d", RING_ORDER_MAX);
	store_write(device->back, "feature-max-indirect-segments", "%d",
		    SEGMENTS_MAX);
	store_write(device->back, "sector-size", "%u", disk->sector_bytes);
	say(disk);
}

static bool connect(struct device *device)
{
	struct disk *disk = of(device);
	uint64_t order = store_number(device->front, "ring-page-order", 0);
	uint64_t port = store_number(device->front, "event-channel", 0);
	uint32_t references[RING_PAGES_MAX];
	char key[16];

	if (order > RING_ORDER_MAX)
		return false;
	disk->n_pages = 1u << order;
	for (unsigned i = 0; i < disk->n_pages; i++) {
		snprintf(key, sizeof(key), "ring-ref%u", i);
		references[i] = (uint32_t)store_number(device->front, key, 0);
	}
	if (references[0] == 0)
		references[0] =
			(uint32_t)store_number(device->front, "ring-ref", 0);
	disk->shared = device_map(device, references, disk->n_pages);
	if (disk->shared == NULL)
		return false;
	BACK_RING_INIT(&disk->ring, (blkif_sring_t *)disk->shared,
		       disk->n_pages * 4096);
	device->port = events_bind(device->domid, (uint32_t)port);
	say(disk);
	return true;
}

static void disconnect(struct device *device)
{
	xengnttab_unmap(grants, of(device)->shared, of(device)->n_pages);
	device->breach = 0;
}

static const struct device_ops ops = {offer, connect, disconnect, serve};

/* ----------------------------------------------------------------- World -- */

static void allocate(struct disk *disk, uint64_t size_bytes)
{
	uint64_t old = disk->size_bytes;

	disk->bytes = realloc(disk->bytes, size_bytes);
	disk->durable = realloc(disk->durable, size_bytes);
	if (disk->bytes == NULL || disk->durable == NULL)
		abort();
	if (size_bytes > old) {
		memset(disk->bytes + old, 0, size_bytes - old);
		memset(disk->durable + old, 0, size_bytes - old);
	}
	disk->size_bytes = size_bytes;
}

void disk_add(struct disk *disk, uint32_t domid, unsigned handle,
	      uint64_t size_bytes, uint32_t sector_bytes, bool read_only)
{
	*disk = (struct disk){.sector_bytes = sector_bytes,
			      .read_only = read_only};
	allocate(disk, size_bytes);
	if (read_only)
		memset(disk->bytes, 0x5a, size_bytes);
	device_add(&disk->device, &ops, domid, "vbd", handle);
}

void disk_remove(struct disk *disk)
{
	device_remove(&disk->device);
	free(disk->bytes);
	free(disk->durable);
}

/* A connected backend that has news says once more that it is connected. */
static void tell(struct disk *disk)
{
	say(disk);
	if (disk->device.connected)
		device_set_state(&disk->device, XenbusStateConnected);
}

bool disk_resize(struct disk *disk, uint64_t size_bytes)
{
	if (size_bytes == 0 || size_bytes % disk->sector_bytes != 0)
		return false;
	allocate(disk, size_bytes);
	tell(disk);
	return true;
}

bool disk_drop(struct disk *disk, uint32_t caps)
{
	if ((caps & ~(uint32_t)(MIRAGE_BLOCK_CAP_FLUSH |
				MIRAGE_BLOCK_CAP_DISCARD)) != 0)
		return false;
	disk->flush &= (caps & MIRAGE_BLOCK_CAP_FLUSH) == 0;
	disk->discard &= (caps & MIRAGE_BLOCK_CAP_DISCARD) == 0;
	tell(disk);
	return true;
}

void disk_power_loss(struct disk *disk)
{
	memcpy(disk->bytes, disk->durable, disk->size_bytes);
	device_lose(&disk->device, true);
}
