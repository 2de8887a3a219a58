/* SPDX-License-Identifier: ISC */
/**
 * @file The guest's console, at its other end: no daemon and no terminal in
 * between, so that nothing is late and what a guest wrote before its end is
 * still in the ring when it is dead.
 */
#ifndef XEN_RUN_CONSOLE_H
#define XEN_RUN_CONSOLE_H

#include "guest.h"

#include <poll.h>

bool console_open(const struct guest *guest);
void console_close(void);

#define CONSOLE_FDS 4

/** Fills in the entries to wait for: the guest, standard input, standard output,
 *  and standard error for the guest's log; each -1 while there is nothing to wait
 *  for. */
void console_poll(struct pollfd fds[CONSOLE_FDS]);

/** Moves what can be moved, without waiting. */
void console_relay(const struct pollfd fds[CONSOLE_FDS]);

/** Writes out all that a dead guest has left, waiting for standard output. */
void console_drain(void);

#endif
