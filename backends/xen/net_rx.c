/* SPDX-License-Identifier: ISC */
/*
 * The receive ring of a network. Responses come in the order of the requests, so a
 * response is for the page in its own place of the ring; an entry with extra
 * information uses up a page too, which is given out again.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 64

static struct xen_net_rx_slot *slot_at(struct xen_net_queue *queue,
				       RING_IDX index)
{
	return &queue->rx_slots[index & (XEN_NET_RX_SLOTS - 1)];
}

static void (*pool_recycle)(struct mirage_packet *packet);

/** A packet comes back: its page may be what the ring waits for. */
static void recycle(struct mirage_packet *packet)
{
	struct xen_net *net = ((struct xen_net_pool *)packet->owner)->owner;
	bool starved = net->rx_starved && xen_net_is_on(net);

	pool_recycle(packet);
	if (starved)
		xen_kick(&net->kick);
}

bool xen_net_rx_make_pool(struct xen_net *net, unsigned n_queues)
{
	struct xen_net_pool *pool = &net->rx_pool;
	uint32_t n = n_queues * XEN_NET_RX_SLOTS + XEN_NET_RX_SPARE;

	if (!xen_net_make_pool(net, pool, n, XEN_PAGE_BYTES, 0))
		return false;
	pool_recycle = pool->packets[0].recycle;
	for (uint32_t i = 0; i < n; i++)
		pool->packets[i].recycle = recycle;
	return true;
}

/** Gives the backend pages for frames to come; false when there were too few. */
static bool refill(struct xen_net_queue *queue)
{
	struct xen_net *net = queue->net;

	while (!RING_FULL(&queue->rx)) {
		RING_IDX at = queue->rx.req_prod_pvt;
		struct xen_net_rx_slot *slot = slot_at(queue, at);
		struct mirage_packet *packet =
			mirage_pool_get(&net->rx_pool.pool);
		struct netif_rx_request *to;

		if (packet == NULL)
			return false;
		slot->reference =
			xen_grant(net->bus.backend_id, packet->buffer, false);
		if (slot->reference == XEN_GRANT_NONE) {
			mirage_packet_release(packet);
			return false;
		}
		slot->packet = packet;
		to = RING_GET_REQUEST(&queue->rx, at);
		to->id = (uint16_t)(at & (XEN_NET_RX_SLOTS - 1));
		to->gref = slot->reference;
		queue->rx.req_prod_pvt++;
	}
	return true;
}

/** As `refill`, and shows them. */
static bool push(struct xen_net_queue *queue)
{
	bool filled = refill(queue);
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->rx, notify);
	if (notify)
		xen_event_notify(queue->rx_port);
	return filled;
}

void xen_net_rx_push(struct xen_net *net)
{
	bool starved = false;

	/* The packet that cannot be granted is not what the rings wait for. */
	net->rx_starved = false;
	for (unsigned i = 0; i < net->n_queues; i++)
		starved |= !push(&net->queues[i]);
	net->rx_starved = starved;
}

/** The packet of `slot`, taken back from the backend; NULL if it will not. */
static struct mirage_packet *take_back(struct xen_net *net,
				       struct xen_net_rx_slot *slot)
{
	struct mirage_packet *packet = slot->packet;

	slot->packet = NULL;
	if (!xen_grant_end(slot->reference)) {
		xen_net_breach(net, "holds a page that it has filled");
		return NULL;
	}
	return packet;
}

/* ---------------------------------------------------------------- Frames -- */

/** A frame on the ring, copied off it. */
struct arrival {
	struct netif_rx_response parts[XEN_NET_FRAME_SLOTS_MAX];
	unsigned n_parts, n_extras;
	struct netif_extra_info gso;
	bool has_gso, whole;
	const char *breach;
	RING_IDX end; /* behind the frame */
};

/** Copies the extra entries that follow at `arrival->end`. */
static void look_at_extras(struct xen_net_queue *queue, struct arrival *arrival,
			   RING_IDX limit)
{
	struct netif_extra_info extra;

	do {
		if (arrival->end == limit) {
			arrival->whole = false;
			return;
		}
		extra = *(struct netif_extra_info *)RING_GET_RESPONSE(
			&queue->rx, arrival->end);
		__asm__ volatile("" : : : "memory"); /* read once */
		arrival->end++;
		if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE ||
		    extra.type >= XEN_NETIF_EXTRA_TYPE_MAX ||
		    ++arrival->n_extras == XEN_NETIF_EXTRA_TYPE_MAX) {
			arrival->breach = "sent extra information of no kind";
			return;
		}
		if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO) {
			arrival->gso = extra;
			arrival->has_gso = true;
		}
	} while ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0);
}

/** What is wrong with a part that lies at `index`, or NULL. */
static const char *check_part(const struct netif_rx_response *part,
			      RING_IDX index)
{
	if (part->id != (index & (XEN_NET_RX_SLOTS - 1)))
		return "filled a page that it was not given";
	if (part->status > 0 &&
	    (uint32_t)part->offset + (uint32_t)part->status > XEN_PAGE_BYTES)
		return "sent a frame beyond the end of its page";
	return NULL;
}

/** Copies the entries of the next frame. */
static void look(struct xen_net_queue *queue, struct arrival *arrival,
		 RING_IDX limit)
{
	struct netif_rx_response *part;

	arrival->n_parts = arrival->n_extras = 0;
	arrival->has_gso = false;
	arrival->whole = true;
	arrival->breach = NULL;
	arrival->end = queue->rx.rsp_cons;
	do {
		if (arrival->end == limit) {
			arrival->whole = false;
			return;
		}
		if (arrival->n_parts == XEN_NET_FRAME_SLOTS_MAX) {
			arrival->breach = "sent a frame in too many pieces";
			return;
		}
		part = &arrival->parts[arrival->n_parts++];
		*part = *RING_GET_RESPONSE(&queue->rx, arrival->end);
		__asm__ volatile("" : : : "memory"); /* read once */
		arrival->breach = check_part(part, arrival->end++);
		if (arrival->breach == NULL &&
		    (part->flags & NETRXF_extra_info) != 0)
			look_at_extras(queue, arrival, limit);
	} while ((part->flags & NETRXF_more_data) != 0 && arrival->whole &&
		 arrival->breach == NULL);
}

static bool mark_gso(const struct xen_net *net, struct mirage_packet *frame,
		     const struct netif_extra_info *gso)
{
	bool is_4 = gso->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4;

	if (!is_4 && gso->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
		return false;
	frame->gso = is_4 ? MIRAGE_GSO_TCPV4 : MIRAGE_GSO_TCPV6;
	frame->gso_size_bytes = gso->u.gso.size;
	return frame->gso_size_bytes != 0 && frame->csum == MIRAGE_CSUM_BLANK &&
	       (net->info.caps &
		(is_4 ? MIRAGE_NET_CAP_RX_GSO4 : MIRAGE_NET_CAP_RX_GSO6)) != 0;
}

/** Marks the frame as its flags say; the bits are not those of transmission. False
 *  if nobody asked for such marks. */
static bool mark(const struct xen_net *net, struct mirage_packet *frame,
		 const struct arrival *arrival)
{
	uint16_t flags = arrival->parts[0].flags;
	bool accepted = (net->info.caps & MIRAGE_NET_CAP_RX_CSUM) != 0;

	if ((flags & NETRXF_csum_blank) != 0) {
		if (!accepted || !xen_net_csum_locate(frame))
			return false;
		frame->csum = MIRAGE_CSUM_BLANK;
	} else if ((flags & NETRXF_data_validated) != 0 && accepted) {
		frame->csum = MIRAGE_CSUM_VERIFIED;
	}
	return !arrival->has_gso || mark_gso(net, frame, &arrival->gso);
}

static bool fits(const struct xen_net *net, const struct mirage_packet *frame)
{
	uint64_t bytes = mirage_packet_frame_bytes(frame);

	return bytes >= 14 && bytes <= (frame->gso != MIRAGE_GSO_NONE
						? (uint32_t)XEN_NET_GSO_MAX
						: net->info.mtu_bytes + 14);
}

/** Takes the pages of a frame off the ring and chains those with data; NULL if
 *  there are none. `valid` becomes false if the backend gave up on one. */
static struct mirage_packet *take_pages(struct xen_net_queue *queue,
					const struct arrival *arrival,
					bool *valid)
{
	struct mirage_packet *frame = NULL, **end = &frame;
	unsigned part = 0;

	while (queue->rx.rsp_cons != arrival->end &&
	       xen_net_is_on(queue->net)) {
		RING_IDX at = queue->rx.rsp_cons++;
		struct mirage_packet *packet =
			take_back(queue->net, slot_at(queue, at));
		const struct netif_rx_response *from = &arrival->parts[part];

		if (packet == NULL)
			break;
		/* The places between the parts were those of extras. */
		if (part == arrival->n_parts ||
		    from->id != (at & (XEN_NET_RX_SLOTS - 1))) {
			mirage_packet_release(packet);
			continue;
		}
		part++;
		*end = packet;
		end = &packet->next;
		if (from->status <= 0) {
			*valid = false;
			continue;
		}
		packet->data += from->offset;
		packet->dirty_from_bytes = from->offset;
		mirage_packet_append(packet, (uint32_t)from->status);
	}
	return frame;
}

/** Whether the ring can be filled again while somebody holds what was taken off it.
 *  Otherwise frames would wait in the backend, and be lost there uncounted. */
static bool has_spare(const struct xen_net *net)
{
	const struct mirage_pool *pool = &net->rx_pool.pool;
	uint32_t missing = 0;

	for (unsigned i = 0; i < net->n_queues; i++) {
		const netif_rx_front_ring_t *rx = &net->queues[i].rx;

		missing += XEN_NET_RX_SLOTS - (rx->req_prod_pvt - rx->rsp_cons);
	}
	return pool->n_packets - pool->n_out >= missing;
}

/** The next frame, or NULL if there is nothing to deliver of it. */
static struct mirage_packet *take_frame(struct xen_net_queue *queue,
					const struct arrival *arrival)
{
	struct xen_net *net = queue->net;
	bool valid = true;
	struct mirage_packet *frame = take_pages(queue, arrival, &valid);

	if (frame == NULL)
		return NULL;
	if (!xen_net_is_on(net) || !valid || !mark(net, frame, arrival)) {
		net->counters.rx_dropped_invalid++;
	} else if (!fits(net, frame)) {
		net->counters.rx_dropped_size++;
	} else if (!has_spare(net)) {
		net->counters.rx_dropped_memory++;
	} else {
		return frame;
	}
	mirage_packet_release(frame);
	return NULL;
}

/** Takes up to BATCH frames of those before `limit`; false when there are no more
 *  whole ones. */
static bool take_batch(struct xen_net_queue *queue, RING_IDX limit)
{
	struct xen_net *net = queue->net;
	struct mirage_packet *batch[BATCH];
	struct arrival arrival;
	size_t n = 0;

	arrival.whole = true;
	while (n < BATCH && xen_net_is_on(net)) {
		struct mirage_packet *frame;

		look(queue, &arrival, limit);
		if (arrival.breach != NULL)
			xen_net_breach(net, arrival.breach);
		if (arrival.breach != NULL || !arrival.whole)
			break;
		frame = take_frame(queue, &arrival);
		if (frame != NULL)
			batch[n++] = frame;
	}
	mirage_core_net_deliver(&net->net, batch, n);
	return arrival.whole && xen_net_is_on(net);
}

/** Takes what there is. */
static void take_all(struct xen_net_queue *queue)
{
	RING_IDX limit =
		__atomic_load_n(&queue->rx_shared->rsp_prod, __ATOMIC_ACQUIRE);

	/* Before frames are handed on: the ring may be gone afterwards. */
	queue->rx_seen = limit;
	if (limit - queue->rx.rsp_cons >
	    queue->rx.req_prod_pvt - queue->rx.rsp_cons)
		xen_net_breach(queue->net,
			       "moved its index beyond the pages it has");
	else
		while (take_batch(queue, limit))
			continue;
}

static bool has_more(const struct xen_net_queue *queue)
{
	return xen_net_is_on(queue->net) &&
	       __atomic_load_n(&queue->rx_shared->rsp_prod, __ATOMIC_ACQUIRE) !=
		       queue->rx_seen;
}

static struct xen_net_queue *polled(struct xen_poll *poll)
{
	return (void *)((char *)poll - offsetof(struct xen_net_queue, rx_poll));
}

static bool look_at_ring(struct xen_poll *poll)
{
	struct xen_net_queue *queue = polled(poll);

	if (!has_more(queue))
		return false;
	take_all(queue);
	if (xen_net_is_on(queue->net))
		xen_kick(&queue->net->kick);
	return true;
}

static bool arm_ring(struct xen_poll *poll)
{
	struct xen_net_queue *queue = polled(poll);

	if (!xen_net_is_on(queue->net))
		return false;
	queue->rx_shared->rsp_event = queue->rx_seen + 1;
	xen_mb(); /* it sees that we sleep, or we what it did */
	return has_more(queue);
}

void xen_net_rx_poll(struct xen_net_queue *queue)
{
	xen_poll_start(&queue->rx_poll);
	look_at_ring(&queue->rx_poll);
}

/* ------------------------------------------------------------------ Life -- */

bool xen_net_rx_init(struct xen_net_queue *queue)
{
	queue->rx_shared = xen_pages_alloc(1);
	if (queue->rx_shared == NULL)
		return false;
	SHARED_RING_INIT(queue->rx_shared);
	FRONT_RING_INIT(&queue->rx, queue->rx_shared, XEN_PAGE_BYTES);
	queue->rx_seen = 0;
	queue->rx_poll.look = look_at_ring;
	queue->rx_poll.arm = arm_ring;
	queue->rx_reference =
		xen_grant(queue->net->bus.backend_id, queue->rx_shared, false);
	if (!refill(queue))
		queue->net->rx_starved = true;
	RING_PUSH_REQUESTS(&queue->rx);
	return queue->rx_reference != XEN_GRANT_NONE;
}

void xen_net_rx_fini(struct xen_net_queue *queue)
{
	if (queue->rx_shared == NULL)
		return;
	xen_poll_stop(&queue->rx_poll);
	for (unsigned i = 0; i < XEN_NET_RX_SLOTS; i++) {
		struct xen_net_rx_slot *slot = &queue->rx_slots[i];

		if (slot->packet == NULL)
			continue;
		/* What the backend does not give back is lost with its page. */
		if (xen_grant_end(slot->reference))
			mirage_packet_release(slot->packet);
		slot->packet = NULL;
	}
	if (queue->rx_reference == XEN_GRANT_NONE ||
	    xen_grant_end(queue->rx_reference))
		xen_pages_free(queue->rx_shared, 1);
	queue->rx_shared = NULL;
}
