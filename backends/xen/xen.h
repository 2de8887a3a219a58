/* SPDX-License-Identifier: ISC */
/*
 * xen.h: what the files of the Xen backend share.
 */
#ifndef MIRAGE_XEN_H
#define MIRAGE_XEN_H

#include <mirage-backend.h>

extern const struct mirage_console_ops xen_console_ops;
extern const struct mirage_clock_ops xen_clock_ops;
extern const struct mirage_time_ops xen_time_ops;
extern const struct mirage_random_ops xen_random_ops;

/* xen.c */
void xen_exit(int status) __attribute__((noreturn));

/* console.c */
void xen_console_init(void);
void xen_console_write_all(const void *bytes, size_t length);
/** Waits until the other side has read everything, a few seconds at most. */
void xen_console_drain(void);

/* control.c */
extern bool xen_control_reboot; /* the toolstack asked for another start */
void xen_control_init(void);
/** Leaves the exit status in the store, at ~/data/exit-status. */
void xen_control_exit_status(int status);

/* time.c */
uint64_t xen_time_wanted_ns(void);

#endif /* MIRAGE_XEN_H */
