/* SPDX-License-Identifier: ISC */
/* client.h: what the files of the client share. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http.h"

#define HTTP_IPS_MAX 8

enum http_peer_phase {
	HTTP_PEER_NEW,
	HTTP_PEER_RESOLVING,
	HTTP_PEER_RESOLVED, /* an address is to be tried */
	HTTP_PEER_CONNECTING,
	HTTP_PEER_OPEN,
	HTTP_PEER_LEAVING /* nobody uses it any more */
};

/** A connection of the client. */
struct http_peer {
	struct http_link link; /* first */
	struct mirage_http_client *client;
	struct http_exchange *exchange; /* NULL: idle, or leaving */
	struct http_peer *next, *previous;
	uint64_t since_ns; /* idle */
	uint16_t port;
	uint8_t phase;
	bool waits;  /* for the stack: a lookup or a connect is in flight */
	bool reused; /* it has served before */
	uint32_t n_ips, ip;
	int32_t failure; /* of the last address */
	struct mirage_resolve resolve;
	struct mirage_tcp_connect connect;
	struct mirage_ip ips[HTTP_IPS_MAX];
	char host[HTTP_HOST_MAX + 1];
};

struct mirage_http_client {
	struct http_link link; /* first: its turn is to hand out connections */
	struct mirage_stack *stack;
	struct mirage_http_client_config config;
	struct http_pool pool;
	struct http_peer *peers; /* the one used last first */
	uint32_t n_peers;
	struct mirage_http_fetch *fetches, *last; /* all in flight */
	bool closing;
	mirage_done_fn *done;
	void *done_arg;
	struct mirage_timer timer;
};

/** State of a fetch. */
enum http_fetch_state {
	HTTP_FETCH_IDLE,
	HTTP_FETCH_QUEUED, /* for a connection */
	HTTP_FETCH_GOING,
};

/* peer.c */
/** A new connection for `x`, or NULL when there is no memory. */
struct http_peer *http_peer_new(struct mirage_http_client *client,
				const struct http_url *url);
/** Gives `x` to an idle or a new one. */
void http_peer_use(struct http_peer *peer, struct http_exchange *x);
/** Lets it go; its exchange, if it has one, is somebody else's. */
void http_peer_leave(struct http_peer *peer, bool abort);

/* fetch.c */
/** The connection is open: sends the request. */
void http_fetch_send(struct http_peer *peer);
/** Does one thing for the exchange of `peer`. Returns whether there may be more. */
bool http_fetch_advance(struct http_peer *peer);
uint64_t http_fetch_deadline_ns(const struct http_peer *peer);
void http_fetch_late(struct http_peer *peer);
/** Ends `fetch`, which has no connection (any more). */
void http_fetch_finish(struct mirage_http_fetch *fetch, int result);
/** An error: the connection goes, the fetch ends or is tried again. */
void http_fetch_fail(struct http_peer *peer, int error);
/* redirect.c */
/** Follows a redirection, if it is one that can be followed: the fetch is to begin
 *  again after this response. */
bool http_fetch_redirect(struct http_exchange *x);

/* client.c */
/** Puts a fetch, again, among those that wait for a connection. */
int http_client_queue(struct mirage_http_client *client,
		      struct mirage_http_fetch *fetch);
const char *http_fetch_url(const struct mirage_http_fetch *fetch);
const char *http_fetch_method(const struct mirage_http_fetch *fetch);
/** Whether its body is written by the application, piece by piece. */
bool http_fetch_streams(const struct mirage_http_fetch *fetch);
/** Whether sending it twice does no harm, and can be done. */
bool http_fetch_repeatable(const struct mirage_http_fetch *fetch);
void http_client_gone(struct http_peer *peer);
void http_client_ended(struct mirage_http_client *client);

#endif /* HTTP_CLIENT_H */
