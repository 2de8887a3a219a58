/* SPDX-License-Identifier: ISC */
#include "xenstore_ring.h"

#include "hypervisor.h"

#include <mirage-backend.h>

#include <string.h>

#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;
static uint32_t port;
static bool dead, unflushed;
/* Our own indices; what the page says of them is for the other side. */
static uint32_t sent, taken;
static void (*notify)(void);

/* The message that is coming in. */
static struct xsd_sockmsg header;
static char text[XENSTORE_PAYLOAD_MAX + 1];
static uint32_t received;

static void breach(const char *what)
{
	dead = true;
	mirage_log(MIRAGE_LOG_ERROR,
		   "xenstore: %s; it is not listened to any more", what);
}

/* --------------------------------------------------------------- Sending -- */

static void put(const void *bytes, uint32_t length)
{
	const char *from = bytes;

	for (uint32_t i = 0; i < length; i++, sent++)
		ring->req[MASK_XENSTORE_IDX(sent)] = from[i];
	/* Published by flush: xenstored may see it earlier, but not torn. */
	__atomic_store_n(&ring->req_prod, sent, __ATOMIC_RELEASE);
}

bool xenstore_ring_send(uint32_t type, uint32_t id, uint32_t transaction,
			const char *message, uint32_t length)
{
	struct xsd_sockmsg head = {type, id, transaction, length};
	uint32_t used;

	if (dead || ring == NULL)
		return false;
	used = sent - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
	if (used > XENSTORE_RING_SIZE) {
		breach("its indices make no sense");
		return false;
	}
	if (sizeof head + length > XENSTORE_RING_SIZE - used)
		return false;
	put(&head, sizeof head);
	put(message, length);
	unflushed = true;
	return true;
}

void xenstore_ring_flush(void)
{
	if (unflushed)
		xen_event_notify(port);
	unflushed = false;
}

/* ------------------------------------------------------------- Receiving -- */

/** Takes up to `length` bytes off the ring. */
static uint32_t take(void *bytes, uint32_t length)
{
	char *to = bytes;
	uint32_t there =
		__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) - taken;

	if (there > XENSTORE_RING_SIZE) {
		breach("its indices make no sense");
		return 0;
	}
	if (length > there)
		length = there;
	for (uint32_t i = 0; i < length; i++, taken++)
		to[i] = ring->rsp[MASK_XENSTORE_IDX(taken)];
	__atomic_store_n(&ring->rsp_cons, taken, __ATOMIC_RELEASE);
	return length;
}

/** Reads on; returns whether a whole message is there. */
static bool receive_some(void)
{
	uint32_t n;

	if (received < sizeof header) {
		n = take((char *)&header + received,
			 (uint32_t)sizeof header - received);
		received += n;
		unflushed |= n > 0;
		if (received < sizeof header)
			return false;
		if (header.len > XENSTORE_PAYLOAD_MAX) {
			breach("a message longer than 4096 bytes");
			return false;
		}
	}
	n = take(text + (received - sizeof header),
		 (uint32_t)sizeof header + header.len - received);
	received += n;
	unflushed |= n > 0;
	return received == sizeof header + header.len;
}

void xenstore_ring_receive(void (*on_message)(uint32_t, uint32_t, const char *,
					      uint32_t))
{
	while (!dead && receive_some()) {
		text[header.len] = '\0';
		received = 0;
		on_message(header.type, header.req_id, text, header.len);
	}
}

static void on_event(void *arg)
{
	notify();
}

void xenstore_ring_init(void (*ready)(void))
{
	notify = ready;
	ring = xen_store_ring(&port, on_event);
	sent = ring->req_prod;
	taken = ring->rsp_cons;
	received = 0;
	dead = unflushed = false;
}

bool xenstore_ring_dead(void)
{
	return dead;
}
