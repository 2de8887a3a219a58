/* SPDX-License-Identifier: ISC */
/* http_test.h: what the tests in memory share. */
#ifndef HTTP_TEST_H
#define HTTP_TEST_H

#include "memory.h"
#include "routes.h"

#include <check.h>

#define MS UINT64_C(1000000)

/** Runs `body` as a program, with the stores of the routes filled and a server of
 *  little patience open. It MUST end by `http_test_end`. */
void http_test_run(void (*body)(void));
/** The same for one with this config. */
extern struct mirage_http_config http_test_config;
/** Closes the server and checks that nothing is left. */
void http_test_end(void);

extern struct mirage_http_server *http_test_server;

/** A timer for `next` after `ms`. */
void http_test_after(uint64_t ms, void (*next)(void));

#define HTTP_CASES(X) \
	X(parts)      \
	X(corpus)     \
	X(server)     \
	X(client)

#define HTTP_CASE_DECLARE(name) TCase *http_case_##name(void);
HTTP_CASES(HTTP_CASE_DECLARE)
#undef HTTP_CASE_DECLARE

#endif /* HTTP_TEST_H */
