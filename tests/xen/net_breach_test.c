/* SPDX-License-Identifier: ISC */
/*
 * netfront with a backend that breaks the protocol: the network is shut down with a
 * message and a count, another one goes on, and closing and opening again work.
 */
#include "xen_test.h"

static struct netback back, other_back;
static struct net_app app, other;
static struct netback_queue *queue; /* the last, which is broken */

static void begin(void)
{
	const char *arguments[] = {"--net", "n=vif:0", "--net", "m=vif:1",
				   NULL};

	fake_start(arguments);
	netback_start(&back, 0);
	netback_start(&other_back, 1);
	app_net_open(&app, "n", MIRAGE_NET_ACCEPT_ALL);
	app_net_open(&other, "m", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_int_eq(other.result, 0);
	queue = &back.queues[back.n_queues - 1];
	app_net_choose(&app, back.n_queues - 1);
}

static void raise_all(void)
{
	fake_raise(queue->rx_port);
	fake_raise(queue->tx_port);
	fake_settle();
}

static void end(void)
{
	app_net_release(&app);
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	mirage_net_close(app.net);
	mirage_net_close(other.net);
	fake_settle();
	netback_forget_frames(&back);
	netback_forget_frames(&other_back);
}

/** Notifies the guest; it must have ended the network because of `what`. */
static void broken(const char *what)
{
	char log[256];

	raise_all();
	snprintf(log, sizeof log,
		 "test: error: network 'n': its backend %s; the network is "
		 "shut down\n",
		 what);
	check_log(log);
	ck_assert_uint_eq(((struct xen_net *)app.net)->breaches, 1);
	ck_assert(!app.net->info->link_up);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LINK], 1);
	raise_all(); /* it does not look again */
	check_log("");
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_link, 1);
	ck_assert_int_eq(app_net_send(&other, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(other_back.n_frames, 1);
}

static void all_returned(void)
{
	end();
	check_all_returned();
}

/** The next place of the ring to the guest, filled in well. */
static netif_rx_response_t *next_rx(void)
{
	netif_rx_response_t *to =
		RING_GET_RESPONSE(&queue->rx, queue->rx.rsp_prod_pvt);
	uint16_t id = RING_GET_REQUEST(&queue->rx, queue->rx.req_cons++)->id;

	queue->rx.rsp_prod_pvt++;
	*to = (netif_rx_response_t){.id = id, .status = 60};
	RING_PUSH_RESPONSES(&queue->rx);
	return to;
}

START_TEST(rx_index_jumps)
{
	begin();
	queue->rx.sring->rsp_prod += 257;
	broken("moved its index beyond the pages it has");
	all_returned();
}
END_TEST

START_TEST(rx_index_goes_back)
{
	begin();
	queue->rx.sring->rsp_prod -= 1;
	broken("moved its index beyond the pages it has");
	all_returned();
}
END_TEST

START_TEST(rx_id_never_given)
{
	begin();
	next_rx()->id = 77;
	broken("filled a page that it was not given");
	all_returned();
}
END_TEST

START_TEST(rx_id_twice)
{
	begin();
	next_rx();
	next_rx()->id = 0;
	broken("filled a page that it was not given");
	all_returned();
}
END_TEST

START_TEST(rx_id_past_the_ring)
{
	begin();
	next_rx()->id = 256;
	broken("filled a page that it was not given");
	all_returned();
}
END_TEST

START_TEST(rx_length_past_the_page)
{
	begin();
	next_rx()->status = 4097;
	broken("sent a frame beyond the end of its page");
	all_returned();
}
END_TEST

START_TEST(rx_offset_past_the_page)
{
	begin();
	next_rx()->offset = 4037;
	broken("sent a frame beyond the end of its page");
	all_returned();
}
END_TEST

START_TEST(rx_offset_far_past_the_page)
{
	begin();
	next_rx()->offset = 65535;
	broken("sent a frame beyond the end of its page");
	all_returned();
}
END_TEST

START_TEST(rx_too_many_pieces)
{
	begin();
	for (int i = 0; i < 19; i++)
		next_rx()->flags = NETRXF_more_data;
	broken("sent a frame in too many pieces");
	all_returned();
}
END_TEST

static void extra(uint8_t type, uint8_t flags)
{
	struct netif_extra_info info = {.type = type, .flags = flags};

	info.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	info.u.gso.size = 1000;
	memcpy(next_rx(), &info, sizeof info);
}

START_TEST(rx_extra_of_no_kind)
{
	begin();
	next_rx()->flags = NETRXF_extra_info;
	extra(XEN_NETIF_EXTRA_TYPE_MAX, 0);
	broken("sent extra information of no kind");
	all_returned();
}
END_TEST

START_TEST(rx_extra_without_end)
{
	begin();
	next_rx()->flags = NETRXF_extra_info;
	for (int i = 0; i < 200; i++)
		extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE);
	broken("sent extra information of no kind");
	all_returned();
}
END_TEST

/* What is dropped, and no breach: a backend may give up on a frame. */
START_TEST(rx_gives_up)
{
	begin();
	next_rx()->status = NETIF_RSP_ERROR;
	next_rx()->flags = NETRXF_more_data;
	next_rx()->status = NETIF_RSP_DROPPED;
	next_rx()->flags = NETRXF_csum_blank; /* of what is no IP packet */
	next_rx()->flags = NETRXF_extra_info;
	extra(XEN_NETIF_EXTRA_TYPE_GSO, 0); /* of what is not blank */
	raise_all();
	check_log("");
	ck_assert_uint_eq(app.n_got, 0);
	ck_assert_uint_eq(app.net->counters->rx_dropped_invalid, 4);
	next_rx();
	raise_all();
	ck_assert_uint_eq(app.n_got, 1);
	all_returned();
}
END_TEST

/* A frame of which the rest never comes keeps nobody busy. */
START_TEST(rx_unfinished)
{
	begin();
	next_rx()->flags = NETRXF_more_data;
	raise_all();
	check_log("");
	ck_assert_uint_eq(app.n_got, 0);
	next_rx();
	raise_all();
	ck_assert_uint_eq(app.n_got, 1);
	ck_assert_uint_eq(mirage_packet_frame_bytes(app.got[0]), 120);
	all_returned();
}
END_TEST

START_TEST(rx_page_held)
{
	uint32_t reference;

	begin();
	reference = RING_GET_REQUEST(&queue->rx, queue->rx.req_cons)->gref;
	ck_assert_ptr_nonnull(fake_map(reference, true));
	next_rx();
	broken("holds a page that it has filled");
	end();
	/* The page is lost, and nothing else. */
	ck_assert_uint_eq(xen_grants_in_use, 1);
	ck_assert_uint_eq(xen_grants_leaked, 1);
}
END_TEST

START_TEST(tx_index_jumps)
{
	begin();
	queue->tx.sring->rsp_prod += 1;
	broken("moved its index beyond what was sent");
	all_returned();
}
END_TEST

/** Sends a frame that stays on the ring, and answers something. */
static void answer(uint16_t id, int8_t status, unsigned n)
{
	queue->hold = true;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_int_eq(app_net_send(&app, 60, 2), 1);
	fake_settle();
	for (unsigned i = 0; i < n; i++) {
		netif_tx_response_t *to =
			RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_prod_pvt++);

		to->id = id;
		to->status = status;
	}
	RING_PUSH_RESPONSES(&queue->tx);
}

START_TEST(tx_id_never_sent)
{
	begin();
	answer(200, NETIF_RSP_OKAY, 1);
	broken("answered a frame that was not sent");
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 2);
	all_returned();
}
END_TEST

START_TEST(tx_id_past_the_ring)
{
	begin();
	answer(65535, NETIF_RSP_OKAY, 1);
	broken("answered a frame that was not sent");
	all_returned();
}
END_TEST

START_TEST(tx_id_twice)
{
	begin();
	answer(0, NETIF_RSP_OKAY, 2);
	broken("answered a frame that was not sent");
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 1);
	all_returned();
}
END_TEST

START_TEST(tx_answer_to_no_extra)
{
	begin();
	answer(0, NETIF_RSP_NULL, 1);
	broken("answered a frame that was not sent");
	all_returned();
}
END_TEST

START_TEST(tx_page_held)
{
	begin();
	queue->hold = true;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	fake_settle();
	ck_assert_ptr_nonnull(fake_map(
		RING_GET_REQUEST(&queue->tx, queue->tx.req_cons)->gref, false));
	answer(0, NETIF_RSP_OKAY, 1);
	broken("holds a page that it has answered for");
	end();
	ck_assert_uint_eq(xen_grants_leaked, 1);
}
END_TEST

/* A backend that closes and keeps the rings. */
START_TEST(rings_held)
{
	begin();
	back.keep_maps = true;
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(xen_grants_leaked, netback_offer > 1 ? 4 : 2);
	mirage_net_close(other.net);
}
END_TEST

/* One that does not close at all. */
START_TEST(does_not_close)
{
	begin();
	fake_stop(&back.player);
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 0);
	fake_advance(XENBUS_LEAVE_NS);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	check_log("test: warning: /local/domain/0/backend/vif/1/0: does not "
		  "let go of our pages\n");
	mirage_net_close(other.net);
}
END_TEST

#define STATE "/local/domain/0/backend/vif/1/0/state"

/* States in any order, with nonsense between them. */
START_TEST(states_out_of_order)
{
	static const char *const states[] = {
		"8", "3", "-1", "4", "1", "99999999999999999999", "2", "0", "7",
		"",  "6", "x",	"5", "4", "18446744073709551618", "5", "2",
	};

	begin();
	for (int round = 0; round < 20; round++)
		for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
			fake_set(STATE,
				 states[(i * 7 + (unsigned)round) %
					(sizeof states / sizeof *states)]);
			if (i % 3 == 0)
				fake_settle();
		}
	fake_settle();
	netback_close(&back);
	fake_settle();
	netback_return(&back);
	fake_settle();
	ck_assert(app.net->info->link_up);
	end();
	/* It had the rings mapped when it said that it had not. */
	ck_assert_uint_eq(xen_grants_in_use, xen_grants_leaked);
}
END_TEST

START_TEST(a_state_that_is_none)
{
	begin();
	fake_set(STATE, "18446744073709551616");
	fake_settle();
	check_log("test: warning: /local/domain/0/backend/vif/1/0: state "
		  "'18446744073709551616' makes no sense\n");
	ck_assert(app.net->info->link_up);
	fake_set(STATE, "4");
	all_returned();
}
END_TEST

/* A value that changes between two reads is read once. */
START_TEST(values_that_change)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&back, 0);
	fake_flip("device/vif/0/mac", "00:16:3e:00:00:01", "none");
	fake_flip("device/vif/0/mtu", "9000", "4294967296");
	fake_flip("/local/domain/0/backend/vif/1/0/feature-sg", "1", "-1");
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_uint_eq(app.net->info->mtu_bytes, 9000);
	ck_assert_uint_eq(app.net->info->mac[1], 0x16);
	mirage_net_close(app.net);
	fake_settle();
	check_all_returned();
}
END_TEST

/* Huge and negative numbers count as none. */
START_TEST(values_beyond_sense)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&back, 0);
	fake_set("device/vif/0/mtu", "18446744073709551615");
	fake_set("/local/domain/0/backend/vif/1/0/feature-sg", "-1");
	fake_set("/local/domain/0/backend/vif/1/0/feature-gso-tcpv4",
		 "18446744073709551617");
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_uint_eq(app.net->info->mtu_bytes, 1500);
	ck_assert_uint_eq(app.net->info->max_fragments, 1);
	ck_assert_uint_eq(app.net->info->caps & MIRAGE_NET_CAP_TX_GSO4, 0);
	mirage_net_close(app.net);
	fake_settle();
	check_all_returned();
}
END_TEST

START_TEST(comes_back_with_less)
{
	begin();
	netback_close(&back);
	fake_set("/local/domain/0/backend/vif/1/0/feature-sg", "0");
	fake_settle();
	check_log("test: error: network 'n': /local/domain/0/backend/vif/1/0: "
		  "offers less than before\n");
	ck_assert(!app.net->info->link_up);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	all_returned();
}
END_TEST

TCase *net_breach_cases(void)
{
	TCase *c = tcase_create("net breach");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, rx_index_jumps);
	tcase_add_test(c, rx_index_goes_back);
	tcase_add_test(c, rx_id_never_given);
	tcase_add_test(c, rx_id_twice);
	tcase_add_test(c, rx_id_past_the_ring);
	tcase_add_test(c, rx_length_past_the_page);
	tcase_add_test(c, rx_offset_past_the_page);
	tcase_add_test(c, rx_offset_far_past_the_page);
	tcase_add_test(c, rx_too_many_pieces);
	tcase_add_test(c, rx_extra_of_no_kind);
	tcase_add_test(c, rx_extra_without_end);
	tcase_add_test(c, rx_gives_up);
	tcase_add_test(c, rx_unfinished);
	tcase_add_test(c, rx_page_held);
	tcase_add_test(c, tx_index_jumps);
	tcase_add_test(c, tx_id_never_sent);
	tcase_add_test(c, tx_id_past_the_ring);
	tcase_add_test(c, tx_id_twice);
	tcase_add_test(c, tx_answer_to_no_extra);
	tcase_add_test(c, tx_page_held);
	tcase_add_test(c, rings_held);
	tcase_add_test(c, does_not_close);
	tcase_add_test(c, states_out_of_order);
	tcase_add_test(c, a_state_that_is_none);
	tcase_add_test(c, values_that_change);
	tcase_add_test(c, values_beyond_sense);
	tcase_add_test(c, comes_back_with_less);
	return c;
}
