/* SPDX-License-Identifier: ISC */
/*
 * stream.h: a network whose wire is a stream socket with framed frames, be it
 * to another process (net_stream.c) or to mirage-slirp (net_slirp.c). Here are
 * sending, receiving and closing; the owner finds a peer and finds the next one
 * when that has gone.
 */
#ifndef MIRAGE_UNIX_STREAM_H
#define MIRAGE_UNIX_STREAM_H

#include "framing.h"
#include "net.h"

struct unix_stream;

struct unix_stream_owner {
	/** The peer has gone and the link is down. `why` is for the log. */
	void (*gone)(struct unix_stream *stream, const char *why);
	/** The time to try again has come, after unix_stream_retry. */
	void (*retry)(struct unix_stream *stream);
	/** The device is being closed: let nobody new in. The present peer still
	 *  gets what was taken. */
	void (*closing)(struct unix_stream *stream);
	/** The peer was let go of: answer with unix_stream_closed, now or later.
	 *  NULL: at once. */
	void (*finish)(struct unix_stream *stream);
};

struct unix_stream {
	struct mirage_net net;
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	const struct unix_stream_owner *owner;
	struct mirage_pool *tx_pool, *rx_pool;
	struct framing tx, rx;
	struct unix_kick kick;
	uv_timer_t timer; /* the next try; when closing, how long to linger */
	uint32_t retry_ms;
	uv_poll_t *poll; /* NULL without a peer */
	int fd;
	bool timed; /* the loop knows the timer */
	bool closing, finished;
};

/** Makes the pools and buffers, after `info` has its mtu. False without memory.
 *  `stream` is the first member of zeroed memory from malloc. */
bool unix_stream_init(struct unix_stream *stream,
		      const struct unix_stream_owner *owner);

/** Frees a stream that never became an open device. */
void unix_stream_discard(struct unix_stream *stream);

/** Takes on a connected, non-blocking `fd`: the link goes up. False on an error
 *  of the host; `fd` is closed then. */
bool unix_stream_attach(struct unix_stream *stream, int fd);

/** Calls `retry` after a while that grows from try to try, until bytes of a peer
 *  arrive. */
void unix_stream_retry(struct unix_stream *stream);

/** Calls `on_time` after `after_ms`, instead of what was to come. */
void unix_stream_timer(struct unix_stream *stream, uv_timer_cb on_time,
		       uint32_t after_ms);

/** Ends the closing that `finish` has taken upon itself. */
void unix_stream_closed(struct unix_stream *stream);

/** A poll handle on the heap, or NULL: it lives on for a turn of the loop after
 *  its end, and a new one may be needed by then. */
uv_poll_t *unix_poll_new(int fd, void *data);
/** Ends `poll`. Then `fd` may be closed. */
void unix_poll_free(uv_poll_t *poll);

#endif /* MIRAGE_UNIX_STREAM_H */
