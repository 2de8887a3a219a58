/* SPDX-License-Identifier: ISC */
/*
 * fake.h: a hypervisor made of variables, for the Xen drivers on the host. Grants,
 * events and xenstored are played from the other side; the clock stands still until
 * it is told to move. A test runs the loop until nothing is due, looks, and acts.
 */
#ifndef FAKE_XEN_H
#define FAKE_XEN_H

#include "hypervisor.h"

#include <mirage-backend.h>

#define FAKE_GRANTS 4096
#define FAKE_PORTS 32
#define FAKE_NODES 256
#define FAKE_WATCHES 128

struct fake {
	uint64_t now_ns, wake_ns;
	char log[16384]; /* lines since it was last emptied */
	size_t pages_in_use;
	uint32_t grants_max;  /* how many there may be at once */
	uint32_t pages_left;  /* how many more may be taken */
	uint64_t notified;    /* notifications sent by the guest */
	unsigned conflicts;   /* transactions that are to fail with EAGAIN */
	bool store_is_silent; /* xenstored does not look at its ring */
	uint64_t store_requests;
	unsigned domid; /* the guest's: backends' directories have it */
	/** Called for each of them; true when it has answered, or will not. */
	bool (*on_store)(uint32_t type, uint32_t id, uint32_t transaction,
			 const char *text, uint32_t length);
};

extern struct fake fake;

/** Begins: the core runs, with the NULL-ended arguments, and nothing is open. */
void fake_start(const char *arguments[]);

/** Runs the loop until nothing is due now. Aborts if that takes too long. */
void fake_settle(void);

/** One round of the loop, in which everybody has a turn; false when nobody had
 *  anything to do. */
bool fake_step(void);

/** Suspends the guest, which is another domain afterwards, with an empty store and
 *  nobody on the other side. */
void fake_suspend(void);
/** And lets it go on, when its devices are there again. */
void fake_resume(void);

/** Moves the clock, running what comes due on the way. */
void fake_advance(uint64_t ns);

/** A player on the other side: `step` returns whether it did anything. */
struct fake_player {
	bool (*step)(struct fake_player *player);
	struct fake_player *next;
};

void fake_play(struct fake_player *player);
void fake_stop(struct fake_player *player);

/* ---------------------------------------------------------------- Grants -- */

/** Maps the page of a grant; NULL if there is no such grant, or it may only be
 *  read. Mapped until `fake_unmap`. */
void *fake_map(uint32_t reference, bool write);
void fake_unmap(uint32_t reference);

/** The page of a grant for one copy, or NULL. */
void *fake_page(uint32_t reference, bool write);

/** Unmaps all pages, also those that the guest gave up. */
void fake_unmap_all(void);

/* ---------------------------------------------------------------- Events -- */

/** Notifies the guest; a port that is closed is passed over. */
void fake_raise(uint32_t port);

/** Whether the guest has notified through `port` since it was last asked. */
bool fake_raised(uint32_t port);

/** A port is open. */
bool fake_port_open(uint32_t port);
unsigned fake_ports_open(void);

/* ----------------------------------------------------------------- Store -- */

/** Sets a node, and fires watches; NULL removes it and all below it. */
void fake_set(const char *path, const char *value);
void fake_setf(const char *path, const char *format, ...) MIRAGE_PRINTF(2, 3);
const char *fake_get(const char *path); /* NULL if there is none */
/** The number at `path`, or -1. */
long fake_get_number(const char *path);
/** Reads of `path` show `value` and `other` in turn. */
void fake_flip(const char *path, const char *value, const char *other);

/** Puts a message on the ring to the guest, as it is. */
void fake_store_reply(uint32_t type, uint32_t id, uint32_t transaction,
		      const void *text, uint32_t length);
/** Puts bytes there. */
void fake_store_bytes(const void *bytes, uint32_t length);
struct xenstore_domain_interface *fake_store_page(void);
/** Makes the indices of the ring nonsense, and tells the guest. */
void fake_store_break(void);
unsigned fake_watches(void);
/** Forgets everything and connects anew. */
void fake_store_reset(void);
/** Forgets everything; the guest has not noticed. */
void fake_store_forget(void);
/** Plays xenstored; returns whether there was anything to do. */
bool fake_store_step(void);
void fake_store_notified(void);
uint32_t fake_store_bind(void (*on_event)(void *arg));

#endif /* FAKE_XEN_H */
