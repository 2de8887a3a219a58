/* SPDX-License-Identifier: ISC */
#include "store.h"

#include <string.h>

static void on_kv(void *arg, int result, struct mirage_kv *kv)
{
	struct store *store = arg;

	store->kv = kv;
	store->done(store->arg, result, kv);
}

static void on_tar(void *arg, int result, struct mirage_kv *kv)
{
	struct store *store = arg;

	if (result < 0)
		mirage_log(MIRAGE_LOG_ERROR,
			   "block '%s': no tar image on it: %s; make one with: "
			   "tar -cf site.tar -C FOLDER .",
			   store->disk->name, mirage_strerror(result));
	on_kv(arg, result, kv);
}

static void on_disk(void *arg, int result, struct mirage_block *disk)
{
	struct store *store = arg;

	store->disk = disk;
	if (result < 0)
		store->done(store->arg, result, NULL);
	else
		mirage_kv_tar_open(disk, on_tar, store);
}

static void on_soon(void *arg)
{
	struct store *store = arg;

	store->done(store->arg, 0, store->kv);
}

bool store_open(struct store *store, const char *from, const char *name,
		const struct mirage_kv_crunched *builtin,
		mirage_kv_open_fn *done, void *arg)
{
	store->done = done;
	store->arg = arg;
	if (strcmp(from, "tar") == 0) {
		mirage_block_open(name, on_disk, store);
	} else if (strcmp(from, "kv") == 0) {
		mirage_kv_open(name, on_kv, store);
	} else if (strcmp(from, "builtin") != 0) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--%s: expected builtin, tar or kv, got '%s'", name,
			   from);
		return false;
	} else if (mirage_kv_crunched_open(builtin, &store->kv) < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "no memory for the files");
		return false;
	} else {
		mirage_timer_start(&store->soon, 0, on_soon, store);
	}
	return true;
}

static void on_kv_closed(void *arg, uint32_t event)
{
	struct mirage_block *disk = arg;

	if (event == MIRAGE_EVENT_CLOSED && disk != NULL)
		mirage_block_close(disk);
}

void store_close(struct store *store)
{
	struct store closing = *store;

	*store = (struct store){0};
	if (closing.kv != NULL) {
		mirage_kv_on_event(closing.kv, on_kv_closed, closing.disk);
		mirage_kv_close(closing.kv);
	} else if (closing.disk != NULL) {
		mirage_block_close(closing.disk);
	}
}
