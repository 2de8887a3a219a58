/* SPDX-License-Identifier: ISC */
#include "fake_stack.h"

#include <string.h>

struct fake_stack it;

/* ----------------------------------------------------------- The stack -- */

static void op_connect(struct mirage_stack *stack,
		       struct mirage_tcp_connect *connect)
{
	it.connects++;
	it.connect = connect;
}

static void op_cancel(struct mirage_tcp_connect *connect)
{
	it.cancels++;
}

static int op_listen(struct mirage_stack *stack,
		     const struct mirage_endpoint *at, uint32_t backlog,
		     struct mirage_listener **listener)
{
	it.listener = (struct mirage_listener){.local = *at};
	*listener = &it.listener;
	return 0;
}

static void op_accept(struct mirage_listener *listener)
{
	it.accepts++;
}

static void op_unlisten(struct mirage_listener *listener)
{
	it.unlistens++;
}

static int op_udp_open(struct mirage_stack *stack,
		       const struct mirage_endpoint *at,
		       struct mirage_udp **udp)
{
	it.udp = (struct mirage_udp){.local = *at};
	*udp = &it.udp;
	return 0;
}

static int op_udp_send(struct mirage_udp *udp,
		       const struct mirage_endpoint *from,
		       const struct mirage_endpoint *to,
		       const struct mirage_vector vectors[], size_t n)
{
	it.sends++;
	return 0;
}

static void op_udp_close(struct mirage_udp *udp)
{
	it.udp_closes++;
}

static void op_resolve(struct mirage_stack *stack,
		       struct mirage_resolve *resolve)
{
	it.resolves++;
	it.resolve = resolve;
}

static void op_resolve_cancel(struct mirage_resolve *resolve)
{
	it.resolve_cancels++;
}

static void op_close(struct mirage_stack *stack)
{
	it.closes++;
}

static const struct mirage_stack_ops stack_ops = {
	.size = sizeof stack_ops,
	.connect = op_connect,
	.cancel = op_cancel,
	.listen = op_listen,
	.accept = op_accept,
	.unlisten = op_unlisten,
	.udp_open = op_udp_open,
	.udp_send = op_udp_send,
	.udp_close = op_udp_close,
	.resolve = op_resolve,
	.resolve_cancel = op_resolve_cancel,
	.close = op_close,
};

static void op_read(struct mirage_flow *flow)
{
	it.reads++;
}

static void op_write(struct mirage_flow *flow, struct mirage_flow_write *write)
{
	it.writes[it.n_writes++] = write;
}

static void op_shutdown(struct mirage_flow *flow)
{
	it.shutdowns++;
}

static void op_flow_close(struct mirage_flow *flow)
{
	it.closes++;
}

static void op_abort(struct mirage_flow *flow)
{
	it.aborts++;
}

static const struct mirage_flow_ops flow_ops = {
	.size = sizeof flow_ops,
	.read = op_read,
	.write = op_write,
	.shutdown = op_shutdown,
	.close = op_flow_close,
	.abort = op_abort,
};

void fake_stack_reset(void)
{
	memset(&it, 0, sizeof it);
	it.stack.ops = &stack_ops;
	it.stack.info = &it.info;
	it.stack.counters = &it.counters;
	it.flow.ops = &flow_ops;
}
