/* SPDX-License-Identifier: ISC */
/*
 * The queues of a network. With one they are told of as if there were no such thing;
 * with more, each has a directory in the store. Frames may come in on any of them.
 * What goes out is spread by flow, so that the frames of a flow stay in order.
 */
#include "net.h"

#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------- Together -- */

static bool open_ports(struct xen_net_queue *queue,
		       void (*on_event)(void *queue))
{
	uint32_t domain = queue->net->bus.backend_id;

	queue->tx_port = xen_event_open(domain, on_event, queue);
	queue->rx_port = queue->tx_port;
	if (queue->net->split)
		queue->rx_port = xen_event_open(domain, on_event, queue);
	return queue->tx_port != 0 && queue->rx_port != 0;
}

static void close_ports(struct xen_net_queue *queue)
{
	if (queue->tx_port != 0)
		xen_event_close(queue->tx_port);
	if (queue->rx_port != 0 && queue->rx_port != queue->tx_port)
		xen_event_close(queue->rx_port);
	queue->tx_port = queue->rx_port = 0;
}

bool xen_net_queues_init(struct xen_net *net, void (*on_event)(void *queue))
{
	for (unsigned i = 0; i < net->n_queues; i++) {
		struct xen_net_queue *queue = &net->queues[i];

		queue->net = net;
		if (!xen_net_tx_init(queue) || !xen_net_rx_init(queue) ||
		    !open_ports(queue, on_event))
			return false;
	}
	return true;
}

void xen_net_queues_fini(struct xen_net *net)
{
	xen_net_tx_drop(net);
	for (unsigned i = 0; i < net->n_queues; i++) {
		xen_net_tx_fini(&net->queues[i]);
		xen_net_rx_fini(&net->queues[i]);
		close_ports(&net->queues[i]);
	}
	net->rx_starved = false;
}

/* ---------------------------------------------------------------- Telling -- */

/** Puts `number` under `name`, which `place` keeps with its directory. */
static void put(struct xenstore_key *key, const char *directory,
		const char *name, uint32_t number, char place[32])
{
	snprintf(place, 32, "%s%s", directory, name);
	xenbus_put(key, place, number);
}

static unsigned put_queue(struct xen_net_queue *queue, const char *directory,
			  struct xenstore_key *keys)
{
	char(*names)[32] = queue->key_names;

	put(&keys[0], directory, "tx-ring-ref", queue->tx_reference, names[0]);
	put(&keys[1], directory, "rx-ring-ref", queue->rx_reference, names[1]);
	if (!queue->net->split) {
		put(&keys[2], directory, "event-channel", queue->tx_port,
		    names[2]);
		return 3;
	}
	put(&keys[2], directory, "event-channel-tx", queue->tx_port, names[2]);
	put(&keys[3], directory, "event-channel-rx", queue->rx_port, names[3]);
	return 4;
}

unsigned xen_net_queues_put(struct xen_net *net, struct xenstore_key *keys)
{
	unsigned n = 0;

	/* Also when it is one: an earlier connection may have had more. */
	if (net->offers_queues)
		xenbus_put(&keys[n++], "multi-queue-num-queues", net->n_queues);
	if (net->n_queues == 1)
		return n + put_queue(&net->queues[0], "", keys + n);
	for (unsigned i = 0; i < net->n_queues; i++) {
		char directory[20];

		snprintf(directory, sizeof directory, "queue-%u/", i);
		n += put_queue(&net->queues[i], directory, keys + n);
	}
	return n;
}

/* ------------------------------------------------------------------ Flows -- */

#define HEADERS_BYTES 128 /* where a flow is looked for */
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

/** Mixes `n` bytes, a multiple of four, into `hash`. */
static uint32_t mix(uint32_t hash, const uint8_t *bytes, uint32_t n)
{
	for (; n > 0; n -= 4, bytes += 4) {
		uint32_t word;

		memcpy(&word, bytes, 4);
		hash = (hash ^ word) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	return hash;
}

/** A number for the flow of a frame that begins with `bytes`: of its addresses, and
 *  of its ports where every packet has them. 0 for what is not IP. */
static uint32_t flow_of(const uint8_t *bytes, uint32_t length)
{
	uint8_t protocol = 0;
	uint32_t ip_at, hash;
	uint32_t at = xen_net_transport(bytes, length, &ip_at, &protocol);
	const uint8_t *ip = bytes + ip_at;
	bool is_4, in_pieces;

	if (at == 0)
		return 0;
	is_4 = ip[0] >> 4 == 4;
	hash = is_4 ? mix(1, ip + 12, 8) : mix(1, ip + 8, 32);
	/* More fragments, or not at the beginning. */
	in_pieces = is_4 && ((ip[6] & 0x3f) != 0 || ip[7] != 0);
	if (!in_pieces && length >= at + 4 &&
	    (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP))
		hash = mix(hash, bytes + at, 4);
	return hash * 0x85ebca6bu;
}

struct xen_net_queue *xen_net_queue_of(struct xen_net *net,
				       const struct mirage_packet *frame)
{
	uint8_t headers[HEADERS_BYTES];
	uint32_t length = 0, flow;

	if (net->n_queues == 1)
		return &net->queues[0];
	/* However the frame is cut, its flow is the same. */
	for (; frame != NULL && length < HEADERS_BYTES; frame = frame->next) {
		uint32_t room = HEADERS_BYTES - length;
		uint32_t n =
			frame->length_bytes < room ? frame->length_bytes : room;

		if (n > 0)
			memcpy(headers + length, frame->data, n);
		length += n;
	}
	flow = flow_of(headers, length);
	return &net->queues[(uint64_t)flow * net->n_queues >> 32];
}
