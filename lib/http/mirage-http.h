/* SPDX-License-Identifier: ISC */
/**
 * mirage-http.h: HTTP/1.1 (RFC 9110, RFC 9112), server and client, on flows.
 *
 * The law of mirage.h holds here too: one thread; completions run once, from the
 * loop, never inside the call that asked for them; callbacks never nest; strings
 * end in NUL. Nothing is buffered without a bound: a body is read when the
 * application asks for it, and written as fast as the peer takes it.
 *
 * A server in whole:
 *
 *	static void on_request(void *arg, struct mirage_http_request *request)
 *	{
 *		mirage_http_reply(request, 200, "text/plain", "Hello!\n", 7);
 *	}
 *
 *	static void on_stack(void *arg, int result, struct mirage_stack *stack)
 *	{
 *		static const struct mirage_http_config config = {
 *			.size = sizeof(config),
 *			.on_request = on_request,
 *		};
 *		static const struct mirage_endpoint at = {.port = 80};
 *		struct mirage_http_server *server;
 *
 *		if (result == 0)
 *			result = mirage_http_server_open(&config, &server);
 *		if (result == 0)
 *			result = mirage_http_server_listen(server, stack, &at);
 *		if (result < 0)
 *			mirage_exit(1);
 *	}
 */
#ifndef MIRAGE_HTTP_H
#define MIRAGE_HTTP_H

#include <mirage.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The length of a body that is not known when it begins: it is sent in chunks
 *  (RFC 9112, 7.1), to a peer of HTTP/1.0 up to the end of the connection. */
#define MIRAGE_HTTP_CHUNKED UINT64_MAX

/** Vectors of one write, and of the body of a response or a fetch. */
#define MIRAGE_HTTP_VECTORS_MAX 6

/** A field of a header. A value has no space at its ends. */
struct mirage_http_header {
	const char *name;
	const char *value;
};

/** The value of the first of `n` fields that is called `name`, in any case of
 *  letters, or NULL. */
MIRAGE_API const char *
mirage_http_find(const struct mirage_http_header *headers, size_t n,
		 const char *name);

/** The reason phrase of `status`, such as "Not Found"; "" for an unknown one. */
MIRAGE_API const char *mirage_http_reason(uint32_t status);

/**
 * A piece of a body to be written, in the caller's memory: with the vectors and what
 * they point to the library's until `done`, which says 0 or why the exchange broke.
 * Zeroed memory is a valid idle write.
 */
struct mirage_http_write {
	const struct mirage_vector *vectors;
	uint32_t n_vectors; /* at most MIRAGE_HTTP_VECTORS_MAX */
	mirage_done_fn *done;
	void *arg;

	/* The library's while in flight. */
	struct mirage_http_write *next;
	void *exchange;
	int32_t result;
	char chunk[20]; /* the line before a chunk */
	struct mirage_vector framed[MIRAGE_HTTP_VECTORS_MAX + 3];
	struct mirage_flow_write flow_write;
};

/* ---------------------------------------------------------------- Server -- */

struct mirage_http_server;
struct mirage_http_request;

/**
 * Receives a request whose header has come. It MUST be answered, now or later, also
 * when its connection has broken meanwhile; `done` follows. Only after an error, of a
 * read or a write of its body, it ends by itself: then `done` follows without, and
 * answering does nothing.
 */
typedef void mirage_http_request_fn(void *arg,
				    struct mirage_http_request *request);

/** What the log of accesses is told of a request that has ended. */
struct mirage_http_access {
	const struct mirage_http_request *request;
	uint32_t status;      /* 0: nothing was answered */
	uint64_t sent_bytes;  /* of the body */
	uint64_t duration_ns; /* from the first byte of the request */
};

typedef void mirage_http_access_fn(void *arg,
				   const struct mirage_http_access *access);

/** How a server is. Zero means the value in the comment. */
struct mirage_http_config {
	uint32_t size;
	mirage_http_request_fn *on_request; /* mandatory */
	void *arg;
	mirage_http_access_fn *on_access; /* NULL: nobody is told */
	void *access_arg;

	/* Limits, and what is answered above them. */
	uint32_t
		connections_max; /* 16,384; then the longest idle one is closed,
				     or who comes waits */
	uint32_t target_bytes_max; /* 8,000: 414 */
	uint32_t head_bytes_max;   /* 16,384, of the request line, the fields
				      and the trailer: 431 */
	uint32_t headers_max;	   /* 100 fields: 431 */
	uint64_t body_bytes_max;   /* 1 MiB; UINT64_MAX for any: 413 */
	uint32_t readers_max;	   /* 64 contents that are read while they are
				      sent, with 32 KiB each: 503 */

	/* Patience. */
	uint64_t first_byte_ns; /* 10 s from the connection on: closed */
	uint64_t head_ns;	/* 10 s from the first byte to the last of a
				   header: 408 */
	uint64_t body_ns;	/* 20 s for each 4 KiB of a body that is asked
				   for: 408 */
	uint64_t write_ns; /* 20 s for each 64 KiB of what is sent: reset */
	uint64_t idle_ns;  /* 60 s between requests: closed */
};

/** Since the server was opened. */
struct mirage_http_counters {
	uint32_t size;
	uint32_t connections; /* now */
	uint32_t requests;    /* under way now */
	uint64_t accepted;    /* connections */
	uint64_t answered;    /* requests, whatever the status */
	uint64_t refused;   /* requests that the server answered itself: 4xx of
				 their syntax and of limits */
	uint64_t timed_out; /* connections closed for want of patience */
	uint64_t evicted;   /* idle connections closed to make room */
	uint64_t aborted;   /* exchanges that the peer or the network broke */
	uint64_t no_memory; /* connections or requests lost to it */
};

/** Opens a server as in `config` (copied), which serves nobody yet. Errors: ENOMEM,
 *  EINVAL (no `on_request`). */
MIRAGE_API int mirage_http_server_open(const struct mirage_http_config *config,
				       struct mirage_http_server **server);

/** Serves who connects to `at`, up to four ports. Errors: those of
 *  `mirage_tcp_listen`, ERANGE (a fifth port), EGONE (closing). */
MIRAGE_API int mirage_http_server_listen(struct mirage_http_server *server,
					 struct mirage_stack *stack,
					 const struct mirage_endpoint *at);

/** Serves a connection that came otherwise. `flow` is the server's from here on,
 *  errors or not: ENOMEM, ERANGE (`connections_max`), EGONE (closing). */
MIRAGE_API int mirage_http_server_flow(struct mirage_http_server *server,
				       struct mirage_flow *flow);

MIRAGE_API const struct mirage_http_counters *
mirage_http_server_counters(const struct mirage_http_server *server);

/**
 * Closes `server`: its ports at once, idle connections too; requests under way are
 * answered, with `Connection: close`, for up to `grace_ns`, what is left then is
 * aborted. `done` (which may be NULL) runs when all has ended, and `server` is gone.
 * Once only.
 */
MIRAGE_API void mirage_http_server_close(struct mirage_http_server *server,
					 uint64_t grace_ns,
					 mirage_done_fn *done, void *arg);

/** An `on_access` that writes lines of the common log format to the console. `arg`
 *  is not used. Lines for which the console has no room are counted, and the
 *  count stands in the next line there is room for. */
MIRAGE_API void mirage_http_log_common(void *arg,
				       const struct mirage_http_access *access);

/**
 * A request, in the server's memory until its `done` has run: read what is public.
 * Of one that was refused for its syntax, which only `on_access` sees, strings may be
 * "" and counts 0.
 */
struct mirage_http_request {
	const char *method; /* such as "GET" */
	const char *target; /* as sent, of an absolute URL without scheme and
			       authority: "/path?query", or "*" */
	const char *path;   /* of `target`, not decoded */
	const char *query;  /* of `target`, not decoded; NULL without `?` */
	const char *host;   /* Host, or the authority of an absolute URL; ""
			       when an HTTP/1.0 client gives none */
	const struct mirage_http_header *headers;
	uint32_t n_headers;
	uint32_t minor_version; /* 0 or 1 of HTTP/1.x */
	uint64_t body_bytes;	/* 0 without a body; MIRAGE_HTTP_CHUNKED */
	const struct mirage_endpoint *local, *peer;

	/* The handler's, zero at first. `done` runs once, the last of the request:
	 * 0 when the answer is on its way, else why it is not. */
	mirage_done_fn *done;
	void *done_arg;
	void *user;
};

/** Memory for the handler, zeroed, until `done` of the request; NULL when it has no
 *  more (there are at least 2 KiB). */
MIRAGE_API void *mirage_http_alloc(struct mirage_http_request *request,
				   size_t bytes);

/**
 * Reads a piece of the body: `result` bytes, at least 1, which are the reader's until
 * its next read or `done` of the request; 0 at the end, and again then. One read at a
 * time. A client that waits for 100 (Continue) is told so by the first read.
 * Errors: ERESET, ETIMEDOUT, ERANGE (above `body_bytes_max`), EINVAL (chunks that are
 * none), ECANCELED (answered meanwhile, or the server is closed); the server answers
 * what is left to answer. What nobody reads is thrown away, or the connection closed.
 */
MIRAGE_API void mirage_http_read(struct mirage_http_request *request,
				 mirage_flow_read_fn *done, void *arg);

/** An answer. */
struct mirage_http_response {
	uint32_t status; /* 200 to 599 */
	uint32_t n_headers;
	const struct mirage_http_header *headers; /* copied */
	/** The whole body: borrowed until `done` of the request. */
	const struct mirage_vector *body;
	uint32_t n_body; /* at most MIRAGE_HTTP_VECTORS_MAX */
	/** Without `body`: the length of what mirage_http_write will bring, 0 for
	 *  none, or MIRAGE_HTTP_CHUNKED. */
	uint64_t body_bytes;
	bool close; /* the connection, after this */
};

/**
 * Answers `request`, once. Date, Content-Length, Transfer-Encoding and Connection are
 * the server's: in `headers` they are a broken contract, as is a name that is no token.
 * To HEAD, and with 204 and 304, no body is sent: `body` is passed over, a write completes
 * with ECANCELED and ends the request, and Content-Length stands for what GET would bring.
 * Errors, with which 500 was answered: ERANGE (the fields do not fit into 4 KiB), EINVAL
 * (a value has a control character).
 */
MIRAGE_API int mirage_http_respond(struct mirage_http_request *request,
				   const struct mirage_http_response *response);

/** Writes a piece of the body. Any number may be in flight; they end in order. More
 *  than was promised is a broken contract. After the request has broken, writes
 *  complete with the reason. */
MIRAGE_API void mirage_http_write(struct mirage_http_request *request,
				  struct mirage_http_write *write);

/** Ends a body that was written. Fewer bytes than promised, or `abort`, resets the
 *  connection: the client sees that something is missing. */
MIRAGE_API void mirage_http_end(struct mirage_http_request *request,
				bool abort);

/** Answers with a short body, which is borrowed until `done`. `type` may be NULL. */
MIRAGE_API int mirage_http_reply(struct mirage_http_request *request,
				 uint32_t status, const char *type,
				 const void *body, size_t body_bytes);

/** Answers with a page that says `status` and its reason, and for 405 with `Allow`,
 *  for 3xx with `Location`: `value`, else NULL. */
MIRAGE_API int mirage_http_reply_status(struct mirage_http_request *request,
					uint32_t status, const char *value);

/* --------------------------------------------------------------- Content -- */

/** Reads up to `length` bytes at `offset_bytes` of a content to `to`; `done` says how
 *  many (all, but at the end), or an error. Never calls `done` before it returns. */
typedef void mirage_http_content_fn(void *source, uint64_t offset_bytes,
				    void *to, size_t length,
				    mirage_done_fn *done, void *arg);

/** A representation (RFC 9110, 8) that is the same until its validators change. */
struct mirage_http_content {
	uint64_t size_bytes;
	const void
		*bytes; /* all of it, until `done` of the request; or NULL: */
	mirage_http_content_fn *read;
	void *source;

	const char *type;	   /* Content-Type, or NULL */
	const char *encoding;	   /* Content-Encoding, or NULL */
	const char *etag;	   /* with its quotes, or NULL */
	int64_t modified_ns;	   /* on the wall clock; 0 when not known */
	const char *cache_control; /* or NULL */
	const char *vary;	   /* or NULL */
	uint32_t status;	   /* 0 for 200; others are not negotiated */
};

/**
 * Answers GET and HEAD with `content` (copied, but for what it points to, which is
 * borrowed until `done` of the request): conditions (RFC 9110, 13) lead to 304 and
 * 412, ranges (14), up to eight in one answer, to 206 and 416. Other methods get 405.
 */
MIRAGE_API int mirage_http_send(struct mirage_http_request *request,
				const struct mirage_http_content *content);

/** What RFC 9110, 13.2.2 says to a request for something with these validators (NULL
 *  and 0: it has none; `exists` false: it is not there): 0 to go on, 304 or 412. */
MIRAGE_API uint32_t
mirage_http_precondition(const struct mirage_http_request *request, bool exists,
			 const char *etag, int64_t modified_ns);

/* ----------------------------------------------------------------- Files -- */

/**
 * A handler that serves the values of a store. Zeroed, with `kv`, it is ready. For
 * `/a/b` it looks for `prefix` and "a/b", for `/a/` for `index` there, and redirects
 * `/a` to `/a/` where only that is. A value whose key has `.br` or `.gz` added is sent
 * to who accepts the encoding. Names are percent-decoded; `.` and `..` are taken out
 * by the client's rules (RFC 3986, 5.2.4) and never lead out of `prefix`.
 */
struct mirage_http_files {
	struct mirage_kv *kv;
	const char *mount;     /* the path that is taken off; NULL for "/" */
	const char *prefix;    /* put before keys: "www/"; NULL for "" */
	const char *index;     /* NULL for "index.html" */
	const char *not_found; /* key of the page for 404; NULL for none */
	const char
		*cache_control; /* NULL for "no-cache": ask again each time */
};

/** Answers a request from `files`: an `on_request` whose `arg` is a
 *  struct mirage_http_files, which outlives the server. */
MIRAGE_API void mirage_http_files_serve(void *files,
					struct mirage_http_request *request);

/* ---------------------------------------------------------------- Client -- */

struct mirage_http_client;

/** How a client is. Zero means the value in the comment. */
struct mirage_http_client_config {
	uint32_t size;
	uint32_t connections_max; /* 64 at once; fetches beyond wait */
	uint32_t per_host_max;	  /* 8 of them to one host and port */
	uint32_t head_bytes_max;  /* 16,384, of a response's header */
	uint32_t headers_max;	  /* 100 */
	uint64_t connect_ns;	  /* 10 s for each address */
	uint64_t response_ns; /* 60 s from the request to the last byte of the
				     header */
	uint64_t body_ns;     /* 60 s for each 4 KiB of a body asked for */
	uint64_t write_ns;    /* 60 s for each 64 KiB that is sent */
	uint64_t idle_ns;     /* 15 s a connection is kept for another fetch */
	uint64_t continue_ns; /* 1 s to wait for 100 (Continue) */
};

/** Opens a client on `stack`. Errors: ENOMEM. */
MIRAGE_API int
mirage_http_client_open(struct mirage_stack *stack,
			const struct mirage_http_client_config *config,
			struct mirage_http_client **client);

/** Closes `client`: idle connections at once, fetches in flight are canceled. `done`
 *  (which may be NULL) runs after the last of them, and `client` is gone. */
MIRAGE_API void mirage_http_client_close(struct mirage_http_client *client,
					 mirage_done_fn *done, void *arg);

/**
 * A request to a server and its response, in the caller's memory: the client's until
 * `done`. Zero but for `url` and `done`, it is a GET whose body is thrown away. What
 * the pointers point to is borrowed until `done`.
 */
struct mirage_http_fetch {
	const char *url;    /* http://HOST[:PORT][/PATH][?QUERY] */
	const char *method; /* NULL for GET */
	/** Not Content-Length, Transfer-Encoding, Connection and Expect, which are
	 *  the client's, as is Host where it is not given. To another host than
	 *  that of `url` no Host, Authorization or Cookie is sent. */
	const struct mirage_http_header *headers;
	uint32_t n_headers;
	uint32_t redirects_max; /* of 301, 302, 303, 307 and 308 followed */
	/** The whole body, or, without it, the length of what
	 *  mirage_http_fetch_write will bring; MIRAGE_HTTP_CHUNKED. */
	const struct mirage_vector *body;
	uint32_t n_body; /* at most MIRAGE_HTTP_VECTORS_MAX */
	uint64_t body_bytes;
	bool expect_continue; /* ask before the body is sent */
	bool close;	      /* do not keep the connection */

	/** Runs when the header of the final response has come; NULL: the body is
	 *  thrown away. It or a later callback reads the body to its end. */
	void (*on_response)(void *arg, struct mirage_http_fetch *fetch);
	/** Runs once, the last: 0 when the response was read to its end, else an
	 *  error: those of mirage_resolve and mirage_tcp_connect, ERESET,
	 *  ETIMEDOUT, EINVAL (no URL of this kind), EIO (not HTTP), ERANGE (a
	 *  limit, or too many redirects), ECANCELED, EGONE. */
	mirage_done_fn *done;
	void *arg; /* of both */

	/* What came, from on_response to `done`. */
	uint32_t status;
	uint32_t n_response_headers;
	const struct mirage_http_header *response_headers;
	uint64_t response_bytes; /* 0 without a body; MIRAGE_HTTP_CHUNKED: up to
				    its end */

	/* The client's while in flight. */
	struct mirage_http_client *client;
	struct mirage_http_fetch *next, *previous;
	void *exchange;
	char *location; /* that was redirected to, or NULL */
	bool as_get;	/* redirected so */
	uint32_t redirects, tries;
	uint32_t state;
	int32_t result;
};

/** Starts `fetch`. GET, HEAD and other idempotent methods without a streamed body
 *  are tried again when a kept connection turns out to have ended. */
MIRAGE_API void mirage_http_fetch(struct mirage_http_client *client,
				  struct mirage_http_fetch *fetch);

/** Reads a piece of the response's body, after on_response, as `mirage_http_read`
 *  does. `done` of the fetch follows the end, or an error. */
MIRAGE_API void mirage_http_fetch_read(struct mirage_http_fetch *fetch,
				       mirage_flow_read_fn *done, void *arg);

/** Writes a piece of the request's body, at once after mirage_http_fetch or later.
 *  The server may answer before its end: then writes complete with an error, and
 *  the response can be read nevertheless. */
MIRAGE_API void mirage_http_fetch_write(struct mirage_http_fetch *fetch,
					struct mirage_http_write *write);

/** Ends the body that was written; fewer bytes than promised end the fetch with
 *  EINVAL. */
MIRAGE_API void mirage_http_fetch_end(struct mirage_http_fetch *fetch);

/** Gives `fetch` up, at any time before `done`, which follows with ECANCELED after all
 *  that is in flight. Does nothing to one that is not in flight. */
MIRAGE_API void mirage_http_cancel(struct mirage_http_fetch *fetch);

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_HTTP_H */
