/* SPDX-License-Identifier: ISC */
/*
 * block_disk.c: what is visible and what is durable. Reads see the store
 * `visible`, which shows `durable` wherever nothing was written since. Each write
 * is kept beside them until a flush, or a full cache, moves it to `durable`; a power
 * loss moves some of them, or parts, and forgets the rest.
 */
#include "block.h"

#include <stdlib.h>

struct sim_write *sim_write_new(uint64_t offset, uint64_t length, bool zeroes)
{
	struct sim_write *write =
		sim_alloc(sizeof *write + (zeroes ? 0 : (size_t)length));

	write->offset = offset;
	write->length = length;
	write->zeroes = zeroes;
	return write;
}

/** Moves a part of `write` to the durable store. */
static void settle_part(struct sim_disk *disk, const struct sim_write *write,
			uint64_t from, uint64_t length)
{
	sim_store_write(&disk->durable, write->offset + from,
			write->zeroes ? NULL : write->bytes + from, length);
}

static uint64_t cost(const struct sim_write *write)
{
	return sizeof *write + (write->zeroes ? 0 : write->length);
}

static struct sim_write *pop(struct sim_disk *disk)
{
	struct sim_write *write = disk->first;

	disk->first = write->next;
	if (disk->first == NULL)
		disk->last = &disk->first;
	disk->cached_bytes -= cost(write);
	return write;
}

static void settle_first(struct sim_disk *disk)
{
	struct sim_write *write = pop(disk);

	settle_part(disk, write, 0, write->length);
	free(write);
}

void sim_disk_write(struct sim_disk *disk, struct sim_write *write)
{
	write->order = ++disk->last_order;
	sim_store_write(&disk->visible, write->offset,
			write->zeroes ? NULL : write->bytes, write->length);
	*disk->last = write;
	disk->last = &write->next;
	disk->cached_bytes += cost(write);
	while (disk->cached_bytes > disk->most_cached_bytes)
		settle_first(disk);
}

void sim_disk_flush(struct sim_disk *disk, uint64_t order)
{
	while (disk->first != NULL && disk->first->order <= order)
		settle_first(disk);
	if (disk->first == NULL)
		sim_store_clear(&disk->visible);
}

/** Keeps each sector or loses it. */
static void tear(struct sim_disk *disk, const struct sim_write *write)
{
	uint32_t sector = disk->info.sector_bytes;

	for (uint64_t at = 0; at < write->length; at += sector)
		if (sim_random_upto(&disk->random, 1) == 0)
			settle_part(disk, write, at, sector);
}

void sim_disk_power_loss(struct sim_disk *disk)
{
	static const char *const words[] = {"kept", "lost", "torn"};

	while (disk->first != NULL) {
		struct sim_write *write = pop(disk);
		uint64_t fate = sim_random_upto(&disk->random, 2);

		mirage_log(MIRAGE_LOG_DEBUG,
			   "block %s: %" PRIu64 " bytes at %" PRIu64 " %s",
			   disk->name, write->length, write->offset,
			   words[fate]);
		if (fate == 0)
			settle_part(disk, write, 0, write->length);
		else if (fate == 2)
			tear(disk, write);
		free(write);
	}
	sim_store_clear(&disk->visible);
}
