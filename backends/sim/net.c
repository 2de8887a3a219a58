/* SPDX-License-Identifier: ISC */
/*
 * net.c: the simulated network device. What is sent waits in the device's queue
 * until the wire is free; what arrives is copied to a packet of its pool.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

struct sim_net *sim_nets;

struct sim_net *sim_net_by_name(const char *name)
{
	struct sim_net *net = sim_nets;

	while (net != NULL && (net->closing || strcmp(net->name, name) != 0))
		net = net->next;
	return net;
}

struct sim_net *sim_net_by_id(uint64_t id)
{
	struct sim_net *net = sim_nets;

	while (net != NULL && (net->closing || net->id != id))
		net = net->next;
	return net;
}

/* -------------------------------------------------------------- Sending -- */

static int sim_net_reserve(struct mirage_net *net, uint32_t length_bytes,
			   struct mirage_packet *packets[], size_t n)
{
	struct sim_net *sim = (struct sim_net *)net;

	return mirage_pool_reserve(sim->tx_pool, packets, n);
}

/** Copies a frame, however many fragments it has, and releases it. */
static struct sim_frame *take(struct mirage_packet *packet)
{
	struct sim_frame *frame =
		sim_frame_new((uint32_t)mirage_packet_frame_bytes(packet));
	uint8_t *to = frame->bytes;

	for (const struct mirage_packet *p = packet; p != NULL; p = p->next) {
		memcpy(to, p->data, p->length_bytes);
		to += p->length_bytes;
	}
	frame->gso = packet->gso;
	frame->gso_size_bytes = packet->gso_size_bytes;
	/* "Verified" is what a host says to itself, not what a wire carries. */
	if (packet->csum == MIRAGE_CSUM_BLANK) {
		frame->csum = packet->csum;
		frame->csum_start_bytes = packet->csum_start_bytes;
		frame->csum_offset_bytes = packet->csum_offset_bytes;
	}
	mirage_packet_release(packet);
	return frame;
}

static void departs(struct sim_event *event);

void sim_net_go_on(struct sim_net *net)
{
	uint64_t ns;

	if (net->first == NULL || net->departure.place != 0 || net->paused ||
	    net->lost)
		return;
	ns = net->first->length_bytes * SIM_NS_PER_S;
	sim_plan(&net->departure, sim_after(ns / net->bytes_per_s), departs);
}

static void departs(struct sim_event *event)
{
	struct sim_net *net = sim_container(event, struct sim_net, departure);
	struct sim_frame *frame = net->first;

	net->first = frame->next;
	if (net->first == NULL)
		net->last = &net->first;
	frame->next = NULL;
	net->n_waiting--;
	sim_lan_carry(net, frame);
	sim_net_go_on(net);
	if (net->first == NULL && net->closing)
		mirage_core_net_closed(&net->net);
	if (net->n_waiting <= net->most_waiting / 2 && !net->closing)
		mirage_core_net_event(&net->net, MIRAGE_EVENT_WRITABLE);
}

static int sim_net_send(struct mirage_net *net,
			struct mirage_packet *const packets[], size_t n)
{
	struct sim_net *sim = (struct sim_net *)net;
	size_t taken = 0;

	for (; taken < n && sim->n_waiting < sim->most_waiting; taken++) {
		struct sim_frame *frame = take(packets[taken]);

		if (!sim->info.link_up) {
			sim_lan_carry(sim, frame);
			continue;
		}
		*sim->last = frame;
		sim->last = &frame->next;
		sim->n_waiting++;
		sim_net_go_on(sim);
	}
	return (int)taken;
}

/* ------------------------------------------------------------ Receiving -- */

/** FNV-1a: tells one frame from another in a trace. */
static uint32_t digest(const struct sim_frame *frame)
{
	uint32_t state = 0x811c9dc5;

	for (uint32_t i = 0; i < frame->length_bytes; i++)
		state = (state ^ frame->bytes[i]) * 0x01000193;
	return state;
}

static struct mirage_packet *to_packet(struct sim_net *net,
				       const struct sim_frame *frame)
{
	struct mirage_packet *packet = mirage_pool_get(net->rx_pool);

	if (packet == NULL)
		return NULL;
	memcpy(mirage_packet_append(packet, frame->length_bytes), frame->bytes,
	       frame->length_bytes);
	packet->csum = frame->csum;
	packet->gso = frame->gso;
	packet->gso_size_bytes = frame->gso_size_bytes;
	packet->csum_start_bytes = frame->csum_start_bytes;
	packet->csum_offset_bytes = frame->csum_offset_bytes;
	return packet;
}

void sim_net_receive(struct sim_net *net, struct sim_frame *frame)
{
	uint32_t n = frame->length_bytes, most;
	struct mirage_packet *packet = NULL;

	most = frame->gso != MIRAGE_GSO_NONE
		       ? net->info.gso_max_bytes
		       : net->info.mtu_bytes + SIM_ETHERNET_HEADER_BYTES;
	mirage_log(MIRAGE_LOG_DEBUG, "net %s: receives %u bytes, digest %08x",
		   net->name, n, digest(frame));
	if (n < SIM_ETHERNET_HEADER_BYTES || n > most)
		net->counters.rx_dropped_size++;
	else if ((packet = to_packet(net, frame)) == NULL)
		net->counters.rx_dropped_memory++;
	free(frame);
	if (packet != NULL)
		mirage_core_net_deliver(&net->net, &packet, 1);
}

/* ----------------------------------------------------- Opening, closing -- */

static void drop_waiting(struct sim_net *net)
{
	while (net->first != NULL) {
		struct sim_frame *frame = net->first;

		net->first = frame->next;
		net->counters.tx_dropped_error++;
		free(frame);
	}
	net->n_waiting = 0;
	net->last = &net->first;
}

static void pool_is_empty(struct mirage_pool *pool)
{
	free(pool);
}

/** At once nobody reaches it any more; what was taken is still sent. */
static void sim_net_close(struct mirage_net *net)
{
	struct sim_net *sim = (struct sim_net *)net;

	sim->closing = true;
	/* A backend that is away takes with it what it had taken. */
	if (sim->lost)
		drop_waiting(sim);
	if (sim->first == NULL)
		mirage_core_net_closed(net);
}

static void sim_net_dispose(struct mirage_net *net)
{
	struct sim_net *sim = (struct sim_net *)net, **at = &sim_nets;

	while (*at != sim)
		at = &(*at)->next;
	*at = sim->next;
	sim_cancel(&sim->departure);
	mirage_pool_abandon(sim->tx_pool, pool_is_empty);
	mirage_pool_abandon(sim->rx_pool, pool_is_empty);
	free(sim);
}

const struct mirage_net_ops sim_net_ops = {
	.size = sizeof sim_net_ops,
	.reserve = sim_net_reserve,
	.send = sim_net_send,
	.close = sim_net_close,
	.dispose = sim_net_dispose,
};

static void explain(const struct sim_net *net)
{
	if (net->net.on_receive != NULL)
		mirage_log(MIRAGE_LOG_ERROR,
			   "network '%s' (lan:%s) has a receiver, and nobody "
			   "sends",
			   net->name, net->lan);
	if (net->first != NULL)
		mirage_log(MIRAGE_LOG_ERROR,
			   "network '%s' (lan:%s) is %s and has taken %" PRIu64
			   " frames",
			   net->name, net->lan, net->lost ? "lost" : "paused",
			   net->n_waiting);
}

void sim_net_explain(void)
{
	for (struct sim_net *n = sim_nets; n != NULL; n = n->next)
		explain(n);
}
