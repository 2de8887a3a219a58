/* SPDX-License-Identifier: ISC */
/*
 * tiny.h: a whole backend in three files, as somebody else would write it: disks
 * in memory, and networks that are wired to each other.
 */
#ifndef TINY_H
#define TINY_H

#include <mirage-backend.h>

/** Answers an open with EINVAL and `message`. */
void tiny_refuse(struct mirage_open *open, const char *message);

void tiny_net_open(struct mirage_open *open);
void tiny_block_open(struct mirage_open *open);

/** Hands over the frames that arrived; returns whether there were any. */
bool tiny_net_deliver(void);

#endif /* TINY_H */
