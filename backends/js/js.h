/* SPDX-License-Identifier: ISC */
/*
 * js.h: the JavaScript backend: its files, and the boundary to the loader.
 *
 * A program is one wasm module without glue of the toolchain. What it imports
 * (js_…) the loader in package/ provides. The loader calls what the module exports
 * (mirage_js_…) or hands over in tables of functions, which leave a program that
 * opens no device without the code for any; from events of JavaScript only, never
 * from inside an import. Numbers that need 64 bits cross as doubles: whole up to
 * 2^53. A device is known to the loader by the address of its struct. After a
 * batch of calls the loader calls `mirage_js_turn`.
 */
#ifndef MIRAGE_JS_H
#define MIRAGE_JS_H

#include <mirage-backend.h>

#define JS_EXPORT(name) __attribute__((export_name(#name)))

/* ------------------------------------------------------------- Exports -- */

/** Where the loader puts texts and input for the module: texts end in NUL. */
#define JS_TEXT_BYTES 1024
JS_EXPORT(mirage_js_text) char *mirage_js_text(void);

/** Where the loader puts `main`'s arguments: the pointers, then what they point to.
 *  Memory of its own, so that a program which does not allocate has no allocator. */
#define JS_ARGUMENTS_BYTES 8192
JS_EXPORT(mirage_js_arguments) void *mirage_js_arguments(void);

/** Lets the program do what is due. */
JS_EXPORT(mirage_js_turn) void mirage_js_turn(void);

/** Raises an event that belongs to no device. */
JS_EXPORT(mirage_js_event) void mirage_js_event(uint32_t event);

/* ------------------------------------------------------------- Imports -- */

/** As `write` of the console's table. */
int js_console_write(const void *bytes, size_t length);
/** Starts or stops calls of `on_input` with bytes put to js_text: length 0 is the
 *  end. */
void js_console_read(bool enable, void (*on_input)(size_t length));
void js_log(uint32_t level, const char *line, size_t length);

/** Milliseconds with a fraction, since the instance began. */
double js_clock_monotonic_ms(void);
double js_clock_resolution_ns(void);
/** Whole milliseconds since 1970. */
double js_clock_wall_ms(void);

/** Asks for `mirage_js_turn` when the monotonic clock shows `deadline_ms`: 0 is
 *  soon, infinity never. A later call replaces an earlier one. */
void js_wake_at(double deadline_ms);

/** Puts the text of `value`, which is not negative, as printf's `conversion` has
 *  it, cut to `size`. Returns its length. */
uint32_t js_format_double(char *to, size_t size, double value, char conversion,
			  int precision, bool alternate);

/** Returns 0, or MIRAGE_EIO. */
int js_random_fill(void *bytes, size_t length);

/** The loop begins: the program goes on when `main` has returned. */
void js_started(void);

/** The program has ended: close everything; no export is called any more. */
void js_ended(int status);

/* A network's driver moves frames as bytes: each frame behind its length of 4
 * bytes, big-endian (core/framing.h). */

struct js_net;

/** What the driver of a network calls. */
struct js_net_calls {
	/** Answers js_net_open: 0, or an error with its reason in js_text. */
	void (*opened)(struct js_net *net, int result);
	/** Answers js_net_close. */
	void (*closed)(struct js_net *net);
	/** The driver has met its peer, or lost it. */
	void (*link)(struct js_net *net, bool up);
	/** The driver takes bytes again. */
	void (*writable)(struct js_net *net);
	/** Where received bytes go, and how many: the longest frame always. */
	uint8_t *(*room)(struct js_net *net);
	uint32_t (*room_bytes)(struct js_net *net);
	/** The driver has put `bytes` there. Returns false when they make no
	 *  sense: then it lets go of the peer. */
	bool (*filled)(struct js_net *net, uint32_t bytes);
	/** The driver has dropped `n` things that were no frames, */
	void (*invalid)(struct js_net *net, uint32_t n);
	/** `n` frames of a forbidden length, */
	void (*size)(struct js_net *net, uint32_t n);
	/** or `n` frames that it had taken to send. */
	void (*unsent)(struct js_net *net, uint32_t n);
	/** The driver has put a line for the log to js_text. */
	void (*log)(struct js_net *net, uint32_t level);
	const struct mirage_net_counters *(*counters)(struct js_net *net);
	/** Replaces the plan of --fault by that in js_text. Returns false with what
	 *  is wrong in js_text. */
	bool (*fault)(struct js_net *net);
};

/** Answered by `opened`. */
void js_net_open(struct js_net *net, const char *name, const char *scheme,
		 const char *path, uint32_t mtu_bytes, const uint8_t mac[6],
		 bool listen, bool connect, bool batch,
		 const struct js_net_calls *calls);
/** Sends what `bytes` begin with and returns how many bytes it took; fewer oblige
 *  it to call `writable`. */
uint32_t js_net_send(struct js_net *net, const void *bytes, uint32_t length);
/** Sends what was taken, then answers by `closed`. */
void js_net_close(struct js_net *net);

struct js_block;

/** What `result` of a command is until it is answered. */
#define JS_BLOCK_LATER 1

/** A request as its driver sees it; `address` names it on completion. */
struct js_block_command {
	struct mirage_block_request *address;
	uint32_t op; /* enum mirage_block_op */
	const struct mirage_vector *vectors;
	uint32_t n_vectors;
	double offset_bytes;
	double length_bytes;
	int32_t result; /* JS_BLOCK_LATER, 0 or an error */
};

/** What the driver of a disk calls. */
struct js_block_calls {
	/** Answers js_block_open: 0 with the disk's size and capabilities, or an
	 *  error with its reason in js_text. */
	void (*opened)(struct js_block *block, int result, double size_bytes,
		       uint32_t caps);
	/** Answers js_block_close. */
	void (*closed)(struct js_block *block);
	/** Answers a command that js_block_submit has left for later. */
	void (*complete)(struct mirage_block_request *request, int result);
	/** The size of the disk has changed, to whole sectors. */
	void (*resized)(struct js_block *block, double size_bytes);
	/** As of a network. */
	const struct mirage_block_counters *(*counters)(struct js_block *block);
	bool (*fault)(struct js_block *block);
};

/** Answered by `opened`. `size_bytes` is that of a disk to be made, or 0. */
void js_block_open(struct js_block *block, const char *name, const char *scheme,
		   const char *path, uint32_t sector_bytes, bool ro,
		   double size_bytes, const struct js_block_calls *calls);
/** Each is answered once: inside the call by its `result`, later by `complete`. */
void js_block_submit(struct js_block *block, struct js_block_command *commands,
		     uint32_t n);
/** Answered by `closed`. */
void js_block_close(struct js_block *block);

/* ------------------------------------------------------------- Backend -- */

extern const struct mirage_console_ops js_console_ops;
extern const struct mirage_clock_ops js_clock_ops;
extern const struct mirage_time_ops js_time_ops;
extern const struct mirage_random_ops js_random_ops;

void js_clock_init(void);

/** Until the next mirage_js_turn has ended the loader is not asked to wake us. */
void js_time_hold(void);
/** Asks for what came of it. */
void js_time_release(void);

/* net.c, block.c: `open` of the backend. */
void js_net_open_uri(struct mirage_open *open);
void js_block_open_uri(struct mirage_open *open);

extern char js_text[JS_TEXT_BYTES];
/** Called at the end of each turn, unless NULL: networks hand over what was sent. */
extern void (*js_turn_end)(void);

/** Puts what is `wrong` to js_text; returns whether nothing is (NULL). */
bool js_nothing_wrong(const char *wrong);

#endif /* MIRAGE_JS_H */
