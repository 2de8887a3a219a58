/* SPDX-License-Identifier: ISC */
/*
 * sim_test.h: what the tests of the simulation share. Every test is a process of
 * its own and runs one small application, from `run` to its exit status; checks
 * inside of callbacks end the process, as Check wants it.
 */
#ifndef SIM_TEST_H
#define SIM_TEST_H

#include <mirage-sim.h>
#include <mirage.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

/** Runs an application with the options in `line`, a space between them. */
int run(mirage_start_fn *start, const char *line);

/** Runs an application with the options in `line` and returns what it wrote to
 *  the standard error; `status` is its exit status. */
const char *run_stderr(mirage_start_fn *start, const char *line, int *status);

/** Runs an application in a process of its own; returns the exit status, or -1
 *  when it crashed. */
int run_apart(mirage_start_fn *start, const char *line);

/** Zeroed memory that such a process shares with the test. */
void *shared(size_t bytes);

/* Devices opened by `open_net` and `open_disk`; a failure ends the test. */
void open_net(const char *name, uint32_t accept, struct mirage_net **net,
	      void (*then)(void));
void open_disk(const char *name, struct mirage_block **block,
	       void (*then)(void));

/** A frame of `length` bytes that holds `number` at 14 and at 18, or NULL when
 *  there is no packet for it. */
struct mirage_packet *make_frame(struct mirage_net *net, const uint8_t to[6],
				 uint32_t length, uint32_t number);

/** Makes a frame and sends it. */
void send_frame(struct mirage_net *net, const uint8_t to[6], uint32_t length,
		uint32_t number);
uint32_t frame_number(const struct mirage_packet *packet);
extern const uint8_t broadcast[6];

/** Calls `then` after `ns`. */
void after(uint64_t ns, void (*then)(void));

/** A request on memory of its own. */
struct io {
	struct mirage_block_request request;
	struct mirage_vector vector;
	int result;
	bool done;
	void (*then)(void);
	uint8_t bytes[65536];
};

/** Submits; `then` may be NULL. For writes `bytes` are the caller's. */
void submit(struct io *io, struct mirage_block *block, uint32_t op,
	    uint64_t offset, uint32_t length, void (*then)(void));

/** Runs the tests of a file. */
int run_suite(const char *name, const TTest *const tests[], size_t n);

#endif /* SIM_TEST_H */
