/* SPDX-License-Identifier: ISC */
/* Networks: names, opening, what `info` says, reserving, closing. */
#include "net_case.h"

#define MANY 1024u

struct opening {
	unsigned count;
	int result;
	struct mirage_net *net;
};

static void on_opened(void *arg, int result, struct mirage_net *net)
{
	struct opening *opening = arg;

	opening->count++;
	opening->result = result;
	opening->net = net;
	conf_wake();
}

/* For networks that the case, not the harness, has opened. */
static bool own_closed;

static void on_own_event(void *arg, uint32_t event)
{
	(void)arg;
	own_closed |= event == MIRAGE_EVENT_CLOSED;
	conf_wake();
}

static void close_own(struct mirage_net *net)
{
	own_closed = false;
	mirage_net_on_event(net, on_own_event, NULL);
	mirage_net_close(net);
}

/* --------------------------------------------------------------- Opening -- */

static const char *const bad_names[] = {
	"",    "a b",	     "a/b", "tap:0",
	"a.b", "n\xc3\xa9t", "a\n", "12345678901234567890123456789012",
};

#define N_BAD (sizeof(bad_names) / sizeof(bad_names[0]))

CASE(net, bad_names, "NET-07 LAW-02")
{
	static struct opening openings[N_BAD];
	static unsigned i;

	CASE_BEGIN;
	for (i = 0; i < N_BAD; i++) {
		mirage_net_open(bad_names[i], 0, on_opened, &openings[i]);
		CLAIM("LAW-02");
		CHECK_EQ(openings[i].count, 0);
		CLAIM("NET-07");
		AWAIT(openings[i].count == 1);
		CHECK_RESULT(openings[i].result, MIRAGE_EINVAL);
		CHECK(openings[i].net == NULL);
	}
	CASE_END;
}

CASE(net, unknown_name, "NET-08", .needs = CONF_NET)
{
	static struct opening short_name, long_name;

	CASE_BEGIN;
	mirage_net_open("no-such", 0, on_opened, &short_name);
	mirage_net_open("No_Such-Network-Of-31-Character", 0, on_opened,
			&long_name);
	AWAIT(short_name.count == 1 && long_name.count == 1);
	if (short_name.result == MIRAGE_ENOSYS)
		SKIP("not implemented by this backend (ENOSYS)");
	CHECK_RESULT(short_name.result, MIRAGE_ENODEV);
	CHECK_RESULT(long_name.result, MIRAGE_ENODEV);
	CHECK(short_name.net == NULL && long_name.net == NULL);
	CASE_END;
}

CASE(net, open_twice, "NET-09", .needs = CONF_NET)
{
	static struct opening again, together[2];

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	mirage_net_open(conf_name(CONF_NET_A), 0, on_opened, &again);
	AWAIT(again.count == 1);
	CHECK_RESULT(again.result, MIRAGE_EBUSY);
	CHECK(again.net == NULL);
	CLOSE(CONF_NET_A);
	/* An open under way occupies the name too. */
	mirage_net_open(conf_name(CONF_NET_A), 0, on_opened, &together[0]);
	mirage_net_open(conf_name(CONF_NET_A), 0, on_opened, &together[1]);
	AWAIT(together[0].count == 1 && together[1].count == 1);
	CHECK_RESULT(together[0].result, MIRAGE_OK);
	CHECK_RESULT(together[1].result, MIRAGE_EBUSY);
	close_own(together[0].net);
	AWAIT(own_closed);
	CASE_END;
}

CASE(net, opens_later, "LAW-01 LAW-02", .needs = CONF_NET)
{
	static struct opening opening;

	CASE_BEGIN;
	mirage_net_open(conf_name(CONF_NET_A), 0, on_opened, &opening);
	CLAIM("LAW-02");
	CHECK_EQ(opening.count, 0);
	AWAIT(opening.count != 0);
	REST_NS(5000000);
	CLAIM("LAW-01");
	CHECK_EQ(opening.count, 1);
	if (opening.result == MIRAGE_ENOSYS)
		SKIP("not implemented by this backend (ENOSYS)");
	CHECK_RESULT(opening.result, MIRAGE_OK);
	close_own(opening.net);
	AWAIT(own_closed);
	CASE_END;
}

CASE(net, info, "NET-03 NET-04 LAW-07", .needs = CONF_NET)
{
	static const uint8_t none[6];
	const struct mirage_net_info *info;
	const struct mirage_net *net;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	net = conf_net(CONF_NET_A);
	info = net->info;
	CHECK(conf_same(net->name, conf_name(CONF_NET_A),
			conf_length(conf_name(CONF_NET_A)) + 1));
	CHECK(net->counters->size >= sizeof(*net->counters));
	CHECK(info->size >= sizeof(*info));
	CHECK(info->mtu_bytes >= 68);
	CHECK(info->max_fragments >= 1);
	CLAIM("NET-03");
	CHECK(info->pool_frames >= 16);
	CLAIM("NET-04");
	CHECK((info->mac[0] & 1) == 0);
	CHECK(!conf_same(info->mac, none, 6));
	CLAIM("LAW-07");
	CHECK((info->caps & MIRAGE_NET_ACCEPT_ALL) == 0);
	CHECK((info->caps & MIRAGE_NET_CAP_FRAGMENTS) != 0 ||
	      info->max_fragments == 1);
	CHECK((info->caps &
	       (MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)) == 0 ||
	      info->gso_max_bytes > info->mtu_bytes + 14);
	CASE_END;
}

CASE(net, macs_differ, "NET-04", .needs = CONF_PAIR)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	CHECK(!conf_same(conf_net(CONF_NET_A)->info->mac,
			 conf_net(CONF_NET_B)->info->mac, 6));
	CASE_END;
}

/* ------------------------------------------------------------- Reserving -- */

static struct mirage_packet *packets[MANY];
static int n_packets;

static void packets_release(void)
{
	while (n_packets > 0)
		mirage_packet_release(packets[--n_packets]);
}

CASE(net, reserve, "NET-15 NET-16 PKT-07", .needs = CONF_NET)
{
	static const uint32_t lengths[] = {0, 1, 14, 60, 82};
	static struct mirage_net *net;
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	net = conf_net(CONF_NET_A);
	for (i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint32_t longest = net->info->mtu_bytes + 14;
		uint32_t length = i < 5 ? lengths[i] : longest;
		struct mirage_packet *p;

		CLAIM("NET-15");
		CHECK_EQ(mirage_net_reserve(net, length, &p, 1), 1);
		CHECK(p->next == NULL);
		CHECK_EQ(p->length_bytes, 0);
		CHECK_EQ(p->references, 1);
		CHECK_EQ(mirage_packet_headroom(p), net->info->headroom_bytes);
		CHECK(mirage_packet_tailroom(p) >= length);
		CLAIM("PKT-07");
		CHECK(conf_all(p->buffer, p->capacity_bytes, 0));
		CLAIM("NET-16");
		CHECK_EQ(p->csum, MIRAGE_CSUM_NONE);
		CHECK_EQ(p->gso, MIRAGE_GSO_NONE);
		CHECK_EQ(p->gso_size_bytes, 0);
		mirage_packet_release(p);
	}
	CASE_END;
}

CASE(net, reserve_none, "NET-15", .needs = CONF_NET)
{
	static struct mirage_packet *packet;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), 60, &packet, 0), 0);
	CHECK(packet == NULL);
	CASE_END;
}

CASE(net, reserve_whole_pool, "NET-03 NET-06", .needs = CONF_NET)
{
	static struct mirage_net *net;
	static unsigned round;
	static int want;

	CASE_BEGIN;
	n_packets = 0;
	OPEN(CONF_NET_A);
	net = conf_net(CONF_NET_A);
	want = (int)(net->info->pool_frames < MANY ? net->info->pool_frames
						   : MANY);
	/* Again and again: what was released is there once more. */
	for (round = 0; round < 4; round++) {
		n_packets = mirage_net_reserve(net, net->info->mtu_bytes + 14,
					       packets, (size_t)want);
		CHECK_EQ(n_packets, want);
		packets_release();
	}
	CASE_END;
}

CASE(net, reserve_exhausted, "NET-17", .needs = CONF_NET)
{
	static struct mirage_net *net;
	static unsigned events;
	int got = 0;

	CASE_BEGIN;
	n_packets = 0;
	OPEN(CONF_NET_A);
	net = conf_net(CONF_NET_A);
	events = conf_events(CONF_NET_A, MIRAGE_EVENT_WRITABLE);
	while (n_packets < (int)MANY &&
	       (got = mirage_net_reserve(net, 60, packets + n_packets,
					 MANY - (size_t)n_packets)) > 0)
		n_packets += got;
	CHECK(got >= 0);
	if (n_packets == (int)MANY) {
		packets_release();
		SKIP("the pool is too large to be exhausted");
	}
	packets_release();
	AWAIT(conf_events(CONF_NET_A, MIRAGE_EVENT_WRITABLE) > events);
	n_packets = mirage_net_reserve(net, 60, packets, 16);
	CHECK(n_packets > 0);
	packets_release();
	CASE_END;
}

CASE(net, reserve_too_long, "NET-18", .needs = CONF_NET)
{
	static struct mirage_packet *packet;
	const struct mirage_net_info *info;
	uint32_t longest;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	info = conf_net(CONF_NET_A)->info;
	longest = info->mtu_bytes + 14 > info->gso_max_bytes
			  ? info->mtu_bytes + 14
			  : info->gso_max_bytes;
	CHECK_RESULT(mirage_net_reserve(conf_net(CONF_NET_A), longest + 1,
					&packet, 1),
		     MIRAGE_EMSGSIZE);
	CHECK_RESULT(mirage_net_reserve(conf_net(CONF_NET_A), UINT32_MAX,
					&packet, 1),
		     MIRAGE_EMSGSIZE);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), longest, &packet, 1),
		 1);
	mirage_packet_release(packet);
	CASE_END;
}

/* --------------------------------------------------------------- Closing -- */

CASE(net, closed_once, "NET-11 LAW-01", .needs = CONF_NET)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	conf_close(CONF_NET_A);
	CLAIM("LAW-01");
	CHECK_EQ(conf_events(CONF_NET_A, MIRAGE_EVENT_CLOSED), 0);
	CLAIM("NET-11");
	AWAIT(conf_is_closed(CONF_NET_A));
	REST_NS(10000000);
	CHECK_EQ(conf_events(CONF_NET_A, MIRAGE_EVENT_CLOSED), 1);
	CASE_END;
}

CASE(net, close_twice, "NET-13", .needs = CONF_NET)
{
	static struct mirage_net *net;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	net = conf_net(CONF_NET_A);
	conf_close(CONF_NET_A);
	mirage_net_close(net);
	AWAIT(conf_is_closed(CONF_NET_A));
	mirage_net_close(net);
	REST_NS(10000000);
	CHECK_EQ(conf_events(CONF_NET_A, MIRAGE_EVENT_CLOSED), 1);
	CASE_END;
}

CASE(net, closed_takes_nothing, "NET-10", .needs = CONF_PAIR)
{
	static struct mirage_packet *packet, *spare;
	static struct mirage_net *net;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	net = conf_net(CONF_NET_A);
	packet = net_frame(net, conf_net(CONF_NET_B), 60, 1);
	CHECK(packet != NULL);
	mirage_net_close(net);
	CHECK_RESULT(mirage_net_send(net, &packet, 1), MIRAGE_EGONE);
	CHECK_RESULT(mirage_net_reserve(net, 60, &spare, 1), MIRAGE_EGONE);
	AWAIT(conf_is_closed(CONF_NET_A));
	CHECK_RESULT(mirage_net_send(net, &packet, 1), MIRAGE_EGONE);
	CHECK_RESULT(mirage_net_reserve(net, 60, &spare, 1), MIRAGE_EGONE);
	CHECK_EQ(packet->references, 1);
	mirage_packet_release(packet);
	CASE_END;
}

CASE(net, reopen, "NET-12 NET-05", .needs = CONF_PAIR)
{
	static struct net_sink sink;
	static unsigned round;

	CASE_BEGIN;
	OPEN(CONF_NET_B);
	mirage_net_on_receive(conf_net(CONF_NET_B), net_sink, &sink);
	for (round = 0; round < 5; round++) {
		OPEN(CONF_NET_A);
		CLAIM("NET-05");
		CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, 0);
		CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_bytes, 0);
		CLAIM("NET-12");
		AWAIT(net_links_up());
		CHECK_RESULT(net_send_one(conf_net(CONF_NET_A),
					  conf_net(CONF_NET_B), 100, round),
			     1);
		AWAIT(sink.ours == round + 1);
		CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, 1);
		CLOSE(CONF_NET_A);
	}
	CHECK_EQ(sink.wrong, 0);
	CASE_END;
}

static struct mirage_net *closing_net;

static void close_at_wake(void *arg, uint32_t event)
{
	(void)arg;
	if (event == MIRAGE_EVENT_WRITABLE)
		mirage_net_close(closing_net);
}

CASE(net, close_inside_event, "LAW-04", .needs = CONF_NET)
{
	int got = 0;

	CASE_BEGIN;
	n_packets = 0;
	OPEN(CONF_NET_A);
	closing_net = conf_net(CONF_NET_A);
	conf_on_event(CONF_NET_A, close_at_wake, NULL);
	while (n_packets < (int)MANY &&
	       (got = mirage_net_reserve(closing_net, 60, packets + n_packets,
					 MANY - (size_t)n_packets)) > 0)
		n_packets += got;
	packets_release();
	if (got > 0)
		SKIP("the pool is too large to be exhausted");
	AWAIT(conf_is_closed(CONF_NET_A));
	CASE_END;
}

CASE(net, held_across_close, "NET-06 NET-12", .needs = CONF_NET)
{
	static struct mirage_packet *packet;
	static unsigned round;
	uint8_t *at;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), 60, &packet, 1), 1);
	at = mirage_packet_append(packet, 60);
	conf_fill(at, 60, 7);
	for (round = 0; round < 3; round++) {
		CLOSE(CONF_NET_A);
		CHECK(conf_filled(packet->data, 60, 7));
		OPEN(CONF_NET_A);
		CHECK(conf_filled(packet->data, 60, 7));
	}
	CHECK_EQ(packet->references, 1);
	mirage_packet_release(packet);
	CASE_END;
}

CASES(net) = {
	&net_bad_names,
	&net_unknown_name,
	&net_open_twice,
	&net_opens_later,
	&net_info,
	&net_macs_differ,
	&net_reserve,
	&net_reserve_none,
	&net_reserve_whole_pool,
	&net_reserve_exhausted,
	&net_reserve_too_long,
	&net_closed_once,
	&net_close_twice,
	&net_closed_takes_nothing,
	&net_reopen,
	&net_close_inside_event,
	&net_held_across_close,
	NULL,
};
