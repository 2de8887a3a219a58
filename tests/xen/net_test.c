/* SPDX-License-Identifier: ISC */
/* netfront with a backend that keeps to the protocol. */
#include "net_fixture.h"

START_TEST(opens_and_closes)
{
	begin(0);
	ck_assert_uint_eq(app.net->info->mac[5], 1);
	ck_assert_uint_eq(app.net->info->mtu_bytes, 1500);
	ck_assert(app.net->info->link_up);
	ck_assert_int_eq(fake_get_number("device/vif/0/request-rx-copy"), 1);
	ck_assert_int_eq(
		fake_get_number("device/vif/0/feature-no-csum-offload"), 1);
	end();
}
END_TEST

START_TEST(opens_again)
{
	begin(0);
	for (int i = 0; i < 3; i++) {
		mirage_net_close(app.net);
		fake_settle();
		ck_assert_uint_eq(xen_grants_in_use, 0);
		app_net_open(&app, "n", 0);
		ck_assert_int_eq(app.result, 0);
		ck_assert_int_eq(app_net_send(&app, 60, 5), 1);
		fake_settle();
		ck_assert_uint_eq(app.net->counters->tx_frames, 1);
	}
	ck_assert_uint_eq(peer.n_frames, 3);
	end();
}
END_TEST

START_TEST(one_event_channel)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_set("/local/domain/0/backend/vif/1/0/feature-split-event-channels",
		 NULL);
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_uint_eq(fake_ports_open(), 1 + peer.n_queues);
	ck_assert_int_eq(app_net_send(&app, 60, 5), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	end();
}
END_TEST

START_TEST(holds_a_frame_that_outlives_its_network)
{
	struct mirage_packet *held;
	struct back_frame frame;

	begin(0);
	frame = frame_of(1000);
	held = arrives(&frame, 4096, 0);
	mirage_net_close(app.net);
	fake_settle();
	app_net_open(&app, "n", 0);
	check_same(held, &frame);
	mirage_packet_release(held);
	end();
	free(frame.bytes);
}
END_TEST

START_TEST(sends_what_was_taken_before_the_close)
{
	begin(0);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_int_eq(app_net_send(&app, 60, 2), 1);
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(peer.n_frames, 2);
	netback_forget_frames(&peer);
	check_all_returned();
}
END_TEST

START_TEST(closes_although_nobody_answers)
{
	begin(0);
	peer.queues[0].hold = true;
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

START_TEST(follows_the_carrier)
{
	const char *carrier = "/local/domain/0/backend/vif/1/0/carrier";

	begin(0);
	fake_set(carrier, "0");
	fake_settle();
	ck_assert(!app.net->info->link_up);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LINK], 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_link, 1);
	fake_set(carrier, "1");
	fake_settle();
	ck_assert(app.net->info->link_up);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LINK], 2);
	end();
}
END_TEST

START_TEST(comes_back)
{
	struct back_frame frame;

	begin(0);
	peer.queues[0].hold = true;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	netback_close(&peer);
	fake_settle();
	ck_assert_uint_ge(app.events[MIRAGE_EVENT_LINK], 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 1);
	ck_assert_int_eq(
		fake_get_number("/local/domain/0/backend/vif/1/0/state"),
		XenbusStateConnected); /* it was woken */
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	ck_assert(app.net->info->link_up);
	peer.queues[0].hold = false;
	ck_assert_int_eq(app_net_send(&app, 60, 2), 1);
	frame = frame_of(60);
	arrives(&frame, 4096, 0);
	ck_assert_uint_eq(peer.n_frames, 1);
	free(frame.bytes);
	end();
}
END_TEST

/* A backend may send before we know that it is connected. */
START_TEST(hears_what_came_early)
{
	struct back_frame frame;

	begin(0);
	frame = frame_of(60);
	peer.greeting = &frame;
	netback_close(&peer);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	ck_assert_uint_eq(app.n_got, peer.n_queues);
	check_same(app.got[0], &frame);
	free(frame.bytes);
	end();
}
END_TEST

/* What was made for a backend that then closed is used for it when it begins anew. */
START_TEST(opens_at_the_second_attempt)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_stop(&peer.player);
	app_net_open(&app, "n", 0);
	ck_assert_int_eq(fake_get_number("device/vif/0/state"),
			 XenbusStateConnected);
	fake_set("/local/domain/0/backend/vif/1/0/state", "6");
	fake_settle();
	ck_assert_int_eq(app.result, 1);
	fake_play(&peer.player);
	fake_settle();
	ck_assert_int_eq(app.result, 0);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	end();
}
END_TEST

/* A backend that is not online is left alone, until it comes of itself. */
START_TEST(waits_for_a_backend_that_went)
{
	begin(0);
	fake_set("/local/domain/0/backend/vif/1/0/online", "0");
	netback_close(&peer);
	fake_settle();
	fake_advance(100000000000);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 0);
	ck_assert_int_eq(fake_get_number("device/vif/0/state"),
			 XenbusStateClosed);
	netback_return(&peer);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	end();
}
END_TEST

START_TEST(two_at_once)
{
	struct netback other;
	struct net_app second;

	begin(0);
	netback_start(&other, 1);
	app_net_open(&second, "m", 0);
	ck_assert_int_eq(second.result, 0);
	ck_assert_uint_eq(second.net->info->mac[5], 2);
	ck_assert_int_eq(app_net_send(&second, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(other.n_frames, 1);
	ck_assert_uint_eq(peer.n_frames, 0);
	mirage_net_close(second.net);
	netback_forget_frames(&other);
	end();
}
END_TEST

static void refused(const char *path, const char *value, int error,
		    const char *log)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_set(path, value);
	app_net_open(&app, "n", 0);
	fake_advance(2 * XENBUS_OPEN_NS);
	ck_assert_int_eq(app.result, error);
	check_log(log);
	check_all_returned();
}

START_TEST(refuses_without_a_mac)
{
	refused("device/vif/0/mac", "00:16:3e:00:00:0x", MIRAGE_EIO,
		"test: error: network 'n' (vif:0): "
		"/local/domain/0/backend/vif/1/0: its mac is missing or makes "
		"no sense\n");
}
END_TEST

START_TEST(refuses_what_is_not_there)
{
	refused("device/vif/0", NULL, MIRAGE_ENODEV,
		"test: error: network 'n' (vif:0): this guest has no "
		"device/vif/0\n");
}
END_TEST

START_TEST(refuses_when_nobody_answers)
{
	refused("/local/domain/0/backend/vif/1/0/state", "1", MIRAGE_ETIMEDOUT,
		"test: error: network 'n' (vif:0): "
		"/local/domain/0/backend/vif/1/0: does not answer; is its "
		"driver running?\n");
}
END_TEST

START_TEST(refuses_the_same_twice)
{
	const char *arguments[] = {"--net", "n=vif:0", "--net", "m=vif:0",
				   NULL};
	struct net_app second;

	fake_start(arguments);
	netback_start(&peer, 0);
	app_net_open(&app, "n", 0);
	app_net_open(&second, "m", 0);
	ck_assert_int_eq(app.result, 0);
	ck_assert_int_eq(second.result, MIRAGE_EBUSY);
	check_log("test: error: network 'm' (vif:0): device/vif/0 is open "
		  "under another name\n");
	end();
}
END_TEST

START_TEST(without_grants)
{
	begin(0);
	fake.grants_max = xen_grants_in_use;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 1);
	fake.grants_max++;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 0);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 1);
	fake.grants_max = FAKE_GRANTS;
	end();
}
END_TEST

START_TEST(without_memory)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	for (uint32_t pages = 0; pages < 660; pages += 43) {
		if (pages == 0)
			fake_start(arguments);
		netback_start(&peer, 0);
		fake.pages_left = pages;
		app_net_open(&app, "n", 0);
		fake_settle();
		if (app.result == 0)
			mirage_net_close(app.net);
		else
			ck_assert_int_lt(app.result, 0);
		fake_settle();
		fake.pages_left = UINT32_MAX;
		fake_stop(&peer.player);
		check_all_returned();
	}
}
END_TEST

TCase *net_cases(void)
{
	TCase *c = tcase_create("net");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, opens_and_closes);
	tcase_add_test(c, opens_again);
	tcase_add_test(c, one_event_channel);
	tcase_add_test(c, holds_a_frame_that_outlives_its_network);
	tcase_add_test(c, sends_what_was_taken_before_the_close);
	tcase_add_test(c, closes_although_nobody_answers);
	tcase_add_test(c, follows_the_carrier);
	tcase_add_test(c, comes_back);
	tcase_add_test(c, hears_what_came_early);
	tcase_add_test(c, opens_at_the_second_attempt);
	tcase_add_test(c, waits_for_a_backend_that_went);
	tcase_add_test(c, two_at_once);
	tcase_add_test(c, refuses_without_a_mac);
	tcase_add_test(c, refuses_what_is_not_there);
	tcase_add_test(c, refuses_when_nobody_answers);
	tcase_add_test(c, refuses_the_same_twice);
	tcase_add_test(c, without_grants);
	tcase_add_test(c, without_memory);
	return c;
}
