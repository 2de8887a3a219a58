/* SPDX-License-Identifier: ISC */
/* What is done of flows before frames leave, all of it at once: so the application's
 * writes of one turn share segments, and its reads one acknowledgement. */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

#define LINGER_NS UINT64_C(30000000000)

static struct tcpip_flow *dirty, **dirty_end = &dirty;

void tcpip_flow_dirty(struct tcpip_flow *flow)
{
	if (flow->dirty)
		return;
	flow->dirty = true;
	flow->next_dirty = NULL;
	*dirty_end = flow;
	dirty_end = &flow->next_dirty;
}

void tcpip_flow_undirty(struct tcpip_flow *flow)
{
	struct tcpip_flow **at = &dirty;

	if (!flow->dirty)
		return;
	while (*at != flow)
		at = &(*at)->next_dirty;
	*at = flow->next_dirty;
	if (dirty_end == &flow->next_dirty)
		dirty_end = at;
	flow->dirty = false;
}

/** Gives the window what was read, and more when the reader keeps up. */
static void open_window(struct tcpip_flow *flow)
{
	struct tcp_pcb *pcb = flow->pcb;
	uint32_t n = flow->consumed;
	uint16_t last;

	if (n == 0)
		return;
	flow->consumed = 0;
	flow->used += n;
	if (flow->used >= flow->window && flow->window < TCP_WND_MAX(pcb)) {
		uint32_t more = flow->window;

		if (more > TCP_WND_MAX(pcb) - flow->window)
			more = TCP_WND_MAX(pcb) - flow->window;
		flow->window += more;
		flow->used = 0;
		n += more;
	}
	last = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
	pcb->rcv_wnd += n - last; /* tcp_recved sees to the bound */
	if (pcb->rcv_wnd > TCP_WND_MAX(pcb))
		pcb->rcv_wnd = TCP_WND_MAX(pcb);
	tcp_recved(pcb, last);
}

static void on_linger(void *arg)
{
	struct tcpip_flow *flow = arg;

	tcpip_enter();
	if (flow->error == 0)
		flow->error = MIRAGE_ETIMEDOUT;
	tcpip_flow_reset(flow);
	tcpip_flow_queue(flow);
	tcpip_leave();
}

/** Gives the peer of a flow that is closed some time for its end of it. */
void tcpip_flow_linger(struct tcpip_flow *flow)
{
	mirage_timer_start(&flow->timer,
			   mirage_clock_monotonic_ns() + LINGER_NS, on_linger,
			   flow);
}

/** Ends our stream once all of it is with lwIP. */
static void end_stream(struct tcpip_flow *flow)
{
	if (!flow->shut || flow->fin || flow->to_feed != NULL)
		return;
	tcp_shutdown(flow->pcb, 0, 1); /* without memory lwIP tries again */
	flow->fin = true;
	if (flow->closed && flow->pcb != NULL)
		tcpip_flow_linger(flow);
}

static bool established(const struct tcp_pcb *pcb)
{
	return pcb->state != CLOSED && pcb->state != SYN_SENT &&
	       pcb->state != TIME_WAIT;
}

void tcpip_flows_output(void)
{
	while (dirty != NULL) {
		struct tcpip_flow *flow = dirty;
		struct tcp_pcb *pcb = flow->pcb;
		uint64_t exhausted = tcpip_exhausted;

		dirty = flow->next_dirty;
		if (dirty == NULL)
			dirty_end = &dirty;
		flow->dirty = false;
		if (pcb == NULL || !established(pcb))
			continue;
		flow->starved = !tcpip_flow_feed(flow);
		end_stream(flow);
		if (flow->pcb != NULL)
			open_window(flow);
		if (flow->pcb != NULL)
			tcp_output(pcb);
		flow->stack->counters.tx_dropped_memory +=
			tcpip_exhausted - exhausted;
	}
}

bool tcpip_flows_starved(void)
{
	bool any = false;
	struct tcpip_stack *stack = tcpip_stacks;

	for (; stack != NULL; stack = stack->next)
		for (struct tcpip_flow *f = stack->flows; f != NULL;
		     f = f->next)
			if (f->starved && f->pcb != NULL) {
				tcpip_flow_dirty(f);
				any = true;
			}
	return any;
}
