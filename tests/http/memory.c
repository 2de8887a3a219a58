/* SPDX-License-Identifier: ISC */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static void on_timer(void *arg);

static struct memory_flow *of(struct mirage_flow *flow)
{
	return (struct memory_flow *)flow;
}

void memory_kick(struct memory_flow *flow)
{
	if (!mirage_timer_armed(&flow->timer))
		mirage_timer_start(&flow->timer, 0, on_timer, flow);
}

bool memory_quiet(const struct memory_flow *flow)
{
	return flow->closed && !flow->reading && flow->first == NULL;
}

void memory_free(struct memory_flow *flow)
{
	mirage_timer_cancel(&flow->timer);
	free(flow->lent);
	free(flow->in);
	free(flow->out);
	free(flow);
}

/* --------------------------------------------------------------- Reading -- */

/** A copy in memory of its own, so that a use after the next read is seen. */
static void lend(struct memory_flow *flow, const uint8_t *bytes, size_t n)
{
	free(flow->lent);
	flow->lent = malloc(n);
	memcpy(flow->lent, bytes, n);
	flow->lent_bytes = n;
}

static void answer_read(struct memory_flow *flow)
{
	size_t n = flow->n_in - flow->read;

	if (!flow->reading)
		return;
	if (flow->closed || flow->broken) {
		flow->reading = false;
		mirage_core_flow_read_done(
			&flow->flow,
			flow->broken ? MIRAGE_ERESET : MIRAGE_ECANCELED, NULL);
		return;
	}
	if (n == 0 && !flow->in_ended && !flow->in_reset)
		return;
	if (flow->split > 0 && n > flow->split)
		n = flow->split;
	flow->reading = false;
	if (n == 0) {
		mirage_core_flow_read_done(
			&flow->flow, flow->in_reset ? MIRAGE_ERESET : 0, NULL);
		return;
	}
	lend(flow, flow->in + flow->read, n);
	flow->read += n;
	mirage_core_flow_read_done(&flow->flow, (int)n, flow->lent);
}

static void op_read(struct mirage_flow *flow)
{
	/* What was lent before is the flow's again. */
	if (of(flow)->lent != NULL)
		memset(of(flow)->lent, 0xdd, of(flow)->lent_bytes);
	of(flow)->reading = true;
	memory_kick(of(flow));
}

void memory_send(struct memory_flow *flow, const void *bytes, size_t n)
{
	if (flow->n_in + n > MEMORY_BYTES)
		abort();
	memcpy(flow->in + flow->n_in, bytes, n);
	flow->n_in += n;
	memory_kick(flow);
}

/* --------------------------------------------------------------- Writing -- */

static void put(struct memory_flow *flow, const uint8_t *bytes, size_t n)
{
	if (flow->other != NULL) {
		memory_send(flow->other, bytes, n);
		return;
	}
	if (flow->n_out + n > MEMORY_BYTES)
		abort();
	memcpy(flow->out + flow->n_out, bytes, n);
	flow->n_out += n;
}

/** Takes as much of `write` as there is room for. Returns whether that is all. */
static bool take(struct memory_flow *flow,
		 const struct mirage_flow_write *write)
{
	uint64_t skip = flow->taken;

	for (uint32_t i = 0; i < write->n_vectors; i++) {
		size_t n = write->vectors[i].length_bytes;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n -= (size_t)skip;
		if (n > flow->room)
			n = flow->room;
		put(flow, (const uint8_t *)write->vectors[i].base + skip, n);
		skip = 0;
		flow->room -= n;
		flow->taken += n;
	}
	return flow->taken == write->length_bytes;
}

static void write_done(struct memory_flow *flow, int result)
{
	struct mirage_flow_write *write = flow->first;

	flow->first = write->next;
	if (flow->first == NULL)
		flow->last = &flow->first;
	flow->taken = 0;
	mirage_core_flow_write_done(write, result);
}

static void answer_writes(struct memory_flow *flow)
{
	while (flow->first != NULL) {
		if (flow->aborted || flow->broken || flow->deaf)
			write_done(flow, flow->aborted ? MIRAGE_ECANCELED
						       : MIRAGE_ERESET);
		else if (take(flow, flow->first))
			write_done(flow, 0);
		else
			return;
	}
}

static void op_write(struct mirage_flow *flow, struct mirage_flow_write *write)
{
	*of(flow)->last = write;
	of(flow)->last = &write->next;
	memory_kick(of(flow));
}

/* ------------------------------------------------------------------ Ends -- */

static void tell_other(struct memory_flow *flow)
{
	struct memory_flow *other = flow->other;

	if (other == NULL || flow->first != NULL || !flow->out_ended)
		return;
	if (flow->closed)
		other->other = flow->other = NULL;
	else if (other->in_ended)
		return; /* it knows */
	other->in_ended = true;
	if (flow->aborted)
		other->in_reset = other->deaf = true;
	memory_kick(other);
}

static void op_shutdown(struct mirage_flow *flow)
{
	of(flow)->out_ended = true;
	memory_kick(of(flow));
}

static void op_close(struct mirage_flow *flow)
{
	of(flow)->out_ended = of(flow)->closed = true;
	memory_kick(of(flow));
}

static void op_abort(struct mirage_flow *flow)
{
	of(flow)->aborted = true;
	op_close(flow);
}

static void on_timer(void *arg)
{
	struct memory_flow *flow = (struct memory_flow *)arg;

	answer_writes(flow);
	tell_other(flow);
	answer_read(flow);
	if (flow->reading && flow->read < flow->n_in) {
		memory_kick(flow);
	} else if (flow->owned && memory_quiet(flow)) {
		tell_other(flow); /* it may have been closed just now */
		memory_free(flow);
	}
}

static const struct mirage_flow_ops ops = {
	.size = sizeof(ops),
	.read = op_read,
	.write = op_write,
	.shutdown = op_shutdown,
	.close = op_close,
	.abort = op_abort,
};

struct memory_flow *memory_flow_new(void)
{
	struct memory_flow *flow = calloc(1, sizeof(*flow));

	flow->flow.ops = &ops;
	flow->in = malloc(MEMORY_BYTES);
	flow->out = malloc(MEMORY_BYTES);
	flow->room = SIZE_MAX;
	flow->last = &flow->first;
	flow->flow.peer.ip.version = 4;
	flow->flow.peer.ip.bytes[0] = 10;
	return flow;
}

void memory_pair(struct memory_flow **a, struct memory_flow **b)
{
	*a = memory_flow_new();
	*b = memory_flow_new();
	(*a)->other = *b;
	(*b)->other = *a;
	(*a)->owned = (*b)->owned = true;
}

/* ----------------------------------------------------------------- Stack -- */

int (*memory_on_connect)(const struct mirage_endpoint *to,
			 struct memory_flow *theirs);
int memory_lookup_result = 1;
unsigned memory_lookups, memory_connects;

/** A connect or a lookup that takes a turn. */
struct pending {
	struct mirage_timer timer;
	struct mirage_tcp_connect *connect;
	struct mirage_resolve *resolve;
	int result;
};

static void on_pending(void *arg)
{
	struct pending *p = (struct pending *)arg;
	struct pending copy = *p;
	struct memory_flow *ours = NULL, *theirs = NULL;

	free(p);
	if (copy.resolve != NULL) {
		mirage_core_resolved(copy.resolve, copy.result);
		return;
	}
	if (copy.result == 0) {
		memory_pair(&ours, &theirs);
		copy.result = memory_on_connect(&copy.connect->to, theirs);
	}
	if (copy.result < 0 && ours != NULL) {
		memory_free(ours);
		memory_free(theirs);
		ours = NULL;
	}
	mirage_core_tcp_connected(copy.connect, copy.result,
				  ours == NULL ? NULL : &ours->flow);
}

static struct pending *pend(int result)
{
	struct pending *p = calloc(1, sizeof(*p));

	p->result = result;
	mirage_timer_start(&p->timer, mirage_clock_monotonic_ns() + 1000000,
			   on_pending, p);
	return p;
}

static void stack_connect(struct mirage_stack *stack,
			  struct mirage_tcp_connect *connect)
{
	struct pending *p = pend(0);

	memory_connects++;
	p->connect = connect;
	connect->implementation[0] = (uint64_t)(uintptr_t)p;
}

static void stack_cancel(struct mirage_tcp_connect *connect)
{
	struct pending *p =
		(struct pending *)(uintptr_t)connect->implementation[0];

	p->result = MIRAGE_ECANCELED;
}

static void stack_resolve(struct mirage_stack *stack,
			  struct mirage_resolve *resolve)
{
	struct pending *p = pend(memory_lookup_result);

	memory_lookups++;
	p->resolve = resolve;
	resolve->implementation[0] = (uint64_t)(uintptr_t)p;
	for (int i = 0; i < memory_lookup_result; i++)
		resolve->ips[i] = (struct mirage_ip){
			.bytes = {10, 0, 0, (uint8_t)(i + 1)}, .version = 4};
}

static void stack_resolve_cancel(struct mirage_resolve *resolve)
{
	struct pending *p =
		(struct pending *)(uintptr_t)resolve->implementation[0];

	p->result = MIRAGE_ECANCELED;
}

static const struct mirage_stack_ops stack_ops = {
	.size = sizeof(stack_ops),
	.connect = stack_connect,
	.cancel = stack_cancel,
	.resolve = stack_resolve,
	.resolve_cancel = stack_resolve_cancel,
};

struct mirage_stack memory_stack = {.ops = &stack_ops, .state = 1};
