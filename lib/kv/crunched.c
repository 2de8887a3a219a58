/* SPDX-License-Identifier: ISC */
/* Files that mirage-crunch(1) has made into data of the program. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

struct crunched_store {
	struct kv_store store;
	const struct mirage_kv_crunched_file *files;
};

static const struct mirage_kv_crunched_file *
crunched_file(const struct kv_store *store, size_t i)
{
	return &((const struct crunched_store *)store)->files[i];
}

static const char *crunched_key(const struct kv_store *store, size_t i)
{
	return crunched_file(store, i)->key;
}

static void crunched_value(const struct kv_store *store, size_t i,
			   struct mirage_kv_value *value)
{
	const struct mirage_kv_crunched_file *file = crunched_file(store, i);

	value->size_bytes = file->length_bytes;
	value->modified_ns = file->modified_ns;
	memcpy(value->version, file->version, sizeof value->version);
	value->content_type = file->content_type != NULL
				      ? file->content_type
				      : mirage_kv_content_type(file->key);
}

static void crunched_read(struct kv_store *store, size_t i,
			  struct mirage_kv_request *request)
{
	const struct mirage_kv_crunched_file *file = crunched_file(store, i);

	mirage_core_kv_complete(request, kv_store_copy(request, file->bytes,
						       file->length_bytes));
}

static const void *crunched_view(struct mirage_kv *kv, const char *key,
				 struct mirage_kv_value *value)
{
	const struct kv_store *store = (const struct kv_store *)kv;
	bool found;
	size_t place = kv_store_place(store, key, &found);

	if (!found)
		return NULL;
	crunched_value(store, place, value);
	return crunched_file(store, place)->bytes;
}

static void crunched_dispose(struct mirage_kv *kv)
{
	free(kv);
}

static const struct mirage_kv_ops crunched_ops = {
	.size = sizeof crunched_ops,
	.submit = kv_store_submit,
	.view = crunched_view,
	.close = kv_store_close,
	.dispose = crunched_dispose,
};

int mirage_kv_crunched_open(const struct mirage_kv_crunched *site,
			    struct mirage_kv **kv)
{
	struct crunched_store *crunched = calloc(1, sizeof *crunched);

	if (crunched == NULL)
		return MIRAGE_ENOMEM;
	crunched->files = site->files;
	crunched->store = (struct kv_store){
		.kv = {.ops = &crunched_ops},
		.info = {.size = sizeof crunched->store.info,
			 .caps = MIRAGE_KV_CAP_VIEW},
		.n_keys = site->n_files,
		.key_at = crunched_key,
		.value_at = crunched_value,
		.read = crunched_read,
	};
	crunched->store.kv.info = &crunched->store.info;
	mirage_core_kv_start(&crunched->store.kv);
	*kv = &crunched->store.kv;
	return 0;
}
