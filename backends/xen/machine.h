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

/* Addresses that Xen's pages are put at: the shared info page, then the grant
 * table. They are below the pages of Xen's toolstack, at 0xfeff8000; RAM from here
 * on, which a guest of more than 3.75 GiB has, is left alone. */
#define XEN_WINDOWS 0xf0000000ull
#define XEN_SHARED_INFO_ADDRESS XEN_WINDOWS
#define XEN_GRANT_TABLE_ADDRESS (XEN_WINDOWS + XEN_PAGE_BYTES)

/* start.c */
extern char xen_command_line[1024];
extern const struct shared_info *xen_shared_info;
extern uint64_t xen_entry_tsc; /* when the guest was entered */
void xen_start(uintptr_t start_info, uint64_t tsc) __attribute__((noreturn));
/** Ends the domain; does not come back except from a suspension, and then says
 *  whether it was canceled. `reason` is a SHUTDOWN_ constant. */
bool xen_shutdown(unsigned reason);
uint64_t xen_hvm_param(uint32_t index);
/** Gets from Xen what a new domain has to ask for again. */
void xen_machine_resume(void);

/* report.c */
/** Writes to Xen's own log, `xl dmesg`, and to the console if there is one. Needs
 *  nothing else to work. */
void xen_report(const char *text);
void xen_report_hex(uint64_t value);
/** The address with its symbol, if there is one. */
void xen_report_address(uint64_t address);
/** The callers, by the chain of frame pointers that begins at `frame`. */
void xen_report_callers(uint64_t frame);
/** The same, but guessed from what lies on the stack: libc has no frame pointers. */
void xen_report_stack(uint64_t stack);
/** Ends the domain as crashed, for `reason`. */
void xen_crash(const char *reason) __attribute__((noreturn));

/* memory.c */
enum xen_protection { XEN_MAP_R, XEN_MAP_RW, XEN_MAP_RX, XEN_MAP_NONE };

struct hvm_start_info;
struct hvm_memmap_table_entry;
void xen_memory_init(const struct hvm_start_info *info);
/** The end of the usable RAM that has `from` to `to` in it, or 0. */
uint64_t xen_memory_find_end(const struct hvm_memmap_table_entry *entries,
			     uint32_t n, uint64_t from, uint64_t to);
/** Maps one page that is not ordinary memory to its own address. */
void *xen_map(uint64_t physical, enum xen_protection protection);
/** Unmaps the page below a stack, at most 4 times. */
void xen_guard(void *page);
bool xen_is_mapped(uint64_t address);
/** What is at `address`, in words, for a fault there: of execution or of data. */
const char *xen_memory_kind(uint64_t address, bool fetch);
/** Whether all of `n` pages, at least 1, have been taken and not given back. */
bool xen_pages_taken(const void *pages, size_t n);
void xen_pages_protect(void *pages, size_t n, enum xen_protection protection);
size_t xen_pages_free_count(void);

/* events.c */

/** Calls `on_event` from the loop whenever `port`, which exists already, was
 *  notified. */
void xen_event_bind(uint32_t port, void (*on_event)(void *arg), void *arg);
/** Runs the handlers of pending ports; returns whether there were any. */
bool xen_events_run(void);
/** Sleeps until a bound port is pending or the monotonic clock is at
 *  `deadline_ns`; may return earlier. */
void xen_events_wait(uint64_t deadline_ns);
/** Sleeps until `port` alone is pending, and takes that; its handler is not run. */
void xen_event_wait_one(uint32_t port, uint64_t deadline_ns);
/** Forgets all ports: a new domain has none of them. */
void xen_events_resume(void);

/* grants.c */
/** Maps the empty grant table of a new domain. */
void xen_grants_resume(void);

/* exceptions.c */
void xen_exceptions_init(void);
/** Protects the stack of exceptions, once there are page tables. */
void xen_exceptions_guard(void);

/* libc.c */
void xen_libc_start(void) __attribute__((noreturn));
/** Whether libc has its thread's data: before that there is no printf, nor a log. */
extern bool xen_libc_ready;
/** Logs how many calls were not answered, if any. */
void xen_libc_summary(void);

#endif /* MIRAGE_XEN_MACHINE_H */
