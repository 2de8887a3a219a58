/* SPDX-License-Identifier: ISC */
/*
 * sim.c: the deterministic simulation. One loop: the application takes a turn,
 * time jumps to the next event of the world, the event happens. Nothing here
 * waits and nothing comes from the host but what the command line gives, so a
 * seed says all about a run.
 */
#include "sim.h"

#include <signal.h>

static const struct mirage_option options[] = {
	{"seed", "N", "what chance follows from (default: 1)"},
	{"until", "DURATION", "stop at this virtual time, such as 10s"},
	{"input", "FILE", "what is typed into the console; - is stdin"},
	{0},
};

static const char usage[] =
	"Networks (--net NAME=URI; without any, each is lan:default):\n"
	"  lan:NAME             all networks of one NAME reach each other\n"
	"    delay=D jitter=D   of what this device sends; 5ms, 20us (50us, "
	"0)\n"
	"    loss=P reorder=P duplicate=P corrupt=P\n"
	"                       probabilities of what it sends; 0.01 (0)\n"
	"    bandwidth=BYTES    per second (125000000)\n"
	"    queue=FRAMES       that wait to be sent (256)\n"
	"    mtu=BYTES mac=ADDRESS\n"
	"    gso                take and deliver frames up to 64 KiB\n"
	"    pcap=FILE          record its frames\n"
	"Disks (--block NAME=URI):\n"
	"  disk:SIZE            empty, in memory; 64M, 1G\n"
	"    sector=512|4096 ro file=PATH (initial content)\n"
	"    latency=D jitter=D of every request (100us, 100us)\n"
	"    depth=N            requests at once (32)\n"
	"    cache=BYTES        that wait for a flush (16M)\n"
	"    fail=N stall=N     the Nth request fails, never completes\n"
	"    full               writes fail with ENOSPC\n";

static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &sim_console_ops,
	.clock = &sim_clock_ops,
	.time = &sim_time_ops,
	.random = &sim_random_ops,
};

/* ---------------------------------------------------------------- World -- */

void mirage_sim_shutdown(void)
{
	mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
}

void mirage_sim_suspend(uint64_t length_ns)
{
	sim_pass(length_ns);
	mirage_core_event(MIRAGE_EVENT_RESUMED);
}

/** Only the world could go on, and nothing is planned in it. An error: what the
 *  program waits for can never come, where another backend would hang. */
static void end_deadlock(void)
{
	mirage_log(MIRAGE_LOG_ERROR,
		   "nothing can happen any more at %" PRIu64 ".%09" PRIu64
		   " s, and the program still waits:",
		   sim_now() / SIM_NS_PER_S, sim_now() % SIM_NS_PER_S);
	sim_net_explain();
	sim_block_explain();
	sim_console_explain();
	mirage_exit(1);
}

/* ----------------------------------------------------------------- Loop -- */

static void stop(struct sim_event *event)
{
	mirage_log(MIRAGE_LOG_INFO, "stopped by --until");
	mirage_exit(0);
}

static bool read_options(void)
{
	static struct sim_event end;
	const char *seed = mirage_core_option("seed");
	const char *until = mirage_core_option("until");
	uint64_t value;

	if (seed != NULL && !sim_parse_number(seed, &value)) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--seed %s: not a number from 0 to 2^64 - 1", seed);
		return false;
	}
	if (seed != NULL)
		sim_seed(value);
	if (until != NULL && !sim_parse_duration(until, &value)) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--until %s: not a duration; write digits and ns, "
			   "us, ms or s",
			   until);
		return false;
	}
	if (until != NULL)
		sim_plan(&end, value, stop);
	return sim_console_init(mirage_core_option("input"));
}

static void step(void)
{
	uint64_t next_ns;

	mirage_core_turn();
	/* A turn takes a nanosecond: no program can stop time. */
	sim_pass(1);
	if (mirage_core_ended())
		return;
	next_ns = sim_next_ns();
	if (next_ns == SIM_NEVER) {
		if (!mirage_core_ready())
			end_deadlock();
		return;
	}
	if (!mirage_core_ready() && next_ns > sim_now())
		sim_pass(next_ns - sim_now());
	sim_happen();
}

static int run(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!read_options())
		return 2;
	while (!mirage_core_ended())
		step();
	sim_console_drain();
	return mirage_core_status();
}

MIRAGE_API const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "sim",
	.ambient = &ambient,
	.run = run,
	.net_open = sim_net_open,
	.block_open = sim_block_open,
	.options = options,
	.usage = usage,
};
