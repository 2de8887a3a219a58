/* SPDX-License-Identifier: ISC */
#include "back.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

static const char *in(const char *directory, const char *name)
{
	static char path[2][128];
	static unsigned which;

	which ^= 1;
	snprintf(path[which], sizeof path[which], "%s/%s", directory, name);
	return path[which];
}

static void set_state(struct netback *back, unsigned state)
{
	fake_setf(in(back->back, "state"), "%u", state);
}

/* ------------------------------------------------------------ Connecting -- */

static uint32_t number_in(const char *directory, const char *name)
{
	return (uint32_t)fake_get_number(in(directory, name));
}

/** Nothing is to be told in two places, or in none. */
static void find_ports(struct netback *back, struct netback_queue *queue,
		       const char *directory)
{
	long split =
		fake_get_number(in(back->back, "feature-split-event-channels"));

	if (split == 1) {
		queue->tx_port = number_in(directory, "event-channel-tx");
		queue->rx_port = number_in(directory, "event-channel-rx");
		assert(queue->tx_port != queue->rx_port);
	} else {
		queue->tx_port = queue->rx_port =
			number_in(directory, "event-channel");
	}
	assert(fake_port_open(queue->tx_port));
	assert(fake_port_open(queue->rx_port));
}

static bool connect_queue(struct netback *back, struct netback_queue *queue,
			  const char *directory)
{
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;

	queue->tx_reference = number_in(directory, "tx-ring-ref");
	queue->rx_reference = number_in(directory, "rx-ring-ref");
	tx = fake_map(queue->tx_reference, true);
	rx = fake_map(queue->rx_reference, true);
	if (tx == NULL || rx == NULL) {
		if (tx != NULL)
			fake_unmap(queue->tx_reference);
		if (rx != NULL)
			fake_unmap(queue->rx_reference);
		return false;
	}
	BACK_RING_INIT(&queue->tx, tx, XEN_PAGE_BYTES);
	BACK_RING_INIT(&queue->rx, rx, XEN_PAGE_BYTES);
	find_ports(back, queue, directory);
	return true;
}

static void disconnect(struct netback *back)
{
	while (back->n_queues > 0 && !back->keep_maps) {
		struct netback_queue *queue = &back->queues[--back->n_queues];

		fake_unmap(queue->tx_reference);
		fake_unmap(queue->rx_reference);
	}
	back->n_queues = 0;
}

static void greet(struct netback *back)
{
	for (unsigned i = 0; back->greeting != NULL && i < back->n_queues;
	     i++) {
		back->send_on = i;
		netback_send(back, back->greeting, XEN_PAGE_BYTES, 0);
		netback_push(back);
	}
	back->send_on = 0;
}

/** As netback reads it: what is left of other connections is not looked at. */
static void connect(struct netback *back)
{
	long most = fake_get_number(in(back->back, "multi-queue-max-queues"));
	long n = fake_get_number(in(back->front, "multi-queue-num-queues"));
	char directory[80];

	if (n < 1 || most < 1)
		n = 1;
	assert(most < 1 || n <= most);
	back->n_queues = 0; /* of a guest that did not wait for the end */
	for (unsigned i = 0; i < n; i++) {
		snprintf(directory, sizeof directory, "%s/queue-%u",
			 back->front, i);
		if (!connect_queue(back, &back->queues[i],
				   n > 1 ? directory : back->front)) {
			disconnect(back);
			set_state(back, XenbusStateClosed);
			return;
		}
		back->n_queues++;
	}
	greet(back);
	set_state(back, XenbusStateConnected);
}

static bool follow(struct netback *back)
{
	long theirs = fake_get_number(in(back->front, "state"));
	long ours = fake_get_number(in(back->back, "state"));

	if (theirs == XenbusStateConnected && ours == XenbusStateInitWait) {
		connect(back);
	} else if (theirs == XenbusStateClosed && ours != XenbusStateClosed &&
		   ours > 0) {
		disconnect(back);
		set_state(back, XenbusStateClosed);
	} else if (theirs == XenbusStateInitialising &&
		   ours == XenbusStateClosed) {
		set_state(back, XenbusStateInitWait);
	} else {
		return false;
	}
	return true;
}

/* ------------------------------------------------------------- Receiving -- */

static void answer(struct netback_queue *queue, uint16_t id, int8_t status)
{
	netif_tx_response_t *to =
		RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_prod_pvt);

	to->id = id;
	to->status = status;
	queue->tx.rsp_prod_pvt++;
}

/** Takes the extra entry behind the first of a frame. */
static void take_extra(struct netback_queue *queue, struct back_frame *frame)
{
	struct netif_extra_info extra =
		*(struct netif_extra_info *)RING_GET_REQUEST(
			&queue->tx, queue->tx.req_cons++);

	assert(extra.type == XEN_NETIF_EXTRA_TYPE_GSO && extra.flags == 0);
	frame->gso_type = extra.u.gso.type;
	frame->gso_size = extra.u.gso.size;
}

static void take_frame(struct netback *back, struct netback_queue *queue)
{
	struct back_frame *frame = &back->frames[back->n_frames % BACK_FRAMES];
	netif_tx_request_t request;
	uint16_t ids[32];
	uint32_t at = 0, rest = 0;

	assert(back->n_frames < BACK_FRAMES);
	back->n_frames++;
	memset(frame, 0, sizeof *frame);
	frame->queue = (unsigned)(queue - back->queues);
	do {
		const uint8_t *page;
		uint32_t n;

		request = *RING_GET_REQUEST(&queue->tx, queue->tx.req_cons++);
		if (frame->slots == 0) {
			frame->flags = request.flags;
			frame->length = rest = request.size;
			frame->bytes = malloc(frame->length);
			if ((request.flags & NETTXF_extra_info) != 0)
				take_extra(queue, frame);
		}
		assert(frame->slots < 18);
		ids[frame->slots++] = request.id;
		page = fake_page(request.gref, false);
		assert(page != NULL && fake_page(request.gref, true) == NULL);
		/* The first size is that of all; its own is what is left. */
		n = frame->slots > 1 || (request.flags & NETTXF_more_data) == 0
			    ? request.size
			    : XEN_PAGE_BYTES - request.offset;
		if (frame->slots == 1 && (request.flags & NETTXF_more_data)) {
			RING_IDX i = queue->tx.req_cons;
			uint32_t others = 0;
			netif_tx_request_t other;

			do {
				other = *RING_GET_REQUEST(&queue->tx, i++);
				others += other.size;
			} while ((other.flags & NETTXF_more_data) != 0);
			n = frame->length - others;
		}
		assert(request.offset + n <= XEN_PAGE_BYTES && n <= rest);
		memcpy(frame->bytes + at, page + request.offset, n);
		at += n;
		rest -= n;
	} while ((request.flags & NETTXF_more_data) != 0);
	assert(rest == 0);
	for (unsigned i = 0; i < frame->slots; i++) {
		answer(queue, ids[i], back->status);
		if (i == 0 && frame->gso_type != 0)
			answer(queue, 0xffff, NETIF_RSP_NULL);
	}
}

static bool receive(struct netback *back, struct netback_queue *queue)
{
	bool any = false;
	int more, notify;

	if (queue->hold || !fake_raised(queue->tx_port))
		return false;
	do {
		while (RING_HAS_UNCONSUMED_REQUESTS(&queue->tx)) {
			take_frame(back, queue);
			any = true;
		}
		RING_FINAL_CHECK_FOR_REQUESTS(&queue->tx, more);
	} while (more);
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->tx, notify);
	if (notify)
		fake_raise(queue->tx_port);
	return any;
}

static bool step(struct fake_player *player)
{
	struct netback *back = (struct netback *)player;

	bool any = follow(back);

	for (unsigned i = 0; i < back->n_queues && !any; i++)
		any = receive(back, &back->queues[i]);
	return any;
}

/* --------------------------------------------------------------- Sending -- */

bool netback_send(struct netback *back, const struct back_frame *frame,
		  uint32_t piece, uint16_t offset)
{
	struct netback_queue *queue = &back->queues[back->send_on];
	uint32_t at = 0;
	bool first = true;

	while (at < frame->length) {
		uint32_t n =
			frame->length - at < piece ? frame->length - at : piece;
		netif_rx_request_t request;
		netif_rx_response_t *to;
		uint8_t *page;

		if (!RING_HAS_UNCONSUMED_REQUESTS(&queue->rx))
			return false;
		request = *RING_GET_REQUEST(&queue->rx, queue->rx.req_cons++);
		page = fake_page(request.gref, true);
		assert(page != NULL);
		memcpy(page + offset, frame->bytes + at, n);
		to = RING_GET_RESPONSE(&queue->rx, queue->rx.rsp_prod_pvt++);
		*to = (netif_rx_response_t){
			.id = request.id,
			.offset = offset,
			.status = (int16_t)n,
		};
		at += n;
		if (at < frame->length)
			to->flags |= NETRXF_more_data;
		if (first)
			to->flags |= frame->flags;
		if (first && frame->gso_type != 0) {
			struct netif_extra_info extra = {
				.type = XEN_NETIF_EXTRA_TYPE_GSO,
				.u.gso.size = frame->gso_size,
				.u.gso.type = frame->gso_type,
			};

			to->flags |= NETRXF_extra_info;
			queue->rx.req_cons++;
			memcpy(RING_GET_RESPONSE(&queue->rx,
						 queue->rx.rsp_prod_pvt++),
			       &extra, sizeof extra);
		}
		first = false;
	}
	return true;
}

void netback_push(struct netback *back)
{
	struct netback_queue *queue = &back->queues[back->send_on];
	int notify;

	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->rx, notify);
	if (notify)
		fake_raise(queue->rx_port);
}

/* ------------------------------------------------------------------ Life -- */

unsigned netback_offer;

void netback_start(struct netback *back, unsigned handle)
{
	*back = (struct netback){.player = {.step = step}};
	snprintf(back->back, sizeof back->back,
		 "/local/domain/0/backend/vif/%u/%u", fake.domid, handle);
	snprintf(back->front, sizeof back->front, "device/vif/%u", handle);
	fake_set(in(back->front, "backend"), back->back);
	fake_set(in(back->front, "backend-id"), "0");
	fake_setf(in(back->front, "mac"), "00:16:3e:00:00:%02x", handle + 1);
	fake_set(in(back->front, "state"), "1");
	fake_set(in(back->back, "online"), "1");
	fake_set(in(back->back, "feature-sg"), "1");
	fake_set(in(back->back, "feature-gso-tcpv4"), "1");
	fake_set(in(back->back, "feature-gso-tcpv6"), "1");
	fake_set(in(back->back, "feature-ipv6-csum-offload"), "1");
	fake_set(in(back->back, "feature-split-event-channels"), "1");
	if (netback_offer > 0)
		fake_setf(in(back->back, "multi-queue-max-queues"), "%u",
			  netback_offer);
	set_state(back, XenbusStateInitWait);
	fake_play(&back->player);
}

void netback_forget_frames(struct netback *back)
{
	for (unsigned i = 0; i < back->n_frames; i++)
		free(back->frames[i].bytes);
	back->n_frames = 0;
}

void netback_close(struct netback *back)
{
	disconnect(back);
	set_state(back, XenbusStateClosing);
}

void netback_return(struct netback *back)
{
	fake_set(in(back->front, "state"), "1");
	set_state(back, XenbusStateInitWait);
}
