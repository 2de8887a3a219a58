/* SPDX-License-Identifier: ISC */
/*
 * From lwIP to frames. Each is built in a packet of the device, with one copy at
 * most, and waits in a queue for the end of the batch. What is large and the
 * application's is not even copied, but lent: where a device gives frames back before
 * `send` returns. We keep a reference to such a frame, so that nobody writes to it,
 * and a write does not complete while one is out.
 */
#include "tcpip.h"

#include "lwip/prot/ethernet.h"

#include <string.h>

enum { ETHER_BYTES = 14, LEND_MIN_BYTES = 512, JOIN_MIN_BYTES = 536 };
enum { LATE_MAX = 4 * TCPIP_TX_QUEUE };

#define LATE_NS UINT64_C(5000000)

uint32_t tcpip_lent;
bool tcpip_lent_awaited;

/* --------------------------------------------------------------- Lending -- */

static struct mirage_packet *free_loans;

/** Frames that a device has kept although it was expected to give them back. */
static struct mirage_packet *late[LATE_MAX];
static uint32_t n_late;
static struct mirage_timer late_timer;

static void loan_recycle(struct mirage_packet *packet)
{
	packet->next = free_loans;
	free_loans = packet;
	tcpip_lent--;
}

/** Sees to it that `n` loans can be made. */
static bool loans_ready(uint32_t n)
{
	struct mirage_packet *packet = free_loans;

	for (; n > 0 && packet != NULL; packet = packet->next)
		n--;
	for (; n > 0; n--) {
		packet = tcpip_alloc(sizeof *packet);
		if (packet == NULL)
			return false;
		packet->next = free_loans;
		free_loans = packet;
	}
	return true;
}

static struct mirage_packet *lend_out(const void *bytes, uint32_t length)
{
	struct mirage_packet *packet = free_loans;

	free_loans = packet->next;
	*packet = (struct mirage_packet){
		.data = (uint8_t *)(uintptr_t)bytes,
		.buffer = (uint8_t *)(uintptr_t)bytes,
		.length_bytes = length,
		.capacity_bytes = length,
		.references = 1,
		.recycle = loan_recycle,
	};
	tcpip_lent++;
	return packet;
}

static bool has_loans(const struct mirage_packet *frame)
{
	return frame->next != NULL && frame->next->recycle == loan_recycle;
}

/** Who waited for the loans may go on. */
static void loans_back(void)
{
	struct tcpip_stack *stack = tcpip_stacks;

	if (!tcpip_lent_awaited || tcpip_lent != 0)
		return;
	tcpip_lent_awaited = false;
	for (; stack != NULL; stack = stack->next)
		for (struct tcpip_flow *f = stack->flows; f != NULL;
		     f = f->next)
			if (f->writes != NULL)
				tcpip_flow_queue(f);
}

static void on_late(void *arg);

static void reap_late(void)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n_late; i++)
		if (late[i]->references == 1)
			mirage_packet_release(late[i]);
		else
			late[kept++] = late[i];
	n_late = kept;
	if (n_late > 0 && !mirage_timer_armed(&late_timer))
		mirage_timer_start(&late_timer,
				   mirage_clock_monotonic_ns() + LATE_NS,
				   on_late, NULL);
	loans_back();
}

static void on_late(void *arg)
{
	tcpip_enter();
	reap_late();
	tcpip_leave();
}

/** After `send` has taken a frame. */
static void sent(struct tcpip_interface *interface, struct mirage_packet *frame)
{
	if (frame->references == 1 || n_late == LATE_MAX) {
		mirage_packet_release(frame);
		return;
	}
	late[n_late++] = frame;
	interface->lends = false;
}

/* -------------------------------------------------------------- Building -- */

/** An empty packet of the device, for a frame of the MTU. */
static struct mirage_packet *take_packet(struct tcpip_interface *interface)
{
	const struct mirage_net_info *info = interface->net->info;
	size_t n = info->pool_frames / 8 < TCPIP_STASH ? info->pool_frames / 8
						       : TCPIP_STASH;

	if (interface->n_stash == 0) {
		int got = mirage_net_reserve(interface->net,
					     info->mtu_bytes + ETHER_BYTES,
					     interface->stash, n);

		interface->n_stash = got > 0 ? (uint32_t)got : 0;
	}
	if (interface->n_stash == 0)
		return NULL;
	return interface->stash[--interface->n_stash];
}

/** A packet that others may be joined into, where there is one. */
static struct mirage_packet *take_long(struct tcpip_interface *interface)
{
	struct mirage_packet *packet;
	int got = mirage_net_reserve(interface->net,
				     interface->net->info->gso_max_bytes,
				     &packet, 1);

	return got == 1 ? packet : take_packet(interface);
}

static uint32_t room_after(const struct mirage_packet *fragment)
{
	return fragment->recycle == loan_recycle
		       ? 0
		       : mirage_packet_tailroom(fragment);
}

/** Whether a pbuf is the application's memory, which lwIP only points to. */
static bool lendable(const struct pbuf *p)
{
	return p->type_internal == PBUF_ROM;
}

static void append_one(struct mirage_packet **last, const uint8_t *from,
		       uint32_t length, bool lend)
{
	if (!lend) {
		memcpy(mirage_packet_append(*last, length), from, length);
		return;
	}
	if ((*last)->recycle == loan_recycle &&
	    (*last)->data + (*last)->length_bytes == from) {
		(*last)->length_bytes += length;
		(*last)->capacity_bytes += length;
		return;
	}
	(*last)->next = lend_out(from, length);
	*last = (*last)->next;
}

/** Whether all of it can be appended, so that nothing need be taken back. */
static bool can_append(const struct mirage_packet *last, uint32_t fragments,
		       uint32_t max_fragments, const struct pbuf *p,
		       uint32_t skip, bool lend)
{
	uint32_t copied = 0, had = fragments;

	for (; p != NULL; p = p->next) {
		bool lends = lend && lendable(p);

		if (p->len <= skip) {
			skip -= p->len;
			continue;
		}
		if (lends)
			fragments++;
		else if (lend && fragments > 1)
			return false; /* a copy has no place behind a loan */
		else
			copied += p->len - skip;
		skip = 0;
	}
	return fragments <= max_fragments && copied <= room_after(last) &&
	       loans_ready(fragments - had);
}

bool tcpip_append(struct mirage_packet **last, uint32_t *fragments,
		  uint32_t max_fragments, const struct pbuf *p, uint32_t skip,
		  bool lend)
{
	if (!can_append(*last, *fragments, max_fragments, p, skip, lend))
		return false;
	for (; p != NULL; p = p->next) {
		const struct mirage_packet *before = *last;

		if (p->len <= skip) {
			skip -= p->len;
			continue;
		}
		append_one(last, (const uint8_t *)p->payload + skip,
			   p->len - skip, lend && lendable(p));
		*fragments += *last != before;
		skip = 0;
	}
	return true;
}

/** Builds the frame of `p`; NULL without a packet. */
static struct mirage_packet *build(struct tcpip_interface *interface,
				   const struct pbuf *p, bool lend,
				   bool joinable)
{
	struct mirage_packet *frame = joinable && !lend
					      ? take_long(interface)
					      : take_packet(interface);
	struct mirage_packet *last = frame;
	uint32_t fragments = 1;

	if (frame == NULL)
		return NULL;
	if (tcpip_append(&last, &fragments, interface->net->info->max_fragments,
			 p, 0, lend)) {
		if (last != frame) /* nobody is to write to it */
			mirage_packet_retain(frame);
		return frame;
	}
	mirage_packet_release(frame);
	return NULL;
}

/** Whether all behind the headers may be lent, and is worth it. */
static bool may_lend(const struct tcpip_interface *interface,
		     const struct pbuf *p, const struct tcpip_parsed *parsed)
{
	if (!interface->lends || parsed->payload < LEND_MIN_BYTES ||
	    n_late > LATE_MAX / 2 ||
	    p->len != ETHER_BYTES + parsed->ip_bytes + parsed->tcp_bytes)
		return false;
	for (p = p->next; p != NULL; p = p->next)
		if (!lendable(p))
			return false;
	return true;
}

static bool may_join(const struct tcpip_interface *interface,
		     const struct tcpip_parsed *parsed)
{
	return parsed->payload >= JOIN_MIN_BYTES &&
	       (interface->net->info->caps &
		(parsed->ipv6 ? MIRAGE_NET_CAP_TX_GSO6
			      : MIRAGE_NET_CAP_TX_GSO4)) != 0;
}

/** There is no place for a frame. TCP keeps what it could not send. */
static err_t refuse(struct tcpip_interface *interface, bool tcp)
{
	if (!tcp)
		interface->stack->counters.tx_dropped_full++;
	return ERR_MEM;
}

err_t tcpip_transmit(struct netif *netif, struct pbuf *p)
{
	struct tcpip_interface *interface = tcpip_interface_of(netif);
	struct tcpip_parsed parsed;
	struct mirage_packet *frame;
	bool tcp, lend, joinable;

	if (interface->net == NULL || !interface->added)
		return ERR_IF;
	tcp = tcpip_parse(&parsed, p->payload, p->len, p->tot_len);
	if (tcp && (tcpip_join(interface, p, &parsed) ||
		    tcpip_join_ack(interface, p, &parsed)))
		return ERR_OK;
	tcpip_join_end(interface);
	if (interface->n_queue == TCPIP_TX_QUEUE)
		tcpip_flush(interface);
	if (interface->n_queue == TCPIP_TX_QUEUE)
		return refuse(interface, tcp);
	lend = tcp && may_lend(interface, p, &parsed);
	joinable = tcp && may_join(interface, &parsed);
	frame = build(interface, p, lend, joinable);
	if (frame == NULL && interface->n_queue > 0) {
		/* The device may give some back. */
		tcpip_flush(interface);
		frame = build(interface, p, lend, joinable);
	}
	if (frame == NULL)
		return refuse(interface, tcp);
	if (tcp && (netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP) == 0)
		tcpip_blank(frame, &parsed, p->tot_len);
	interface->queue[interface->n_queue++] = frame;
	if (joinable)
		tcpip_join_begin(interface, frame, &parsed);
	return ERR_OK;
}

/* --------------------------------------------------------------- Sending -- */

static void drop_first(struct tcpip_interface *interface)
{
	struct mirage_packet *frame = interface->queue[0];

	interface->stack->counters.tx_dropped_full++;
	if (has_loans(frame))
		mirage_packet_release(frame);
	mirage_packet_release(frame);
	interface->n_queue--;
	memmove(interface->queue, interface->queue + 1,
		interface->n_queue * sizeof *interface->queue);
}

/** Sends once. Returns whether there is a point in trying again. */
static bool send_some(struct tcpip_interface *interface)
{
	static bool lent[TCPIP_TX_QUEUE];
	int n = (int)interface->n_queue, taken;

	for (int i = 0; i < n; i++)
		lent[i] = has_loans(interface->queue[i]);
	taken = mirage_net_send(interface->net, interface->queue, (size_t)n);
	if (taken < 0) {
		drop_first(interface);
		return true;
	}
	for (int i = 0; i < taken; i++)
		if (lent[i])
			sent(interface, interface->queue[i]);
	interface->n_queue -= (uint32_t)taken;
	memmove(interface->queue, interface->queue + taken,
		interface->n_queue * sizeof *interface->queue);
	interface->full = taken == 0;
	return taken > 0;
}

void tcpip_flush(struct tcpip_interface *interface)
{
	tcpip_join_end(interface);
	while (interface->net != NULL && !interface->full &&
	       interface->n_queue > 0 && send_some(interface))
		continue;
	if (n_late > 0)
		reap_late();
	else
		loans_back();
}

void tcpip_transmit_end(struct tcpip_interface *interface)
{
	tcpip_join_end(interface);
	while (interface->n_queue > 0)
		drop_first(interface);
	while (interface->n_stash > 0)
		mirage_packet_release(interface->stash[--interface->n_stash]);
	loans_back();
}
