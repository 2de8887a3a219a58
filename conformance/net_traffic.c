/* SPDX-License-Identifier: ISC */
/* Networks: many frames, nobody who takes them, the link, closing in between. */
#include "net_case.h"

#define BURST 10000u
#define BATCH 32u
#define HELD_MAX 4096u

static struct net_sink sink;

/* What the sender of a burst knows. */
static struct {
	struct mirage_packet *ready[BATCH]; /* built, not taken yet */
	unsigned n_ready;
	uint32_t built, sent;
	uint64_t bytes;
	unsigned writable; /* events seen before the last call */
	bool fell_short;
	int error;
} tx;

static void tx_reset(void)
{
	conf_set(&tx, sizeof(tx), 0);
}

static uint32_t tx_length(uint32_t sequence)
{
	uint32_t longest = conf_net(CONF_NET_A)->info->mtu_bytes + 14;

	return NET_MARKED + sequence * 37 % (longest - NET_MARKED + 1);
}

static void tx_build(uint32_t limit)
{
	while (tx.n_ready < BATCH && tx.built < limit) {
		struct mirage_packet *packet =
			net_frame(conf_net(CONF_NET_A), conf_net(CONF_NET_B),
				  tx_length(tx.built), tx.built);

		if (packet == NULL)
			break;
		tx.ready[tx.n_ready++] = packet;
		tx.built++;
	}
}

/* Sends what the device takes of the first `limit` frames, one batch. */
static void tx_step(uint32_t limit)
{
	int taken;

	tx.writable = conf_events(CONF_NET_A, MIRAGE_EVENT_WRITABLE);
	tx_build(limit);
	tx.fell_short = tx.n_ready < BATCH && tx.built < limit;
	if (tx.n_ready == 0)
		return;
	taken = mirage_net_send(conf_net(CONF_NET_A), tx.ready, tx.n_ready);
	if (taken < 0) {
		tx.error = taken;
		return;
	}
	tx.fell_short |= (unsigned)taken < tx.n_ready;
	for (int i = 0; i < taken; i++)
		tx.bytes += tx_length(tx.sent + (uint32_t)i);
	tx.sent += (uint32_t)taken;
	tx.n_ready -= (unsigned)taken;
	for (unsigned i = 0; i < tx.n_ready; i++)
		tx.ready[i] = tx.ready[i + (unsigned)taken];
}

static void tx_drop(void)
{
	while (tx.n_ready > 0)
		mirage_packet_release(tx.ready[--tx.n_ready]);
}

/* Whether the device may take more: it never fell short, or has said so. */
static bool tx_again(void)
{
	return !tx.fell_short ||
	       conf_events(CONF_NET_A, MIRAGE_EVENT_WRITABLE) > tx.writable;
}

static uint64_t b_dropped(void)
{
	return net_rx_dropped(conf_net(CONF_NET_B));
}

CASE(net, burst, "NET-02 NET-05 NET-06 NET-19 NET-20 NET-26",
     .needs = CONF_PAIR)
{
	const struct mirage_net_counters *c;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	while (tx.sent < BURST) {
		tx_step(BURST);
		CLAIM("NET-19");
		CHECK_RESULT(tx.error, 0);
		CLAIM("NET-20");
		AWAIT(tx_again());
	}
	CLAIM("NET-02");
	AWAIT(sink.ours + b_dropped() >= BURST);
	REST_NS(10000000);
	CLAIM("NET-26");
	CHECK(sink.ours <= BURST);
	CHECK_EQ(sink.wrong, 0);
	CHECK_EQ(sink.misplaced, 0);
	CLAIM("NET-06");
	CHECK_EQ(sink.empty, 0);
	CLAIM("NET-05");
	c = conf_net(CONF_NET_A)->counters;
	CHECK_EQ(c->tx_frames, BURST);
	CHECK_EQ(c->tx_bytes, tx.bytes);
	CHECK_EQ(c->tx_refused + c->tx_dropped_link + c->tx_dropped_error, 0);
	c = conf_net(CONF_NET_B)->counters;
	CHECK_EQ(c->rx_frames, sink.frames);
	CHECK_EQ(c->rx_bytes, sink.bytes);
	CASE_END;
}

CASE(net, nobody, "NET-14 NET-02 NET-05", .needs = CONF_PAIR)
{
	static struct mirage_net *b;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	b = conf_net(CONF_NET_B);
	tx_step(8);
	AWAIT(sink.ours == 8);
	CHECK_EQ(b->counters->rx_dropped_nobody, 0);
	mirage_net_on_receive(b, NULL, NULL);
	while (tx.sent < 10000) {
		tx_step(10000);
		CHECK_RESULT(tx.error, 0);
		AWAIT(tx_again());
	}
	AWAIT(b_dropped() >= 10000 - 8);
	CHECK(b->counters->rx_dropped_nobody > 0);
	CHECK_EQ(b->counters->rx_frames, sink.frames);
	/* Whoever comes back gets what arrives from then on. */
	mirage_net_on_receive(b, net_sink, &sink);
	AWAIT(net_send_one(conf_net(CONF_NET_A), b, 60, 20000) == 1);
	AWAIT(sink.ours == 9);
	CHECK_EQ(sink.next, 20001);
	CASE_END;
}

/* --------------------------------------------------------------- Holding -- */

static struct mirage_packet *held[HELD_MAX];

CASE(net, receiver_holds, "NET-02 NET-06 NET-05", .needs = CONF_PAIR)
{
	static uint32_t n;
	static unsigned i;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	sink.hold = held;
	sink.hold_max = HELD_MAX;
	n = 4 * conf_net(CONF_NET_B)->info->pool_frames;
	if (n > HELD_MAX)
		n = HELD_MAX;
	while (tx.sent < n) {
		tx_step(n);
		CHECK_RESULT(tx.error, 0);
		AWAIT_NS(tx_again() || sink.ours + b_dropped() >= tx.sent,
			 2000000000);
		if (!tx_again())
			break;
	}
	tx_drop();
	CLAIM("NET-02");
	AWAIT(sink.ours + b_dropped() >= tx.sent);
	CLAIM("NET-06");
	for (i = 0; i < sink.n_held; i++) {
		uint32_t s = net_get32(held[i]->data + 14);

		CHECK_EQ(mirage_packet_frame_bytes(held[i]), tx_length(s));
		CHECK_EQ(held[i]->references, 1);
	}
	while (sink.n_held > 0)
		mirage_packet_release(held[--sink.n_held]);
	sink.hold = NULL;
	/* The pool has recovered. */
	i = sink.ours;
	AWAIT(net_send_one(conf_net(CONF_NET_A), conf_net(CONF_NET_B), 60,
			   50000) == 1);
	AWAIT(sink.ours > i);
	CHECK_EQ(sink.wrong + sink.misplaced, 0);
	CASE_END;
}

CASE(net, paused, "NET-20 NET-26", .needs = CONF_PAIR | CONF_PAUSE)
{
	static uint32_t sent;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	WORLD(conf_pause(CONF_NET_A, true));
	while (!tx.fell_short && tx.sent < 100000) {
		tx_step(UINT32_MAX);
		CHECK_RESULT(tx.error, 0);
	}
	if (!tx.fell_short)
		SKIP("the device takes 100,000 frames while paused");
	sent = tx.sent;
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, sent);
	WORLD(conf_pause(CONF_NET_A, false));
	AWAIT(tx_again());
	tx_step(UINT32_MAX);
	CHECK(tx.sent > sent);
	tx_drop();
	AWAIT(sink.ours + b_dropped() >= tx.sent);
	CHECK_EQ(sink.wrong + sink.misplaced, 0);
	CASE_END;
}

/* ------------------------------------------------------------------ Link -- */

static struct {
	bool up;
	unsigned count;
} seen;

static void on_link(void *arg, uint32_t event)
{
	(void)arg;
	if (event != MIRAGE_EVENT_LINK)
		return;
	seen.up = conf_net(CONF_NET_A)->info->link_up;
	seen.count++;
}

CASE(net, link, "NET-27 EVT-01 NET-02", .needs = CONF_PAIR | CONF_LINK,
     .caps = MIRAGE_NET_CAP_LINK)
{
	static struct mirage_net *net;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	net = conf_net(CONF_NET_A);
	conf_set(&seen, sizeof(seen), 0);
	conf_on_event(CONF_NET_A, on_link, NULL);
	AWAIT(net->info->link_up);
	seen.count = 0;
	WORLD(conf_link(CONF_NET_A, false));
	AWAIT(seen.count == 1);
	CLAIM("EVT-01");
	CHECK(!seen.up);
	CHECK(!net->info->link_up);
	CLAIM("NET-27");
	CHECK_RESULT(net_send_one(net, conf_net(CONF_NET_B), 60, 1), 1);
	CHECK_RESULT(net_send_one(net, conf_net(CONF_NET_B), 60, 2), 1);
	AWAIT(net->counters->tx_dropped_link == 2);
	CHECK_EQ(net->counters->tx_frames, 2);
	CHECK_EQ(sink.ours, 0);
	WORLD(conf_link(CONF_NET_A, true));
	AWAIT(seen.count == 2);
	CLAIM("EVT-01");
	CHECK(seen.up);
	CLAIM("NET-27");
	CHECK_RESULT(net_send_one(net, conf_net(CONF_NET_B), 60, 3), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(net->counters->tx_dropped_link, 2);
	CASE_END;
}

/* ---------------------------------------------------------------- Counts -- */

CASE(net, mac_constant, "NET-04", .needs = CONF_PAIR)
{
	static uint8_t mac[6];

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	conf_copy(mac, conf_net(CONF_NET_A)->info->mac, 6);
	while (tx.sent < 200) {
		tx_step(200);
		CHECK_RESULT(tx.error, 0);
		AWAIT(tx_again());
	}
	AWAIT(sink.ours + b_dropped() >= 200);
	CHECK_BYTES(conf_net(CONF_NET_A)->info->mac, mac, 6);
	CASE_END;
}

CASE(net, bad_lengths_arrive, "NET-01 NET-02 NET-05",
     .needs = CONF_PAIR | CONF_INJECT)
{
	static uint8_t frame[NET_FLAT];
	static struct mirage_net *b;
	static uint32_t longest;
	static uint64_t dropped;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	b = conf_net(CONF_NET_B);
	longest = b->info->mtu_bytes + 14;
	net_write(frame, longest, 1);
	WORLD(conf_inject(CONF_NET_B, frame, longest));
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.length, longest);
	dropped = b->counters->rx_dropped_size;
	WORLD(conf_inject(CONF_NET_B, frame, 13));
	AWAIT(b->counters->rx_dropped_size == dropped + 1);
	WORLD(conf_inject(CONF_NET_B, frame, longest + 1));
	AWAIT(b->counters->rx_dropped_size == dropped + 2);
	CHECK_EQ(sink.ours, 1);
	CHECK_EQ(b->counters->rx_frames, sink.frames);
	WORLD(conf_inject(CONF_NET_B, frame, 14));
	AWAIT(sink.ours == 2);
	CHECK_EQ(sink.length, 14);
	CASE_END;
}

/* ----------------------------------------------------------- Law, closing -- */

static struct {
	unsigned depth, nested, calls;
	bool close, sending;
} echo;

/* Swaps the addresses, as a host does: a bridge that has learnt them would keep a
 * frame which it is sent back as it was. Returns whether the frame is ours. */
static bool turn_round(struct mirage_packet *packet)
{
	uint8_t to[6];
	uint8_t *at = packet->data;

	if (packet->length_bytes < NET_HEADER || packet->references != 1 ||
	    ((uint32_t)at[12] << 8 | at[13]) != NET_ETHERTYPE)
		return false;
	conf_copy(to, at, 6);
	conf_copy(at, at + 6, 6);
	conf_copy(at + 6, to, 6);
	return true;
}

/* Sends back from inside the receiver, which the loop, not the send, calls. */
static void echo_receive(void *arg, struct mirage_packet *const packets[],
			 size_t n)
{
	struct mirage_net *net = arg;

	echo.nested += echo.depth != 0 || echo.sending;
	echo.depth++;
	echo.calls++;
	for (size_t i = 0; i < n; i++)
		if (!turn_round(packets[i]) ||
		    mirage_net_send(net, &packets[i], 1) != 1)
			mirage_packet_release(packets[i]);
	if (echo.close)
		mirage_net_close(net);
	echo.depth--;
	conf_wake();
}

CASE(net, echo_inside_receive, "LAW-03 LAW-04", .needs = CONF_PAIR)
{
	static struct net_sink back;
	static unsigned i;

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	conf_set(&echo, sizeof(echo), 0);
	mirage_net_on_receive(conf_net(CONF_NET_A), net_sink, &back);
	mirage_net_on_receive(conf_net(CONF_NET_B), echo_receive,
			      conf_net(CONF_NET_B));
	for (i = 0; i < 100; i++) {
		echo.sending = true;
		CHECK_RESULT(net_send_one(conf_net(CONF_NET_A),
					  conf_net(CONF_NET_B), 80, i),
			     1);
		echo.sending = false;
		CLAIM("LAW-03");
		CHECK_EQ(echo.nested, 0);
		CLAIM("LAW-04");
		AWAIT(back.ours == i + 1);
	}
	CLAIM("LAW-03");
	CHECK_EQ(echo.nested, 0);
	CHECK_EQ(back.wrong + back.misplaced, 0);
	CASE_END;
}

CASE(net, close_inside_receive, "LAW-04 NET-10", .needs = CONF_PAIR)
{
	static unsigned calls;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	conf_set(&echo, sizeof(echo), 0);
	echo.close = true;
	mirage_net_on_receive(conf_net(CONF_NET_B), echo_receive,
			      conf_net(CONF_NET_B));
	tx_step(BATCH);
	CLAIM("LAW-04");
	AWAIT(conf_is_closed(CONF_NET_B));
	tx_drop();
	CLAIM("NET-10");
	calls = echo.calls;
	CHECK_EQ(calls, 1);
	REST_NS(10000000);
	CHECK_EQ(echo.calls, calls);
	CASE_END;
}

CASE(net, closed_receives_nothing, "NET-10", .needs = CONF_PAIR)
{
	static unsigned calls;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	tx_step(BATCH);
	conf_close(CONF_NET_B);
	calls = sink.calls;
	AWAIT(conf_is_closed(CONF_NET_B));
	CHECK_EQ(sink.calls, calls);
	tx_drop();
	CASE_END;
}

CASE(net, close_sends_taken, "NET-10 NET-02 NET-11", .needs = CONF_PAIR)
{
	static uint32_t sent;

	CASE_BEGIN;
	tx_reset();
	NET_OPEN_PAIR(sink);
	tx_step(BATCH);
	sent = tx.sent;
	CHECK(sent > 0);
	tx_drop();
	conf_close(CONF_NET_A);
	CLAIM("NET-11");
	AWAIT(conf_is_closed(CONF_NET_A));
	CLAIM("NET-10");
	AWAIT(sink.ours + b_dropped() >= sent);
	CHECK_EQ(sink.wrong, 0);
	CASE_END;
}

CASES(net_traffic) = {
	&net_burst,
	&net_nobody,
	&net_receiver_holds,
	&net_paused,
	&net_link,
	&net_mac_constant,
	&net_bad_lengths_arrive,
	&net_echo_inside_receive,
	&net_close_inside_receive,
	&net_closed_receives_nothing,
	&net_close_sends_taken,
	NULL,
};
