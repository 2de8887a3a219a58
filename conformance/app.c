/* SPDX-License-Identifier: ISC */
/*
 * app.c: how a program starts and ends.
 */
#include "conformance.h"

static bool is(const char *text, const char *expected)
{
	size_t length = conf_length(expected);

	return conf_length(text) == length && conf_same(text, expected, length);
}

static bool logged(const char *text)
{
	static char log[16384];
	size_t length = conf_console_log(0, log, sizeof(log));

	return conf_contains(log, length, text);
}

/* ------------------------------------------------------------- Arguments -- */

static int seen_argc;
static char **seen_argv;

static int see(int argc, char *argv[])
{
	seen_argc = argc;
	seen_argv = argv;
	return 0;
}

static const char *const words[] = {"one",   "--log",  "info", "two words",
				    "",	     "--mine", "--",   "-v",
				    "--net", NULL};

/* `argv` is looked at long after `start` has returned. */
CASE(app, arguments, "APP-01 APP-03", .argv = words, .start = see,
     .exits = true)
{
	CASE_BEGIN;
	REST_NS(2000000);
	CHECK_EQ(seen_argc, 7);
	CHECK(conf_length(seen_argv[0]) > 0);
	CHECK(is(seen_argv[1], "one"));
	CHECK(is(seen_argv[2], "two words"));
	CHECK(is(seen_argv[3], ""));
	CHECK(is(seen_argv[4], "--mine"));
	CHECK(seen_argv[7] == NULL);
	CLAIM("APP-03");
	CHECK(is(seen_argv[5], "-v"));
	CHECK(is(seen_argv[6], "--net"));
	CASE_END;
}

static const char *const log_info[] = {"--log=info", NULL};
static const char *const verbose[] = {"-v", NULL};

static int log_levels(int argc, char *argv[])
{
	mirage_log(MIRAGE_LOG_WARN, "conformance: a warning");
	mirage_log(MIRAGE_LOG_INFO, "conformance: a detail");
	mirage_log(MIRAGE_LOG_DEBUG, "conformance: a trifle");
	return 0;
}

static void only_details(void)
{
	CHECK(logged("conformance: a warning"));
	CHECK(logged("conformance: a detail"));
	CHECK(!logged("conformance: a trifle"));
}

CASE(app, option_log, "APP-03", .needs = CONF_LOG, .argv = log_info,
     .start = log_levels, .exits = true, .after = only_details)
{
	CASE_BEGIN;
	CASE_END;
}

CASE(app, option_verbose, "APP-03", .needs = CONF_LOG, .argv = verbose,
     .start = log_levels, .exits = true, .after = only_details)
{
	CASE_BEGIN;
	CASE_END;
}

/* -------------------------------------------------------------- Mistakes -- */

static bool started;

static int never(int argc, char *argv[])
{
	started = true;
	return 0;
}

static const char *const mistake_no_value_argv[] = {"--log", NULL};

static void mistake_no_value_after(void)
{
	CHECK(!started);
	CHECK(logged("--log"));
}

CASE(app, mistake_no_value, "APP-04", .needs = CONF_LOG, .start = never,
     .argv = mistake_no_value_argv, .exits = true, .status = 2,
     .after = mistake_no_value_after)
{
	CASE_BEGIN;
	CASE_END;
}

static const char *const mistake_bad_level_argv[] = {"--log", "loud", NULL};

static void mistake_bad_level_after(void)
{
	CHECK(!started);
	CHECK(logged("--log"));
}

CASE(app, mistake_bad_level, "APP-04", .needs = CONF_LOG, .start = never,
     .argv = mistake_bad_level_argv, .exits = true, .status = 2,
     .after = mistake_bad_level_after)
{
	CASE_BEGIN;
	CASE_END;
}

static const char *const mistake_no_uri_argv[] = {"--net", "extra", NULL};

static void mistake_no_uri_after(void)
{
	CHECK(!started);
	CHECK(logged("--net"));
}

CASE(app, mistake_no_uri, "APP-04", .needs = CONF_LOG, .start = never,
     .argv = mistake_no_uri_argv, .exits = true, .status = 2,
     .after = mistake_no_uri_after)
{
	CASE_BEGIN;
	CASE_END;
}

static const char *const mistake_empty_uri_argv[] = {"--block", "extra=", NULL};

static void mistake_empty_uri_after(void)
{
	CHECK(!started);
	CHECK(logged("--block"));
}

CASE(app, mistake_empty_uri, "APP-04", .needs = CONF_LOG, .start = never,
     .argv = mistake_empty_uri_argv, .exits = true, .status = 2,
     .after = mistake_empty_uri_after)
{
	CASE_BEGIN;
	CASE_END;
}

static const char *const mistake_flag_value_argv[] = {"--help=yes", NULL};

static void mistake_flag_value_after(void)
{
	CHECK(!started);
	CHECK(logged("--help"));
}

CASE(app, mistake_flag_value, "APP-04", .needs = CONF_LOG, .start = never,
     .argv = mistake_flag_value_argv, .exits = true, .status = 2,
     .after = mistake_flag_value_after)
{
	CASE_BEGIN;
	CASE_END;
}

/* ---------------------------------------------------------------- Ending -- */

static int fail_to_start(int argc, char *argv[])
{
	return MIRAGE_ENOSPC;
}

static void says_no_space(void)
{
	CHECK(logged(mirage_strerror(MIRAGE_ENOSPC)));
}

CASE(app, start_fails, "APP-02", .needs = CONF_LOG, .start = fail_to_start,
     .exits = true, .status = 1, .after = says_no_space)
{
	CASE_BEGIN;
	CHECK(!"to run after a failed start");
	CASE_END;
}

static int start_with_seven(int argc, char *argv[])
{
	return 7;
}

CASE(app, start_ends, "APP-02", .start = start_with_seven, .exits = true,
     .status = 7)
{
	CASE_BEGIN;
	CHECK(!"to run after the program has ended");
	CASE_END;
}

CASE(app, status, "APP-05", .exits = true, .status = 127)
{
	CASE_BEGIN;
	mirage_exit(127);
	CASE_END;
}

CASE(app, status_first_counts, "APP-05 APP-06", .exits = true, .status = 3)
{
	CASE_BEGIN;
	mirage_exit(3);
	mirage_exit(4);
	CASE_END;
}

CASE(app, status_too_large, "APP-05", .aborts = "APP-05")
{
	CASE_BEGIN;
	mirage_exit(128);
	CASE_END;
}

CASE(app, status_negative, "APP-05", .aborts = "APP-05")
{
	CASE_BEGIN;
	mirage_exit(-1);
	CASE_END;
}

/* What was due together with the end, and what is submitted after it. */
static struct conf_done late;

static void end_now(void *arg)
{
	static struct mirage_timer timer;

	mirage_exit(5);
	mirage_timer_start(&timer, 0, conf_count_time, &late);
	late.result = 1;
}

static void nothing_ran(void)
{
	CHECK_EQ(late.result, 1);
	CHECK_EQ(late.count, 0);
}

CASE(app, nothing_after_exit, "APP-06", .exits = true, .status = 5,
     .after = nothing_ran)
{
	static struct mirage_timer first, equal, soon;

	CASE_BEGIN;
	mirage_timer_start(&first, 1, end_now, NULL);
	mirage_timer_start(&equal, 1, conf_count_time, &late);
	mirage_timer_start(&soon, mirage_clock_monotonic_ns() + 1000,
			   conf_count_time, &late);
	CASE_END;
}

/* A read in flight when the program ends. */
CASE(app, exit_with_requests, "APP-06", .needs = CONF_DISK, .exits = true,
     .status = 6)
{
	static struct mirage_block_request requests[16];
	static struct mirage_block_request *pointers[16];
	static struct mirage_vector vectors[16];
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	for (i = 0; i < 16; i++) {
		vectors[i].base = conf_memory(4096);
		vectors[i].length_bytes = 4096;
		requests[i] =
			(struct mirage_block_request){.op = MIRAGE_BLOCK_READ,
						      .n_vectors = 1,
						      .vectors = &vectors[i],
						      .offset_bytes = i * 4096u,
						      .done = conf_count,
						      .arg = &late};
		pointers[i] = &requests[i];
	}
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 16);
	mirage_exit(6);
	CHECK_EQ(late.count, 0);
	CASE_END;
}

/* ------------------------------------------------------- Console at exit -- */

#define MUCH (40u << 10)

static size_t taken;

static void all_written(void)
{
	static uint8_t output[MUCH + 1];
	size_t length = conf_console_output(0, output, sizeof(output));

	CHECK_EQ(length, taken);
	CHECK(conf_filled(output, length, 11));
}

CASE(app, exit_writes_console, "APP-07", .needs = CONF_OUTPUT, .exits = true,
     .status = 9, .after = all_written)
{
	static uint8_t bytes[MUCH];
	int result;

	CASE_BEGIN;
	conf_fill(bytes, MUCH, 11);
	result = mirage_console_write(bytes, MUCH);
	CHECK(result > 0);
	taken = (size_t)result;
	mirage_exit(9);
	CASE_END;
}

/* ------------------------------------------------------------ Idle is end -- */

CASE(app, idle_ends, "APP-08", .exits = true)
{
	CASE_BEGIN;
	CASE_END;
}

static struct conf_done kept;

static void kept_once(void)
{
	CHECK_EQ(kept.count, 1);
}

CASE(app, timer_keeps, "APP-08", .exits = true, .after = kept_once)
{
	static struct mirage_timer timer;

	CASE_BEGIN;
	mirage_timer_start(&timer, mirage_clock_monotonic_ns() + 20000000,
			   conf_count_time, &kept);
	CASE_END;
}

CASE(app, cancelled_timer_does_not_keep, "APP-08", .exits = true)
{
	static struct mirage_timer timer;

	CASE_BEGIN;
	mirage_timer_start(&timer, UINT64_MAX, conf_count_time, &kept);
	mirage_timer_cancel(&timer);
	CASE_END;
}

static void closed(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		conf_count(arg, 0);
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	conf_count(arg, result);
}

static void block_opened(void *arg, int result, struct mirage_block *block)
{
	conf_count(arg, result);
	if (block == NULL)
		return;
	mirage_block_on_event(block, closed, arg);
	mirage_block_close(block);
}

static void kept_twice(void)
{
	CHECK(kept.count == 2 || kept.result == MIRAGE_ENOSYS);
}

/* An open and then a close are all that keeps it; the idle disk does not. */
CASE(app, open_and_close_keep, "APP-08", .needs = CONF_DISK, .exits = true,
     .after = kept_twice)
{
	CASE_BEGIN;
	mirage_block_open(conf_name(CONF_DISK_512), block_opened, &kept);
	CASE_END;
}

CASE(app, idle_devices_do_not_keep, "APP-08", .needs = CONF_NET, .exits = true,
     .after = kept_once)
{
	CASE_BEGIN;
	mirage_net_open(conf_name(CONF_NET_A), 0, net_opened, &kept);
	CASE_END;
}

static void kept_or_not_implemented(void)
{
	CHECK_EQ(kept.count, 1);
}

CASE(app, request_keeps, "APP-08", .needs = CONF_DISK, .exits = true,
     .after = kept_or_not_implemented)
{
	static struct mirage_block_request request;
	static struct mirage_vector vector;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	vector.base = conf_memory(32768);
	vector.length_bytes = 32768;
	request = (struct mirage_block_request){.op = MIRAGE_BLOCK_READ,
						.n_vectors = 1,
						.vectors = &vector,
						.done = conf_count,
						.arg = &kept};
	mirage_block_submit(conf_block(CONF_DISK_512),
			    (struct mirage_block_request *[]){&request}, 1);
	CASE_END;
}

static void end_on_input(void *arg, const void *bytes, size_t length)
{
	mirage_exit(7);
}

CASE(app, reader_keeps, "APP-08", .needs = CONF_INPUT, .exits = true,
     .status = 7)
{
	CASE_BEGIN;
	if (mirage_console_read(end_on_input, NULL) == MIRAGE_ENOTSUP)
		SKIP("the console has no input");
	WORLD(conf_console_input("x", 1));
	CASE_END;
}

static void end_on_frame(void *arg, struct mirage_packet *const packets[],
			 size_t n)
{
	mirage_exit(8);
}

CASE(app, receiver_keeps, "APP-08", .needs = CONF_PAIR, .exits = true,
     .status = 8)
{
	static struct mirage_packet *packet;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	mirage_net_on_receive(conf_net(CONF_NET_B), end_on_frame, NULL);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), 60, &packet, 1), 1);
	conf_set(mirage_packet_append(packet, 60), 60, 0xff);
	conf_copy(packet->data + 6, conf_net(CONF_NET_A)->info->mac, 6);
	CHECK_EQ(mirage_net_send(conf_net(CONF_NET_A), &packet, 1), 1);
	CASE_END;
}

CASES(app) = {
	&app_arguments,
	&app_option_log,
	&app_option_verbose,
	&app_mistake_no_value,
	&app_mistake_bad_level,
	&app_mistake_no_uri,
	&app_mistake_empty_uri,
	&app_mistake_flag_value,
	&app_start_fails,
	&app_start_ends,
	&app_status,
	&app_status_first_counts,
	&app_status_too_large,
	&app_status_negative,
	&app_nothing_after_exit,
	&app_exit_with_requests,
	&app_exit_writes_console,
	&app_idle_ends,
	&app_timer_keeps,
	&app_cancelled_timer_does_not_keep,
	&app_open_and_close_keep,
	&app_idle_devices_do_not_keep,
	&app_request_keeps,
	&app_reader_keeps,
	&app_receiver_keeps,
	NULL,
};
