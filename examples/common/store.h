/* SPDX-License-Identifier: ISC */
/* Where an example has its files from: the program itself, a tar image on a disk, or
 * what the backend has. */
#ifndef EXAMPLES_STORE_H
#define EXAMPLES_STORE_H

#include <mirage-kv.h>

/** An open store, and the disk under it, if any. Zeroed memory is a closed one. */
struct store {
	struct mirage_kv *kv;
	struct mirage_block *disk;

	mirage_kv_open_fn *done; /* of the open under way */
	void *arg;
	struct mirage_timer soon;
};

/**
 * Opens the files called `name` as `from` says: "builtin" are those in `builtin`,
 * "tar" an image on the disk `name` (--block), "kv" the store `name` (--kv). False,
 * after a line in the log, for any other `from`; else `done` runs later.
 */
bool store_open(struct store *store, const char *from, const char *name,
		const struct mirage_kv_crunched *builtin,
		mirage_kv_open_fn *done, void *arg);

/** Closes what is open. */
void store_close(struct store *store);

#endif /* EXAMPLES_STORE_H */
