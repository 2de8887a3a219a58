/* SPDX-License-Identifier: ISC */
/* The selftest's loop, clocks, timers' wake-up and random bytes. Time is virtual:
 * a second of waiting costs nothing. */
#include "selftest.h"

#include <stdio.h>
#include <string.h>

#define READING_NS 100u
#define WALL_START_NS INT64_C(1600000000000000000)

static uint64_t now_ns = 100000000000000;
static uint64_t wake_ns = UINT64_MAX;
static bool suspended;

static const char *const bug_names[] = {
#define SELFTEST_BUG_NAME(name, text, tag, cases) [BUG_##name] = text,
	SELFTEST_BUGS(SELFTEST_BUG_NAME)
#undef SELFTEST_BUG_NAME
};

static enum selftest_bug ordered = BUG_COUNT;

bool planted(enum selftest_bug bug)
{
	return bug == ordered;
}

static bool order_bug(void)
{
	const char *name = mirage_core_option("bug");

	for (unsigned i = 0; name != NULL && i < BUG_COUNT; i++)
		if (strcmp(bug_names[i], name) == 0)
			ordered = (enum selftest_bug)i;
	return name == NULL || ordered != BUG_COUNT;
}

/* ----------------------------------------------------------------- Clock -- */

static struct mirage_clock_info clock_info = {
	.size = sizeof(clock_info),
	.counts_suspended = true,
	.monotonic_resolution_ns = READING_NS,
	.wall_resolution_ns = READING_NS,
};

/* Each reading takes a little, so that two of them differ. */
static uint64_t monotonic_ns(void)
{
	static unsigned readings;

	if (planted(BUG_CLOCK_INFO_CHANGES))
		clock_info.wall_resolution_ns++;
	now_ns += READING_NS;
	if (planted(BUG_CLOCK_STEPS_BACK) && ++readings % 1000 == 0)
		return now_ns - 5000;
	return now_ns;
}

static int64_t wall_ns(void)
{
	now_ns += READING_NS;
	return WALL_START_NS + (int64_t)now_ns;
}

static const struct mirage_clock_ops clock_ops = {
	.size = sizeof(clock_ops),
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &clock_info,
};

static void clock_spoil(void)
{
	if (planted(BUG_CLOCK_COARSE))
		clock_info.monotonic_resolution_ns = 1000000;
	if (planted(BUG_CLOCK_NO_RESOLUTION))
		clock_info.wall_resolution_ns = 0;
}

/* ------------------------------------------------------------------ Time -- */

static void wake_at(uint64_t deadline_ns)
{
	wake_ns = deadline_ns;
}

static const struct mirage_time_ops time_ops = {
	.size = sizeof(time_ops),
	.wake_at = wake_at,
};

/* ---------------------------------------------------------------- Random -- */

/* Steele, Lea, Flood 2014: splitmix64. Not fit for keys, but for tests. */
static uint8_t random_byte(void)
{
	static uint64_t state = 42;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint8_t)(z >> 56);
}

static int random_fill(void *bytes, size_t length)
{
	uint8_t *to = bytes;

	for (size_t i = 0; i < length; i++)
		to[i] = random_byte();
	if (planted(BUG_RANDOM_CONSTANT))
		memset(bytes, 0x42, length);
	if (planted(BUG_RANDOM_SHORT) && length > 64)
		memset(to + 64, 0, length - 64);
	if (planted(BUG_RANDOM_OUTSIDE))
		to[length] ^= 0xff;
	return 0;
}

static const struct mirage_random_ops random_ops = {
	.size = sizeof(random_ops),
	.fill = random_fill,
};

/* ------------------------------------------------------------------ Loop -- */

static void resume(void)
{
	if (!suspended)
		return;
	suspended = false;
	now_ns += 3600000000000u;
	if (planted(BUG_RESUME_CLOCK_BACK))
		now_ns -= 7200000000000u;
	mirage_core_event(MIRAGE_EVENT_RESUMED);
}

bool selftest_suspend(void)
{
	suspended = true;
	return true;
}

bool selftest_shutdown(void)
{
	if (planted(BUG_SHUTDOWN_EXITS))
		mirage_exit(0);
	else if (!planted(BUG_SHUTDOWN_IGNORED))
		mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
	return true;
}

/* One pass; returns whether anything moved. */
static bool pass(void)
{
	bool any;

	resume();
	any = selftest_console_poll();
	if (!mirage_core_ended())
		any |= selftest_net_poll();
	if (!mirage_core_ended())
		any |= selftest_block_poll();
	if (mirage_core_ready() || wake_ns <= now_ns) {
		mirage_core_turn();
		any = true;
	}
	return any;
}

static int run(void)
{
	if (!order_bug()) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--bug: no such bug '%s'; see selftest/bugs.h",
			   mirage_core_option("bug"));
		return 2;
	}
	clock_spoil();
	mirage_core_turn();
	while (!mirage_core_ended()) {
		if (pass() || mirage_core_ended())
			continue;
		if (wake_ns == UINT64_MAX && !suspended) {
			mirage_log(MIRAGE_LOG_ERROR, "waiting for nothing");
			return 3;
		}
		if (now_ns < wake_ns)
			now_ns = wake_ns;
	}
	selftest_console_end();
	return planted(BUG_EXIT_STATUS) ? 0 : mirage_core_status();
}

static const struct mirage_ambient ambient = {
	.size = sizeof(ambient),
	.console = &selftest_console_ops,
	.clock = &clock_ops,
	.time = &time_ops,
	.random = &random_ops,
};

static const struct mirage_option options[] = {
	{"bug", "NAME", "break what bugs.h lists as NAME"},
	{"plain", NULL, "devices without any optional capability"},
	{0},
};

const struct mirage_backend mirage_backend = {
	.size = sizeof(mirage_backend),
	.name = "selftest",
	.ambient = &ambient,
	.run = run,
	.net_open = selftest_net_open,
	.block_open = selftest_block_open,
	.options = options,
};
