/* SPDX-License-Identifier: ISC */
/*
 * http.h: what the files of the library share, from the bytes upwards:
 *
 *	scan       the lines of a head: what llhttp would let pass
 *	parser     one message: head, body, trailer
 *	link       a connection: reading, patience, what waits for its turn
 *	out        the message that is sent: head, body, its end
 *	exchange   one request and its response, on either side
 *
 * Callbacks of the application run from link steps only, which run from callbacks
 * of flows and timers, so that they never nest.
 */
#ifndef HTTP_H
#define HTTP_H

#include "mirage-http.h"

#include <llhttp.h>
#include <mirage-backend.h>

#define HTTP_SECOND_NS UINT64_C(1000000000)
#define HTTP_NEVER UINT64_MAX

struct http_limits {
	uint32_t target_bytes;
	uint32_t head_bytes;
	uint32_t headers;
};

/* ---------------------------------------------------------------- Fields -- */

/** `a` and `b` are equal but for the case of ASCII letters. */
bool http_same(const char *a, const char *b);
/** The same, for the first `n` bytes of `a`. */
bool http_same_n(const char *a, size_t n, const char *b);
bool http_is_token(const char *text);
bool http_token_byte(uint8_t c);
/** The quality in thousandths that `value`, of Accept-Encoding (RFC 9110, 12.5.3),
 *  gives `coding`: 0 is not acceptable. `value` MAY be NULL. */
uint32_t http_accepts(const char *value, const char *coding);
/** Reads decimal digits, all of the `n` bytes. */
bool http_number(const char *text, size_t n, uint64_t *value);
/** Writes `value` and returns what follows its last digit. */
char *http_put_number(char *to, uint64_t value, unsigned base);
char *http_put(char *to, const char *text, size_t n);

/* ------------------------------------------------------------------ Date -- */

#define HTTP_DATE_BYTES 29 /* Sun, 06 Nov 1994 08:49:37 GMT */

void http_date_print(char to[HTTP_DATE_BYTES + 1], int64_t seconds);
/** Reads one of the three forms of RFC 9110, 5.6.7. */
bool http_date_parse(const char *text, int64_t *seconds);
/** The moment as "Date: …\r\n", made once a second. */
#define HTTP_DATE_LINE_BYTES (6 + HTTP_DATE_BYTES + 2)
const char *http_date_line(void);
/** Days and seconds of the day to year, month (0 to 11) and day. */
struct http_civil {
	int64_t year;
	unsigned month, day, hour, minute, second, weekday;
};
void http_civil(struct http_civil *civil, int64_t seconds);
extern const char http_months[12][4];

/* ------------------------------------------------------------------ Scan -- */

/*
 * The lines of a head, and of a trailer, byte by byte. llhttp is lenient where a
 * second reader of the same bytes may see another message: a line that ends in LF
 * alone, a lone CR, a folded value, blanks around the target. Here none of it passes.
 */
struct http_scan {
	uint8_t state;
	uint8_t blank_lines;
	uint8_t major, minor; /* of a request */
	uint8_t text;	      /* position in the version */
	bool response;
	uint16_t method_bytes;
	uint32_t target_bytes;
	uint32_t head_bytes;
	uint32_t status; /* what is wrong, as a status; 0 */
};

void http_scan_start(struct http_scan *scan, bool response);
/** Goes on with the lines of a trailer, in what is left of the limit. */
void http_scan_trailer(struct http_scan *scan);
/** Goes on with `n` bytes and returns how many of them belong to the head: fewer
 *  only when it has ended, or something is wrong. */
size_t http_scan(struct http_scan *scan, const struct http_limits *limits,
		 const char *bytes, size_t n);
bool http_scan_ended(const struct http_scan *scan);
/** The start line has come, so that what llhttp says of it counts. */
bool http_scan_started(const struct http_scan *scan);

/* ----------------------------------------------------------------- Arena -- */

/** The large block that an arena takes when the small one is used up. */
struct http_block {
	struct http_block *next;
	char bytes[];
};

struct http_pool;

/** Memory of one exchange, from a small block in it, then from one large block. */
struct http_arena {
	char *at, *end;
	struct http_block *block; /* NULL before it was needed */
	struct http_pool *pool;
};

/** Sees to `bytes` of room, for which the last `keep` are moved along. */
bool http_arena_room(struct http_arena *arena, size_t bytes, size_t keep);
/** Aligned for any object. NULL when there is no more. */
void *http_arena_alloc(struct http_arena *arena, size_t bytes);

/* ---------------------------------------------------------------- Parser -- */

enum http_event {
	HTTP_EVENT_MORE, /* all bytes were used */
	HTTP_EVENT_HEAD, /* the head is complete */
	HTTP_EVENT_BODY, /* `body` and `body_bytes`: a piece of the body */
	HTTP_EVENT_END,	 /* the message is complete */
	HTTP_EVENT_BAD	 /* `status` says what is wrong */
};

enum http_framing { HTTP_NONE, HTTP_LENGTH, HTTP_CHUNKS, HTTP_TO_END };

struct http_parser {
	llhttp_t llhttp;
	struct http_scan scan;
	const struct http_limits *limits;
	struct http_arena *arena;
	struct mirage_http_header *headers;
	uint32_t n_headers, headers_room;
	uint8_t phase;
	uint8_t event;	 /* what the callbacks have seen */
	uint8_t framing; /* enum http_framing, after the head */
	bool no_body;	 /* a response to HEAD */
	uint16_t status; /* after HTTP_EVENT_BAD */
	int16_t failed;	 /* of llhttp, before the start line was complete */
	char *text;	 /* of the string that is being collected, or NULL */
	const char *target;
	const char *body;
	size_t body_bytes;
	uint64_t left;	   /* of a body with a length */
	uint64_t overhead; /* bytes of chunks that are no body */
	uint64_t received; /* of the body */
};

/** The small room for fields, in the exchange. */
#define HTTP_HEADERS_SMALL 32

/** Begins a message. `arena`, `limits` and `headers` with HTTP_HEADERS_SMALL stay. */
void http_parser_start(struct http_parser *parser, bool response);
/** Goes on with bytes, `*used` of which it is done with: to the next event. */
enum http_event http_parser_run(struct http_parser *parser, const char *bytes,
				size_t n, size_t *used);
/** The stream has ended: HTTP_EVENT_END where that ends the message, else HTTP_EVENT_BAD. */
enum http_event http_parser_end(struct http_parser *parser);

/* ------------------------------------------------------------------ Link -- */

struct http_link {
	struct mirage_flow *flow; /* NULL: not there yet, or let go */
	/** Does what can be done. */
	void (*step)(struct http_link *link);
	struct http_link *next_ready;
	struct mirage_timer timer;
	uint64_t armed_ns;    /* when the timer will fire, if it is armed */
	uint64_t deadline_ns; /* HTTP_NEVER for none */
	const char *bytes;    /* received, not used yet: the flow's */
	uint32_t n_bytes;
	uint32_t writes; /* in flight */
	int32_t error;	 /* why nothing more comes and goes; 0 */
	bool ready;	 /* in the list of those to be stepped */
	bool stepping;	 /* being stepped: it looks again by itself */
	bool reading;
	bool ended; /* the peer's stream has */
	bool late;  /* the deadline has passed */
};

void http_link_start(struct http_link *link, struct mirage_flow *flow,
		     void (*step)(struct http_link *link));
/** Sees to a step: soon, and never inside of this call. */
void http_link_kick(struct http_link *link);
/** Reads when nothing is there and nothing is being read. */
void http_link_read(struct http_link *link);
void http_link_used(struct http_link *link, size_t bytes);
void http_link_write(struct http_link *link, struct mirage_flow_write *write);
/** Lets the flow go, once; `link` is in use until `http_link_quiet`. */
void http_link_close(struct http_link *link, bool abort);
bool http_link_quiet(const struct http_link *link);
/** Sets the moment at which `late` is set and a step made. */
void http_link_deadline(struct http_link *link, uint64_t deadline_ns);
/** No timer, no step any more. */
void http_link_fini(struct http_link *link);
/** `ns` later, or never. */
static inline uint64_t http_after(uint64_t since_ns, uint64_t ns)
{
	return ns > HTTP_NEVER - since_ns ? HTTP_NEVER : since_ns + ns;
}
/** Around what a callback from outside does: at the end the steps that were asked
 *  for are made. */
void http_enter(void);
void http_leave(void);

/* -------------------------------------------------------------- Exchange -- */

enum http_out_state {
	HTTP_OUT_NONE, /* nothing was said yet */
	HTTP_OUT_BODY, /* the head is there, the body may go on */
	HTTP_OUT_ENDED
};

struct http_out {
	uint8_t state;
	bool chunked;
	bool silent;	   /* the body is passed over: HEAD, 204, 304 */
	bool head_waits;   /* for company, or for a step */
	bool broken;	   /* the end is missing: reset */
	bool hold;	   /* the client may not send the body yet */
	uint8_t n_vectors; /* of the head's write */
	uint8_t n_body;	   /* vectors after the first that are held */
	uint32_t in_flight;
	uint64_t left; /* promised, not written yet */
	uint64_t sent;
	uint64_t waiting;     /* bytes in flight */
	uint64_t progress_ns; /* when something was last written out */
	struct mirage_http_write *skipped, **skipped_end;
	struct mirage_http_write *held, **held_end;
	struct mirage_vector vectors[MIRAGE_HTTP_VECTORS_MAX + 1];
	struct mirage_vector interim_vector, end_vector;
	struct mirage_flow_write head, interim, end;
};

struct http_in {
	mirage_flow_read_fn *done; /* of the read in flight */
	void *arg;
	int32_t error;	    /* what every read says from now on */
	bool complete;	    /* the message is */
	bool told;	    /* the reader has heard of the end */
	bool lent;	    /* the reader has bytes of the flow */
	uint64_t most;	    /* that the body may have */
	uint64_t credit;    /* of the body since `since_ns` */
	uint64_t since_ns;  /* the reader waits, or 4 KiB came */
	uint64_t waited_ns; /* for fewer than 4 KiB, before the reader asked */
};

#define HTTP_EXCHANGE_BYTES 6144

struct http_exchange {
	struct mirage_http_request request; /* first */
	struct http_link *link;
	const bool *closing;		 /* the server says goodbye */
	struct mirage_http_fetch *fetch; /* the client's */
	struct http_exchange *next;
	struct http_parser parser;
	struct http_arena arena;
	struct http_in in;
	struct http_out out;
	uint64_t begin_ns;
	uint32_t status;
	bool headed;	/* the head has come */
	bool keep;	/* the connection, after this */
	bool expects;	/* 100 (Continue), not said yet */
	bool told;	/* the application was given an error: it is over */
	bool head_only; /* the request is HEAD */
	bool refused;	/* the server answers, nobody else was asked */
	bool finished;	/* `done` has run: the rest of the body is drained */
	uint8_t holds;	/* what still comes back to it */
	/* The client's. */
	bool failed;	  /* the fetch ends with an error, or is tried again */
	bool again;	  /* tried again, or redirected */
	bool discard;	  /* nobody reads the body */
	uint8_t interims; /* responses before the final one */
	struct mirage_http_header headers[HTTP_HEADERS_SMALL];
	char memory[];
};

/** Buffers of an answer that reads its content: one fills while the other empties. */
#define HTTP_BUFFER_BYTES 16384
struct http_reader {
	struct http_reader *next;
	char buffers[2][HTTP_BUFFER_BYTES];
};

/** Exchanges and blocks that are free, of one server or client. */
struct http_pool {
	struct http_reader *readers;
	uint32_t n_readers, readers_max; /* in use */
	struct http_exchange *free;
	struct http_block *blocks;
	uint32_t n_free, n_blocks;
	size_t block_bytes; /* without the struct */
	struct http_limits limits;
};

#define HTTP_ANSWER_HEAD_BYTES 4096
#define HTTP_HANDLER_BYTES 2048

void http_pool_init(struct http_pool *pool, const struct http_limits *limits);
void http_pool_fini(struct http_pool *pool);
/** NULL when there is no memory. */
struct http_exchange *http_exchange_new(struct http_pool *pool,
					struct http_link *link, bool response);
void http_exchange_free(struct http_exchange *x);
/** NULL when there is no memory, or too many are in use. */
struct http_reader *http_reader_take(struct http_pool *pool);
void http_reader_give(struct http_pool *pool, struct http_reader *reader);

/* ------------------------------------------------------------------ Body -- */

/** Takes the reader's question. */
void http_in_read(struct http_exchange *x, mirage_flow_read_fn *done,
		  void *arg);
/** Brings the reading on by one event. Returns whether anything happened. */
bool http_in_step(struct http_exchange *x);
/** Throws a piece of the body away. The same. */
bool http_in_drain(struct http_exchange *x);
/** When the reader, or who drains, has waited too long. */
uint64_t http_in_deadline_ns(const struct http_exchange *x, uint64_t patience);
/** Ends the reading with `error`; the reader hears of it. */
void http_in_fail(struct http_exchange *x, int error);

/* ------------------------------------------------------------------- Out -- */

/** Begins: `head` with its last empty line, then `body` if that is all of it. */
void http_out_start(struct http_exchange *x, const char *head,
		    size_t head_bytes, const struct mirage_vector *body,
		    uint32_t n_body);
/** Says 100 (Continue) before the rest. */
void http_out_continue(struct http_exchange *x);
void http_out_write(struct http_exchange *x, struct mirage_http_write *write);
void http_out_end(struct http_exchange *x, bool abort);
/** The application has been told of an error, or nobody answers any more. */
void http_out_break(struct http_exchange *x);
/** The client's: takes writes before there is a connection, and keeps them. */
void http_out_hold(struct http_exchange *x, uint64_t left);
/** Begins a request: after it, or, where an answer to Expect is awaited, after
 *  `http_out_release`, the body follows. */
void http_out_ask(struct http_exchange *x, const char *head, size_t head_bytes,
		  const struct mirage_vector *body, uint32_t n_body);
void http_out_release(struct http_exchange *x);
/** Nothing more is sent; writes that are held end with `error`. */
void http_out_drop(struct http_exchange *x, int error);
/** Sends a head that waits, completes what is passed over. Returns whether anything
 *  happened. */
bool http_out_step(struct http_exchange *x);
bool http_out_over(const struct http_exchange *x);
uint64_t http_out_deadline_ns(const struct http_exchange *x, uint64_t patience);

/* ---------------------------------------------------------------- Server -- */

/** Reads the meaning of a head. Returns 0, or the status to refuse it with. */
uint32_t http_request_check(struct http_exchange *x);
/** Answers for the server, and closes. */
void http_refuse(struct http_exchange *x, uint32_t status);

/* ---------------------------------------------------------------- Ranges -- */

#define HTTP_RANGES_MAX 8

struct http_range {
	uint64_t first, last;
};

/** What Range (RFC 9110, 14.2) asks of `size` bytes: the number of ranges, 0 to send
 *  everything, -1 when none of them can be. */
int http_ranges(const char *value, uint64_t size,
		struct http_range ranges[HTTP_RANGES_MAX]);
/** Whether If-Range (13.1.5), which MAY be NULL, lets Range count. */
bool http_if_range(const char *value, const char *etag, int64_t modified_ns);

/* ----------------------------------------------------------------- Paths -- */

enum http_path {
	HTTP_PATH_KEY,
	HTTP_PATH_FOLDER, /* ends in a slash, or is the prefix */
	HTTP_PATH_NONE,	  /* no key can be like this */
	HTTP_PATH_BAD	  /* not a path */
};

/** Makes a key of a path: decodes it, takes dots out, puts `prefix` before it. */
enum http_path http_path_key(char key[MIRAGE_KV_KEY_MAX + 1],
			     const char *prefix, const char *path);

/* ------------------------------------------------------------------- URL -- */

#define HTTP_HOST_MAX 255

struct http_url {
	char host[HTTP_HOST_MAX + 1]; /* without brackets */
	char authority[HTTP_HOST_MAX + 9];
	uint16_t port;
	const char *target; /* within the text, "" for "/" */
	size_t target_bytes;
};

bool http_url_parse(struct http_url *url, const char *text);
/** Makes the URL that `reference` means at `base` (RFC 3986, 5.2, without taking dots
 *  out). Returns its length, 0 when there is no room. */
size_t http_url_join(char *to, size_t room, const struct http_url *base,
		     const char *reference);

#endif /* HTTP_H */
