/* SPDX-License-Identifier: ISC */
/* Networks: which frames a device takes, and what arrives of them. */
#include "net_case.h"

#define FRAGMENTS_MAX 64u

static struct net_sink sink;

static int send_ours(uint32_t length, uint32_t sequence)
{
	return net_send_one(conf_net(CONF_NET_A), conf_net(CONF_NET_B), length,
			    sequence);
}

CASE(net, longest_frame, "NET-01 NET-26", .needs = CONF_PAIR)
{
	static uint32_t longest;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	longest = conf_net(CONF_NET_A)->info->mtu_bytes + 14;
	CHECK_RESULT(send_ours(longest, 1), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.length, longest);
	CHECK_EQ(sink.wrong, 0);
	CASE_END;
}

CASE(net, shortest_frame, "NET-01", .needs = CONF_PAIR)
{
	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	CHECK_RESULT(send_ours(14, 1), 1);
	AWAIT(sink.ours == 1);
	/* Not padded. */
	CHECK_EQ(sink.length, 14);
	CHECK_RESULT(send_ours(15, 2), 1);
	AWAIT(sink.ours == 2);
	CHECK_EQ(sink.length, 15);
	CASE_END;
}

CASE(net, every_length, "NET-01 NET-26", .needs = CONF_PAIR)
{
	static uint32_t length, longest;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	longest = conf_net(CONF_NET_A)->info->mtu_bytes + 14;
	for (length = 14; length <= longest; length += length < 128 ? 1 : 61) {
		CHECK_RESULT(send_ours(length, length), 1);
		AWAIT(sink.length == length);
	}
	CHECK_EQ(sink.wrong + sink.misplaced, 0);
	CASE_END;
}

/* A packet with `bytes` more than the longest frame, or NULL. */
static struct mirage_packet *too_long(struct mirage_net *net, uint32_t bytes)
{
	uint32_t longest = net->info->mtu_bytes + 14;
	struct mirage_packet *packet =
		net_frame(net, conf_net(CONF_NET_B), longest, 1);

	if (packet == NULL)
		return NULL;
	if (mirage_packet_append(packet, bytes) != NULL ||
	    mirage_packet_prepend(packet, bytes) != NULL)
		return packet;
	if (mirage_net_reserve(net, bytes, &packet->next, 1) == 1 &&
	    mirage_packet_append(packet->next, bytes) != NULL)
		return packet;
	mirage_packet_release(packet);
	return NULL;
}

CASE(net, frame_too_long, "NET-21 NET-05 NET-19", .needs = CONF_PAIR)
{
	static struct mirage_net *net;
	static struct mirage_packet *packet;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	net = conf_net(CONF_NET_A);
	packet = too_long(net, 1);
	CHECK(packet != NULL);
	CLAIM("NET-21");
	CHECK_RESULT(mirage_net_send(net, &packet, 1), MIRAGE_EMSGSIZE);
	CLAIM("NET-05");
	CHECK_EQ(net->counters->tx_refused, 1);
	CHECK_EQ(net->counters->tx_frames, 0);
	CLAIM("NET-19");
	CHECK_EQ(packet->references, 1);
	mirage_packet_release(packet);
	CLAIM("NET-21");
	CHECK_RESULT(send_ours(60, 2), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.length, 60);
	CASE_END;
}

CASE(net, frame_too_short, "NET-21 NET-01", .needs = CONF_PAIR)
{
	static const uint32_t lengths[] = {0, 1, 13};
	static struct mirage_packet *packet;
	static unsigned i;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	for (i = 0; i < 3; i++) {
		packet = net_frame(conf_net(CONF_NET_A), conf_net(CONF_NET_B),
				   14, i);
		CHECK(packet != NULL);
		CHECK(mirage_packet_trim(packet, 0, 14 - lengths[i]));
		CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1),
			     MIRAGE_EMSGSIZE);
		mirage_packet_release(packet);
	}
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_refused, 3);
	CHECK_RESULT(send_ours(14, 9), 1);
	AWAIT(sink.ours == 1);
	CASE_END;
}

/* ------------------------------------------------------------- Fragments -- */

/* A frame of `length` bytes in `n` fragments of uneven sizes. */
static struct mirage_packet *fragmented(struct mirage_net *net, unsigned n,
					uint32_t length, uint32_t sequence)
{
	static struct mirage_packet *parts[FRAGMENTS_MAX + 1];
	static uint8_t whole[NET_FLAT];
	uint32_t at = 0;
	int got = mirage_net_reserve(net, length, parts, n);

	if (got != (int)n) {
		for (int i = 0; i < got; i++)
			mirage_packet_release(parts[i]);
		return NULL;
	}
	net_write(whole, length, sequence);
	for (unsigned i = 0; i < n; i++) {
		uint32_t bytes = i + 1 < n ? 1 + i % 3 : length - at;

		conf_copy(mirage_packet_append(parts[i], bytes), whole + at,
			  bytes);
		at += bytes;
		parts[i]->next = i + 1 < n ? parts[i + 1] : NULL;
	}
	return parts[0];
}

CASE(net, fragments, "NET-22 NET-26", .needs = CONF_PAIR,
     .caps = MIRAGE_NET_CAP_FRAGMENTS)
{
	static struct mirage_packet *packet;
	static struct mirage_net *net;
	static unsigned n;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	net = conf_net(CONF_NET_A);
	for (n = 1; n <= net->info->max_fragments && n <= 16; n++) {
		packet = fragmented(net, n, 400, n);
		CHECK(packet != NULL);
		CHECK_RESULT(mirage_net_send(net, &packet, 1), 1);
		AWAIT(sink.ours == n);
		CHECK_EQ(sink.length, 400);
		CHECK_EQ(sink.wrong, 0);
	}
	CASE_END;
}

CASE(net, too_many_fragments, "NET-22 NET-05", .needs = CONF_PAIR)
{
	static struct mirage_packet *packet;
	static struct mirage_net *net;
	static uint32_t most;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	net = conf_net(CONF_NET_A);
	most = net->info->max_fragments;
	if (most > FRAGMENTS_MAX || most >= net->info->pool_frames)
		SKIP("more fragments are allowed than the case has");
	packet = fragmented(net, most + 1, 300, 1);
	CHECK(packet != NULL);
	CLAIM("NET-22");
	CHECK_RESULT(mirage_net_send(net, &packet, 1), MIRAGE_EMSGSIZE);
	CLAIM("NET-05");
	CHECK_EQ(net->counters->tx_refused, 1);
	mirage_packet_release(packet);
	CLAIM("NET-22");
	packet = fragmented(net, most, 300, 2);
	CHECK(packet != NULL);
	CHECK_RESULT(mirage_net_send(net, &packet, 1), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.wrong, 0);
	CASE_END;
}

/* ----------------------------------------------------------------- Order -- */

CASE(net, stops_at_bad_frame, "NET-19 NET-21", .needs = CONF_PAIR)
{
	static struct mirage_packet *packets[4];
	static struct mirage_net *net;
	static unsigned i;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	net = conf_net(CONF_NET_A);
	for (i = 0; i < 4; i++) {
		packets[i] = net_frame(net, conf_net(CONF_NET_B), 100, i);
		CHECK(packets[i] != NULL);
	}
	CHECK(mirage_packet_trim(packets[2], 0, 90));
	CHECK_RESULT(mirage_net_send(net, packets, 4), 2);
	CHECK_EQ(net->counters->tx_refused, 0);
	CHECK_RESULT(mirage_net_send(net, packets + 2, 2), MIRAGE_EMSGSIZE);
	CHECK_EQ(net->counters->tx_refused, 1);
	CHECK_RESULT(mirage_net_send(net, packets + 3, 1), 1);
	mirage_packet_release(packets[2]);
	AWAIT(sink.ours == 3);
	REST_NS(5000000);
	CHECK_EQ(sink.ours, 3);
	CHECK_EQ(sink.wrong + sink.misplaced, 0);
	CASE_END;
}

CASE(net, send_none, "NET-19", .needs = CONF_NET)
{
	static struct mirage_packet *packet;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 0), 0);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_refused, 0);
	CASE_END;
}

/* ---------------------------------------------------------------- Owners -- */

CASE(net, retained_unchanged, "NET-25", .needs = CONF_PAIR)
{
	static struct mirage_packet *packet;
	static uint8_t before[700];

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	packet = net_frame(conf_net(CONF_NET_A), conf_net(CONF_NET_B), 700, 5);
	CHECK(packet != NULL);
	conf_copy(before, packet->data, 700);
	mirage_packet_retain(packet);
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1), 1);
	AWAIT(sink.ours == 1);
	REST_NS(5000000);
	CHECK_EQ(packet->references, 1);
	CHECK_EQ(packet->length_bytes, 700);
	CHECK(packet->next == NULL);
	CHECK_BYTES(packet->data, before, 700);
	/* The same packet once more, as a retransmission would. */
	mirage_packet_retain(packet);
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1), 1);
	AWAIT(sink.ours == 2);
	CHECK_EQ(sink.wrong, 0);
	CHECK_BYTES(packet->data, before, 700);
	mirage_packet_release(packet);
	CASE_END;
}

static struct mirage_packet *received[1];

CASE(net, forward, "NET-06 NET-19 NET-26", .needs = CONF_PAIR)
{
	static struct net_sink back;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	sink.hold = received;
	sink.hold_max = 1;
	mirage_net_on_receive(conf_net(CONF_NET_A), net_sink, &back);
	CHECK_RESULT(send_ours(900, 3), 1);
	AWAIT(sink.n_held == 1);
	CLAIM("NET-06");
	CHECK_EQ(received[0]->references, 1);
	/* Turned round, as a bridge would: packets of any pool will do. */
	conf_copy(received[0]->data, conf_net(CONF_NET_A)->info->mac, 6);
	conf_copy(received[0]->data + 6, conf_net(CONF_NET_B)->info->mac, 6);
	CLAIM("NET-19");
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_B), received, 1), 1);
	AWAIT(back.ours == 1);
	CLAIM("NET-26");
	CHECK_EQ(back.length, 900);
	CHECK_EQ(back.wrong, 0);
	CASE_END;
}

CASE(net, received_private, "PKT-07 NET-06", .needs = CONF_PAIR)
{
	static unsigned i;
	static uint32_t longest;
	const struct mirage_packet *p;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	longest = conf_net(CONF_NET_A)->info->mtu_bytes + 14;
	for (i = 0; i < 600; i++) {
		AWAIT(send_ours(longest, i) == 1);
		AWAIT(sink.ours == i + 1);
	}
	sink.hold = received;
	sink.hold_max = 1;
	CHECK_RESULT(send_ours(30, i), 1);
	AWAIT(sink.n_held == 1);
	p = received[0];
	/* Nothing of the long frames lies behind the short one. */
	CHECK_EQ(p->length_bytes, 30);
	CHECK(conf_all(p->data + 30, mirage_packet_tailroom(p), 0));
	mirage_packet_release(received[0]);
	CASE_END;
}

CASES(net_frames) = {
	&net_longest_frame,
	&net_shortest_frame,
	&net_every_length,
	&net_frame_too_long,
	&net_frame_too_short,
	&net_fragments,
	&net_too_many_fragments,
	&net_stops_at_bad_frame,
	&net_send_none,
	&net_retained_unchanged,
	&net_forward,
	&net_received_private,
	NULL,
};
