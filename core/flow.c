/* SPDX-License-Identifier: ISC */
/* The front of every flow: the contract, and the way to the application. */
#include "core.h"

enum flow_state { FLOW_CLOSED = 1, FLOW_ABORTED = 2, FLOW_SHUT = 4 };

static void must_be_open(const struct mirage_flow *flow)
{
	core_must((flow->state & FLOW_CLOSED) == 0, "LAW-05",
		  "a flow was used after it was closed");
}

/* -------------------------------------------------------------- Asking -- */

void mirage_flow_read(struct mirage_flow *flow, mirage_flow_read_fn *done,
		      void *arg)
{
	must_be_open(flow);
	core_must(done != NULL, "LAW-05", "a read without a completion");
	core_must(flow->on_read == NULL, "FLW-05",
		  "a second read before the first had ended");
	flow->on_read = done;
	flow->read_arg = arg;
	flow->ops->read(flow);
}

void mirage_flow_write(struct mirage_flow *flow,
		       struct mirage_flow_write *write)
{
	must_be_open(flow);
	core_must(write->done != NULL, "LAW-05",
		  "a write without a completion");
	core_must(write->flow == NULL, "LAW-05",
		  "a write was submitted while it was in flight");
	write->flow = flow;
	write->next = NULL;
	write->length_bytes = 0;
	for (uint32_t i = 0; i < write->n_vectors; i++)
		write->length_bytes += write->vectors[i].length_bytes;
	flow->writes++;
	flow->ops->write(flow, write);
}

void mirage_flow_shutdown(struct mirage_flow *flow)
{
	must_be_open(flow);
	if ((flow->state & FLOW_SHUT) != 0)
		return;
	flow->state |= FLOW_SHUT;
	flow->ops->shutdown(flow);
}

void mirage_flow_close(struct mirage_flow *flow)
{
	must_be_open(flow);
	flow->state |= FLOW_CLOSED;
	flow->ops->close(flow);
}

void mirage_flow_abort(struct mirage_flow *flow)
{
	core_must((flow->state & FLOW_ABORTED) == 0, "LAW-05",
		  "a flow was aborted twice");
	core_must((flow->state & FLOW_CLOSED) == 0 || flow->writes > 0,
		  "LAW-05", "a flow was aborted after its end");
	flow->state |= FLOW_CLOSED | FLOW_ABORTED;
	flow->ops->abort(flow);
}

int mirage_flow_nodelay(struct mirage_flow *flow, bool nodelay)
{
	must_be_open(flow);
	return MIRAGE_HAS(flow->ops, nodelay)
		       ? flow->ops->nodelay(flow, nodelay)
		       : MIRAGE_ENOTSUP;
}

int mirage_flow_keepalive(struct mirage_flow *flow, uint64_t idle_ns)
{
	must_be_open(flow);
	return MIRAGE_HAS(flow->ops, keepalive)
		       ? flow->ops->keepalive(flow, idle_ns)
		       : MIRAGE_ENOTSUP;
}

/* ----------------------------------------------------------- Answering -- */

bool mirage_core_flow_reading(const struct mirage_flow *flow)
{
	return flow->on_read != NULL;
}

void mirage_core_flow_read_done(struct mirage_flow *flow, int result,
				const void *bytes)
{
	mirage_flow_read_fn *done = flow->on_read;

	if (done == NULL || !core_enter_upper())
		return;
	flow->on_read = NULL;
	done(flow->read_arg, result, bytes);
	core_leave();
}

void mirage_core_flow_write_done(struct mirage_flow_write *write, int result)
{
	core_must(write->flow != NULL, "LAW-01",
		  "a write was completed that was not in flight");
	if (!core_enter_upper())
		return;
	write->flow->writes--;
	write->flow = NULL;
	write->done(write->arg, result);
	core_leave();
}
