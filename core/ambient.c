/* SPDX-License-Identifier: ISC */
/* Clock, random, and the events that belong to no device. */
#include "core.h"

#include <string.h>

void mirage_ambient_replace(const struct mirage_ambient *with)
{
	if (MIRAGE_HAS(with, console))
		core.ambient.console = with->console;
	if (MIRAGE_HAS(with, clock))
		core.ambient.clock = with->clock;
	if (MIRAGE_HAS(with, time))
		core.ambient.time = with->time;
	if (MIRAGE_HAS(with, random))
		core.ambient.random = with->random;
	core_wake();
}

uint64_t mirage_clock_monotonic_ns(void)
{
	return core.ambient.clock->monotonic_ns();
}

int64_t mirage_clock_wall_ns(void)
{
	return core.ambient.clock->wall_ns();
}

const struct mirage_clock_info *mirage_clock_info(void)
{
	return core.ambient.clock->info;
}

int mirage_random_fill(void *bytes, size_t length)
{
	const struct mirage_random_ops *random = core.ambient.random;
	int error = MIRAGE_ENOSYS;

	if (random != NULL && MIRAGE_HAS(random, fill))
		error = length == 0 ? 0 : random->fill(bytes, length);
	if (error < 0)
		memset(bytes, 0, length);
	return error;
}

void mirage_on_event(mirage_event_fn *on_event, void *arg)
{
	core.on_event = on_event;
	core.event_arg = arg;
}

void mirage_core_event(uint32_t event)
{
	core_must(event >= MIRAGE_EVENT_SHUTDOWN &&
			  event <= MIRAGE_EVENT_CONSOLE,
		  "EVT-01", "an event of a device was raised without one");
	core.events |= 1u << event;
	core_wake();
}

static void event_run(uint32_t event)
{
	if (event == MIRAGE_EVENT_CONSOLE) {
		if (!core.console_short)
			return;
		core.console_short = false;
		core.keeping--;
	}
	if (core.on_event == NULL) {
		if (event == MIRAGE_EVENT_SHUTDOWN)
			mirage_exit(0);
		return;
	}
	core_enter();
	core.on_event(core.event_arg, event);
	core_leave();
}

void core_events_run(void)
{
	uint32_t events = core.events;

	core.events = 0;
	for (uint32_t event = MIRAGE_EVENT_SHUTDOWN;
	     event <= MIRAGE_EVENT_CONSOLE && !core.ended; event++)
		if ((events & (1u << event)) != 0)
			event_run(event);
}
