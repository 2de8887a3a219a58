/* SPDX-License-Identifier: ISC */
/* A fetch on its connection: the request, the response. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

enum { INTERIMS_MAX = 16, DRAIN_BYTES = 65536 };

/* --------------------------------------------------------------- Request -- */

static char *put_text(char *to, const char *text)
{
	return http_put(to, text, strlen(text));
}

/** Whether the request goes where the application wanted it to. */
static bool at_home(const struct mirage_http_fetch *fetch,
		    const struct http_url *url)
{
	struct http_url home;

	return fetch->location == NULL ||
	       (http_url_parse(&home, fetch->url) && home.port == url->port &&
		strcmp(home.host, url->host) == 0);
}

/** What may go to the host that was named, and to no other. */
static bool is_private(const char *name)
{
	return http_same(name, "host") || http_same(name, "authorization") ||
	       http_same(name, "cookie") ||
	       http_same(name, "proxy-authorization");
}

static void check_header(const struct mirage_http_header *header)
{
	static const char *const ours[] = {
		"Content-Length", "Transfer-Encoding", "Connection", "Expect"};
	bool good = http_is_token(header->name);

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		good = good && !http_same(header->name, ours[i]);
	if (!good)
		mirage_core_broken("LAW-05", "a fetch with a field that is no "
					     "token, or the client's");
}

static bool value_good(const char *value)
{
	for (; *value != '\0'; value++)
		if (((uint8_t)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

/** The most bytes of the head, or 0 for one that cannot be sent. */
static size_t head_room(const struct mirage_http_fetch *fetch,
			const struct http_url *url)
{
	size_t bytes = strlen(http_fetch_method(fetch)) + url->target_bytes +
		       strlen(url->authority) + 160;

	for (uint32_t i = 0; i < fetch->n_headers; i++) {
		check_header(&fetch->headers[i]);
		if (!value_good(fetch->headers[i].value))
			return 0;
		bytes += strlen(fetch->headers[i].name) +
			 strlen(fetch->headers[i].value) + 4;
	}
	return bytes;
}

static char *put_field(char *to, const char *name, const char *value)
{
	to = put_text(put_text(put_text(to, name), ": "), value);
	return put_text(to, "\r\n");
}

static char *put_fields(char *to, const struct mirage_http_fetch *fetch,
			const struct http_url *url)
{
	bool home = at_home(fetch, url);

	if (!home ||
	    mirage_http_find(fetch->headers, fetch->n_headers, "host") == NULL)
		to = put_field(to, "Host", url->authority);
	for (uint32_t i = 0; i < fetch->n_headers; i++)
		if (home || !is_private(fetch->headers[i].name))
			to = put_field(to, fetch->headers[i].name,
				       fetch->headers[i].value);
	return to;
}

static uint64_t body_bytes(const struct mirage_http_fetch *fetch)
{
	uint64_t bytes = 0;

	if (fetch->as_get)
		return 0;
	if (fetch->n_body == 0)
		return fetch->body_bytes;
	for (uint32_t i = 0; i < fetch->n_body; i++)
		bytes += fetch->body[i].length_bytes;
	return bytes;
}

static char *put_framing(char *to, const struct mirage_http_fetch *fetch)
{
	const char *method = http_fetch_method(fetch);
	uint64_t bytes = body_bytes(fetch);

	if (bytes == MIRAGE_HTTP_CHUNKED)
		return put_text(to, "Transfer-Encoding: chunked\r\n");
	/* A body of nothing is said where one is expected (RFC 9110, 8.6). */
	if (bytes == 0 && method[0] != 'P')
		return to;
	to = put_text(to, "Content-Length: ");
	return put_text(http_put_number(to, bytes, 10), "\r\n");
}

static char *put_head(char *to, const struct http_exchange *x,
		      const struct http_url *url)
{
	const struct mirage_http_fetch *fetch = x->fetch;

	to = put_text(put_text(to, http_fetch_method(fetch)), " ");
	if (*url->target != '/')
		*to++ = '/';
	to = http_put(to, url->target, url->target_bytes);
	to = put_text(to, " HTTP/1.1\r\n");
	to = put_fields(to, fetch, url);
	to = put_framing(to, fetch);
	if (x->expects)
		to = put_text(to, "Expect: 100-continue\r\n");
	if (fetch->close)
		to = put_text(to, "Connection: close\r\n");
	return put_text(to, "\r\n");
}

void http_fetch_send(struct http_peer *peer)
{
	struct http_exchange *x = peer->exchange;
	const struct mirage_http_fetch *fetch = x->fetch;
	struct http_url url;
	size_t room;
	char *head, *end;

	if (x->failed)
		return;
	http_url_parse(&url, http_fetch_url(fetch));
	x->expects = fetch->expect_continue && body_bytes(fetch) > 0;
	room = head_room(fetch, &url);
	if (room == 0) {
		http_fetch_fail(peer, MIRAGE_EINVAL);
		return;
	}
	if (!http_arena_room(&x->arena, room, 0)) {
		http_fetch_fail(peer, MIRAGE_ERANGE);
		return;
	}
	head = x->arena.at;
	end = put_head(head, x, &url);
	x->arena.at = end;
	x->parser.no_body = x->head_only;
	http_out_ask(x, head, (size_t)(end - head), fetch->body,
		     fetch->as_get ? 0 : fetch->n_body);
	if (x->out.broken)
		http_fetch_fail(peer, MIRAGE_EINVAL);
}

/* ------------------------------------------------------------------ Ends -- */

void http_fetch_finish(struct mirage_http_fetch *fetch, int result)
{
	struct mirage_http_client *c = fetch->client;

	if (fetch->previous != NULL)
		fetch->previous->next = fetch->next;
	else
		c->fetches = fetch->next;
	if (fetch->next != NULL)
		fetch->next->previous = fetch->previous;
	else
		c->last = fetch->previous;
	if (fetch->exchange != NULL)
		http_exchange_free((struct http_exchange *)fetch->exchange);
	free(fetch->location);
	fetch->location = NULL;
	fetch->exchange = NULL;
	fetch->response_headers = NULL;
	fetch->n_response_headers = 0;
	fetch->state = HTTP_FETCH_IDLE;
	fetch->done(fetch->arg, result);
	http_link_kick(&c->link);
}

/** The exchange is over: the fetch ends, or begins again. */
static bool end(struct http_peer *peer, struct http_exchange *x)
{
	struct mirage_http_fetch *fetch = x->fetch;

	peer->exchange = NULL;
	peer->since_ns = mirage_clock_monotonic_ns();
	if (!x->again || fetch->result != 0) {
		http_fetch_finish(fetch, fetch->result);
		return true;
	}
	http_exchange_free(x);
	if (http_client_queue(peer->client, fetch) < 0)
		fetch->result = MIRAGE_ENOMEM;
	return true;
}

/** Whether the connection was kept and turned out to have ended: not the request's
 *  fault. */
static bool was_stale(const struct http_peer *peer, int error)
{
	const struct http_exchange *x = peer->exchange;

	return peer->reused && error == MIRAGE_ERESET && !x->headed &&
	       x->parser.scan.head_bytes == 0 && x->fetch->result == 0 &&
	       x->fetch->tries == 0 && http_fetch_repeatable(x->fetch);
}

void http_fetch_fail(struct http_peer *peer, int error)
{
	struct http_exchange *x = peer->exchange;

	if (x->failed)
		return;
	if (was_stale(peer, error)) {
		x->fetch->tries++;
		x->again = true;
	} else if (x->fetch->result == 0) {
		x->fetch->result = error;
	}
	x->failed = true;
	if (!x->in.complete || x->in.done != NULL) {
		x->in.complete = false;
		http_in_fail(x, error);
	}
	x->told = true;
	http_out_drop(x, error);
	http_peer_leave(peer, true);
}

/* -------------------------------------------------------------- Response -- */

/** A response before the final one (RFC 9110, 15.2). */
static void interim(struct http_peer *peer, struct http_exchange *x,
		    uint32_t status)
{
	if (status == 101 || ++x->interims > INTERIMS_MAX) {
		http_fetch_fail(peer, MIRAGE_EIO);
		return;
	}
	http_parser_start(&x->parser, true);
	if (status == 100)
		http_out_release(x);
}

/** Whether the body can be told from what follows it. */
static bool framing_good(const struct http_parser *parser)
{
	const char *coding = mirage_http_find(
		parser->headers, parser->n_headers, "transfer-encoding");

	return coding == NULL || parser->framing == HTTP_NONE ||
	       (parser->framing == HTTP_CHUNKS && http_same(coding, "chunked"));
}

static bool keeps(const struct http_exchange *x)
{
	const llhttp_t *llhttp = &x->parser.llhttp;

	if (x->fetch->close || x->parser.framing == HTTP_TO_END ||
	    (llhttp->flags & F_CONNECTION_CLOSE) != 0)
		return false;
	return llhttp->http_minor > 0 ||
	       (llhttp->flags & F_CONNECTION_KEEP_ALIVE) != 0;
}

static void fill_response(struct http_exchange *x)
{
	struct mirage_http_fetch *fetch = x->fetch;
	struct http_parser *parser = &x->parser;

	fetch->status = parser->llhttp.status_code;
	fetch->response_headers = parser->headers;
	fetch->n_response_headers = parser->n_headers;
	fetch->response_bytes = parser->framing == HTTP_NONE ? 0
				: parser->framing == HTTP_LENGTH
					? parser->left
					: MIRAGE_HTTP_CHUNKED;
	x->in.complete = parser->framing == HTTP_NONE;
	x->in.since_ns = mirage_clock_monotonic_ns();
	x->keep = keeps(x);
}

static void respond(struct http_peer *peer, struct http_exchange *x)
{
	struct mirage_http_fetch *fetch = x->fetch;
	uint32_t status = x->parser.llhttp.status_code;

	if (x->parser.llhttp.http_major != 1 || status < 100 ||
	    !framing_good(&x->parser)) {
		http_fetch_fail(peer, MIRAGE_EIO);
		return;
	}
	if (status < 200) {
		interim(peer, x, status);
		return;
	}
	x->headed = true;
	fill_response(x);
	if (x->out.hold) /* it was not asked for */
		http_out_drop(x, MIRAGE_ECANCELED);
	if (http_fetch_redirect(x)) {
		if (fetch->redirects > fetch->redirects_max)
			http_fetch_fail(peer, MIRAGE_ERANGE);
	} else if (fetch->on_response == NULL) {
		x->discard = true;
	} else {
		fetch->on_response(fetch->arg, fetch);
	}
}

static bool receive_head(struct http_peer *peer, struct http_exchange *x)
{
	struct http_link *link = &peer->link;
	enum http_event event;
	size_t used;

	event = http_parser_run(&x->parser, link->bytes, link->n_bytes, &used);
	http_link_used(link, used);
	if (event == HTTP_EVENT_HEAD)
		respond(peer, x);
	else if (event == HTTP_EVENT_BAD)
		http_fetch_fail(peer, x->parser.status == 431 ? MIRAGE_ERANGE
							      : MIRAGE_EIO);
	else if (link->error != 0 || link->ended)
		http_fetch_fail(peer,
				link->error != 0 ? link->error : MIRAGE_ERESET);
	else {
		http_link_read(link);
		return false;
	}
	return true;
}

/* --------------------------------------------------------------- Advance -- */

/** The response was read to its end. */
static bool conclude(struct http_peer *peer, struct http_exchange *x)
{
	const struct http_link *link = &peer->link;

	if (!http_out_over(x) && !x->finished) {
		/* The server has answered without the rest. */
		x->finished = x->told = true;
		http_out_drop(x, MIRAGE_ECANCELED);
		http_peer_leave(peer, true);
		return true;
	}
	if (!http_out_over(x))
		return false;
	if (!x->keep || x->out.broken || link->ended || link->error != 0 ||
	    link->n_bytes > 0)
		http_peer_leave(peer, false);
	return end(peer, x);
}

static bool discard(struct http_peer *peer, struct http_exchange *x)
{
	bool enough = x->again && x->parser.received > DRAIN_BYTES;

	if (!enough && (http_in_drain(x) || x->in.complete))
		return true;
	if (!enough && x->in.error == 0)
		return false;
	if (!x->again) {
		http_fetch_fail(peer, x->in.error);
		return true;
	}
	/* It leads elsewhere: the rest of it does not matter. */
	x->in.complete = true;
	x->keep = false;
	return true;
}

static bool has_read_all(const struct http_exchange *x)
{
	return x->in.complete && x->in.done == NULL &&
	       (x->discard || x->in.told);
}

/** A body that is none is not HTTP; what else is wrong keeps its name. */
static int meaning(int error)
{
	return error == MIRAGE_EINVAL ? MIRAGE_EIO : error;
}

bool http_fetch_advance(struct http_peer *peer)
{
	struct http_exchange *x = peer->exchange;

	if (x->failed) {
		if (http_in_step(x) || http_out_step(x))
			return true;
		return http_out_over(x) && end(peer, x);
	}
	if (http_out_step(x))
		return true;
	if (!x->headed)
		return receive_head(peer, x);
	if (x->in.error != 0 && !x->discard) {
		http_fetch_fail(peer, meaning(x->in.error));
		return true;
	}
	if (has_read_all(x))
		return conclude(peer, x);
	return x->discard ? discard(peer, x) : http_in_step(x);
}

/* -------------------------------------------------------------- Patience -- */

uint64_t http_fetch_deadline_ns(const struct http_peer *peer)
{
	const struct mirage_http_client_config *config = &peer->client->config;
	const struct http_exchange *x = peer->exchange;

	if (x->expects && !x->headed)
		return http_after(x->out.progress_ns, config->continue_ns);
	if (x->out.in_flight > 0)
		return http_out_deadline_ns(x, config->write_ns);
	if (!x->headed)
		return x->out.state == HTTP_OUT_ENDED
			       ? http_after(x->out.progress_ns,
					    config->response_ns)
			       : HTTP_NEVER;
	if ((x->in.done != NULL || x->discard) && !x->in.complete)
		return http_in_deadline_ns(x, config->body_ns);
	return HTTP_NEVER;
}

void http_fetch_late(struct http_peer *peer)
{
	struct http_exchange *x = peer->exchange;

	if (x->expects && !x->headed)
		http_out_release(x); /* it may not know of 100 */
	else
		http_fetch_fail(peer, MIRAGE_ETIMEDOUT);
	if (x->out.broken && !x->failed)
		http_fetch_fail(peer, MIRAGE_EINVAL);
}
