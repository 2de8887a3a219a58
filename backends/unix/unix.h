/* SPDX-License-Identifier: ISC */
/*
 * unix.h: what the files of the unix backend share. One libuv loop; everything
 * here runs on its thread.
 */
#ifndef MIRAGE_UNIX_H
#define MIRAGE_UNIX_H

#include <mirage-backend.h>

#include <uv.h>

/* unix.c */

/** The loop, from the start of `run` on. */
uv_loop_t *unix_loop(void);

/**
 * Work to be done once before the loop waits: a device collects what an op gave
 * it and hands it to the host in one batch. `run` may be queued again from
 * inside itself.
 */
struct unix_kick {
	void (*run)(struct unix_kick *kick);
	struct unix_kick *next;
	bool queued;
};

void unix_kick(struct unix_kick *kick);

/** Ends the process with a message when libuv, or the kernel by a negative errno,
 *  refuses what the backend cannot be without. */
void unix_must(int uv_result, const char *what);

/** The mirage error that says what the errno value `error` (positive) says. */
int unix_error(int error);

/* watch.c */

/**
 * Watches `fd` without touching its file status flags (libuv's own polls make it
 * non-blocking, which others who share the open file would notice). `events` are
 * EPOLLIN, EPOLLOUT; 0 rests. Returns false for files that cannot be waited for:
 * those are always ready.
 */
struct unix_watch {
	uv_poll_t poll;
	int epoll_fd;
	int fd;
	uint32_t events;
	void (*on_ready)(struct unix_watch *watch, uint32_t events);
};

bool unix_watch_init(struct unix_watch *watch, int fd,
		     void (*on_ready)(struct unix_watch *, uint32_t));
void unix_watch_set(struct unix_watch *watch, uint32_t events);

/* console.c, clock.c, time.c, random.c */
extern const struct mirage_console_ops unix_console_ops;
extern const struct mirage_clock_ops unix_clock_ops;
extern const struct mirage_time_ops unix_time_ops;
extern const struct mirage_random_ops unix_random_ops;

void unix_console_init(void);
void unix_time_init(void);
/** Whether the core wants a turn now. */
bool unix_time_due(void);
/** Sets the timer for what the core wants; returns whether that is now. */
bool unix_time_arm(void);

/* net.c: finds the file for a URI's scheme. Each opener owns the answer. */
void unix_net_open(struct mirage_open *open);
void unix_net_tap_open(struct mirage_open *open, struct mirage_uri *uri);
void unix_net_slirp_open(struct mirage_open *open, struct mirage_uri *uri);
void unix_net_pair_open(struct mirage_open *open, struct mirage_uri *uri);
void unix_net_stream_open(struct mirage_open *open, struct mirage_uri *uri);

/* block.c */
void unix_block_open(struct mirage_open *open);
void unix_block_file_open(struct mirage_open *open, struct mirage_uri *uri);
void unix_block_mem_open(struct mirage_open *open, struct mirage_uri *uri);

/* kv.c */
void unix_kv_open(struct mirage_open *open);
void unix_kv_dir_open(struct mirage_open *open, struct mirage_uri *uri);

/* stack.c: the host's sockets. */
void unix_stack_open(struct mirage_open *open);

#endif /* MIRAGE_UNIX_H */
