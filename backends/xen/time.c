/* SPDX-License-Identifier: ISC */
/* Xen wakes a poll at a deadline of the same clock: nothing else is needed. */
#include "xen.h"

static uint64_t wanted_ns;

static void wake_at(uint64_t deadline_ns)
{
	wanted_ns = deadline_ns;
}

uint64_t xen_time_wanted_ns(void)
{
	return wanted_ns;
}

const struct mirage_time_ops xen_time_ops = {
	.size = sizeof xen_time_ops,
	.wake_at = wake_at,
};
