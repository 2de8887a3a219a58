/* SPDX-License-Identifier: ISC */
/*
 * performance.now and Date.now. Browsers coarsen the first one against attacks, by
 * 100 us or, for isolated pages, 5 us; the loader says by how much, and readings are
 * cut to that, so that the resolution which we tell holds.
 */
#include "js.h"

#define NS_PER_MS 1000000

static struct mirage_clock_info info = {
	.size = sizeof info,
	.counts_suspended = false,
	.wall_resolution_ns = NS_PER_MS,
};

static uint64_t last_ns;

static uint64_t monotonic_ns(void)
{
	uint64_t now_ns = (uint64_t)(js_clock_monotonic_ms() * NS_PER_MS);

	now_ns -= now_ns % info.monotonic_resolution_ns;
	if (now_ns > last_ns)
		last_ns = now_ns;
	return last_ns;
}

static int64_t wall_ns(void)
{
	return (int64_t)js_clock_wall_ms() * NS_PER_MS;
}

void js_clock_init(void)
{
	info.monotonic_resolution_ns = (uint64_t)js_clock_resolution_ns();
}

const struct mirage_clock_ops js_clock_ops = {
	.size = sizeof js_clock_ops,
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &info,
};
