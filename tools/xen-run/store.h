/* SPDX-License-Identifier: ISC */
/**
 * @file The store, as far as this tool needs it. In a dry run, writing tells and
 * does nothing. Failures are remembered and told once, by store_ok().
 */
#ifndef XEN_RUN_STORE_H
#define XEN_RUN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#define STORE_PATH 160

enum store_access {
	STORE_TOOLS, /* for dom0 alone */
	STORE_GUEST_READS,
	STORE_GUEST_OWNS,
};

bool store_open(void);
void store_close(void);

/** Whether xenstored still answers, which takes seconds when it does not. From
 *  then on nothing is asked of it any more: it would wait for ever. */
bool store_answers(void);

/** False after a complaint when something failed since the last call. */
bool store_ok(void);

/** Makes `path`. New nodes below it have the same access. */
void store_directory(const char *path, enum store_access access,
		     uint32_t domid);
void store_access(const char *path, enum store_access access, uint32_t domid);
/** Writes `directory`/`key`. */
void store_write(const char *directory, const char *key, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));
void store_remove(const char *path);

/** Tells xenstored of a domain, its ring's frame and its event channel. */
void store_introduce(uint32_t domid, uint64_t gfn, uint32_t port);

/* Reading is done in dry runs as well. */

/** The value of `directory`/`key`, to be freed; NULL when there is none. */
char *store_read(const char *directory, const char *key);
/** Whole number in decimal, or `otherwise`. */
long store_number(const char *directory, const char *key, long otherwise);
/** The children of `path`, one block to be freed; NULL when there are none. */
char **store_list(const char *path, unsigned *n);

/** From now on store_fd() becomes readable when domains end. */
bool store_watch_ends(void);
int store_fd(void);
void store_watch_drain(void);

#endif
