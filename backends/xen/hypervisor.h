/* SPDX-License-Identifier: ISC */
/*
 * hypervisor.h: all that a driver knows of Xen. Two implementations: the guest's
 * (hypervisor/) and, for tests and fuzzers on the host, a fake one in which the
 * other side of every ring can be played (tests/xen/fake.c). Nothing here waits.
 */
#ifndef MIRAGE_XEN_HYPERVISOR_H
#define MIRAGE_XEN_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XEN_PAGE_BYTES 4096u

/* --------------------------------------------------------------- Memory -- */

/** Takes `n` zeroed pages in a row, or returns NULL. */
void *xen_pages_alloc(size_t n);
void xen_pages_free(void *pages, size_t n);

/* --------------------------------------------------------------- Grants -- */

/** No grant; Xen reserves the first references for itself. */
#define XEN_GRANT_NONE 0u

/** Lets domain `domid` map or copy the page at `page`. Returns the reference, or
 *  XEN_GRANT_NONE when the table is full. */
uint32_t xen_grant(uint32_t domid, const void *page, bool read_only);

/** Takes a grant back. Returns false while the other side still holds it: then the
 *  reference and its page stay out, counted in `xen_grants_leaked`. */
bool xen_grant_end(uint32_t reference);

extern uint32_t xen_grants_in_use, xen_grants_leaked;

/* --------------------------------------------------------------- Events -- */

/** Makes an event channel that domain `domid` may connect to, and calls `on_event`
 *  from the loop whenever it was notified. Returns its port, or 0. */
uint32_t xen_event_open(uint32_t domid, void (*on_event)(void *arg), void *arg);
void xen_event_close(uint32_t port);
void xen_event_notify(uint32_t port);

struct xenstore_domain_interface;
/** The page shared with xenstored, and its port bound to `on_event`. */
struct xenstore_domain_interface *xen_store_ring(uint32_t *port,
						 void (*on_event)(void *arg));

/* ---------------------------------------------------------------- Kicks -- */

/** Work to be done once before the loop waits, such as one notification for all
 *  that was put on a ring. */
struct xen_kick {
	void (*run)(struct xen_kick *kick);
	struct xen_kick *next;
	bool queued;
};

void xen_kick(struct xen_kick *kick);

/* ---------------------------------------------------------------- Polls -- */

/** A ring that the loop looks at until it sleeps. Both return whether there was
 *  something: `look` takes it, `arm` asks for an event when there is more. */
struct xen_poll {
	bool (*look)(struct xen_poll *poll);
	bool (*arm)(struct xen_poll *poll);
	struct xen_poll *next;
	bool started;
};

void xen_poll_start(struct xen_poll *poll);
void xen_poll_stop(struct xen_poll *poll);

/** Looks at all that are started; for the loop. */
bool xen_polls_look(void);
/** Arms them, which stops those where nothing had come; before the loop sleeps. */
bool xen_polls_arm(void);

/* -------------------------------------------------------------- Barriers -- */

/* The other side runs on another processor. On x86 stores stay in order and loads
 * stay in order; only the compiler is held back. A store before a load is not. */
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif /* MIRAGE_XEN_HYPERVISOR_H */
