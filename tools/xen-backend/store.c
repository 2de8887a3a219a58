/* SPDX-License-Identifier: ISC */
/* The store and the events, as dom0 sees them. */
#include "backend.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct xs_handle *store;
static xenevtchn_handle *events;

void store_open(void)
{
	store = xs_open(0);
	if (store == NULL) {
		perror("xen-backend: xenstore");
		exit(1);
	}
}

int store_fd(void)
{
	return xs_fileno(store);
}

static void join(char path[128], const char *directory, const char *key)
{
	snprintf(path, 128, "%s/%s", directory, key);
}

bool store_write(const char *directory, const char *key, const char *format,
		 ...)
{
	char path[128], value[256];
	va_list args;

	join(path, directory, key);
	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	return xs_write(store, XBT_NULL, path, value, (unsigned)strlen(value));
}

char *store_read(const char *directory, const char *key)
{
	char path[128];
	unsigned length;

	join(path, directory, key);
	return xs_read(store, XBT_NULL, path, &length);
}

uint64_t store_number(const char *directory, const char *key,
		      uint64_t otherwise)
{
	char *value = store_read(directory, key), *end;
	uint64_t number;

	if (value == NULL)
		return otherwise;
	number = strtoull(value, &end, 10);
	if (end == value || *end != '\0')
		number = otherwise;
	free(value);
	return number;
}

void store_directory(const char *path, uint32_t domid, bool owned)
{
	struct xs_permissions permissions[] = {
		{.id = owned ? domid : 0, .perms = XS_PERM_NONE},
		{.id = owned ? 0 : domid, .perms = XS_PERM_READ},
	};

	if (!xs_mkdir(store, XBT_NULL, path) ||
	    !xs_set_permissions(store, XBT_NULL, path, permissions, 2))
		perror(path);
}

void store_remove(const char *path)
{
	xs_rm(store, XBT_NULL, path);
}

void store_watch(const char *path, const char *token)
{
	xs_watch(store, path, token);
}

void store_unwatch(const char *path, const char *token)
{
	xs_unwatch(store, path, token);
}

bool store_changed(char token[16])
{
	char **change = xs_check_watch(store);

	if (change == NULL)
		return false;
	snprintf(token, 16, "%s", change[XS_WATCH_TOKEN]);
	free(change);
	return true;
}

bool store_domain_exists(uint32_t domid)
{
	return xs_is_domain_introduced(store, domid);
}

uint32_t store_next_domain(uint32_t domid)
{
	uint32_t next = 0;
	unsigned n = 0;
	char **names = xs_directory(store, XBT_NULL, "/local/domain", &n);

	for (unsigned i = 0; i < n; i++) {
		uint32_t id = (uint32_t)strtoul(names[i], NULL, 10);

		if (id > domid && (next == 0 || id < next) &&
		    store_domain_exists(id))
			next = id;
	}
	free(names);
	return next;
}

/* ----------------------------------------------------------------- Events -- */

void events_open(void)
{
	events = xenevtchn_open(NULL, 0);
	if (events == NULL) {
		perror("xen-backend: event channels");
		exit(1);
	}
	fcntl(xenevtchn_fd(events), F_SETFL, O_NONBLOCK);
}

int events_fd(void)
{
	return xenevtchn_fd(events);
}

uint32_t events_bind(uint32_t domid, uint32_t port)
{
	int ours = xenevtchn_bind_interdomain(events, domid, port);

	return ours > 0 ? (uint32_t)ours : 0;
}

void events_unbind(uint32_t port)
{
	xenevtchn_unbind(events, port);
}

void events_notify(uint32_t port)
{
	xenevtchn_notify(events, port);
}

uint32_t events_next(void)
{
	int port = xenevtchn_pending(events);

	if (port <= 0)
		return 0;
	xenevtchn_unmask(events, (evtchn_port_t)port);
	return (uint32_t)port;
}
