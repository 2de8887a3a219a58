/* SPDX-License-Identifier: ISC */
/*
 * clock.c: the two clocks.
 */
#include "conformance.h"

#define READINGS 20000u
#define TENTH(value) ((value) / 10)

CASE(clock, never_back, "CLK-01")
{
	static uint64_t last_ns, now_ns;
	static unsigned round, i;

	CASE_BEGIN;
	last_ns = mirage_clock_monotonic_ns();
	for (round = 0; round < 5; round++) {
		for (i = 0; i < READINGS; i++) {
			now_ns = mirage_clock_monotonic_ns();
			CHECK(now_ns >= last_ns);
			last_ns = now_ns;
		}
		REST_NS(1000000);
	}
	CASE_END;
}

CASE(clock, advances_while_waiting, "CLK-02")
{
	static struct conf_done ran;
	static struct mirage_timer timer;
	static uint64_t from_ns;

	CASE_BEGIN;
	from_ns = mirage_clock_monotonic_ns();
	mirage_timer_start(&timer, from_ns + 20000000, conf_count_time, &ran);
	AWAIT(ran.count == 1);
	CHECK(mirage_clock_monotonic_ns() - from_ns >= 20000000);
	CASE_END;
}

CASE(clock, resolution, "CLK-03")
{
	const struct mirage_clock_info *info = mirage_clock_info();

	CASE_BEGIN;
	CHECK(info != NULL);
	CHECK(info->size >= sizeof(*info));
	CHECK(info->monotonic_resolution_ns >= 1);
	CHECK(info->wall_resolution_ns >= 1);
	CASE_END;
}

/* The smallest step between two different readings in a row, or 0. */
static uint64_t smallest_step(uint64_t (*read)(void))
{
	uint64_t last = read(), least = 0, now;
	unsigned i;

	for (i = 0; i < READINGS; i++, last = now) {
		now = read();
		if (now > last && (least == 0 || now - last < least))
			least = now - last;
	}
	return least;
}

static uint64_t read_wall(void)
{
	return (uint64_t)mirage_clock_wall_ns();
}

CASE(clock, steps, "CLK-04")
{
	static uint64_t step_ns, resolution_ns;

	CASE_BEGIN;
	resolution_ns = mirage_clock_info()->monotonic_resolution_ns;
	step_ns = smallest_step(mirage_clock_monotonic_ns);
	CHECK(step_ns == 0 || step_ns >= resolution_ns - TENTH(resolution_ns));
	resolution_ns = mirage_clock_info()->wall_resolution_ns;
	step_ns = smallest_step(read_wall);
	CHECK(step_ns == 0 || step_ns >= resolution_ns - TENTH(resolution_ns));
	CASE_END;
}

CASE(clock, info_constant, "CLK-05")
{
	static struct mirage_clock_info first;
	static unsigned i;

	CASE_BEGIN;
	first = *mirage_clock_info();
	for (i = 0; i < 3; i++) {
		REST_NS(2000000);
		CHECK_EQ(mirage_clock_info()->counts_suspended,
			 first.counts_suspended);
		CHECK_EQ(mirage_clock_info()->monotonic_resolution_ns,
			 first.monotonic_resolution_ns);
		CHECK_EQ(mirage_clock_info()->wall_resolution_ns,
			 first.wall_resolution_ns);
	}
	CASE_END;
}

CASES(clock) = {&clock_never_back,    &clock_advances_while_waiting,
		&clock_resolution,    &clock_steps,
		&clock_info_constant, NULL};
