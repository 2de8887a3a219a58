/* SPDX-License-Identifier: ISC */
/*
 * tap:NAME[,mtu=N][,mac=ADDRESS][,plain]: a tap interface of Linux. Frames are
 * plain by default. An application that accepts offloads gets a virtio header before
 * every frame, and with it the offloads of sending, unless `plain` denies them; for
 * others it would only cost a tenth of each small frame.
 */
#include "link.h"
#include "net.h"
#include "tap.h"
#include "vnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	/* The longest IP packet and its Ethernet header. */
	GSO_MAX_BYTES = 65535 + 14,
	POOL_GSO_FRAMES = 64,
	/* Frames received at a time, which the nearest cache holds, and until
	 * others get their turn. */
	BATCH = 32,
	READ_BUDGET = 128
};

/* Packets received and packets reserved come from different pools: whoever holds
 * all of one kind is still able to answer. */
enum { POOL_RX, POOL_TX, POOL_RX_GSO, POOL_TX_GSO, POOLS };

struct tap {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct unix_tap host;
	uint32_t header_bytes;	/* before every frame: 0 or UNIX_VNET_BYTES */
	uint32_t longest_bytes; /* of a frame that is not to be segmented */
	uv_poll_t poll;
	int poll_events; /* 0 once the interface is gone */
	struct unix_link link;
	unsigned n_handles;		  /* that libuv has yet to close */
	struct mirage_pool *pools[POOLS]; /* those for GSO may be NULL */
	/* Takes what is beyond `longest_bytes` of the frame being read, and goes
	 * away with it. Set only where such frames are accepted. */
	struct mirage_packet *overflow;
};

static void tap_on_poll(uv_poll_t *poll, int status, int events);

/* ----------------------------------------------------------------- Link -- */

static void tap_set_link(struct tap *tap, bool up)
{
	if (tap->info.link_up == up)
		return;
	tap->info.link_up = up;
	mirage_core_net_event(&tap->net, MIRAGE_EVENT_LINK);
}

static void tap_set_events(struct tap *tap, int events)
{
	if (tap->poll_events == events || tap->poll_events == 0)
		return;
	tap->poll_events = events;
	if (events == 0)
		uv_poll_stop(&tap->poll);
	else
		uv_poll_start(&tap->poll, events, tap_on_poll);
}

/** The interface is gone, or its file is of no more use. */
static void tap_lost(struct tap *tap, const char *why)
{
	if (tap->poll_events == 0)
		return;
	tap_set_events(tap, 0);
	mirage_log(MIRAGE_LOG_WARN, "network '%s': interface '%s' is lost: %s",
		   tap->net.name, tap->host.name, why);
	tap_set_link(tap, false);
	mirage_core_net_event(&tap->net, MIRAGE_EVENT_LOST);
	/* Nothing is going to be full any more. */
	mirage_core_net_event(&tap->net, MIRAGE_EVENT_WRITABLE);
}

/** Nobody tells of the link any more: it reads as up. */
static void tap_link_unwatched(struct tap *tap)
{
	tap->info.caps &= ~(uint32_t)MIRAGE_NET_CAP_LINK;
	mirage_core_net_event(&tap->net, MIRAGE_EVENT_CAPS);
	tap_set_link(tap, true);
}

static void tap_on_link(struct unix_link *link)
{
	struct tap *tap = link->data;

	if (!link->gone)
		tap_set_link(tap, link->up);
	else if (unix_tap_attached(&tap->host))
		tap_link_unwatched(tap); /* moved to another namespace */
	else
		tap_lost(tap, "deleted");
}

/* ------------------------------------------------------------ Receiving -- */

static bool tap_takes_gso(const struct tap *tap)
{
	return (tap->host.accept &
		(MIRAGE_NET_CAP_RX_GSO4 | MIRAGE_NET_CAP_RX_GSO6)) != 0;
}

/** Reads one frame away; the kernel drops what is too much. */
static ssize_t tap_read_nowhere(struct tap *tap)
{
	uint8_t start[UNIX_VNET_BYTES];
	ssize_t n = read(tap->host.fd, start, sizeof(start));

	if (n >= 0)
		tap->counters.rx_dropped_memory++;
	return n;
}

static ssize_t tap_read(struct tap *tap, struct mirage_packet *packet)
{
	size_t first = tap->header_bytes + tap->longest_bytes;
	struct iovec vectors[2] = {{packet->data, first}};

	/* Without an overflow one byte more tells a frame that is too long. */
	if (tap->overflow == NULL)
		return read(tap->host.fd, packet->data, first + 1);
	vectors[1].iov_base = tap->overflow->data;
	vectors[1].iov_len = GSO_MAX_BYTES;
	return readv(tap->host.fd, vectors, 2);
}

/** Gives the packet the `bytes` that were read, its header included. */
static void tap_fill(struct tap *tap, struct mirage_packet *packet,
		     uint32_t bytes)
{
	uint32_t first = tap->header_bytes + tap->longest_bytes;

	if (tap->overflow == NULL || bytes <= first)
		first = bytes;
	mirage_packet_append(packet, first - packet->length_bytes);
	if (first == bytes)
		return;
	mirage_packet_append(tap->overflow, bytes - first);
	packet->next = tap->overflow;
	tap->overflow = NULL;
}

/** Takes the header off a frame. Returns the counter of what is wrong with it, or
 *  NULL. */
static uint64_t *tap_fault(struct tap *tap, struct mirage_packet *packet)
{
	struct mirage_net_counters *counters = &tap->counters;
	struct virtio_net_hdr header = {0};
	uint64_t bytes;

	if (packet->length_bytes <
	    tap->header_bytes + UNIX_ETHERNET_HEADER_BYTES)
		return &counters->rx_dropped_size;
	memcpy(&header, packet->data, tap->header_bytes);
	mirage_packet_trim(packet, tap->header_bytes, 0);
	bytes = mirage_packet_frame_bytes(packet);
	if (bytes > tap->longest_bytes && packet->next == NULL)
		return tap_takes_gso(tap) ? &counters->rx_dropped_memory
					  : &counters->rx_dropped_size;
	if (tap->header_bytes != 0 &&
	    !unix_vnet_decode(&header, tap->host.accept, packet))
		return &counters->rx_dropped_invalid;
	if (bytes > GSO_MAX_BYTES ||
	    (bytes > tap->longest_bytes && packet->gso == MIRAGE_GSO_NONE))
		return &counters->rx_dropped_size;
	return NULL;
}

/** Whether reading may go on after an error. */
static bool tap_read_failed(struct tap *tap, int error)
{
	if (error == EAGAIN)
		return false;
	if (error != EINTR)
		tap_lost(tap, strerror(error));
	return error == EINTR;
}

/** Reads one frame: into `*frame`, or NULL when it was dropped. Returns false
 *  when there is none left. */
static bool tap_receive(struct tap *tap, struct mirage_packet **frame)
{
	struct mirage_packet *packet = mirage_pool_get(tap->pools[POOL_RX]);
	uint64_t *fault = NULL;
	ssize_t n;

	*frame = NULL;
	if (packet == NULL) {
		n = tap_read_nowhere(tap);
		return n >= 0 || tap_read_failed(tap, errno);
	}
	mirage_packet_prepend(packet, tap->header_bytes);
	n = tap_read(tap, packet);
	if (n >= 0) {
		tap_fill(tap, packet, (uint32_t)n);
		fault = tap_fault(tap, packet);
	}
	if (n >= 0 && fault == NULL) {
		*frame = packet;
		return true;
	}
	if (fault != NULL)
		++*fault;
	mirage_packet_release(packet);
	return n >= 0 || tap_read_failed(tap, errno);
}

/** Reads and delivers a batch. Returns false when there is nothing left. */
static bool tap_drain(struct tap *tap)
{
	struct mirage_packet *frames[BATCH];
	bool more = true;
	size_t n = 0;

	for (unsigned i = 0; i < BATCH && more; i++) {
		if (tap->overflow == NULL && tap_takes_gso(tap))
			tap->overflow =
				mirage_pool_get(tap->pools[POOL_RX_GSO]);
		more = tap_receive(tap, &frames[n]);
		n += frames[n] != NULL;
	}
	mirage_core_net_deliver(&tap->net, frames, n);
	return more && !uv_is_closing((uv_handle_t *)&tap->poll);
}

static void tap_on_poll(uv_poll_t *poll, int status, int events)
{
	struct tap *tap = poll->data;

	if (status < 0) {
		tap_lost(tap, "deleted");
		return;
	}
	if ((events & UV_WRITABLE) != 0) {
		tap_set_events(tap, UV_READABLE);
		mirage_core_net_event(&tap->net, MIRAGE_EVENT_WRITABLE);
	}
	if ((events & UV_READABLE) == 0)
		return;
	for (unsigned n = 0; n < READ_BUDGET && tap_drain(tap); n += BATCH)
		continue;
}

/* -------------------------------------------------------------- Sending -- */

static int tap_reserve(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n)
{
	struct tap *tap = (struct tap *)net;
	int pool = length_bytes <= tap->longest_bytes ? POOL_TX : POOL_TX_GSO;

	return mirage_pool_reserve(tap->pools[pool], packets, n);
}

/** Counts a frame that the kernel did not want. Returns whether it is taken. */
static bool tap_write_failed(struct tap *tap, int error)
{
	switch (error) {
	case EAGAIN:
		tap_set_events(tap, UV_READABLE | UV_WRITABLE);
		return false;
	case EBADFD:
		tap_lost(tap, strerror(error));
		tap->counters.tx_dropped_link++;
		return true;
	case EIO: /* the interface is down; netlink may have yet to say so */
		if ((tap->info.caps & MIRAGE_NET_CAP_LINK) != 0)
			tap_set_link(tap, false);
		tap->counters.tx_dropped_link++;
		return true;
	default:
		tap->counters.tx_dropped_error++;
		return true;
	}
}

static bool tap_take(struct tap *tap, struct mirage_packet *frame)
{
	if (!tap->info.link_up) {
		tap->counters.tx_dropped_link++;
		return true;
	}
	while (unix_tap_write(&tap->host, frame) < 0)
		if (errno != EINTR)
			return tap_write_failed(tap, errno);
	return true;
}

static int tap_send(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n)
{
	struct tap *tap = (struct tap *)net;
	size_t taken = 0;

	for (; taken < n && tap_take(tap, packets[taken]); taken++)
		mirage_packet_release(packets[taken]);
	return (int)taken;
}

/* -------------------------------------------------------------- Closing -- */

static void tap_handle_closed(struct tap *tap)
{
	if (--tap->n_handles != 0)
		return;
	close(tap->host.fd);
	mirage_core_net_closed(&tap->net);
}

static void tap_on_link_closed(struct unix_link *link)
{
	tap_handle_closed(link->data);
}

static void tap_on_poll_closed(uv_handle_t *handle)
{
	tap_handle_closed(handle->data);
}

static void tap_close(struct mirage_net *net)
{
	struct tap *tap = (struct tap *)net;

	if (tap->overflow != NULL)
		mirage_packet_release(tap->overflow);
	if (tap->n_handles == 2)
		unix_link_close(&tap->link, tap_on_link_closed);
	uv_close((uv_handle_t *)&tap->poll, tap_on_poll_closed);
}

/** Frees what there is of a tap; the packets that are out keep their memory. */
static void tap_dispose(struct mirage_net *net)
{
	struct tap *tap = (struct tap *)net;

	for (unsigned i = 0; i < POOLS; i++)
		mirage_pool_free(tap->pools[i]);
	free(tap);
}

/* -------------------------------------------------------------- Opening -- */

static const struct mirage_net_ops tap_ops = {
	.size = sizeof(tap_ops),
	.reserve = tap_reserve,
	.send = tap_send,
	.close = tap_close,
	.dispose = tap_dispose,
};

static void tap_describe(struct tap *tap)
{
	struct mirage_net_info *info = &tap->info;

	info->size = sizeof(*info);
	info->caps = MIRAGE_NET_CAP_FRAGMENTS | tap->host.accept;
	info->mtu_bytes = tap->host.mtu_bytes;
	info->headroom_bytes = MIRAGE_POOL_HEADROOM_BYTES;
	info->max_fragments = UNIX_TAP_FRAGMENTS_MAX;
	info->pool_frames = mirage_pool_frames(tap->longest_bytes);
	memcpy(info->mac, tap->host.mac, sizeof(info->mac));
	info->link_up = true;
	if (tap->header_bytes == 0)
		return;
	info->caps |= MIRAGE_NET_CAP_TX_CSUM | MIRAGE_NET_CAP_TX_GSO4 |
		      MIRAGE_NET_CAP_TX_GSO6;
	info->gso_max_bytes = GSO_MAX_BYTES;
}

static bool tap_pools(struct tap *tap)
{
	uint32_t n = tap->info.pool_frames;
	struct mirage_pool **pools = tap->pools;

	/* One byte more tells a frame that is too long. */
	pools[POOL_RX] = mirage_pool_new(n, tap->longest_bytes + 1, NULL);
	pools[POOL_TX] = mirage_pool_new(n, tap->longest_bytes, &tap->net);
	if (pools[POOL_RX] == NULL || pools[POOL_TX] == NULL)
		return false;
	if (tap->header_bytes == 0)
		return true;
	pools[POOL_RX_GSO] =
		mirage_pool_new(POOL_GSO_FRAMES, GSO_MAX_BYTES, NULL);
	pools[POOL_TX_GSO] =
		mirage_pool_new(POOL_GSO_FRAMES, GSO_MAX_BYTES, &tap->net);
	return pools[POOL_RX_GSO] != NULL && pools[POOL_TX_GSO] != NULL;
}

/** Without netlink (a sandbox may forbid it) the link always reads as up. */
static void tap_watch_link(struct tap *tap)
{
	if (unix_link_open(&tap->link, unix_loop(), tap->host.index,
			   tap_on_link) != 0)
		return;
	tap->link.data = tap;
	tap->n_handles++;
	tap->info.caps |= MIRAGE_NET_CAP_LINK;
	tap->info.link_up = tap->link.up;
}

static int tap_start(struct tap *tap)
{
	tap->net.ops = &tap_ops;
	tap->net.info = &tap->info;
	tap->net.counters = &tap->counters;
	tap->counters.size = sizeof(tap->counters);
	tap->header_bytes = tap->host.header_vnet ? UNIX_VNET_BYTES : 0;
	tap->longest_bytes = tap->host.mtu_bytes + UNIX_ETHERNET_HEADER_BYTES;
	tap_describe(tap);
	if (!tap_pools(tap) ||
	    uv_poll_init(unix_loop(), &tap->poll, tap->host.fd) != 0)
		return MIRAGE_ENOMEM;
	tap->poll.data = tap;
	tap->n_handles = 1;
	tap->poll_events = UV_READABLE;
	uv_poll_start(&tap->poll, UV_READABLE, tap_on_poll);
	tap_watch_link(tap);
	return 0;
}

static int tap_attach(struct mirage_open *open, struct mirage_uri *uri,
		      const struct mirage_net_info *wishes, struct tap *tap)
{
	int error;

	tap->host.mtu_bytes = wishes->mtu_bytes;
	memcpy(tap->host.mac, wishes->mac, sizeof(wishes->mac));
	error = unix_tap_attach(&tap->host, open, uri);
	if (error < 0)
		return error;
	error = tap_start(tap);
	if (error < 0) {
		mirage_core_open_error(open, "no memory for its packets");
		close(tap->host.fd);
	}
	return error;
}

void unix_net_tap_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct mirage_net_info wishes;
	bool plain = false;
	struct tap *tap;
	int error;

	if (!mirage_open_net_options(open, uri, unix_tap_salt(uri->path),
				     &wishes) ||
	    !mirage_open_flag(open, uri, "plain", &plain) ||
	    !mirage_open_unused(open, uri))
		return;
	if (plain)
		open->accept = 0;
	tap = calloc(1, sizeof(*tap));
	if (tap == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "no memory for it");
		return;
	}
	error = tap_attach(open, uri, &wishes, tap);
	if (error < 0)
		tap_dispose(&tap->net);
	mirage_core_net_opened(open, error, error < 0 ? NULL : &tap->net);
}
