/* SPDX-License-Identifier: ISC */
/*
 * fixture_host.h: the standard streams and files of a fixture on a host.
 */
#ifndef MIRAGE_FIXTURE_HOST_H
#define MIRAGE_FIXTURE_HOST_H

#include "fixture.h"

/** Puts a pipe in the place of standard input, and a pipe or (`to_file`) a file
 *  in that of standard output. Returns whether it could. */
bool host_capture(bool to_file);

/* Members of a fixture, for the captured streams. */
bool host_console_input(const void *bytes, size_t length);
size_t host_console_output(size_t from, void *bytes, size_t length);
/** What was logged: the Check runner's standard error is a file. */
size_t host_console_log(size_t from, void *bytes, size_t length);
bool host_console_pause(bool paused);
bool host_console_gone(void);

/** Takes from `fixture` what needs captured streams. */
void host_no_console(struct conf_fixture *fixture);

/** Makes a file `name` of `size_bytes`, all `value`, in the fixture's scratch
 *  directory (or a temporary one) and returns its path; NULL on failure. The
 *  path is allocated and stays so. */
const char *host_file(struct conf_fixture *fixture, const char *name,
		      size_t size_bytes, int value);

/** Makes an empty directory `name` there. */
const char *host_directory(struct conf_fixture *fixture, const char *name);

/** printf into memory that stays allocated. */
const char *host_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif /* MIRAGE_FIXTURE_HOST_H */
