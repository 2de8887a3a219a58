/* SPDX-License-Identifier: ISC */
/* The host's sockets as a stack: opening, and closing all that came of it. */
#include "stack.h"

static bool queued(const struct unix_stack *s)
{
	const struct unix_listener *l;

	LIST_FOREACH(l, &s->listeners, of_stack)
	if (l->kick.queued)
		return true;
	return false;
}

static void free_ports(struct unix_stack *s)
{
	struct unix_listener *l;
	struct unix_udp *u;

	while ((l = LIST_FIRST(&s->listeners)) != NULL) {
		LIST_REMOVE(l, of_stack);
		free(l);
	}
	while ((u = LIST_FIRST(&s->udps)) != NULL) {
		LIST_REMOVE(u, of_stack);
		free(u);
	}
}

/* Everything in flight was answered before, by kicks that were queued before. */
static void unix_stack_turn(struct unix_kick *kick)
{
	struct unix_stack *s = UNIX_HOLDER(struct unix_stack, kick, kick);

	if (queued(s)) {
		unix_kick(kick);
		return;
	}
	mirage_core_stack_closed(&s->stack);
	free_ports(s);
	free(s);
}

static void unix_stack_close(struct mirage_stack *stack)
{
	struct unix_stack *s = (struct unix_stack *)stack;
	struct unix_flow *f, *next;
	struct unix_listener *l;
	struct unix_lookup *lookup;
	struct unix_udp *u;

	for (f = LIST_FIRST(&s->flows); f != NULL; f = next) {
		next = LIST_NEXT(f, of_stack);
		unix_flow_doom(f);
	}
	LIST_FOREACH(l, &s->listeners, of_stack)
	unix_tcp_doom(l);
	LIST_FOREACH(u, &s->udps, of_stack)
	unix_udp_doom(u);
	LIST_FOREACH(lookup, &s->lookups, of_stack)
	unix_resolve_end(lookup, MIRAGE_EGONE);
	unix_kick(&s->kick);
}

static const struct mirage_stack_ops stack_ops = {
	.size = sizeof(stack_ops),
	.connect = unix_tcp_connect,
	.cancel = unix_tcp_cancel,
	.listen = unix_tcp_listen,
	.accept = unix_tcp_accept,
	.unlisten = unix_tcp_unlisten,
	.udp_open = unix_udp_open,
	.udp_send = unix_udp_send,
	.udp_close = unix_udp_close,
	.resolve = unix_resolve,
	.resolve_cancel = unix_resolve_cancel,
	.close = unix_stack_close,
};

void unix_stack_open(struct mirage_open *open)
{
	struct unix_stack *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "out of memory");
		return;
	}
	s->stack.ops = &stack_ops;
	s->stack.info = &s->info;
	s->stack.counters = &s->counters;
	s->info.size = sizeof(s->info);
	s->counters.size = sizeof(s->counters);
	s->kick.run = unix_stack_turn;
	mirage_core_stack_opened(open, 0, &s->stack);
}
