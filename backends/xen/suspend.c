/* SPDX-License-Identifier: ISC */
/*
 * Suspension. The toolstack saves the guest's memory and its processor; what it
 * restores is a new domain around them: another shared info page, another empty
 * grant table, other event channels, other connections to console and store. When
 * the suspension was canceled everything is as it was.
 */
#include "xen.h"

#include "machine.h"
#include "xenbus.h"
#include "xenstore.h"

#include <xen/sched.h>

static void resume(void)
{
	xenstore_pause();
	xen_machine_resume();
	xen_grants_resume();
	xen_events_resume();
	xen_clock_resume();
	/* Devices forget what they had while closing a port does nothing: from
	 * then on numbers of ports are given out anew. */
	xenbus_resume();
	xen_console_init();
	xenstore_resume();
	xen_control_resume();
}

static void run(struct xen_kick *kick)
{
	bool canceled;

	xen_console_drain();
	/* Fixes where the monotonic clock stops. */
	(void)xen_clock_ops.monotonic_ns();
	canceled = xen_shutdown(SHUTDOWN_suspend);
	if (canceled)
		xen_clock_resume();
	else
		resume();
	mirage_log(MIRAGE_LOG_INFO,
		   canceled ? "suspension canceled" : "resumed");
	mirage_core_event(MIRAGE_EVENT_RESUMED);
}

void xen_suspend(void)
{
	static struct xen_kick kick = {.run = run};

	xen_kick(&kick);
}
