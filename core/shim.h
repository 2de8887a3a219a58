/* SPDX-License-Identifier: ISC */
/*
 * shim.h: devices that wrap a device, asked for on the command line.
 *
 *	application | trace | fault | device
 *
 * A shim stands between the core's front and a backend's device, on the level of
 * tables both ways. Downwards it calls the ops of the inner device itself: the
 * front has checked every argument before. Upwards the core hands it what the
 * backend says of the inner device, marked CORE_SHIMMED, instead of acting on it.
 * So `info` and `counters` are those of the inner device, and every frame and
 * request is counted once. A shim passes on whatever it does not care about.
 */
#ifndef MIRAGE_SHIM_H
#define MIRAGE_SHIM_H

#include "core.h"

/**
 * Puts the shims around `*net` that the options ask for under its name, and the
 * recording that the backend asked for. With an error (logged) `*net` is what has
 * been made so far, a device that is fit to be closed.
 */
int core_shim_net(struct mirage_net **net, const struct mirage_open *open);
int core_shim_block(struct mirage_block **block,
		    const struct mirage_open *open);

/* One layer each. They return the outer device, or NULL without memory. A trace
 * of a network with a `pcap`, which becomes its own, records instead of telling. */
struct core_pcap;
struct mirage_net *core_shim_trace_net(struct mirage_net *inner,
				       struct core_pcap *pcap);
struct mirage_block *core_shim_trace_block(struct mirage_block *inner);

/* The plan of a fault shim: fault_plan.c */

enum core_fault_kind {
	CORE_FAULT_FAIL = 0, /* blocks: ends with an error, not tried */
	CORE_FAULT_STALL,    /* blocks: ends when the disk is closed */
	CORE_FAULT_DELAY,    /* both: is late by `delay_ns` */
	CORE_FAULT_DROP,     /* networks: vanishes, counted */
	CORE_FAULT_REORDER,  /* networks: changes places with the next */
	CORE_FAULT_DUPLICATE /* networks: comes twice */
};

enum core_fault_way {
	CORE_FAULT_RX = 1,
	CORE_FAULT_TX = 2,
	CORE_FAULT_BOTH = 3
};

#define CORE_FAULT_RULES_MAX 16

struct core_fault_rule {
	enum core_fault_kind kind;
	enum core_fault_way way; /* networks */
	bool every;		 /* each `number`th instead of the one */
	uint64_t number;	 /* from 1; 0 means all of them */
	uint64_t delay_ns;
	int error;
};

struct core_fault_plan {
	unsigned n_rules;
	struct core_fault_rule rules[CORE_FAULT_RULES_MAX];
	char message[256];
};

/**
 * Reads a plan: rules separated by commas, where N counts requests or, in each
 * direction for itself, frames from 1 on and D is a number with `us`, `ms` or `s`.
 *
 *	fail=N[:ERROR]  stall=N  delay=D  delay=N:D        any may be KIND-every=N;
 *	drop=N  reorder=N  duplicate=N                     frames also rx-… or tx-…
 *
 * Returns NULL, or what is wrong with it, kept in `plan->message`.
 */
const char *core_fault_plan_parse(struct core_fault_plan *plan,
				  const char *text);

/** What is wrong with using `plan` for a network or a block, or NULL. */
const char *core_fault_plan_misfit(const struct core_fault_plan *plan,
				   bool is_net);

/** Replaces `plan` by what `text` says, unless that is wrong. Returns NULL, or what
 *  is wrong with it, static until the next call. */
const char *core_fault_plan_replace(struct core_fault_plan *plan,
				    const char *text, bool is_net);

/** The rule of `kind` that strikes operation `number`, or NULL. */
const struct core_fault_rule *
core_fault_plan_match(const struct core_fault_plan *plan,
		      enum core_fault_kind kind, enum core_fault_way way,
		      uint64_t number);

/** Why a device cannot be given a plan. */
#define CORE_FAULT_NONE                                                  \
	"it was started without faults; start the program with --fault " \
	"NAME=PLAN"

struct mirage_net *core_shim_fault_net(struct mirage_net *inner,
				       const struct core_fault_plan *plan);
struct mirage_block *core_shim_fault_block(struct mirage_block *inner,
					   const struct core_fault_plan *plan);

/* What shims share: shim.c */

/** Takes what the backend says of `inner` to the given handlers. */
void core_shim_adopt_net(struct mirage_net *inner,
			 mirage_net_receive_fn *on_receive,
			 mirage_event_fn *on_event, void *arg);
void core_shim_adopt_block(struct mirage_block *inner,
			   mirage_event_fn *on_event, void *arg);

/** Sends on the inner device; returns how many frames it took. */
size_t core_shim_send(struct mirage_net *inner,
		      struct mirage_packet *const packets[], size_t n);

/** Passes an event of the inner device on to `net`, CLOSED too. */
void core_shim_event_net(struct mirage_net *net, uint32_t event);
void core_shim_event_block(struct mirage_block *block, uint32_t event);

/** Frees what an inner device holds, if it wants that. */
void core_shim_dispose_net(struct mirage_net *inner);
void core_shim_dispose_block(struct mirage_block *inner);

/** A request of the shim's own, made from one of the application's. */
struct core_shim_slot {
	struct mirage_block_request request; /* for the inner device */
	struct mirage_block_request *outer;
	uint64_t number; /* of the request, from 1 */
	struct mirage_timer timer;
	int result;
	bool stalled;
	void *shim;
	struct core_shim_slot *next;
};

/** As many slots as `inner` works on at once; the array begins with the first,
 *  which is also the head of the list of free ones. */
struct core_shim_slot *core_shim_slots(const struct mirage_block *inner,
				       mirage_done_fn *done, void *shim);

/** Takes a slot off the list `free` for `outer`. */
struct core_shim_slot *core_shim_slot_get(struct core_shim_slot **free,
					  struct mirage_block *inner,
					  struct mirage_block_request *outer);

/** Gives the slot back and returns the request that it stood for. */
struct mirage_block_request *core_shim_slot_put(struct core_shim_slot **free,
						struct core_shim_slot *slot);

/** One line of a trace, whatever the threshold of the log. */
void core_shim_line(const char *name, const char *format, ...)
	MIRAGE_PRINTF(2, 3);

/** The name of an event, such as "link". */
const char *core_shim_event_name(uint32_t event);

#endif /* MIRAGE_SHIM_H */
