/* SPDX-License-Identifier: ISC */
/*
 * The receive ring of a network. Responses come in the order of the requests, so a
 * response is for the page in its own place of the ring; an entry with extra
 * information uses up a page too, which is given out again.
 */
#include "net.h"

#include <stdlib.h>

#define BATCH 64

static struct xen_net_rx_slot *slot_at(struct xen_net *net, RING_IDX index)
{
	return &net->rx_slots[index & (XEN_NET_RX_SLOTS - 1)];
}

/** Gives the backend pages for frames to come. */
static void refill(struct xen_net *net)
{
	while (!RING_FULL(&net->rx)) {
		RING_IDX at = net->rx.req_prod_pvt;
		struct xen_net_rx_slot *slot = slot_at(net, at);
		struct mirage_packet *packet = mirage_pool_get(&net->rx_pool);
		struct netif_rx_request *to;

		if (packet == NULL)
			break;
		slot->reference =
			xen_grant(net->bus.backend_id, packet->buffer, false);
		if (slot->reference == XEN_GRANT_NONE) {
			mirage_packet_release(packet);
			break;
		}
		slot->packet = packet;
		to = RING_GET_REQUEST(&net->rx, at);
		to->id = (uint16_t)(at & (XEN_NET_RX_SLOTS - 1));
		to->gref = slot->reference;
		net->rx.req_prod_pvt++;
	}
}

void xen_net_rx_push(struct xen_net *net)
{
	int notify;

	refill(net);
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&net->rx, notify);
	if (notify)
		xen_event_notify(net->rx_port);
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
	unsigned n_parts;
	struct netif_extra_info gso;
	bool has_gso, has_extra, whole, broken;
	RING_IDX end; /* behind the frame */
};

/** Copies the extra entries that follow at `arrival->end`. */
static void look_at_extras(struct xen_net *net, struct arrival *arrival,
			   RING_IDX limit)
{
	struct netif_extra_info extra;

	do {
		if (arrival->end == limit) {
			arrival->whole = false;
			return;
		}
		extra = *(struct netif_extra_info *)RING_GET_RESPONSE(
			&net->rx, arrival->end);
		__asm__ volatile("" : : : "memory"); /* read once */
		arrival->end++;
		if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO) {
			arrival->gso = extra;
			arrival->has_gso = true;
		} else if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE ||
			   extra.type >= XEN_NETIF_EXTRA_TYPE_MAX) {
			arrival->broken = true;
			return;
		}
	} while ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0);
}

/** Copies the entries of the next frame. */
static void look(struct xen_net *net, struct arrival *arrival, RING_IDX limit)
{
	struct netif_rx_response part;

	*arrival = (struct arrival){.end = net->rx.rsp_cons, .whole = true};
	do {
		if (arrival->end == limit) {
			arrival->whole = false;
			return;
		}
		part = *RING_GET_RESPONSE(&net->rx, arrival->end);
		__asm__ volatile("" : : : "memory"); /* read once */
		if (arrival->n_parts == XEN_NET_FRAME_SLOTS_MAX ||
		    part.id != (arrival->end & (XEN_NET_RX_SLOTS - 1))) {
			arrival->broken = true;
			return;
		}
		arrival->parts[arrival->n_parts++] = part;
		arrival->end++;
		if ((part.flags & NETRXF_extra_info) != 0)
			look_at_extras(net, arrival, limit);
	} while ((part.flags & NETRXF_more_data) != 0 && arrival->whole &&
		 !arrival->broken);
}

static bool valid_part(const struct netif_rx_response *part)
{
	return part->status > 0 && part->offset < XEN_PAGE_BYTES &&
	       (uint32_t)part->status <= XEN_PAGE_BYTES - part->offset;
}

/** Marks the frame as its flags say; the bits are not those of transmission. */
static bool mark(struct mirage_packet *frame, const struct arrival *arrival)
{
	uint16_t flags = arrival->parts[0].flags;

	if ((flags & NETRXF_csum_blank) != 0) {
		if (!xen_net_csum_locate(frame))
			return false;
		frame->csum = MIRAGE_CSUM_BLANK;
	} else if ((flags & NETRXF_data_validated) != 0) {
		frame->csum = MIRAGE_CSUM_VERIFIED;
	}
	if (!arrival->has_gso)
		return true;
	frame->gso_size_bytes = arrival->gso.u.gso.size;
	frame->gso = arrival->gso.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4
			     ? MIRAGE_GSO_TCPV4
			     : MIRAGE_GSO_TCPV6;
	return frame->gso_size_bytes != 0 && frame->csum == MIRAGE_CSUM_BLANK;
}

static bool fits(const struct xen_net *net, const struct mirage_packet *frame)
{
	uint64_t bytes = mirage_packet_frame_bytes(frame);

	return bytes >= 14 && bytes <= (frame->gso != MIRAGE_GSO_NONE
						? (uint32_t)XEN_NET_GSO_MAX
						: net->info.mtu_bytes + 18);
}

/** Takes the pages of a frame off the ring and chains them; NULL if there is
 *  nothing to deliver. */
static struct mirage_packet *take_frame(struct xen_net *net,
					const struct arrival *arrival)
{
	struct mirage_packet *frame = NULL, **end = &frame;
	unsigned part = 0;
	bool valid = true;

	while (net->rx.rsp_cons != arrival->end) {
		RING_IDX at = net->rx.rsp_cons++;
		struct mirage_packet *packet = take_back(net, slot_at(net, at));
		const struct netif_rx_response *from = &arrival->parts[part];

		if (packet == NULL)
			return NULL;
		/* The places between the parts were those of extras. */
		if (part == arrival->n_parts ||
		    from->id != (at & (XEN_NET_RX_SLOTS - 1))) {
			mirage_packet_release(packet);
			continue;
		}
		part++;
		valid &= valid_part(from);
		if (valid_part(from)) {
			packet->data += from->offset;
			mirage_packet_append(packet, (uint32_t)from->status);
		}
		*end = packet;
		end = &packet->next;
	}
	if (!valid || !mark(frame, arrival)) {
		net->counters.rx_dropped_invalid++;
	} else if (!fits(net, frame)) {
		net->counters.rx_dropped_size++;
	} else {
		return frame;
	}
	mirage_packet_release(frame);
	return NULL;
}

/** Takes up to BATCH frames; returns false when there are no more. */
static bool take_batch(struct xen_net *net)
{
	struct mirage_packet *batch[BATCH];
	RING_IDX limit =
		__atomic_load_n(&net->rx_shared->rsp_prod, __ATOMIC_ACQUIRE);
	bool more = true;
	size_t n = 0;

	if (limit - net->rx.rsp_cons >
	    net->rx.req_prod_pvt - net->rx.rsp_cons) {
		xen_net_breach(net, "moved its index beyond the pages it has");
		return false;
	}
	while (n < BATCH && net->phase == XEN_NET_CONNECTED) {
		struct mirage_packet *frame;
		struct arrival arrival;

		look(net, &arrival, limit);
		if (arrival.broken) {
			xen_net_breach(net,
				       "filled a page that it was not given");
			break;
		}
		more = arrival.whole;
		if (!more)
			break;
		frame = take_frame(net, &arrival);
		if (frame != NULL)
			batch[n++] = frame;
	}
	mirage_core_net_deliver(&net->net, batch, n);
	return more && net->phase == XEN_NET_CONNECTED;
}

void xen_net_rx_poll(struct xen_net *net)
{
	int more = 0;

	do {
		while (take_batch(net))
			continue;
		if (net->phase != XEN_NET_CONNECTED)
			return;
		RING_FINAL_CHECK_FOR_RESPONSES(&net->rx, more);
	} while (more);
	xen_kick(&net->kick);
}

/* ------------------------------------------------------------------ Life -- */

bool xen_net_rx_init(struct xen_net *net)
{
	net->rx_shared = xen_pages_alloc(1);
	if (net->rx_shared == NULL)
		return false;
	SHARED_RING_INIT(net->rx_shared);
	FRONT_RING_INIT(&net->rx, net->rx_shared, XEN_PAGE_BYTES);
	net->rx_reference =
		xen_grant(net->bus.backend_id, net->rx_shared, false);
	refill(net);
	RING_PUSH_REQUESTS(&net->rx);
	return net->rx_reference != XEN_GRANT_NONE;
}

void xen_net_rx_fini(struct xen_net *net)
{
	if (net->rx_shared == NULL)
		return;
	for (unsigned i = 0; i < XEN_NET_RX_SLOTS; i++) {
		struct xen_net_rx_slot *slot = &net->rx_slots[i];

		if (slot->packet == NULL)
			continue;
		/* What the backend does not give back is lost with its page. */
		if (xen_grant_end(slot->reference))
			mirage_packet_release(slot->packet);
		slot->packet = NULL;
	}
	if (xen_grant_end(net->rx_reference))
		xen_pages_free(net->rx_shared, 1);
	net->rx_shared = NULL;
}
