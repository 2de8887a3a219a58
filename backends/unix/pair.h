/* SPDX-License-Identifier: ISC */
/*
 * pair.h: what a test makes happen on the wire of `pair:LAN`. Both do nothing
 * when no network is open on it.
 */
#ifndef MIRAGE_UNIX_PAIR_H
#define MIRAGE_UNIX_PAIR_H

#include <stdbool.h>

/** Pulls the plug, or puts it back in. What is on its way still arrives. */
void unix_pair_set_link(const char *lan, bool up);

/** Stops deliveries both ways, so that queues fill up, or goes on. */
void unix_pair_set_paused(const char *lan, bool paused);

#endif /* MIRAGE_UNIX_PAIR_H */
