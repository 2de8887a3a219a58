/* SPDX-License-Identifier: ISC */
/*
 * memory.h: flows and a stack made of memory. What a flow reads comes from `in`, at
 * most `split` bytes at a time; what it writes is added to `out` as long as there is
 * room, then waits. Everything happens by timers, as in the world.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <mirage-backend.h>

#ifndef MEMORY_BYTES
#define MEMORY_BYTES (4u << 20)
#endif

struct memory_flow {
	struct mirage_flow flow;   /* first */
	struct memory_flow *other; /* where `out` goes, or NULL: it is kept */
	uint8_t *in, *out;
	size_t n_in, read, n_out;
	size_t split;	/* bytes of one read; 0 for all */
	size_t room;	/* for what is written, from now on */
	bool in_ended;	/* after `in` the stream ends */
	bool in_reset;	/* after `in` it is reset */
	bool out_ended; /* we have shut down or closed */
	bool closed, aborted, reading;
	bool deaf;   /* nobody takes what is written */
	bool broken; /* nor is there anything to read */
	bool owned;  /* freed by its end */
	struct mirage_flow_write *first, **last;
	uint64_t taken; /* of the first write */
	struct mirage_timer timer;
	uint8_t *lent; /* what was read last, poisoned afterwards */
	size_t lent_bytes;
};

/** A flow of its own, whose writes are kept in `out`. */
struct memory_flow *memory_flow_new(void);
/** Two flows with each other's bytes. */
void memory_pair(struct memory_flow **a, struct memory_flow **b);
/** Adds bytes to what is read. */
void memory_send(struct memory_flow *flow, const void *bytes, size_t n);
/** Has something changed from outside: `in_ended`, `room`. */
void memory_kick(struct memory_flow *flow);
/** Frees a flow that has been let go; `out` stays until then. */
void memory_free(struct memory_flow *flow);
/** Whether nothing of the flow is in use. */
bool memory_quiet(const struct memory_flow *flow);

/**
 * A stack that knows the names of `memory_names`, and hands connections to
 * `memory_on_connect`, or refuses them when that returns an error.
 */
extern struct mirage_stack memory_stack;
extern int (*memory_on_connect)(const struct mirage_endpoint *to,
				struct memory_flow *theirs);
/** What a lookup gives: addresses, or an error. */
extern int memory_lookup_result;
extern unsigned memory_lookups, memory_connects;

#endif /* MEMORY_H */
