/* SPDX-License-Identifier: ISC */
/*
 * xenbus.h: what every frontend goes through (xen/include/public/io/xenbus.h): two
 * directories of the store, the frontend's `device/KIND/HANDLE` and its backend's,
 * each with a `state` that the other side watches.
 */
#ifndef MIRAGE_XEN_XENBUS_H
#define MIRAGE_XEN_XENBUS_H

#include "xenstore.h"

#include <mirage-backend.h>

#define XENBUS_KEYS_MAX 24

/** A frontend's side of a device. Zeroed before `xenbus_find`. */
struct xenbus {
	char frontend[64];
	char backend[XENSTORE_PATH_MAX - 63];
	uint32_t backend_id;
	uint32_t handle;
	/** The backend's state when it was last looked at, an enum xenbus_state;
	 *  what it should not be is reported and left out. */
	unsigned backend_state;

	/** Called from the loop whenever the backend has, or again has, a state. */
	void (*on_state)(struct xenbus *bus, unsigned state);

	/* xenbus.c's. */
	void (*found)(struct xenbus *bus, int error);
	const struct mirage_open *open;
	struct xenstore_watch watch;
	struct xenstore_batch batch, state_batch;
	struct xenstore_key keys[XENBUS_KEYS_MAX], state_key;
	bool state_again;
};

/**
 * Finds the device that `open` asks for: by its URI, `vif:0`, `vbd:51712` or
 * `vbd:xvda`, or the only one there is. `found` runs from the loop with 0, or an
 * error that was logged.
 */
void xenbus_find(struct xenbus *bus, const char *kind,
		 const struct mirage_open *open,
		 void (*found)(struct xenbus *bus, int error));

/** Begins to call `on_state`. */
void xenbus_watch(struct xenbus *bus);

/** Ends all calls; the memory is the caller's again. */
void xenbus_forget(struct xenbus *bus);

/** The keys of `bus` for a batch of the driver's own: names them all, forgets old
 *  values. */
struct xenstore_key *xenbus_keys(struct xenbus *bus, const char *const names[],
				 unsigned n);

/** Reads the keys from the backend's directory, or writes them to the frontend's;
 *  `done` gets `bus` as the batch's `arg`. */
void xenbus_read(struct xenbus *bus, unsigned n,
		 void (*done)(struct xenstore_batch *batch, int error));
void xenbus_write(struct xenbus *bus, unsigned n,
		  void (*done)(struct xenstore_batch *batch, int error));

#endif /* MIRAGE_XEN_XENBUS_H */
