/* SPDX-License-Identifier: ISC */
/* Reading the body of a message: a piece when somebody asks, straight from where the
 * flow has put it. */
#include "http.h"

/* A sender must bring so much in one measure of patience. */
enum { CREDIT_BYTES = 4096 };

void http_in_read(struct http_exchange *x, mirage_flow_read_fn *done, void *arg)
{
	if (done == NULL || x->in.done != NULL)
		mirage_core_broken("LAW-05",
				   "a second read of a body, or one without a "
				   "completion");
	x->in.done = done;
	x->in.arg = arg;
	/* The reader's own time does not count, what it has waited does. */
	x->in.since_ns = mirage_clock_monotonic_ns() - x->in.waited_ns;
	x->in.lent = false;
	http_link_kick(x->link);
}

/** Tells the reader. */
static bool tell(struct http_exchange *x, int result, const void *bytes)
{
	mirage_flow_read_fn *done = x->in.done;

	x->in.done = NULL;
	if (result < 0)
		x->told = true;
	done(x->in.arg, result, bytes);
	return true;
}

void http_in_fail(struct http_exchange *x, int error)
{
	if (x->in.error == 0 && !x->in.complete)
		x->in.error = error;
}

/** A piece has come: counts it. Returns whether the body may be that long. */
static bool count(struct http_exchange *x)
{
	struct http_in *in = &x->in;

	uint64_t now = mirage_clock_monotonic_ns();

	in->credit += x->parser.body_bytes;
	in->waited_ns = now - in->since_ns;
	if (in->credit >= CREDIT_BYTES) {
		in->credit = in->waited_ns = 0;
		in->since_ns = now;
	}
	if (x->parser.received <= in->most)
		return true;
	x->parser.status = 413;
	http_in_fail(x, MIRAGE_ERANGE);
	return false;
}

static void bad(struct http_exchange *x)
{
	http_in_fail(x, MIRAGE_EINVAL);
}

/** Why no more bytes will come: the link is broken, or the peer's stream is at its
 *  end, which may be the end of the body too. */
static bool no_more(struct http_exchange *x)
{
	if (x->link->error != 0)
		http_in_fail(x, x->link->error);
	else if (!x->link->ended)
		return false;
	else if (http_parser_end(&x->parser) == HTTP_EVENT_END)
		x->in.complete = true;
	else
		http_in_fail(x, MIRAGE_ERESET);
	return true;
}

/** Runs the parser to its next event and returns whether there is a piece. */
static bool next_piece(struct http_exchange *x)
{
	struct http_link *link = x->link;
	size_t used;

	switch (http_parser_run(&x->parser, link->bytes, link->n_bytes,
				&used)) {
	case HTTP_EVENT_BODY:
		http_link_used(link, used);
		return count(x);
	case HTTP_EVENT_END:
		http_link_used(link, used);
		x->in.complete = true;
		return false;
	case HTTP_EVENT_MORE:
		http_link_used(link, used);
		if (!no_more(x))
			http_link_read(link);
		return false;
	default:
		bad(x);
		return false;
	}
}

bool http_in_step(struct http_exchange *x)
{
	if (x->in.done == NULL)
		return false;
	if (x->in.error == 0 && !x->in.complete && next_piece(x)) {
		x->in.lent = true;
		return tell(x, (int)x->parser.body_bytes, x->parser.body);
	}
	if (x->in.error != 0)
		return tell(x, x->in.error, NULL);
	if (!x->in.complete)
		return false;
	x->in.told = true;
	return tell(x, 0, NULL);
}

bool http_in_drain(struct http_exchange *x)
{
	return x->in.error == 0 && !x->in.complete && next_piece(x);
}

uint64_t http_in_deadline_ns(const struct http_exchange *x, uint64_t patience)
{
	return http_after(x->in.since_ns, patience);
}
