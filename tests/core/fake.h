/* SPDX-License-Identifier: ISC */
/*
 * fake.h: a backend made of variables, for tests of the core. Its clock stands
 * still until nothing is due, then jumps to the next wake-up; when there is none
 * either, `on_idle` is the world. One network and one disk answer to any name.
 */
#ifndef FAKE_H
#define FAKE_H

#include "core.h"

#include <check.h>

#define FAKE_DEADLOCK 99 /* the exit status when nothing goes on */
#define FAKE_SECTORS 64
#define FAKE_POOL 32

struct fake {
	uint64_t now_ns, wake_ns;
	char log[65536];
	/** Called when only the world can make the program go on. Returns whether
	 *  it did anything; NULL is a world where nothing happens. */
	bool (*on_idle)(void);

	struct mirage_net net;
	struct mirage_net_info net_info;
	struct mirage_net_counters net_counters;
	struct mirage_pool pool;
	struct mirage_packet packets[FAKE_POOL];
	uint8_t frames[FAKE_POOL][2048];
	size_t tx_room; /* frames that the network takes before it is full */
	size_t n_sent;
	uint8_t sent[4096][64]; /* the beginning of each */
	size_t sent_bytes[4096];
	unsigned nets_closed, nets_disposed;

	struct mirage_block block;
	struct mirage_block_info block_info;
	struct mirage_block_counters block_counters;
	uint8_t disk[FAKE_SECTORS * 512];
	bool hold; /* requests wait for fake_block_step */
	struct mirage_block_request *held[256];
	size_t n_held, most_held;
	size_t n_submitted;
	uint64_t
		offsets[256]; /* of requests in the order of their submission */
	unsigned blocks_closed, blocks_disposed;

	/** The backend's own, for a stack or a store of any name. */
	void (*stack_open)(struct mirage_open *open);
	void (*kv_open)(struct mirage_open *open);
};

extern struct fake fake;

/** Runs `start` with the arguments, ending in NULL, after the program's name
 *  "test", and returns the exit status. Once in a process. */
int fake_run(mirage_start_fn *start, ...) __attribute__((sentinel));

/** Runs `body` in a child. Returns its wait status; what it wrote to stdout and
 *  stderr is in `fake_child_output`. */
int fake_child(void (*body)(void));
extern char fake_child_output[8192];

/** Asserts that `body` aborts with `message` in its output. */
void fake_must_abort(void (*body)(void), const char *message);

/** Fills an empty packet with a frame of `length` bytes that begins with `first`
 *  and is of a type for experiments. */
void fake_frame(struct mirage_packet *packet, uint8_t first, size_t length);

/** Hands a frame of `length` bytes that begins with `first` to the core. Returns
 *  false when the pool is empty. */
bool fake_net_receive(uint8_t first, size_t length);

/** Does the oldest held request and completes it. */
void fake_block_step(int result);

#define CORE_CASES(X)   \
	X(errors)       \
	X(timers)       \
	X(packets)      \
	X(uris)         \
	X(options)      \
	X(validation)   \
	X(ips)          \
	X(hosts)        \
	X(kvs)          \
	X(stacks)       \
	X(flows)        \
	X(life)         \
	X(nets)         \
	X(blocks)       \
	X(plans)        \
	X(trace_nets)   \
	X(trace_blocks) \
	X(fault_nets)   \
	X(fault_blocks)

#define CORE_CASE_DECLARE(name) TCase *core_case_##name(void);
CORE_CASES(CORE_CASE_DECLARE)
#undef CORE_CASE_DECLARE

#endif /* FAKE_H */
