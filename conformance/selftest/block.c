/* SPDX-License-Identifier: ISC */
/* The disks of the selftest: memory, with a second copy of what is durable. */
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#define DISK_SECTORS 2048u
#define QUEUE_DEPTH 8u
#define MAX_TRANSFER 65536u
#define MAX_VECTORS 16u

#define CAPS_ALL                                                    \
	(MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH |          \
	 MIRAGE_BLOCK_CAP_DISCARD | MIRAGE_BLOCK_CAP_WRITE_ZEROES | \
	 MIRAGE_BLOCK_CAP_RESIZE)

/* What stands behind a name: it outlives the device that is opened on it. */
struct medium {
	const char *name;
	uint32_t sector_bytes;
	uint32_t caps;
	uint64_t size_bytes;
	uint8_t *now;
	uint8_t *durable;
	struct disk *disk;
	bool absent;
	unsigned n_fail;
	int fail;
};

struct disk {
	struct mirage_block block;
	struct mirage_block_info info;
	struct mirage_block_counters counters;
	struct medium *medium;
	struct mirage_block_request *queue[QUEUE_DEPTH];
	size_t n_queued;
	bool closing;
	bool doomed; /* planted: closed with requests in flight */
};

static struct medium media[] = {
	{.name = "small", .sector_bytes = 512, .caps = CAPS_ALL},
	{.name = "large", .sector_bytes = 4096, .caps = CAPS_ALL},
	{.name = "fixed", .sector_bytes = 512, .caps = 0},
};

#define N_MEDIA (sizeof(media) / sizeof(media[0]))

static struct disk *disk_of(struct mirage_block *block)
{
	return (struct disk *)block;
}

static struct medium *medium_find(const char *name)
{
	for (size_t i = 0; i < N_MEDIA; i++)
		if (strcmp(media[i].name, name) == 0)
			return &media[i];
	return NULL;
}

/* A disk begins with content that a case can tell from zeroes, and has room to
 * grow to twice its size. */
static bool medium_fill(struct medium *medium)
{
	uint64_t bytes = (uint64_t)DISK_SECTORS * medium->sector_bytes;

	if (medium->now != NULL)
		return true;
	medium->size_bytes = bytes;
	medium->now = malloc(2 * bytes);
	medium->durable = malloc(2 * bytes);
	if (medium->now == NULL || medium->durable == NULL)
		return false;
	/* The read-only disk is what the suite wants it to be. */
	memset(medium->now, medium->caps == 0 ? 0x5a : 0xd5, 2 * bytes);
	memcpy(medium->durable, medium->now, 2 * bytes);
	return true;
}

/* ------------------------------------------------------------ Operations -- */

static void spoil_read(const struct mirage_block_request *request,
		       uint32_t sector_bytes)
{
	const struct mirage_vector *last;
	uint8_t *end;

	if (request->n_vectors == 0)
		return;
	last = &request->vectors[request->n_vectors - 1];
	end = (uint8_t *)last->base + last->length_bytes;
	if (planted(BUG_BLOCK_SHORT_READ))
		memset(end - sector_bytes, 0, sector_bytes);
	if (planted(BUG_BLOCK_OUTSIDE_VECTOR))
		*end = (uint8_t) ~*end;
}

static const struct mirage_vector *
vector_at(const struct mirage_block_request *request, uint32_t i)
{
	if (planted(BUG_BLOCK_VECTORS_REVERSED))
		i = request->n_vectors - 1 - i;
	return &request->vectors[i];
}

static int disk_read(struct disk *disk, struct mirage_block_request *request)
{
	const struct medium *medium = disk->medium;
	const uint8_t *from = medium->now + request->offset_bytes;

	if (planted(BUG_BLOCK_STALE_READ))
		from = medium->durable + request->offset_bytes;
	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *to = vector_at(request, i);

		memcpy(to->base, from, to->length_bytes);
		from += to->length_bytes;
	}
	spoil_read(request, disk->info.sector_bytes);
	return 0;
}

static int disk_write(struct disk *disk, struct mirage_block_request *request)
{
	uint8_t *to = disk->medium->now + request->offset_bytes;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *from = &request->vectors[i];

		memcpy(to, from->base, from->length_bytes);
		to += from->length_bytes;
		if (planted(BUG_BLOCK_WRITE_SCRIBBLES))
			*(uint8_t *)from->base ^= 0xff;
	}
	if (planted(BUG_BLOCK_SHORT_WRITE) && request->length_bytes > 0)
		to[-1] ^= 0xff;
	return 0;
}

static int disk_flush(struct disk *disk)
{
	struct medium *medium = disk->medium;

	if (!planted(BUG_BLOCK_FLUSH_IDLE))
		memcpy(medium->durable, medium->now, medium->size_bytes);
	return 0;
}

static int disk_discard(struct disk *disk, struct mirage_block_request *request)
{
	uint8_t *at = disk->medium->now + request->offset_bytes;

	if (planted(BUG_BLOCK_DISCARD_NEIGHBOUR))
		at[request->length_bytes] ^= 0xff;
	memset(at, 0xdd, request->length_bytes);
	return 0;
}

static int disk_zero(struct disk *disk, struct mirage_block_request *request)
{
	uint8_t *at = disk->medium->now + request->offset_bytes;

	memset(at, 0, request->length_bytes);
	if (planted(BUG_BLOCK_ZEROES_NOT_ZERO) && request->length_bytes > 0)
		at[request->length_bytes - 1] = 1;
	if (planted(BUG_BLOCK_ZEROES_NEIGHBOUR))
		at[request->length_bytes] = 0;
	return 0;
}

/* A thinly provisioned disk that forgets: what was discarded changes. */
static void decay(struct disk *disk)
{
	struct medium *medium = disk->medium;

	if (!planted(BUG_BLOCK_DISCARD_UNSTABLE))
		return;
	for (uint64_t i = 0; i < medium->size_bytes; i++)
		if (medium->now[i] == 0xdd || medium->now[i] == 0xde)
			medium->now[i] ^= 0xdd ^ 0xde;
}

static int disk_do(struct disk *disk, struct mirage_block_request *request)
{
	if (disk->doomed)
		return MIRAGE_ECANCELED;
	if (disk->medium->n_fail > 0) {
		disk->medium->n_fail--;
		return disk->medium->fail;
	}
	switch (request->op) {
	case MIRAGE_BLOCK_READ:
		decay(disk);
		return disk_read(disk, request);
	case MIRAGE_BLOCK_WRITE:
		return disk_write(disk, request);
	case MIRAGE_BLOCK_FLUSH:
		return disk_flush(disk);
	case MIRAGE_BLOCK_DISCARD:
		return disk_discard(disk, request);
	default:
		return disk_zero(disk, request);
	}
}

/* ----------------------------------------------------------------- Queue -- */

static void disk_complete(struct disk *disk,
			  struct mirage_block_request *request)
{
	int result = disk_do(disk, request);

	if (planted(BUG_BLOCK_HIDES_ERRORS))
		result = 0;
	if (planted(BUG_BLOCK_COUNTS_TWICE))
		disk->counters.reads++;
	if (planted(BUG_BLOCK_NEVER_COMPLETES))
		return;
	if (planted(BUG_BLOCK_COMPLETES_TWICE))
		request->done(request->arg, result);
	mirage_core_block_complete(request, result);
}

static void disk_submit(struct mirage_block *block,
			struct mirage_block_request *const requests[], size_t n)
{
	struct disk *disk = disk_of(block);

	for (size_t i = 0; i < n; i++) {
		if (planted(BUG_BLOCK_INSIDE_SUBMIT)) {
			requests[i]->done(requests[i]->arg,
					  disk_do(disk, requests[i]));
			continue;
		}
		disk->queue[disk->n_queued++] = requests[i];
	}
}

static struct mirage_block_request *disk_take(struct disk *disk)
{
	struct mirage_block_request *request;

	if (disk->n_queued == 0)
		return NULL;
	request = disk->queue[0];
	disk->n_queued--;
	memmove(disk->queue, disk->queue + 1,
		disk->n_queued * sizeof(disk->queue[0]));
	return request;
}

static void disk_close(struct mirage_block *block)
{
	struct disk *disk = disk_of(block);
	struct mirage_block_request *request;

	/* Only a lost disk is closed with requests in hand. */
	if (planted(BUG_BLOCK_LOST_HANGS) && disk->n_queued > 0)
		return;
	while ((request = disk_take(disk)) != NULL)
		mirage_core_block_complete(request, MIRAGE_EGONE);
	disk->closing = true;
}

static void disk_dispose(struct mirage_block *block)
{
	free(disk_of(block));
}

static const struct mirage_block_ops ops = {
	.size = sizeof(ops),
	.submit = disk_submit,
	.close = disk_close,
	.dispose = disk_dispose,
};

static void disk_closed(struct disk *disk)
{
	struct mirage_block *block = &disk->block;

	disk->medium->disk = NULL;
	if (planted(BUG_BLOCK_FORGETS))
		memset(disk->medium->now, 0, disk->medium->size_bytes);
	if (planted(BUG_BLOCK_CLOSED_TWICE) && block->on_event != NULL)
		block->on_event(block->event_arg, MIRAGE_EVENT_CLOSED);
	if (!planted(BUG_BLOCK_NO_CLOSED))
		mirage_core_block_closed(block);
}

/* One request at a time, so that others are still in flight when it completes. */
static bool disk_poll(struct medium *medium)
{
	struct disk *disk = medium->disk;
	struct mirage_block_request *request;

	if (disk->closing) {
		disk_closed(disk);
		return true;
	}
	if (medium->absent || (request = disk_take(disk)) == NULL)
		return false;
	disk_complete(disk, request);
	return true;
}

bool selftest_block_poll(void)
{
	bool any = false;

	for (size_t i = 0; i < N_MEDIA; i++)
		if (media[i].disk != NULL)
			any |= disk_poll(&media[i]);
	return any;
}

/* ------------------------------------------------------------------ Open -- */

#define CAPS_PLAIN (MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_RESIZE)

static void disk_describe(struct disk *disk, const struct medium *medium)
{
	bool plain = mirage_core_option("plain") != NULL;

	disk->info = (struct mirage_block_info){
		.size = sizeof(disk->info),
		.caps = medium->caps & (plain ? CAPS_PLAIN : CAPS_ALL),
		.size_bytes = medium->size_bytes,
		.sector_bytes = medium->sector_bytes,
		.physical_sector_bytes = 4096,
		.buffer_align_bytes = 64,
		.max_vectors = MAX_VECTORS,
		.max_transfer_bytes = MAX_TRANSFER,
		.queue_depth = QUEUE_DEPTH,
		.max_discard_bytes = MAX_TRANSFER,
	};
	if (planted(BUG_BLOCK_SIZE_UNEVEN))
		disk->info.size_bytes -= 1;
	if (planted(BUG_BLOCK_SECTOR_ODD))
		disk->info.sector_bytes = 520;
}

void selftest_block_open(struct mirage_open *open)
{
	struct medium *medium = medium_find(open->name);
	struct disk *disk;

	if (medium == NULL) {
		if (!planted(BUG_OPEN_SILENT))
			mirage_core_open_error(
				open,
				"only 'small', 'large' and 'fixed' exist");
		mirage_core_block_opened(
			open, open->uri != NULL ? MIRAGE_EINVAL : MIRAGE_ENODEV,
			NULL);
		return;
	}
	disk = calloc(1, sizeof(*disk));
	if (disk == NULL || !medium_fill(medium)) {
		mirage_core_open_error(open, "out of memory");
		mirage_core_block_opened(open, MIRAGE_ENOMEM, NULL);
		free(disk);
		return;
	}
	disk_describe(disk, medium);
	disk->block.ops = &ops;
	disk->block.info = &disk->info;
	disk->block.counters = &disk->counters;
	disk->counters.size = sizeof(disk->counters);
	disk->medium = medium;
	medium->disk = disk;
	mirage_core_block_opened(open, 0, &disk->block);
}

/* ----------------------------------------------------------------- World -- */

void selftest_block_doom(struct mirage_block *block)
{
	disk_of(block)->doomed = true;
}

bool selftest_block_power_loss(const char *name)
{
	struct medium *medium = medium_find(name);

	memcpy(medium->now, medium->durable, medium->size_bytes);
	return true;
}

bool selftest_block_resize(const char *name, uint64_t size_bytes)
{
	struct medium *medium = medium_find(name);
	struct disk *disk = medium->disk;

	if (size_bytes > 2ull * DISK_SECTORS * medium->sector_bytes)
		return false;
	medium->size_bytes = size_bytes;
	if (disk == NULL)
		return true;
	if (!planted(BUG_BLOCK_RESIZED_STALE))
		disk->info.size_bytes = size_bytes;
	if (!planted(BUG_BLOCK_RESIZED_SILENT))
		mirage_core_block_event(&disk->block, MIRAGE_EVENT_RESIZED);
	return true;
}

bool selftest_block_lose(const char *name, bool lost)
{
	struct medium *medium = medium_find(name);

	medium->absent = lost;
	if (medium->disk != NULL && !planted(BUG_BLOCK_LOST_SILENT))
		mirage_core_block_event(&medium->disk->block,
					lost ? MIRAGE_EVENT_LOST
					     : MIRAGE_EVENT_BACK);
	return true;
}

bool selftest_block_drop_caps(const char *name, uint32_t caps)
{
	struct medium *medium = medium_find(name);

	medium->caps &= ~caps;
	if (medium->disk == NULL)
		return true;
	if (!planted(BUG_BLOCK_CAPS_STALE))
		medium->disk->info.caps &= ~caps;
	mirage_core_block_event(&medium->disk->block, MIRAGE_EVENT_CAPS);
	return true;
}

bool selftest_block_fail_next(const char *name, unsigned n, int error)
{
	struct medium *medium = medium_find(name);

	medium->n_fail = n;
	medium->fail = error;
	return true;
}
