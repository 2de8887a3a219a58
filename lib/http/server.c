/* SPDX-License-Identifier: ISC */
/* A server: its ports, its connections, its end. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 1024, KEPT_CONNECTIONS = 1024 };

/* After a port could not accept, for want of memory. */
#define RETRY_NS (HTTP_SECOND_NS / 10)

static void or_else(uint64_t *value, uint64_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void or_else32(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void fill(struct mirage_http_config *config,
		 const struct mirage_http_config *given)
{
	memcpy(config, given,
	       given->size < sizeof(*config) ? given->size : sizeof(*config));
	or_else32(&config->connections_max, 16384);
	or_else32(&config->target_bytes_max, 8000);
	or_else32(&config->head_bytes_max, 16384);
	or_else32(&config->headers_max, 100);
	or_else32(&config->readers_max, 64);
	or_else(&config->body_bytes_max, 1 << 20);
	or_else(&config->first_byte_ns, 10 * HTTP_SECOND_NS);
	or_else(&config->head_ns, 10 * HTTP_SECOND_NS);
	or_else(&config->body_ns, 20 * HTTP_SECOND_NS);
	or_else(&config->write_ns, 20 * HTTP_SECOND_NS);
	or_else(&config->idle_ns, 60 * HTTP_SECOND_NS);
}

int mirage_http_server_open(const struct mirage_http_config *config,
			    struct mirage_http_server **server)
{
	struct mirage_http_server *s;
	struct http_limits limits;

	if (!MIRAGE_HAS(config, on_request))
		return MIRAGE_EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return MIRAGE_ENOMEM;
	fill(&s->config, config);
	limits = (struct http_limits){
		.target_bytes = s->config.target_bytes_max,
		.head_bytes = s->config.head_bytes_max,
		.headers = s->config.headers_max,
	};
	http_pool_init(&s->pool, &limits);
	s->pool.readers_max = s->config.readers_max;
	s->counters.size = sizeof(s->counters);
	*server = s;
	return 0;
}

const struct mirage_http_counters *
mirage_http_server_counters(const struct mirage_http_server *server)
{
	return &server->counters;
}

/* ------------------------------------------------------------ Connections -- */

void http_idle_remove(struct http_connection *c)
{
	struct mirage_http_server *s = c->server;

	if (!c->idle)
		return;
	c->idle = false;
	if (c->idle_previous != NULL)
		c->idle_previous->idle_next = c->idle_next;
	else
		s->idle_first = c->idle_next;
	if (c->idle_next != NULL)
		c->idle_next->idle_previous = c->idle_previous;
	else
		s->idle_last = c->idle_previous;
}

void http_idle_add(struct http_connection *c)
{
	struct mirage_http_server *s = c->server;

	c->idle = true;
	c->idle_next = NULL;
	c->idle_previous = s->idle_last;
	if (s->idle_last != NULL)
		s->idle_last->idle_next = c;
	else
		s->idle_first = c;
	s->idle_last = c;
}

static struct http_connection *connection_take(struct mirage_http_server *s)
{
	struct http_connection *c = s->free;

	if (c == NULL)
		return malloc(sizeof(*c));
	s->free = c->next;
	s->n_free--;
	return c;
}

static void connection_give(struct mirage_http_server *s,
			    struct http_connection *c)
{
	if (s->n_free == KEPT_CONNECTIONS) {
		free(c);
		return;
	}
	c->next = s->free;
	s->free = c;
	s->n_free++;
}

/** Makes room for one more. */
static bool make_room(struct mirage_http_server *s)
{
	if (s->counters.connections < s->config.connections_max)
		return true;
	if (s->idle_first == NULL)
		return false;
	s->counters.evicted++;
	http_connection_break(s->idle_first, MIRAGE_ECANCELED);
	return true;
}

static int serve(struct mirage_http_server *s, struct mirage_flow *flow)
{
	struct http_connection *c;

	if (s->closing)
		return MIRAGE_EGONE;
	if (!make_room(s))
		return MIRAGE_ERANGE;
	c = connection_take(s);
	if (c == NULL) {
		s->counters.no_memory++;
		return MIRAGE_ENOMEM;
	}
	c->next = s->all;
	c->previous = NULL;
	if (s->all != NULL)
		s->all->previous = c;
	s->all = c;
	s->counters.connections++;
	s->counters.accepted++;
	http_connection_open(c, s, flow);
	return 0;
}

int mirage_http_server_flow(struct mirage_http_server *server,
			    struct mirage_flow *flow)
{
	int error = serve(server, flow);

	if (error < 0)
		mirage_flow_abort(flow);
	return error;
}

/* ----------------------------------------------------------------- Ports -- */

static void on_accept(void *arg, int result, struct mirage_flow *flow);

/** Accepts while there is room, or somebody idle to make some. */
static void accept_more(struct http_port *port)
{
	const struct mirage_http_server *s = port->server;

	if (port->listener == NULL || port->accepting || s->closing ||
	    (s->counters.connections >= s->config.connections_max &&
	     s->idle_first == NULL))
		return;
	port->accepting = true;
	mirage_tcp_accept(port->listener, on_accept, port);
}

static void accept_all(struct mirage_http_server *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		accept_more(&s->ports[i]);
}

static void on_retry(void *arg)
{
	accept_all((struct mirage_http_server *)arg);
}

static void end_if_quiet(struct mirage_http_server *s);

static void on_accept(void *arg, int result, struct mirage_flow *flow)
{
	struct http_port *port = (struct http_port *)arg;
	struct mirage_http_server *s = port->server;

	port->accepting = false;
	http_enter();
	if (result == 0)
		mirage_http_server_flow(s, flow);
	if (s->closing)
		end_if_quiet(s);
	else if (result == 0)
		accept_more(port);
	else if (result == MIRAGE_EGONE || result == MIRAGE_ECANCELED)
		port->listener = NULL; /* the stack has closed it */
	else
		mirage_timer_start(&s->timer,
				   mirage_clock_monotonic_ns() + RETRY_NS,
				   on_retry, s);
	http_leave();
}

int mirage_http_server_listen(struct mirage_http_server *server,
			      struct mirage_stack *stack,
			      const struct mirage_endpoint *at)
{
	struct http_port *port = &server->ports[server->n_ports];
	int error;

	if (server->closing)
		return MIRAGE_EGONE;
	if (server->n_ports == HTTP_PORTS_MAX)
		return MIRAGE_ERANGE;
	error = mirage_tcp_listen(stack, at, BACKLOG, &port->listener);
	if (error < 0)
		return error;
	port->server = server;
	server->n_ports++;
	accept_more(port);
	return 0;
}

/* ----------------------------------------------------------------- Close -- */

static void on_gone(void *arg)
{
	struct mirage_http_server *s = (struct mirage_http_server *)arg;
	mirage_done_fn *done = s->done;
	void *done_arg = s->done_arg;

	for (struct http_connection *c = s->free, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	http_pool_fini(&s->pool);
	free(s);
	if (done != NULL)
		done(done_arg, 0);
}

/** Ends a closing server when nothing of it is in use, on the next turn. */
static void end_if_quiet(struct mirage_http_server *s)
{
	if (s->all != NULL)
		return;
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].accepting)
			return;
	mirage_timer_start(&s->timer, 0, on_gone, s);
}

void http_server_gone(struct http_connection *c)
{
	struct mirage_http_server *s = c->server;

	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		s->all = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	s->counters.connections--;
	connection_give(s, c);
	if (s->closing)
		end_if_quiet(s);
	else
		accept_all(s);
}

static void on_grace(void *arg)
{
	struct mirage_http_server *s = (struct mirage_http_server *)arg;

	http_enter();
	for (struct http_connection *c = s->all; c != NULL; c = c->next)
		http_connection_break(c, MIRAGE_ECANCELED);
	http_leave();
}

void mirage_http_server_close(struct mirage_http_server *server,
			      uint64_t grace_ns, mirage_done_fn *done,
			      void *arg)
{
	if (server->closing)
		mirage_core_broken("LAW-05", "a server was closed twice");
	server->closing = true;
	server->done = done;
	server->done_arg = arg;
	for (uint32_t i = 0; i < server->n_ports; i++)
		if (server->ports[i].listener != NULL)
			mirage_tcp_unlisten(server->ports[i].listener);
	for (struct http_connection *c = server->all; c != NULL; c = c->next)
		http_connection_leave(c);
	mirage_timer_start(&server->timer,
			   http_after(mirage_clock_monotonic_ns(), grace_ns),
			   on_grace, server);
	end_if_quiet(server);
}
