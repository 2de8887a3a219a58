/* SPDX-License-Identifier: ISC */
/*
 * tcpip.h: what the files of lib/tcpip share.
 *
 * There is one lwIP in a program, for all of its stacks. It is entered from the
 * receiver of a network, from a timer, or from an op. Its callbacks never call the
 * application: they queue a task, and the tasks run when lwIP has been left, by
 * `tcpip_settle`, which then hands out what there is to send.
 */
#ifndef MIRAGE_TCPIP_H
#define MIRAGE_TCPIP_H

#include <mirage-backend.h>

#include "recovery.h"

#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

/* ----------------------------------------------------------------- Tasks -- */

/** Something to be done once lwIP has been left. Zeroed memory is idle. */
struct tcpip_task {
	struct tcpip_task *next, *previous;
	void (*run)(struct tcpip_task *task);
	bool queued;
};

/** Queues `task`, as the last, unless it is queued already. */
void tcpip_task_queue(struct tcpip_task *task,
		      void (*run)(struct tcpip_task *task));
void tcpip_task_drop(struct tcpip_task *task);

/** Around work that the loop began: a batch of frames, a timer, an event. */
void tcpip_enter(void);
void tcpip_leave(void);
/** At the end of an op: sees to it that the tasks run, and that frames leave. */
void tcpip_touch(void);
/** Runs the tasks that are due and sends; between slices of a batch. */
void tcpip_settle(void);

/* ---------------------------------------------------------------- Stacks -- */

#define TCPIP_TX_QUEUE 256
#define TCPIP_STASH 16

struct tcpip_stack;

/** A frame that holds a TCP segment: how long its headers are, and the rest. */
struct tcpip_parsed {
	bool ipv6;
	uint8_t ip_bytes, tcp_bytes;
	uint32_t payload;
};

/** The last frame of a batch, while others may still be joined to it. */
struct tcpip_join {
	struct mirage_packet *frame; /* NULL: nothing may be joined */
	struct mirage_packet *last;  /* its last fragment */
	struct tcpip_parsed parsed;  /* of its first segment */
	uint32_t bytes;		     /* of the whole frame */
	uint32_t fragments, segments;
	uint32_t payload; /* of the last segment in it */
	uint32_t next_seq;
};

struct tcpip_interface {
	struct netif netif;
	struct tcpip_stack *stack;
	struct mirage_net *net; /* NULL once closed */
	uint8_t index;
	bool added; /* to lwIP */

	/* Received frames that lwIP or a flow holds. */
	uint32_t held_frames, held_long;

	/* Frames to be sent; `n_sent_short` tells that the device is full. */
	struct mirage_packet *queue[TCPIP_TX_QUEUE];
	uint32_t n_queue;
	bool full;
	struct mirage_packet *stash[TCPIP_STASH];
	uint32_t n_stash;
	struct tcpip_join join;
	/* Whether the device gives frames back before `send` returns: only then is
	 * the application's memory lent to it. */
	bool lends;

	struct mirage_ip dns[2 * MIRAGE_DNS_MAX]; /* of DHCP, then of routers */
	struct mirage_timer again; /* of the second announcement */
	uint64_t lease_end_ns;
	uint16_t lease_used; /* to notice a renewal */
};

struct tcpip_stack {
	struct mirage_stack stack; /* first */
	struct mirage_stack_info info;
	struct mirage_stack_counters counters;
	struct mirage_stack_config config;
	struct tcpip_interface interfaces[MIRAGE_INTERFACES_MAX];
	struct tcpip_task task;
	struct tcpip_stack *next;

	/* The open. */
	mirage_stack_open_fn *done;
	void *done_arg;
	int open_result;
	uint32_t n_opening; /* networks */
	bool usable, answered;
	struct mirage_timer patience;

	struct tcpip_flow *flows;
	struct tcpip_listener *listeners;
	struct tcpip_udp *udps;
	struct tcpip_lookup *lookups;
	/* Asked for when there was no memory to begin with. */
	struct mirage_tcp_connect *no_memory;
	struct mirage_resolve *no_memory_resolve;

	bool changed;	 /* look at the interfaces again */
	uint32_t events; /* to be raised: bits */
	uint32_t n_open; /* networks not yet closed */
	bool closing;	 /* by the application */
	bool closed;	 /* CLOSED was raised: goes with the last flow */
};

extern struct tcpip_stack *tcpip_stacks;

/* route.c */
/** The interface that leads to `to` from `from`, which may be no address. */
struct tcpip_interface *tcpip_stack_route(struct tcpip_stack *stack,
					  const struct mirage_ip *from,
					  const struct mirage_ip *to);
/** Whether `ip` is none or an address of the stack. */
bool tcpip_stack_owns(struct tcpip_stack *stack, const struct mirage_ip *ip);

/* stack.c */
/** Looks what has changed, and queues what the application is to be told. */
void tcpip_stack_check(struct tcpip_stack *stack);

/* interface.c */
void tcpip_interface_open(struct tcpip_interface *interface);
void tcpip_interface_close(struct tcpip_interface *interface);
/** Brings the stack's info up to date; returns whether it changed. */
bool tcpip_interface_describe(struct tcpip_interface *interface);
bool tcpip_interface_usable(const struct tcpip_interface *interface);

/* announce.c */
/** Says who has the interface's addresses. */
void tcpip_announce(struct netif *netif);

/* receive.c */
void tcpip_receive(void *arg, struct mirage_packet *const packets[], size_t n);

/* transmit.c */
/** lwIP's output of an Ethernet frame. */
err_t tcpip_transmit(struct netif *netif, struct pbuf *p);
void tcpip_flush(struct tcpip_interface *interface);
void tcpip_transmit_end(struct tcpip_interface *interface);
/** Pieces of the application's memory that lie in frames which are not sent yet. */
extern uint32_t tcpip_lent;
/** Somebody waits until there are none. */
extern bool tcpip_lent_awaited;

/* gso.c */
/** Reads the headers of a frame of `frame_bytes`, of which `length` lie at `bytes`.
 *  Returns false unless it is a whole TCP segment. */
bool tcpip_parse(struct tcpip_parsed *parsed, const uint8_t *bytes,
		 uint32_t length, uint32_t frame_bytes);
/** Leaves the checksum of TCP to the device. */
void tcpip_blank(struct mirage_packet *frame, const struct tcpip_parsed *parsed,
		 uint32_t frame_bytes);
/** Joins the segment of `p` to the last frame. Returns whether that was possible. */
bool tcpip_join(struct tcpip_interface *interface, const struct pbuf *p,
		const struct tcpip_parsed *parsed);
/** Puts a plain acknowledgement in the place of the last frame, when that is an older
 *  one of the same flow. */
bool tcpip_join_ack(struct tcpip_interface *interface, const struct pbuf *p,
		    const struct tcpip_parsed *parsed);
/** Others may be joined to `frame` from now on. */
void tcpip_join_begin(struct tcpip_interface *interface,
		      struct mirage_packet *frame,
		      const struct tcpip_parsed *parsed);
/** Nothing more is joined to the last frame. */
void tcpip_join_end(struct tcpip_interface *interface);
/** Puts what `p` holds after its first `skip` bytes at the end of `frame`, whose last
 *  fragment is `*last`; by reference where `lend` allows it. Counts the fragments.
 *  Returns false, and changes nothing, without room or memory. */
bool tcpip_append(struct mirage_packet **last, uint32_t *fragments,
		  uint32_t max_fragments, const struct pbuf *p, uint32_t skip,
		  bool lend);

/* timers.c */
/** Arms the timer for whatever lwIP needs now. */
void tcpip_timers_update(void);
/** TCP's clock is brought up to date before anything is done by it. */
void tcpip_timers_catch_up(void);

/* memory.c */
/** Requests that found no memory, since the start. */
extern uint64_t tcpip_exhausted;
uint32_t tcpip_memp_used(unsigned type);
void *tcpip_alloc(size_t bytes);
void tcpip_free(void *memory);

/* random.c */
int tcpip_random_init(void);

/* address.c */
void tcpip_to_lwip(ip_addr_t *to, const struct mirage_ip *ip,
		   const struct tcpip_stack *stack);
void tcpip_from_lwip(struct mirage_ip *to, const ip_addr_t *ip,
		     const struct tcpip_stack *stack);
bool tcpip_is_any(const struct mirage_ip *ip);
/** Whether ports at `a` and `b` would get in each other's way. */
bool tcpip_overlap(const struct mirage_ip *a, const struct mirage_ip *b);

/* arguments.c is mirage_stack_arguments alone. */

/* ----------------------------------------------------------------- Flows -- */

struct tcpip_flow {
	struct mirage_flow flow; /* first */
	struct tcpip_task task;
	struct tcpip_stack *stack;
	struct tcpip_flow *next, *previous; /* of the stack */
	struct tcp_pcb *pcb;		    /* NULL once lwIP is done with it */
	struct mirage_tcp_connect *connect; /* under way */
	struct tcpip_listener *listener;    /* that it waits at */
	struct tcpip_flow *next_waiting;    /* there */
	struct tcpip_flow *next_dirty;

	/* Receiving: what was not read yet, one piece after the other, linked by
	 * `next`, and the piece that the application reads. */
	struct pbuf *unread, **unread_end, *lent;
	uint32_t consumed; /* to be given back to the window */
	uint32_t window;   /* the window that the flow has grown to */
	uint32_t used;	   /* of it since it last grew */

	/* Sending: places in the stream, and where in `to_feed` we are. */
	struct mirage_flow_write *writes, **writes_end, *to_feed;
	uint32_t feed_vector;
	size_t feed_offset;
	uint64_t fed, acked;

	int error;	/* of every further read and write */
	bool ended;	/* the peer's stream */
	bool shut, fin; /* our stream: its end is asked for; is with lwIP */
	bool closed;	/* by the application */
	bool dirty;	/* something to be done before we send */
	bool starved;	/* there was no memory to feed from */
	struct mirage_timer timer; /* of the connect, then of lingering */
	struct tcpip_recovery recovery;
};

/* flow.c */
struct tcpip_flow *tcpip_flow_new(struct tcpip_stack *stack);
/** Gives the flow its connected `pcb`. */
void tcpip_flow_connected(struct tcpip_flow *flow);
/** Binds lwIP's callbacks of `pcb` to the flow. */
void tcpip_flow_bind(struct tcpip_flow *flow, struct tcp_pcb *pcb);
/** Sets the timers of a new `pcb`. */
void tcpip_flow_hasten(struct tcp_pcb *pcb);
/** Ends everything in flight with `error` and resets the connection. */
void tcpip_flow_break(struct tcpip_flow *flow, int error);
/** Lets go of a flow that the application never had. */
void tcpip_flow_discard(struct tcpip_flow *flow);
extern const struct mirage_flow_ops tcpip_flow_ops;
void tcpip_flow_queue(struct tcpip_flow *flow);

/** Resets the connection, and forgets it. */
void tcpip_flow_reset(struct tcpip_flow *flow);

/* flow_output.c */
/** Something is to be done of the flow before frames leave. */
void tcpip_flow_dirty(struct tcpip_flow *flow);
void tcpip_flow_undirty(struct tcpip_flow *flow);
void tcpip_flow_linger(struct tcpip_flow *flow);
/** Feeds and outputs the flows that are dirty. */
void tcpip_flows_output(void);
/** Whether a flow waits for memory; it tries again. */
bool tcpip_flows_starved(void);

/* flow_send.c */
void tcpip_flow_write(struct mirage_flow *flow,
		      struct mirage_flow_write *write);
bool tcpip_flow_feed(struct tcpip_flow *flow);
void tcpip_flow_complete(struct tcpip_flow *flow);

/* listener.c */
struct tcpip_listener {
	struct mirage_listener listener; /* first */
	struct tcpip_task task;
	struct tcpip_stack *stack;
	struct tcpip_listener *next;
	struct tcp_pcb *pcb; /* NULL once closed */
	struct tcpip_flow *waiting, **waiting_end;
	uint32_t n_waiting, backlog;
	bool gone; /* by unlisten */
};
int tcpip_listen(struct mirage_stack *stack, const struct mirage_endpoint *at,
		 uint32_t backlog, struct mirage_listener **listener);
void tcpip_accept(struct mirage_listener *listener);
void tcpip_unlisten(struct mirage_listener *listener);
/** Takes a flow that has ended off those that wait. */
void tcpip_listener_forget(struct tcpip_listener *listener,
			   struct tcpip_flow *flow);
void tcpip_listeners_close(struct tcpip_stack *stack);
/** Frees what is closed and has nothing in flight. */
bool tcpip_listeners_free(struct tcpip_stack *stack, bool all);
/** Whether `port` is taken at `ip` by a listener of the stack. */
bool tcpip_listening(struct tcpip_stack *stack, const struct mirage_ip *ip,
		     uint16_t port);

/* half_open.c */
struct tcp_hdr;
/** Looks at what comes to a listening port before lwIP does. */
void tcpip_half_open_input(struct tcp_pcb_listen *pcb,
			   const struct tcp_hdr *header);

/* connect.c */
void tcpip_connect(struct mirage_stack *stack,
		   struct mirage_tcp_connect *connect);
void tcpip_connect_cancel(struct mirage_tcp_connect *connect);
void tcpip_connect_end(struct tcpip_flow *flow, int result);
uint16_t tcpip_ephemeral(void);

/** A secret number that goes with two ends (random.c). */
uint64_t tcpip_hash(const ip_addr_t *local, uint16_t local_port,
		    const ip_addr_t *peer, uint16_t peer_port);

/* udp.c */
struct tcpip_udp {
	struct mirage_udp udp; /* first */
	struct tcpip_task task;
	struct tcpip_stack *stack;
	struct tcpip_udp *next;
	struct udp_pcb *pcb; /* NULL once closed */
	struct tcpip_datagram *first, **end;
	uint32_t n_queued;
	/* Of the stack itself, as the resolver's: gets datagrams in lwIP's call. */
	void (*on_datagram)(void *arg, const struct mirage_endpoint *from,
			    const uint8_t *bytes, size_t length);
	void *arg;
};
int tcpip_udp_open(struct mirage_stack *stack, const struct mirage_endpoint *at,
		   struct mirage_udp **udp);
int tcpip_udp_send(struct mirage_udp *udp, const struct mirage_endpoint *from,
		   const struct mirage_endpoint *to,
		   const struct mirage_vector vectors[], size_t n);
void tcpip_udp_close(struct mirage_udp *udp);
void tcpip_udps_close(struct tcpip_stack *stack);
void tcpip_udps_free(struct tcpip_stack *stack);

/* resolve.c */
void tcpip_resolve(struct mirage_stack *stack, struct mirage_resolve *resolve);
void tcpip_resolve_cancel(struct mirage_resolve *resolve);
void tcpip_lookups_close(struct tcpip_stack *stack);

static inline struct tcpip_stack *tcpip_stack_of(struct mirage_stack *stack)
{
	return (struct tcpip_stack *)stack;
}

/** The interface of a netif. */
static inline struct tcpip_interface *tcpip_interface_of(struct netif *netif)
{
	return (struct tcpip_interface *)netif;
}

#endif
