/* SPDX-License-Identifier: ISC */
/*
 * routes.h: what the servers of the tests answer. The same in memory, under the
 * fuzzer and on a port.
 *
 *	/           the path that was asked for, as text
 *	/page       128 bytes
 *	/fields     the fields of the request, one a line
 *	/sink       reads the body, answers with its length and the sum of its bytes
 *	/echo       sends the body back while it reads it
 *	/deaf       answers without reading the body
 *	/bytes?N    N bytes of a pattern, written as fast as they are taken
 *	/chunks?N   the same, in chunks of an unknown length
 *	/cut?N      promises N bytes and breaks off after half
 *	/late?MS    answers after so many milliseconds
 *	/status?N   the page of a status
 *	/content    1,000 bytes in memory with validators: conditions and ranges
 *	/big        1,000,000 bytes in memory, likewise
 *	/source     100,000 bytes that are read while they are sent
 *	/files/     a store with a view
 *	/stored/    the same store, without
 */
#ifndef ROUTES_H
#define ROUTES_H

#include <mirage-http.h>

/** Makes the stores. `done` runs when they are filled. */
void routes_open(mirage_done_fn *done, void *arg);
/** An `on_request`. */
void routes_serve(void *arg, struct mirage_http_request *request);
/** Requests whose `done` is still to come. */
extern unsigned routes_busy;
/** The pattern that is sent. */
uint8_t routes_byte(uint64_t offset);

#endif /* ROUTES_H */
