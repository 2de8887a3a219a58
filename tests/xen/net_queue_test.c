/* SPDX-License-Identifier: ISC */
/* netfront with a backend that offers several queues. */
#include "net_fixture.h"

#define FRONT "device/vif/0/"
#define BACK "/local/domain/0/backend/vif/1/0/"

static struct xen_net *net(void)
{
	return (struct xen_net *)app.net;
}

/** Sends one frame on each queue, both ways. */
static void all_queues_work(unsigned n_queues)
{
	struct back_frame frame = frame_of(200);
	unsigned before = peer.n_frames;

	ck_assert_uint_eq(net()->n_queues, n_queues);
	ck_assert_uint_eq(peer.n_queues, n_queues);
	for (unsigned i = 0; i < n_queues; i++) {
		peer.send_on = i;
		mirage_packet_release(arrives(&frame, XEN_PAGE_BYTES, 0));
		app.n_got--;
		app_net_choose(&app, i);
		ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
		fake_settle();
		ck_assert_uint_eq(peer.n_frames, before + i + 1);
		ck_assert_uint_eq(peer.frames[before + i].queue, i);
	}
	peer.send_on = 0;
	free(frame.bytes);
}

/* --------------------------------------------------------------- Choosing -- */

START_TEST(tells_of_two_queues)
{
	static const char *const keys[] = {"tx-ring-ref", "rx-ring-ref",
					   "event-channel-tx",
					   "event-channel-rx"};

	begin_with(16);
	ck_assert_int_eq(fake_get_number(FRONT "multi-queue-num-queues"), 2);
	for (unsigned i = 0; i < 4; i++) {
		char path[3][64];

		snprintf(path[0], 64, FRONT "queue-0/%s", keys[i]);
		snprintf(path[1], 64, FRONT "queue-1/%s", keys[i]);
		snprintf(path[2], 64, FRONT "%s", keys[i]);
		ck_assert_int_gt(fake_get_number(path[0]), 0);
		ck_assert_int_gt(fake_get_number(path[1]), 0);
		ck_assert_int_ne(fake_get_number(path[0]),
				 fake_get_number(path[1]));
		ck_assert_ptr_null(fake_get(path[2]));
	}
	ck_assert_ptr_null(fake_get(FRONT "queue-2/tx-ring-ref"));
	ck_assert_uint_eq(fake_ports_open(), 5);
	ck_assert_uint_eq(app.net->info->pool_frames, 512);
	all_queues_work(2);
	end();
}
END_TEST

START_TEST(shares_event_channels)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	netback_offer = 2;
	fake_start(arguments);
	netback_start(&peer, 0);
	fake_set(BACK "feature-split-event-channels", "0");
	app_net_open(&app, "n", 0);
	ck_assert_int_gt(fake_get_number(FRONT "queue-0/event-channel"), 0);
	ck_assert_ptr_null(fake_get(FRONT "queue-1/event-channel-tx"));
	ck_assert_ptr_null(fake_get(FRONT "event-channel"));
	ck_assert_uint_eq(fake_ports_open(), 3);
	all_queues_work(2);
	end();
}
END_TEST

/** With one queue the keys are those from before there were several. */
static void tells_of_one(void)
{
	ck_assert_int_gt(fake_get_number(FRONT "tx-ring-ref"), 0);
	ck_assert_int_gt(fake_get_number(FRONT "rx-ring-ref"), 0);
	ck_assert_int_gt(fake_get_number(FRONT "event-channel-tx"), 0);
	ck_assert_int_gt(fake_get_number(FRONT "event-channel-rx"), 0);
	ck_assert_ptr_null(fake_get(FRONT "queue-0/tx-ring-ref"));
	ck_assert_uint_eq(fake_ports_open(), 3);
	ck_assert_uint_eq(app.net->info->pool_frames, 256);
	all_queues_work(1);
}

START_TEST(tells_of_one_queue)
{
	begin_with(0);
	ck_assert_ptr_null(fake_get(FRONT "multi-queue-num-queues"));
	tells_of_one();
	end();
}
END_TEST

START_TEST(uses_one_where_the_offer_is_none)
{
	static const char *const offers[] = {
		"0", "1", "-1", "4294967296", "18446744073709551618", "2x", "",
	};
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	for (unsigned i = 0; i < sizeof offers / sizeof *offers; i++) {
		fake_set(BACK "multi-queue-max-queues", offers[i]);
		app_net_open(&app, "n", 0);
		ck_assert_int_eq(
			fake_get_number(FRONT "multi-queue-num-queues"), 1);
		tells_of_one();
		mirage_net_close(app.net);
		fake_settle();
	}
	netback_forget_frames(&peer);
	check_all_returned();
}
END_TEST

/* A number that grows after it was read is not believed. */
START_TEST(reads_the_offer_once)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_flip(BACK "multi-queue-max-queues", "1", "2");
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_uint_eq(net()->n_queues, 1);
	mirage_net_close(app.net);
	fake_settle();
	check_all_returned();
}
END_TEST

START_TEST(uses_one_where_memory_is_short)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	netback_offer = 2;
	fake_start(arguments);
	netback_start(&peer, 0);
	/* The packets of two take 768 and 256 pages, of one 512 and 128. */
	fake.pages_left = 1000;
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	fake.pages_left = UINT32_MAX;
	tells_of_one();
	end();
}
END_TEST

/* --------------------------------------------------------------- Receiving -- */

START_TEST(receives_on_all_queues)
{
	struct back_frame frames[2];

	begin_with(2);
	frames[0] = frame_of(100);
	frames[1] = frame_of(1514);
	for (unsigned i = 0; i < 600; i++) {
		peer.send_on = i % 2;
		ck_assert(netback_send(&peer, &frames[i % 2], 1000, 0));
		if (i % 3 != 0)
			continue;
		for (peer.send_on = 0; peer.send_on < 2; peer.send_on++)
			netback_push(&peer);
		fake_settle();
		app_net_release(&app);
	}
	for (peer.send_on = 0; peer.send_on < 2; peer.send_on++)
		netback_push(&peer);
	fake_settle();
	ck_assert_uint_eq(app.net->counters->rx_frames, 600);
	ck_assert_uint_eq(app.net->counters->rx_bytes, 300 * 1614);
	free(frames[0].bytes);
	free(frames[1].bytes);
	end();
}
END_TEST

/* What the application holds leaves every ring full. */
START_TEST(keeps_all_rings_full)
{
	struct back_frame frame;

	begin_with(2);
	frame = frame_of(100);
	for (unsigned i = 0; i < 700; i++) {
		peer.send_on = i % 2;
		ck_assert(netback_send(&peer, &frame, 4096, 0));
		netback_push(&peer);
		fake_settle();
	}
	ck_assert_uint_eq(app.n_got, XEN_NET_RX_SPARE);
	ck_assert_uint_eq(app.net->counters->rx_dropped_memory,
			  700 - XEN_NET_RX_SPARE);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(peer.queues[i].rx.sring->req_prod,
				  XEN_NET_RX_SLOTS + 350);
	free(frame.bytes);
	end();
}
END_TEST

/* Pages that could not be granted for either ring are when they can; until then
 * nobody is kept busy. */
START_TEST(fills_both_rings_later)
{
	struct back_frame frame;

	begin_with(2);
	frame = frame_of(100);
	fake.grants_max = xen_grants_in_use - 2;
	for (unsigned i = 0; i < 2; i++) {
		peer.send_on = i;
		ck_assert(netback_send(&peer, &frame, 4096, 0));
		netback_push(&peer);
	}
	fake_settle();
	ck_assert_uint_eq(app.n_got, 2);
	fake.grants_max = FAKE_GRANTS;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(peer.queues[i].rx.sring->req_prod, 256);
	mirage_packet_release(app.got[--app.n_got]);
	fake_settle();
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(peer.queues[i].rx.sring->req_prod, 257);
	free(frame.bytes);
	end();
}
END_TEST

/* ----------------------------------------------------------------- Sending -- */

/* One queue is full: frames for the other go out, and WRITABLE comes when there is
 * room where it was lacking. */
START_TEST(is_writable_by_queue)
{
	int n = 0;

	begin_with(2);
	peer.queues[0].hold = true;
	app_net_choose(&app, 0);
	while (app_net_send(&app, 60, 1) == 1)
		n++;
	ck_assert_int_eq(n, 256);
	app_net_choose(&app, 1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(app_net_send(&app, 60, 2), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 100);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 0);
	peer.queues[0].hold = false;
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 356);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 1);
	app_net_choose(&app, 0);
	ck_assert_int_eq(app_net_send(&app, 60, 3), 1);
	end();
}
END_TEST

/* Both are full, and both say so when they are not. */
START_TEST(is_writable_on_both_queues)
{
	begin_with(2);
	for (unsigned i = 0; i < 2; i++) {
		peer.queues[i].hold = true;
		app_net_choose(&app, i);
		for (unsigned n = 0; n < 255; n++)
			ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct mirage_packet *p[2];

		ck_assert_int_eq(mirage_net_reserve(app.net, 60, p, 1), 1);
		memset(mirage_packet_append(p[0], 60), 0, 60);
		app_net_choose(&app, i);
		make_flow(p[0], app.port);
		p[1] = mirage_packet_retain(p[0]);
		ck_assert_int_eq(mirage_net_send(app.net, p, 2), 1);
		mirage_packet_release(p[1]);
	}
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 0);
	peer.queues[1].hold = false;
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 1);
	app_net_choose(&app, 0);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 0);
	peer.queues[0].hold = false;
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 2);
	ck_assert_uint_eq(peer.n_frames, 512);
	netback_forget_frames(&peer);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	end();
}
END_TEST

/* Grants are everybody's: they come back on any queue. */
START_TEST(waits_for_grants_of_any_queue)
{
	begin_with(2);
	fake.grants_max = xen_grants_in_use + 1;
	app_net_choose(&app, 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	app_net_choose(&app, 0);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 0);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 2);
	fake.grants_max = FAKE_GRANTS;
	end();
}
END_TEST

/* A notification for each queue, however many frames there are. */
START_TEST(sends_in_batches_by_queue)
{
	uint64_t before;

	begin_with(2);
	before = fake.notified;
	for (unsigned i = 0; i < 200; i++) {
		app.port = (uint16_t)(i + 1);
		ck_assert_int_eq(app_net_send(&app, 1514, 1), 1);
	}
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 200);
	ck_assert_uint_eq(fake.notified - before, 2);
	end();
}
END_TEST

/* -------------------------------------------------------------------- Life -- */

START_TEST(closes_when_the_last_queue_is_empty)
{
	begin_with(2);
	peer.queues[1].hold = true;
	for (unsigned i = 0; i < 2; i++) {
		app_net_choose(&app, i);
		ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	}
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 0);
	peer.queues[1].hold = false;
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 2);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 0);
	netback_forget_frames(&peer);
	check_all_returned();
}
END_TEST

START_TEST(closes_although_a_queue_does_not_answer)
{
	begin_with(2);
	peer.queues[1].hold = true;
	app_net_choose(&app, 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 0);
	fake_advance(2 * XENBUS_LEAVE_NS);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 1);
	check_all_returned();
}
END_TEST

/** The backend goes, and comes back with another offer. */
static void comes_back_with(const char *offer, unsigned n_queues)
{
	unsigned back = app.events[MIRAGE_EVENT_BACK];
	uint64_t dropped = app.net->counters->tx_dropped_error;

	for (unsigned i = 0; i < net()->n_queues; i++) {
		peer.queues[i].hold = true;
		app_net_choose(&app, i);
		ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	}
	dropped += net()->n_queues;
	fake_set(BACK "multi-queue-max-queues", offer);
	netback_close(&peer);
	fake_settle();
	peer.queues[0].hold = peer.queues[1].hold = false;
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], back + 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, dropped);
	ck_assert(app.net->info->link_up);
	all_queues_work(n_queues);
}

START_TEST(comes_back_with_other_queues)
{
	begin_with(2);
	comes_back_with("1", 1);
	comes_back_with("2", 2);
	comes_back_with(NULL, 1);
	comes_back_with("8", 2);
	ck_assert_uint_eq(app.net->info->pool_frames, 512);
	end();
}
END_TEST

/* There are packets for as many queues as there were at first. */
START_TEST(comes_back_with_no_more_queues)
{
	begin_with(1);
	comes_back_with("2", 1);
	ck_assert_int_eq(fake_get_number(FRONT "multi-queue-num-queues"), 1);
	end();
}
END_TEST

/* A breach on one queue ends all of them; what is on them is counted. */
START_TEST(a_breach_ends_all_queues)
{
	begin_with(2);
	for (unsigned i = 0; i < 2; i++) {
		peer.queues[i].hold = true;
		app_net_choose(&app, i);
		ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	}
	fake_settle();
	peer.queues[1].rx.sring->rsp_prod += 1000;
	fake_raise(peer.queues[1].rx_port);
	fake_settle();
	check_log("test: error: network 'n': its backend moved its index "
		  "beyond the pages it has; the network is shut down\n");
	ck_assert(!app.net->info->link_up);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 2);
	peer.queues[0].rx.sring->rsp_prod += 1000;
	fake_raise(peer.queues[0].rx_port);
	fake_settle();
	check_log("");
	ck_assert_uint_eq(net()->breaches, 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_link, 1);
	end();
}
END_TEST

TCase *net_queue_cases(void)
{
	TCase *c = tcase_create("net queues");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, tells_of_two_queues);
	tcase_add_test(c, shares_event_channels);
	tcase_add_test(c, tells_of_one_queue);
	tcase_add_test(c, uses_one_where_the_offer_is_none);
	tcase_add_test(c, reads_the_offer_once);
	tcase_add_test(c, uses_one_where_memory_is_short);
	tcase_add_test(c, receives_on_all_queues);
	tcase_add_test(c, keeps_all_rings_full);
	tcase_add_test(c, fills_both_rings_later);
	tcase_add_test(c, is_writable_by_queue);
	tcase_add_test(c, is_writable_on_both_queues);
	tcase_add_test(c, waits_for_grants_of_any_queue);
	tcase_add_test(c, sends_in_batches_by_queue);
	tcase_add_test(c, closes_when_the_last_queue_is_empty);
	tcase_add_test(c, closes_although_a_queue_does_not_answer);
	tcase_add_test(c, comes_back_with_other_queues);
	tcase_add_test(c, comes_back_with_no_more_queues);
	tcase_add_test(c, a_breach_ends_all_queues);
	return c;
}
