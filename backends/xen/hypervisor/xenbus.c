/* SPDX-License-Identifier: ISC */
#include "xenbus.h"

#include <stdio.h>
#include <string.h>

#include <xen/io/xenbus.h>

/* ----------------------------------------------------------- Connecting -- */

static void set_state(struct xenbus *bus, unsigned state)
{
	xenbus_put(&xenbus_keys(bus, NULL, 0)[0], "state", state);
	xenbus_write(bus, 1);
}

/** Whether a backend in `state` has nothing of ours mapped. */
static bool has_let_go(unsigned state)
{
	return state == XenbusStateUnknown ||
	       state == XenbusStateInitialising ||
	       state == XenbusStateInitWait || state == XenbusStateClosed;
}

static void forget(struct xenbus *bus)
{
	mirage_timer_cancel(&bus->open_timer);
	xenstore_unwatch(&bus->watch);
	xenstore_cancel(&bus->batch);
	xenstore_cancel(&bus->state_batch);
	xenbus_unlist(bus);
}

/** The backend has let go: it may come back, or that was all. Returns false then,
 *  and the memory may be gone. */
static bool left(struct xenbus *bus)
{
	mirage_timer_cancel(&bus->leave_timer);
	bus->ops->disconnect(bus);
	bus->phase = XENBUS_WAITING;
	if (!bus->ending)
		return true;
	forget(bus);
	bus->ops->ended(bus, bus->error);
	return false;
}

static void not_left(void *arg)
{
	struct xenbus *bus = arg;

	mirage_log(MIRAGE_LOG_WARN, "%s: does not let go of our pages",
		   bus->backend);
	left(bus);
}

static void leave(struct xenbus *bus)
{
	bus->phase = XENBUS_LEAVING;
	mirage_timer_start(&bus->leave_timer,
			   mirage_clock_monotonic_ns() + XENBUS_LEAVE_NS,
			   not_left, bus);
	/* Looked at again when the store has our state. */
	bus->state_late = true;
	xenstore_cancel(&bus->batch);
	set_state(bus, XenbusStateClosed);
}

/** As `left`. */
static bool lose(struct xenbus *bus, unsigned state)
{
	bool was_connected = bus->phase == XENBUS_CONNECTED;

	bus->phase = XENBUS_LEAVING;
	if (was_connected)
		bus->ops->lost(bus);
	/* Who has closed or is about to waits for us to say the same. */
	if (state == XenbusStateClosing || state == XenbusStateClosed) {
		leave(bus);
		return true;
	}
	if (!left(bus))
		return false;
	/* What we had published is no more; then it is looked at again. */
	bus->state_late = true;
	set_state(bus, XenbusStateInitialising);
	return true;
}

static void got_online(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;

	if (xenbus_number(&bus->keys[0], 1, 0) == 1)
		set_state(bus, XenbusStateInitialising);
}

/** A backend that has closed begins again when we do, unless it is to go. */
static void wake(struct xenbus *bus)
{
	static const char *const names[] = {"online"};

	xenbus_keys(bus, names, 1);
	xenbus_read(bus, 1, got_online);
}

static void look_for(struct xenbus *bus, unsigned state)
{
	if (state == XenbusStateInitWait || state == XenbusStateInitialised) {
		bus->phase = XENBUS_CONNECTING;
		bus->ops->connect(bus);
	} else if (state == XenbusStateClosed) {
		wake(bus);
	}
}

/** As `left`. */
static bool look_at(struct xenbus *bus, unsigned state)
{
	if (state == XenbusStateConnected) {
		if (bus->phase == XENBUS_CONNECTING)
			bus->ops->met(bus);
		else if (bus->ops->changed != NULL)
			bus->ops->changed(bus);
	} else if (state == XenbusStateClosing ||
		   (has_let_go(state) && (bus->phase == XENBUS_CONNECTED ||
					  state != XenbusStateInitWait))) {
		return lose(bus, state);
	}
	return true;
}

/** Acts upon the backend's state, when no batch is under way. */
static void act(struct xenbus *bus)
{
	unsigned state = bus->backend_state;
	bool goes_on = true;

	if (!bus->state_late || bus->batch.busy)
		return;
	bus->state_late = false;
	if (bus->phase == XENBUS_CONNECTING || bus->phase == XENBUS_CONNECTED) {
		goes_on = look_at(bus, state);
	} else if (bus->phase == XENBUS_LEAVING && has_let_go(state)) {
		goes_on = left(bus);
	}
	if (goes_on && bus->phase == XENBUS_WAITING && !bus->batch.busy)
		look_for(bus, state);
}

/* ---------------------------------------------------------------- States -- */

static void read_state(struct xenbus *bus);

static void got_state(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;
	uint64_t state = XenbusStateUnknown; /* the directory is gone */

	if (bus->state_again)
		read_state(bus);
	if (error < 0)
		return;
	if (bus->state_key.found &&
	    !xenstore_number(bus->state_key.value, XenbusStateReconfigured,
			     &state)) {
		mirage_log(MIRAGE_LOG_WARN, "%s: state '%s' makes no sense",
			   bus->backend, bus->state_key.value);
		return;
	}
	bus->backend_state = (unsigned)state;
	bus->state_late = true;
	act(bus);
}

static void read_state(struct xenbus *bus)
{
	if (bus->state_batch.busy) {
		bus->state_again = true;
		return;
	}
	bus->state_again = false;
	bus->state_key.name = "state";
	bus->state_batch.keys = &bus->state_key;
	bus->state_batch.n_keys = 1;
	bus->state_batch.arg = bus;
	bus->state_batch.done = got_state;
	strcpy(bus->state_batch.directory, bus->backend);
	xenstore_start(&bus->state_batch, XENSTORE_READ);
}

static void changed(struct xenstore_watch *watch)
{
	read_state(watch->arg);
}

static void no_backend(void *arg)
{
	xenbus_refuse(arg, MIRAGE_ETIMEDOUT,
		      "does not answer; is its driver running?");
}

static void watch_backend(struct xenbus *bus)
{
	snprintf(bus->watch.path, sizeof bus->watch.path, "%s/state",
		 bus->backend);
	bus->watch.changed = changed;
	bus->watch.arg = bus;
	xenstore_watch(&bus->watch);
}

static void got_backend_again(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;

	if (!xenbus_take_backend(bus)) {
		mirage_log(MIRAGE_LOG_WARN,
			   "after the suspension this guest has no %s",
			   bus->frontend);
		return;
	}
	watch_backend(bus);
}

static void find_backend_again(struct xenbus *bus)
{
	static const char *const names[] = {"backend", "backend-id"};

	bus->moved = false;
	xenbus_keys(bus, names, 2);
	xenbus_read_own(bus, 2, got_backend_again);
}

void xenbus_start(struct xenbus *bus)
{
	bus->phase = XENBUS_WAITING;
	mirage_timer_start(&bus->open_timer,
			   mirage_clock_monotonic_ns() + XENBUS_OPEN_NS,
			   no_backend, bus);
	if (bus->moved)
		find_backend_again(bus);
	else
		watch_backend(bus);
}

static void resume(struct xenbus *bus)
{
	xenstore_cancel(&bus->batch);
	xenstore_cancel(&bus->state_batch);
	xenstore_unwatch(&bus->watch);
	bus->state_again = bus->state_late = false;
	if (bus->phase == XENBUS_CONNECTED) {
		bus->phase = XENBUS_LEAVING;
		bus->ops->lost(bus);
	}
	if (left(bus))
		find_backend_again(bus);
}

void xenbus_resume(void)
{
	struct xenbus *next;

	for (struct xenbus *bus = xenbus_in_use; bus != NULL; bus = next) {
		next = bus->next;
		if (bus->phase == XENBUS_FINDING)
			bus->moved = true;
		else if (bus->phase != XENBUS_DEAD)
			resume(bus);
	}
}

void xenbus_connected(struct xenbus *bus)
{
	bus->phase = XENBUS_CONNECTED;
	bus->open = NULL;
	mirage_timer_cancel(&bus->open_timer);
}

void xenbus_refuse(struct xenbus *bus, int error, const char *why)
{
	mirage_core_open_error(bus->open, "%s: %s", bus->backend, why);
	bus->error = error;
	xenbus_end(bus);
}

void xenbus_kill(struct xenbus *bus)
{
	bus->phase = XENBUS_DEAD;
}

static void leave_now(void *arg)
{
	leave(arg);
}

void xenbus_end_soon(struct xenbus *bus)
{
	bus->ending = true;
	mirage_timer_start(&bus->leave_timer,
			   mirage_clock_monotonic_ns() + XENBUS_LEAVE_NS,
			   leave_now, bus);
}

void xenbus_end(struct xenbus *bus)
{
	bus->ending = true;
	if (bus->phase != XENBUS_LEAVING)
		leave(bus);
}

/* ------------------------------------------------------------------ Keys -- */

struct xenstore_key *xenbus_keys(struct xenbus *bus, const char *const names[],
				 unsigned n)
{
	memset(bus->keys, 0, sizeof bus->keys);
	for (unsigned i = 0; i < n; i++)
		bus->keys[i].name = names[i];
	return bus->keys;
}

static void batch_done(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;

	bus->done(batch, error);
	act(bus);
}

static void start(struct xenbus *bus, unsigned n, const char *directory,
		  enum xenstore_kind kind,
		  void (*done)(struct xenstore_batch *, int))
{
	bus->batch.n_keys = n;
	bus->batch.done = batch_done;
	bus->done = done;
	snprintf(bus->batch.directory, sizeof bus->batch.directory, "%s",
		 directory);
	xenstore_start(&bus->batch, kind);
}

void xenbus_read(struct xenbus *bus, unsigned n,
		 void (*done)(struct xenstore_batch *batch, int error))
{
	start(bus, n, bus->backend, XENSTORE_READ, done);
}

void xenbus_read_own(struct xenbus *bus, unsigned n,
		     void (*done)(struct xenstore_batch *batch, int error))
{
	start(bus, n, bus->frontend, XENSTORE_READ, done);
}

static void written(struct xenstore_batch *batch, int error)
{
	const struct xenbus *bus = batch->arg;

	if (error < 0)
		mirage_log(MIRAGE_LOG_WARN, "%s: cannot write to xenstore: %s",
			   bus->frontend, mirage_strerror(error));
}

void xenbus_write(struct xenbus *bus, unsigned n)
{
	start(bus, n, bus->frontend, XENSTORE_WRITE, written);
}

void xenbus_put(struct xenstore_key *key, const char *name, uint64_t n)
{
	key->name = name;
	snprintf(key->value, sizeof key->value, "%llu", (unsigned long long)n);
}

uint64_t xenbus_number(const struct xenstore_key *key, uint64_t most,
		       uint64_t otherwise)
{
	uint64_t value;

	return xenstore_number(key->value, most, &value) ? value : otherwise;
}
