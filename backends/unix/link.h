/* SPDX-License-Identifier: ISC */
/*
 * link.h: whether a network interface is up, asked of and told by the kernel
 * over rtnetlink.
 */
#ifndef MIRAGE_UNIX_LINK_H
#define MIRAGE_UNIX_LINK_H

#include <stdbool.h>

#include <uv.h>

struct unix_link {
	uv_poll_t poll;
	int fd;
	int index;  /* of the interface */
	bool up;    /* administratively, and its carrier too */
	bool gone;  /* the interface was deleted */
	void *data; /* the opener's */
	void (*on_change)(struct unix_link *link);
	void (*on_closed)(struct unix_link *link);
};

/**
 * Reads the state of interface `index` and calls `on_change`, from the loop,
 * after every change.
 * Returns 0 or an errno value, then nothing is left to close.
 */
int unix_link_open(struct unix_link *link, uv_loop_t *loop, int index,
		   void (*on_change)(struct unix_link *link));

/** Ends the watch; `on_closed` runs from the loop. */
void unix_link_close(struct unix_link *link,
		     void (*on_closed)(struct unix_link *link));

#endif /* MIRAGE_UNIX_LINK_H */
