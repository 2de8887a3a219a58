/* SPDX-License-Identifier: ISC */
/* Time, deadlock, chance and the options of the simulation. */
#include "sim_test.h"

/* ----------------------------------------------------------------- Time -- */

static uint64_t began_ns, ended_ns;

static void an_hour_passed(void)
{
	ended_ns = mirage_clock_monotonic_ns();
}

static int wait_an_hour(int argc, char *argv[])
{
	began_ns = mirage_clock_monotonic_ns();
	ck_assert_uint_lt(began_ns, US);
	after(3600 * SECOND, an_hour_passed);
	return 0;
}

START_TEST(time_jumps_to_the_deadline)
{
	ck_assert_int_eq(run(wait_an_hour, ""), 0);
	ck_assert_uint_ge(ended_ns - began_ns, 3600 * SECOND);
	ck_assert_uint_lt(ended_ns - began_ns, 3600 * SECOND + US);
}
END_TEST

static int spin(int argc, char *argv[])
{
	uint64_t end_ns = mirage_clock_monotonic_ns() + 100 * US;

	while (mirage_clock_monotonic_ns() < end_ns)
		continue;
	return 0;
}

START_TEST(who_looks_at_the_clock_sees_it_go)
{
	ck_assert_int_eq(run(spin, ""), 0);
}
END_TEST

static unsigned turns;
static bool timed;

static void again(void)
{
	if (++turns < 100000 && !timed)
		after(0, again);
}

static void time_is_up(void)
{
	timed = true;
}

static int never_rest(int argc, char *argv[])
{
	after(10 * US, time_is_up);
	after(0, again);
	return 0;
}

START_TEST(a_program_that_never_rests_does_not_stop_time)
{
	ck_assert_int_eq(run(never_rest, ""), 0);
	ck_assert(timed);
	ck_assert_uint_lt(turns, 100000);
}
END_TEST

static int read_wall(int argc, char *argv[])
{
	int64_t wall_ns = mirage_clock_wall_ns();

	ck_assert_int_eq(wall_ns / (int64_t)SECOND, 946684800);
	mirage_sim_set_wall(-(int64_t)SECOND);
	wall_ns = mirage_clock_wall_ns();
	ck_assert_int_eq(wall_ns / (int64_t)MS, -999);
	return 0;
}

START_TEST(the_wall_clock_begins_in_2000_and_can_be_set)
{
	ck_assert_int_eq(run(read_wall, ""), 0);
}
END_TEST

static unsigned resumed;

static void on_resumed(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_RESUMED);
	ck_assert_uint_ge(mirage_clock_monotonic_ns(), 60 * SECOND);
	ck_assert_uint_lt(mirage_clock_monotonic_ns(), 60 * SECOND + US);
	resumed++;
}

static void due_meanwhile(void)
{
	ck_assert_uint_eq(resumed, 1);
}

static int suspend(int argc, char *argv[])
{
	mirage_on_event(on_resumed, NULL);
	after(SECOND, due_meanwhile);
	mirage_sim_suspend(60 * SECOND);
	return 0;
}

START_TEST(what_came_due_in_a_suspension_happens_after_it)
{
	ck_assert_int_eq(run(suspend, ""), 0);
	ck_assert_uint_eq(resumed, 1);
}
END_TEST

static unsigned n_plans;

static void plan_time(void *arg)
{
	uint64_t planned_ns = (uintptr_t)arg;

	/* Looking takes a nanosecond. */
	ck_assert_uint_eq(mirage_clock_monotonic_ns(), planned_ns + 1);
	n_plans++;
}

static int make_plans(int argc, char *argv[])
{
	mirage_sim_at(3 * MS + 500, plan_time, (void *)(3 * MS + 500));
	mirage_sim_at(3 * MS, plan_time, (void *)(3 * MS));
	after(SECOND, an_hour_passed);
	return 0;
}

START_TEST(the_world_is_on_time)
{
	ck_assert_int_eq(run(make_plans, ""), 0);
	ck_assert_uint_eq(n_plans, 2);
}
END_TEST

/* ------------------------------------------------------- Ends and deadlock -- */

static struct mirage_net *net;

static void on_frames(void *arg, struct mirage_packet *const packets[],
		      size_t n)
{
}

static void listen(void)
{
	mirage_net_on_receive(net, on_frames, NULL);
}

static int listen_for_ever(int argc, char *argv[])
{
	open_net("service", 0, &net, listen);
	return 0;
}

START_TEST(a_deadlock_is_an_error_that_says_what_is_awaited)
{
	int status;
	const char *text = run_stderr(listen_for_ever, "", &status);

	ck_assert_int_eq(status, 1);
	ck_assert_str_eq(text,
			 "test: error: nothing can happen any more at "
			 "0.000000001 s, and the program still waits:\n"
			 "test: error: network 'service' (lan:default) has a "
			 "receiver, and nobody sends\n");
}
END_TEST

START_TEST(until_ends_a_program_that_would_wait)
{
	int status;
	const char *text =
		run_stderr(listen_for_ever, "--until 3s -v", &status);

	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(text, "3.000000000 test: stopped by --until\n");
}
END_TEST

static void shut_down(void *arg)
{
	mirage_sim_shutdown();
}

static int shut_down_later(int argc, char *argv[])
{
	mirage_sim_at(5 * SECOND, shut_down, NULL);
	return listen_for_ever(argc, argv);
}

START_TEST(a_request_to_shut_down_ends_the_program)
{
	ck_assert_int_eq(run(shut_down_later, ""), 0);
	ck_assert_uint_ge(mirage_clock_monotonic_ns(), 5 * SECOND);
}
END_TEST

/* --------------------------------------------------------------- Chance -- */

static uint8_t *drawn;

static int draw(int argc, char *argv[])
{
	ck_assert_int_eq(mirage_random_fill(drawn, 32), 0);
	return 0;
}

/** What a run draws under `options`. */
static void draw_apart(const char *options, uint8_t bytes[32])
{
	drawn = shared(32);
	ck_assert_int_eq(run_apart(draw, options), 0);
	memcpy(bytes, drawn, 32);
}

START_TEST(random_bytes_follow_from_the_seed)
{
	uint8_t one[32], two[32], other[32];

	draw_apart("--seed 7", one);
	draw_apart("--seed 7", two);
	draw_apart("--seed 8", other);
	ck_assert_mem_eq(one, two, 32);
	ck_assert_mem_ne(one, other, 32);
}
END_TEST

static int fail_random(int argc, char *argv[])
{
	uint8_t bytes[32], zeroes[32] = {0};

	memset(bytes, 0xaa, sizeof bytes);
	mirage_sim_random_fail(true);
	ck_assert_int_eq(mirage_random_fill(bytes, sizeof bytes), MIRAGE_EIO);
	ck_assert_mem_eq(bytes, zeroes, 32);
	mirage_sim_random_fail(false);
	ck_assert_int_eq(mirage_random_fill(bytes, sizeof bytes), 0);
	ck_assert_mem_ne(bytes, zeroes, 32);
	return 0;
}

START_TEST(random_fails_closed)
{
	ck_assert_int_eq(run(fail_random, ""), 0);
}
END_TEST

/* -------------------------------------------------------------- Options -- */

static int do_nothing(int argc, char *argv[])
{
	return 0;
}

static void expect_refusal(const char *line, const char *message)
{
	int status;
	const char *text = run_stderr(do_nothing, line, &status);

	ck_assert_str_eq(text, message);
	ck_assert_int_eq(status, 2);
}

START_TEST(a_wrong_seed_is_refused)
{
	expect_refusal("--seed 12x",
		       "test: error: --seed 12x: not a number from 0 to 2^64 - "
		       "1\n");
}
END_TEST

START_TEST(too_great_a_seed_is_refused)
{
	expect_refusal("--seed 18446744073709551616",
		       "test: error: --seed 18446744073709551616: not a number "
		       "from 0 to 2^64 - 1\n");
}
END_TEST

START_TEST(a_wrong_until_is_refused)
{
	expect_refusal("--until 5",
		       "test: error: --until 5: not a duration; write digits "
		       "and ns, us, ms or s\n");
}
END_TEST

START_TEST(a_missing_input_is_refused)
{
	expect_refusal("--input /nowhere",
		       "test: error: --input /nowhere: No such file or "
		       "directory; give a file that can be read, or - for "
		       "standard input\n");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		time_jumps_to_the_deadline,
		who_looks_at_the_clock_sees_it_go,
		a_program_that_never_rests_does_not_stop_time,
		the_wall_clock_begins_in_2000_and_can_be_set,
		what_came_due_in_a_suspension_happens_after_it,
		the_world_is_on_time,
		a_deadlock_is_an_error_that_says_what_is_awaited,
		until_ends_a_program_that_would_wait,
		a_request_to_shut_down_ends_the_program,
		random_bytes_follow_from_the_seed,
		random_fails_closed,
		a_wrong_seed_is_refused,
		too_great_a_seed_is_refused,
		a_wrong_until_is_refused,
		a_missing_input_is_refused,
	};

	return run_suite("sim-world", tests, sizeof tests / sizeof tests[0]);
}
