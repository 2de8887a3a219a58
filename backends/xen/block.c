/* SPDX-License-Identifier: ISC */
/* blkfront: finding a disk, meeting its backend, losing it and meeting it again. */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

static struct xen_block *of_bus(struct xenbus *bus)
{
	return (void *)((char *)bus - offsetof(struct xen_block, bus));
}

/* ---------------------------------------------------- Backend's features -- */

enum {
	SECTORS,
	SECTOR_SIZE,
	PHYSICAL,
	INFO,
	FLUSH,
	DISCARD,
	SEGMENTS,
	FEATURES
};

static const char *const feature_names[FEATURES] = {
	[SECTORS] = "sectors",
	[SECTOR_SIZE] = "sector-size",
	[PHYSICAL] = "physical-sector-size",
	[INFO] = "info",
	[FLUSH] = "feature-flush-cache",
	[DISCARD] = "feature-discard",
	[SEGMENTS] = "feature-max-indirect-segments",
};

static bool power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static uint32_t caps_of(const struct xenstore_key *keys)
{
	uint32_t caps = MIRAGE_BLOCK_CAP_RESIZE;

	if ((xenbus_number(&keys[INFO], UINT32_MAX, 0) & VDISK_READONLY) != 0)
		return caps;
	caps |= MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_WRITE_ZEROES;
	if (xenbus_number(&keys[FLUSH], 1, 0) == 1)
		caps |= MIRAGE_BLOCK_CAP_FLUSH;
	if (xenbus_number(&keys[DISCARD], 1, 0) == 1)
		caps |= MIRAGE_BLOCK_CAP_DISCARD;
	return caps;
}

static uint32_t segments_of(const struct xenstore_key *keys)
{
	uint64_t n = xenbus_number(&keys[SEGMENTS], UINT32_MAX, 0);

	if (n > XEN_BLOCK_SEGMENTS_MAX)
		return XEN_BLOCK_SEGMENTS_MAX;
	return n < BLKIF_MAX_SEGMENTS_PER_REQUEST
		       ? BLKIF_MAX_SEGMENTS_PER_REQUEST
		       : (uint32_t)n;
}

/** Reads `info` from what the backend says; false if it makes no sense. */
static bool read_info(const struct xen_block *disk,
		      const struct xenstore_key *keys,
		      struct mirage_block_info *info)
{
	uint64_t sector =
		xenbus_number(&keys[SECTOR_SIZE], XEN_PAGE_BYTES, 512);
	uint64_t physical = xenbus_number(&keys[PHYSICAL], 1 << 20, sector);
	uint64_t sectors = xenbus_number(&keys[SECTORS], UINT64_MAX >> 9, 0);
	uint32_t transfer = segments_of(keys) * XEN_PAGE_BYTES;

	if (!power_of_two(sector) || sector < 512)
		return false;
	if (!power_of_two(physical) || physical < sector)
		physical = sector;
	transfer &= ~((uint32_t)sector - 1);
	*info = (struct mirage_block_info){
		.size = sizeof *info,
		.caps = caps_of(keys),
		/* `sectors` counts 512 bytes, like everything on this wire. */
		.size_bytes = (sectors << 9) & ~(sector - 1),
		.sector_bytes = (uint32_t)sector,
		.physical_sector_bytes = (uint32_t)physical,
		.buffer_align_bytes = 1,
		.max_vectors = 256,
		.max_transfer_bytes = transfer,
		.queue_depth = RING_SIZE(&disk->ring) < XEN_BLOCK_SLOTS_MAX
				       ? RING_SIZE(&disk->ring)
				       : XEN_BLOCK_SLOTS_MAX,
		.max_discard_bytes = transfer,
	};
	return info->size_bytes != 0;
}

/** Follows what may change of an open disk, its size and lost capabilities; false
 *  if it became another one. */
static bool follow_info(struct xen_block *disk,
			const struct mirage_block_info *now)
{
	struct mirage_block_info *info = &disk->info;
	uint32_t lost = info->caps & ~now->caps;

	if (now->sector_bytes != info->sector_bytes ||
	    now->max_transfer_bytes < info->max_transfer_bytes)
		return false;
	info->caps &= ~lost;
	if (lost != 0)
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_CAPS);
	if (now->size_bytes != info->size_bytes) {
		info->size_bytes = now->size_bytes;
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_RESIZED);
	}
	return true;
}

/* ------------------------------------------------------------ Connecting -- */

/** Ends an open, or a disk whose backend came back. */
static void fail(struct xen_block *disk, const char *why)
{
	if (disk->bus.open != NULL) {
		xenbus_refuse(&disk->bus, MIRAGE_EIO, why);
		return;
	}
	mirage_log(MIRAGE_LOG_ERROR, "block '%s': %s: %s", disk->block.name,
		   disk->bus.backend, why);
	xenbus_kill(&disk->bus);
	xen_block_ring_fail(disk, MIRAGE_EIO);
	/* The core holds back what is for a disk that is away. */
	mirage_core_block_event(&disk->block, MIRAGE_EVENT_BACK);
}

static void opened(struct xen_block *disk)
{
	struct mirage_open *open = disk->bus.open;

	xenbus_put(&xenbus_keys(&disk->bus, NULL, 0)[0], "state",
		   XenbusStateConnected);
	xenbus_write(&disk->bus, 1);
	xenbus_connected(&disk->bus);
	if (open != NULL)
		mirage_core_block_opened(open, 0, &disk->block);
	else
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_BACK);
	xen_block_ring_fill(disk);
}

static void got_features(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);
	struct mirage_block_info info;
	bool sense = error == 0 && read_info(disk, disk->bus.keys, &info);

	if (xen_block_is_on(disk)) {
		if (!sense || !follow_info(disk, &info))
			xen_block_breach(disk,
					 "changed what it is while in use");
	} else if (!sense) {
		fail(disk, error < 0 ? "xenstore does not answer"
				     : "its size or sector makes no sense");
	} else if (disk->bus.open == NULL && !follow_info(disk, &info)) {
		fail(disk, "came back as another disk");
	} else {
		if (disk->bus.open != NULL)
			disk->info = info;
		opened(disk);
	}
}

static void read_features(struct xenbus *bus)
{
	xenbus_keys(bus, feature_names, FEATURES);
	xenbus_read(bus, FEATURES, got_features);
}

/** Tells the backend where the ring is. */
static void publish(struct xen_block *disk)
{
	static const char *const references[] = {"ring-ref0", "ring-ref1",
						 "ring-ref2", "ring-ref3"};
	struct xenstore_key *keys = xenbus_keys(&disk->bus, NULL, 0);
	unsigned n = 0;

	if (disk->ring_pages == 1) {
		xenbus_put(&keys[n++], "ring-ref", disk->ring_references[0]);
	} else {
		xenbus_put(&keys[n++], "ring-page-order",
			   (uint64_t)__builtin_ctz(disk->ring_pages));
		for (unsigned i = 0; i < disk->ring_pages; i++)
			xenbus_put(&keys[n++], references[i],
				   disk->ring_references[i]);
	}
	xenbus_put(&keys[n++], "event-channel", disk->port);
	xenbus_put(&keys[n++], "feature-persistent", 1);
	xenbus_put(&keys[n++], "feature-large-sector-size", 0);
	keys[n].name = "protocol";
	strcpy(keys[n++].value, XEN_IO_PROTO_ABI_X86_64);
	xenbus_put(&keys[n++], "state", XenbusStateInitialised);
	xenbus_write(&disk->bus, n);
}

static void got_order(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);
	uint64_t order = xenbus_number(&disk->bus.keys[0], UINT64_MAX, 0);

	if (order > XEN_BLOCK_RING_ORDER_MAX)
		order = XEN_BLOCK_RING_ORDER_MAX;
	if (error < 0)
		fail(disk, "xenstore does not answer");
	else if (!xen_block_ring_init(disk, 1u << order))
		fail(disk, "no memory, grants or events left for its ring");
	else
		publish(disk);
}

static void connect(struct xenbus *bus)
{
	static const char *const names[] = {"max-ring-page-order"};

	xenbus_keys(bus, names, 1);
	xenbus_read(bus, 1, got_order);
}

static void lost(struct xenbus *bus)
{
	mirage_core_block_event(&of_bus(bus)->block, MIRAGE_EVENT_LOST);
}

static void disconnect(struct xenbus *bus)
{
	xen_block_ring_fini(of_bus(bus));
}

static void ended(struct xenbus *bus, int error)
{
	struct xen_block *disk = of_bus(bus);

	if (bus->open == NULL) {
		mirage_core_block_closed(&disk->block);
		return;
	}
	mirage_core_block_opened(bus->open, error, NULL);
	free(disk);
}

static const struct xenbus_ops bus_ops = {
	.connect = connect,
	.met = read_features,
	.changed = read_features,
	.lost = lost,
	.disconnect = disconnect,
	.ended = ended,
};

static void found(struct xenbus *bus, int error)
{
	if (error == 0) {
		xenbus_start(bus);
		return;
	}
	mirage_core_block_opened(bus->open, error, NULL);
	free(of_bus(bus));
}

/* ------------------------------------------------------------------- Ops -- */

static void submit(struct mirage_block *block,
		   struct mirage_block_request *const requests[], size_t n)
{
	struct xen_block *disk = (struct xen_block *)block;

	for (size_t i = 0; i < n; i++) {
		if (disk->bus.phase == XENBUS_DEAD) {
			mirage_core_block_complete(requests[i], MIRAGE_EGONE);
			continue;
		}
		requests[i]->next = NULL;
		*disk->waiting_end = requests[i];
		disk->waiting_end = &requests[i]->next;
	}
	xen_block_ring_fill(disk);
}

static void close(struct mirage_block *block)
{
	struct xen_block *disk = (struct xen_block *)block;

	xen_block_ring_fail(disk, MIRAGE_EGONE);
	xenbus_end(&disk->bus);
}

static void dispose(struct mirage_block *block)
{
	free(block);
}

static const struct mirage_block_ops ops = {
	.size = sizeof ops,
	.submit = submit,
	.close = close,
	.dispose = dispose,
};

void xen_block_open(struct mirage_open *open)
{
	struct xen_block *disk = calloc(1, sizeof *disk);

	if (disk == NULL) {
		mirage_core_open_error(open, "no memory left");
		mirage_core_block_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	disk->bus.ops = &bus_ops;
	disk->block.ops = &ops;
	disk->block.info = &disk->info;
	disk->block.counters = &disk->counters;
	disk->counters.size = sizeof disk->counters;
	disk->waiting_end = &disk->waiting;
	xenbus_find(&disk->bus, "vbd", open, found);
}
