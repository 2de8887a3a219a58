/* SPDX-License-Identifier: ISC */
/*
 * machine.h: the guest's own machine: memory, events, exceptions. Below the
 * drivers, which only know hypervisor.h.
 */
#ifndef MIRAGE_XEN_MACHINE_H
#define MIRAGE_XEN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor.h"

#include <xen/xen.h>

/* start.c */
extern char xen_command_line[1024];
extern const struct shared_info *xen_shared_info;
void xen_start(uintptr_t start_info) __attribute__((noreturn));
/** Writes to Xen's own log, `xl dmesg`, without needing anything. */
void xen_debug(const char *text);
void xen_debug_hex(uint64_t value);
/** Ends the domain as crashed, for `reason`. */
void xen_crash(const char *reason) __attribute__((noreturn));
/** Ends the domain, with an exit status for the toolstack. */
void xen_poweroff(void) __attribute__((noreturn));
uint64_t xen_hvm_param(uint32_t index);

/* memory.c */
enum xen_protection { XEN_MAP_R, XEN_MAP_RW, XEN_MAP_RX };

struct hvm_start_info;
void xen_memory_init(const struct hvm_start_info *info);
/** Maps one page that is not ordinary memory to its own address. */
void *xen_map(uint64_t physical, enum xen_protection protection);
/** Unmaps one page, to be a guard. */
void xen_unmap(void *page);
size_t xen_pages_free_count(void);

/* events.c */

/** Calls `on_event` from the loop whenever `port`, which exists already, was
 *  notified. */
void xen_event_bind(uint32_t port, void (*on_event)(void *arg), void *arg);
/** Runs the handlers of pending ports; returns whether there were any. */
bool xen_events_run(void);
/** Sleeps until a bound port is pending or Xen's system time is `deadline_ns`. */
void xen_events_wait(uint64_t deadline_ns);

/* exceptions.c */
void xen_exceptions_init(void);

/* libc.c */
void xen_libc_start(void) __attribute__((noreturn));

#endif /* MIRAGE_XEN_MACHINE_H */
