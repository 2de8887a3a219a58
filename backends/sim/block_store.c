/* SPDX-License-Identifier: ISC */
/* block_store.c: sparse bytes in extents of 64 KiB, found by a table of tables. */
#include "block.h"

#include <stdlib.h>
#include <string.h>

/* Stands for an extent of zeroes that hides what is below. */
static uint8_t zeroes[1];

static uint8_t *extent(const struct sim_store *store, uint64_t index)
{
	uint8_t **leaf = store->leaves[index / SIM_STORE_FAN];

	return leaf == NULL ? NULL : leaf[index % SIM_STORE_FAN];
}

static uint8_t **slot(struct sim_store *store, uint64_t index)
{
	uint8_t ***leaf = &store->leaves[index / SIM_STORE_FAN];

	if (*leaf == NULL)
		*leaf = sim_alloc(SIM_STORE_FAN * sizeof **leaf);
	return &(*leaf)[index % SIM_STORE_FAN];
}

static void read_extent(const struct sim_store *store, uint64_t index,
			uint32_t from, uint8_t *to, uint32_t length)
{
	const uint8_t *bytes = NULL;

	while (bytes == NULL && store != NULL) {
		bytes = extent(store, index);
		store = store->below;
	}
	if (bytes == NULL || bytes == zeroes)
		memset(to, 0, length);
	else
		memcpy(to, bytes + from, length);
}

/** The extent's own bytes, filled with what showed there before. */
static uint8_t *own_extent(struct sim_store *store, uint64_t index)
{
	uint8_t **own = slot(store, index), *bytes;

	if (*own != NULL && *own != zeroes)
		return *own;
	bytes = sim_alloc(SIM_EXTENT_BYTES);
	read_extent(store, index, 0, bytes, SIM_EXTENT_BYTES);
	*own = bytes;
	return bytes;
}

/** A whole extent of zeroes needs no memory. */
static void zero_extent(struct sim_store *store, uint64_t index)
{
	uint8_t **own;

	if (store->below == NULL && extent(store, index) == NULL)
		return;
	own = slot(store, index);
	if (*own != zeroes)
		free(*own);
	*own = store->below != NULL ? zeroes : NULL;
}

static void write_extent(struct sim_store *store, uint64_t index, uint32_t at,
			 const uint8_t *from, uint32_t length)
{
	if (from != NULL)
		memcpy(own_extent(store, index) + at, from, length);
	else if (length == SIM_EXTENT_BYTES)
		zero_extent(store, index);
	else
		memset(own_extent(store, index) + at, 0, length);
}

/** How much of `length` lies within the extent of `offset`. */
static uint32_t piece(uint64_t offset, uint64_t length)
{
	uint32_t room =
		SIM_EXTENT_BYTES - (uint32_t)(offset % SIM_EXTENT_BYTES);

	return length < room ? (uint32_t)length : room;
}

void sim_store_read(const struct sim_store *store, uint64_t offset, void *to,
		    uint64_t length)
{
	uint8_t *bytes = to;

	while (length > 0) {
		uint32_t n = piece(offset, length);

		read_extent(store, offset / SIM_EXTENT_BYTES,
			    offset % SIM_EXTENT_BYTES, bytes, n);
		bytes += n;
		offset += n;
		length -= n;
	}
}

void sim_store_write(struct sim_store *store, uint64_t offset, const void *from,
		     uint64_t length)
{
	const uint8_t *bytes = from;

	while (length > 0) {
		uint32_t n = piece(offset, length);

		write_extent(store, offset / SIM_EXTENT_BYTES,
			     offset % SIM_EXTENT_BYTES, bytes, n);
		bytes += from != NULL ? n : 0;
		offset += n;
		length -= n;
	}
}

void sim_store_clear(struct sim_store *store)
{
	for (size_t i = 0; i < SIM_STORE_FAN; i++) {
		uint8_t **leaf = store->leaves[i];

		for (size_t k = 0; leaf != NULL && k < SIM_STORE_FAN; k++)
			if (leaf[k] != zeroes)
				free(leaf[k]);
		free(leaf);
		store->leaves[i] = NULL;
	}
}
