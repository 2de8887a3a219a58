/* SPDX-License-Identifier: ISC */
/* The core's alarm is one more event of the world. */
#include "sim.h"

/** Nothing to do: the loop takes a turn after whatever happened. */
static void alarm_rings(struct sim_event *event)
{
}

static void sim_time_wake_at(uint64_t deadline_ns)
{
	static struct sim_event alarm;

	if (deadline_ns == SIM_NEVER)
		sim_cancel(&alarm);
	else
		sim_plan(&alarm, deadline_ns, alarm_rings);
}

const struct mirage_time_ops sim_time_ops = {
	.size = sizeof sim_time_ops,
	.wake_at = sim_time_wake_at,
};
