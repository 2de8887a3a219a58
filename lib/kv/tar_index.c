/* SPDX-License-Identifier: ISC */
/* The index of a tar image: an array, and the keys in pieces of memory that stay
 * where they are. */
#include "tar.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 16384u

struct tar_text {
	struct tar_text *next;
	size_t used;
	char bytes[TEXT_BYTES];
};

static const char *keep(struct tar_index *index, const char *key)
{
	size_t length = strlen(key) + 1;
	struct tar_text *text = index->text;
	char *kept;

	if (text == NULL || length > TEXT_BYTES - text->used) {
		text = malloc(sizeof *text);
		if (text == NULL)
			return NULL;
		text->next = index->text;
		text->used = 0;
		index->text = text;
	}
	kept = text->bytes + text->used;
	memcpy(kept, key, length);
	text->used += length;
	return kept;
}

static int grow(struct tar_index *index)
{
	uint32_t room = index->room == 0 ? 64 : index->room * 2;
	struct tar_entry *entries;

	if (index->n == MIRAGE_KV_TAR_FILES_MAX)
		return MIRAGE_ERANGE;
	if (index->n < index->room)
		return 0;
	entries = realloc(index->entries, room * sizeof entries[0]);
	if (entries == NULL)
		return MIRAGE_ENOMEM;
	index->entries = entries;
	index->room = room;
	return 0;
}

int tar_index_add(struct tar_index *index, const struct tar_found *found)
{
	const char *key;
	int error = grow(index);

	if (error < 0)
		return error;
	key = keep(index, found->key);
	if (key == NULL)
		return MIRAGE_ENOMEM;
	index->entries[index->n++] = (struct tar_entry){
		.key = key,
		.at_bytes = found->at_bytes,
		.size_bytes = found->size_bytes,
		.modified_ns = found->modified_ns,
		.checksum = found->checksum,
	};
	return 0;
}

/** By key, then by place: the last one of a name is the one that counts. */
static int order(const void *one, const void *other)
{
	const struct tar_entry *a = one, *b = other;
	int keys = strcmp(a->key, b->key);

	if (keys != 0)
		return keys;
	return a->at_bytes < b->at_bytes ? -1 : a->at_bytes > b->at_bytes;
}

uint32_t tar_index_sort(struct tar_index *index)
{
	struct tar_entry *entries = index->entries;
	uint32_t n = 0, duplicates;

	if (index->n == 0)
		return 0;
	qsort(entries, index->n, sizeof entries[0], order);
	for (uint32_t i = 0; i < index->n; i++) {
		bool last = i + 1 == index->n ||
			    strcmp(entries[i].key, entries[i + 1].key) != 0;

		if (last)
			entries[n++] = entries[i];
	}
	duplicates = index->n - n;
	index->n = n;
	return duplicates;
}

void tar_index_free(struct tar_index *index)
{
	struct tar_text *text, *next;

	for (text = index->text; text != NULL; text = next) {
		next = text->next;
		free(text);
	}
	free(index->entries);
	memset(index, 0, sizeof *index);
}
