/* SPDX-License-Identifier: ISC */
/* netback, with a wire to the other network of the same guest. */
#include "backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_MAX 18

static struct nic *of(struct device *device)
{
	return (struct nic *)device;
}

/* ------------------------------------------------------------ To the guest */

static bool put(struct nic *nic, const struct frame *frame)
{
	struct netif_rx_request request =
		*RING_GET_REQUEST(&nic->rx, nic->rx.req_cons);
	struct xengnttab_grant_copy_segment copy = {
		.source.virt = (void *)(uintptr_t)frame->bytes,
		.dest.foreign.ref = request.gref,
		.dest.foreign.domid = (uint16_t)nic->device.domid,
		.len = (uint16_t)frame->length,
		.flags = GNTCOPY_dest_gref,
	};
	bool good = xengnttab_grant_copy(grants, 1, &copy) == 0 &&
		    copy.status == GNTST_okay;
	struct netif_rx_response *response;

	nic->rx.req_cons++;
	response = RING_GET_RESPONSE(&nic->rx, nic->rx.rsp_prod_pvt);
	*response = (struct netif_rx_response){
		.id = request.id,
		.status = good ? (int16_t)frame->length : NETIF_RSP_ERROR,
	};
	nic->rx.rsp_prod_pvt++;
	return good;
}

static void forget_first(struct nic *nic)
{
	struct frame *frame = nic->waiting;

	nic->waiting = frame->next;
	if (nic->waiting == NULL)
		nic->waiting_end = &nic->waiting;
	nic->n_waiting--;
	free(frame);
}

static void serve_rx(struct nic *nic)
{
	int notify;

	while (nic->waiting != NULL && RING_HAS_UNCONSUMED_REQUESTS(&nic->rx)) {
		put(nic, nic->waiting);
		forget_first(nic);
	}
	/* Ask for an event when there is room again. */
	nic->rx.sring->req_event = nic->rx.req_cons + 1;
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&nic->rx, notify);
	if (notify)
		device_notify(&nic->device);
}

bool nic_deliver(struct nic *nic, const void *bytes, size_t length)
{
	struct frame *frame;

	if (!nic->device.connected || nic->n_waiting >= FRAMES_MAX ||
	    length > 4096)
		return false;
	frame = malloc(sizeof(*frame) + length);
	if (frame == NULL)
		return false;
	frame->next = NULL;
	frame->length = length;
	memcpy(frame->bytes, bytes, length);
	*nic->waiting_end = frame;
	nic->waiting_end = &frame->next;
	nic->n_waiting++;
	if (!nic->device.paused)
		serve_rx(nic);
	return true;
}

/* ---------------------------------------------------------- From the guest */

static void respond(struct nic *nic, uint16_t id, int status)
{
	struct netif_tx_response *response =
		RING_GET_RESPONSE(&nic->tx, nic->tx.rsp_prod_pvt);

	*response =
		(struct netif_tx_response){.id = id, .status = (int16_t)status};
	nic->tx.rsp_prod_pvt++;
}

/* The first slot has the whole frame's size, the others their own. */
static bool gather(struct nic *nic, const struct netif_tx_request *requests,
		   unsigned n, uint8_t *bytes)
{
	struct xengnttab_grant_copy_segment copies[SLOTS_MAX];
	unsigned first = requests[0].size, at = 0;

	for (unsigned i = 1; i < n; i++)
		first -= requests[i].size;
	for (unsigned i = 0; i < n; i++) {
		unsigned size = i == 0 ? first : requests[i].size;

		if (size > 4096 || requests[i].offset + size > 4096)
			return false;
		copies[i] = (struct xengnttab_grant_copy_segment){
			.source.foreign.ref = requests[i].gref,
			.source.foreign.offset = requests[i].offset,
			.source.foreign.domid = (uint16_t)nic->device.domid,
			.dest.virt = bytes + at,
			.len = (uint16_t)size,
			.flags = GNTCOPY_source_gref,
		};
		at += size;
	}
	if (xengnttab_grant_copy(grants, n, copies) != 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (copies[i].status != GNTST_okay)
			return false;
	return true;
}

/* Takes one frame off the ring; false if it is not whole yet. */
static bool take(struct nic *nic)
{
	static uint8_t bytes[FRAME_MAX];
	struct netif_tx_request requests[SLOTS_MAX];
	RING_IDX cons = nic->tx.req_cons, prod = nic->tx.sring->req_prod;
	unsigned n = 0;
	bool good;

	do {
		if (n == SLOTS_MAX || cons == prod)
			return false;
		requests[n] = *RING_GET_REQUEST(&nic->tx, cons);
		cons++;
	} while ((requests[n++].flags & NETTXF_more_data) != 0);
	nic->tx.req_cons = cons;
	good = gather(nic, requests, n, bytes);
	if (good && nic->link && nic->other->link)
		nic_deliver(nic->other, bytes, requests[0].size);
	for (unsigned i = 0; i < n; i++)
		respond(nic, requests[i].id,
			good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
	return true;
}

static void serve_tx(struct nic *nic)
{
	int more = 1, notify;

	while (more) {
		while (RING_HAS_UNCONSUMED_REQUESTS(&nic->tx) && take(nic))
			;
		RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&nic->tx, notify);
		if (notify)
			device_notify(&nic->device);
		RING_FINAL_CHECK_FOR_REQUESTS(&nic->tx, more);
	}
}

/* ---------------------------------------------------------------- Breaches */

static void long_frame(struct nic *nic)
{
	struct netif_rx_request request;

	if (!RING_HAS_UNCONSUMED_REQUESTS(&nic->rx))
		return;
	request = *RING_GET_REQUEST(&nic->rx, nic->rx.req_cons);
	nic->rx.req_cons++;
	*RING_GET_RESPONSE(&nic->rx, nic->rx.rsp_prod_pvt) =
		(struct netif_rx_response){
			.id = request.id, .offset = 4000, .status = 4000};
	nic->rx.rsp_prod_pvt++;
}

/* Until the device is closed. */
static void keep(struct nic *nic, uint32_t reference)
{
	nic->kept = xengnttab_map_grant_ref(grants, nic->device.domid,
					    reference, PROT_READ);
}

static void answer(struct nic *nic, enum world_breach breach)
{
	uint16_t first = RING_GET_REQUEST(&nic->tx, nic->tx.req_cons)->id;

	for (unsigned i = device_breach_needs(breach); i > 0; i--) {
		struct netif_tx_request request =
			*RING_GET_REQUEST(&nic->tx, nic->tx.req_cons);

		nic->tx.req_cons++;
		if (breach == WORLD_KEEPS)
			keep(nic, request.gref);
		if (breach == WORLD_TWICE)
			request.id = first;
		if (breach == WORLD_WRONG_ID)
			request.id = 60000;
		respond(nic, request.id,
			breach == WORLD_STATUS ? -30000 : NETIF_RSP_OKAY);
	}
}

/* Does what no backend should. */
static void breach(struct nic *nic)
{
	enum world_breach breach = nic->device.breach;

	nic->device.breach = 0;
	if (breach == WORLD_INDEX_JUMPS)
		nic->tx.rsp_prod_pvt += 1000;
	else if (breach == WORLD_INDEX_BACK)
		nic->tx.rsp_prod_pvt -= 3;
	else if (breach == WORLD_RX_JUMPS)
		nic->rx.rsp_prod_pvt += 1000;
	else if (breach == WORLD_LONG)
		long_frame(nic);
	else if (breach == WORLD_NONSENSE)
		device_nonsense(&nic->device, "carrier");
	else
		answer(nic, breach);
	nic->tx.sring->req_event = nic->tx.req_cons + 1;
	RING_PUSH_RESPONSES(&nic->tx);
	RING_PUSH_RESPONSES(&nic->rx);
	device_notify(&nic->device);
}

static void serve(struct device *device)
{
	struct nic *nic = of(device);

	if (device->breach == WORLD_SILENT || device->paused)
		return;
	if (device->breach != 0 && XEN_RING_NR_UNCONSUMED_REQUESTS(&nic->tx) <
					   device_breach_needs(device->breach))
		return;
	if (device->breach != 0) {
		breach(nic);
		return;
	}
	serve_tx(nic);
	serve_rx(nic);
}

/* --------------------------------------------------------------- Meeting -- */

static void offer(struct device *device)
{
	struct nic *nic = of(device);

	store_write(device->back, "feature-sg", "1");
	store_write(device->back, "feature-rx-copy", "1");
	store_write(device->back, "feature-rx-flip", "0");
	store_write(device->back, "feature-no-csum-offload", "1");
	store_write(device->back, "carrier", "%d", nic->link);
}

static bool connect(struct device *device)
{
	struct nic *nic = of(device);
	const char *front = device->front;
	uint32_t tx = (uint32_t)store_number(front, "tx-ring-ref", 0);
	uint32_t rx = (uint32_t)store_number(front, "rx-ring-ref", 0);
	uint64_t port = store_number(front, "event-channel", 0);

	nic->tx_shared = device_map(device, &tx, 1);
	nic->rx_shared = device_map(device, &rx, 1);
	if (nic->tx_shared == NULL || nic->rx_shared == NULL)
		return false;
	BACK_RING_INIT(&nic->tx, (netif_tx_sring_t *)nic->tx_shared, 4096);
	BACK_RING_INIT(&nic->rx, (netif_rx_sring_t *)nic->rx_shared, 4096);
	device->port = events_bind(device->domid, (uint32_t)port);
	return true;
}

static void disconnect(struct device *device)
{
	struct nic *nic = of(device);

	xengnttab_unmap(grants, nic->tx_shared, 1);
	xengnttab_unmap(grants, nic->rx_shared, 1);
	if (nic->kept != NULL)
		xengnttab_unmap(grants, nic->kept, 1);
	nic->kept = NULL;
	while (nic->waiting != NULL)
		forget_first(nic);
	device->breach = 0;
	device->paused = false;
}

static const struct device_ops ops = {offer, connect, disconnect, serve};

void nic_add(struct nic *nic, uint32_t domid, unsigned handle,
	     struct nic *other)
{
	*nic = (struct nic){.other = other, .link = true};
	nic->waiting_end = &nic->waiting;
	device_add(&nic->device, &ops, domid, "vif", handle);
	store_write(nic->device.front, "mac", "00:16:3e:00:00:%02x", handle);
	store_write(nic->device.front, "handle", "%u", handle);
}

void nic_remove(struct nic *nic)
{
	device_remove(&nic->device);
}

void nic_set_link(struct nic *nic, bool up)
{
	nic->link = up;
	store_write(nic->device.back, "carrier", "%d", up);
}
