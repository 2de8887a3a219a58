/* SPDX-License-Identifier: ISC */
/* The turn of the loop: what is due, in which order, and when to come again. */
#include "core.h"

struct core core = {
	.log_level = MIRAGE_LOG_WARN,
	.told_ns = UINT64_MAX,
};

struct mirage_open *core_opens;
struct mirage_block_request *core_done;
struct mirage_net *core_nets, *core_closed_nets;
struct mirage_block *core_blocks, *core_closed_blocks;
struct mirage_kv *core_kvs, *core_closed_kvs;
bool core_kvs_due, core_stacks_due;

static void tell(uint64_t when_ns)
{
	core.told_ns = when_ns;
	core.ambient.time->wake_at(when_ns);
}

static bool work_due(void)
{
	return !core.started || core_opens != NULL || core_done != NULL ||
	       core.device_events || core.feed || core.events != 0 ||
	       core_kvs_due || core_stacks_due;
}

/** Whether nothing is left that could call the application. */
static bool idle(void)
{
	return core.keeping == 0 && !work_due() && !core_timers_armed();
}

static uint64_t next_ns(void)
{
	/* The end of the program is due too. */
	return work_due() || idle() ? 0 : core_timers_next_ns();
}

void core_wake(void)
{
	/* The end of a turn tells anyway; before `run` there is no loop. */
	if (!core.running || core.in_turn || core.ended)
		return;
	if (next_ns() < core.told_ns)
		tell(next_ns());
}

void core_enter(void)
{
	core_must(core.depth == 0, "LAW-03",
		  "the backend calls the application from inside a call");
	core.depth++;
}

bool core_enter_upper(void)
{
	if (core.ended)
		return false;
	core.depth++;
	return true;
}

void core_leave(void)
{
	core.depth--;
}

static void start_run(void)
{
	int result;

	if (core.started)
		return;
	core.started = true;
	core_enter();
	result = core.start(core.argc, core.argv);
	core_leave();
	if (core.ended || result == 0)
		return;
	if (result < 0)
		mirage_log(MIRAGE_LOG_ERROR, "%s", mirage_strerror(result));
	mirage_exit(result < 0 ? 1 : result);
}

static void device_events_run(void)
{
	if (!core.device_events)
		return;
	/* Events raised by these handlers wait for the next turn. */
	core.device_events = false;
	core_net_events();
	core_block_events();
	core_kv_events();
}

static void end_if_idle(void)
{
	if (!core.ended && idle())
		mirage_exit(0);
}

void mirage_core_turn(void)
{
	core_must(core.depth == 0, "LAW-03", "a turn inside a callback");
	if (core.ended)
		return;
	core.in_turn = true;
	start_run();
	core_blocks_complete();
	core_blocks_feed();
	core_kvs_complete();
	core_stacks_complete();
	core_opens_run();
	core_events_run();
	device_events_run();
	core_timers_run();
	end_if_idle();
	core.in_turn = false;
	tell(core.ended ? 0 : next_ns());
}

bool mirage_core_ready(void)
{
	return !core.ended && (work_due() || idle() || core_timers_due());
}

bool mirage_core_waiting(void)
{
	return core.started && !core.ended && !work_due() && !idle() &&
	       core_timers_next_ns() == UINT64_MAX;
}

bool mirage_core_ended(void)
{
	return core.ended;
}

int mirage_core_status(void)
{
	return core.status;
}

void mirage_exit(int status)
{
	core_must(status >= 0 && status <= 127, "APP-05",
		  "an exit status outside of 0 to 127");
	if (core.ended)
		return;
	core_options_end();
	core.ended = true;
	core.status = status;
	if (core.running && !core.in_turn)
		tell(0);
}
