/* SPDX-License-Identifier: ISC */
/* A backend's part of meeting a frontend, as Linux's backends play it. */
#include "backend.h"

#include <stdio.h>
#include <sys/mman.h>

xengnttab_handle *grants;

void device_set_state(struct device *device, unsigned state)
{
	device->state = state;
	store_write(device->back, "state", "%u", state);
}

void device_add(struct device *device, const struct device_ops *ops,
		uint32_t domid, const char *kind, unsigned handle)
{
	device->ops = ops;
	device->domid = domid;
	snprintf(device->front, sizeof(device->front),
		 "/local/domain/%u/device/%s/%u", domid, kind, handle);
	/* Not where Linux looks for devices of its own. */
	snprintf(device->back, sizeof(device->back),
		 "/local/domain/0/played/%s/%u/%u", kind, domid, handle);
	store_directory(device->back, domid, false);
	store_directory(device->front, domid, true);
	store_write(device->back, "frontend", "%s", device->front);
	store_write(device->back, "frontend-id", "%u", domid);
	store_write(device->back, "online", "1");
	store_write(device->front, "backend", "%s", device->back);
	store_write(device->front, "backend-id", "0");
	store_write(device->front, "state", "%u", XenbusStateInitialising);
	ops->offer(device);
	device_set_state(device, XenbusStateInitWait);
}

static void disconnect(struct device *device)
{
	if (!device->connected)
		return;
	device->ops->disconnect(device);
	if (device->port != 0)
		events_unbind(device->port);
	device->port = 0;
	device->connected = false;
}

void device_remove(struct device *device)
{
	disconnect(device);
	store_remove(device->back);
	store_remove(device->front);
}

static void connect(struct device *device)
{
	if (device->connected || device->lost)
		return;
	if (!device->ops->connect(device)) {
		fprintf(stderr, "%s: cannot connect\n", device->front);
		return;
	}
	device->connected = true;
	device_set_state(device, XenbusStateConnected);
	device->ops->serve(device);
}

void device_look(struct device *device)
{
	unsigned state = (unsigned)store_number(device->front, "state", 0);

	device->front_state = state;
	if (state == XenbusStateInitialising &&
	    device->state == XenbusStateClosed && !device->lost) {
		device->ops->offer(device);
		device_set_state(device, XenbusStateInitWait);
	} else if ((state == XenbusStateInitialised ||
		    state == XenbusStateConnected) &&
		   device->state == XenbusStateInitWait) {
		connect(device);
	} else if (state == XenbusStateClosing || state == XenbusStateClosed) {
		disconnect(device);
		if (device->state != XenbusStateClosed)
			device_set_state(device, XenbusStateClosed);
	}
}

void device_lose(struct device *device, bool lost)
{
	if (device->lost == lost)
		return;
	device->lost = lost;
	device_look(device);
	if (lost) {
		disconnect(device);
		device_set_state(device, XenbusStateClosed);
	} else if (device->front_state != XenbusStateClosing &&
		   device->front_state != XenbusStateClosed) {
		device->ops->offer(device);
		device_set_state(device, XenbusStateInitWait);
	}
}

void device_notify(struct device *device)
{
	if (device->port != 0)
		events_notify(device->port);
}

unsigned device_breach_needs(enum world_breach breach)
{
	switch (breach) {
	case WORLD_SILENT:
	case WORLD_NONSENSE:
	case WORLD_REFUSE:
		return 0;
	case WORLD_TWICE:
	case WORLD_STATUS:
		return 2;
	default:
		return 1;
	}
}

/* The state is what it was in the end, and so the frontend looks at the rest. */
void device_nonsense(struct device *device, const char *key)
{
	store_write(device->back, "state", "-3");
	store_write(device->back, "state", "99999999999999999999");
	store_write(device->back, "state", "up");
	store_write(device->back, key, "-1");
	device_set_state(device, device->state);
}

void *device_map(struct device *device, const uint32_t *references, unsigned n)
{
	uint32_t copy[RING_PAGES_MAX];

	for (unsigned i = 0; i < n; i++)
		copy[i] = references[i];
	return xengnttab_map_domain_grant_refs(grants, n, device->domid, copy,
					       PROT_READ | PROT_WRITE);
}
