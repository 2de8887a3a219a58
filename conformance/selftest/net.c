/* SPDX-License-Identifier: ISC */
/* The networks of the selftest: a cable with two ends, "left" and "right". */
#include "selftest.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MTU 1500u
#define FRAME_MAX (MTU + 14u)
#define HEADROOM 32u
#define STRIDE 2048u
#define POOL 32u
#define CABLE 16u
#define MAX_FRAGMENTS 8u

#define CAPS                                                 \
	(MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_TX_CSUM | \
	 MIRAGE_NET_CAP_LINK)

struct port {
	struct mirage_net net;
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	unsigned end;
	bool closing;
	struct mirage_pool tx, rx;
	unsigned n_pools;
	struct mirage_packet packets[2 * POOL];
	uint8_t memory[2 * POOL * STRIDE];
};

/* Frames on their way out of each end, which outlive the port they came from:
 * what was taken is sent. */
static struct cable {
	struct mirage_packet *frames[CABLE];
	size_t n;
	bool was_full, paused;
} cables[2];

/* A frame from the medium, for each end. */
static struct injected {
	uint8_t bytes[65536];
	size_t length;
	bool waits;
} injected[2];

static const char *const names[2] = {"left", "right"};
static struct port *ports[2];
static bool link_up[2] = {true, true};

static struct port *port_of(struct mirage_net *net)
{
	return (struct port *)net;
}

/* ------------------------------------------------------------- Receiving -- */

static void frame_copy(const struct mirage_packet *from, uint8_t *to)
{
	for (; from != NULL; from = from->next) {
		memcpy(to, from->data, from->length_bytes);
		to += from->length_bytes;
		if (planted(BUG_NET_FIRST_FRAGMENT_ONLY))
			return;
	}
}

/* The sum of the internet protocols, RFC 1071, for a frame marked as blank. */
static void checksum_fill(const struct mirage_packet *mark, uint8_t *frame,
			  uint32_t length)
{
	uint32_t sum = 0;
	uint32_t at = mark->csum_start_bytes + mark->csum_offset_bytes;

	for (uint32_t i = mark->csum_start_bytes; i < length; i += 2)
		sum += (uint32_t)frame[i] << 8 |
		       (i + 1 < length ? frame[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (sum == 0)
		sum = 0xffff;
	frame[at] = (uint8_t)(sum >> 8);
	frame[at + 1] = (uint8_t)sum;
}

static void deliver(struct port *to, struct mirage_packet *packet)
{
	struct mirage_packet *frames[1] = {packet};
	uint64_t nobody = to->counters.rx_dropped_nobody;

	if (planted(BUG_NET_RX_EMPTY) && to->net.on_receive != NULL)
		to->net.on_receive(to->net.receive_arg, frames, 0);
	if (planted(BUG_NET_KEEPS_REFERENCE))
		packet->references++;
	mirage_core_net_deliver(&to->net, frames, 1);
	if (planted(BUG_NET_NOBODY_UNCOUNTED))
		to->counters.rx_dropped_nobody = nobody;
	if (planted(BUG_NET_RECEIVED_BYTES))
		to->counters.rx_bytes -= 14;
}

/* Hands one frame to the far end; what cannot be delivered is counted there. */
static void arrive(struct port *to, const struct mirage_packet *frame)
{
	uint32_t length = (uint32_t)mirage_packet_frame_bytes(frame);
	struct mirage_packet *copy;

	if (planted(BUG_NET_DROPS_LONGEST) && length == FRAME_MAX) {
		to->counters.rx_dropped_size++;
		return;
	}
	copy = mirage_pool_get(&to->rx);
	if (copy == NULL) {
		if (!planted(BUG_NET_SILENT_DROP))
			to->counters.rx_dropped_memory++;
		return;
	}
	if (planted(BUG_NET_PADS) && length < 60)
		length = 60;
	frame_copy(frame, mirage_packet_append(copy, length));
	if (frame->csum == MIRAGE_CSUM_BLANK && !planted(BUG_NET_LEAVES_BLANK))
		checksum_fill(frame, copy->data, length);
	if (planted(BUG_NET_UNASKED_MARK))
		copy->csum = MIRAGE_CSUM_VERIFIED;
	if (planted(BUG_NET_CORRUPTS) && length > 600)
		copy->data[600] ^= 0xff;
	deliver(to, copy);
}

/* A medium's bytes: a frame, or not. */
static bool arrive_injected(struct port *to)
{
	struct injected *frame = &injected[to->end];
	struct mirage_packet *packet;
	bool bad = frame->length < 14 || frame->length > FRAME_MAX;

	if (!frame->waits)
		return false;
	frame->waits = false;
	if (bad && !planted(BUG_NET_BAD_LENGTH_SILENT))
		to->counters.rx_dropped_size++;
	if (bad && !planted(BUG_NET_DELIVERS_SHORT))
		return true;
	packet = mirage_pool_get(&to->rx);
	if (packet == NULL) {
		to->counters.rx_dropped_memory++;
		return true;
	}
	memcpy(mirage_packet_append(packet, (uint32_t)frame->length),
	       frame->bytes, frame->length);
	deliver(to, packet);
	return true;
}

/* Calls the application from inside its own call, past the core. */
static bool deliver_nested(const struct port *from,
			   struct mirage_packet *packet)
{
	struct port *to = ports[!from->end];

	if (to == NULL || to->net.on_receive == NULL)
		return false;
	to->net.on_receive(to->net.receive_arg,
			   (struct mirage_packet *const[]){packet}, 1);
	return true;
}

/* --------------------------------------------------------------- Sending -- */

static int port_reserve(struct mirage_net *net, uint32_t length_bytes,
			struct mirage_packet *packets[], size_t n)
{
	struct port *port = port_of(net);
	int got = mirage_pool_reserve(&port->tx, packets, n);

	for (int i = 0; i < got; i++) {
		if (planted(BUG_NET_DIRTY_RESERVE))
			packets[i]->buffer[HEADROOM + 100] = 0x5a;
		if (planted(BUG_NET_DIRTY_HEADROOM))
			packets[i]->buffer[0] = 0x5a;
		if (planted(BUG_NET_HEADROOM_SHORT))
			packets[i]->data -= 2;
		if (planted(BUG_NET_RESERVE_MARKED))
			packets[i]->csum = MIRAGE_CSUM_VERIFIED;
		if (planted(BUG_NET_RESERVE_LONG))
			packets[i]->length_bytes = length_bytes;
		if (planted(BUG_NET_RESERVE_CRAMPED))
			packets[i]->capacity_bytes = HEADROOM + MTU;
	}
	if (planted(BUG_NET_POOL_NO_WRITABLE))
		port->tx.short_of = false;
	return got;
}

/* Spoils a frame on its way out; returns whether to refuse it. */
static bool spoil_send(struct port *port, struct mirage_packet *packet)
{
	if (planted(BUG_NET_MAC_CHANGES))
		port->info.mac[5]++;
	if (planted(BUG_NET_MUTATES) && packet->length_bytes > 0)
		packet->data[0] ^= 0x04;
	if (planted(BUG_NET_FILLS_IN_PLACE) &&
	    packet->csum == MIRAGE_CSUM_BLANK) {
		checksum_fill(packet, packet->data, packet->length_bytes);
		packet->csum = MIRAGE_CSUM_NONE;
	}
	if (planted(BUG_NET_SENT_BYTES))
		port->counters.tx_bytes += 4;
	return planted(BUG_NET_OWN_POOL_ONLY) && packet->owner != &port->tx;
}

static bool drop_for_link(struct port *port, struct mirage_packet *packet)
{
	if (link_up[port->end])
		return false;
	if (!planted(BUG_NET_LINK_DROP_SILENT))
		port->counters.tx_dropped_link++;
	mirage_packet_release(packet);
	return true;
}

static int port_send(struct mirage_net *net,
		     struct mirage_packet *const packets[], size_t n)
{
	struct port *port = port_of(net);
	struct cable *cable = &cables[port->end];
	size_t taken = 0;

	for (; taken < n && cable->n < CABLE; taken++) {
		if (spoil_send(port, packets[taken]))
			break;
		if (drop_for_link(port, packets[taken]))
			continue;
		if (planted(BUG_NET_INSIDE_SEND) &&
		    deliver_nested(port, packets[taken]))
			continue;
		cable->frames[cable->n++] = packets[taken];
	}
	if (taken < n)
		cable->was_full = true;
	return (int)taken;
}

/* ----------------------------------------------------------------- Cable -- */

static void cable_take(struct cable *cable, struct port *from, struct port *to)
{
	struct mirage_packet *frame = cable->frames[0];
	static unsigned count;

	cable->n--;
	memmove(cable->frames, cable->frames + 1,
		cable->n * sizeof(cable->frames[0]));
	if (from != NULL && cable->was_full) {
		cable->was_full = false;
		if (!planted(BUG_NET_NO_WRITABLE))
			mirage_core_net_event(&from->net,
					      MIRAGE_EVENT_WRITABLE);
	}
	if (to != NULL && !to->closing) {
		arrive(to, frame);
		if (planted(BUG_NET_DUPLICATES) && ++count % 50 == 0)
			arrive(to, frame);
	}
	if (!planted(BUG_NET_LEAKS_PACKET))
		mirage_packet_release(frame);
}

static void cable_reorder(struct cable *cable)
{
	struct mirage_packet *first = cable->frames[0];

	if (!planted(BUG_NET_REORDERS) || cable->n < 2)
		return;
	cable->frames[0] = cable->frames[1];
	cable->frames[1] = first;
}

static void port_closed(struct port *port)
{
	struct mirage_net *net = &port->net;

	ports[port->end] = NULL;
	if (planted(BUG_NET_CLOSED_TWICE) && net->on_event != NULL)
		net->on_event(net->event_arg, MIRAGE_EVENT_CLOSED);
	if (!planted(BUG_NET_NO_CLOSED))
		mirage_core_net_closed(net);
}

bool selftest_net_poll(void)
{
	bool any = false;

	for (unsigned end = 0; end < 2; end++) {
		struct port *port = ports[end];

		if (port != NULL && !port->closing)
			any |= arrive_injected(port);
		if (cables[end].n > 0 && !cables[end].paused) {
			cable_reorder(&cables[end]);
			cable_take(&cables[end], port, ports[!end]);
			any = true;
		} else if (port != NULL && port->closing) {
			any = true;
			port_closed(port);
		}
	}
	return any;
}

/* ------------------------------------------------------- Open and closed -- */

static void port_close(struct mirage_net *net)
{
	struct port *port = port_of(net);

	if (planted(BUG_NET_CLOSE_DROPS)) {
		struct cable *cable = &cables[port->end];

		while (cable->n > 0)
			mirage_packet_release(cable->frames[--cable->n]);
	}
	port->closing = true;
}

static void port_free_if_empty(struct port *port)
{
	if (--port->n_pools == 0)
		free(port);
}

/* The memory stays until the application has released its last packet. */
static void tx_pool_empty(struct mirage_pool *pool)
{
	port_free_if_empty(
		(struct port *)((char *)pool - offsetof(struct port, tx)));
}

static void rx_pool_empty(struct mirage_pool *pool)
{
	port_free_if_empty(
		(struct port *)((char *)pool - offsetof(struct port, rx)));
}

static void port_dispose(struct mirage_net *net)
{
	struct port *port = port_of(net);

	if (planted(BUG_NET_FREES_HELD))
		memset(port->memory, 0xfe, sizeof(port->memory));
	port->n_pools = 2;
	mirage_pool_abandon(&port->tx, tx_pool_empty);
	mirage_pool_abandon(&port->rx, rx_pool_empty);
}

static const struct mirage_net_ops ops = {
	.size = sizeof(ops),
	.reserve = port_reserve,
	.send = port_send,
	.close = port_close,
	.dispose = port_dispose,
};

static void port_describe(struct port *port)
{
	bool plain = mirage_core_option("plain") != NULL;

	port->info = (struct mirage_net_info){
		.size = sizeof(port->info),
		.caps = plain ? 0 : CAPS,
		.mtu_bytes = MTU,
		.headroom_bytes = HEADROOM,
		.max_fragments = plain ? 1 : MAX_FRAGMENTS,
		.pool_frames = POOL,
		.mac = {0x02, 0, 0, 0, 0, (uint8_t)(port->end + 1)},
		.link_up = link_up[port->end],
	};
	if (planted(BUG_NET_POOL_SMALL))
		port->info.pool_frames = POOL + 1;
	if (planted(BUG_NET_SAME_MAC))
		port->info.mac[5] = 7;
	if (planted(BUG_NET_MULTICAST_MAC))
		port->info.mac[0] = 3;
	if (planted(BUG_NET_UNASKED_CAPS))
		port->info.caps |= MIRAGE_NET_CAP_RX_CSUM;
}

static void port_init(struct port *port, unsigned end)
{
	port->end = end;
	port_describe(port);
	mirage_pool_init(&port->tx, port->packets, port->memory, POOL, STRIDE,
			 HEADROOM, &port->net);
	mirage_pool_init(&port->rx, port->packets + POOL,
			 port->memory + POOL * STRIDE, POOL, STRIDE, HEADROOM,
			 NULL);
	if (planted(BUG_NET_POOL_OVERLAPS)) {
		port->packets[1].buffer = port->packets[0].buffer;
		port->packets[1].data = port->packets[0].data;
	}
	port->net.ops = &ops;
	port->net.info = &port->info;
	port->net.counters = &port->counters;
	port->counters.size = sizeof(port->counters);
	if (planted(BUG_NET_COUNTERS_STAY))
		port->counters.tx_frames = 1;
}

static int end_of(const char *name)
{
	for (int end = 0; end < 2; end++)
		if (strcmp(name, names[end]) == 0)
			return end;
	return -1;
}

void selftest_net_open(struct mirage_open *open)
{
	int end = end_of(open->name);
	struct port *port;

	if (end < 0) {
		mirage_core_open_error(open, "only 'left' and 'right' exist");
		mirage_core_net_opened(
			open, open->uri != NULL ? MIRAGE_EINVAL : MIRAGE_ENODEV,
			NULL);
		return;
	}
	port = calloc(1, sizeof(*port));
	if (port == NULL) {
		mirage_core_open_error(open, "out of memory");
		mirage_core_net_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	port_init(port, (unsigned)end);
	ports[end] = port;
	mirage_core_net_opened(open, 0, &port->net);
}

/* ----------------------------------------------------------------- World -- */

bool selftest_net_link(const char *name, bool up)
{
	unsigned end = (unsigned)end_of(name);

	link_up[end] = up;
	if (ports[end] == NULL)
		return true;
	if (!planted(BUG_NET_LINK_STALE))
		ports[end]->info.link_up = up;
	if (!planted(BUG_NET_LINK_SILENT))
		mirage_core_net_event(&ports[end]->net, MIRAGE_EVENT_LINK);
	return true;
}

bool selftest_net_pause(const char *name, bool paused)
{
	cables[end_of(name)].paused = paused;
	return true;
}

bool selftest_net_inject(const char *name, const void *bytes, size_t length)
{
	struct injected *frame = &injected[end_of(name)];

	if (frame->waits || length > sizeof(frame->bytes))
		return false;
	memcpy(frame->bytes, bytes, length);
	frame->length = length;
	frame->waits = true;
	return true;
}
