/* SPDX-License-Identifier: ISC */
/* The clocks: both show the world's time. */
#include "sim.h"

/* The wall clock begins at 2000-01-01T00:00:00Z. */
#define WALL_START_NS (INT64_C(946684800) * 1000000000)

static int64_t wall_start_ns = WALL_START_NS;

/** Looking takes a nanosecond: who waits for a moment by looking at the clock
 *  again and again must see it come. */
static uint64_t sim_clock_monotonic_ns(void)
{
	sim_pass(1);
	return sim_now();
}

static int64_t sim_clock_wall_ns(void)
{
	sim_pass(1);
	return wall_start_ns + (int64_t)sim_now();
}

void mirage_sim_set_wall(int64_t wall_ns)
{
	wall_start_ns = wall_ns - (int64_t)sim_now();
}

static const struct mirage_clock_info info = {
	.size = sizeof info,
	.counts_suspended = true,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

const struct mirage_clock_ops sim_clock_ops = {
	.size = sizeof sim_clock_ops,
	.monotonic_ns = sim_clock_monotonic_ns,
	.wall_ns = sim_clock_wall_ns,
	.info = &info,
};
