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

/* --------------------------------------------------------------- Opening -- */

static void answer(struct xen_block *disk, int result)
{
	struct mirage_open *open = disk->open;

	disk->open = NULL;
	mirage_core_block_opened(open, result,
				 result < 0 ? NULL : &disk->block);
}

static void refuse(struct xen_block *disk, const char *why)
{
	mirage_core_open_error(disk->open, "%s: %s", disk->bus.backend, why);
	xen_block_ring_fini(disk);
	xenbus_forget(&disk->bus);
	answer(disk, MIRAGE_EIO);
	free(disk);
}

static uint64_t number(const struct xenstore_key *key, uint64_t most,
		       uint64_t otherwise)
{
	uint64_t value;

	return key->found && xenstore_number(key->value, most, &value)
		       ? value
		       : otherwise;
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

	if ((number(&keys[INFO], UINT32_MAX, 0) & VDISK_READONLY) != 0)
		return caps;
	caps |= MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_WRITE_ZEROES;
	if (number(&keys[FLUSH], 1, 0) != 0)
		caps |= MIRAGE_BLOCK_CAP_FLUSH;
	if (number(&keys[DISCARD], 1, 0) != 0)
		caps |= MIRAGE_BLOCK_CAP_DISCARD;
	return caps;
}

/** Fills in `info` from what the backend says; false if it makes no sense. */
static bool take_info(struct xen_block *disk, const struct xenstore_key *keys)
{
	uint64_t sector = number(&keys[SECTOR_SIZE], 65536, 512);
	uint64_t physical = number(&keys[PHYSICAL], 1 << 20, sector);
	uint64_t sectors = number(&keys[SECTORS], UINT64_MAX >> 9, 0);
	uint64_t segments = number(&keys[SEGMENTS], UINT32_MAX, 0);

	if (!power_of_two(sector) || sector < 512 || sectors == 0)
		return false;
	if (segments > XEN_BLOCK_SEGMENTS_MAX)
		segments = XEN_BLOCK_SEGMENTS_MAX;
	if (segments < BLKIF_MAX_SEGMENTS_PER_REQUEST)
		segments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
	disk->segments_max = (uint32_t)segments;
	disk->info = (struct mirage_block_info){
		.size = sizeof disk->info,
		.caps = caps_of(keys),
		/* `sectors` counts 512 bytes, like everything on this wire. */
		.size_bytes = (sectors << 9) & ~(sector - 1),
		.sector_bytes = (uint32_t)sector,
		.physical_sector_bytes =
			(uint32_t)(physical > sector ? physical : sector),
		.buffer_align_bytes = 1,
		.max_vectors = 256,
		.max_transfer_bytes = disk->segments_max * XEN_PAGE_BYTES,
		.queue_depth = RING_SIZE(&disk->ring) < XEN_BLOCK_SLOTS_MAX
				       ? RING_SIZE(&disk->ring)
				       : XEN_BLOCK_SLOTS_MAX,
		.max_discard_bytes = disk->segments_max * XEN_PAGE_BYTES,
	};
	return true;
}

/* ------------------------------------------------------------ Connecting -- */

static void written(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);

	if (error < 0)
		mirage_log(MIRAGE_LOG_WARN, "%s: cannot write to xenstore: %s",
			   disk->bus.frontend, mirage_strerror(error));
}

static void set_state(struct xen_block *disk, unsigned state)
{
	static const char *const names[] = {"state"};
	struct xenstore_key *keys = xenbus_keys(&disk->bus, names, 1);

	snprintf(keys[0].value, sizeof keys[0].value, "%u", state);
	xenbus_write(&disk->bus, 1, written);
}

static void connected(struct xen_block *disk, uint64_t old_bytes)
{
	disk->phase = XEN_BLOCK_CONNECTED;
	if (disk->open != NULL) {
		disk->ever_connected = true;
		answer(disk, 0);
	} else {
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_BACK);
		if (disk->info.size_bytes != old_bytes)
			mirage_core_block_event(&disk->block,
						MIRAGE_EVENT_RESIZED);
	}
	xen_block_ring_fill(disk);
}

static void got_features(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);
	uint64_t old_bytes = disk->info.size_bytes;
	bool sense = take_info(disk, disk->bus.keys);

	if (!sense && disk->open != NULL) {
		refuse(disk, "its size or sector makes no sense");
	} else if (!sense) {
		mirage_log(MIRAGE_LOG_WARN,
			   "block '%s': its backend's size makes no sense",
			   disk->block.name);
	} else if (disk->phase == XEN_BLOCK_CONNECTED) {
		if (disk->info.size_bytes != old_bytes)
			mirage_core_block_event(&disk->block,
						MIRAGE_EVENT_RESIZED);
	} else {
		set_state(disk, XenbusStateConnected);
		connected(disk, old_bytes);
	}
}

static void read_features(struct xen_block *disk)
{
	if (disk->bus.batch.busy)
		return;
	xenbus_keys(&disk->bus, feature_names, FEATURES);
	xenbus_read(&disk->bus, FEATURES, got_features);
}

static void put_number(struct xenstore_key *key, const char *name, uint64_t n)
{
	key->name = name;
	snprintf(key->value, sizeof key->value, "%llu", (unsigned long long)n);
}

/** Tells the backend where the ring is. */
static void publish(struct xen_block *disk)
{
	static const char *const references[] = {"ring-ref0", "ring-ref1",
						 "ring-ref2", "ring-ref3"};
	struct xenstore_key *keys = xenbus_keys(&disk->bus, NULL, 0);
	unsigned n = 0;

	if (disk->ring_pages == 1) {
		put_number(&keys[n++], "ring-ref", disk->ring_references[0]);
	} else {
		put_number(&keys[n++], "ring-page-order",
			   (uint64_t)__builtin_ctz(disk->ring_pages));
		for (unsigned i = 0; i < disk->ring_pages; i++)
			put_number(&keys[n++], references[i],
				   disk->ring_references[i]);
	}
	put_number(&keys[n++], "event-channel", disk->port);
	put_number(&keys[n++], "feature-persistent", 1);
	put_number(&keys[n++], "feature-large-sector-size", 0);
	keys[n].name = "protocol";
	strcpy(keys[n++].value, XEN_IO_PROTO_ABI_X86_64);
	put_number(&keys[n++], "state", XenbusStateInitialised);
	xenbus_write(&disk->bus, n, written);
}

static void got_order(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);
	uint64_t order = number(&disk->bus.keys[0], 64, 0);

	if (order > XEN_BLOCK_RING_ORDER_MAX)
		order = XEN_BLOCK_RING_ORDER_MAX;
	disk->pages_max = XEN_BLOCK_PAGES_MAX;
	disk->zeroes.memory = xen_pages_alloc(1);
	if (disk->zeroes.memory != NULL)
		disk->zeroes.reference = xen_grant(disk->bus.backend_id,
						   disk->zeroes.memory, false);
	if (!xen_block_ring_init(disk, 1u << order) ||
	    disk->zeroes.memory == NULL) {
		if (disk->open != NULL)
			refuse(disk, "no memory or grants left for its ring");
		return;
	}
	publish(disk);
}

/** Begins to connect, the first time or again. */
static void connect(struct xen_block *disk)
{
	static const char *const names[] = {"max-ring-page-order"};

	disk->phase = XEN_BLOCK_CONNECTING;
	xenbus_keys(&disk->bus, names, 1);
	xenbus_read(&disk->bus, 1, got_order);
}

static void lost(struct xen_block *disk)
{
	if (disk->phase == XEN_BLOCK_CONNECTED)
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_LOST);
	disk->phase = XEN_BLOCK_WAITING;
	xen_block_ring_fini(disk);
	set_state(disk, XenbusStateClosed);
}

static void on_state(struct xenbus *bus, unsigned state)
{
	struct xen_block *disk = of_bus(bus);

	switch (state) {
	case XenbusStateInitWait:
	case XenbusStateInitialised:
		if (disk->phase == XEN_BLOCK_CONNECTED)
			lost(disk);
		if (disk->phase == XEN_BLOCK_WAITING && !bus->batch.busy)
			connect(disk);
		break;
	case XenbusStateConnected:
		if (disk->phase == XEN_BLOCK_CONNECTING ||
		    disk->phase == XEN_BLOCK_CONNECTED)
			read_features(disk);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		if (disk->phase == XEN_BLOCK_CONNECTED ||
		    disk->phase == XEN_BLOCK_CONNECTING)
			lost(disk);
		break;
	default:
		break;
	}
}

static void found(struct xenbus *bus, int error)
{
	struct xen_block *disk = of_bus(bus);

	if (error < 0) {
		answer(disk, error);
		free(disk);
		return;
	}
	disk->phase = XEN_BLOCK_WAITING;
	bus->on_state = on_state;
	xenbus_watch(bus);
}

/* ------------------------------------------------------------------- Ops -- */

static void submit(struct mirage_block *block,
		   struct mirage_block_request *const requests[], size_t n)
{
	struct xen_block *disk = (struct xen_block *)block;

	for (size_t i = 0; i < n; i++) {
		if (disk->phase == XEN_BLOCK_DEAD) {
			mirage_core_block_complete(requests[i], MIRAGE_EGONE);
			continue;
		}
		requests[i]->next = NULL;
		*disk->waiting_end = requests[i];
		disk->waiting_end = &requests[i]->next;
	}
	xen_block_ring_fill(disk);
}

static void closed(struct xenstore_batch *batch, int error)
{
	struct xen_block *disk = of_bus(batch->arg);

	xen_block_ring_fini(disk);
	xenbus_forget(&disk->bus);
	mirage_core_block_closed(&disk->block);
}

static void close(struct mirage_block *block)
{
	static const char *const names[] = {"state"};
	struct xen_block *disk = (struct xen_block *)block;
	struct xenstore_key *keys;

	disk->phase = XEN_BLOCK_CLOSING;
	xen_block_ring_fail(disk, MIRAGE_EGONE);
	xenstore_cancel(&disk->bus.batch);
	keys = xenbus_keys(&disk->bus, names, 1);
	snprintf(keys[0].value, sizeof keys[0].value, "%d", XenbusStateClosed);
	xenbus_write(&disk->bus, 1, closed);
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
	disk->open = open;
	disk->block.ops = &ops;
	disk->block.info = &disk->info;
	disk->block.counters = &disk->counters;
	disk->counters.size = sizeof disk->counters;
	disk->waiting_end = &disk->waiting;
	xenbus_find(&disk->bus, "vbd", open, found);
}
