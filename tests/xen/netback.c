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

static void connect(struct netback *back)
{
	netif_tx_sring_t *tx;
	netif_rx_sring_t *rx;

	back->tx_reference =
		(uint32_t)fake_get_number(in(back->front, "tx-ring-ref"));
	back->rx_reference =
		(uint32_t)fake_get_number(in(back->front, "rx-ring-ref"));
	tx = fake_map(back->tx_reference, true);
	rx = fake_map(back->rx_reference, true);
	if (tx == NULL || rx == NULL) {
		if (tx != NULL)
			fake_unmap(back->tx_reference);
		if (rx != NULL)
			fake_unmap(back->rx_reference);
		set_state(back, XenbusStateClosed);
		return;
	}
	BACK_RING_INIT(&back->tx, tx, XEN_PAGE_BYTES);
	BACK_RING_INIT(&back->rx, rx, XEN_PAGE_BYTES);
	if (fake_get_number(in(back->back, "feature-split-event-channels")) ==
	    1) {
		back->tx_port = (uint32_t)fake_get_number(
			in(back->front, "event-channel-tx"));
		back->rx_port = (uint32_t)fake_get_number(
			in(back->front, "event-channel-rx"));
		assert(back->tx_port != back->rx_port);
	} else {
		back->tx_port = back->rx_port = (uint32_t)fake_get_number(
			in(back->front, "event-channel"));
	}
	assert(fake_port_open(back->tx_port) && fake_port_open(back->rx_port));
	back->connected = true;
	set_state(back, XenbusStateConnected);
}

static void disconnect(struct netback *back)
{
	if (back->connected && !back->keep_maps) {
		fake_unmap(back->tx_reference);
		fake_unmap(back->rx_reference);
	}
	back->connected = false;
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

static void answer(struct netback *back, uint16_t id, int8_t status)
{
	netif_tx_response_t *to =
		RING_GET_RESPONSE(&back->tx, back->tx.rsp_prod_pvt);

	to->id = id;
	to->status = status;
	back->tx.rsp_prod_pvt++;
}

/** Takes the extra entry behind the first of a frame. */
static void take_extra(struct netback *back, struct back_frame *frame)
{
	struct netif_extra_info extra =
		*(struct netif_extra_info *)RING_GET_REQUEST(
			&back->tx, back->tx.req_cons++);

	assert(extra.type == XEN_NETIF_EXTRA_TYPE_GSO && extra.flags == 0);
	frame->gso_type = extra.u.gso.type;
	frame->gso_size = extra.u.gso.size;
}

static void take_frame(struct netback *back)
{
	struct back_frame *frame = &back->frames[back->n_frames % BACK_FRAMES];
	netif_tx_request_t request;
	uint16_t ids[32];
	uint32_t at = 0, rest = 0;

	assert(back->n_frames < BACK_FRAMES);
	back->n_frames++;
	memset(frame, 0, sizeof *frame);
	do {
		const uint8_t *page;
		uint32_t n;

		request = *RING_GET_REQUEST(&back->tx, back->tx.req_cons++);
		if (frame->slots == 0) {
			frame->flags = request.flags;
			frame->length = rest = request.size;
			frame->bytes = malloc(frame->length);
			if ((request.flags & NETTXF_extra_info) != 0)
				take_extra(back, frame);
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
			RING_IDX i = back->tx.req_cons;
			uint32_t others = 0;
			netif_tx_request_t other;

			do {
				other = *RING_GET_REQUEST(&back->tx, i++);
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
		answer(back, ids[i], back->status);
		if (i == 0 && frame->gso_type != 0)
			answer(back, 0xffff, NETIF_RSP_NULL);
	}
}

static bool receive(struct netback *back)
{
	bool any = false;
	int more, notify;

	if (!back->connected || back->hold || !fake_raised(back->tx_port))
		return false;
	do {
		while (RING_HAS_UNCONSUMED_REQUESTS(&back->tx)) {
			take_frame(back);
			any = true;
		}
		RING_FINAL_CHECK_FOR_REQUESTS(&back->tx, more);
	} while (more);
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back->tx, notify);
	if (notify)
		fake_raise(back->tx_port);
	return any;
}

static bool step(struct fake_player *player)
{
	struct netback *back = (struct netback *)player;

	return follow(back) || receive(back);
}

/* --------------------------------------------------------------- Sending -- */

bool netback_send(struct netback *back, const struct back_frame *frame,
		  uint32_t piece, uint16_t offset)
{
	uint32_t at = 0;
	bool first = true;

	while (at < frame->length) {
		uint32_t n =
			frame->length - at < piece ? frame->length - at : piece;
		netif_rx_request_t request;
		netif_rx_response_t *to;
		uint8_t *page;

		if (!RING_HAS_UNCONSUMED_REQUESTS(&back->rx))
			return false;
		request = *RING_GET_REQUEST(&back->rx, back->rx.req_cons++);
		page = fake_page(request.gref, true);
		assert(page != NULL);
		memcpy(page + offset, frame->bytes + at, n);
		to = RING_GET_RESPONSE(&back->rx, back->rx.rsp_prod_pvt++);
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
			back->rx.req_cons++;
			memcpy(RING_GET_RESPONSE(&back->rx,
						 back->rx.rsp_prod_pvt++),
			       &extra, sizeof extra);
		}
		first = false;
	}
	return true;
}

void netback_push(struct netback *back)
{
	int notify;

	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back->rx, notify);
	if (notify)
		fake_raise(back->rx_port);
}

/* ------------------------------------------------------------------ Life -- */

void netback_start(struct netback *back, unsigned handle)
{
	*back = (struct netback){.player = {.step = step}};
	snprintf(back->back, sizeof back->back,
		 "/local/domain/0/backend/vif/1/%u", handle);
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
