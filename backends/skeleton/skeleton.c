/* SPDX-License-Identifier: ISC */
/*
 * The skeleton: a backend in which nothing works yet. It builds, links and runs;
 * the conformance suite skips cleanly on it. Copy it, then follow PORTING.md:
 * replace one table after the other and watch the skips turn into passes.
 *
 * What is missing, and what that costs: the console loses what is written, both
 * clocks stand still but for the loop's own steps, so timers run but no time
 * passes, there is no random, and opening a device says ENOSYS.
 */
#include <mirage-backend.h>

#include <stdio.h>

/* ------------------------------------------------------------- Console -- */

static int skeleton_console_write(const void *bytes, size_t length)
{
	return MIRAGE_ENOSYS;
}

/* Logging is the first thing that a new backend needs, so that it can say what
 * is wrong. Until the platform has something better: */
static void skeleton_console_log(uint32_t level, const char *line,
				 size_t length)
{
	fprintf(stderr, "%.*s\n", (int)length, line);
}

static const struct mirage_console_ops console_ops = {
	.size = sizeof console_ops,
	.write = skeleton_console_write,
	.log = skeleton_console_log,
};

/* ------------------------------------------------------ Clock and time -- */

static uint64_t now_ns;
static uint64_t wanted_ns;

static uint64_t skeleton_clock_monotonic_ns(void)
{
	return now_ns;
}

static int64_t skeleton_clock_wall_ns(void)
{
	return 0;
}

static const struct mirage_clock_info clock_info = {
	.size = sizeof clock_info,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

static const struct mirage_clock_ops clock_ops = {
	.size = sizeof clock_ops,
	.monotonic_ns = skeleton_clock_monotonic_ns,
	.wall_ns = skeleton_clock_wall_ns,
	.info = &clock_info,
};

static void skeleton_time_wake_at(uint64_t deadline_ns)
{
	wanted_ns = deadline_ns;
}

static const struct mirage_time_ops time_ops = {
	.size = sizeof time_ops,
	.wake_at = skeleton_time_wake_at,
};

/* -------------------------------------------------------------- Random -- */

static int skeleton_random_fill(void *bytes, size_t length)
{
	return MIRAGE_ENOSYS;
}

static const struct mirage_random_ops random_ops = {
	.size = sizeof random_ops,
	.fill = skeleton_random_fill,
};

/* ------------------------------------------------------------- Devices -- */

static void skeleton_net_open(struct mirage_open *open)
{
	mirage_core_open_error(open, "the skeleton backend has no networks");
	mirage_core_net_opened(open, MIRAGE_ENOSYS, NULL);
}

static void skeleton_block_open(struct mirage_open *open)
{
	mirage_core_open_error(open, "the skeleton backend has no blocks");
	mirage_core_block_opened(open, MIRAGE_ENOSYS, NULL);
}

/* ------------------------------------------------------------- Backend -- */

/* A real backend waits here for its host until `wanted_ns`. With nothing to wait
 * for, this one jumps there, or ends. */
static int skeleton_run(void)
{
	while (!mirage_core_ended()) {
		mirage_core_turn();
		if (wanted_ns == UINT64_MAX)
			break;
		if (wanted_ns > now_ns)
			now_ns = wanted_ns;
	}
	return mirage_core_status();
}

static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &console_ops,
	.clock = &clock_ops,
	.time = &time_ops,
	.random = &random_ops,
};

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "skeleton",
	.ambient = &ambient,
	.run = skeleton_run,
	.net_open = skeleton_net_open,
	.block_open = skeleton_block_open,
};
