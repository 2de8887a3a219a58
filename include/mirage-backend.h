/* SPDX-License-Identifier: ISC */
/**
 * mirage-backend.h: what the core offers to those who write a backend.
 *
 * An application never includes this file. It is the other direction of the
 * contract: mirage.h says what a backend owes, this file what it may rely on.
 * The core has no thread, waits for nothing, and runs callbacks of the
 * application from `mirage_core_turn`, `mirage_core_net_deliver`,
 * `mirage_core_console_input` and the answers of the upper signatures only: these
 * are called from the backend's loop, never from inside an op of a table.
 */
#ifndef MIRAGE_BACKEND_H
#define MIRAGE_BACKEND_H

#include <mirage.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MIRAGE_NORETURN __attribute__((noreturn))
#else
#define MIRAGE_NORETURN
#endif

/* ------------------------------------------------------------------ Loop -- */

/**
 * Runs what is due: the start of the application, completions, events, opens,
 * timers. Before it returns it calls `time->wake_at` with the moment when it
 * wants to be called again. `wake_at` is also called from inside other calls when
 * something comes due earlier.
 */
MIRAGE_API void mirage_core_turn(void);

/** Whether something is due now: worth another turn before asking the host. */
MIRAGE_API bool mirage_core_ready(void);

/** Whether the program has ended; no callback runs any more. */
MIRAGE_API bool mirage_core_ended(void);

/** The exit status, once ended. */
MIRAGE_API int mirage_core_status(void);

/**
 * Whether only the world can make the program go on: nothing is due, no timer is
 * armed, but something is awaited (a request, a frame, an input). The simulation
 * calls this a deadlock, others wait.
 */
MIRAGE_API bool mirage_core_waiting(void);

/** Raises an event without a device: SHUTDOWN, RESUMED, CONSOLE. */
MIRAGE_API void mirage_core_event(uint32_t event);

/** Hands console input to its reader; length 0 is the end of the input. */
MIRAGE_API void mirage_core_console_input(const void *bytes, size_t length);

/** Aborts: a contract was broken. Logs "broken contract [TAG]: WHAT". */
MIRAGE_API MIRAGE_NORETURN void mirage_core_broken(const char *tag,
						   const char *what);

/* --------------------------------------------------------------- Options -- */

/** The value of the backend's own option `name` ("" for a flag), or NULL when
 *  it was not given. Lives as long as the program. */
MIRAGE_API const char *mirage_core_option(const char *name);

/** The name of the program as it was started, for messages. */
MIRAGE_API const char *mirage_core_program(void);

/* ----------------------------------------------------------------- Opens -- */

enum mirage_open_kind {
	MIRAGE_OPEN_NET = 0,
	MIRAGE_OPEN_BLOCK = 1,
	MIRAGE_OPEN_KV = 2,
	MIRAGE_OPEN_STACK = 3
};

/** An open under way; the core's memory until it is answered. */
struct mirage_open {
	const char *name;
	/** What the command line gave for the name, or NULL: the backend decides
	 *  whether there is a default. */
	const char *uri;
	/** Whether the command line gave any device of this class, for a message
	 *  that tells a misspelt name from a missing option. */
	bool any_given;
	uint32_t accept; /* networks */

	/* The core's. */
	uint32_t kind; /* enum mirage_open_kind */
	int result;
	struct mirage_net *net;
	struct mirage_block *block;
	struct mirage_kv *kv;
	struct mirage_stack *stack;
	mirage_net_open_fn *net_done;
	mirage_block_open_fn *block_done;
	mirage_kv_open_fn *kv_done;
	mirage_stack_open_fn *stack_done;
	void *arg;
	struct mirage_open *next, *under_way;
	char name_copy[64]; /* a name that is too long, for the message */
	char record_path[256];
};

/**
 * Answers an open, from anywhere, once. With `result` 0 the device's `ops`,
 * `info` and `counters` are set and all else in it is zero; the core sets `name`.
 * With an error the backend has logged why, by `mirage_core_open_error`.
 */
MIRAGE_API void mirage_core_net_opened(struct mirage_open *open, int result,
				       struct mirage_net *net);
MIRAGE_API void mirage_core_block_opened(struct mirage_open *open, int result,
					 struct mirage_block *block);
MIRAGE_API void mirage_core_kv_opened(struct mirage_open *open, int result,
				      struct mirage_kv *kv);
MIRAGE_API void mirage_core_stack_opened(struct mirage_open *open, int result,
					 struct mirage_stack *stack);

/** Asks the core to record the frames of a network that is being opened to a
 *  pcap file at `path`, 1 to 255 bytes, which are copied. Before the open is
 *  answered. Returns false for another `path`, after having logged that. */
MIRAGE_API bool mirage_core_open_record(struct mirage_open *open,
					const char *path);

/** Logs "network 'NAME' (URI): MESSAGE" as an error, or "block …". */
MIRAGE_API void mirage_core_open_error(const struct mirage_open *open,
				       const char *format, ...)
	MIRAGE_PRINTF(2, 3);

/* --------------------------------------------------------------- Network -- */

/** Hands `n` received frames to the receiver and counts them; without a receiver
 *  it releases and counts them as dropped. */
MIRAGE_API void mirage_core_net_deliver(struct mirage_net *net,
					struct mirage_packet *const packets[],
					size_t n);

/** Raises an event of a network, from anywhere. WRITABLE is passed on only if a
 *  send or reserve fell short. */
MIRAGE_API void mirage_core_net_event(struct mirage_net *net, uint32_t event);

/** Answers `close`: the core raises CLOSED and frees the name. Because the
 *  application may still hold the closed device, `dispose` is called when the name
 *  is opened again; at the end of the program nothing is. */
MIRAGE_API void mirage_core_net_closed(struct mirage_net *net);

/* ----------------------------------------------------------------- Block -- */

/** Completes a request, from anywhere: `done` runs from the next turn. */
MIRAGE_API void mirage_core_block_complete(struct mirage_block_request *request,
					   int result);

/** Raises an event of a block, from anywhere: RESIZED, CAPS, LOST, BACK. */
MIRAGE_API void mirage_core_block_event(struct mirage_block *block,
					uint32_t event);

/** Answers `close`, as for networks. */
MIRAGE_API void mirage_core_block_closed(struct mirage_block *block);

/* ------------------------------------------------------ Upper signatures -- */

/*
 * For those who implement flows, stacks and stores, in a library or a backend. The
 * functions that end in `done`, `connected`, `accepted`, `resolved` and `received`
 * run the application's callback before they return: call them from the loop (a
 * timer, a completion, a receiver, the backend's own turn), never inside an op.
 * After one of them anything may have changed: the callback may have closed what
 * it was about.
 */

/** Answers the read in flight; does nothing without one. `bytes` as promised by
 *  mirage_flow_read_fn. */
MIRAGE_API void mirage_core_flow_read_done(struct mirage_flow *flow, int result,
					   const void *bytes);
/** Whether a read is in flight: without one nothing is to be answered. */
MIRAGE_API bool mirage_core_flow_reading(const struct mirage_flow *flow);
MIRAGE_API void mirage_core_flow_write_done(struct mirage_flow_write *write,
					    int result);

MIRAGE_API void mirage_core_tcp_connected(struct mirage_tcp_connect *connect,
					  int result, struct mirage_flow *flow);
MIRAGE_API void mirage_core_tcp_accepted(struct mirage_listener *listener,
					 int result, struct mirage_flow *flow);
/** Whether an accept is in flight. */
MIRAGE_API bool
mirage_core_tcp_accepting(const struct mirage_listener *listener);
MIRAGE_API void mirage_core_resolved(struct mirage_resolve *resolve,
				     int result);
MIRAGE_API void mirage_core_udp_received(struct mirage_udp *udp,
					 const struct mirage_endpoint *from,
					 const struct mirage_endpoint *to,
					 const void *bytes, size_t length);

/** Takes a new stack in: sets its state, and keeps the program running until it
 *  is closed. For libraries; a backend's is by `mirage_core_stack_opened`. */
MIRAGE_API void mirage_core_stack_start(struct mirage_stack *stack);
/** Raises ADDRESS or LINK, from the loop only. */
MIRAGE_API void mirage_core_stack_event(struct mirage_stack *stack,
					uint32_t event);
/** Answers `close`: raises CLOSED; then `stack` is the implementation's. */
MIRAGE_API void mirage_core_stack_closed(struct mirage_stack *stack);

/** Whether the command line gave the network `name` as `host:`, and the stack is to
 *  be the host's. */
MIRAGE_API bool mirage_core_is_host(const char *name);
/** Opens the host's sockets for `name`. */
MIRAGE_API void mirage_core_host_open(const char *name,
				      mirage_stack_open_fn *done, void *arg);

/** Takes a new store of a library in: sets its state. */
MIRAGE_API void mirage_core_kv_start(struct mirage_kv *kv);
/** Completes a request, from anywhere: `done` runs from the next turn. */
MIRAGE_API void mirage_core_kv_complete(struct mirage_kv_request *request,
					int result);
/** Tells a key to LIST's `on_key`, from the loop. False when that has ended the
 *  program: then nothing more is to be told. */
MIRAGE_API bool mirage_core_kv_key(struct mirage_kv_request *list,
				   const char *key,
				   const struct mirage_kv_value *value);
/** Answers `close`, as for networks; a store without a name is disposed of right
 *  after its CLOSED. */
MIRAGE_API void mirage_core_kv_closed(struct mirage_kv *kv);

/* ---------------------------------------------------------------- Faults -- */

/**
 * Gives a device that the program was started with `--fault NAME=PLAN` for
 * another plan while it runs; operations count from 1 again. What the old plan
 * holds back or has stalled stays so. `net` or `block` is the backend's own device,
 * not closed yet. Returns NULL, or what is wrong, static until the next call: then
 * the old plan goes on.
 */
MIRAGE_API const char *mirage_core_net_fault(struct mirage_net *net,
					     const char *plan);
MIRAGE_API const char *mirage_core_block_fault(struct mirage_block *block,
					       const char *plan);

/* ----------------------------------------------------------------- Pools -- */

/**
 * Packets over memory that the backend provides. Gives them empty and zeroed,
 * takes them back by their `recycle`, and raises WRITABLE on `net` (which MAY be
 * NULL) when one comes back after a shortage.
 */
struct mirage_pool {
	struct mirage_packet *free;
	uint32_t n_packets;
	uint32_t n_out; /* held by somebody */
	uint32_t headroom_bytes;
	bool short_of; /* somebody got fewer than asked */
	struct mirage_net *net;
	void (*on_empty)(struct mirage_pool *pool); /* after abandon */
};

/** Makes `n` packets of `stride_bytes` each from zeroed `memory`, the first
 *  `headroom_bytes` of each being headroom. `packets` and `memory` live as long as
 *  the pool. */
MIRAGE_API void mirage_pool_init(struct mirage_pool *pool,
				 struct mirage_packet *packets, void *memory,
				 uint32_t n, uint32_t stride_bytes,
				 uint32_t headroom_bytes,
				 struct mirage_net *net);

/** Takes one packet with one reference, or returns NULL. */
MIRAGE_API struct mirage_packet *mirage_pool_get(struct mirage_pool *pool);

/** Takes up to `n` packets and returns how many; fewer marks the pool short. */
MIRAGE_API int mirage_pool_reserve(struct mirage_pool *pool,
				   struct mirage_packet *packets[], size_t n);

/** Calls `on_empty` once no packet is held any more, at once if none is: then the
 *  memory may be freed. The pool's `net` is forgotten. */
MIRAGE_API void mirage_pool_abandon(struct mirage_pool *pool,
				    void (*on_empty)(struct mirage_pool *pool));

#define MIRAGE_POOL_HEADROOM_BYTES 64u

/** A pool of `n` packets of `frame_bytes` with a headroom of
 *  MIRAGE_POOL_HEADROOM_BYTES, in memory of its own, or NULL. */
MIRAGE_API struct mirage_pool *mirage_pool_new(uint32_t n, uint32_t frame_bytes,
					       struct mirage_net *net);

/** Frees what `mirage_pool_new` gave once its last packet has come back. NULL is
 *  fine. */
MIRAGE_API void mirage_pool_free(struct mirage_pool *pool);

/** How many packets are enough for a pool of frames of `frame_bytes`. */
MIRAGE_API uint32_t mirage_pool_frames(uint32_t frame_bytes);

/** Copies the bytes of a frame, of one fragment or of many, to `to`. */
MIRAGE_API void mirage_core_net_gather(uint8_t *to,
				       const struct mirage_packet *frame);

/* ------------------------------------------------------------------ URIs -- */

#define MIRAGE_URI_TEXT_MAX 1023
#define MIRAGE_URI_OPTIONS_MAX 16

/**
 * A device URI, taken apart: `scheme:path,key=value,flag`. A comma within the
 * path or a value is written twice. `text` holds the pieces.
 */
struct mirage_uri {
	const char *scheme;
	const char *path;
	struct mirage_uri_option {
		const char *key;
		const char *value; /* "" for a flag */
		bool used;
	} options[MIRAGE_URI_OPTIONS_MAX];
	unsigned n_options;
	char text[MIRAGE_URI_TEXT_MAX + 1];
};

/** Takes `text` apart. Returns NULL, or what is wrong with it (a static string). */
MIRAGE_API const char *mirage_uri_parse(struct mirage_uri *uri,
					const char *text);

/** The value of option `key`, or NULL, and marks it as used. */
MIRAGE_API const char *mirage_uri_option(struct mirage_uri *uri,
					 const char *key);

/** The first option that nobody asked for, or NULL: an unknown one. */
MIRAGE_API const char *mirage_uri_unused(const struct mirage_uri *uri);

/** Reads a number of bytes: decimal digits and perhaps K, M, G or T (powers of
 *  1,024). Returns false on anything else and on overflow. */
MIRAGE_API bool mirage_uri_bytes(const char *text, uint64_t *bytes);

/** Reads a unicast Ethernet address such as 02:00:00:00:00:01. Returns false on
 *  anything else. */
MIRAGE_API bool mirage_uri_mac(const char *text, uint8_t mac[6]);

/* ------------------------------------------------------ Options of opens -- */

#define MIRAGE_MTU_MIN_BYTES 68u
#define MIRAGE_MTU_DEFAULT_BYTES 1500u
/** With the header it is a frame of 65,535 bytes, what QEMU and passt hold. */
#define MIRAGE_MTU_MAX_BYTES 65521u

/**
 * Answers `open` with `error`, after `mirage_core_open_error` with the message.
 * Returns false, as do all that follow when they have refused the open.
 */
MIRAGE_API bool mirage_open_refuse(struct mirage_open *open, int error,
				   const char *format, ...) MIRAGE_PRINTF(3, 4);

/** Refuses a URI with an option that nobody has asked for: it is unknown. */
MIRAGE_API bool mirage_open_unused(struct mirage_open *open,
				   const struct mirage_uri *uri);

/** Reads an option without a value. */
MIRAGE_API bool mirage_open_flag(struct mirage_open *open,
				 struct mirage_uri *uri, const char *key,
				 bool *flag);

/**
 * Reads `mtu=BYTES` and `mac=XX:XX:XX:XX:XX:XX` into `info`. Without `mac` it is
 * locally administered (02) and follows from the name and from the low 24 bits
 * of `salt`, which two programs on one wire must not share.
 */
MIRAGE_API bool mirage_open_net_options(struct mirage_open *open,
					struct mirage_uri *uri, uint32_t salt,
					struct mirage_net_info *info);

/** Reads `sector=512|4096`; leaves `*sector_bytes` alone without it. */
MIRAGE_API bool mirage_open_sector(struct mirage_open *open,
				   struct mirage_uri *uri,
				   uint32_t *sector_bytes);

/** Checks that a device of `size_bytes` is whole sectors, at least one. `path` is
 *  that of its file, for the message, or NULL. */
MIRAGE_API bool mirage_open_size(struct mirage_open *open, uint64_t size_bytes,
				 uint32_t sector_bytes, const char *path);

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_BACKEND_H */
