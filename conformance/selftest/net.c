/* SPDX-License-Identifier: ISC */
/* The networks of the selftest: a cable with two ends, "left" and "right". */
#include "selftest.h"

#include <stdlib.h>
#include <string.h>

#define MTU 1500u
#define FRAME_MAX (MTU + 14u)
#define HEADROOM 32u
#define STRIDE 2048u
#define POOL 32u
#define CABLE 16u
#define MAX_FRAGMENTS 8u

#define CAPS                                                  \
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
	bool was_full;
} cables[2];

static const char *const names[2] = {"left", "right"};
static struct port *ports[2];
static bool link_up[2] = {true, true};

static struct port *port_of(struct mirage_net *net)
{
	return (struct port *)net;
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
	return got;
}

static int port_send(struct mirage_net *net,
		     struct mirage_packet *const packets[], size_t n)
{
	struct port *port = port_of(net);
	struct cable *cable = &cables[port->end];
	size_t taken = 0;

	while (taken < n && cable->n < CABLE) {
		if (planted(BUG_NET_MUTATES) && packets[taken]->length_bytes)
			packets[taken]->data[0] ^= 0x02;
		cable->frames[cable->n++] = packets[taken++];
	}
	if (taken < n)
		cable->was_full = true;
	return (int)taken;
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

	if (planted(BUG_NET_RX_EMPTY)) {
		mirage_packet_release(packet);
		packet = NULL;
		mirage_core_net_deliver(&to->net, frames, 0);
		return;
	}
	mirage_core_net_deliver(&to->net, frames, 1);
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
	if (frame->csum == MIRAGE_CSUM_BLANK)
		checksum_fill(frame, copy->data, length);
	if (planted(BUG_NET_CORRUPTS) && length > 600)
		copy->data[600] ^= 0xff;
	deliver(to, copy);
}

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

bool selftest_net_poll(void)
{
	bool any = false;

	for (unsigned end = 0; end < 2; end++) {
		struct port *port = ports[end];

		if (cables[end].n > 0) {
			cable_reorder(&cables[end]);
			cable_take(&cables[end], port, ports[!end]);
			any = true;
		} else if (port != NULL && port->closing) {
			ports[end] = NULL;
			any = true;
			if (!planted(BUG_NET_NO_CLOSED))
				mirage_core_net_closed(&port->net);
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

/* The memory stays until the application has released its last packet. */
static void port_pool_empty(struct mirage_pool *pool)
{
	struct port *port = pool->net == NULL ? NULL : port_of(pool->net);

	(void)port;
}

static void port_dispose(struct mirage_net *net)
{
	struct port *port = port_of(net);

	mirage_pool_abandon(&port->tx, port_pool_empty);
	mirage_pool_abandon(&port->rx, port_pool_empty);
}

static const struct mirage_net_ops ops = {
	.size = sizeof(ops),
	.reserve = port_reserve,
	.send = port_send,
	.close = port_close,
	.dispose = port_dispose,
};
