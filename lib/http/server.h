/* SPDX-License-Identifier: ISC */
/* server.h: what the files of the server share. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http.h"

#define HTTP_PORTS_MAX 4

struct http_connection {
	struct http_link link; /* first */
	struct mirage_http_server *server;
	struct http_exchange *exchange; /* NULL between requests */
	struct http_connection *next, *previous;
	/* Of those without a request, the longest idle one first. */
	struct http_connection *idle_next, *idle_previous;
	uint64_t since_ns; /* idle, or lingering */
	uint32_t discarded;
	bool idle, fresh, lingering;
	struct mirage_endpoint local, peer;
};

struct http_port {
	struct mirage_http_server *server;
	struct mirage_listener *listener;
	bool accepting;
};

struct mirage_http_server {
	struct mirage_http_config config;
	struct mirage_http_counters counters;
	struct http_pool pool;
	struct http_port ports[HTTP_PORTS_MAX];
	uint32_t n_ports;
	uint32_t n_free;
	struct http_connection *all, *free;
	struct http_connection *idle_first, *idle_last;
	struct mirage_timer timer; /* a port to try again, the end of a close */
	bool closing;
	mirage_done_fn *done;
	void *done_arg;
};

/** Takes over a connection of `flow`. */
void http_connection_open(struct http_connection *c,
			  struct mirage_http_server *server,
			  struct mirage_flow *flow);
/** Ends it at once, for `error`. */
void http_connection_break(struct http_connection *c, int error);
/** Whether a closing server may close it. */
void http_connection_leave(struct http_connection *c);
/** Gives the memory of one that has ended back. */
void http_server_gone(struct http_connection *c);

void http_idle_add(struct http_connection *c);
void http_idle_remove(struct http_connection *c);

#endif /* HTTP_SERVER_H */
