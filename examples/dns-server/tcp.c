/* SPDX-License-Identifier: ISC */
/* DNS over TCP: messages with their length before them, one at a time for each
 * connection. Who takes too long is let go. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 64, QUERY_MAX = 4096 };
#define PATIENCE_NS (UINT64_C(10) * 1000000000)

struct connection {
	struct server *server;
	struct mirage_flow *flow; /* NULL: to be freed when nothing waits */
	bool waits;		  /* for a read or a write */
	struct mirage_timer patience;
	const uint8_t *rest; /* of what was read */
	size_t rest_bytes;
	size_t have; /* bytes of `query` */
	struct mirage_flow_write write;
	struct mirage_vector vector;
	uint8_t query[2 + QUERY_MAX];
	uint8_t answer[2 + DNS_TCP_MAX];
};

static void go_on(struct connection *c);
static void accept_next(struct server *server);

static void forget(struct connection *c)
{
	struct server *server = c->server;

	free(c);
	if (server->n_connections-- == CONNECTIONS_MAX)
		accept_next(server);
}

/** Ends a connection in which nothing waits. */
static void end(struct connection *c, bool broken)
{
	c->server->broken += broken;
	mirage_timer_cancel(&c->patience);
	mirage_flow_close(c->flow);
	forget(c);
}

static void on_patience(void *arg)
{
	struct connection *c = arg;
	struct mirage_flow *flow = c->flow;

	c->server->broken++;
	c->flow = NULL;
	mirage_flow_abort(flow); /* what waits completes */
}

static void on_read(void *arg, int result, const void *bytes)
{
	struct connection *c = arg;

	c->waits = false;
	if (c->flow == NULL) {
		forget(c);
		return;
	}
	if (result <= 0) {
		end(c, result < 0 || c->have > 0);
		return;
	}
	c->rest = bytes;
	c->rest_bytes = (size_t)result;
	go_on(c);
}

static void on_written(void *arg, int result)
{
	struct connection *c = arg;

	c->waits = false;
	if (c->flow == NULL)
		forget(c);
	else if (result < 0)
		end(c, true);
	else
		go_on(c);
}

static void be_patient(struct connection *c)
{
	mirage_timer_start(&c->patience,
			   mirage_clock_monotonic_ns() + PATIENCE_NS,
			   on_patience, c);
}

/** The length of the query, once it is known. */
static size_t query_bytes(const struct connection *c)
{
	return (size_t)c->query[0] << 8 | c->query[1];
}

/** Answers the query that is there. False: the connection makes no sense. */
static bool answer(struct connection *c)
{
	struct server *server = c->server;
	size_t n = dns_answer(&server->zone, &server->counters, c->query + 2,
			      query_bytes(c), c->answer + 2, true);

	if (n == 0)
		return false;
	c->have = 0;
	c->answer[0] = (uint8_t)(n >> 8);
	c->answer[1] = (uint8_t)n;
	c->vector = (struct mirage_vector){c->answer, n + 2};
	c->write = (struct mirage_flow_write){
		.vectors = &c->vector,
		.n_vectors = 1,
		.done = on_written,
		.arg = c,
	};
	be_patient(c);
	c->waits = true;
	mirage_flow_write(c->flow, &c->write);
	return true;
}

/** Takes what was read up to the end of a query. False: there is none yet. */
static bool take_query(struct connection *c)
{
	while (c->rest_bytes > 0) {
		size_t whole = c->have < 2 ? 2 : 2 + query_bytes(c);
		size_t n = whole - c->have;

		if (n > c->rest_bytes)
			n = c->rest_bytes;
		memcpy(c->query + c->have, c->rest, n);
		c->have += n;
		c->rest += n;
		c->rest_bytes -= n;
		if (c->have < 2)
			continue;
		if (query_bytes(c) == 0 || query_bytes(c) > QUERY_MAX ||
		    c->have == 2 + query_bytes(c))
			return true;
	}
	return false;
}

static void go_on(struct connection *c)
{
	if (!take_query(c)) {
		c->waits = true;
		mirage_flow_read(c->flow, on_read, c);
	} else if (c->have != 2 + query_bytes(c) || !answer(c)) {
		end(c, true);
	}
}

static void on_accept(void *arg, int result, struct mirage_flow *flow)
{
	struct server *server = arg;
	struct connection *c;

	if (result < 0) {
		server->listener = NULL;
		return; /* the stack is closed */
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		mirage_flow_abort(flow);
		accept_next(server);
		return;
	}
	server->connections++;
	c->server = server;
	c->flow = flow;
	be_patient(c);
	go_on(c);
	if (++server->n_connections < CONNECTIONS_MAX)
		accept_next(server);
}

static void accept_next(struct server *server)
{
	if (server->listener != NULL)
		mirage_tcp_accept(server->listener, on_accept, server);
}

void tcp_serve(struct server *server)
{
	accept_next(server);
}
