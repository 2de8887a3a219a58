/* SPDX-License-Identifier: ISC */
#include "xenbus.h"

#include <stdio.h>
#include <string.h>

#include <xen/io/xenbus.h>

#define DIRECTORY_ROOM 64

/* --------------------------------------------------------------- Finding -- */

static void fail(struct xenbus *bus, int error)
{
	bus->found(bus, error);
}

static const char *word(const struct xenbus *bus)
{
	return bus->open->is_net ? "--net" : "--block";
}

/** The number of `xvda`, `xvdb3`, `sda` … (docs/man/xen-vbd-interface.7). */
static bool disk_number(const char *name, uint64_t *number)
{
	unsigned disk, partition = 0;

	if (strncmp(name, "xvd", 3) != 0 || name[3] < 'a' || name[3] > 'p')
		return false;
	disk = (unsigned)(name[3] - 'a');
	for (name += 4; *name >= '0' && *name <= '9' && partition < 16; name++)
		partition = partition * 10 + (unsigned)(*name - '0');
	*number = 202u << 8 | disk << 4 | partition;
	return *name == '\0' && partition < 16;
}

/** The handle that the URI names; false if it names none. */
static bool handle_of_uri(const struct mirage_open *open, const char *kind,
			  uint64_t *handle)
{
	struct mirage_uri uri;

	if (mirage_uri_parse(&uri, open->uri) != NULL ||
	    strcmp(uri.scheme, kind) != 0 || mirage_uri_unused(&uri) != NULL)
		return false;
	return xenstore_number(uri.path, UINT32_MAX, handle) ||
	       (!open->is_net && disk_number(uri.path, handle));
}

static void got_backend(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;
	uint64_t id;

	if (!bus->keys[0].found ||
	    strlen(bus->keys[0].value) >= sizeof bus->backend ||
	    !xenstore_number(bus->keys[1].value, UINT16_MAX, &id)) {
		mirage_core_open_error(bus->open, "this guest has no %s",
				       bus->frontend);
		fail(bus, MIRAGE_ENODEV);
		return;
	}
	strcpy(bus->backend, bus->keys[0].value);
	bus->backend_id = (uint32_t)id;
	bus->found(bus, 0);
}

static void ask_backend(struct xenbus *bus, const char *kind, uint64_t handle)
{
	static const char *const names[] = {"backend", "backend-id"};

	bus->handle = (uint32_t)handle;
	snprintf(bus->frontend, sizeof bus->frontend, "device/%s/%u", kind,
		 bus->handle);
	xenbus_keys(bus, names, 2);
	bus->batch.n_keys = 2;
	bus->batch.done = got_backend;
	strcpy(bus->batch.directory, bus->frontend);
	xenstore_start(&bus->batch, XENSTORE_READ);
}

/** Puts the candidates into one line. */
static const char *candidates(const struct xenbus *bus, char *line, size_t room)
{
	size_t at = 0;

	line[0] = '\0';
	for (unsigned i = 0; i < bus->batch.n_keys && at < room; i++)
		at += (size_t)snprintf(line + at, room - at, "%s%s",
				       i > 0 ? ", " : "", bus->keys[i].value);
	return line;
}

static void got_list(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;
	const char *kind = bus->open->is_net ? "vif" : "vbd";
	char line[128];
	uint64_t handle;

	if (batch->n_keys == 0) {
		mirage_core_open_error(bus->open,
				       "this guest has no %s; give it one in "
				       "its configuration",
				       kind);
		fail(bus, MIRAGE_ENODEV);
	} else if (batch->n_keys > 1 || bus->open->any_given) {
		mirage_core_open_error(bus->open,
				       "add %s %s=%s:N to the command line; "
				       "this guest has %s",
				       word(bus), bus->open->name, kind,
				       candidates(bus, line, sizeof line));
		fail(bus, MIRAGE_ENODEV);
	} else if (!xenstore_number(bus->keys[0].value, UINT32_MAX, &handle)) {
		fail(bus, MIRAGE_ENODEV);
	} else {
		ask_backend(bus, kind, handle);
	}
}

void xenbus_find(struct xenbus *bus, const char *kind,
		 const struct mirage_open *open,
		 void (*found)(struct xenbus *bus, int error))
{
	uint64_t handle;

	bus->open = open;
	bus->found = found;
	bus->batch.arg = bus;
	bus->batch.keys = bus->keys;
	if (open->uri == NULL) {
		snprintf(bus->batch.directory, sizeof bus->batch.directory,
			 "device/%s", kind);
		bus->batch.n_keys = XENBUS_KEYS_MAX;
		bus->batch.done = got_list;
		xenstore_start(&bus->batch, XENSTORE_LIST);
	} else if (handle_of_uri(open, kind, &handle)) {
		ask_backend(bus, kind, handle);
	} else {
		mirage_core_open_error(open, "expected %s=%s:N%s", open->name,
				       kind,
				       open->is_net ? "" : " or vbd:xvda");
		fail(bus, MIRAGE_EINVAL);
	}
}

/* ---------------------------------------------------------------- States -- */

static void read_state(struct xenbus *bus);

static void got_state(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;
	uint64_t state;

	if (bus->state_again)
		read_state(bus);
	if (!bus->state_key.found)
		state = XenbusStateClosed; /* the backend's directory is gone */
	else if (!xenstore_number(bus->state_key.value, XenbusStateReconfigured,
				  &state)) {
		mirage_log(MIRAGE_LOG_WARN, "%s: state '%s' makes no sense",
			   bus->backend, bus->state_key.value);
		return;
	}
	bus->backend_state = (unsigned)state;
	bus->on_state(bus, (unsigned)state);
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

void xenbus_watch(struct xenbus *bus)
{
	snprintf(bus->watch.path, sizeof bus->watch.path, "%s/state",
		 bus->backend);
	bus->watch.changed = changed;
	bus->watch.arg = bus;
	xenstore_watch(&bus->watch);
}

void xenbus_forget(struct xenbus *bus)
{
	xenstore_unwatch(&bus->watch);
	xenstore_cancel(&bus->batch);
	xenstore_cancel(&bus->state_batch);
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

static void start(struct xenbus *bus, unsigned n, const char *directory,
		  enum xenstore_kind kind,
		  void (*done)(struct xenstore_batch *, int))
{
	bus->batch.n_keys = n;
	bus->batch.keys = bus->keys;
	bus->batch.arg = bus;
	bus->batch.done = done;
	snprintf(bus->batch.directory, sizeof bus->batch.directory, "%s",
		 directory);
	xenstore_start(&bus->batch, kind);
}

void xenbus_read(struct xenbus *bus, unsigned n,
		 void (*done)(struct xenstore_batch *batch, int error))
{
	start(bus, n, bus->backend, XENSTORE_READ, done);
}

void xenbus_write(struct xenbus *bus, unsigned n,
		  void (*done)(struct xenstore_batch *batch, int error))
{
	start(bus, n, bus->frontend, XENSTORE_WRITE, done);
}
