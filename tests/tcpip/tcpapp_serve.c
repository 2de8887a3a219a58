/* SPDX-License-Identifier: ISC */
/* The services of tcpapp. */
#include "pattern.h"
#include "tcpapp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 1024, WRITES = 4 };

struct connection;

struct service {
	uint16_t port;
	void (*begin)(struct connection *connection);
	struct mirage_listener *listener;
};

struct write {
	struct mirage_flow_write write;
	struct mirage_vector vector;
	struct connection *connection;
	bool busy;
};

struct connection {
	struct mirage_flow *flow;
	struct connection *next; /* of those that are held */
	uint64_t received_bytes, sent_bytes, wanted_bytes;
	bool bad, talks, ended;
	unsigned in_flight;
	struct write writes[WRITES];
	char text[48];
	size_t text_length;
};

static struct connection *held;
static unsigned connections;

unsigned tcpapp_connections(void)
{
	return connections;
}

/** Closes it, once no write of its memory is in flight. */
static void finish(struct connection *c)
{
	if (!c->ended) {
		c->ended = true;
		connections--;
		mirage_flow_close(c->flow);
	}
	if (c->in_flight == 0)
		free(c);
}

static void put(struct connection *c, struct write *w, const void *bytes,
		size_t length, mirage_done_fn *done)
{
	w->connection = c;
	w->busy = true;
	w->vector.base = (void *)(uintptr_t)bytes;
	w->vector.length_bytes = length;
	w->write.vectors = &w->vector;
	w->write.n_vectors = 1;
	w->write.done = done;
	w->write.arg = w;
	c->in_flight++;
	mirage_flow_write(c->flow, &w->write);
}

static struct connection *took(struct write *w)
{
	w->busy = false;
	w->connection->in_flight--;
	return w->connection;
}

/* ------------------------------------------------------------------ Echo -- */

static void echo_on_read(void *arg, int result, const void *bytes);

static void echo_on_write(void *arg, int result)
{
	struct connection *c = took(arg);

	if (result < 0)
		finish(c);
	else
		mirage_flow_read(c->flow, echo_on_read, c);
}

static void echo_on_read(void *arg, int result, const void *bytes)
{
	struct connection *c = arg;

	if (result <= 0)
		finish(c);
	else
		put(c, &c->writes[0], bytes, (size_t)result, echo_on_write);
}

static void echo_begin(struct connection *c)
{
	mirage_flow_read(c->flow, echo_on_read, c);
}

/* ------------------------------------------------------------------ Sink -- */

static void sink_on_write(void *arg, int result)
{
	finish(took(arg));
}

static void sink_end(struct connection *c, int result)
{
	int length = snprintf(c->text, sizeof(c->text), "%" PRIu64 " %s\n",
			      c->received_bytes, c->bad ? "bad" : "good");

	if (c->talks)
		tcpapp_say("sink bytes=%" PRIu64 " good=%d result=%s",
			   c->received_bytes, !c->bad,
			   mirage_error_name(result));
	if (c->talks || result < 0)
		finish(c);
	else
		put(c, &c->writes[0], c->text, (size_t)length, sink_on_write);
}

static void sink_on_read(void *arg, int result, const void *bytes)
{
	struct connection *c = arg;

	if (result <= 0) {
		sink_end(c, result);
		return;
	}
	if (!pattern_is(c->received_bytes, bytes, (size_t)result))
		c->bad = true;
	c->received_bytes += (unsigned)result;
	mirage_flow_read(c->flow, sink_on_read, c);
}

static void sink_begin(struct connection *c)
{
	mirage_flow_read(c->flow, sink_on_read, c);
}

static void hold_begin(struct connection *c)
{
	c->next = held;
	held = c;
}

void tcpapp_release(void)
{
	while (held != NULL) {
		struct connection *c = held;

		held = c->next;
		sink_begin(c);
	}
	tcpapp_say("released");
}

static void shut_begin(struct connection *c)
{
	c->talks = true;
	mirage_flow_shutdown(c->flow);
	sink_begin(c);
}

/* ----------------------------------------------------------------- Abort -- */

static void abort_on_read(void *arg, int result, const void *bytes)
{
	struct connection *c = arg;

	mirage_flow_abort(c->flow);
	connections--;
	free(c);
}

static void abort_begin(struct connection *c)
{
	mirage_flow_read(c->flow, abort_on_read, c);
}

/* ---------------------------------------------------------------- Source -- */

static void source_on_write(void *arg, int result);

/** Keeps all writes busy. */
static void source_more(struct connection *c)
{
	for (unsigned i = 0; i < WRITES && c->sent_bytes < c->wanted_bytes;
	     i++) {
		uint64_t left = c->wanted_bytes - c->sent_bytes;
		size_t n = left < PATTERN_PIECE_BYTES ? (size_t)left
						      : PATTERN_PIECE_BYTES;

		if (c->writes[i].busy)
			continue;
		put(c, &c->writes[i], pattern_at(c->sent_bytes), n,
		    source_on_write);
		c->sent_bytes += n;
	}
	if (c->in_flight == 0)
		finish(c);
}

static void source_on_write(void *arg, int result)
{
	struct connection *c = took(arg);

	if (result < 0) {
		if (!c->ended && c->talks)
			tcpapp_say("source %s", mirage_error_name(result));
		finish(c);
	} else {
		source_more(c);
	}
}

static void source_on_read(void *arg, int result, const void *bytes)
{
	struct connection *c = arg;
	char *end;

	if (result <= 0 || (size_t)result >= sizeof(c->text) - c->text_length) {
		finish(c);
		return;
	}
	memcpy(c->text + c->text_length, bytes, (size_t)result);
	c->text_length += (size_t)result;
	c->wanted_bytes = strtoull(c->text, &end, 10);
	if (*end == '\n')
		source_more(c);
	else
		mirage_flow_read(c->flow, source_on_read, c);
}

static void source_begin(struct connection *c)
{
	mirage_flow_read(c->flow, source_on_read, c);
}

/* ------------------------------------------------------------- Listening -- */

static void on_accept(void *arg, int result, struct mirage_flow *flow)
{
	struct service *service = arg;
	struct connection *c;

	if (result < 0)
		return; /* the stack is being closed */
	mirage_tcp_accept(service->listener, on_accept, service);
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		mirage_flow_abort(flow);
		return;
	}
	connections++;
	c->flow = flow;
	service->begin(c);
}

static void on_datagram(void *arg, const struct mirage_endpoint *from,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	struct mirage_udp **udp = arg;
	struct mirage_vector vector = {(void *)(uintptr_t)bytes, length};

	mirage_udp_send(*udp, to, from, &vector, 1);
}

int tcpapp_serve(void)
{
	static struct service services[] = {
		{7, echo_begin, NULL},	{9, sink_begin, NULL},
		{10, hold_begin, NULL}, {11, abort_begin, NULL},
		{12, shut_begin, NULL}, {19, source_begin, NULL},
	};
	static struct mirage_udp *udp;
	struct mirage_endpoint at = {.port = 7};
	int error = mirage_udp_open(tcpapp_stack, &at, on_datagram, &udp, &udp);

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		struct service *service = &services[i];

		at.port = service->port;
		if (error == 0)
			error = mirage_tcp_listen(tcpapp_stack, &at, BACKLOG,
						  &service->listener);
		if (error == 0)
			mirage_tcp_accept(service->listener, on_accept,
					  service);
	}
	return error;
}
