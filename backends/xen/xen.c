/* SPDX-License-Identifier: ISC */
/* The Xen backend: its loop and its end. */
#include "xen.h"

#include "block.h"
#include "hypercall.h"
#include "machine.h"
#include "net.h"
#include "xenstore.h"

#include <xen/sched.h>

#define TURNS_MAX 64

static struct xen_kick *kicks, **kicks_end = &kicks;

void xen_kick(struct xen_kick *kick)
{
	if (kick->queued)
		return;
	kick->queued = true;
	kick->next = NULL;
	*kicks_end = kick;
	kicks_end = &kick->next;
}

void xen_kicks_run(void)
{
	struct xen_kick *list = kicks, *next;

	kicks = NULL;
	kicks_end = &kicks;
	for (; list != NULL; list = next) {
		next = list->next;
		list->queued = false;
		list->run(list);
	}
}

/** Turns until there is nothing to do at once; the world gets its chance in
 *  between. */
static void run_turns(void)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		mirage_core_turn();
		xen_kicks_run();
		if (mirage_core_ended() ||
		    (xen_time_wanted_ns() != 0 && kicks == NULL))
			return;
	}
}

/** Whether the loop may sleep. */
static bool is_idle(void)
{
	return xen_time_wanted_ns() != 0 && kicks == NULL;
}

/* Whoever answers a peer or waits for a disk is woken again soon. To sleep and to be
 * woken costs more than such a wait, so the loop looks for itself this long before
 * it sleeps: after a wait that was shorter, and only then. */
#define LINGER_NS 200000u

/** Whether the world had something for us. */
static bool look(void)
{
	bool events = xen_events_run();

	return xen_polls_look() || events;
}

/** Looks until `deadline_ns`; returns whether something came. */
static bool linger(uint64_t deadline_ns)
{
	while (xen_clock_ops.monotonic_ns() < deadline_ns) {
		if (look())
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/** Waits for an event, and sees to it, or for the moment that the core wants. */
static void await_event(void)
{
	static bool lingers;
	uint64_t start_ns = xen_clock_ops.monotonic_ns();
	uint64_t short_ns = start_ns + LINGER_NS;
	uint64_t wanted_ns = xen_time_wanted_ns();

	if (lingers && linger(wanted_ns < short_ns ? wanted_ns : short_ns))
		return;
	if (xen_polls_arm())
		return;
	xen_events_wait(wanted_ns);
	lingers = look() && xen_clock_ops.monotonic_ns() < short_ns;
}

static bool store_ready;

static void init_store(void)
{
	if (!store_ready)
		xenstore_init();
	store_ready = true;
}

static uint64_t hypercalls_to_start, ticks_to_start;

static int run(void)
{
	init_store();
	xen_control_init();
	hypercalls_to_start = xen_hypercall_count;
	ticks_to_start = xen_tsc() - xen_entry_tsc;
	for (;;) {
		run_turns();
		if (mirage_core_ended())
			return mirage_core_status();
		if (!look() && is_idle())
			await_event();
	}
}

static void tell_summary(void)
{
	xen_libc_summary();
	mirage_log(
		MIRAGE_LOG_DEBUG,
		"hypercalls: %llu to start, %llu total; %llu us to start; "
		"%u grants in use, %u leaked; %zu KiB free",
		(unsigned long long)hypercalls_to_start,
		(unsigned long long)xen_hypercall_count,
		(unsigned long long)(xen_clock_ticks_ns(ticks_to_start) / 1000),
		xen_grants_in_use, xen_grants_leaked,
		xen_pages_free_count() * XEN_PAGE_BYTES / 1024);
}

void xen_exit(int status)
{
	/* A mistake in the options ends the program before the loop began. */
	init_store();
	xen_control_exit_status(status);
	tell_summary();
	xen_console_drain();
	for (;;)
		xen_shutdown(xen_control_reboot ? SHUTDOWN_reboot
						: SHUTDOWN_poweroff);
}

static void net_open(struct mirage_open *open)
{
	xen_net_open(open);
}

static void block_open(struct mirage_open *open)
{
	xen_block_open(open);
}

static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &xen_console_ops,
	.clock = &xen_clock_ops,
	.time = &xen_time_ops,
	.random = &xen_random_ops,
};

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "xen",
	.ambient = &ambient,
	.run = run,
	.net_open = net_open,
	.block_open = block_open,
};
