/* SPDX-License-Identifier: ISC */
/**
 * mirage.h: the one header of Mirage for C, a library operating system.
 *
 * An application includes this file and nothing of any backend. By linking
 * another library it becomes a Unix process, a Xen guest, a WebAssembly module
 * or a node of a deterministic simulation. This header states the intent; an
 * implementation that deviates from a sentence here has a bug.
 *
 * THE LAW
 *
 * Words. MUST binds whoever is named; breaking it is a broken contract. MAY
 * promises nothing. A sentence that ends in a tag such as [LAW-01] is tested:
 * at least one conformance case cites it. Tags never change their meaning.
 *
 * Waiting. There is one thread, and only the backend's loop waits. What can
 * wait takes a completion. A completion runs exactly once [LAW-01], from the
 * loop and never before the submitting call has returned [LAW-02]. Callbacks
 * never nest: one runs to its end before the next begins [LAW-03]. A callback
 * may make any call declared here, closing its own device included [LAW-04].
 *
 * Errors. 0 or a count is success, a negative `enum mirage_error` is not. What
 * the world does wrong (a missing device, a request past the end, a frame too
 * long) is returned and changes nothing else. What the program does wrong (a
 * null completion, a request submitted twice, a packet released twice) aborts
 * with a message that names the broken sentence [LAW-05]. ENOSYS means that
 * this backend has not written it yet; ENOTSUP means that this device cannot.
 *
 * Memory. Requests and timers are the caller's memory: untouched by the caller
 * from submission until completion, free for any use inside the completion
 * [LAW-06]. Zeroed memory is a valid idle timer or request. Nothing here
 * allocates on the hot path. Strings are UTF-8, end in NUL, and are borrowed
 * for the call, unless said otherwise. A pointer is never NULL, unless said
 * otherwise.
 *
 * Devices. Networks and blocks are opened by name; what stands behind a name is
 * the backend's business, given by whoever starts the program. Console, clock,
 * time and random are ambient: one of each, always there. What a device cannot
 * do on every backend is a capability bit in its `info`; without the bit the
 * call returns ENOTSUP and does nothing else [LAW-07].
 *
 * Units are in the names: `_ns`, `_bytes`, `_frames`. Bounds are inclusive.
 *
 * Versions. Tables begin with their own size and grow only at the end, so an
 * older table is a shorter one and what it lacks reads as absent [LAW-08]. Until
 * version 1 anything may change, everywhere at once.
 *
 * Out of scope: threads, signals, files, processes, drivers for real hardware.
 *
 * The companion header for those who write a backend is mirage-backend.h.
 */
#ifndef MIRAGE_H
#define MIRAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MIRAGE_API __attribute__((visibility("default")))
#define MIRAGE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MIRAGE_API
#define MIRAGE_PRINTF(text, first)
#endif

/* Not ABI until 1.0: an app and its backend are built from the same version. */
#define MIRAGE_VERSION_MAJOR 0
#define MIRAGE_VERSION_MINOR 1
#define MIRAGE_VERSION_PATCH 0
#define MIRAGE_VERSION "0.1.0"

/** True when `table`, which begins with its size in bytes, is long enough to
 *  hold `member`, and `member` is not NULL. */
#define MIRAGE_HAS(table, member)                                    \
	((size_t)((const char *)(&(table)->member + 1) -             \
		  (const char *)(table)) <= (size_t)(table)->size && \
	 (table)->member != NULL)

/* ---------------------------------------------------------------- Errors -- */

/**
 * Every error there is. The values are our own, because errno differs between
 * hosts (EAGAIN is 11 on Linux and 6 under Emscripten); they never change and
 * are never reused. A backend translates what its host says: what fits nothing
 * here is EIO, and the host's own words go to the log [ERR-01].
 */
#define MIRAGE_ERROR_MAP(X)                                                   \
	X(EAGAIN, -1, "cannot take more now, try again after the event")      \
	X(EINVAL, -2, "invalid argument")                                     \
	X(ENODEV, -3, "no such device")                                       \
	X(EBUSY, -4, "already open or in use")                                \
	X(EACCES, -5, "permission denied")                                    \
	X(EROFS, -6, "read-only device")                                      \
	X(ERANGE, -7, "beyond the end or above a limit of the device")        \
	X(EALIGN, -8, "not aligned to the device's unit")                     \
	X(EMSGSIZE, -9, "frame too short, too long or in too many fragments") \
	X(ENOMEM, -10, "out of memory")                                       \
	X(ENOSPC, -11, "no space left behind the device")                     \
	X(EIO, -12, "input/output error")                                     \
	X(EGONE, -13, "device closed or its backend gone")                    \
	X(ECANCELED, -14, "canceled")                                         \
	X(ETIMEDOUT, -15, "timed out")                                        \
	X(ENOSYS, -16, "not implemented by this backend")                     \
	X(ENOTSUP, -17, "not supported by this device")                       \
	X(ENOENT, -18, "no such name")                                        \
	X(EREFUSED, -19, "connection refused")                                \
	X(ERESET, -20, "connection reset by its peer")                        \
	X(EUNREACH, -21, "no way to that address")

enum mirage_error {
#define MIRAGE_ERROR_ENUM(name, value, text) MIRAGE_##name = value,
	MIRAGE_ERROR_MAP(MIRAGE_ERROR_ENUM)
#undef MIRAGE_ERROR_ENUM
		MIRAGE_OK = 0
};

/** The text of `error`, without a newline. Any value has one: success reads
 *  "success", an unknown value "unknown error" [ERR-02]. The string is static. */
MIRAGE_API const char *mirage_strerror(int error);

/** The name of `error`, such as "EAGAIN"; "OK" for success and counts, "?" for
 *  an unknown value [ERR-03]. The string is static. */
MIRAGE_API const char *mirage_error_name(int error);

/** A completion. `result` is 0, a count, or a negative `enum mirage_error`. */
typedef void mirage_done_fn(void *arg, int result);

/* ----------------------------------------------------------- Application -- */

/**
 * The first callback of an application: sets things going and returns. `argv`
 * holds the program's name and the arguments that the backend did not take for
 * itself, in their order; `argv[argc]` is NULL [APP-01]. Both live as long as
 * the program.
 *
 * Returning 0 lets the loop run. Any other value ends the program as
 * `mirage_exit` would: an error (negative) as status 1, with its text in the
 * log, a status as itself [APP-02].
 */
typedef int mirage_start_fn(int argc, char *argv[]);

/**
 * Runs an application to its end and returns its exit status, which `main` MUST
 * return in turn. On some backends it never returns and on some (JavaScript) it
 * returns at once while the loop goes on: nothing may follow it.
 *
 *	int main(int argc, char *argv[])
 *	{
 *		return mirage_run(argc, argv, start);
 *	}
 *
 * The backend takes its own options from `argv`, up to `--`, which it takes too
 * [APP-03]: `--net NAME=URI`, `--block NAME=URI`, `--kv NAME=URI`,
 * `--trace NAME[=FILE]`, `--fault NAME=PLAN`, `--log LEVEL`, `-v`, `--help`,
 * `--version` and those that its own help lists. A mistake in them ends the program with status 2 and a
 * message that names the option and the remedy [APP-04]. What it does not know it
 * leaves to the application, who refuses what nobody knows.
 */
MIRAGE_API int mirage_run(int argc, char *argv[], mirage_start_fn *start);

/**
 * Ends the program with `status`, 0 to 127 [APP-05]. Returns to its caller, but
 * no callback runs after the present one [APP-06]. What the console has taken
 * is written out first [APP-07]; the outcome of requests in flight is unknown.
 *
 * The program also ends, with status 0, when `start` has returned and nothing
 * is left that could call it: no timer armed, no open, request or close in
 * flight, no network with a receiver or owing a WRITABLE, no stack open, no reader
 * of the console [APP-08].
 */
MIRAGE_API void mirage_exit(int status);

/* ---------------------------------------------------------------- Events -- */

/**
 * What happens of itself. The state that an event speaks of (`info`) has
 * already changed when it arrives [EVT-01]. Of events of one kind waiting for
 * one device only one is kept: an event says "look", not "how often".
 */
enum mirage_event {
	/* To the handler of mirage_on_event: */
	MIRAGE_EVENT_SHUTDOWN = 1, /* somebody asks the program to end */
	MIRAGE_EVENT_RESUMED = 2,  /* running again after a suspension; the
				       clocks have been read anew */
	MIRAGE_EVENT_CONSOLE = 3,  /* the console takes bytes again */
	/* To the handler of a device: */
	MIRAGE_EVENT_WRITABLE = 4, /* a send or reserve that fell short may do
				       better now */
	MIRAGE_EVENT_LINK = 5,	   /* `link_up` changed */
	MIRAGE_EVENT_RESIZED = 6,  /* `size_bytes` changed */
	MIRAGE_EVENT_CAPS = 7,	   /* `caps` lost bits */
	MIRAGE_EVENT_LOST = 8,	   /* the backend is away; requests wait */
	MIRAGE_EVENT_BACK = 9,	   /* the backend is back */
	MIRAGE_EVENT_CLOSED = 10,  /* the last event of a closed device */
	/* To the handler of a stack: */
	MIRAGE_EVENT_ADDRESS = 11 /* addresses, routers or servers changed */
};

/** Receives `event`, an `enum mirage_event`, from the loop. */
typedef void mirage_event_fn(void *arg, uint32_t event);

/**
 * Sets the handler of events that belong to no device; NULL removes it. Without
 * a handler a request to shut down acts as `mirage_exit(0)` [EVT-02]; with one
 * the program goes on until it ends itself [EVT-03]. A handler alone does not
 * keep the program running.
 */
MIRAGE_API void mirage_on_event(mirage_event_fn *on_event, void *arg);

/* --------------------------------------------------------------- Console -- */

/*
 * A byte stream to and from whoever watches the program, and beside it log
 * lines. Bytes are data: nothing is added, changed or reordered [CON-01].
 */

/** Receives `length` bytes, borrowed for the call. Length 0 is the end of the
 *  input and the last call [CON-02]. */
typedef void mirage_console_read_fn(void *arg, const void *bytes,
				    size_t length);

/**
 * Writes up to `length` bytes and returns how many it took, never blocking
 * [CON-03]. Taken bytes are written in order and are not lost, not even at exit
 * [APP-07]. A short count, 0 included, means that nobody reads fast enough;
 * EVENT_CONSOLE follows when there is room [CON-04]. When the reader is gone
 * for good it returns EGONE [CON-05]. Length 0 returns 0 [CON-06].
 */
MIRAGE_API int mirage_console_write(const void *bytes, size_t length);

/**
 * Starts reading: `on_read` runs for whatever arrives. NULL stops; bytes not yet
 * delivered wait for the next reader [CON-07]. Returns ENOTSUP where the console
 * has no input.
 */
MIRAGE_API int mirage_console_read(mirage_console_read_fn *on_read, void *arg);

enum mirage_log_level {
	MIRAGE_LOG_ERROR = 0,
	MIRAGE_LOG_WARN = 1, /* the default threshold */
	MIRAGE_LOG_INFO = 2, /* -v */
	MIRAGE_LOG_DEBUG = 3 /* -v -v */
};

/**
 * Logs one line: best effort, never blocks, never mixed into the data of the
 * console [CON-08]; only where the host listens to one stream, as xl does to a Xen
 * guest, lines stand in that. `format` is printf's; a newline is added; the line is
 * cut at 1,023 bytes. Lines above the threshold (`--log`) are dropped unformatted.
 */
MIRAGE_API void mirage_log(uint32_t level, const char *format, ...)
	MIRAGE_PRINTF(2, 3);

/**
 * The backend's console. `write` is `mirage_console_write` with a length of at
 * least 1; a short count obliges the backend to call `mirage_core_event` with
 * EVENT_CONSOLE later. `read_enable(true)` starts the calls to
 * `mirage_core_console_input`, `false` stops them; NULL means no input. `log`
 * gets one line of `length` bytes without its newline.
 */
struct mirage_console_ops {
	uint32_t size;
	int (*write)(const void *bytes, size_t length);
	void (*read_enable)(bool enable);
	void (*log)(uint32_t level, const char *line, size_t length);
};

/* ----------------------------------------------------------------- Clock -- */

/** Nanoseconds on a clock that never goes back [CLK-01], from an arbitrary start.
 *  It advances while the program waits [CLK-02]. */
MIRAGE_API uint64_t mirage_clock_monotonic_ns(void);

/** Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted. It may jump
 *  either way when somebody sets the clock, and at EVENT_RESUMED. */
MIRAGE_API int64_t mirage_clock_wall_ns(void);

struct mirage_clock_info {
	uint32_t size;
	/** Whether the monotonic clock advances while the program is suspended. */
	bool counts_suspended;
	/** The smallest step each clock is able to show, at least 1 [CLK-03]. Two
	 *  different readings differ by a step or more, give or take a tenth
	 *  [CLK-04]. */
	uint64_t monotonic_resolution_ns;
	uint64_t wall_resolution_ns;
};

/** What the clocks are able to do; constant while the program runs [CLK-05]. */
MIRAGE_API const struct mirage_clock_info *mirage_clock_info(void);

struct mirage_clock_ops {
	uint32_t size;
	uint64_t (*monotonic_ns)(void);
	int64_t (*wall_ns)(void);
	const struct mirage_clock_info *info;
};

/* ------------------------------------------------------------------ Time -- */

typedef void mirage_timer_fn(void *arg);

/**
 * A timer, in the caller's memory; zeroed memory is idle. All members are the
 * queue's. MUST NOT move or be freed while it is armed.
 */
struct mirage_timer {
	uint64_t deadline_ns;
	uint64_t order;
	mirage_timer_fn *on_time;
	void *arg;
	struct mirage_timer *child, *sibling, *previous;
};

/**
 * Arms `timer`: `on_time` runs once, when the monotonic clock has reached
 * `deadline_ns`; never early [TIM-01]. A deadline that has passed, 0 included,
 * runs on the loop's next turn [TIM-02]. Timers run in the order of their
 * deadlines, equal ones in the order in which they were started [TIM-03].
 * Starting an armed timer moves it: it counts as started anew and runs once
 * [TIM-04]. A timer started inside `on_time` runs no earlier than the next turn,
 * so that devices get theirs [TIM-05]; the timer itself is idle by then and may
 * be started again [TIM-06].
 */
MIRAGE_API void mirage_timer_start(struct mirage_timer *timer,
				   uint64_t deadline_ns,
				   mirage_timer_fn *on_time, void *arg);

/** Disarms `timer`: `on_time` will not run [TIM-07]. Returns whether it was armed
 *  [TIM-08]. */
MIRAGE_API bool mirage_timer_cancel(struct mirage_timer *timer);

/** Whether `timer` is armed [TIM-09]. */
MIRAGE_API bool mirage_timer_armed(const struct mirage_timer *timer);

/**
 * The backend's part of time. `wake_at` obliges it to call `mirage_core_turn`
 * from its loop once the monotonic clock has reached `deadline_ns`, soon and not
 * early; a later call replaces an earlier one. 0 means on the next pass of the
 * loop, UINT64_MAX never.
 */
struct mirage_time_ops {
	uint32_t size;
	void (*wake_at)(uint64_t deadline_ns);
};

/* ---------------------------------------------------------------- Random -- */

/**
 * Fills `length` bytes fit for keys, from the host's own generator or from the
 * processor's. It fails closed: on an error (EIO, ENOSYS) all of `bytes` is zero
 * and nothing weaker is put in its place [RND-01]. Two fills are unrelated
 * [RND-02] and no byte outside `bytes` changes [RND-03]. (In the simulation the
 * bytes follow from the seed, as everything does there.)
 */
MIRAGE_API int mirage_random_fill(void *bytes, size_t length);

struct mirage_random_ops {
	uint32_t size;
	int (*fill)(void *bytes, size_t length);
};

/* --------------------------------------------------------------- Packets -- */

/** What is known about the transport checksum of a frame. */
enum mirage_csum {
	MIRAGE_CSUM_NONE = 0,	  /* nothing: the bytes tell, check them */
	MIRAGE_CSUM_VERIFIED = 1, /* somebody trusted has checked it */
	MIRAGE_CSUM_BLANK = 2	  /* not filled in: sum from `csum_start_bytes`
				     to the end, put it `csum_offset_bytes`
				     after that start; the field holds the sum
				     of the pseudo-header */
};

/** Segments to cut a frame into, and of which protocol. */
enum mirage_gso {
	MIRAGE_GSO_NONE = 0,
	MIRAGE_GSO_TCPV4 = 1,
	MIRAGE_GSO_TCPV6 = 2
};

/**
 * A fragment of an Ethernet frame in a reference-counted buffer. A frame is one
 * packet, or a chain by `next`; the first one speaks for all of it: its
 * references, checksum and segmentation count, those of the rest are ignored.
 *
 * `data` and `length_bytes` are for reading; change them with the functions
 * below, which keep track of what was written so that the pool can zero it.
 * Write to the bytes only between `data` and `data + length_bytes`, and only
 * while you hold the only reference [PKT-01].
 */
struct mirage_packet {
	uint8_t *data;
	uint32_t length_bytes;
	uint32_t references;
	struct mirage_packet *next;
	uint8_t csum;		    /* enum mirage_csum */
	uint8_t gso;		    /* enum mirage_gso */
	uint16_t gso_size_bytes;    /* payload of one segment */
	uint16_t csum_start_bytes;  /* from the first byte of the frame */
	uint16_t csum_offset_bytes; /* from csum_start_bytes */

	/* The pool's. */
	uint8_t *buffer;
	uint32_t capacity_bytes;   /* of the buffer, headroom included */
	uint32_t dirty_from_bytes; /* in the buffer: the bytes that the pool */
	uint32_t dirty_to_bytes;   /* must zero before it gives them away */
	void (*recycle)(struct mirage_packet *packet);
	void *owner;
	uint64_t backend[2];
};

/** Bytes free before the data of this fragment. */
static inline uint32_t
mirage_packet_headroom(const struct mirage_packet *packet)
{
	return (uint32_t)(packet->data - packet->buffer);
}

/** Bytes free after the data of this fragment. */
static inline uint32_t
mirage_packet_tailroom(const struct mirage_packet *packet)
{
	return packet->capacity_bytes - mirage_packet_headroom(packet) -
	       packet->length_bytes;
}

/** Grows the data of this fragment by `bytes` at its end and returns the first
 *  new byte, or NULL where there is no room [PKT-02]. */
static inline uint8_t *mirage_packet_append(struct mirage_packet *packet,
					    uint32_t bytes)
{
	uint8_t *end = packet->data + packet->length_bytes;
	uint32_t to = (uint32_t)(end - packet->buffer) + bytes;

	if (bytes > mirage_packet_tailroom(packet))
		return NULL;
	packet->length_bytes += bytes;
	if (packet->dirty_to_bytes < to)
		packet->dirty_to_bytes = to;
	return end;
}

/** Grows the data of this fragment by `bytes` at its front and returns the first
 *  byte, or NULL where there is no room [PKT-03]. */
static inline uint8_t *mirage_packet_prepend(struct mirage_packet *packet,
					     uint32_t bytes)
{
	uint32_t from = mirage_packet_headroom(packet) - bytes;

	if (bytes > mirage_packet_headroom(packet))
		return NULL;
	packet->data -= bytes;
	packet->length_bytes += bytes;
	if (packet->dirty_from_bytes > from)
		packet->dirty_from_bytes = from;
	return packet->data;
}

/** Drops `front` bytes from the front and `back` from the end of this fragment.
 *  Returns false, and drops nothing, when there are fewer [PKT-04]. */
static inline bool mirage_packet_trim(struct mirage_packet *packet,
				      uint32_t front, uint32_t back)
{
	if (front > packet->length_bytes || back > packet->length_bytes - front)
		return false;
	packet->data += front;
	packet->length_bytes -= front + back;
	return true;
}

/** The length of the whole frame [PKT-05]. */
static inline uint64_t
mirage_packet_frame_bytes(const struct mirage_packet *packet)
{
	uint64_t bytes = 0;

	for (; packet != NULL; packet = packet->next)
		bytes += packet->length_bytes;
	return bytes;
}

/** Takes one more reference to a frame and returns it. */
static inline struct mirage_packet *
mirage_packet_retain(struct mirage_packet *packet)
{
	packet->references++;
	return packet;
}

/**
 * Gives a reference back. With the last one the whole chain returns to its pools
 * [PKT-06], which zero what was written: nobody sees another's bytes [PKT-07].
 * Releasing more often than retained is a broken contract [PKT-08].
 */
MIRAGE_API void mirage_packet_release(struct mirage_packet *packet);

/* --------------------------------------------------------------- Network -- */

/*
 * An Ethernet interface. A frame begins with its 14-byte header and carries no
 * frame check sequence. Its length is 14 to `mtu_bytes` + 14 [NET-01]; a VLAN tag
 * counts as payload. Shorter frames are not padded. Delivery is not promised,
 * but no frame disappears without a counter moving [NET-02].
 */

enum mirage_net_cap {
	/** Sends frames of more than one fragment. */
	MIRAGE_NET_CAP_FRAGMENTS = 1u << 0,
	/** Takes CSUM_BLANK on sending, and fills the checksum or hands the mark
	 *  on to a peer that can. A device MAY offer its TX offloads only to an
	 *  application that accepts RX_CSUM: on some, both cost the same header. */
	MIRAGE_NET_CAP_TX_CSUM = 1u << 1,
	/** Takes GSO frames up to `gso_max_bytes` on sending. */
	MIRAGE_NET_CAP_TX_GSO4 = 1u << 2,
	MIRAGE_NET_CAP_TX_GSO6 = 1u << 3,
	/** May deliver CSUM_BLANK or CSUM_VERIFIED; only if `accept` had the bit. */
	MIRAGE_NET_CAP_RX_CSUM = 1u << 4,
	/** May deliver GSO frames; only if `accept` had the bit. */
	MIRAGE_NET_CAP_RX_GSO4 = 1u << 5,
	MIRAGE_NET_CAP_RX_GSO6 = 1u << 6,
	/** Reports LINK events; without it the link always reads as up. */
	MIRAGE_NET_CAP_LINK = 1u << 7
};

/** The bits that MAY be given as `accept`: abilities of the application. */
#define MIRAGE_NET_ACCEPT_ALL                                         \
	((uint32_t)(MIRAGE_NET_CAP_RX_CSUM | MIRAGE_NET_CAP_RX_GSO4 | \
		    MIRAGE_NET_CAP_RX_GSO6))

struct mirage_net_info {
	uint32_t size;
	uint32_t caps;		 /* enum mirage_net_cap */
	uint32_t mtu_bytes;	 /* without the 14-byte header, at least 68 */
	uint32_t headroom_bytes; /* before the data of a reserved packet */
	uint32_t gso_max_bytes; /* longest frame with GSO; 0 without the caps */
	uint32_t max_fragments; /* of one sent frame, at least 1 */
	uint32_t pool_frames;	/* packets of mtu_bytes + 14 that can be
				     reserved at once, at least 16 [NET-03] */
	uint8_t mac[6];		/* unicast; constant while open [NET-04] */
	bool link_up;
};

/** Since the device was opened, and exact [NET-05]. Bytes are those of frames,
 *  headers included. The reasons of drops are disjoint. */
struct mirage_net_counters {
	uint32_t size;
	uint64_t rx_frames, rx_bytes; /* handed to the receiver */
	uint64_t tx_frames, tx_bytes; /* taken by mirage_net_send */
	uint64_t rx_dropped_nobody;   /* no receiver was set */
	uint64_t rx_dropped_memory;   /* the pool was empty: packets are held */
	uint64_t rx_dropped_size; /* shorter than 14 or longer than allowed */
	uint64_t rx_dropped_invalid; /* broken framing or metadata */
	uint64_t tx_dropped_link;    /* taken while the link was down */
	uint64_t tx_dropped_error;   /* taken, then refused by the backend */
	uint64_t tx_refused;	     /* not taken: EMSGSIZE, ENOTSUP */
};

struct mirage_net;

/** Receives `n` frames, at least 1, in the order of their arrival. Ownership of
 *  each passes to the receiver, who releases it in its own time [NET-06]. */
typedef void mirage_net_receive_fn(void *arg,
				   struct mirage_packet *const packets[],
				   size_t n);

/** `net` is NULL unless `result` is 0. */
typedef void mirage_net_open_fn(void *arg, int result, struct mirage_net *net);

/**
 * An open network. Read `info`, `counters` and `name`, which the device keeps up
 * to date; the rest is private to the core.
 */
struct mirage_net {
	const struct mirage_net_ops *ops;
	const struct mirage_net_info *info;
	struct mirage_net_counters *counters;
	const char *name;

	/* The core's. */
	mirage_net_receive_fn *on_receive;
	void *receive_arg;
	mirage_event_fn *on_event;
	void *event_arg;
	uint32_t events;
	uint32_t state;
	struct mirage_net *next;
};

/**
 * Opens the network called `name`: 1 to 31 letters, digits, `-` or `_`, else
 * EINVAL [NET-07]. `accept` says what the application is able to receive (bits of
 * MIRAGE_NET_ACCEPT_ALL); `info->caps` says what came of it. Errors: ENODEV where
 * nobody gave a network of that name [NET-08] or nothing is behind it, EBUSY where it is open already
 * [NET-09], EACCES, EINVAL (its URI), EIO; the log names device and remedy.
 */
MIRAGE_API void mirage_net_open(const char *name, uint32_t accept,
				mirage_net_open_fn *done, void *arg);

/**
 * Closes `net`. Never fails. At once nothing is received and nothing more is
 * taken [NET-10]; frames already taken are sent. EVENT_CLOSED follows, the last
 * thing to be heard of the device [NET-11], and its name may be opened again
 * [NET-12]. Closing again does nothing, until the name is opened again [NET-13].
 */
MIRAGE_API void mirage_net_close(struct mirage_net *net);

/** Sets the handler of the device's events; NULL removes it. */
MIRAGE_API void mirage_net_on_event(struct mirage_net *net,
				    mirage_event_fn *on_event, void *arg);

/** Sets the receiver; NULL removes it: frames are then dropped and counted in
 *  `rx_dropped_nobody` [NET-14]. */
MIRAGE_API void mirage_net_on_receive(struct mirage_net *net,
				      mirage_net_receive_fn *on_receive,
				      void *arg);

/**
 * Takes up to `n` empty packets from the device's own pool, each in one fragment
 * with `info->headroom_bytes` before and room for at least `length_bytes` after
 * its data [NET-15], all of it zero [PKT-07], with no mark of checksum or
 * segmentation [NET-16]. Returns how many; when fewer than `n`, EVENT_WRITABLE
 * follows once there are more [NET-17]. `length_bytes` above the longest frame
 * that can be sent is EMSGSIZE [NET-18]. The caller owns them: send or release.
 */
MIRAGE_API int mirage_net_reserve(struct mirage_net *net, uint32_t length_bytes,
				  struct mirage_packet *packets[], size_t n);

/**
 * Sends `n` frames in their order; a device with several queues MAY keep it within
 * each flow only (addresses and ports). Returns how many the device took, from the
 * first on: their ownership passes, the rest stays the caller's [NET-19]. Fewer
 * than `n` means that the device is full and EVENT_WRITABLE follows [NET-20], or
 * that the next frame is one it refuses: sending that one alone returns why and
 * counts in `tx_refused`. EMSGSIZE: its length [NET-21] or its number of
 * fragments [NET-22]; ENOTSUP: a mark without the capability [NET-23]; EINVAL: a
 * mark that points outside of the frame [NET-24]; EGONE: closed [NET-10].
 *
 * Packets of any pool will do. A device never changes the bytes of a frame that
 * somebody else still holds [NET-25]; of one that it alone holds it MAY use the
 * headroom, even if it then does not take it. A frame that is sent once arrives at
 * most once and unchanged, where the medium is sound [NET-26]. With the link down
 * frames are taken, dropped and counted in `tx_dropped_link` [NET-27].
 */
MIRAGE_API int mirage_net_send(struct mirage_net *net,
			       struct mirage_packet *const packets[], size_t n);

/**
 * A network of a backend. The core has checked every argument: `reserve` gets a
 * length that is allowed, `send` gets frames that are, on an open device, and
 * returns how many it took and now owns; when short, the backend calls
 * `mirage_core_net_event` with EVENT_WRITABLE later. Frames received go to
 * `mirage_core_net_deliver`, never from inside an op. `close` is called once and
 * answered by one `mirage_core_net_closed`. `dispose` frees the memory of a closed
 * device; NULL means it is static.
 */
struct mirage_net_ops {
	uint32_t size;
	int (*reserve)(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n);
	int (*send)(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n);
	void (*close)(struct mirage_net *net);
	void (*dispose)(struct mirage_net *net);
};

/* ----------------------------------------------------------------- Block -- */

/*
 * A disk: `size_bytes` of storage in sectors. A completed write is visible to
 * every later read [BLK-01]; only a completed flush makes it durable: the flush
 * covers all writes that had completed when it was submitted [BLK-02]. Requests
 * in flight at the same time are unordered, also where they overlap.
 *
 * Never short: a request does all of its work or reports an error [BLK-03]. The
 * device never grows by writing [BLK-04]. After an error an unknown part of the
 * request was done, except for EINVAL, ERANGE, EALIGN, EROFS, ENOTSUP and EGONE
 * at submission: then nothing was.
 */

enum mirage_block_cap {
	/** Writes at all; without it every change is EROFS. */
	MIRAGE_BLOCK_CAP_WRITE = 1u << 0,
	MIRAGE_BLOCK_CAP_FLUSH = 1u << 1,
	MIRAGE_BLOCK_CAP_DISCARD = 1u << 2,
	MIRAGE_BLOCK_CAP_WRITE_ZEROES = 1u << 3,
	/** Notices a change of size and reports it. */
	MIRAGE_BLOCK_CAP_RESIZE = 1u << 4
};

struct mirage_block_info {
	uint32_t size;
	uint32_t caps;	       /* enum mirage_block_cap */
	uint64_t size_bytes;   /* a multiple of sector_bytes [BLK-05] */
	uint32_t sector_bytes; /* a power of two, at least 512 [BLK-06] */
	uint32_t
		physical_sector_bytes; /* at least sector_bytes: what is written
					   without reading first */
	uint32_t buffer_align_bytes; /* of the address of every vector; a power
					of two, 1 for any */
	uint32_t max_vectors;	     /* of one request, at least 8 */
	uint32_t max_transfer_bytes; /* of one read or write, at least 32 KiB */
	uint32_t queue_depth;	     /* requests the device works on at once */
	uint64_t max_discard_bytes;  /* of one discard or write of zeroes */
};

/** Since the device was opened, requests that completed. */
struct mirage_block_counters {
	uint32_t size;
	uint64_t reads, read_bytes; /* that succeeded [BLK-07] */
	uint64_t writes, written_bytes;
	uint64_t flushes, discards, write_zeroes;
	uint64_t refused; /* that broke a limit and were not tried */
	uint64_t errors;  /* that the device failed */
};

enum mirage_block_op {
	MIRAGE_BLOCK_READ = 1,
	MIRAGE_BLOCK_WRITE = 2,
	MIRAGE_BLOCK_FLUSH = 3,
	MIRAGE_BLOCK_DISCARD = 4,
	MIRAGE_BLOCK_WRITE_ZEROES = 5
};

/** A piece of memory; `length_bytes` is a multiple of the sector. */
struct mirage_vector {
	void *base;
	size_t length_bytes;
};

/**
 * A request, in the caller's memory, from submission until `done` the device's:
 * so are `vectors` and what they point to [BLK-08]. The device writes to the
 * vectors of a read only, and to no byte outside of them [BLK-09].
 */
struct mirage_block_request {
	uint32_t op;	    /* enum mirage_block_op */
	uint32_t n_vectors; /* READ and WRITE */
	const struct mirage_vector *vectors;
	uint64_t offset_bytes;
	uint64_t
		length_bytes; /* DISCARD and WRITE_ZEROES; for READ and WRITE the
				  core fills in the sum of the vectors */
	mirage_done_fn *done;
	void *arg;

	/* The core's and the backend's while in flight. */
	struct mirage_block *block;
	struct mirage_block_request *next;
	int32_t result;
	uint32_t state;
	uint64_t backend[6];
};

/** `block` is NULL unless `result` is 0. */
typedef void mirage_block_open_fn(void *arg, int result,
				  struct mirage_block *block);

/** An open disk. Read `info`, `counters` and `name`, which the device keeps up to
 *  date; the rest is private to the core. */
struct mirage_block {
	const struct mirage_block_ops *ops;
	const struct mirage_block_info *info;
	struct mirage_block_counters *counters;
	const char *name;

	/* The core's. */
	mirage_event_fn *on_event;
	void *event_arg;
	struct mirage_block_request *waiting, **waiting_end;
	uint32_t in_flight; /* with the backend */
	uint32_t pending;   /* submitted, `done` not yet run */
	uint32_t events;
	uint32_t state;
	struct mirage_block *next;
};

/** Opens the disk called `name`: names and errors as for `mirage_net_open`:
 *  EINVAL [BLK-10], ENODEV [BLK-11], EBUSY [BLK-12]. */
MIRAGE_API void mirage_block_open(const char *name, mirage_block_open_fn *done,
				  void *arg);

/**
 * Closes `block`. Never fails. Everything in flight completes first [BLK-13];
 * what is submitted afterwards completes with EGONE [BLK-14]. EVENT_CLOSED
 * follows, the last thing to be heard of the device [BLK-15], and its name may be
 * opened again, with the content as it was [BLK-16]. Closing again does nothing, until the name is opened
 * again [BLK-17].
 */
MIRAGE_API void mirage_block_close(struct mirage_block *block);

/** Sets the handler of the device's events; NULL removes it. */
MIRAGE_API void mirage_block_on_event(struct mirage_block *block,
				      mirage_event_fn *on_event, void *arg);

/**
 * Submits `n` requests. All are taken, always: those beyond `queue_depth` wait in
 * the callers' memory for their turn, first come, first served [BLK-18]. Each
 * completes once, in any order [LAW-01].
 *
 *	op            error, nothing done
 *	any           EINVAL  an unknown op, too many vectors or none [BLK-19]
 *	all but       ERANGE  past `size_bytes`, or above `max_transfer_bytes` or
 *	 FLUSH                `max_discard_bytes` [BLK-20]
 *	              EALIGN  offset, length, a vector's length or a vector's
 *	                      address not aligned [BLK-21]
 *	all but READ  EROFS   without CAP_WRITE [BLK-22]
 *	FLUSH, DISCARD, WRITE_ZEROES
 *	              ENOTSUP without its capability [BLK-23]
 *
 * (A request that breaks several gets one of them.)
 *
 * A length of zero succeeds and touches nothing [BLK-24]. READ fills the vectors
 * in their order and WRITE empties them [BLK-25]. WRITE_ZEROES reads back as
 * zeroes [BLK-26]. DISCARD leaves the range with any content, but a stable one:
 * reading twice gives the same [BLK-27], and no byte outside changes [BLK-28].
 * FLUSH ignores offset and length. ENOSPC and EIO are the world's.
 */
MIRAGE_API void
mirage_block_submit(struct mirage_block *block,
		    struct mirage_block_request *const requests[], size_t n);

/**
 * A disk of a backend. The core has checked every argument and keeps the queue:
 * `submit` gets at most `queue_depth` requests less those in flight, and MUST take
 * them all. Each ends in one `mirage_core_block_complete`, which may be called from
 * anywhere, inside `submit` too. `close` is called once, when nothing is in
 * flight or the backend is lost, and answered by one `mirage_core_block_closed`;
 * requests still held complete with EGONE before that. `dispose` frees the
 * memory of a closed device; NULL means it is static.
 */
struct mirage_block_ops {
	uint32_t size;
	void (*submit)(struct mirage_block *block,
		       struct mirage_block_request *const requests[], size_t n);
	void (*close)(struct mirage_block *block);
	void (*dispose)(struct mirage_block *block);
};

/* ------------------------------------------------------------- Addresses -- */

/*
 * From here on: the upper signatures. Libraries implement them on the devices
 * above (lib/), a backend may offer what its host has instead; either way the
 * same law holds and the same cases judge.
 */

/** An IP address. All zero is no address, or any, of either version. */
struct mirage_ip {
	uint8_t bytes[16]; /* in network order; version 4 has 4, then zeroes */
	uint8_t version;   /* 4 or 6; 0 for none */
	uint8_t interface; /* of a link-local address (RFC 4007): 1 + its index
			      in the stack's info, or the host's own number
			      of it, up to 255; else 0 */
};

/** An address and a port, in the host's byte order; 0 is any port. */
struct mirage_endpoint {
	struct mirage_ip ip;
	uint16_t port;
};

/** Room for the text of an endpoint and its NUL. */
#define MIRAGE_IP_TEXT_MAX 64

/** Reads `A.B.C.D`, four decimal numbers, or IPv6 in any form of RFC 4291, with
 *  `%N` for an interface, and nothing else [IPA-01]. On false `ip` is unchanged. */
MIRAGE_API bool mirage_ip_parse(struct mirage_ip *ip, const char *text);

/** Reads an address, then `/` and the bits of a prefix, at most 32 or 128
 *  [IPA-02]. On false nothing is changed. */
MIRAGE_API bool mirage_ip_parse_prefix(struct mirage_ip *ip,
				       uint8_t *prefix_bits, const char *text);

/** Writes the one text that RFC 5952 allows [IPA-03], "-" for no address, and
 *  returns `text`. */
MIRAGE_API const char *mirage_ip_print(const struct mirage_ip *ip,
				       char text[MIRAGE_IP_TEXT_MAX]);

/** The same with the port: `10.0.0.2:80`, `[2001:db8::1]:80` [IPA-04]. */
MIRAGE_API const char *mirage_endpoint_print(const struct mirage_endpoint *at,
					     char text[MIRAGE_IP_TEXT_MAX]);

/** Whether all of both is equal [IPA-05]. */
MIRAGE_API bool mirage_ip_equal(const struct mirage_ip *a,
				const struct mirage_ip *b);

/* ------------------------------------------------------------------ Flow -- */

/*
 * A stream of bytes in each direction, reliable and in order [FLW-01], to one
 * peer. Whoever does not read slows the peer down [FLW-02], whoever does not
 * wait for its writes' completions queues in its own memory: neither makes a
 * flow hold more than it is bound to.
 */

struct mirage_flow;

/**
 * Ends a read: `result` bytes, at least 1, or 0 at the end of the peer's stream
 * [FLW-03], or an error. `bytes` are the reader's until its next read, or until
 * the flow is closed [FLW-04]; the flow chooses how many.
 */
typedef void mirage_flow_read_fn(void *arg, int result, const void *bytes);

/**
 * Reads. One read at a time: another before `done` is a broken contract
 * [FLW-05]. After the end, or an error, every read says so again [FLW-06].
 * Errors: ERESET, ETIMEDOUT (the peer is silent), ECANCELED (closed or aborted
 * meanwhile), EGONE (the stack was closed).
 */
MIRAGE_API void mirage_flow_read(struct mirage_flow *flow,
				 mirage_flow_read_fn *done, void *arg);

/**
 * A write, in the caller's memory: from submission until `done` the flow's, as are
 * `vectors` and what they point to, which is only read. Lengths are in any unit.
 */
struct mirage_flow_write {
	const struct mirage_vector *vectors;
	uint32_t n_vectors;
	mirage_done_fn *done;
	void *arg;

	/* The flow's while in flight. */
	struct mirage_flow *flow;
	struct mirage_flow_write *next;
	uint64_t length_bytes; /* the sum of the vectors, by the core */
	uint64_t implementation[3];
};

/**
 * Writes all of the vectors, after everything written before [FLW-07]; any number
 * may be in flight. `done` says 0 when the memory is the caller's again: the bytes
 * are on their way, not with the peer. They complete in their order [FLW-08]. No
 * bytes at all succeed and send nothing [FLW-09]. After a write has failed all
 * later ones fail. Errors as for reading; EGONE after `mirage_flow_shutdown`
 * [FLW-10].
 */
MIRAGE_API void mirage_flow_write(struct mirage_flow *flow,
				  struct mirage_flow_write *write);

/** Ends our stream after what was written: the peer reads the end, and we go on
 *  reading [FLW-11]. Again does nothing. */
MIRAGE_API void mirage_flow_shutdown(struct mirage_flow *flow);

/**
 * Lets go of the flow; MUST be called once, errors or not. A read in flight
 * completes with ECANCELED [FLW-12]. Writes in flight go on and complete, then our
 * stream ends [FLW-13]; what the peer still sends is thrown away. Of the flow
 * nothing may be used any more, but `mirage_flow_abort` as long as a write is in
 * flight.
 */
MIRAGE_API void mirage_flow_close(struct mirage_flow *flow);

/** Closes without grace: the peer's reads and writes fail with ERESET [FLW-14],
 *  ours in flight complete with ECANCELED [FLW-15]. */
MIRAGE_API void mirage_flow_abort(struct mirage_flow *flow);

/** Whether small writes leave at once, as they do from the start, or wait for
 *  company (RFC 896). ENOTSUP for a flow that has no such choice. */
MIRAGE_API int mirage_flow_nodelay(struct mirage_flow *flow, bool nodelay);

/** Asks a silent peer for a sign of life after `idle_ns`, and then again, and fails
 *  the flow with ETIMEDOUT without one; 0, as at the start, never asks. ENOTSUP. */
MIRAGE_API int mirage_flow_keepalive(struct mirage_flow *flow,
				     uint64_t idle_ns);

/** A flow. Read `local` and `peer`, which a flow that has no addresses leaves
 *  zero; the rest is private. */
struct mirage_flow {
	const struct mirage_flow_ops *ops;
	struct mirage_endpoint local, peer;

	/* The core's. */
	mirage_flow_read_fn *on_read; /* of the read in flight */
	void *read_arg;
	uint32_t writes; /* in flight */
	uint32_t state;
};

/**
 * A flow of an implementation. The core has checked the contract. `read` is
 * answered by one `mirage_core_flow_read_done`, each `write` by one
 * `mirage_core_flow_write_done`, from the loop and never inside an op. `close` and
 * `abort` are called once each at most; the flow's memory is the implementation's
 * again when one of them was called and nothing is in flight: it first answers
 * what is. NULL for `nodelay` and `keepalive` means ENOTSUP.
 */
struct mirage_flow_ops {
	uint32_t size;
	void (*read)(struct mirage_flow *flow);
	void (*write)(struct mirage_flow *flow,
		      struct mirage_flow_write *write);
	void (*shutdown)(struct mirage_flow *flow);
	void (*close)(struct mirage_flow *flow);
	void (*abort)(struct mirage_flow *flow);
	int (*nodelay)(struct mirage_flow *flow, bool nodelay);
	int (*keepalive)(struct mirage_flow *flow, uint64_t idle_ns);
};

/* ----------------------------------------------------------------- Stack -- */

/*
 * IPv4 and IPv6 with UDP and TCP, on one or more interfaces. There are two: our
 * own over networks (lib/tcpip), and the host's sockets where the program was
 * started with `--net NAME=host:` and the backend has them.
 */

#define MIRAGE_INTERFACES_MAX 4
#define MIRAGE_DNS_MAX 3
#define MIRAGE_IPV6_MAX 4 /* addresses of one interface */

/** How to set an interface up. Zeroed, with a name, it has IPv6 by router
 *  advertisements (RFC 4862) and no IPv4. */
struct mirage_interface_config {
	const char *name; /* of the network; lives as long as the stack */
	bool dhcp;	  /* ask for IPv4, DNS servers too (RFC 2131) */
	bool no_slaac;	  /* ignore router advertisements */
	uint8_t ipv4_prefix_bits, ipv6_prefix_bits;
	struct mirage_ip ipv4, gateway4; /* version 0 for none */
	struct mirage_ip ipv6, gateway6;
};

struct mirage_stack_config {
	uint32_t size;
	uint32_t n_interfaces, n_dns;
	struct mirage_interface_config interfaces[MIRAGE_INTERFACES_MAX];
	struct mirage_ip dns[MIRAGE_DNS_MAX]; /* asked before those of DHCP */
};

/**
 * Fills `config` from arguments, which it takes from `argv` [STK-01]. They are about
 * the network "service"; about another one when its name and a colon come before
 * the value, `--ipv4 back:10.0.1.2/24`, or before what has none, `back:--dhcp`.
 *
 *	--interface NAME        one more network to use
 *	--ipv4 ADDRESS/BITS     a static address
 *	--gateway ADDRESS       the router, of either version
 *	--dhcp                  ask for IPv4: what happens without --ipv4
 *	--ipv6 ADDRESS/BITS     a static address besides those advertised
 *	--no-slaac              ignore advertisements
 *	--dns ADDRESS           a name server, up to three times
 *
 * What it does not know it leaves. Returns 0, or EINVAL after a line in the log that
 * names the argument and the remedy [STK-02].
 */
MIRAGE_API int mirage_stack_arguments(struct mirage_stack_config *config,
				      int *argc, char *argv[]);

/** What an interface is like now. */
struct mirage_interface_info {
	const char *name;
	uint32_t mtu_bytes;
	uint8_t mac[6];
	bool link_up;
	uint8_t ipv4_prefix_bits;
	uint8_t n_ipv6;
	uint8_t ipv6_prefix_bits; /* of all of them */
	struct mirage_ip ipv4, gateway4, gateway6;
	struct mirage_ip ipv6[MIRAGE_IPV6_MAX]; /* the link-local one first */
	/* Of the lease that gave `ipv4`; zero without one. */
	struct mirage_ip dhcp_server;
	uint64_t lease_end_ns; /* on the monotonic clock */
};

/** What a stack is like now. The host's says nothing of its interfaces. */
struct mirage_stack_info {
	uint32_t size;
	uint32_t n_interfaces, n_dns;
	struct mirage_interface_info interfaces[MIRAGE_INTERFACES_MAX];
	struct mirage_ip dns[MIRAGE_DNS_MAX];
};

/** Since the stack was opened. The host's counts connections, and as
 *  `rx_dropped_memory` what had to wait for memory or a descriptor. */
struct mirage_stack_counters {
	uint32_t size;
	uint64_t rx_dropped_memory;   /* a bound was reached */
	uint64_t rx_dropped_checksum; /* of IP, UDP, TCP or ICMP */
	uint64_t rx_dropped_invalid;  /* malformed */
	uint64_t rx_dropped_nobody;   /* for no address or port of ours */
	uint64_t tx_dropped_memory;   /* a bound was reached */
	uint64_t tx_dropped_full;     /* the network took no more */
	uint64_t tcp_accepted, tcp_connected;
	uint64_t tcp_dropped_backlog; /* connections nobody accepted in time */
	uint64_t tcp_retransmitted;   /* segments */
};

struct mirage_stack;

/** `stack` is NULL unless `result` is 0. */
typedef void mirage_stack_open_fn(void *arg, int result,
				  struct mirage_stack *stack);

/** An open stack. Read `info` and `counters`, kept up to date; the rest is private. */
struct mirage_stack {
	const struct mirage_stack_ops *ops;
	const struct mirage_stack_info *info;
	const struct mirage_stack_counters *counters;

	/* The core's. */
	mirage_event_fn *on_event;
	void *event_arg;
	uint32_t state;
};

/**
 * Opens a stack on the networks that `config` names (copied), which the stack then
 * owns; `done` runs when an address of its own can be used: at once with a
 * static one, with DHCP when a lease has come [STK-03], however long that takes
 * (the log says so). Errors: those of `mirage_net_open`, EINVAL for a `config`
 * that makes no sense. Link with lib/tcpip.
 */
MIRAGE_API void mirage_stack_open(const struct mirage_stack_config *config,
				  mirage_stack_open_fn *done, void *arg);

/**
 * Closes `stack`, and its networks. Never fails. At once its flows are aborted, its
 * listeners and UDP ports closed, its lookups end: what is in flight completes with
 * EGONE [STK-04]; flows are still to be let go by `mirage_flow_close`. EVENT_CLOSED
 * follows, the last of it [STK-05], and with it the listeners and ports are gone.
 * Again does nothing until then.
 */
MIRAGE_API void mirage_stack_close(struct mirage_stack *stack);

/** Sets the handler of the stack's events: ADDRESS [STK-06], LINK, CLOSED. NULL
 *  removes it. */
MIRAGE_API void mirage_stack_on_event(struct mirage_stack *stack,
				      mirage_event_fn *on_event, void *arg);

/* ------------------------------------------------------------------- TCP -- */

/** Ends a connect or an accept: `flow` is NULL unless `result` is 0; it is the
 *  caller's, who closes it. */
typedef void mirage_flow_open_fn(void *arg, int result,
				 struct mirage_flow *flow);

/** A connection to be made, in the caller's memory: the stack's until `done`. */
struct mirage_tcp_connect {
	struct mirage_endpoint to;
	struct mirage_endpoint from; /* zero: the stack chooses */
	uint64_t timeout_ns;	     /* 0: the stack's own patience */
	mirage_flow_open_fn *done;
	void *arg;

	/* The stack's while in flight. */
	struct mirage_stack *stack;
	struct mirage_tcp_connect *next;
	uint64_t implementation[8];
};

/** Connects [TCP-01]. Errors: EREFUSED [TCP-02], ETIMEDOUT [TCP-03], EUNREACH,
 *  ENOMEM, EBUSY (`from` is in use), EINVAL (no address, no port), ECANCELED. */
MIRAGE_API void mirage_tcp_connect(struct mirage_stack *stack,
				   struct mirage_tcp_connect *connect);

/** Gives a connect in flight up: it completes with ECANCELED [TCP-04]. Does nothing
 *  to one that is not in flight. */
MIRAGE_API void mirage_tcp_cancel(struct mirage_tcp_connect *connect);

/** A listening port. Read `local`; the rest is private. */
struct mirage_listener {
	struct mirage_stack *stack;
	struct mirage_endpoint local;

	/* The core's. */
	mirage_flow_open_fn *on_accept; /* of the accept in flight */
	void *accept_arg;
	uint32_t state;
};

/**
 * Listens at `at`: an address of the stack, or any of one version, or any at all; port 0
 * takes a free one [TCP-05]. Up to `backlog` connections (at least 1) wait to be
 * accepted; those beyond are left to try again [TCP-06]. Errors: EBUSY (in use
 * [TCP-07]), EACCES, EINVAL (not an address of the stack), ENOMEM. `*listener` is
 * set on success only, and valid until closed.
 */
MIRAGE_API int mirage_tcp_listen(struct mirage_stack *stack,
				 const struct mirage_endpoint *at,
				 uint32_t backlog,
				 struct mirage_listener **listener);

/** Accepts a connection, once there is one [TCP-08]. One at a time: another before
 *  `done` is a broken contract [TCP-09]. */
MIRAGE_API void mirage_tcp_accept(struct mirage_listener *listener,
				  mirage_flow_open_fn *done, void *arg);

/** Closes `listener`: who waits to be accepted is reset, the accept in flight
 *  completes with ECANCELED [TCP-10], flows once accepted go on [TCP-11], the port
 *  is free [TCP-12]. `listener` is gone on return. */
MIRAGE_API void mirage_tcp_unlisten(struct mirage_listener *listener);

/* ------------------------------------------------------------------- UDP -- */

/** Receives one datagram [UDP-01]; all is borrowed for the call. `to` is the
 *  address it was sent to, where the stack can tell, else any. */
typedef void mirage_udp_receive_fn(void *arg,
				   const struct mirage_endpoint *from,
				   const struct mirage_endpoint *to,
				   const void *bytes, size_t length);

/** An open UDP port. Read `local`; the rest is private. */
struct mirage_udp {
	struct mirage_stack *stack;
	struct mirage_endpoint local;

	/* The core's. */
	mirage_udp_receive_fn *on_receive;
	void *receive_arg;
	uint32_t state;
};

/** Opens a UDP port, with `at` and errors as for `mirage_tcp_listen`: port 0 takes
 *  a free one [UDP-02], EBUSY [UDP-03]. */
MIRAGE_API int mirage_udp_open(struct mirage_stack *stack,
			       const struct mirage_endpoint *at,
			       mirage_udp_receive_fn *on_receive, void *arg,
			       struct mirage_udp **udp);

/**
 * Sends one datagram of all the vectors [UDP-04], from `from`, which answers the
 * `to` of what was received, or NULL: the stack chooses. Returns 0, or why
 * nothing was sent: EMSGSIZE (above 65,507 bytes with IPv4, or what the network
 * can carry [UDP-05]), EUNREACH, EAGAIN (no room now), EINVAL (no address, no
 * port [UDP-06]). Sent is not arrived.
 */
MIRAGE_API int mirage_udp_send(struct mirage_udp *udp,
			       const struct mirage_endpoint *from,
			       const struct mirage_endpoint *to,
			       const struct mirage_vector vectors[], size_t n);

/** Closes `udp`, which is gone on return; nothing more is received [UDP-07]. */
MIRAGE_API void mirage_udp_close(struct mirage_udp *udp);

/* -------------------------------------------------------------- Resolver -- */

/** A name to look up, in the caller's memory: the stack's until `done`. */
struct mirage_resolve {
	const char *name; /* at most 253 bytes; lives until `done` */
	uint8_t version;  /* 4 or 6; 0 for both, 6 first */
	uint32_t n_ips;	  /* room in `ips`, at least 1 */
	struct mirage_ip *ips;
	mirage_done_fn *done;
	void *arg;

	/* The stack's while in flight. */
	struct mirage_stack *stack;
	struct mirage_resolve *next;
	uint64_t implementation[8];
};

/** Looks `name` up and completes with the number of addresses put into `ips`, at
 *  least 1 [RES-01]. The text of an address is its own answer [RES-02]. Errors:
 *  ENOENT (there is no such name, or no address of that version [RES-03]),
 *  ETIMEDOUT (no server answers), EUNREACH (there is no server), EINVAL (not a
 *  name [RES-04]), ENOMEM, EIO (a server fails), ECANCELED. */
MIRAGE_API void mirage_resolve(struct mirage_stack *stack,
			       struct mirage_resolve *resolve);

/** Gives a lookup in flight up: it completes with ECANCELED [RES-05]. Does nothing
 *  to one that is not in flight. */
MIRAGE_API void mirage_resolve_cancel(struct mirage_resolve *resolve);

/**
 * A stack of an implementation. The core has checked the contract. Connects and
 * lookups are answered by one `mirage_core_tcp_connected` or
 * `mirage_core_resolved`, an `accept` by one `mirage_core_tcp_accepted`, from the
 * loop and never inside an op; so are those that are canceled. `listen` and
 * `udp_open` give memory of their own with `local` set and the rest zero.
 * Datagrams go to `mirage_core_udp_received`. `close` is answered by one
 * `mirage_core_stack_closed`, after all that is in flight; when that returns, the
 * listeners and ports that are left are the implementation's to free.
 */
struct mirage_stack_ops {
	uint32_t size;
	void (*connect)(struct mirage_stack *stack,
			struct mirage_tcp_connect *connect);
	void (*cancel)(struct mirage_tcp_connect *connect);
	int (*listen)(struct mirage_stack *stack,
		      const struct mirage_endpoint *at, uint32_t backlog,
		      struct mirage_listener **listener);
	void (*accept)(struct mirage_listener *listener);
	void (*unlisten)(struct mirage_listener *listener);
	int (*udp_open)(struct mirage_stack *stack,
			const struct mirage_endpoint *at,
			struct mirage_udp **udp);
	int (*udp_send)(struct mirage_udp *udp,
			const struct mirage_endpoint *from,
			const struct mirage_endpoint *to,
			const struct mirage_vector vectors[], size_t n);
	void (*udp_close)(struct mirage_udp *udp);
	void (*resolve)(struct mirage_stack *stack,
			struct mirage_resolve *resolve);
	void (*resolve_cancel)(struct mirage_resolve *resolve);
	void (*close)(struct mirage_stack *stack);
};

/* ------------------------------------------------------------- Key-value -- */

/*
 * Values by their keys. A key is 1 to 255 bytes: names with a `/` between, none of
 * them empty, `.` or `..` [KVS-01]. A value is any number of bytes.
 */

#define MIRAGE_KV_KEY_MAX 255

enum mirage_kv_cap {
	/** Takes SET and REMOVE; without it they are EROFS [KVS-02]. */
	MIRAGE_KV_CAP_WRITE = 1u << 0,
	/** A completed SET or REMOVE outlives the program and the host. */
	MIRAGE_KV_CAP_DURABLE = 1u << 1,
	/** `mirage_kv_view` works: the values lie in memory. */
	MIRAGE_KV_CAP_VIEW = 1u << 2
};

struct mirage_kv_info {
	uint32_t size;
	uint32_t caps;		  /* enum mirage_kv_cap */
	uint64_t max_value_bytes; /* of SET */
};

/** What is known about a value. */
struct mirage_kv_value {
	uint64_t size_bytes;
	int64_t modified_ns;	  /* on the wall clock; 0 when not known */
	uint8_t version[16];	  /* differs when the value does [KVS-03] */
	const char *content_type; /* such as "text/html"; NULL when not known;
				     lives until the store is closed */
};

struct mirage_kv;

enum mirage_kv_op {
	MIRAGE_KV_STAT = 1,
	MIRAGE_KV_READ = 2,
	MIRAGE_KV_LIST = 3,
	MIRAGE_KV_SET = 4,
	MIRAGE_KV_REMOVE = 5
};

/** Receives a key, borrowed for the call, of LIST. */
typedef void mirage_kv_key_fn(void *arg, const char *key,
			      const struct mirage_kv_value *value);

/** A request, in the caller's memory: with the key, the vectors and what they point
 *  to the store's until `done`. */
struct mirage_kv_request {
	uint32_t op;	    /* enum mirage_kv_op */
	uint32_t n_vectors; /* READ and SET */
	const char *key;
	const struct mirage_vector *vectors; /* of any lengths */
	uint64_t offset_bytes;		     /* READ */
	mirage_kv_key_fn *on_key;	     /* LIST */
	mirage_done_fn *done;
	void *arg;
	struct mirage_kv_value value; /* out: STAT and READ */

	/* The store's while in flight. */
	struct mirage_kv *kv;
	struct mirage_kv_request *next;
	int32_t result;
	uint32_t state;
	uint64_t implementation[8];
};

/** `kv` is NULL unless `result` is 0. */
typedef void mirage_kv_open_fn(void *arg, int result, struct mirage_kv *kv);

/** An open store. Read `info`; the rest is private. */
struct mirage_kv {
	const struct mirage_kv_ops *ops;
	const struct mirage_kv_info *info;
	const char *name; /* "" for one that was not opened by name */

	/* The core's. */
	mirage_event_fn *on_event;
	void *event_arg;
	uint32_t pending; /* submitted, `done` not yet run */
	uint32_t state;
	struct mirage_kv *next;
};

/** Opens the store that the program was given as `--kv NAME=URI`: names and errors
 *  as for `mirage_net_open`. Where a backend has none (ENOSYS), and beside it,
 *  lib/kv makes stores of files in the program, of a tar image on a disk, and of
 *  memory. */
MIRAGE_API void mirage_kv_open(const char *name, mirage_kv_open_fn *done,
			       void *arg);

/** Closes `kv`. Never fails. Everything in flight completes first [KVS-04]; what is
 *  submitted afterwards completes with EGONE [KVS-05]. EVENT_CLOSED follows, the
 *  last of it [KVS-06]. Again does nothing until then. */
MIRAGE_API void mirage_kv_close(struct mirage_kv *kv);

/** Sets the handler of the store's one event, CLOSED; NULL removes it. */
MIRAGE_API void mirage_kv_on_event(struct mirage_kv *kv,
				   mirage_event_fn *on_event, void *arg);

/**
 * Submits a request. It completes with 0 or with an error: EINVAL (not a key, an
 * unknown op [KVS-07]), ENOENT [KVS-08], EROFS, ERANGE (above `max_value_bytes`
 * [KVS-09]; a READ of more than 2,147,483,647), ENOSPC, ENOMEM, EIO.
 *
 *	STAT    fills `value` [KVS-10]
 *	READ    fills the vectors from `offset_bytes` on and completes with the
 *	        count, short at the end of the value only, 0 past it [KVS-11];
 *	        fills `value`, of the same moment
 *	LIST    calls `on_key` for every key that begins with `key`, in the order
 *	        of their bytes [KVS-12]; here `key` may be "" or end in `/`
 *	SET     makes the vectors the value: all of it or nothing, also when the
 *	        program dies [KVS-13]
 *	REMOVE  removes the key [KVS-14]
 *
 * A completed change is seen by every later request [KVS-15].
 */
MIRAGE_API void mirage_kv_submit(struct mirage_kv *kv,
				 struct mirage_kv_request *request);

/** The bytes of a value in memory, `value->size_bytes` of them, constant until the
 *  store is closed [KVS-16]; NULL when there is none, or without CAP_VIEW. */
MIRAGE_API const void *mirage_kv_view(struct mirage_kv *kv, const char *key,
				      struct mirage_kv_value *value);

/** A store of an implementation. The core has checked keys, ops and capabilities.
 *  Each `submit` is answered by one `mirage_core_kv_complete`, from anywhere; `close`
 *  is called when nothing is in flight, and answered by one
 *  `mirage_core_kv_closed`. Keys of LIST go to `mirage_core_kv_key`, never from
 *  inside an op. `view` is NULL without CAP_VIEW. */
struct mirage_kv_ops {
	uint32_t size;
	void (*submit)(struct mirage_kv *kv, struct mirage_kv_request *request);
	const void *(*view)(struct mirage_kv *kv, const char *key,
			    struct mirage_kv_value *value);
	void (*close)(struct mirage_kv *kv);
	void (*dispose)(struct mirage_kv *kv);
};

/* --------------------------------------------------------------- Backend -- */

/** The ambient devices. All are mandatory; `random` MAY be NULL, then filling
 *  returns ENOSYS. */
struct mirage_ambient {
	uint32_t size;
	const struct mirage_console_ops *console;
	const struct mirage_clock_ops *clock;
	const struct mirage_time_ops *time;
	const struct mirage_random_ops *random;
};

/** Replaces those ambient devices that are not NULL in `with`, for a test. What
 *  `with` points to MUST outlive the program. A replaced clock drives the timers
 *  [LAW-09]. */
MIRAGE_API void mirage_ambient_replace(const struct mirage_ambient *with);

struct mirage_open; /* an open under way, see mirage-backend.h */

/**
 * A backend: the one symbol that it exports, checked at start [LAW-10]. `run`
 * brings the ambient devices up, calls `mirage_core_turn` from its loop until
 * `mirage_core_ended`, and returns the status; nothing else may wait. `net_open`,
 * `block_open`, `kv_open` and `stack_open` (the host's sockets) answer with one
 * `mirage_core_net_opened`, `mirage_core_block_opened`, …, at once or later; NULL
 * means ENOSYS [LAW-11].
 * `options` lists the backend's own options, ending in an empty entry, and `usage`
 * explains its URIs, line by line; either MAY be NULL.
 */
struct mirage_backend {
	uint32_t size;
	const char *name;
	const struct mirage_ambient *ambient;
	int (*run)(void);
	void (*net_open)(struct mirage_open *open);
	void (*block_open)(struct mirage_open *open);
	const struct mirage_option *options;
	const char *usage;
	void (*kv_open)(struct mirage_open *open);
	void (*stack_open)(struct mirage_open *open);
};

/** An option `--name VALUE` of a backend; `value_name` is NULL for a plain flag. */
struct mirage_option {
	const char *name;
	const char *value_name;
	const char *help;
};

extern MIRAGE_API const struct mirage_backend mirage_backend;

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_H */
