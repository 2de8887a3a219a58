/* SPDX-License-Identifier: ISC */
/*
 * A disk in memory: ram:SIZE[,sector=N][,fill=BYTE][,ro]. It lasts as long as the
 * program, so that what was written is there when it is opened again.
 */
#include "tiny.h"

#include <stdlib.h>
#include <string.h>

struct tiny_block {
	struct mirage_block block; /* first */
	struct mirage_block_info info;
	struct mirage_block_counters counters;
	struct tiny_block *next;
	char name[32];
	uint8_t bytes[];
};

static struct tiny_block *disks;

static void copy(struct tiny_block *tiny,
		 const struct mirage_block_request *request)
{
	uint8_t *at = tiny->bytes + request->offset_bytes;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *vector = &request->vectors[i];

		if (request->op == MIRAGE_BLOCK_READ)
			memcpy(vector->base, at, vector->length_bytes);
		else
			memcpy(at, vector->base, vector->length_bytes);
		at += vector->length_bytes;
	}
}

static void submit(struct mirage_block *block,
		   struct mirage_block_request *const requests[], size_t n)
{
	struct tiny_block *tiny = (struct tiny_block *)block;

	for (size_t i = 0; i < n; i++) {
		/* A flush has nothing to do, and the core lets no other op
		 * through, since we say that we have none. */
		if (requests[i]->op != MIRAGE_BLOCK_FLUSH)
			copy(tiny, requests[i]);
		mirage_core_block_complete(requests[i], 0);
	}
}

static void close_block(struct mirage_block *block)
{
	mirage_core_block_closed(block);
}

static const struct mirage_block_ops ops = {
	.size = sizeof(ops),
	.submit = submit,
	.close = close_block,
};

static struct tiny_block *make(uint64_t size_bytes, uint32_t sector_bytes,
			       int fill, bool read_only)
{
	struct tiny_block *tiny = malloc(sizeof(*tiny) + size_bytes);

	if (tiny == NULL)
		return NULL;
	memset(tiny, 0, sizeof(*tiny));
	memset(tiny->bytes, fill, size_bytes);
	tiny->info = (struct mirage_block_info){
		.size = sizeof(tiny->info),
		.caps = MIRAGE_BLOCK_CAP_FLUSH |
			(read_only ? 0 : (uint32_t)MIRAGE_BLOCK_CAP_WRITE),
		.size_bytes = size_bytes,
		.sector_bytes = sector_bytes,
		.physical_sector_bytes = sector_bytes,
		.buffer_align_bytes = 1,
		.max_vectors = 16,
		.max_transfer_bytes = 1 << 20,
		.queue_depth = 8,
	};
	tiny->next = disks;
	disks = tiny;
	return tiny;
}

static void answer(struct mirage_open *open, struct tiny_block *tiny)
{
	if (tiny == NULL) {
		mirage_core_block_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	tiny->counters = (struct mirage_block_counters){
		.size = sizeof(tiny->counters),
	};
	tiny->block = (struct mirage_block){
		.ops = &ops,
		.info = &tiny->info,
		.counters = &tiny->counters,
	};
	strcpy(tiny->name, open->name); /* the core allows 31 bytes */
	mirage_core_block_opened(open, 0, &tiny->block);
}

static bool opened_before(struct mirage_open *open)
{
	for (struct tiny_block *tiny = disks; tiny != NULL; tiny = tiny->next) {
		if (strcmp(tiny->name, open->name) == 0) {
			answer(open, tiny);
			return true;
		}
	}
	return false;
}

void tiny_block_open(struct mirage_open *open)
{
	uint64_t size_bytes = 0, sector_bytes = 512, fill = 0;
	struct mirage_uri uri;
	const char *value;
	bool read_only;

	if (open->uri == NULL) {
		mirage_core_open_error(open, "give --block %s=ram:SIZE",
				       open->name);
		mirage_core_block_opened(open, MIRAGE_ENODEV, NULL);
		return;
	}
	if (opened_before(open))
		return;
	if (mirage_uri_parse(&uri, open->uri) != NULL ||
	    strcmp(uri.scheme, "ram") != 0 ||
	    !mirage_uri_bytes(uri.path, &size_bytes)) {
		tiny_refuse(open, "give ram:SIZE");
		return;
	}
	read_only = mirage_uri_option(&uri, "ro") != NULL;
	value = mirage_uri_option(&uri, "sector");
	if (value != NULL && (!mirage_uri_bytes(value, &sector_bytes) ||
			      (sector_bytes != 512 && sector_bytes != 4096))) {
		tiny_refuse(open, "give sector=512 or sector=4096");
		return;
	}
	value = mirage_uri_option(&uri, "fill");
	if ((value != NULL && !mirage_uri_bytes(value, &fill)) || fill > 255 ||
	    size_bytes == 0 || size_bytes % sector_bytes != 0 ||
	    mirage_uri_unused(&uri) != NULL)
		tiny_refuse(open, "give ram:SIZE, in whole sectors");
	else
		answer(open, make(size_bytes, (uint32_t)sector_bytes, (int)fill,
				  read_only));
}
