/* SPDX-License-Identifier: ISC */
/*
 * A connection, and the order in which connections get their turn. What happens to
 * a link asks for a step; steps are made when the callback from outside that we are
 * in has done its own, or, when we are not in one, by a timer that is due at once.
 */
#include "http.h"

#include <string.h>

static struct http_link *first, **last = &first;
static struct mirage_timer turn;
static unsigned depth;

static void run_ready(void)
{
	while (first != NULL) {
		struct http_link *link = first;

		first = link->next_ready;
		if (first == NULL)
			last = &first;
		link->ready = false;
		link->step(link);
	}
}

void http_enter(void)
{
	depth++;
}

void http_leave(void)
{
	if (depth == 1)
		run_ready();
	depth--;
}

static void on_turn(void *arg)
{
	http_enter();
	http_leave();
}

void http_link_kick(struct http_link *link)
{
	if (link->ready || link->stepping)
		return;
	link->ready = true;
	link->next_ready = NULL;
	*last = link;
	last = &link->next_ready;
	if (depth == 0 && !mirage_timer_armed(&turn))
		mirage_timer_start(&turn, 0, on_turn, NULL);
}

/* -------------------------------------------------------------- Patience -- */

static void on_deadline(void *arg)
{
	struct http_link *link = (struct http_link *)arg;
	uint64_t now;

	if (link->deadline_ns == HTTP_NEVER)
		return;
	now = mirage_clock_monotonic_ns();
	if (now < link->deadline_ns) {
		link->armed_ns = link->deadline_ns;
		mirage_timer_start(&link->timer, link->armed_ns, on_deadline,
				   link);
		return;
	}
	link->late = true;
	link->deadline_ns = HTTP_NEVER;
	http_enter();
	http_link_kick(link);
	http_leave();
}

void http_link_deadline(struct http_link *link, uint64_t deadline_ns)
{
	/* Deadlines mostly move away: the timer may fire early and look again. */
	link->deadline_ns = deadline_ns;
	if (deadline_ns == HTTP_NEVER ||
	    (mirage_timer_armed(&link->timer) && link->armed_ns <= deadline_ns))
		return;
	link->armed_ns = deadline_ns;
	mirage_timer_start(&link->timer, deadline_ns, on_deadline, link);
}

/* ------------------------------------------------------------------ Flow -- */

void http_link_start(struct http_link *link, struct mirage_flow *flow,
		     void (*step)(struct http_link *link))
{
	memset(link, 0, sizeof(*link));
	link->flow = flow;
	link->step = step;
	link->deadline_ns = HTTP_NEVER;
	link->bytes = "";
}

static void on_read(void *arg, int result, const void *bytes)
{
	struct http_link *link = (struct http_link *)arg;

	link->reading = false;
	if (result > 0) {
		link->bytes = (const char *)bytes;
		link->n_bytes = (uint32_t)result;
	} else if (result == 0) {
		link->ended = true;
	} else if (link->error == 0) {
		link->error = result;
	}
	http_enter();
	http_link_kick(link);
	http_leave();
}

void http_link_read(struct http_link *link)
{
	if (link->reading || link->n_bytes > 0 || link->ended ||
	    link->error != 0 || link->flow == NULL)
		return;
	link->reading = true;
	mirage_flow_read(link->flow, on_read, link);
}

void http_link_used(struct http_link *link, size_t bytes)
{
	link->bytes += bytes;
	link->n_bytes -= (uint32_t)bytes;
}

void http_link_write(struct http_link *link, struct mirage_flow_write *write)
{
	link->writes++;
	mirage_flow_write(link->flow, write);
}

void http_link_close(struct http_link *link, bool abort)
{
	struct mirage_flow *flow = link->flow;

	if (flow == NULL)
		return;
	link->flow = NULL;
	link->n_bytes = 0;
	if (link->error == 0)
		link->error = MIRAGE_ECANCELED;
	if (abort)
		mirage_flow_abort(flow);
	else
		mirage_flow_close(flow);
}

bool http_link_quiet(const struct http_link *link)
{
	return link->flow == NULL && !link->reading && link->writes == 0;
}

void http_link_fini(struct http_link *link)
{
	struct http_link **at = &first;

	mirage_timer_cancel(&link->timer);
	if (!link->ready)
		return;
	while (*at != link)
		at = &(*at)->next_ready;
	*at = link->next_ready;
	if (*at == NULL)
		last = at;
	link->ready = false;
}
