/* SPDX-License-Identifier: ISC */
#include "stream.h"

#include "framing_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_FIRST_MS 50u
#define RETRY_LAST_MS 2000u
/* How long a closed device tries to hand over what it has taken. */
#define LINGER_MS 1000u

/* --------------------------------------------------------------- Polls -- */

uv_poll_t *unix_poll_new(int fd, void *data)
{
	uv_poll_t *poll = calloc(1, sizeof(*poll));

	if (poll != NULL && uv_poll_init(unix_loop(), poll, fd) != 0) {
		free(poll);
		return NULL;
	}
	if (poll != NULL)
		poll->data = data;
	return poll;
}

static void unix_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

void unix_poll_free(uv_poll_t *poll)
{
	uv_close((uv_handle_t *)poll, unix_poll_closed);
}

/* ---------------------------------------------------------------- Peer -- */

static void stream_finish(struct unix_stream *stream);

static void stream_link(struct unix_stream *stream, bool up)
{
	if (stream->info.link_up == up)
		return;
	stream->info.link_up = up;
	/* No news before the open is answered, none after the close. */
	if (stream->net.name != NULL && !stream->closing)
		mirage_core_net_event(&stream->net, MIRAGE_EVENT_LINK);
}

static void stream_drop_unwritten(struct unix_stream *stream)
{
	stream->counters.tx_dropped_error += framing_unwritten(&stream->tx);
	framing_reset(&stream->tx);
}

/* Lets go of the peer. What it has not been given, and what it has not given to
 * the end, is counted. */
static void stream_detach(struct unix_stream *stream)
{
	if (stream->fd < 0)
		return;
	unix_poll_free(stream->poll);
	stream->poll = NULL;
	close(stream->fd);
	stream->fd = -1;
	stream_drop_unwritten(stream);
	stream->counters.rx_dropped_invalid += framing_bytes(&stream->rx) != 0;
	framing_reset(&stream->rx);
	stream_link(stream, false);
	mirage_core_net_event(&stream->net, MIRAGE_EVENT_WRITABLE);
}

static void stream_gone(struct unix_stream *stream, const char *why)
{
	stream_detach(stream);
	if (stream->closing)
		stream_finish(stream);
	else
		stream->owner->gone(stream, why);
}

/* ------------------------------------------------------------- Sending -- */

static void stream_ready(uv_poll_t *poll, int status, int events);

static void stream_watch(struct unix_stream *stream, bool writable)
{
	int events = stream->closing ? 0 : UV_READABLE;

	uv_poll_start(stream->poll, events | (writable ? UV_WRITABLE : 0),
		      stream_ready);
}

/* Writes what the socket takes. Waits for it to take more if it did not take
 * all, and says so to a sender who fell short once half is free. */
static void stream_flush(struct unix_stream *stream)
{
	struct framing *tx = &stream->tx;
	ssize_t n;

	if (stream->fd < 0 || framing_bytes(tx) == 0)
		return;
	n = send(stream->fd, tx->bytes + tx->from, framing_bytes(tx),
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		framing_written(tx, (uint32_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		/* Gone, but reading finds that out: its last frames are there. */
		stream_drop_unwritten(stream);
	stream_watch(stream, framing_bytes(tx) != 0);
	if (framing_bytes(tx) <= tx->capacity_bytes / 2)
		mirage_core_net_event(&stream->net, MIRAGE_EVENT_WRITABLE);
	if (stream->closing && framing_bytes(tx) == 0)
		stream_finish(stream);
}

static struct unix_stream *stream_of(struct unix_kick *kick)
{
	return (struct unix_stream *)((char *)kick -
				      offsetof(struct unix_stream, kick));
}

static void stream_kicked(struct unix_kick *kick)
{
	stream_flush(stream_of(kick));
}

static int unix_stream_send(struct mirage_net *net,
			    struct mirage_packet *const packets[], size_t n)
{
	struct unix_stream *stream = (struct unix_stream *)net;
	int taken;

	if (!stream->info.link_up)
		return framing_net_drop(net, packets, n);
	taken = framing_net_put(&stream->tx, packets, n);
	unix_kick(&stream->kick);
	return taken;
}

static int unix_stream_reserve(struct mirage_net *net, uint32_t length_bytes,
			       struct mirage_packet *packets[], size_t n)
{
	struct unix_stream *stream = (struct unix_stream *)net;

	(void)length_bytes; /* every packet of the pool has room for the mtu */
	return mirage_pool_reserve(stream->tx_pool, packets, n);
}

/* ----------------------------------------------------------- Receiving -- */

/* Delivers what was read. */
static void stream_deliver(struct unix_stream *stream)
{
	if (!framing_net_deliver(&stream->net, &stream->rx, stream->rx_pool,
				 &stream->closing))
		stream_gone(stream, "broken framing");
}

/* Reads and delivers once. Returns whether there was something. */
static bool stream_read(struct unix_stream *stream)
{
	uint32_t room;
	uint8_t *at = framing_room(&stream->rx, &room);
	ssize_t n = recv(stream->fd, at, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		stream_gone(stream,
			    n == 0 ? "closed by the peer" : strerror(errno));
		return false;
	}
	stream->retry_ms = 0;
	framing_filled(&stream->rx, (uint32_t)n);
	stream_deliver(stream);
	return true;
}

static bool stream_hears(const struct unix_stream *stream, uv_poll_t *poll)
{
	return stream->poll == poll && !stream->closing;
}

static void stream_ready(uv_poll_t *poll, int status, int events)
{
	struct unix_stream *stream = poll->data;

	if ((events & UV_WRITABLE) != 0)
		stream_flush(stream);
	if ((events & UV_READABLE) != 0 && stream_hears(stream, poll))
		stream_read(stream);
	if (status >= 0)
		return;
	/* An error, such as a peer that left without reading what we sent: its
	 * last frames are still there. */
	while (stream_hears(stream, poll) && stream_read(stream))
		;
	if (stream->poll == poll)
		stream_gone(stream, uv_strerror(status));
}

bool unix_stream_attach(struct unix_stream *stream, int fd)
{
	stream->poll = unix_poll_new(fd, stream);
	if (stream->poll == NULL) {
		close(fd);
		return false;
	}
	stream->fd = fd;
	stream_watch(stream, false);
	stream_link(stream, true);
	return true;
}

void unix_stream_timer(struct unix_stream *stream, uv_timer_cb on_time,
		       uint32_t after_ms)
{
	if (!stream->timed)
		uv_timer_init(unix_loop(), &stream->timer);
	stream->timed = true;
	stream->timer.data = stream;
	uv_timer_start(&stream->timer, on_time, after_ms, 0);
}

static void stream_timer_stop(struct unix_stream *stream)
{
	if (stream->timed)
		uv_timer_stop(&stream->timer);
}

static void stream_retry(uv_timer_t *timer)
{
	struct unix_stream *stream = timer->data;

	stream->owner->retry(stream);
}

void unix_stream_retry(struct unix_stream *stream)
{
	if (stream->retry_ms == 0)
		stream->retry_ms = RETRY_FIRST_MS;
	else if (stream->retry_ms < RETRY_LAST_MS)
		stream->retry_ms *= 2;
	unix_stream_timer(stream, stream_retry, stream->retry_ms);
}

/* ------------------------------------------------------------- Closing -- */

static void stream_answer_close(struct unix_kick *kick)
{
	mirage_core_net_closed(&stream_of(kick)->net);
}

/* Answered from the kick, the last one: none must outlive the stream. */
static void stream_kick_closed(struct unix_stream *stream)
{
	stream->kick.run = stream_answer_close;
	unix_kick(&stream->kick);
}

static void stream_timer_closed(uv_handle_t *handle)
{
	stream_kick_closed(handle->data);
}

void unix_stream_closed(struct unix_stream *stream)
{
	if (stream->timed)
		uv_close((uv_handle_t *)&stream->timer, stream_timer_closed);
	else
		stream_kick_closed(stream);
}

static void stream_finish(struct unix_stream *stream)
{
	if (stream->finished)
		return;
	stream->finished = true;
	stream_detach(stream);
	stream_timer_stop(stream);
	if (stream->owner->finish != NULL)
		stream->owner->finish(stream);
	else
		unix_stream_closed(stream);
}

static void stream_lingered(uv_timer_t *timer)
{
	stream_finish(timer->data);
}

static void unix_stream_close(struct mirage_net *net)
{
	struct unix_stream *stream = (struct unix_stream *)net;

	stream->closing = true;
	stream_timer_stop(stream);
	stream->owner->closing(stream);
	if (stream->fd < 0 || framing_bytes(&stream->tx) == 0) {
		stream_finish(stream);
		return;
	}
	unix_stream_timer(stream, stream_lingered, LINGER_MS);
	stream_flush(stream);
}

/* --------------------------------------------------------- Construction -- */

static void unix_stream_dispose(struct mirage_net *net)
{
	struct unix_stream *stream = (struct unix_stream *)net;

	free(stream->tx.bytes);
	mirage_pool_free(stream->tx_pool);
	mirage_pool_free(stream->rx_pool);
	free(stream);
}

static const struct mirage_net_ops unix_stream_ops = {
	.size = sizeof(unix_stream_ops),
	.reserve = unix_stream_reserve,
	.send = unix_stream_send,
	.close = unix_stream_close,
	.dispose = unix_stream_dispose,
};

static bool stream_memory(struct unix_stream *stream)
{
	uint32_t frame_bytes =
		stream->info.mtu_bytes + UNIX_ETHERNET_HEADER_BYTES;
	uint32_t n = mirage_pool_frames(frame_bytes);
	uint8_t *bytes = malloc(2 * FRAMING_BUFFER_BYTES);

	if (bytes == NULL)
		return false;
	framing_init(&stream->tx, bytes, FRAMING_BUFFER_BYTES);
	framing_init(&stream->rx, bytes + FRAMING_BUFFER_BYTES,
		     FRAMING_BUFFER_BYTES);
	stream->tx_pool = mirage_pool_new(n, frame_bytes, &stream->net);
	stream->rx_pool = mirage_pool_new(n, frame_bytes, NULL);
	stream->info.pool_frames = n;
	return stream->tx_pool != NULL && stream->rx_pool != NULL;
}

bool unix_stream_init(struct unix_stream *stream,
		      const struct unix_stream_owner *owner)
{
	stream->owner = owner;
	stream->fd = -1;
	stream->kick.run = stream_kicked;
	stream->net.ops = &unix_stream_ops;
	stream->net.info = &stream->info;
	stream->net.counters = &stream->counters;
	stream->counters.size = sizeof(stream->counters);
	stream->info.size = sizeof(stream->info);
	stream->info.caps = MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_LINK;
	stream->info.headroom_bytes = MIRAGE_POOL_HEADROOM_BYTES;
	stream->info.max_fragments = 64;
	return stream_memory(stream);
}

static void stream_discarded(uv_handle_t *handle)
{
	unix_stream_dispose(handle->data);
}

void unix_stream_discard(struct unix_stream *stream)
{
	stream->closing = true;
	stream_detach(stream);
	if (stream->timed)
		uv_close((uv_handle_t *)&stream->timer, stream_discarded);
	else
		unix_stream_dispose(&stream->net);
}
