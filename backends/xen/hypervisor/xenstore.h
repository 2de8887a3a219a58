/* SPDX-License-Identifier: ISC */
/*
 * xenstore.h: the client of the store in which frontends and backends meet
 * (docs/misc/xenstore.txt, xen/include/public/io/xs_wire.h). Everything is
 * asynchronous: a request in the caller's memory, an answer from the loop.
 *
 * What the store says is the other side's word: answers are bounded, ended with
 * NUL, and never trusted to be numbers or paths.
 */
#ifndef MIRAGE_XEN_XENSTORE_H
#define MIRAGE_XEN_XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest path and value that drivers use; longer ones are errors. */
#define XENSTORE_PATH_MAX 255
#define XENSTORE_VALUE_MAX 255

/**
 * Several keys below one directory, read or written together: one round trip, and
 * when written one transaction, repeated while others interfere. After reading,
 * `value` is "" and `found` false where there is no such key. The caller's memory
 * until `done` has run; one at a time.
 */
struct xenstore_key {
	const char *name;
	char value[XENSTORE_VALUE_MAX + 1];
	bool found;
};

enum xenstore_kind { XENSTORE_READ, XENSTORE_WRITE, XENSTORE_LIST };

struct xenstore_batch {
	char directory[XENSTORE_PATH_MAX + 1];
	struct xenstore_key *keys;
	unsigned n_keys;
	/** `error` is 0 or a negative mirage error: EACCES and EAGAIN of writing,
	 *  EIO when the store is gone. A key that is missing is none. */
	void (*done)(struct xenstore_batch *batch, int error);
	void *arg;

	/* The client's. */
	struct xenstore_batch *next;
	enum xenstore_kind kind;
	uint32_t type, first_id; /* of the messages under way */
	uint32_t transaction;
	unsigned asked, answered, attempts;
	int error;
	bool busy;
};

/** Replies and events that no well-behaved store sends. */
extern uint64_t xenstore_breaches;

/** Connects to the store; before anything else here. */
void xenstore_init(void);

/** Nothing goes out until `xenstore_resume`. */
void xenstore_pause(void);
/** Connects to the store of a new domain: asks everything again that was not
 *  answered, and sets all watches, each of which fires. */
void xenstore_resume(void);

/** Reads or writes the keys, or lists the names of the children of `directory`
 *  into the values of `keys`, at most `n_keys`, which is set to their number. */
void xenstore_start(struct xenstore_batch *batch, enum xenstore_kind kind);

/** Forgets a batch that has not been answered; `done` will not run. */
void xenstore_cancel(struct xenstore_batch *batch);

/** Calls `changed` from the loop, once at first and whenever something at or below
 *  `path` changes. The caller's memory until `xenstore_unwatch`. */
struct xenstore_watch {
	char path[XENSTORE_PATH_MAX + 1];
	void (*changed)(struct xenstore_watch *watch);
	void *arg;

	/* The client's. */
	struct xenstore_watch *next;
};

void xenstore_watch(struct xenstore_watch *watch);
void xenstore_unwatch(struct xenstore_watch *watch);

/** Reads a decimal number without sign that ends the string. */
bool xenstore_number(const char *value, uint64_t most, uint64_t *number);

#endif /* MIRAGE_XEN_XENSTORE_H */
