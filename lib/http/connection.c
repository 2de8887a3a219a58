/* SPDX-License-Identifier: ISC */
/*
 * A connection of the server: one request at a time, in the order they come. What is
 * to be done follows from what is there; a step does it until nothing is left.
 */
#include "server.h"

/* What is read of a body that nobody wants, to keep the connection, and of what comes
 * after the last answer, so that it is not lost to a reset (RFC 9112, 9.6). */
enum { DRAIN_BYTES = 65536, LINGER_BYTES = 1 << 20 };
#define LINGER_NS (2 * HTTP_SECOND_NS)

static struct http_connection *of(struct http_link *link)
{
	return (struct http_connection *)link;
}

static void step(struct http_link *link);

void http_connection_open(struct http_connection *c,
			  struct mirage_http_server *server,
			  struct mirage_flow *flow)
{
	http_link_start(&c->link, flow, step);
	c->server = server;
	c->exchange = NULL;
	c->since_ns = mirage_clock_monotonic_ns();
	c->discarded = 0;
	c->idle = c->lingering = false;
	c->fresh = true;
	c->local = flow->local;
	c->peer = flow->peer;
	http_idle_add(c);
	http_link_kick(&c->link);
}

/* -------------------------------------------------------------- The ends -- */

static bool leave(struct http_connection *c, bool abort)
{
	http_idle_remove(c);
	http_link_close(&c->link, abort);
	return false;
}

void http_connection_break(struct http_connection *c, int error)
{
	if (c->link.error == 0)
		c->link.error = error;
	leave(c, true);
	http_link_kick(&c->link);
}

void http_connection_leave(struct http_connection *c)
{
	if (c->exchange == NULL && !c->lingering) {
		leave(c, false);
		http_link_kick(&c->link);
	}
}

/** Our stream ends; reads on, so that the peer can read what was sent. */
static bool linger(struct http_connection *c)
{
	mirage_flow_shutdown(c->link.flow);
	c->lingering = true;
	c->since_ns = mirage_clock_monotonic_ns();
	return true;
}

static bool linger_on(struct http_connection *c)
{
	struct http_link *link = &c->link;

	c->discarded += link->n_bytes;
	http_link_used(link, link->n_bytes);
	if (link->ended || link->error != 0 || c->discarded > LINGER_BYTES)
		return leave(c, link->error != 0);
	http_link_read(link);
	return false;
}

static void forget(struct http_connection *c)
{
	http_exchange_free(c->exchange);
	c->exchange = NULL;
	c->server->counters.requests--;
}

/* ------------------------------------------------------------ A request -- */

static bool begin(struct http_connection *c)
{
	struct mirage_http_server *s = c->server;
	struct http_link *link = &c->link;
	struct http_exchange *x;

	if (s->closing ||
	    (link->n_bytes == 0 && (link->ended || link->error != 0)))
		return leave(c, link->error != 0);
	if (link->n_bytes == 0) {
		http_link_read(link);
		return false;
	}
	x = http_exchange_new(&s->pool, link, false);
	if (x == NULL) {
		s->counters.no_memory++;
		return leave(c, true);
	}
	http_idle_remove(c);
	s->counters.requests++;
	c->fresh = false;
	c->exchange = x;
	x->begin_ns = mirage_clock_monotonic_ns();
	x->in.most = s->config.body_bytes_max;
	x->closing = &s->closing;
	x->request.method = x->request.target = x->request.path =
		x->request.host = "";
	x->request.local = &c->local;
	x->request.peer = &c->peer;
	return true;
}

static bool refuse(struct http_connection *c, uint32_t status)
{
	c->server->counters.refused++;
	http_refuse(c->exchange, status);
	return true;
}

static bool dispatch(struct http_connection *c, struct http_exchange *x)
{
	const struct mirage_http_config *config = &c->server->config;
	uint32_t status = http_request_check(x);

	if (status != 0)
		return refuse(c, status);
	if (x->request.target[0] == '*') /* OPTIONS of the server itself */
		mirage_http_reply_status(&x->request, 204, NULL);
	else
		config->on_request(config->arg, &x->request);
	return true;
}

static bool receive_head(struct http_connection *c, struct http_exchange *x)
{
	struct http_link *link = &c->link;
	enum http_event event;
	size_t used;

	event = http_parser_run(&x->parser, link->bytes, link->n_bytes, &used);
	http_link_used(link, used);
	if (event == HTTP_EVENT_BAD) {
		x->headed = true;
		return refuse(c, x->parser.status);
	}
	if (event == HTTP_EVENT_HEAD) {
		x->headed = true;
		return dispatch(c, x);
	}
	if (link->ended || link->error != 0) {
		forget(c);
		return leave(c, link->error != 0);
	}
	http_link_read(link);
	return false;
}

/* ------------------------------------------------------------ Its answer -- */

static int outcome(const struct http_exchange *x)
{
	if (x->link->error != 0)
		return x->link->error;
	if (x->in.error != 0)
		return x->in.error;
	return x->out.broken ? MIRAGE_ECANCELED : 0;
}

static void report(struct http_connection *c, struct http_exchange *x)
{
	struct mirage_http_server *s = c->server;
	struct mirage_http_access access = {
		.request = &x->request,
		.status = x->status,
		.sent_bytes = x->out.sent,
	};

	if (x->status != 0)
		s->counters.answered++;
	if (s->config.on_access == NULL)
		return;
	access.duration_ns = mirage_clock_monotonic_ns() - x->begin_ns;
	s->config.on_access(s->config.access_arg, &access);
}

/** The answer is on its way, or never will be. */
static void conclude(struct http_connection *c, struct http_exchange *x)
{
	int result = outcome(x);

	x->finished = true;
	if (result != 0)
		c->server->counters.aborted++;
	report(c, x);
	if (x->request.done != NULL)
		x->request.done(x->request.done_arg, result);
}

/** What is left of the request is read, if it is little. */
static bool drain(struct http_connection *c, struct http_exchange *x)
{
	while (x->parser.received < x->in.most && http_in_drain(x))
		;
	if (x->in.complete)
		return true;
	if (x->in.error == 0 && x->parser.received < x->in.most)
		return false;
	x->keep = false;
	return true;
}

static bool drainable(const struct http_exchange *x)
{
	return x->keep && x->in.error == 0 &&
	       (x->parser.framing != HTTP_LENGTH ||
		x->parser.left <= DRAIN_BYTES);
}

static bool finish(struct http_connection *c, struct http_exchange *x)
{
	bool more;

	if (!x->finished) {
		conclude(c, x);
		x->in.most = x->parser.received + DRAIN_BYTES;
		x->in.since_ns = mirage_clock_monotonic_ns();
	}
	if (x->out.broken || c->link.error != 0) {
		forget(c);
		return leave(c, true);
	}
	if (!x->in.complete && drainable(x) && !drain(c, x))
		return false;
	more = !x->in.complete || c->link.n_bytes > 0;
	if (x->keep && x->in.complete) {
		c->since_ns = mirage_clock_monotonic_ns();
		forget(c);
		http_idle_add(c);
		return true;
	}
	forget(c);
	return more ? linger(c) : leave(c, false);
}

/** The application has heard of an error: the rest is ours. */
static bool take_over(struct http_connection *c, struct http_exchange *x)
{
	bool answerable = c->link.error == 0 && x->parser.status != 0 &&
			  x->out.state == HTTP_OUT_NONE;

	if (answerable)
		return refuse(c, x->parser.status);
	http_out_break(x);
	if (c->link.flow != NULL)
		leave(c, true);
	return true;
}

static bool answer(struct http_connection *c, struct http_exchange *x)
{
	if (x->told && x->out.state != HTTP_OUT_ENDED)
		return take_over(c, x);
	if (http_out_over(x)) {
		if (!x->finished && x->in.done != NULL)
			http_in_fail(x, MIRAGE_ECANCELED);
		if (!x->finished && http_in_step(x))
			return true;
		return finish(c, x);
	}
	if (http_in_step(x) || http_out_step(x))
		return true;
	/* Look for what comes next, and for the peer's going away. */
	if (x->in.complete && !x->in.lent)
		http_link_read(&c->link);
	return false;
}

/* ------------------------------------------------------------- Patience -- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool awaits_body(const struct http_exchange *x)
{
	return (x->in.done != NULL || x->finished) && !x->in.complete &&
	       x->in.error == 0;
}

static uint64_t deadline_ns(const struct http_connection *c)
{
	const struct mirage_http_config *config = &c->server->config;
	const struct http_exchange *x = c->exchange;
	uint64_t deadline;

	if (c->link.flow == NULL)
		return HTTP_NEVER;
	if (c->lingering)
		return http_after(c->since_ns, LINGER_NS);
	if (x == NULL)
		return http_after(c->since_ns, c->fresh ? config->first_byte_ns
							: config->idle_ns);
	if (!x->headed)
		return http_after(x->begin_ns, config->head_ns);
	deadline = http_out_deadline_ns(x, config->write_ns);
	if (awaits_body(x))
		deadline = least(deadline,
				 http_in_deadline_ns(x, config->body_ns));
	return deadline;
}

static void late(struct http_connection *c)
{
	struct http_exchange *x = c->exchange;

	if (c->link.flow == NULL)
		return;
	if (!c->lingering)
		c->server->counters.timed_out++;
	if (x == NULL || c->lingering) {
		leave(c, false);
	} else if (!x->headed) {
		x->headed = true;
		refuse(c, 408);
	} else if (x->out.in_flight > 0 || x->finished) {
		http_connection_break(c, MIRAGE_ETIMEDOUT);
	} else {
		x->parser.status = 408;
		http_in_fail(x, MIRAGE_ETIMEDOUT);
	}
}

/* ------------------------------------------------------------------ Step -- */

/** Does one thing. Returns whether there may be another. */
static bool advance(struct http_connection *c)
{
	struct http_exchange *x = c->exchange;

	if (x != NULL)
		return x->headed ? answer(c, x) : receive_head(c, x);
	if (c->link.flow == NULL)
		return false;
	return c->lingering ? linger_on(c) : begin(c);
}

static void step(struct http_link *link)
{
	struct http_connection *c = of(link);

	link->stepping = true;
	/* A deadline that has moved since it passed is none. */
	if (link->late && mirage_clock_monotonic_ns() >= deadline_ns(c))
		late(c);
	link->late = false;
	while (advance(c))
		;
	if (c->exchange == NULL && http_link_quiet(link)) {
		http_link_fini(link);
		http_server_gone(c);
		return;
	}
	link->stepping = false;
	http_link_deadline(link, deadline_ns(c));
}
