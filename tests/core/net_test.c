/* SPDX-License-Identifier: ISC */
/* The front of networks, as far as the conformance suite, which goes through a real
 * backend, cannot see it. */
#include "fake.h"

static struct mirage_net *net;
static int stage, open_result = 1;
static unsigned n_events[16];

static void on_net_event(void *arg, uint32_t event)
{
	n_events[event]++;
	if (event == MIRAGE_EVENT_LINK)
		mirage_net_close(net);
}

static void on_net_open(void *arg, int result, struct mirage_net *opened)
{
	open_result = result;
	if (result < 0) {
		ck_assert_ptr_null(opened);
		return;
	}
	net = opened;
	mirage_net_on_event(net, on_net_event, NULL);
}

static int start_net(int argc, char *argv[])
{
	mirage_net_open(argc > 1 ? argv[1] : "service", 0, on_net_open, NULL);
	return 0;
}

static const struct {
	const char *name;
	int result;
	const char *log;
} names[] = {
	{"abcdefghijklmnopqrstuvwxyz-AZ_09", MIRAGE_EINVAL,
	 "test: error: network 'abcdefghijklmnopqrstuvwxyz-AZ_09': a device "
	 "name has 1 to 31 letters, digits, '-' or '_'\n"},
	{"", MIRAGE_EINVAL,
	 "test: error: network '': a device name has 1 to 31 letters, digits, "
	 "'-' or '_'\n"},
	{"a b", MIRAGE_EINVAL,
	 "test: error: network 'a b': a device name has 1 to 31 letters, "
	 "digits, '-' or '_'\n"},
	{"missing", MIRAGE_ENODEV,
	 "test: error: network 'missing': not there\n"},
	{"abcdefghijklmnopqrstuvwxyz-AZ_0", 0, ""},
};

START_TEST(a_name)
{
	ck_assert_int_eq(fake_run(start_net, names[_i].name, NULL), 0);
	ck_assert_int_eq(open_result, names[_i].result);
	ck_assert_str_eq(fake.log, names[_i].log);
}
END_TEST

static int start_twice(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open, NULL);
	mirage_net_open("service", 0, on_net_open, NULL);
	return 0;
}

START_TEST(a_name_twice)
{
	ck_assert_int_eq(fake_run(start_twice, "--net", "service=any:", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EBUSY);
	ck_assert_str_eq(fake.log, "test: error: network 'service' (any:): "
				   "already open; close it first\n");
}
END_TEST

START_TEST(a_shim_for_nobody)
{
	ck_assert_int_eq(fake_run(start_net, "--trace=servise", "missing",
				  "--fault=x=delay=1s", NULL),
			 0);
	ck_assert_str_eq(
		fake.log,
		"test: error: network 'missing': not there\n"
		"test: warning: --trace servise: no device of that name was "
		"opened\n"
		"test: warning: --fault x: no device of that name was "
		"opened\n");
}
END_TEST

static bool raise_link(void)
{
	if (stage++ > 0)
		return false;
	mirage_core_net_event(&fake.net, MIRAGE_EVENT_LINK);
	return true;
}

static void release_all(void *arg, struct mirage_packet *const packets[],
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
}

static void on_net_open_receive(void *arg, int result,
				struct mirage_net *opened)
{
	on_net_open(arg, result, opened);
	mirage_net_on_receive(opened, release_all, NULL);
}

static int start_net_receive(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open_receive, NULL);
	return 0;
}

START_TEST(an_event_raised_by_a_handler_is_not_lost)
{
	fake.on_idle = raise_link;
	/* The handler closes, the backend answers at once, inside of it. */
	ck_assert_int_eq(fake_run(start_net_receive, NULL), 0);
	ck_assert_uint_eq(n_events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(n_events[MIRAGE_EVENT_LINK], 1);
	ck_assert_uint_eq(fake.nets_closed, 1);
}
END_TEST

static bool drive_writable(void)
{
	struct mirage_packet *p[2];

	switch (stage++) {
	case 0:
		/* Nobody fell short yet: nobody is told. */
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		return true;
	case 1:
		ck_assert_uint_eq(n_events[MIRAGE_EVENT_WRITABLE], 0);
		ck_assert_int_eq(mirage_net_reserve(net, 60, p, 2), 2);
		mirage_packet_append(p[0], 60);
		mirage_packet_append(p[1], 60);
		fake.tx_room = 1;
		ck_assert_int_eq(mirage_net_send(net, p, 2), 1);
		ck_assert_uint_eq(net->counters->tx_frames, 1);
		ck_assert_uint_eq(net->counters->tx_bytes, 60);
		ck_assert_uint_eq(net->counters->tx_refused, 0);
		mirage_packet_release(p[1]);
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		return true;
	default:
		ck_assert_uint_eq(n_events[MIRAGE_EVENT_WRITABLE], 1);
		mirage_exit(0);
		return true;
	}
}

START_TEST(writable_follows_a_shortage)
{
	fake.on_idle = drive_writable;
	ck_assert_int_eq(fake_run(start_net_receive, NULL), 0);
	ck_assert_int_eq(stage, 3);
}
END_TEST

static bool flood(void)
{
	for (int i = 0; stage == 0 && i < 10000; i++)
		ck_assert(fake_net_receive(1, 60));
	return stage++ == 0;
}

static void on_net_open_flood(void *arg, int result, struct mirage_net *opened)
{
	net = opened;
	for (int i = 0; i < 10000; i++)
		ck_assert(fake_net_receive(1, 60));
}

static int start_flood(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open_flood, NULL);
	return 0;
}

START_TEST(ten_thousand_frames_for_nobody)
{
	ck_assert_int_eq(fake_run(start_flood, NULL), 0);
	ck_assert_uint_eq(fake.net_counters.rx_dropped_nobody, 10000);
	ck_assert_uint_eq(fake.net_counters.rx_frames, 0);
	ck_assert_uint_eq(fake.pool.n_out, 0);
}
END_TEST

START_TEST(ten_thousand_frames_for_somebody)
{
	fake.on_idle = flood;
	ck_assert_int_eq(fake_run(start_net_receive, NULL), FAKE_DEADLOCK);
	ck_assert_uint_eq(fake.net_counters.rx_frames, 10000);
	ck_assert_uint_eq(fake.net_counters.rx_bytes, 600000);
	ck_assert_uint_eq(fake.pool.n_out, 0);
}
END_TEST

TCase *core_case_nets(void)
{
	TCase *tcase = tcase_create("networks");

	tcase_add_loop_test(tcase, a_name, 0, sizeof names / sizeof *names);
	tcase_add_test(tcase, a_name_twice);
	tcase_add_test(tcase, a_shim_for_nobody);
	tcase_add_test(tcase, an_event_raised_by_a_handler_is_not_lost);
	tcase_add_test(tcase, writable_follows_a_shortage);
	tcase_add_test(tcase, ten_thousand_frames_for_nobody);
	tcase_add_test(tcase, ten_thousand_frames_for_somebody);
	return tcase;
}
