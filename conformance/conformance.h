/* SPDX-License-Identifier: ISC */
/**
 * conformance.h: what a conformance case is made of.
 *
 * A case states one behaviour that mirage.h promises, and is the same C on
 * every backend: it uses mirage.h and this file, no libc, no malloc, no fork.
 *
 *	CASE(block, read_back, "BLK-01 BLK-25", .needs = CONF_DISK)
 *	{
 *		static struct conf_done done;
 *
 *		CASE_BEGIN;
 *		OPEN(CONF_DISK_512);
 *		...
 *		mirage_block_submit(conf_block(CONF_DISK_512), &request, 1);
 *		AWAIT(done.count == 1);
 *		CLAIM("BLK-01");
 *		CHECK_RESULT(done.result, MIRAGE_OK);
 *		CASE_END;
 *	}
 *
 *	CASES(block) = {&block_read_back, NULL};
 *
 * AWAIT goes back to the loop: the function returns, and is called again, with a
 * jump to where it was, whenever somebody calls conf_wake and every millisecond
 * besides. So what lives longer than from one AWAIT to the next is `static`.
 * Everything between CASE_BEGIN and CASE_END is one switch: no `switch` of your
 * own around an AWAIT, and no two AWAITs on one line.
 *
 * A case runs at most once in a process. It ends at CASE_END or at the first
 * CHECK that fails, and leaves nothing behind that could call it: the harness
 * closes the devices that it opened; timers are its own to cancel.
 */
#ifndef MIRAGE_CONFORMANCE_H
#define MIRAGE_CONFORMANCE_H

#include <mirage.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------------- Devices -- */

/** The devices under test, named by what they are to the cases. */
enum conf_role {
	CONF_NET_A = 0, /* two networks, linked by a sound medium: what one */
	CONF_NET_B = 1, /* sends the other receives */
	CONF_DISK_512 = 2,  /* writable, 512-byte sectors, at least 1 MiB */
	CONF_DISK_4096 = 3, /* writable, 4,096-byte sectors, at least 1 MiB */
	CONF_DISK_RO = 4,   /* read-only, at least 64 KiB, every byte 0x5a */
	CONF_KV = 5, /* a store of the backend's own, writable and empty; or
			       one of lib/kv, see conf_take_kv */
	CONF_HOST_4 = 6, /* the host's sockets: 127.0.0.1 is this machine; */
	CONF_HOST_6 = 7, /* ::1 is; */
	CONF_HOST_NAMES = 8, /* names are asked of 127.0.0.1, port 53, where
				 nobody is */
	CONF_ROLES = 9
};

/**
 * What a case needs of its fixture, bits. The first ones are devices; the others
 * are what the world can be made to do, see fixture.h.
 */
enum conf_need {
	CONF_NET = 1u << CONF_NET_A,
	CONF_PAIR = 1u << CONF_NET_A | 1u << CONF_NET_B,
	CONF_DISK = 1u << CONF_DISK_512,
	CONF_DISK_LARGE = 1u << CONF_DISK_4096,
	CONF_READ_ONLY = 1u << CONF_DISK_RO,
	CONF_STORE = 1u << CONF_KV,
	CONF_SOCKETS_4 = 1u << CONF_HOST_4,
	CONF_SOCKETS_6 = 1u << CONF_HOST_6,
	CONF_SOCKETS_NAMES = 1u << CONF_HOST_NAMES,

	CONF_LINK = 1u << 12,	       /* conf_link */
	CONF_PAUSE = 1u << 13,	       /* conf_pause */
	CONF_NET_LOSE = 1u << 14,      /* conf_lose of a network */
	CONF_DISK_LOSE = 1u << 15,     /* conf_lose of a disk */
	CONF_RESIZE = 1u << 16,	       /* conf_resize */
	CONF_POWER = 1u << 17,	       /* conf_power_loss */
	CONF_DROP_CAPS = 1u << 18,     /* conf_drop_caps */
	CONF_FAIL = 1u << 19,	       /* conf_fail_next */
	CONF_SHUTDOWN = 1u << 20,      /* conf_shutdown */
	CONF_SUSPEND = 1u << 21,       /* conf_suspend */
	CONF_INPUT = 1u << 22,	       /* conf_console_input */
	CONF_OUTPUT = 1u << 23,	       /* conf_console_output */
	CONF_CONSOLE_PAUSE = 1u << 24, /* conf_console_pause */
	CONF_CONSOLE_GONE = 1u << 25,  /* conf_console_gone */
	CONF_LOG = 1u << 26,	       /* conf_console_log */
	CONF_INJECT = 1u << 27	       /* conf_inject */
};

/* ----------------------------------------------------------------- Cases -- */

/** A case. Everything but the first four members is optional. */
struct conf_case {
	const char *id;	  /* class.behaviour */
	const char *tags; /* of mirage.h, with a space between */
	void (*run)(void);
	const char *file;
	uint32_t needs;	   /* enum conf_need: skipped without */
	uint32_t excludes; /* enum conf_need: skipped with */
	/** Capabilities that the devices which the case opens must have, or must
	 *  lack: checked by OPEN, which skips the case. */
	uint32_t caps, lacks;
	/** The tag in the message of the abort that ends this case; such cases
	 *  need a process of their own. */
	const char *aborts;
	/** Set for a case that ends with the program, which MUST exit with `status`
	 *  of its own; it needs a process of its own. */
	bool exits;
	int status;
	/** Run before the program starts, and after it has ended (CHECKs only);
	 *  they need a process, `after` also `exits`. */
	void (*before)(void);
	void (*after)(void);
	/** Arguments for the application, ending in NULL; needs a process. */
	const char *const *argv;
	/** Replaces the harness's start callback; needs `exits`. */
	mirage_start_fn *start;
};

#define CASE(class_, name, tags_, ...)                    \
	static void class_##_##name##_run(void);          \
	static const struct conf_case class_##_##name = { \
		.id = #class_ "." #name,                  \
		.tags = tags_,                            \
		.run = class_##_##name##_run,             \
		.file = __FILE__,                         \
		__VA_ARGS__};                             \
	static void class_##_##name##_run(void)

/** The list of a class, which cases.c gathers; ends in NULL. */
#define CASES(class_)                                                 \
	extern const struct conf_case *const conf_##class_##_cases[]; \
	const struct conf_case *const conf_##class_##_cases[]

#define CASE_BEGIN             \
	switch (conf_line()) { \
	case 0:

#define CASE_END             \
	conf_pass();         \
	return;              \
	default:             \
		conf_lost(); \
		}            \
		(void)0

/** How long AWAIT waits, on the monotonic clock. */
#define CONF_PATIENCE_NS 10000000000u

/** Goes back to the loop until `condition` holds; fails after a while. */
#define AWAIT(condition) AWAIT_NS(condition, CONF_PATIENCE_NS)

#define AWAIT_NS(condition, patience_ns)                            \
	do {                                                        \
		conf_await(__LINE__, (patience_ns));                \
		__attribute__((fallthrough));                       \
	case __LINE__:                                              \
		if (!(condition)) {                                 \
			conf_still(__FILE__, __LINE__, #condition); \
			return;                                     \
		}                                                   \
	} while (0)

/** Goes back to the loop, and on when `for_ns` have passed; for what must *not*
 *  happen. */
#define REST_NS(for_ns)                         \
	do {                                    \
		conf_await(__LINE__, (for_ns)); \
		__attribute__((fallthrough));   \
	case __LINE__:                          \
		if (!conf_rested())             \
			return;                 \
	} while (0)

/** Opens the device of `role` and waits for it; with the second of two networks
 *  also for the link between them. Skips the case where it is not
 *  implemented or has not the case's capabilities; fails it on any error. */
#define OPEN(role) OPEN_ACCEPT(role, 0)
#define OPEN_ACCEPT(role, accept)          \
	do {                               \
		conf_open(role, accept);   \
		AWAIT(conf_is_open(role)); \
		if (conf_over())           \
			return;            \
	} while (0)

/** Closes the device of `role` and waits for its CLOSED. */
#define CLOSE(role)                          \
	do {                                 \
		conf_close(role);            \
		AWAIT(conf_is_closed(role)); \
	} while (0)

/** Ends the case as skipped, for `reason`: a static string. */
#define SKIP(reason)               \
	do {                       \
		conf_skip(reason); \
		return;            \
	} while (0)

/** Skips where the fixture could not do it: `WORLD(conf_link(CONF_NET_A, false))`.
 */
#define WORLD(call)                                            \
	do {                                                   \
		if (!(call))                                   \
			SKIP("the fixture could not: " #call); \
	} while (0)

/** Names the tag that the checks from here on are about; without it a failure
 *  quotes every tag of the case. */
#define CLAIM(tag) conf_claim(tag)

/* In the case itself and in its callbacks: a failing check ends the function. */
#define CHECK(condition)                                             \
	do {                                                         \
		if (!(condition)) {                                  \
			conf_failed(__FILE__, __LINE__, #condition); \
			return;                                      \
		}                                                    \
	} while (0)

/** Two numbers are equal; prints both when not. */
#define CHECK_EQ(actual, expected)                                   \
	do {                                                         \
		if (!conf_equal_numbers(__FILE__, __LINE__, #actual, \
					(int64_t)(actual),           \
					(int64_t)(expected)))        \
			return;                                      \
	} while (0)

/** A result is the one expected; prints errors by their names when not. */
#define CHECK_RESULT(actual, expected)                                         \
	do {                                                                   \
		if (!conf_equal_results(__FILE__, __LINE__, #actual, (actual), \
					(expected)))                           \
			return;                                                \
	} while (0)

/** `length` bytes are equal; prints the first that is not. */
#define CHECK_BYTES(actual, expected, length)                                \
	do {                                                                 \
		if (!conf_equal_bytes(__FILE__, __LINE__, #actual, (actual), \
				      (expected), (length)))                 \
			return;                                              \
	} while (0)

/* What the macros call. */
int conf_line(void);
void conf_await(int line, uint64_t patience_ns);
void conf_still(const char *file, int line, const char *condition);
bool conf_rested(void);
void conf_pass(void);
void conf_lost(void);
void conf_skip(const char *reason);
void conf_claim(const char *tag);
void conf_failed(const char *file, int line, const char *condition);
bool conf_equal_numbers(const char *file, int line, const char *what,
			int64_t actual, int64_t expected);
bool conf_equal_results(const char *file, int line, const char *what,
			int actual, int expected);
bool conf_equal_bytes(const char *file, int line, const char *what,
		      const void *actual, const void *expected, size_t length);
/** Whether the case has its verdict already. */
bool conf_over(void);

/* --------------------------------------------------------------- Helpers -- */

/** Has the case called again on the loop's next turn. For callbacks. */
void conf_wake(void);

/** Counts completions; `conf_count` is a mirage_done_fn for it, and wakes. */
struct conf_done {
	unsigned count;
	int result; /* the last one */
};
void conf_count(void *done, int result);
/** The same for timers: a mirage_timer_fn. */
void conf_count_time(void *done);

void conf_open(enum conf_role role, uint32_t accept);
/** The same for a stack on the network of `role`, or the host's in that role. */
void conf_open_stack(enum conf_role role,
		     const struct mirage_stack_config *config);
bool conf_is_open(enum conf_role role);
void conf_close(enum conf_role role);
bool conf_is_closed(enum conf_role role);

/** The open device of `role`; NULL when it is not open. */
struct mirage_net *conf_net(enum conf_role role);
struct mirage_block *conf_block(enum conf_role role);
struct mirage_kv *conf_kv(enum conf_role role);
struct mirage_stack *conf_stack(enum conf_role role);

/** Makes the store that the case has opened itself, in vain or not, the device of
 *  `role`: the harness counts its events and closes it. */
void conf_take_kv(enum conf_role role, int result, struct mirage_kv *kv);

/** The name that the fixture gave to `role`. */
const char *conf_name(enum conf_role role);

/** How many `event`s the device of `role` has had since OPEN. */
unsigned conf_events(enum conf_role role, uint32_t event);

/** Has `on_event` called too, after the harness has counted; NULL removes it.
 *  Cases do not replace a device's handler, or CLOSE would not notice. */
void conf_on_event(enum conf_role role, mirage_event_fn *on_event, void *arg);

/** Tells the harness that the case handles the closing of `role` by itself. */
void conf_forget(enum conf_role role);

/**
 * Memory for buffers, zeroed, aligned to 4,096 bytes, gone when the case ends;
 * 8 MiB in all. Guarded by canaries on both sides, which `conf_guards_hold`
 * checks.
 */
void *conf_memory(size_t length);
bool conf_guards_hold(void);

/** Bytes that follow from `seed` and their position, none zero for long. */
void conf_fill(void *bytes, size_t length, uint32_t seed);
/** Whether `length` bytes are those of conf_fill with `seed`. */
bool conf_filled(const void *bytes, size_t length, uint32_t seed);
/** Whether `length` bytes all are `value`. */
bool conf_all(const void *bytes, size_t length, uint8_t value);
void conf_set(void *bytes, size_t length, uint8_t value);
void conf_copy(void *to, const void *from, size_t length);
bool conf_same(const void *a, const void *b, size_t length);
size_t conf_length(const char *text);
/** Whether `text` occurs in the `length` bytes. */
bool conf_contains(const void *bytes, size_t length, const char *text);

/* ----------------------------------------------------------------- World -- */

/* What happens to the devices from outside. Each needs its bit in `.needs` and
 * returns false where the fixture could not do it: use WORLD. */

bool conf_link(enum conf_role role, bool up);
/** While paused the other end takes no frames from `role`. */
bool conf_pause(enum conf_role role, bool paused);
/** Takes the backend of a device away (LOST), or gives it back (BACK). */
bool conf_lose(enum conf_role role, bool lost);
bool conf_resize(enum conf_role role, uint64_t size_bytes);
/** Cuts a disk's power: it forgets, or keeps, whatever was not flushed, and fails
 *  what was in flight. LOST follows, and BACK by itself. */
bool conf_power_loss(enum conf_role role);
bool conf_drop_caps(enum conf_role role, uint32_t caps);
/** The next `n` requests of a disk fail with `error`. */
bool conf_fail_next(enum conf_role role, unsigned n, int error);
/** Hands bytes to the network as if the medium had brought them; any length. */
bool conf_inject(enum conf_role role, const void *bytes, size_t length);

bool conf_shutdown(void);
/** Suspends the program and resumes it. */
bool conf_suspend(void);
/** Somebody types; length 0 is the end of the input. */
bool conf_console_input(const void *bytes, size_t length);
/** Copies up to `length` bytes of what the console has written since the start,
 *  from `from` on, and returns how many there were to copy. */
size_t conf_console_output(size_t from, void *bytes, size_t length);
/** The same for the log lines. */
size_t conf_console_log(size_t from, void *bytes, size_t length);
/** While paused nobody reads what the console writes. */
bool conf_console_pause(bool paused);
/** Whoever reads the console goes away for good. */
bool conf_console_gone(void);

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_CONFORMANCE_H */
