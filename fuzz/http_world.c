/* SPDX-License-Identifier: ISC */
#include "http_world.h"

#include <assert.h>
#include <string.h>

static uint64_t now_ns = 1000, wake_ns = UINT64_MAX;

static int console_write(const void *bytes, size_t length)
{
	return (int)length;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
}

static uint64_t monotonic_ns(void)
{
	return now_ns;
}

static int64_t wall_ns(void)
{
	return INT64_C(1600000000) * 1000000000 + (int64_t)now_ns;
}

static void wake_at(uint64_t deadline_ns)
{
	wake_ns = deadline_ns;
}

static int random_fill(void *bytes, size_t length)
{
	memset(bytes, 7, length);
	return 0;
}

static const struct mirage_console_ops console = {
	.size = sizeof(console),
	.write = console_write,
	.log = console_log,
};
static const struct mirage_clock_info clock_info = {
	.size = sizeof(clock_info),
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};
static const struct mirage_clock_ops clock_ops = {
	.size = sizeof(clock_ops),
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &clock_info,
};
static const struct mirage_time_ops time_ops = {
	.size = sizeof(time_ops),
	.wake_at = wake_at,
};
static const struct mirage_random_ops random_ops = {
	.size = sizeof(random_ops),
	.fill = random_fill,
};
static const struct mirage_ambient ambient = {
	.size = sizeof(ambient),
	.console = &console,
	.clock = &clock_ops,
	.time = &time_ops,
	.random = &random_ops,
};

/* The loop is http_world_run, called for each input. */
static int run(void)
{
	mirage_core_turn();
	return 0;
}

const struct mirage_backend mirage_backend = {
	.size = sizeof(mirage_backend),
	.name = "fuzz",
	.ambient = &ambient,
	.run = run,
};

static void on_forever(void *arg)
{
}

void http_world_start(mirage_start_fn *start)
{
	static char name[] = "fuzz";
	static char *argv[] = {name, NULL};
	static struct mirage_timer forever;

	/* Or the program would end before the first input. */
	mirage_timer_start(&forever, UINT64_MAX - 1, on_forever, NULL);
	mirage_run(1, argv, start);
}

void http_world_run(uint64_t ns)
{
	uint64_t end_ns = now_ns + ns;

	for (unsigned turns = 0; turns < 1000000; turns++) {
		assert(!mirage_core_ended());
		if (wake_ns > end_ns)
			break;
		if (wake_ns > now_ns)
			now_ns = wake_ns;
		mirage_core_turn();
	}
	now_ns = end_ns;
}
