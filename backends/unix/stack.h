/* SPDX-License-Identifier: ISC */
/*
 * stack.h: the host's sockets as a stack. What is freed is freed by a kick, the last
 * one, so that nothing that still names it can run afterwards.
 */
#ifndef MIRAGE_UNIX_STACK_H
#define MIRAGE_UNIX_STACK_H

#include "sock.h"

#include <stdlib.h>
#include <sys/queue.h>

struct unix_stack {
	struct mirage_stack stack;
	struct mirage_stack_info info;
	struct mirage_stack_counters counters;
	struct unix_kick kick; /* of its end */
	LIST_HEAD(, unix_flow) flows;
	LIST_HEAD(, unix_listener) listeners;
	LIST_HEAD(, unix_udp) udps;
	LIST_HEAD(, unix_lookup) lookups;
};

/** The structure that holds `member`, at `pointer`. */
#define UNIX_HOLDER(type, member, pointer) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* stack_flow.c: connections */

TAILQ_HEAD(unix_flows, unix_flow);

struct unix_flow {
	struct mirage_flow flow;
	struct unix_sock sock;
	struct unix_kick kick;
	struct unix_stack *stack; /* NULL when that is closed */
	LIST_ENTRY(unix_flow) of_stack;
	struct unix_flows
		*line; /* that it stands in: for a buffer, or to end */
	TAILQ_ENTRY(unix_flow) in_line;

	/* While it is being connected. */
	struct mirage_tcp_connect *connect;
	struct mirage_timer patience;
	int connected; /* the answer; 1 for none yet */

	/* Reading. */
	uint8_t *lent; /* to the reader */
	bool readable; /* there may be something to read */
	bool hung_up;  /* read on until the end: no news of it will come */
	bool drained;  /* to the end: reads are answered with `end` */
	int end;

	/* Writing. */
	struct mirage_flow_write *writes, *last_write;
	bool blocked; /* the socket is full */
	bool shut;    /* our stream ends after the writes… */
	bool shut_done;

	int error;    /* of all that is asked, or 0 */
	bool closed;  /* let go of by the application */
	bool running; /* within its own step: no kick is needed */
	uint64_t linger_until_ns;
};

/** A flow of `stack` whose socket is yet to come, or NULL without memory. */
struct unix_flow *unix_flow_new(struct unix_stack *stack);
/** Makes it a flow that can be used: it is connected. */
void unix_flow_begin(struct unix_flow *f);
/** Takes it back with its socket; from its kick only, or where that never was. */
void unix_flow_free(struct unix_flow *f);
/** Ends it because its stack is closed. */
void unix_flow_doom(struct unix_flow *f);

/* stack_linger.c */

/** Goes on reading from a flow whose stream has been ended, and throws away, until
 *  the peer has ended its own; then frees it. From its kick. */
void unix_linger(struct unix_flow *f);
/** Takes it out of the line of those. */
void unix_linger_end(struct unix_flow *f);

/* stack_tcp.c: making connections */

struct unix_listener {
	struct mirage_listener listener;
	struct unix_sock sock;
	struct unix_kick kick;
	struct unix_stack *stack;
	LIST_ENTRY(unix_listener) of_stack, of_wanting;
	bool any;      /* accepts for several addresses of ours */
	bool readable; /* somebody may wait to be accepted */
	bool wanting;  /* a descriptor: there was none left */
	bool ended;
};

void unix_tcp_connect(struct mirage_stack *stack,
		      struct mirage_tcp_connect *connect);
void unix_tcp_cancel(struct mirage_tcp_connect *connect);
int unix_tcp_listen(struct mirage_stack *stack,
		    const struct mirage_endpoint *at, uint32_t backlog,
		    struct mirage_listener **listener);
void unix_tcp_accept(struct mirage_listener *listener);
void unix_tcp_unlisten(struct mirage_listener *listener);
/** Ends it because its stack is being closed, whose memory it is now. */
void unix_tcp_doom(struct unix_listener *l);
/** Ends a connection that is being made. */
void unix_tcp_give_up(struct unix_flow *f, int error);
/** A descriptor has been given back: listeners that want one try again. */
void unix_tcp_descriptor(void);

/* stack_udp.c */

struct unix_udp {
	struct mirage_udp udp;
	struct unix_sock sock;
	struct unix_kick kick;
	LIST_ENTRY(unix_udp) of_stack;
	struct unix_stack *stack;
	int family;
};

int unix_udp_open(struct mirage_stack *stack, const struct mirage_endpoint *at,
		  struct mirage_udp **udp);
int unix_udp_send(struct mirage_udp *udp, const struct mirage_endpoint *from,
		  const struct mirage_endpoint *to,
		  const struct mirage_vector vectors[], size_t n);
void unix_udp_close(struct mirage_udp *udp);
/** Ends it because its stack is being closed, whose memory it is now. */
void unix_udp_doom(struct unix_udp *u);

/* stack_resolve.c */

struct unix_lookup {
	uv_getaddrinfo_t request;
	struct unix_kick kick;
	struct mirage_resolve *resolve; /* NULL once it was answered */
	int result;			/* for the kick to answer with */
	bool running;			/* the thread has the request */
	LIST_ENTRY(unix_lookup) of_stack;
};

void unix_resolve(struct mirage_stack *stack, struct mirage_resolve *resolve);
void unix_resolve_cancel(struct mirage_resolve *resolve);
/** Ends a lookup; what the host still finds out is thrown away. */
void unix_resolve_end(struct unix_lookup *l, int error);

#endif /* MIRAGE_UNIX_STACK_H */
