/* SPDX-License-Identifier: ISC */
/* Which device an open means, and where its backend is. */
#include "xenbus.h"

#include <stdio.h>
#include <string.h>

struct xenbus *xenbus_in_use;

void xenbus_unlist(struct xenbus *bus)
{
	struct xenbus **at = &xenbus_in_use;

	while (*at != bus)
		at = &(*at)->next;
	*at = bus->next;
}

static bool is_in_use(const struct xenbus *bus)
{
	for (const struct xenbus *b = xenbus_in_use; b != NULL; b = b->next)
		if (strcmp(b->frontend, bus->frontend) == 0)
			return true;
	return false;
}

static void fail(struct xenbus *bus, int error)
{
	bus->found(bus, error);
}

static const char *word(const struct xenbus *bus)
{
	return bus->open->kind == MIRAGE_OPEN_NET ? "--net" : "--block";
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
	       (open->kind != MIRAGE_OPEN_NET && disk_number(uri.path, handle));
}

bool xenbus_take_backend(struct xenbus *bus)
{
	uint64_t id;

	if (bus->keys[0].value[0] == '\0' ||
	    strlen(bus->keys[0].value) >= sizeof bus->backend ||
	    !xenstore_number(bus->keys[1].value, UINT16_MAX, &id))
		return false;
	strcpy(bus->backend, bus->keys[0].value);
	bus->backend_id = (uint32_t)id;
	return true;
}

static void got_backend(struct xenstore_batch *batch, int error)
{
	struct xenbus *bus = batch->arg;

	if (!xenbus_take_backend(bus)) {
		mirage_core_open_error(bus->open, "this guest has no %s",
				       bus->frontend);
		xenbus_unlist(bus);
		fail(bus, MIRAGE_ENODEV);
		return;
	}
	bus->found(bus, 0);
}

static void ask_backend(struct xenbus *bus, const char *kind, uint64_t handle)
{
	static const char *const names[] = {"backend", "backend-id"};

	bus->handle = (uint32_t)handle;
	snprintf(bus->frontend, sizeof bus->frontend, "device/%s/%u", kind,
		 bus->handle);
	if (is_in_use(bus)) {
		mirage_core_open_error(bus->open,
				       "%s is open under another name",
				       bus->frontend);
		fail(bus, MIRAGE_EBUSY);
		return;
	}
	bus->next = xenbus_in_use;
	xenbus_in_use = bus;
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
	const char *kind = bus->open->kind == MIRAGE_OPEN_NET ? "vif" : "vbd";
	char line[128];
	uint64_t handle;

	if (error < 0 || batch->n_keys == 0) {
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
		mirage_core_open_error(bus->open, "device/%s/%s is no device",
				       kind, bus->keys[0].value);
		fail(bus, MIRAGE_ENODEV);
	} else {
		ask_backend(bus, kind, handle);
	}
}

void xenbus_find(struct xenbus *bus, const char *kind, struct mirage_open *open,
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
				       open->kind == MIRAGE_OPEN_NET ? "" : " or vbd:xvda");
		fail(bus, MIRAGE_EINVAL);
	}
}
