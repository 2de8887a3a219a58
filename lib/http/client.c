/* SPDX-License-Identifier: ISC */
/* A client: its fetches, and which connection each gets. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

static void step(struct http_link *link);

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

static void fill(struct mirage_http_client_config *config,
		 const struct mirage_http_client_config *given)
{
	memcpy(config, given,
	       given->size < sizeof(*config) ? given->size : sizeof(*config));
	or_else32(&config->connections_max, 64);
	or_else32(&config->per_host_max, 8);
	or_else32(&config->head_bytes_max, 16384);
	or_else32(&config->headers_max, 100);
	or_else(&config->connect_ns, 10 * HTTP_SECOND_NS);
	or_else(&config->response_ns, 60 * HTTP_SECOND_NS);
	or_else(&config->body_ns, 60 * HTTP_SECOND_NS);
	or_else(&config->write_ns, 60 * HTTP_SECOND_NS);
	or_else(&config->idle_ns, 15 * HTTP_SECOND_NS);
	or_else(&config->continue_ns, HTTP_SECOND_NS);
}

int mirage_http_client_open(struct mirage_stack *stack,
			    const struct mirage_http_client_config *config,
			    struct mirage_http_client **client)
{
	struct mirage_http_client *c = calloc(1, sizeof(*c));
	struct http_limits limits;

	if (c == NULL)
		return MIRAGE_ENOMEM;
	fill(&c->config, config);
	limits = (struct http_limits){
		.head_bytes = c->config.head_bytes_max,
		.headers = c->config.headers_max,
	};
	http_pool_init(&c->pool, &limits);
	http_link_start(&c->link, NULL, step);
	c->stack = stack;
	*client = c;
	return 0;
}

/* ----------------------------------------------------------- Connections -- */

const char *http_fetch_url(const struct mirage_http_fetch *fetch)
{
	return fetch->location != NULL ? fetch->location : fetch->url;
}

const char *http_fetch_method(const struct mirage_http_fetch *fetch)
{
	return fetch->method == NULL || fetch->as_get ? "GET" : fetch->method;
}

bool http_fetch_streams(const struct mirage_http_fetch *fetch)
{
	return fetch->n_body == 0 && fetch->body_bytes > 0 && !fetch->as_get;
}

bool http_fetch_repeatable(const struct mirage_http_fetch *fetch)
{
	static const char *const idempotent[] = {"GET",	   "HEAD",    "PUT",
						 "DELETE", "OPTIONS", "TRACE"};

	for (size_t i = 0; i < sizeof(idempotent) / sizeof(idempotent[0]); i++)
		if (strcmp(http_fetch_method(fetch), idempotent[i]) == 0)
			return !http_fetch_streams(fetch);
	return false;
}

static bool leads_to(const struct http_peer *peer, const struct http_url *url)
{
	return peer->port == url->port && strcmp(peer->host, url->host) == 0;
}

static bool is_idle(const struct http_peer *peer)
{
	return peer->phase == HTTP_PEER_OPEN && peer->exchange == NULL &&
	       !peer->link.ended && peer->link.error == 0 &&
	       peer->link.n_bytes == 0;
}

/** An idle connection to the host of `url`. Who cannot be tried again does not get
 *  one: it may just be ending. */
static struct http_peer *find_idle(const struct mirage_http_client *c,
				   const struct http_url *url,
				   const struct mirage_http_fetch *fetch)
{
	if (!http_fetch_repeatable(fetch) || fetch->tries > 0)
		return NULL;
	for (struct http_peer *p = c->peers; p != NULL; p = p->next)
		if (is_idle(p) && leads_to(p, url))
			return p;
	return NULL;
}

/** Whether there may be one more to this host; closes an idle one to another for it,
 *  or to the same, which is of no use to who asks. */
static bool make_room(struct mirage_http_client *c, const struct http_url *url)
{
	struct http_peer *idle = NULL, *idle_here = NULL;
	uint32_t here = 0;

	for (struct http_peer *p = c->peers; p != NULL; p = p->next) {
		here += leads_to(p, url);
		if (is_idle(p)) {
			idle = p;
			if (leads_to(p, url))
				idle_here = p;
		}
	}
	if (here < c->config.per_host_max &&
	    c->n_peers < c->config.connections_max)
		return true;
	if (here >= c->config.per_host_max)
		idle = idle_here;
	if (idle != NULL)
		http_peer_leave(idle, false); /* its end is our next turn */
	return false;
}

/** Gives the fetch a connection. Returns false when it has to wait. */
static bool assign(struct mirage_http_client *c,
		   struct mirage_http_fetch *fetch)
{
	struct http_exchange *x = (struct http_exchange *)fetch->exchange;
	struct http_peer *peer;
	struct http_url url;

	if (!http_url_parse(&url, http_fetch_url(fetch))) {
		fetch->result = MIRAGE_EINVAL;
		return true;
	}
	peer = find_idle(c, &url, fetch);
	if (peer == NULL && !make_room(c, &url))
		return false;
	if (peer == NULL)
		peer = http_peer_new(c, &url);
	if (peer == NULL) {
		fetch->result = MIRAGE_ENOMEM;
		return true;
	}
	fetch->state = HTTP_FETCH_GOING;
	http_peer_use(peer, x);
	return true;
}

/** Does one thing for a fetch that waits. Returns whether it did. */
static bool attend(struct mirage_http_client *c,
		   struct mirage_http_fetch *fetch)
{
	struct http_exchange *x = (struct http_exchange *)fetch->exchange;

	if (fetch->state != HTTP_FETCH_QUEUED)
		return false;
	if (fetch->result == 0)
		return assign(c, fetch);
	if (x != NULL && !x->told) {
		x->told = true;
		http_out_drop(x, fetch->result);
	}
	if (x == NULL || !http_out_step(x))
		http_fetch_finish(fetch, fetch->result);
	return true;
}

static void step(struct http_link *link)
{
	struct mirage_http_client *c = (struct mirage_http_client *)link;
	struct mirage_http_fetch *fetch = c->fetches;

	link->stepping = true;
	/* A callback may have changed the list: begin again after each. */
	while (fetch != NULL)
		fetch = attend(c, fetch) ? c->fetches : fetch->next;
	link->stepping = false;
	http_client_ended(c);
}

/* ---------------------------------------------------------------- Fetches -- */

static void check_fetch(const struct mirage_http_fetch *fetch)
{
	const char *wrong = NULL;

	if (fetch->done == NULL)
		wrong = "a fetch without a completion";
	else if (fetch->state != HTTP_FETCH_IDLE)
		wrong = "a fetch was started while it was in flight";
	else if (fetch->n_body > MIRAGE_HTTP_VECTORS_MAX)
		wrong = "a fetch with too many vectors";
	else if (fetch->method != NULL && !http_is_token(fetch->method))
		wrong = "a fetch with a method that is no token";
	if (wrong != NULL)
		mirage_core_broken("LAW-05", wrong);
}

int http_client_queue(struct mirage_http_client *client,
		      struct mirage_http_fetch *fetch)
{
	struct http_exchange *x =
		http_exchange_new(&client->pool, &client->link, true);

	fetch->exchange = x;
	fetch->state = HTTP_FETCH_QUEUED;
	http_link_kick(&client->link);
	if (x == NULL)
		return MIRAGE_ENOMEM;
	x->fetch = fetch;
	x->closing = &client->closing;
	x->head_only = strcmp(http_fetch_method(fetch), "HEAD") == 0;
	http_out_hold(x, http_fetch_streams(fetch) ? fetch->body_bytes : 0);
	return 0;
}

void mirage_http_fetch(struct mirage_http_client *client,
		       struct mirage_http_fetch *fetch)
{
	check_fetch(fetch);
	fetch->client = client;
	fetch->location = NULL;
	fetch->as_get = false;
	fetch->redirects = fetch->tries = 0;
	fetch->status = fetch->n_response_headers = 0;
	fetch->result = client->closing ? MIRAGE_EGONE : 0;
	fetch->next = NULL;
	fetch->previous = client->last;
	if (client->last != NULL)
		client->last->next = fetch;
	else
		client->fetches = fetch;
	client->last = fetch;
	if (http_client_queue(client, fetch) < 0)
		fetch->result = MIRAGE_ENOMEM;
}

void mirage_http_cancel(struct mirage_http_fetch *fetch)
{
	struct http_exchange *x = (struct http_exchange *)fetch->exchange;

	if (fetch->state == HTTP_FETCH_IDLE)
		return;
	if (fetch->result == 0)
		fetch->result = MIRAGE_ECANCELED;
	http_link_kick(x != NULL ? x->link : &fetch->client->link);
}

static struct http_exchange *going(struct mirage_http_fetch *fetch)
{
	if (fetch->state == HTTP_FETCH_IDLE)
		mirage_core_broken("LAW-05",
				   "a fetch was used that is not in flight");
	return (struct http_exchange *)fetch->exchange;
}

void mirage_http_fetch_read(struct mirage_http_fetch *fetch,
			    mirage_flow_read_fn *done, void *arg)
{
	struct http_exchange *x = going(fetch);

	if (x == NULL || !x->headed)
		mirage_core_broken("LAW-05",
				   "a response was read before it had come");
	http_in_read(x, done, arg);
}

void mirage_http_fetch_write(struct mirage_http_fetch *fetch,
			     struct mirage_http_write *write)
{
	http_out_write(going(fetch), write);
}

void mirage_http_fetch_end(struct mirage_http_fetch *fetch)
{
	http_out_end(going(fetch), false);
}

/* ----------------------------------------------------------------- Close -- */

static void on_gone(void *arg)
{
	struct mirage_http_client *c = (struct mirage_http_client *)arg;
	mirage_done_fn *done = c->done;
	void *done_arg = c->done_arg;

	http_link_fini(&c->link);
	http_pool_fini(&c->pool);
	free(c);
	if (done != NULL)
		done(done_arg, 0);
}

void http_client_ended(struct mirage_http_client *client)
{
	if (client->closing && client->peers == NULL &&
	    client->fetches == NULL && !mirage_timer_armed(&client->timer))
		mirage_timer_start(&client->timer, 0, on_gone, client);
}

void http_client_gone(struct http_peer *peer)
{
	struct mirage_http_client *c = peer->client;

	if (peer->previous != NULL)
		peer->previous->next = peer->next;
	else
		c->peers = peer->next;
	if (peer->next != NULL)
		peer->next->previous = peer->previous;
	c->n_peers--;
	free(peer);
	http_link_kick(&c->link);
}

void mirage_http_client_close(struct mirage_http_client *client,
			      mirage_done_fn *done, void *arg)
{
	if (client->closing)
		mirage_core_broken("LAW-05", "a client was closed twice");
	client->closing = true;
	client->done = done;
	client->done_arg = arg;
	for (struct mirage_http_fetch *f = client->fetches; f != NULL;
	     f = f->next)
		mirage_http_cancel(f);
	for (struct http_peer *p = client->peers; p != NULL; p = p->next)
		if (p->phase == HTTP_PEER_OPEN && p->exchange == NULL)
			http_peer_leave(p, false);
	http_link_kick(&client->link);
}
