/* SPDX-License-Identifier: ISC */
/* The life of a program: its command line and its end. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* --------------------------------------------------------------- Options -- */

static const char *const *line; /* what to run with, ending in NULL */

static int start_print(int argc, char *argv[])
{
	const char *seed = mirage_core_option("seed");

	ck_assert_ptr_null(argv[argc]);
	for (int i = 0; i < argc; i++)
		printf("[%s]", argv[i]);
	printf(" seed=%s quick=%d\n", seed != NULL ? seed : "none",
	       mirage_core_option("quick") != NULL);
	return 0;
}

static void run_line(void)
{
	static char program[] = "/bin/test";
	char *argv[16] = {program};
	int argc = 1;
	int status;

	for (; line[argc - 1] != NULL; argc++)
		argv[argc] = (char *)line[argc - 1];
	argv[argc] = NULL;
	status = mirage_run(argc, argv, start_print);
	fflush(NULL);
	_Exit(status);
}

static const struct {
	const char *arguments[5];
	int status;
	const char *output;
} lines[] = {
	{{NULL}, 0, "[/bin/test] seed=none quick=0\n"},
	{{"a", "--unknown", "b"},
	 0,
	 "[/bin/test][a][--unknown][b] seed=none quick=0\n"},
	{{"--seed", "7", "a", "--quick"}, 0, "[/bin/test][a] seed=7 quick=1\n"},
	{{"--seed=8", "--", "--seed", "9"},
	 0,
	 "[/bin/test][--seed][9] seed=8 quick=0\n"},
	{{"--net", "service=tap:t0", "--net=other=tap:t1", "x"},
	 0,
	 "[/bin/test][x] seed=none quick=0\n"},
	{{"--version"}, 0, "test (Mirage for C 0.1.0, fake backend)\n"},
	{{"--net"},
	 2,
	 "test: --net: expected NAME=URI, got 'nothing'; see --help\n"},
	{{"--net", "service"},
	 2,
	 "test: --net: expected NAME=URI or host, got 'service'; see "
	 "--help\n"},
	{{"--block", "=file:x"},
	 2,
	 "test: --block: expected NAME=URI, got '=file:x'; see --help\n"},
	{{"--block", "a=file:x", "--block", "a=file:y"},
	 2,
	 "test: --block: 'a' is given twice\n"},
	{{"--quick=1"},
	 2,
	 "test: --quick: expected no value, got '1'; see --help\n"},
	{{"--seed"},
	 2,
	 "test: --seed: expected NUMBER, got 'nothing'; see --help\n"},
	{{"--log", "loud"},
	 2,
	 "test: --log: expected error, warn, info or debug, got 'loud'; see "
	 "--help\n"},
	{{"--fault", "disk"},
	 2,
	 "test: --fault: expected NAME=VALUE, got 'disk'; see --help\n"},
	{{"--fault", "disk=fail=x"},
	 2,
	 "test: --fault: 'fail=x': expected fail=N or fail=N:ERROR with N from "
	 "1 and ERROR such as EIO; see --help\n"},
	{{"--trace", ""},
	 2,
	 "test: --trace: expected NAME=VALUE, got ''; see --help\n"},
};

START_TEST(a_command_line)
{
	int status;

	line = lines[_i].arguments;
	status = fake_child(run_line);
	ck_assert_str_eq(fake_child_output, lines[_i].output);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), lines[_i].status);
}
END_TEST

START_TEST(the_help)
{
	static const char *const help[] = {"--help", NULL};
	static const char *const expected[] = {
		"usage: test [OPTION...] [--] [ARGUMENT...]",
		"--net NAME=URI ",
		"--fault NAME=PLAN ",
		"--seed NUMBER ",
		"a flag",
		"\nAny URI will do.\n",
	};

	line = help;
	ck_assert_int_eq(fake_child(run_line), 0);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		ck_assert_msg(strstr(fake_child_output, expected[i]) != NULL,
			      "'%s' is not in:\n%s", expected[i],
			      fake_child_output);
}
END_TEST

static int start_log(int argc, char *argv[])
{
	mirage_log(MIRAGE_LOG_WARN, "warn");
	mirage_log(MIRAGE_LOG_INFO, "info");
	mirage_log(MIRAGE_LOG_DEBUG, "debug");
	return 0;
}

START_TEST(more_log)
{
	ck_assert_int_eq(fake_run(start_log, "-v", NULL), 0);
	ck_assert_str_eq(fake.log, "test: warning: warn\ntest: info\n");
}
END_TEST

TCase *core_case_options(void)
{
	TCase *tcase = tcase_create("options");

	tcase_add_loop_test(tcase, a_command_line, 0,
			    sizeof lines / sizeof *lines);
	tcase_add_test(tcase, the_help);
	tcase_add_test(tcase, more_log);
	return tcase;
}

/* ------------------------------------------------------------ The end -- */

static struct mirage_timer timer;
static int result, calls;

static int start_with_result(int argc, char *argv[])
{
	return result;
}

static const struct {
	int result, status;
	const char *log;
} results[] = {
	{0, 0, ""},
	{3, 3, ""},
	{MIRAGE_ENODEV, 1, "test: error: no such device\n"},
};

START_TEST(the_result_of_start)
{
	result = results[_i].result;
	ck_assert_int_eq(fake_run(start_with_result, NULL), results[_i].status);
	ck_assert_str_eq(fake.log, results[_i].log);
}
END_TEST

static void on_time(void *arg)
{
	calls++;
}

static int start_timer(int argc, char *argv[])
{
	mirage_timer_start(&timer, 12345, on_time, NULL);
	return 0;
}

START_TEST(an_armed_timer_keeps_it_running)
{
	ck_assert_int_eq(fake_run(start_timer, NULL), 0);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(fake.now_ns, 12345);
}
END_TEST

static int start_far_timer(int argc, char *argv[])
{
	mirage_timer_start(&timer, UINT64_MAX, on_time, NULL);
	return 0;
}

START_TEST(a_timer_of_the_farthest_future_keeps_it_running)
{
	ck_assert_int_eq(fake_run(start_far_timer, NULL), FAKE_DEADLOCK);
	ck_assert_int_eq(calls, 0);
}
END_TEST

static int start_exit(int argc, char *argv[])
{
	mirage_timer_start(&timer, 0, on_time, NULL);
	mirage_exit(5);
	mirage_exit(6);
	return 7;
}

START_TEST(no_callback_after_exit)
{
	ck_assert_int_eq(fake_run(start_exit, NULL), 5);
	ck_assert_int_eq(calls, 0);
}
END_TEST

static int start_exit_wrong(int argc, char *argv[])
{
	mirage_exit(128);
	return 0;
}

static void run_exit_wrong(void)
{
	fake_run(start_exit_wrong, NULL);
}

START_TEST(a_status_that_is_none)
{
	fake_must_abort(run_exit_wrong, "broken contract [APP-05]: an exit "
					"status outside of 0 to 127");
}
END_TEST

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	mirage_packet_release(packets[0]);
	mirage_net_on_receive(arg, NULL, NULL);
}

static void on_open(void *arg, int error, struct mirage_net *net)
{
	ck_assert_int_eq(error, 0);
	if (arg != NULL)
		mirage_net_on_receive(net, on_receive, net);
}

static int start_network(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_open, argc > 1 ? argv : NULL);
	return 0;
}

START_TEST(an_idle_network_does_not_keep_it_running)
{
	ck_assert_int_eq(fake_run(start_network, NULL), 0);
}
END_TEST

static bool receive_late(void)
{
	ck_assert(mirage_core_waiting());
	return calls++ < 1 && fake_net_receive(1, 60);
}

START_TEST(a_receiver_keeps_it_running)
{
	fake.on_idle = receive_late;
	ck_assert_int_eq(fake_run(start_network, "receive", NULL), 0);
	ck_assert_int_eq(calls, 1);
	ck_assert_uint_eq(fake.net_counters.rx_frames, 1);
}
END_TEST

static void on_writable(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_WRITABLE);
	calls++;
}

static void on_open_full(void *arg, int error, struct mirage_net *net)
{
	struct mirage_packet *packet;

	mirage_net_on_event(net, on_writable, NULL);
	ck_assert_int_eq(mirage_net_reserve(net, 60, &packet, 1), 1);
	fake_frame(packet, 1, 60);
	ck_assert_int_eq(mirage_net_send(net, &packet, 1), 0);
	mirage_packet_release(packet);
}

static int start_full_network(int argc, char *argv[])
{
	fake.tx_room = 0;
	mirage_net_open("service", 0, on_open_full, NULL);
	return 0;
}

static bool room_late(void)
{
	ck_assert(mirage_core_waiting());
	mirage_core_net_event(&fake.net, MIRAGE_EVENT_WRITABLE);
	return true;
}

START_TEST(a_shortage_keeps_it_running)
{
	fake.on_idle = room_late;
	ck_assert_int_eq(fake_run(start_full_network, NULL), 0);
	ck_assert_int_eq(calls, 1);
}
END_TEST

static void on_event(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_SHUTDOWN);
	calls++;
	mirage_exit(4);
}

static int start_shutdown(int argc, char *argv[])
{
	if (argc > 1)
		mirage_on_event(on_event, NULL);
	mirage_timer_start(&timer, 12345, on_time, NULL);
	mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
	return 0;
}

START_TEST(a_shutdown_without_a_handler)
{
	ck_assert_int_eq(fake_run(start_shutdown, NULL), 0);
	ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(a_shutdown_with_a_handler)
{
	ck_assert_int_eq(fake_run(start_shutdown, "handle", NULL), 4);
	ck_assert_int_eq(calls, 1);
}
END_TEST

TCase *core_case_life(void)
{
	TCase *tcase = tcase_create("life");

	tcase_add_loop_test(tcase, the_result_of_start, 0,
			    sizeof results / sizeof *results);
	tcase_add_test(tcase, an_armed_timer_keeps_it_running);
	tcase_add_test(tcase, a_timer_of_the_farthest_future_keeps_it_running);
	tcase_add_test(tcase, no_callback_after_exit);
	tcase_add_test(tcase, a_status_that_is_none);
	tcase_add_test(tcase, an_idle_network_does_not_keep_it_running);
	tcase_add_test(tcase, a_receiver_keeps_it_running);
	tcase_add_test(tcase, a_shortage_keeps_it_running);
	tcase_add_test(tcase, a_shutdown_without_a_handler);
	tcase_add_test(tcase, a_shutdown_with_a_handler);
	return tcase;
}
