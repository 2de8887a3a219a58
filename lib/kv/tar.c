/* SPDX-License-Identifier: ISC */
/* A tar image on a disk, as a store. */
#include "tar.h"

#include <stdlib.h>
#include <string.h>

static const struct tar_entry *tar_entry(const struct kv_store *store, size_t i)
{
	return &((const struct tar_store *)store)->index.entries[i];
}

static const char *tar_key(const struct kv_store *store, size_t i)
{
	return tar_entry(store, i)->key;
}

/** Spreads the differences of a few bits over all of them (Steele, Lea, Flood
 *  2014: splitmix64). */
static uint64_t mix(uint64_t bits)
{
	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return bits ^ bits >> 31;
}

static void tar_version(const struct tar_entry *entry, uint8_t version[16])
{
	uint64_t time = mix((uint64_t)entry->modified_ns);
	uint64_t first = mix(time ^ entry->size_bytes);
	uint64_t second =
		mix(first ^ entry->at_bytes ^ (uint64_t)entry->checksum << 40);

	memcpy(version, &first, sizeof first);
	memcpy(version + sizeof first, &second, sizeof second);
}

static void tar_value(const struct kv_store *store, size_t i,
		      struct mirage_kv_value *value)
{
	const struct tar_entry *entry = tar_entry(store, i);

	value->size_bytes = entry->size_bytes;
	value->modified_ns = entry->modified_ns;
	tar_version(entry, value->version);
	value->content_type = mirage_kv_content_type(entry->key);
}

static void tar_dispose(struct mirage_kv *kv)
{
	struct tar_store *tar = (struct tar_store *)kv;

	tar_index_free(&tar->index);
	tar_read_fini(tar);
	free(tar);
}

static const struct mirage_kv_ops tar_ops = {
	.size = sizeof tar_ops,
	.submit = kv_store_submit,
	.close = kv_store_close,
	.dispose = tar_dispose,
};

int tar_store_new(struct mirage_block *block, struct tar_index *index,
		  const struct mirage_kv_tar_report *report,
		  struct mirage_kv **kv)
{
	struct tar_store *tar = calloc(1, sizeof *tar);
	int error;

	if (tar == NULL)
		return MIRAGE_ENOMEM;
	tar->block = block;
	error = tar_read_init(tar);
	if (error < 0) {
		free(tar);
		return error;
	}
	tar->report = *report;
	tar->index = *index;
	memset(index, 0, sizeof *index);
	tar->store = (struct kv_store){
		.kv = {.ops = &tar_ops},
		.info = {.size = sizeof tar->store.info},
		.n_keys = tar->index.n,
		.key_at = tar_key,
		.value_at = tar_value,
		.read = tar_read,
	};
	tar->store.kv.info = &tar->store.info;
	mirage_core_kv_start(&tar->store.kv);
	*kv = &tar->store.kv;
	return 0;
}

const struct mirage_kv_tar_report *
mirage_kv_tar_report(const struct mirage_kv *kv)
{
	return &((const struct tar_store *)kv)->report;
}
