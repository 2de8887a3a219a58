/* SPDX-License-Identifier: ISC */
/*
 * core.h: what the files of the core share. One state, because there is one
 * backend and one thread.
 */
#ifndef MIRAGE_CORE_H
#define MIRAGE_CORE_H

#include <mirage-backend.h>

/** States of a device; a network also remembers a shortage. */
enum core_device_state {
	CORE_CLOSED = 0,
	CORE_OPEN = 1,
	CORE_CLOSING = 2,
	CORE_STATE_MASK = 3,
	CORE_SHORT = 1 << 2,	   /* a send or reserve fell short */
	CORE_LOST = 1 << 3,	   /* the backend is away */
	CORE_CLOSE_ASKED = 1 << 4, /* `close` of the table was called */
	CORE_STALLED = 1 << 5,	   /* a request will not end before the close */
	CORE_SHIMMED = 1 << 6 /* inside of a shim, which gets to hear of it */
};

struct core {
	struct mirage_ambient ambient;
	const char *program;
	uint32_t log_level;

	/* Life. */
	mirage_start_fn *start;
	int argc;
	char **argv;
	bool running; /* `run` of the backend was entered */
	bool started;
	bool ended;
	bool in_turn;
	int status;
	unsigned depth;	  /* callbacks on the stack: 0 or 1 */
	uint64_t told_ns; /* what wake_at was last told */

	/* What keeps the program running besides timers and work that is due:
	 * opens, closes and requests under way, receivers, the reader. */
	uint32_t keeping;

	/* Work that is due. */
	bool device_events;
	bool feed; /* some block has waiting requests and room */
	uint32_t events;

	/* Handlers without a device. */
	mirage_event_fn *on_event;
	void *event_arg;
	mirage_console_read_fn *on_read;
	void *read_arg;
	bool console_short;
};

extern struct core core;

/* Lists are variables of their own: link-time optimisation sees which of them a
 * program can never fill, and leaves out what it would do with the members. */

/* Opens that were answered, and requests that are done: work that is due. */
extern struct mirage_open *core_opens;
extern struct mirage_block_request *core_done;
/* Devices that are open or closing, and closed ones not yet disposed. */
extern struct mirage_net *core_nets, *core_closed_nets;
extern struct mirage_block *core_blocks, *core_closed_blocks;
extern struct mirage_kv *core_kvs, *core_closed_kvs;
/* Whether a request of a store, or one of a stack that ended in the core, is done.
 * Not the lists, whose types are incomplete in some files: then a linker does not
 * see that nobody fills them. */
extern bool core_kvs_due, core_stacks_due;

/** An event between a shim and the front: a request will never end by itself, so
 *  closing the block cannot wait for it. */
#define CORE_EVENT_STALLED 31u

/** Sees to it that a turn comes soon. */
void core_wake(void);

/** Around every call of the application. */
void core_enter(void);
void core_leave(void);
/** Around calls that a library makes from a callback of its own, or a backend from
 *  its loop. False when the program has ended: then nothing is called. */
bool core_enter_upper(void);

/** Aborts with `tag` unless `holds`. */
static inline void core_must(bool holds, const char *tag, const char *what)
{
	if (!holds)
		mirage_core_broken(tag, what);
}

static inline uint32_t core_state(uint32_t state)
{
	return state & CORE_STATE_MASK;
}

/* console.c */
/** Logs a line as it is. A console that replaced another may have no log. */
void core_log_line(uint32_t level, const char *line, size_t length);

/** Writes a text, or one of at most 511 bytes with a format, to standard output or
 *  error before the backend runs. Without stdio, which a small program does not
 *  want for this alone. */
void core_put(int fd, const char *text);
void core_print(int fd, const char *format, ...) MIRAGE_PRINTF(2, 3);

/* timer.c */
bool core_timers_armed(void);
uint64_t core_timers_next_ns(void);
void core_timers_run(void);
bool core_timers_due(void);

/* open.c */
void core_opens_run(void);
bool core_name_taken(const char *name, uint32_t kind);

/* block.c, net.c */
void core_blocks_complete(void);
void core_blocks_feed(void);
void core_block_events(void);
void core_net_events(void);

/* kv.c, stack.c */
void core_kvs_complete(void);
void core_kv_events(void);
void core_stacks_complete(void);

/* ambient.c */
void core_events_run(void);

/* options.c */
enum core_parse { CORE_PARSE_RUN, CORE_PARSE_DONE, CORE_PARSE_WRONG };
enum core_parse core_options_parse(int *argc, char *argv[]);
/** The URI that was given for a device of `kind`, an enum mirage_open_kind. */
const char *core_option_device(uint32_t kind, const char *name,
			       bool *any_given);
const char *core_option_shim(const char *option, const char *name);
/** Warns of shims that no device has asked for: their name may be misspelt. */
void core_options_end(void);

/* validate.c */
void core_validate_backend(const struct mirage_backend *backend);
void core_validate_net(const struct mirage_net *net);
void core_validate_block(const struct mirage_block *block);
void core_validate_kv(const struct mirage_kv *kv);
void core_validate_stack(const struct mirage_stack *stack);

#endif /* MIRAGE_CORE_H */
