/* SPDX-License-Identifier: ISC */
/*
 * xen.h: what the files of the Xen backend share.
 */
#ifndef MIRAGE_XEN_H
#define MIRAGE_XEN_H

#include "hypervisor.h"

#include <mirage-backend.h>

extern const struct mirage_console_ops xen_console_ops;
extern const struct mirage_clock_ops xen_clock_ops;
extern const struct mirage_time_ops xen_time_ops;
extern const struct mirage_random_ops xen_random_ops;

/* xen.c */
/** Runs what was kicked. */
void xen_kicks_run(void);
void xen_exit(int status) __attribute__((noreturn));

/* console.c */
extern struct xen_kick xen_console_kick;
/** Connects to the console, at the start and after a resumption. */
void xen_console_init(void);
/** Writes and waits; returns how much, which is all unless nobody reads. */
size_t xen_console_write_all(const void *bytes, size_t length);
/** Waits until the other side has read everything, or nothing for 5 seconds. */
void xen_console_drain(void);

/* clock.c */
uint64_t xen_tsc(void);
/** A deadline of the monotonic clock on Xen's; 0 for never. */
uint64_t xen_clock_to_system(uint64_t deadline_ns);
/** Nanoseconds that so many ticks of the TSC take. */
uint64_t xen_clock_ticks_ns(uint64_t ticks);
/** Lets the monotonic clock go on where it was. */
void xen_clock_resume(void);

/* control.c */
extern bool xen_control_reboot; /* the toolstack asked for another start */
void xen_control_init(void);
void xen_control_resume(void);
/** Leaves the exit status in the store, at ~/data/exit-status. */
void xen_control_exit_status(int status);

/* suspend.c */

/** Suspends the guest from the loop, soon. */
void xen_suspend(void);

/* time.c */
uint64_t xen_time_wanted_ns(void);

#endif /* MIRAGE_XEN_H */
