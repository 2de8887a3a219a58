/* SPDX-License-Identifier: ISC */
/* A connection of the client: from a name to a flow, and its idle time. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

static void step(struct http_link *link);

struct http_peer *http_peer_new(struct mirage_http_client *client,
				const struct http_url *url)
{
	struct http_peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	http_link_start(&p->link, NULL, step);
	p->client = client;
	p->port = url->port;
	memcpy(p->host, url->host, sizeof(p->host));
	p->phase = HTTP_PEER_NEW;
	p->next = client->peers;
	if (p->next != NULL)
		p->next->previous = p;
	client->peers = p;
	client->n_peers++;
	return p;
}

void http_peer_use(struct http_peer *peer, struct http_exchange *x)
{
	peer->exchange = x;
	x->link = &peer->link;
	if (peer->phase == HTTP_PEER_OPEN) {
		peer->reused = true;
		http_fetch_send(peer);
	}
	http_link_kick(&peer->link);
}

void http_peer_leave(struct http_peer *peer, bool abort)
{
	if (peer->phase == HTTP_PEER_RESOLVING && peer->waits)
		mirage_resolve_cancel(&peer->resolve);
	if (peer->phase == HTTP_PEER_CONNECTING && peer->waits)
		mirage_tcp_cancel(&peer->connect);
	peer->phase = HTTP_PEER_LEAVING;
	http_link_close(&peer->link, abort);
	http_link_kick(&peer->link);
}

/* ------------------------------------------------------------- Connecting -- */

static void on_resolved(void *arg, int result)
{
	struct http_peer *p = (struct http_peer *)arg;

	http_enter();
	p->waits = false;
	if (result < 0)
		p->failure = result;
	else
		p->n_ips = (uint32_t)result;
	if (p->phase == HTTP_PEER_RESOLVING)
		p->phase = HTTP_PEER_RESOLVED;
	p->ip = 0;
	http_link_kick(&p->link);
	http_leave();
}

static void resolve(struct http_peer *p)
{
	p->phase = HTTP_PEER_RESOLVING;
	p->waits = true;
	p->resolve = (struct mirage_resolve){
		.name = p->host,
		.n_ips = HTTP_IPS_MAX,
		.ips = p->ips,
		.done = on_resolved,
		.arg = p,
	};
	mirage_resolve(p->client->stack, &p->resolve);
}

static void on_connected(void *arg, int result, struct mirage_flow *flow)
{
	struct http_peer *p = (struct http_peer *)arg;

	http_enter();
	p->waits = false;
	if (result == 0 && p->phase == HTTP_PEER_LEAVING) {
		mirage_flow_abort(flow);
	} else if (result == 0) {
		p->link.flow = flow;
		p->phase = HTTP_PEER_OPEN;
		http_fetch_send(p);
	} else {
		p->failure = result;
		if (p->phase == HTTP_PEER_CONNECTING)
			p->phase = HTTP_PEER_RESOLVED;
	}
	http_link_kick(&p->link);
	http_leave();
}

static void connect_next(struct http_peer *p)
{
	p->phase = HTTP_PEER_CONNECTING;
	p->waits = true;
	p->connect = (struct mirage_tcp_connect){
		.to = {.ip = p->ips[p->ip++], .port = p->port},
		.timeout_ns = p->client->config.connect_ns,
		.done = on_connected,
		.arg = p,
	};
	mirage_tcp_connect(p->client->stack, &p->connect);
}

/* ------------------------------------------------------------------ Step -- */

static bool idle(struct http_peer *p)
{
	struct http_link *link = &p->link;

	/* A server that says something unasked is not one to go on with. */
	if (link->late || link->ended || link->error != 0 ||
	    link->n_bytes > 0 || p->client->closing) {
		http_peer_leave(p, link->error != 0);
		return false;
	}
	http_link_read(link);
	return false;
}

static bool advance(struct http_peer *p)
{
	const struct http_exchange *x = p->exchange;

	if (x == NULL)
		return p->phase != HTTP_PEER_LEAVING && idle(p);
	if (x->fetch->result != 0 && !x->failed)
		http_fetch_fail(p, x->fetch->result);
	if (p->phase >= HTTP_PEER_OPEN)
		return http_fetch_advance(p);
	if (p->phase == HTTP_PEER_NEW)
		resolve(p);
	else if (p->phase == HTTP_PEER_RESOLVED && p->ip < p->n_ips)
		connect_next(p);
	else if (p->phase == HTTP_PEER_RESOLVED)
		http_fetch_fail(p, p->failure);
	return x->failed;
}

static uint64_t deadline_ns(const struct http_peer *p)
{
	if (p->phase != HTTP_PEER_OPEN)
		return HTTP_NEVER;
	if (p->exchange == NULL)
		return http_after(p->since_ns, p->client->config.idle_ns);
	return http_fetch_deadline_ns(p);
}

static void step(struct http_link *link)
{
	struct http_peer *p = (struct http_peer *)link;

	link->stepping = true;
	if (link->late && mirage_clock_monotonic_ns() < deadline_ns(p))
		link->late = false;
	if (link->late && p->exchange != NULL)
		http_fetch_late(p);
	while (advance(p))
		;
	link->late = false;
	link->stepping = false;
	if (p->phase == HTTP_PEER_LEAVING && p->exchange == NULL && !p->waits &&
	    http_link_quiet(link)) {
		http_link_fini(link);
		http_client_gone(p);
		return;
	}
	http_link_deadline(link, deadline_ns(p));
}
