/* SPDX-License-Identifier: ISC */
/* The transmit ring of a network. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- Slots -- */

static struct xen_net_tx_slot *take_slot(struct xen_net_queue *queue,
					 struct mirage_packet *frame)
{
	struct xen_net_tx_slot *slot = &queue->tx_slots[queue->first_free_tx];

	queue->first_free_tx = slot->next_free;
	queue->n_free_tx--;
	slot->frame = mirage_packet_retain(frame);
	slot->last = false;
	return slot;
}

/** Takes the piece back; false if the backend still holds it, and then its frame
 *  is never used again. */
static bool give_slot(struct xen_net_queue *queue, struct xen_net_tx_slot *slot)
{
	bool back = xen_grant_end(slot->reference);

	if (back)
		mirage_packet_release(slot->frame);
	slot->frame = NULL;
	slot->next_free = queue->first_free_tx;
	queue->first_free_tx = (uint16_t)(slot - queue->tx_slots);
	queue->n_free_tx++;
	return back;
}

static bool is_empty(const struct xen_net_queue *queue)
{
	return queue->n_free_tx == XEN_NET_TX_SLOTS;
}

bool xen_net_tx_empty(const struct xen_net *net)
{
	for (unsigned i = 0; i < net->n_queues; i++)
		if (!is_empty(&net->queues[i]))
			return false;
	return true;
}

/* ------------------------------------------------------------ Own memory -- */

static bool is_ours(const struct xen_net *net,
		    const struct mirage_packet *packet)
{
	return packet->owner == &net->tx_pool ||
	       packet->owner == &net->tx_big_pool ||
	       packet->owner == &net->rx_pool; /* pools come first in these */
}

/** Copies a frame that lies in memory which the backend must not see. Returns 1,
 *  0 when it has to wait, or an error. */
static int copy_frame(struct xen_net *net, const struct mirage_packet *frame,
		      struct mirage_packet **to)
{
	uint64_t bytes = mirage_packet_frame_bytes(frame);
	int got = xen_net_tx_reserve(&net->net, (uint32_t)bytes, to, 1);
	struct mirage_packet *copy = *to;

	if (got != 1)
		return got;
	copy->csum = frame->csum;
	copy->gso = frame->gso;
	copy->gso_size_bytes = frame->gso_size_bytes;
	copy->csum_start_bytes = frame->csum_start_bytes;
	copy->csum_offset_bytes = frame->csum_offset_bytes;
	for (; frame != NULL; frame = frame->next)
		if (frame->length_bytes > 0)
			memcpy(mirage_packet_append(copy, frame->length_bytes),
			       frame->data, frame->length_bytes);
	return 1;
}

static bool all_ours(const struct xen_net *net,
		     const struct mirage_packet *frame)
{
	for (; frame != NULL; frame = frame->next)
		if (!is_ours(net, frame))
			return false;
	return true;
}

/* --------------------------------------------------------------- Sending -- */

static unsigned pages_of(const struct mirage_packet *packet)
{
	uint32_t offset = (uint32_t)((uintptr_t)packet->data % XEN_PAGE_BYTES);

	return (offset + packet->length_bytes + XEN_PAGE_BYTES - 1) /
	       XEN_PAGE_BYTES;
}

/** Ring entries that a frame takes. */
static unsigned slots_of(const struct mirage_packet *frame)
{
	unsigned n = frame->gso != MIRAGE_GSO_NONE;

	for (; frame != NULL; frame = frame->next)
		n += frame->length_bytes > 0 ? pages_of(frame) : 0;
	return n;
}

static uint16_t first_flags(const struct mirage_packet *frame)
{
	uint16_t flags = 0;

	if (frame->csum == MIRAGE_CSUM_BLANK)
		flags = NETTXF_csum_blank | NETTXF_data_validated;
	else if (frame->csum == MIRAGE_CSUM_VERIFIED)
		flags = NETTXF_data_validated;
	if (frame->gso != MIRAGE_GSO_NONE)
		flags |= NETTXF_extra_info;
	return flags;
}

static void put_gso(struct xen_net_queue *queue,
		    const struct mirage_packet *frame)
{
	struct netif_extra_info *extra =
		(void *)RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt);

	memset(extra, 0, sizeof *extra);
	extra->type = XEN_NETIF_EXTRA_TYPE_GSO;
	queue->n_tx_extras++;
	extra->u.gso.size = frame->gso_size_bytes;
	extra->u.gso.type = frame->gso == MIRAGE_GSO_TCPV4
				    ? XEN_NETIF_GSO_TYPE_TCPV4
				    : XEN_NETIF_GSO_TYPE_TCPV6;
	queue->tx.req_prod_pvt++;
}

/** Puts one piece of `frame`, within a page, onto the ring; NULL without grants. */
static struct netif_tx_request *put_piece(struct xen_net_queue *queue,
					  struct mirage_packet *frame,
					  const uint8_t *bytes, uint32_t length)
{
	uint32_t reference = xen_grant(queue->net->bus.backend_id, bytes, true);
	struct netif_tx_request *to;
	struct xen_net_tx_slot *slot;

	if (reference == XEN_GRANT_NONE)
		return NULL;
	slot = take_slot(queue, frame);
	slot->reference = reference;
	queue->tx_undo[queue->n_tx_undo++] = slot;
	to = RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt);
	*to = (struct netif_tx_request){
		.gref = reference,
		.offset = (uint16_t)((uintptr_t)bytes % XEN_PAGE_BYTES),
		.flags = NETTXF_more_data,
		.id = (uint16_t)(slot - queue->tx_slots),
		.size = (uint16_t)length,
	};
	queue->tx.req_prod_pvt++;
	return to;
}

/** Puts the pieces of one fragment onto the ring; returns the last entry. */
static struct netif_tx_request *put_fragment(struct xen_net_queue *queue,
					     struct mirage_packet *frame,
					     const struct mirage_packet *from,
					     bool first)
{
	const uint8_t *bytes = from->data;
	struct netif_tx_request *to = NULL;

	for (uint32_t left = from->length_bytes; left > 0;) {
		uint32_t n = XEN_PAGE_BYTES -
			     (uint32_t)((uintptr_t)bytes % XEN_PAGE_BYTES);

		n = n < left ? n : left;
		to = put_piece(queue, frame, bytes, n);
		if (to == NULL)
			return NULL;
		/* The first entry has the size of the whole frame. */
		if (first) {
			to->flags |= first_flags(frame);
			to->size = (uint16_t)mirage_packet_frame_bytes(frame);
			if (frame->gso != MIRAGE_GSO_NONE)
				put_gso(queue, frame);
		}
		first = false;
		bytes += n;
		left -= n;
	}
	return to;
}

/** Takes back what was put of a frame since the ring ended at `start`. The backend
 *  has not been shown it. */
static void take_back(struct xen_net_queue *queue,
		      const struct mirage_packet *frame, RING_IDX start)
{
	if (queue->n_tx_undo > 0 && frame->gso != MIRAGE_GSO_NONE)
		queue->n_tx_extras--;
	queue->tx.req_prod_pvt = start;
	while (queue->n_tx_undo > 0)
		give_slot(queue, queue->tx_undo[--queue->n_tx_undo]);
}

/** Puts a whole frame onto the ring, where there is room for it, or nothing: false
 *  without grants. */
static bool put_frame(struct xen_net_queue *queue, struct mirage_packet *frame)
{
	RING_IDX start = queue->tx.req_prod_pvt;
	struct netif_tx_request *last = NULL;

	queue->n_tx_undo = 0;
	for (struct mirage_packet *p = frame; p != NULL; p = p->next) {
		if (p->length_bytes == 0)
			continue;
		last = put_fragment(queue, frame, p, last == NULL);
		if (last == NULL) {
			take_back(queue, frame, start);
			return false;
		}
	}
	last->flags &= (uint16_t)~NETTXF_more_data;
	queue->tx_undo[queue->n_tx_undo - 1]->last = true;
	mirage_packet_release(frame); /* the slots hold it */
	return true;
}

static bool has_room(const struct xen_net_queue *queue,
		     const struct mirage_packet *frame)
{
	unsigned slots = slots_of(frame);

	return queue->n_free_tx >= slots &&
	       (unsigned)RING_FREE_REQUESTS(&queue->tx) >= slots;
}

/** Bytes of the first entry. Linux refuses a frame whose header is not in there. */
static uint32_t first_bytes(const struct mirage_packet *frame)
{
	uint32_t room;

	while (frame->length_bytes == 0)
		frame = frame->next;
	room = XEN_PAGE_BYTES -
	       (uint32_t)((uintptr_t)frame->data % XEN_PAGE_BYTES);
	return frame->length_bytes < room ? frame->length_bytes : room;
}

static void wait_for_any(struct xen_net *net)
{
	for (unsigned i = 0; i < net->n_queues; i++)
		net->queues[i].tx_short = true;
}

/** Puts a frame onto the ring of its flow; false when it has to wait for that ring,
 *  or without grants for any of them. */
static bool put_on_queue(struct xen_net *net, struct mirage_packet *frame)
{
	struct xen_net_queue *queue = xen_net_queue_of(net, frame);

	if (!has_room(queue, frame)) {
		queue->tx_short = true;
		return false;
	}
	if (put_frame(queue, frame))
		return true;
	wait_for_any(net);
	return false;
}

/** Takes one frame; false when it has to wait. */
static bool send_one(struct xen_net *net, struct mirage_packet *frame)
{
	/* Backends find the place of a checksum themselves, or drop the frame. */
	bool fill = frame->csum == MIRAGE_CSUM_BLANK &&
		    frame->gso == MIRAGE_GSO_NONE &&
		    !xen_net_csum_is_located(frame);
	struct mirage_packet *ours = frame;
	int copied = 1;

	if (fill || !all_ours(net, frame) || first_bytes(frame) < 14 ||
	    slots_of(frame) > XEN_NET_FRAME_SLOTS_MAX)
		copied = copy_frame(net, frame, &ours);
	if (fill && copied == 1)
		xen_net_csum_fill(ours);
	if (copied == 1 && put_on_queue(net, ours)) {
		if (ours != frame)
			mirage_packet_release(frame);
		return true;
	}
	if (copied == 1 && ours != frame)
		mirage_packet_release(ours);
	if (copied < 0)
		wait_for_any(net);
	/* Waiting makes sense only for what will come back. */
	if (copied == 0 || !xen_net_tx_empty(net))
		return false;
	mirage_packet_release(frame);
	net->counters.tx_dropped_error++;
	return true;
}

static void drop_all(struct xen_net *net, struct mirage_packet *const packets[],
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	net->counters.tx_dropped_link += n;
}

int xen_net_tx_send(struct mirage_net *base,
		    struct mirage_packet *const packets[], size_t n)
{
	struct xen_net *net = (struct xen_net *)base;
	size_t taken = 0;

	if (!net->info.link_up) {
		drop_all(net, packets, n);
		return (int)n;
	}
	while (taken < n && send_one(net, packets[taken]))
		taken++;
	if (taken > 0)
		xen_kick(&net->kick);
	return (int)taken;
}

int xen_net_tx_reserve(struct mirage_net *base, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n)
{
	struct xen_net *net = (struct xen_net *)base;

	if (length_bytes <= XEN_NET_TX_STRIDE - XEN_NET_HEADROOM)
		return mirage_pool_reserve(&net->tx_pool.pool, packets, n);
	if (net->tx_big_pool.memory == NULL &&
	    !xen_net_make_pool(net, &net->tx_big_pool, XEN_NET_TX_BIG_PACKETS,
			       XEN_NET_TX_BIG_STRIDE, XEN_NET_HEADROOM))
		return MIRAGE_ENOMEM;
	return mirage_pool_reserve(&net->tx_big_pool.pool, packets, n);
}

void xen_net_tx_push(struct xen_net_queue *queue)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->tx, notify);
	if (notify)
		xen_event_notify(queue->tx_port);
}

/* ------------------------------------------------------------- Responses -- */

static bool take_response(struct xen_net_queue *queue,
			  struct netif_tx_response response)
{
	struct xen_net_tx_slot *slot;

	if (response.status == NETIF_RSP_NULL && queue->n_tx_extras > 0) {
		queue->n_tx_extras--; /* an extra entry, which has no id */
		return true;
	}
	if (response.status == NETIF_RSP_NULL ||
	    response.id >= XEN_NET_TX_SLOTS ||
	    queue->tx_slots[response.id].frame == NULL) {
		xen_net_breach(queue->net,
			       "answered a frame that was not sent");
		return false;
	}
	slot = &queue->tx_slots[response.id];
	if (slot->last && response.status != NETIF_RSP_OKAY)
		queue->net->counters.tx_dropped_error++;
	if (!give_slot(queue, slot)) {
		xen_net_breach(queue->net,
			       "holds a page that it has answered for");
		return false;
	}
	return true;
}

static void take_responses(struct xen_net_queue *queue)
{
	RING_IDX end =
		__atomic_load_n(&queue->tx_shared->rsp_prod, __ATOMIC_ACQUIRE);

	if (end - queue->tx.rsp_cons >
	    queue->tx.req_prod_pvt - queue->tx.rsp_cons) {
		xen_net_breach(queue->net,
			       "moved its index beyond what was sent");
		return;
	}
	while (queue->tx.rsp_cons != end) {
		struct netif_tx_response response =
			*RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_cons);

		__asm__ volatile("" : : : "memory"); /* read once */
		queue->tx.rsp_cons++;
		if (!take_response(queue, response))
			return;
	}
}

void xen_net_tx_poll(struct xen_net_queue *queue)
{
	int more = 0;

	do {
		take_responses(queue);
		if (!xen_net_is_on(queue->net))
			return;
		RING_FINAL_CHECK_FOR_RESPONSES(&queue->tx, more);
	} while (more);
	if (!queue->tx_short)
		return;
	queue->tx_short = false;
	mirage_core_net_event(&queue->net->net, MIRAGE_EVENT_WRITABLE);
}

/* ------------------------------------------------------------------ Life -- */

bool xen_net_tx_init(struct xen_net_queue *queue)
{
	for (unsigned i = 0; i < XEN_NET_TX_SLOTS; i++)
		queue->tx_slots[i] = (struct xen_net_tx_slot){
			.next_free = (uint16_t)(i + 1)};
	queue->first_free_tx = 0;
	queue->n_free_tx = XEN_NET_TX_SLOTS;
	queue->n_tx_extras = 0;
	queue->tx_short = false;
	queue->tx_shared = xen_pages_alloc(1);
	if (queue->tx_shared == NULL)
		return false;
	SHARED_RING_INIT(queue->tx_shared);
	FRONT_RING_INIT(&queue->tx, queue->tx_shared, XEN_PAGE_BYTES);
	queue->tx_reference =
		xen_grant(queue->net->bus.backend_id, queue->tx_shared, false);
	return queue->tx_reference != XEN_GRANT_NONE;
}

static void drop_sent(struct xen_net_queue *queue)
{
	for (unsigned i = 0; i < XEN_NET_TX_SLOTS; i++) {
		struct xen_net_tx_slot *slot = &queue->tx_slots[i];

		if (slot->frame == NULL)
			continue;
		queue->net->counters.tx_dropped_error += slot->last;
		give_slot(queue, slot);
	}
}

void xen_net_tx_drop(struct xen_net *net)
{
	for (unsigned i = 0; i < net->n_queues; i++)
		drop_sent(&net->queues[i]);
	/* What is sent from now on is taken and dropped. */
	if (net->net.name != NULL)
		mirage_core_net_event(&net->net, MIRAGE_EVENT_WRITABLE);
}

void xen_net_tx_fini(struct xen_net_queue *queue)
{
	if (queue->tx_shared == NULL)
		return;
	if (queue->tx_reference == XEN_GRANT_NONE ||
	    xen_grant_end(queue->tx_reference))
		xen_pages_free(queue->tx_shared, 1);
	queue->tx_shared = NULL;
}
