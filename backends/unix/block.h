/* SPDX-License-Identifier: ISC */
/*
 * block.h: what the files of the block devices share. A file device is made of
 * its queue (block_queue.c), which decides who does a request: the caller's
 * thread, io_uring (block_uring.c) or libuv's threads (block_pool.c).
 */
#ifndef MIRAGE_UNIX_BLOCK_H
#define MIRAGE_UNIX_BLOCK_H

#include "unix.h"

#include <errno.h>
#include <sys/uio.h>

#define UNIX_BLOCK_DEPTH 128
#define UNIX_BLOCK_VECTORS_MAX 256
#define UNIX_BLOCK_TRANSFER_MAX (4u << 20)
#define UNIX_BLOCK_DISCARD_MAX (1ull << 30)

/** The host came to the end of the file where the device has none yet. */
#define UNIX_BLOCK_EOF ENODATA

struct unix_block_ring;

/** A request in the hands of libuv's threads. */
struct unix_block_work {
	uv_work_t work;
	struct unix_block_file *file;
	struct mirage_block_request *request;
	struct unix_block_work *next; /* while free */
	int error;
};

/** Notices that somebody else changed the size of a file. */
struct unix_block_resize {
	uv_poll_t poll;
	uv_timer_t rest;
	int inotify_fd; /* -1: cannot notice */
	uint64_t host_bytes;
};

struct unix_block_file {
	struct mirage_block block; /* first */
	struct mirage_block_info info;
	struct mirage_block_counters counters;

	int fd;
	int lock_fd; /* or -1 */
	bool ro;
	bool direct;
	bool is_device;	    /* a block device, not a file */
	bool lacks_nowait;  /* the file system refuses RWF_NOWAIT */
	bool lacks_zeroing; /* it refuses FALLOC_FL_ZERO_RANGE; pool's only */
	unsigned handles;   /* of libuv, still open */

	struct unix_kick kick;
	struct mirage_block_request *todo[UNIX_BLOCK_DEPTH];
	size_t n_todo;

	struct unix_block_ring *ring; /* NULL: forbidden, the pool does it */
	struct unix_block_work works[UNIX_BLOCK_DEPTH];
	struct unix_block_work *free_work;
	struct unix_block_resize resize;
};

/* block_file.c */

/** The size of what is behind `fd`, or 0 with errno set. */
uint64_t unix_block_host_bytes(const struct unix_block_file *file);

/** Closes handle after handle; each ends in `unix_block_handle_closed`. */
void unix_block_handle_closed(uv_handle_t *handle);

/* block_queue.c */

void unix_block_queue_init(struct unix_block_file *file);

/** Takes requests: `submit` of the table. */
void unix_block_queue_submit(struct mirage_block *block,
			     struct mirage_block_request *const requests[],
			     size_t n);

/** The bytes of `request` that are done. */
static inline uint64_t *
unix_block_progress(struct mirage_block_request *request)
{
	return &request->backend[0];
}

/**
 * What is left of a read or write: sets `*vectors` and returns their number, at
 * most UNIX_BLOCK_VECTORS_MAX. In the midst of a vector that is the rest of it
 * alone, kept in `part`.
 */
unsigned unix_block_rest(struct mirage_block_request *request,
			 struct iovec *part, const struct iovec **vectors);

/** Takes the host's answer for a part of `request`: a count or a negative errno.
 *  Completes it, or hands what is left to the host again. */
void unix_block_advance(struct unix_block_file *file,
			struct mirage_block_request *request, int64_t answer);

/** Completes `request`; `error` is an errno or 0. */
void unix_block_finish(struct unix_block_file *file,
		       struct mirage_block_request *request, int error);

/* block_uring.c, where it was built in */

#ifdef HAVE_LIBURING

/** Gives the device a ring, or returns a negative errno. */
int unix_block_ring_init(struct unix_block_file *file);

/** Closes it; whoever sees the last handle closed frees it. */
void unix_block_ring_fini(struct unix_block_file *file);

/** Puts a read, write or flush on the ring; `enter` hands all of them over and
 *  takes what is done already. */
void unix_block_ring_push(struct unix_block_file *file,
			  struct mirage_block_request *request);
void unix_block_ring_enter(struct unix_block_file *file);

#else

static inline int unix_block_ring_init(struct unix_block_file *file)
{
	return -ENOSYS;
}

static inline void unix_block_ring_fini(struct unix_block_file *file)
{
}

static inline void unix_block_ring_push(struct unix_block_file *file,
					struct mirage_block_request *request)
{
}

static inline void unix_block_ring_enter(struct unix_block_file *file)
{
}

#endif

/* block_pool.c */

void unix_block_pool_init(struct unix_block_file *file);

/** Does any request in another thread. */
void unix_block_pool_push(struct unix_block_file *file,
			  struct mirage_block_request *request);

/* block_resize.c */

/** Starts watching; false where the host cannot tell. */
bool unix_block_resize_init(struct unix_block_file *file);
void unix_block_resize_fini(struct unix_block_file *file);

/** Asks the host for the size, and raises RESIZED if it is another. */
void unix_block_resize_check(struct unix_block_file *file);

#endif /* MIRAGE_UNIX_BLOCK_H */
