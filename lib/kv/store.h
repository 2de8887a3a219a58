/* SPDX-License-Identifier: ISC */
/*
 * store.h: what the stores of this library have in common: an index of keys in
 * the order of their bytes, and LIST, which takes its time.
 */
#ifndef KV_STORE_H
#define KV_STORE_H

#include "mirage-kv.h"

#include <mirage-backend.h>

/** A store; `kv` comes first in it, and it first in those of each kind. */
struct kv_store {
	struct mirage_kv kv;
	struct mirage_kv_info info;
	size_t n_keys;

	/** The key at place `i` of the index, and what is known of its value. */
	const char *(*key_at)(const struct kv_store *store, size_t i);
	void (*value_at)(const struct kv_store *store, size_t i,
			 struct mirage_kv_value *value);
	/** Answers a READ of the value at `i`; `request->value` is filled in. */
	void (*read)(struct kv_store *store, size_t i,
		     struct mirage_kv_request *request);
	/** Does a SET or REMOVE and returns its result; NULL when read-only. */
	int (*change)(struct kv_store *store,
		      struct mirage_kv_request *request);

	/* LISTs under way, each with its place in the index. */
	struct mirage_kv_request *lists;
	struct mirage_timer lister;
};

/** The place of `key` in the index, or where it would be. */
size_t kv_store_place(const struct kv_store *store, const char *key,
		      bool *found);

/** `submit` of every store. */
void kv_store_submit(struct mirage_kv *kv, struct mirage_kv_request *request);

/** `close` of every store: nothing of it is in flight. */
void kv_store_close(struct mirage_kv *kv);

/** Tells the LISTs under way that a key was put in at `place`, or taken out. */
void kv_store_moved(struct kv_store *store, size_t place, bool in);

/** Puts the `size_bytes` at `bytes` into the vectors of a READ, from its offset
 *  on, and returns the count. */
int kv_store_copy(const struct mirage_kv_request *request, const void *bytes,
		  uint64_t size_bytes);

#endif /* KV_STORE_H */
