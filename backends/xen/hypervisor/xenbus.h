/* SPDX-License-Identifier: ISC */
/*
 * xenbus.h: what every frontend goes through (xen/include/public/io/xenbus.h): two
 * directories of the store, the frontend's `device/KIND/HANDLE` and its backend's,
 * each with a `state` that the other side watches. The life of a connection is the
 * same for all of them and is here; what is connected is the driver's.
 */
#ifndef MIRAGE_XEN_XENBUS_H
#define MIRAGE_XEN_XENBUS_H

#include "xenstore.h"

#include <mirage-backend.h>

#define XENBUS_KEYS_MAX 24

/** How long an open waits for a backend, and a close for its letting go. */
#define XENBUS_OPEN_NS UINT64_C(30000000000)
#define XENBUS_LEAVE_NS UINT64_C(5000000000)

enum xenbus_phase {
	XENBUS_FINDING,
	XENBUS_WAITING, /* for a backend that is ready */
	XENBUS_CONNECTING,
	XENBUS_CONNECTED,
	XENBUS_LEAVING, /* for the backend to let go of what it was given */
	XENBUS_DEAD	/* it broke the protocol */
};

struct xenbus;

/** A driver's part. All run from the loop. */
struct xenbus_ops {
	/** The backend is ready: makes what is shared and tells where it is. */
	void (*connect)(struct xenbus *bus);
	/** The backend is connected; `xenbus_connected` follows, now or later. */
	void (*met)(struct xenbus *bus);
	/** The backend of a connected device spoke up again. May be NULL. */
	void (*changed)(struct xenbus *bus);
	/** The backend of a connected device is going or gone. */
	void (*lost)(struct xenbus *bus);
	/** The backend has let go, or never will: takes back what was shared. */
	void (*disconnect)(struct xenbus *bus);
	/** Answers a close, or an open with `error`, and may free the memory. */
	void (*ended)(struct xenbus *bus, int error);
};

/** A frontend's side of a device. Zeroed before `xenbus_find`. */
struct xenbus {
	char frontend[64];
	char backend[XENSTORE_PATH_MAX - 63];
	uint32_t backend_id;
	uint32_t handle;
	enum xenbus_phase phase;
	/** The backend's state when it was last looked at, an enum xenbus_state;
	 *  what it should not be is reported and left out. */
	unsigned backend_state;
	const struct xenbus_ops *ops;
	struct mirage_open *open; /* until it is answered */

	/* xenbus.c's. */
	void (*found)(struct xenbus *bus, int error);
	void (*done)(struct xenstore_batch *batch, int error);
	struct xenstore_watch watch;
	struct xenstore_batch batch, state_batch;
	struct xenstore_key keys[XENBUS_KEYS_MAX], state_key;
	struct mirage_timer open_timer, leave_timer;
	struct xenbus *next; /* of those that are in use */
	int error;	     /* what ends the open */
	bool state_again, state_late, ending;
	bool moved; /* to another domain, while it was being found */
};

/**
 * Finds the device that `open` asks for: by its URI, `vif:0`, `vbd:51712` or
 * `vbd:xvda`, or the only one there is. `found` runs from the loop or at once, with
 * 0 or an error that was logged; after an error the memory is the caller's.
 */
void xenbus_find(struct xenbus *bus, const char *kind, struct mirage_open *open,
		 void (*found)(struct xenbus *bus, int error));

/* xenbus_find.c, for xenbus.c */

/** Devices that are open or being opened. */
extern struct xenbus *xenbus_in_use;
void xenbus_unlist(struct xenbus *bus);
/** Takes the backend's directory and domain from the first two keys; false if they
 *  make no sense. */
bool xenbus_take_backend(struct xenbus *bus);

/* xenbus.c */

/** Begins to look for the backend. */
void xenbus_start(struct xenbus *bus);

/** The connection stands; the open, if there is one, has been answered. */
void xenbus_connected(struct xenbus *bus);

/** Ends an open that cannot be met: logs why, lets the backend go, then `ended`. */
void xenbus_refuse(struct xenbus *bus, int error, const char *why);

/** The backend cannot be believed any more: the device stays as it is, untouched,
 *  until it is closed. */
void xenbus_kill(struct xenbus *bus);

/** Ends the connection: `ended` runs when the backend has let go. */
void xenbus_end(struct xenbus *bus);

/** As `xenbus_end`, which the driver calls when it has nothing more to do; it is
 *  called for a driver that takes too long. */
void xenbus_end_soon(struct xenbus *bus);

/** In a new domain: forgets all connections, and looks for the backends again. */
void xenbus_resume(void);

/* ------------------------------------------------------------------ Keys -- */

/** The keys of `bus` for a batch of the driver's own: names them all, forgets old
 *  values. Only while no batch is under way, which is so in all callbacks. */
struct xenstore_key *xenbus_keys(struct xenbus *bus, const char *const names[],
				 unsigned n);

/** Reads the keys from the backend's directory or the frontend's, or writes them to
 *  the frontend's; `done` gets `bus` as the batch's `arg`. */
void xenbus_read(struct xenbus *bus, unsigned n,
		 void (*done)(struct xenstore_batch *batch, int error));
void xenbus_read_own(struct xenbus *bus, unsigned n,
		     void (*done)(struct xenstore_batch *batch, int error));
void xenbus_write(struct xenbus *bus, unsigned n);

/** Makes `key` the number `n` under `name`. */
void xenbus_put(struct xenstore_key *key, const char *name, uint64_t n);

/** The number in `key`, or `otherwise` if it is none or above `most`. */
uint64_t xenbus_number(const struct xenstore_key *key, uint64_t most,
		       uint64_t otherwise);

#endif /* MIRAGE_XEN_XENBUS_H */
