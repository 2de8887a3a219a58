/* SPDX-License-Identifier: ISC */
#include "unix.h"

#include <time.h>

static int64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t monotonic_ns(void)
{
	return (uint64_t)read_ns(CLOCK_MONOTONIC);
}

static int64_t wall_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

/* Linux keeps both in nanoseconds; CLOCK_MONOTONIC stands still in suspension. */
static const struct mirage_clock_info info = {
	.size = sizeof info,
	.counts_suspended = false,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

const struct mirage_clock_ops unix_clock_ops = {
	.size = sizeof unix_clock_ops,
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &info,
};
