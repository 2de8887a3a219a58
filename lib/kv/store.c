/* SPDX-License-Identifier: ISC */
/* The index, LIST, and the way of a request through a store. */
#include "store.h"

#include <string.h>

/* Keys of LISTs in one turn of the loop, that it may serve others. */
#define KEYS_A_TURN 256u

size_t kv_store_place(const struct kv_store *store, const char *key,
		      bool *found)
{
	size_t from = 0, to = store->n_keys;

	*found = false;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(key, store->key_at(store, middle));

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* ------------------------------------------------------------------ LIST -- */

static void list_take(struct kv_store *store, struct mirage_kv_request *list)
{
	struct mirage_kv_request **at = &store->lists;

	while (*at != list)
		at = &(*at)->next;
	*at = list->next;
}

/** Tells one key, and whether there may be another. The callback may change the
 *  store, and with it the place. */
static bool list_one(struct kv_store *store, struct mirage_kv_request *list)
{
	struct mirage_kv_value value = {0};
	size_t place = (size_t)list->implementation[0];
	char key[MIRAGE_KV_KEY_MAX + 1];

	if (place >= store->n_keys)
		return false;
	strcpy(key, store->key_at(store, place));
	if (strncmp(key, list->key, strlen(list->key)) != 0)
		return false;
	store->value_at(store, place, &value);
	list->implementation[0]++;
	return mirage_core_kv_key(list, key, &value);
}

static void list_some(void *arg)
{
	struct kv_store *store = arg;
	struct mirage_kv_request *list = store->lists;

	for (unsigned i = 0; i < KEYS_A_TURN && list != NULL; i++) {
		if (list_one(store, list))
			continue;
		if (mirage_core_ended())
			return;
		list_take(store, list);
		mirage_core_kv_complete(list, 0);
		list = store->lists;
	}
	if (store->lists != NULL)
		mirage_timer_start(&store->lister, 0, list_some, store);
}

static void list_start(struct kv_store *store, struct mirage_kv_request *list)
{
	struct mirage_kv_request **end = &store->lists;
	bool found;

	while (*end != NULL)
		end = &(*end)->next;
	*end = list;
	list->implementation[0] = kv_store_place(store, list->key, &found);
	if (!mirage_timer_armed(&store->lister))
		mirage_timer_start(&store->lister, 0, list_some, store);
}

void kv_store_moved(struct kv_store *store, size_t place, bool in)
{
	struct mirage_kv_request *list;

	for (list = store->lists; list != NULL; list = list->next)
		if (list->implementation[0] > place)
			list->implementation[0] += in ? 1 : UINT64_MAX;
}

/* -------------------------------------------------------------- Requests -- */

void kv_store_submit(struct mirage_kv *kv, struct mirage_kv_request *request)
{
	struct kv_store *store = (struct kv_store *)kv;
	bool found;
	size_t place;

	if (request->op == MIRAGE_KV_LIST) {
		list_start(store, request);
		return;
	}
	if (request->op >= MIRAGE_KV_SET) {
		mirage_core_kv_complete(request, store->change(store, request));
		return;
	}
	place = kv_store_place(store, request->key, &found);
	if (!found) {
		mirage_core_kv_complete(request, MIRAGE_ENOENT);
		return;
	}
	store->value_at(store, place, &request->value);
	if (request->op == MIRAGE_KV_READ)
		store->read(store, place, request);
	else
		mirage_core_kv_complete(request, 0);
}

void kv_store_close(struct mirage_kv *kv)
{
	mirage_core_kv_closed(kv);
}

int kv_store_copy(const struct mirage_kv_request *request, const void *bytes,
		  uint64_t size_bytes)
{
	uint64_t at = request->offset_bytes;
	int count = 0;

	for (uint32_t i = 0; i < request->n_vectors && at < size_bytes; i++) {
		const struct mirage_vector *to = &request->vectors[i];
		size_t n = to->length_bytes;

		if (n > size_bytes - at)
			n = (size_t)(size_bytes - at);
		if (n > 0)
			memcpy(to->base, (const uint8_t *)bytes + at, n);
		at += n;
		count += (int)n;
	}
	return count;
}
