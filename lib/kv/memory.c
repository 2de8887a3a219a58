/* SPDX-License-Identifier: ISC */
/* A store in memory, within a limit. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

struct memory_entry {
	uint8_t *bytes; /* NULL when there are none */
	struct mirage_kv_value value;
	char key[];
};

struct memory_store {
	struct kv_store store;
	struct memory_entry **entries; /* in the order of their keys */
	size_t room;		       /* of `entries` */
	uint64_t used_bytes;
	uint64_t changes;
};

static struct memory_store *memory_of(struct kv_store *store)
{
	return (struct memory_store *)store;
}

static struct memory_entry *memory_at(const struct kv_store *store, size_t i)
{
	return ((const struct memory_store *)store)->entries[i];
}

static const char *memory_key(const struct kv_store *store, size_t i)
{
	return memory_at(store, i)->key;
}

static void memory_value(const struct kv_store *store, size_t i,
			 struct mirage_kv_value *value)
{
	*value = memory_at(store, i)->value;
}

static void memory_read(struct kv_store *store, size_t i,
			struct mirage_kv_request *request)
{
	const struct memory_entry *entry = memory_at(store, i);

	mirage_core_kv_complete(
		request,
		kv_store_copy(request, entry->bytes, entry->value.size_bytes));
}

/* --------------------------------------------------------------- Changes -- */

static uint64_t memory_cost(const char *key, uint64_t size_bytes)
{
	return MIRAGE_KV_MEMORY_ENTRY_BYTES + strlen(key) + size_bytes;
}

static uint64_t memory_entry_cost(const struct memory_entry *entry)
{
	return memory_cost(entry->key, entry->value.size_bytes);
}

static uint64_t memory_length(const struct mirage_kv_request *request)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < request->n_vectors; i++)
		bytes += request->vectors[i].length_bytes;
	return bytes;
}

static bool memory_gather(struct memory_entry *entry,
			  const struct mirage_kv_request *request)
{
	uint8_t *to;

	if (entry->value.size_bytes == 0)
		return true;
	entry->bytes = to = malloc((size_t)entry->value.size_bytes);
	if (to == NULL)
		return false;
	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *from = &request->vectors[i];

		if (from->length_bytes == 0)
			continue;
		memcpy(to, from->base, from->length_bytes);
		to += from->length_bytes;
	}
	return true;
}

static void memory_free(struct memory_entry *entry)
{
	free(entry->bytes);
	free(entry);
}

/** What the value is known by: the time, and the number of the change, as a clock
 *  may be coarse or be set back. */
static void memory_stamp(struct memory_store *memory,
			 struct memory_entry *entry)
{
	int64_t now_ns = mirage_clock_wall_ns();

	memory->changes++;
	entry->value.modified_ns = now_ns;
	memcpy(entry->value.version, &now_ns, sizeof now_ns);
	memcpy(entry->value.version + sizeof now_ns, &memory->changes,
	       sizeof memory->changes);
	entry->value.content_type = mirage_kv_content_type(entry->key);
}

/** An entry with what `request` sets, or NULL. */
static struct memory_entry *memory_new(struct memory_store *memory,
				       const struct mirage_kv_request *request)
{
	size_t key_bytes = strlen(request->key) + 1;
	struct memory_entry *entry = calloc(1, sizeof *entry + key_bytes);

	if (entry == NULL)
		return NULL;
	memcpy(entry->key, request->key, key_bytes);
	entry->value.size_bytes = memory_length(request);
	if (!memory_gather(entry, request)) {
		memory_free(entry);
		return NULL;
	}
	memory_stamp(memory, entry);
	return entry;
}

/** Makes room for one entry more. */
static bool memory_grow(struct memory_store *memory)
{
	size_t room = memory->room == 0 ? 16 : memory->room * 2;
	struct memory_entry **entries;

	if (memory->store.n_keys < memory->room)
		return true;
	entries = realloc(memory->entries, room * sizeof entries[0]);
	if (entries == NULL)
		return false;
	memory->entries = entries;
	memory->room = room;
	return true;
}

static void memory_put_in(struct memory_store *memory, size_t place,
			  struct memory_entry *entry)
{
	struct memory_entry **at = memory->entries + place;

	memmove(at + 1, at, (memory->store.n_keys - place) * sizeof at[0]);
	*at = entry;
	memory->store.n_keys++;
	kv_store_moved(&memory->store, place, true);
}

static void memory_take_out(struct memory_store *memory, size_t place)
{
	struct memory_entry **at = memory->entries + place;

	memory->used_bytes -= memory_entry_cost(*at);
	memory_free(*at);
	memory->store.n_keys--;
	memmove(at, at + 1, (memory->store.n_keys - place) * sizeof at[0]);
	kv_store_moved(&memory->store, place, false);
}

static int memory_set(struct memory_store *memory, size_t place, bool found,
		      const struct mirage_kv_request *request)
{
	uint64_t cost = memory_cost(request->key, memory_length(request));
	uint64_t used = memory->used_bytes;
	struct memory_entry *entry;

	if (found)
		used -= memory_entry_cost(memory->entries[place]);
	if (cost > memory->store.info.max_value_bytes - used)
		return MIRAGE_ENOSPC;
	if (!found && !memory_grow(memory))
		return MIRAGE_ENOMEM;
	entry = memory_new(memory, request);
	if (entry == NULL)
		return MIRAGE_ENOMEM;
	memory->used_bytes = used + cost;
	if (found) {
		memory_free(memory->entries[place]);
		memory->entries[place] = entry;
	} else {
		memory_put_in(memory, place, entry);
	}
	return 0;
}

static int memory_change(struct kv_store *store,
			 struct mirage_kv_request *request)
{
	struct memory_store *memory = memory_of(store);
	bool found;
	size_t place = kv_store_place(store, request->key, &found);

	if (request->op == MIRAGE_KV_SET)
		return memory_set(memory, place, found, request);
	if (!found)
		return MIRAGE_ENOENT;
	memory_take_out(memory, place);
	return 0;
}

/* --------------------------------------------------------------- Opening -- */

static void memory_dispose(struct mirage_kv *kv)
{
	struct memory_store *memory = memory_of((struct kv_store *)kv);

	for (size_t i = 0; i < memory->store.n_keys; i++)
		memory_free(memory->entries[i]);
	free(memory->entries);
	free(memory);
}

static const struct mirage_kv_ops memory_ops = {
	.size = sizeof memory_ops,
	.submit = kv_store_submit,
	.close = kv_store_close,
	.dispose = memory_dispose,
};

int mirage_kv_memory_open(uint64_t limit_bytes, struct mirage_kv **kv)
{
	struct memory_store *memory = calloc(1, sizeof *memory);

	if (memory == NULL)
		return MIRAGE_ENOMEM;
	if (limit_bytes > SIZE_MAX / 2)
		limit_bytes = SIZE_MAX / 2;
	memory->store = (struct kv_store){
		.kv = {.ops = &memory_ops},
		.info = {.size = sizeof memory->store.info,
			 .caps = MIRAGE_KV_CAP_WRITE,
			 .max_value_bytes = limit_bytes},
		.key_at = memory_key,
		.value_at = memory_value,
		.read = memory_read,
		.change = memory_change,
	};
	memory->store.kv.info = &memory->store.info;
	mirage_core_kv_start(&memory->store.kv);
	*kv = &memory->store.kv;
	return 0;
}
