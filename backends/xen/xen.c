/* SPDX-License-Identifier: ISC */
/* The Xen backend: its loop and its end. */
#include "xen.h"

#include "block.h"
#include "machine.h"
#include "net.h"
#include "xenstore.h"

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

static void run_kicks(void)
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

static void run_turns(void)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		mirage_core_turn();
		run_kicks();
		if (mirage_core_ended() || xen_time_wanted_ns() != 0)
			return;
	}
}

static int run(void)
{
	xenstore_init();
	xen_control_init();
	for (;;) {
		run_turns();
		if (mirage_core_ended())
			return mirage_core_status();
		if (!xen_events_run() && xen_time_wanted_ns() != 0)
			xen_events_wait(xen_time_wanted_ns());
	}
}

void xen_exit(int status)
{
	xen_control_exit_status(status);
	xen_console_drain();
	xen_poweroff();
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
