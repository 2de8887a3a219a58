/* SPDX-License-Identifier: ISC */
/*
 * What the toolstack and the guest say to each other in the store: requests to
 * shut down (docs/misc/xenstore-paths.pandoc, ~/control/shutdown), and the exit
 * status, for which Xen itself has no place.
 */
#include "xen.h"

#include "machine.h"
#include "xenstore.h"

#include <stdio.h>
#include <string.h>

/* How long the store may take for the exit status. */
#define PATIENCE_NS UINT64_C(10000000000)

static struct xenstore_watch watch = {.path = "control/shutdown"};
static struct xenstore_key request = {.name = "shutdown"};
static struct xenstore_key answer = {.name = "shutdown"};
static struct xenstore_key features[] = {
	{.name = "feature-poweroff", .value = "1"},
	{.name = "feature-reboot", .value = "1"},
	{.name = "feature-suspend", .value = "1"},
};
static struct xenstore_batch reading = {.directory = "control"};
static struct xenstore_batch answering = {.directory = "control"};
static struct xenstore_batch publishing = {.directory = "control"};

bool xen_control_reboot;

static void nothing(struct xenstore_batch *batch, int error)
{
}

static bool suspending;

/** The toolstack waits for the answer first, and then for the deed. */
static void answered(struct xenstore_batch *batch, int error)
{
	if (suspending)
		xen_suspend();
	suspending = false;
}

static void obey(const char *what)
{
	if (strcmp(what, "suspend") == 0) {
		suspending = true;
	} else if (strcmp(what, "poweroff") == 0 || strcmp(what, "halt") == 0 ||
		   strcmp(what, "reboot") == 0) {
		xen_control_reboot = strcmp(what, "reboot") == 0;
		mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
	} else {
		mirage_log(MIRAGE_LOG_WARN,
			   "control/shutdown: '%s' is not supported", what);
	}
}

static void got_request(struct xenstore_batch *batch, int error)
{
	/* What comes while one is answered is found by the watch afterwards:
	 * the answer changes the node. */
	if (!request.found || request.value[0] == '\0' || answering.busy)
		return;
	obey(request.value);
	/* An empty value says that it was seen. */
	answering.keys = &answer;
	answering.n_keys = 1;
	answering.done = answered;
	xenstore_start(&answering, XENSTORE_WRITE);
}

static void changed(struct xenstore_watch *w)
{
	if (reading.busy)
		return;
	reading.keys = &request;
	reading.n_keys = 1;
	reading.done = got_request;
	xenstore_start(&reading, XENSTORE_READ);
}

static void publish(void)
{
	if (publishing.busy)
		return;
	publishing.keys = features;
	publishing.n_keys = sizeof features / sizeof *features;
	publishing.done = nothing;
	xenstore_start(&publishing, XENSTORE_WRITE);
}

void xen_control_init(void)
{
	publish();
	watch.changed = changed;
	xenstore_watch(&watch);
}

/* The watch is set again by the store's client. */
void xen_control_resume(void)
{
	publish();
}

/* The loop has ended: nobody else runs, so this may wait, but not for long. */
void xen_control_exit_status(int status)
{
	static struct xenstore_key key = {.name = "exit-status"};
	static struct xenstore_batch batch = {.directory = "data"};
	uint64_t deadline_ns = xen_clock_ops.monotonic_ns() + PATIENCE_NS;

	snprintf(key.value, sizeof key.value, "%d", status);
	batch.keys = &key;
	batch.n_keys = 1;
	batch.done = nothing;
	xenstore_start(&batch, XENSTORE_WRITE);
	while (batch.busy && xen_clock_ops.monotonic_ns() < deadline_ns) {
		xen_kicks_run();
		if (batch.busy && !xen_events_run())
			xen_events_wait(deadline_ns);
	}
}
