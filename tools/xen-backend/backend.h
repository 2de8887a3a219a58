/* SPDX-License-Identifier: ISC */
/*
 * backend.h: netback and blkback, played by a program in dom0 (xen/include/public/io/
 * netif.h, blkif.h, xenbus.h). Small and slow, but it does what it is told.
 */
#ifndef MIRAGE_XEN_BACKEND_H
#define MIRAGE_XEN_BACKEND_H

#include "world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

/* ring.h wants them. */
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/io/blkif.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#define RING_PAGES_MAX 4

extern xengnttab_handle *grants;

/* ---------------------------------------------------------------- Devices -- */

struct device;

/** What differs between networks and disks. */
struct device_ops {
	/** Writes what a frontend wants to know before it connects. */
	void (*offer)(struct device *device);
	/** Maps the rings; false if the frontend's keys make no sense. */
	bool (*connect)(struct device *device);
	void (*disconnect)(struct device *device);
	/** Does what the frontend has asked for on the rings. */
	void (*serve)(struct device *device);
};

/** One device of one guest. */
struct device {
	const struct device_ops *ops;
	uint32_t domid;
	char front[64], back[64]; /* directories in the store */
	unsigned state, front_state;
	bool connected, lost, paused;
	enum world_breach breach; /* to do, 0: none */
	uint32_t port;		  /* our end, 0: none */
};

/** Makes the directories in the store, and waits for the frontend. */
void device_add(struct device *device, const struct device_ops *ops,
		uint32_t domid, const char *kind, unsigned handle);
void device_remove(struct device *device);
/** The frontend's state may have changed. */
void device_look(struct device *device);
/** Takes the backend away, or gives it back. */
void device_lose(struct device *device, bool lost);
void device_set_state(struct device *device, unsigned state);
void device_notify(struct device *device);
/** The requests of the guest, sent at once, that a breach waits for. */
unsigned device_breach_needs(enum world_breach breach);
/** Says in the store what makes no sense, in `key` too. */
void device_nonsense(struct device *device, const char *key);
/** Maps `n` pages of rings; NULL if they cannot be. */
void *device_map(struct device *device, const uint32_t *references, unsigned n);

/* ------------------------------------------------------------------ Store -- */

void store_open(void);
int store_fd(void);
bool store_write(const char *directory, const char *key, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));
/** A number, or `otherwise` where there is none. */
uint64_t store_number(const char *directory, const char *key,
		      uint64_t otherwise);
/** A string to be freed, or NULL. */
char *store_read(const char *directory, const char *key);
/** A directory that `domid` owns, or may only read. */
void store_directory(const char *path, uint32_t domid, bool owned);
void store_remove(const char *path);
/** Watches `path`; `store_changed` returns its token. */
void store_watch(const char *path, const char *token);
void store_unwatch(const char *path, const char *token);
/** Copies the token of the next change; false when there is none. */
bool store_changed(char token[16]);
bool store_domain_exists(uint32_t domid);
/** The lowest number above `domid` of a domain that exists, or 0. */
uint32_t store_next_domain(uint32_t domid);

/* ----------------------------------------------------------------- Events -- */

void events_open(void);
int events_fd(void);
/** Connects to the guest's `port` and returns ours, or 0. */
uint32_t events_bind(uint32_t domid, uint32_t port);
void events_unbind(uint32_t port);
void events_notify(uint32_t port);
/** The next port that was notified, or 0. */
uint32_t events_next(void);

/* ------------------------------------------------------------------ Disks -- */

struct disk {
	struct device device; /* first */
	uint32_t sector_bytes;
	uint64_t size_bytes;
	bool read_only, flush, discard;
	unsigned fail_next;
	uint8_t *bytes, *durable; /* what a power loss leaves */
	void *shared;
	unsigned n_pages;
	blkif_back_ring_t ring;
};

void disk_add(struct disk *disk, uint32_t domid, unsigned handle,
	      uint64_t size_bytes, uint32_t sector_bytes, bool read_only);
void disk_remove(struct disk *disk);
bool disk_resize(struct disk *disk, uint64_t size_bytes);
bool disk_drop(struct disk *disk, uint32_t caps);
void disk_power_loss(struct disk *disk);

/* --------------------------------------------------------------- Networks -- */

#define FRAME_MAX 65536
#define FRAMES_MAX 2048 /* that wait for the receiver */

struct frame {
	struct frame *next;
	size_t length;
	uint8_t bytes[];
};

struct nic {
	struct device device; /* first */
	struct nic *other;    /* the far end of the wire */
	bool link;
	void *tx_shared, *rx_shared, *kept;
	netif_tx_back_ring_t tx;
	netif_rx_back_ring_t rx;
	struct frame *waiting, **waiting_end;
	unsigned n_waiting;
};

void nic_add(struct nic *nic, uint32_t domid, unsigned handle,
	     struct nic *other);
void nic_remove(struct nic *nic);
void nic_set_link(struct nic *nic, bool up);
/** Hands a frame to the guest. */
bool nic_deliver(struct nic *nic, const void *bytes, size_t length);

/* ---------------------------------------------------------------- Console -- */

struct console {
	uint32_t domid;
	int tty;
	uint8_t *typed; /* and not yet taken */
	size_t n_typed;
};

void console_add(struct console *console, uint32_t domid);
void console_remove(struct console *console);
bool console_type(struct console *console, const void *bytes, size_t length);
/** Hands on what is typed, as far as it is taken. */
void console_serve(struct console *console);
/** What the guest wrote; `log`: where that is apart, what it logged. */
size_t console_output(const struct console *console, bool log, uint64_t from,
		      void *bytes, size_t length);
bool console_pause(bool paused);

/* ---------------------------------------------------------------- Toolstack */

/* For the devices that Linux is the backend of. */
/** Has the lab save the guest and restore it, in the background. */
bool linux_suspend(uint32_t domid);
bool linux_set_link(uint32_t domid, enum world_device device, bool up);
bool linux_lose(uint32_t domid, enum world_device device, bool lost);
bool linux_resize(uint32_t domid, enum world_device device,
		  uint64_t size_bytes);

#endif /* MIRAGE_XEN_BACKEND_H */
