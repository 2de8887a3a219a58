/* SPDX-License-Identifier: ISC */
/*
 * net_case.h: what the cases of networks share. A frame of theirs carries, after
 * its header, a sequence number, its own length and bytes that follow from the
 * number, so that a receiver knows whether it came unchanged. Frames of others
 * (a host's own traffic) are counted and let be.
 */
#ifndef MIRAGE_NET_CASE_H
#define MIRAGE_NET_CASE_H

#include "conformance.h"

/* IEEE 802: for local experiments. */
#define NET_ETHERTYPE 0x88b5u
#define NET_HEADER 14u
#define NET_MARKED 22u /* header, sequence number, length */
#define NET_FLAT 66000u

struct net_sink {
	unsigned calls, empty;	/* of the receiver; of those without a frame */
	uint64_t frames, bytes; /* all of them */
	unsigned ours, wrong, misplaced;
	uint32_t next;	 /* the least sequence number yet to come */
	uint32_t length; /* of our last one */
	uint8_t csum, gso;
	uint16_t csum_start, csum_offset;
	uint8_t flat[NET_FLAT];	     /* our last one, in one piece */
	struct mirage_packet **hold; /* keeps packets here instead */
	unsigned n_held, hold_max;
};

static inline void net_put32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t net_get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

/** Writes a frame of `length` bytes, at least 14, to `at`. */
static inline void net_write(uint8_t *at, uint32_t length, uint32_t sequence)
{
	static const uint8_t header[NET_HEADER] = {
		0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5};

	conf_copy(at, header, NET_HEADER);
	if (length < NET_MARKED) {
		conf_fill(at + NET_HEADER, length - NET_HEADER, sequence);
		return;
	}
	net_put32(at + 14, sequence);
	net_put32(at + 18, length);
	conf_fill(at + NET_MARKED, length - NET_MARKED, sequence);
}

/** Reserves a packet of `net` and writes a frame for the far end into it; NULL
 *  when there is none. */
static inline struct mirage_packet *net_frame(struct mirage_net *net,
					      const struct mirage_net *to,
					      uint32_t length,
					      uint32_t sequence)
{
	struct mirage_packet *packet;
	uint8_t *at;

	if (mirage_net_reserve(net, length, &packet, 1) != 1)
		return NULL;
	at = mirage_packet_append(packet, length);
	if (at == NULL) {
		mirage_packet_release(packet);
		return NULL;
	}
	net_write(at, length, sequence);
	conf_copy(at, to->info->mac, 6);
	conf_copy(at + 6, net->info->mac, 6);
	return packet;
}

/** Sends one frame; the device's answer, or EAGAIN where no packet was free. What
 *  was not taken is released. */
static inline int net_send_one(struct mirage_net *net,
			       const struct mirage_net *to, uint32_t length,
			       uint32_t sequence)
{
	struct mirage_packet *packet = net_frame(net, to, length, sequence);
	int taken;

	if (packet == NULL)
		return MIRAGE_EAGAIN;
	taken = mirage_net_send(net, &packet, 1);
	if (taken != 1)
		mirage_packet_release(packet);
	return taken;
}

static inline void net_flatten(struct net_sink *sink,
			       const struct mirage_packet *packet)
{
	sink->length = 0;
	for (; packet != NULL; packet = packet->next) {
		if (packet->length_bytes > NET_FLAT - sink->length)
			return;
		conf_copy(sink->flat + sink->length, packet->data,
			  packet->length_bytes);
		sink->length += packet->length_bytes;
	}
}

static inline void net_judge(struct net_sink *sink)
{
	const uint8_t *flat = sink->flat;
	uint32_t sequence;

	sink->ours++;
	if (sink->length < NET_MARKED)
		return;
	sequence = net_get32(flat + 14);
	sink->misplaced += sequence < sink->next;
	sink->next = sequence + 1;
	sink->wrong += net_get32(flat + 18) != sink->length ||
		       !conf_filled(flat + NET_MARKED,
				    sink->length - NET_MARKED, sequence);
}

static inline void net_take(struct net_sink *sink, struct mirage_packet *packet)
{
	uint64_t bytes = mirage_packet_frame_bytes(packet);
	uint8_t head[NET_HEADER] = {0};

	sink->frames++;
	sink->bytes += bytes;
	if (packet->length_bytes >= NET_HEADER)
		conf_copy(head, packet->data, NET_HEADER);
	if (((uint32_t)head[12] << 8 | head[13]) == NET_ETHERTYPE) {
		net_flatten(sink, packet);
		sink->csum = packet->csum;
		sink->gso = packet->gso;
		sink->csum_start = packet->csum_start_bytes;
		sink->csum_offset = packet->csum_offset_bytes;
		net_judge(sink);
		if (sink->hold != NULL && sink->n_held < sink->hold_max) {
			sink->hold[sink->n_held++] = packet;
			return;
		}
	}
	mirage_packet_release(packet);
}

/** A receiver for a struct net_sink. */
static inline void net_sink(void *arg, struct mirage_packet *const packets[],
			    size_t n)
{
	struct net_sink *sink = arg;

	sink->calls++;
	sink->empty += n == 0;
	for (size_t i = 0; i < n; i++)
		net_take(sink, packets[i]);
	conf_wake();
}

/** All frames that arrived and were not handed on. */
static inline uint64_t net_rx_dropped(const struct mirage_net *net)
{
	const struct mirage_net_counters *c = net->counters;

	return c->rx_dropped_nobody + c->rx_dropped_memory +
	       c->rx_dropped_size + c->rx_dropped_invalid;
}

static inline bool net_links_up(void)
{
	return conf_net(CONF_NET_A)->info->link_up &&
	       conf_net(CONF_NET_B)->info->link_up;
}

/** Opens both networks and has `sink` receive at B, which accepts `accept`. */
#define NET_OPEN_PAIR(sink) NET_OPEN_PAIR_ACCEPT(sink, 0)
#define NET_OPEN_PAIR_ACCEPT(sink, accept)                                    \
	do {                                                                  \
		conf_set(&(sink), sizeof(sink), 0);                           \
		conf_open(CONF_NET_A, 0);                                     \
		conf_open(CONF_NET_B, (accept));                              \
		AWAIT(conf_is_open(CONF_NET_A) && conf_is_open(CONF_NET_B) && \
		      (conf_over() || net_links_up()));                       \
		if (conf_over())                                              \
			return;                                               \
		mirage_net_on_receive(conf_net(CONF_NET_B), net_sink,         \
				      &(sink));                               \
	} while (0)

#endif /* MIRAGE_NET_CASE_H */
