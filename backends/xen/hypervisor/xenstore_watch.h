/* SPDX-License-Identifier: ISC */
/*
 * xenstore_watch.h: the part of the store's client that keeps watches. Each path is
 * registered with the store once, under a token of its own.
 */
#ifndef MIRAGE_XEN_XENSTORE_WATCH_H
#define MIRAGE_XEN_XENSTORE_WATCH_H

#include "xenstore.h"

/** Marks the ids of messages about watches. */
#define XENSTORE_WATCH_ID (1u << 31)

void xenstore_watch_init(void);
/** All watches are to be set anew, in another store. */
void xenstore_watch_resume(void);
/** Sends what is to be said of watches, as far as there is room. */
void xenstore_watch_ask(void);
/** Takes an event: the path that changed, NUL, our token, NUL. */
void xenstore_watch_event(const char *text, uint32_t length);
/** Takes the reply to a message with a marked id. */
void xenstore_watch_reply(uint32_t type, uint32_t id, const char *text);

/* xenstore.c */

/** Sends what there is to send. */
void xenstore_ask(void);
/** Counts and tells what no well-behaved store sends. */
void xenstore_breach(const char *what);

#endif /* MIRAGE_XEN_XENSTORE_WATCH_H */
