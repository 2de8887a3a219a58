/* SPDX-License-Identifier: ISC */
/*
 * sim.h: what the files of the simulation share. There is one world: one clock,
 * one queue of what will happen, one seed. Whatever the backend does later, it
 * puts into the queue; nothing waits for the host.
 */
#ifndef MIRAGE_SIM_INTERNAL_H
#define MIRAGE_SIM_INTERNAL_H

#include <mirage-backend.h>

#include "mirage-sim.h"

#include <inttypes.h>

#define SIM_NS_PER_S UINT64_C(1000000000)
#define SIM_PPB_ALL 1000000000u
#define SIM_NEVER UINT64_MAX

#define sim_container(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ------------------------------------------------------- world.c: events -- */

/** Something that will happen, in its owner's memory; zeroed memory is idle. */
struct sim_event {
	uint64_t at_ns;
	uint64_t order; /* of scheduling: decides between equal times */
	void (*happen)(struct sim_event *event);
	size_t place; /* in the queue, counted from 1; 0 when idle */
};

/** Virtual nanoseconds since the world began. */
uint64_t sim_now(void);

/** The moment `ns` from now, or SIM_NEVER. */
uint64_t sim_after(uint64_t ns);

/** Lets `ns` pass. */
void sim_pass(uint64_t ns);

/** Plans `happen` for `at_ns`, or for now if that has passed. An event that is
 *  planned already moves. It is idle again when `happen` runs. */
void sim_plan(struct sim_event *event, uint64_t at_ns,
	      void (*happen)(struct sim_event *event));
void sim_cancel(struct sim_event *event);

/** When the first event is planned for; SIM_NEVER when none is. */
uint64_t sim_next_ns(void);

/** Lets happen what is due by now. */
void sim_happen(void);

/* ------------------------------------------------------- world.c: chance -- */

/** A stream of chance. Each user of chance has its own, named after it, so that
 *  one more disk does not change what the networks do. */
struct sim_random {
	uint64_t state;
};

void sim_seed(uint64_t seed);
void sim_random_init(struct sim_random *random, const char *kind,
		     const char *name);
uint64_t sim_random(struct sim_random *random);

/** A number from 0 to `most`. */
uint64_t sim_random_upto(struct sim_random *random, uint64_t most);
bool sim_chance(struct sim_random *random, uint32_t ppb);

/* --------------------------------------------------------------- world.c -- */

/** Zeroed memory, always: a world that runs out of memory stops, for it could
 *  not do the same thing twice. */
void *sim_alloc(size_t bytes);

/** Reads "250us": digits and one of ns, us, ms, s. */
bool sim_parse_duration(const char *text, uint64_t *ns);

/** Reads "0.25": a probability from 0 to 1, at most nine digits behind the point. */
bool sim_parse_chance(const char *text, uint32_t *ppb);

/** Reads decimal digits. */
bool sim_parse_number(const char *text, uint64_t *number);

/* ----------------------------------------------------------------- options.c -- */

/**
 * Options of a URI being read: the first mistake is told by
 * `mirage_core_open_error` and sets `bad`, the rest is skipped.
 */
struct sim_options {
	struct mirage_open *open;
	struct mirage_uri uri;
	bool bad;
};

/** Takes the URI of `open` apart, or `otherwise` if it has none. */
void sim_options_init(struct sim_options *options, struct mirage_open *open,
		      const char *otherwise);

/** Each leaves `value` as it is when the option was not given. */
void sim_option_duration(struct sim_options *options, const char *key,
			 uint64_t *ns);
void sim_option_chance(struct sim_options *options, const char *key,
		       uint32_t *ppb);
void sim_option_bytes(struct sim_options *options, const char *key,
		      uint64_t *bytes, uint64_t least, uint64_t most);
void sim_option_number(struct sim_options *options, const char *key,
		       uint64_t *number, uint64_t least, uint64_t most);
bool sim_option_flag(struct sim_options *options, const char *key);

/** Whether all was well and every option was asked for. */
bool sim_options_fine(struct sim_options *options);

/* ------------------------------- console.c, clock.c, time.c and random.c -- */

extern const struct mirage_console_ops sim_console_ops;
extern const struct mirage_clock_ops sim_clock_ops;
extern const struct mirage_time_ops sim_time_ops;
extern const struct mirage_random_ops sim_random_ops;

/** Loads the script of `--input`, NULL for none. Returns false if it cannot be
 *  read, and has logged why. */
bool sim_console_init(const char *input_path);

/** Writes out what was taken while nobody read. */
void sim_console_drain(void);

/** Logs what of the console the program waits for. */
void sim_console_explain(void);

/* ----------------------------------------------------------------- net.c -- */

void sim_net_open(struct mirage_open *open);

/** Logs which networks the program waits for. */
void sim_net_explain(void);

/* --------------------------------------------------------------- block.c -- */

void sim_block_open(struct mirage_open *open);

/** Logs which disks the program waits for. */
void sim_block_explain(void);

#endif /* MIRAGE_SIM_INTERNAL_H */
