/* SPDX-License-Identifier: ISC */
/*
 * xen_test.h: what the tests of the Xen drivers share: an application that notes
 * what it is told, and looks at what was given back.
 */
#ifndef XEN_TEST_H
#define XEN_TEST_H

#include "back.h"
#include "block.h"
#include "net.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#define N_EVENTS (MIRAGE_EVENT_CLOSED + 1)

struct net_app {
	struct mirage_net *net;
	int result; /* of the open; 1 while there is none */
	unsigned events[N_EVENTS];
	struct mirage_packet *got[1024];
	unsigned n_got;
	bool drop; /* releases what it gets */
	uint16_t
		port; /* of the flow that it sends; 0: what it sends is not IP */
};

/** Begins to open it; the loop does not run. */
void app_net_open_start(struct net_app *app, const char *name, uint32_t accept);
void app_net_open(struct net_app *app, const char *name, uint32_t accept);
/** Makes `packet`, of 42 bytes at least, a UDP packet of the flow `port`. */
void make_flow(struct mirage_packet *packet, uint16_t port);
/** Sends one frame of `length` bytes that all are `fill`, but for the headers of its
 *  flow. Returns what send did. */
int app_net_send(struct net_app *app, uint32_t length, uint8_t fill);
/** Makes what is sent a flow that goes out on `queue`. */
void app_net_choose(struct net_app *app, unsigned queue);
void app_net_release(struct net_app *app);

struct block_app {
	struct mirage_block *block;
	int result;
	unsigned events[N_EVENTS];
};

void app_block_open_start(struct block_app *app, const char *name);
void app_block_open(struct block_app *app, const char *name);

struct job {
	struct mirage_block_request request;
	struct mirage_vector vectors[4];
	int result;    /* 1 while there is none */
	unsigned runs; /* of the completion */
};

void job_start(struct job *job, struct mirage_block *block, uint32_t op,
	       uint64_t offset, void *bytes, size_t length);
/** Starts one, settles, and returns its result. */
int job_run(struct mirage_block *block, uint32_t op, uint64_t offset,
	    void *bytes, size_t length);

/** Nothing of the devices is left: pages, grants, ports, watches. */
void check_all_returned(void);

/** The log is this, and then it is emptied. */
void check_log(const char *text);

TCase *net_cases(void);
TCase *net_frame_cases(void);
TCase *net_breach_cases(void);
TCase *net_queue_cases(void);
TCase *net_flow_cases(void);

/** The same cases, with a backend that offers several queues. */
TCase *with_queues(TCase *cases);
TCase *block_cases(void);
TCase *block_breach_cases(void);
TCase *store_cases(void);
TCase *suspend_cases(void);

#endif /* XEN_TEST_H */
