/* SPDX-License-Identifier: ISC */
/*
 * kv_dir.h: a directory as a store. kv_dir.c opens it and hands requests to
 * libuv's threads; kv_dir_file.c does there what concerns one key, and
 * kv_dir_list.c a LIST. The threads call the host only, never the core, and no
 * symbolic link is ever followed: every name of a key is a step of its own.
 */
#ifndef MIRAGE_UNIX_KV_DIR_H
#define MIRAGE_UNIX_KV_DIR_H

#include "unix.h"

#include <sys/stat.h>

/* More than libuv has threads: those have the next request at hand. */
#define UNIX_KV_WORKS 16u

/** What is being written, in the root of the store, begins so; nobody gets to
 *  see it. */
#define UNIX_KV_TEMPORARY ".mirage-kv-"

struct unix_kv_listing;

/** A request in a thread. */
struct unix_kv_work {
	uv_work_t work;
	struct unix_kv_dir *dir;
	struct mirage_kv_request *request;
	int result;	    /* a count, or a negative errno */
	int64_t stamp_ns;   /* SET: the time that the file gets */
	char temporary[32]; /* SET: its name while it is written */
	struct unix_kv_listing *listing;
	struct unix_kv_work *next; /* free */
};

struct unix_kv_dir {
	struct mirage_kv kv;
	struct mirage_kv_info info;
	int fd;
	int64_t last_stamp_ns;
	struct unix_kv_work works[UNIX_KV_WORKS];
	struct unix_kv_work *free_work;
	struct mirage_kv_request *waiting, **waiting_end;
};

/* kv_dir_file.c, for threads: all return a count or a negative errno. */

/** The descriptor of the directory that holds the last name of `key`, which `*name`
 *  then points to. With `change` it can be synchronised, and missing directories
 *  are made. Close it by unix_kv_leave. */
int unix_kv_enter(const struct unix_kv_dir *dir, const char *key, bool change,
		  const char **name);
void unix_kv_leave(const struct unix_kv_dir *dir, int fd);

void unix_kv_describe(const struct stat *stat, struct mirage_kv_value *value);
int unix_kv_stat(struct unix_kv_work *work);
int unix_kv_read(struct unix_kv_work *work);
int unix_kv_set(struct unix_kv_work *work);
int unix_kv_remove(struct unix_kv_work *work);
/** Whether `key` is a name that the store keeps for itself. */
bool unix_kv_reserved(const char *key);

/* kv_dir_list.c */

/** Memory for a LIST, or NULL. */
struct unix_kv_listing *unix_kv_listing_new(void);
void unix_kv_listing_free(struct unix_kv_listing *listing);
/** In a thread: collects some keys. Returns 1 when there may be more, 0 at the end,
 *  or a negative errno. */
int unix_kv_list_some(struct unix_kv_work *work);
/** In the loop: tells the keys that were collected. False: the program has
 *  ended. */
bool unix_kv_list_tell(struct unix_kv_work *work);

#endif /* MIRAGE_UNIX_KV_DIR_H */
