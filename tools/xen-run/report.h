/* SPDX-License-Identifier: ISC */
/** @file What the tool says about itself. */
#ifndef XEN_RUN_REPORT_H
#define XEN_RUN_REPORT_H

#include <stdbool.h>

/** --verbose: every step is told on standard error. */
extern bool report_verbose;
/** --dry-run: every step is told on standard output, and none is taken. */
extern bool report_dry;

/** One line on standard error, `mirage-xen-run: …`. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Tells of a step that is about to be taken; whether to take it. */
bool step(const char *format, ...)
	__attribute__((format(printf, 1, 2), nonnull(1)));

#endif
