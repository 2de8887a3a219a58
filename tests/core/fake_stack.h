/* SPDX-License-Identifier: ISC */
/* fake_stack.h: a stack and a flow made of variables, which count what reaches them. */
#ifndef FAKE_STACK_H
#define FAKE_STACK_H

#include "fake.h"

extern struct fake_stack {
	struct mirage_stack stack;
	struct mirage_stack_info info;
	struct mirage_stack_counters counters;
	struct mirage_flow flow;
	struct mirage_tcp_connect *connect;
	struct mirage_resolve *resolve;
	struct mirage_listener listener;
	struct mirage_udp udp;
	unsigned connects, cancels, unlistens, udp_closes, sends, accepts;
	unsigned resolves, resolve_cancels, reads, closes, aborts, shutdowns;
	struct mirage_flow_write *writes[4];
	unsigned n_writes;
} it;

/** Begins anew, with ops. */
void fake_stack_reset(void);

#endif /* FAKE_STACK_H */
