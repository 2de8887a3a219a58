/* SPDX-License-Identifier: ISC */
/*
 * net_fixture.h: one open network and its well-behaved backend.
 */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include "xen_test.h"

extern struct netback peer;
extern struct net_app app;

/** Opens the network `n`, which must succeed. */
void begin(uint32_t accept);
/** The same with a backend that offers so many queues, and all marks accepted. */
void begin_with(unsigned n_queues);
/** Closes it and checks that everything was given back. */
void end(void);

/** A frame whose bytes tell their place; the caller frees them. */
struct back_frame frame_of(uint32_t length);
void check_same(const struct mirage_packet *packet,
		const struct back_frame *frame);
/** Sends `frame` to the guest and checks that it arrives. */
struct mirage_packet *arrives(struct back_frame *frame, uint32_t piece,
			      uint16_t offset);

#endif /* NET_FIXTURE_H */
