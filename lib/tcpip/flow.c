/* SPDX-License-Identifier: ISC */
/*
 * TCP connections as flows. What lwIP tells is noted and the flow queued; its task
 * then answers reads and completes writes. What the application asks for between is
 * done all at once, by `tcpip_flows_output`, so that it leaves in as few segments as
 * it can.
 */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

#include <string.h>

/* A receive window begins with this and doubles when it is used up, to TCP_WND: who
 * does not read holds little. */
enum { WINDOW_START = 65535 };
enum { RTO_START_MS = 1000 };

#define NS_PER_MS UINT64_C(1000000)

static struct tcpip_flow *flow_of(struct mirage_flow *flow)
{
	return (struct tcpip_flow *)flow;
}

/* ------------------------------------------------------- Life of a flow -- */

struct tcpip_flow *tcpip_flow_new(struct tcpip_stack *stack)
{
	struct tcpip_flow *flow = tcpip_alloc(sizeof *flow);

	if (flow == NULL)
		return NULL;
	flow->flow.ops = &tcpip_flow_ops;
	flow->stack = stack;
	flow->unread_end = &flow->unread;
	flow->writes_end = &flow->writes;
	flow->next = stack->flows;
	if (flow->next != NULL)
		flow->next->previous = flow;
	stack->flows = flow;
	return flow;
}

static void flow_free(struct tcpip_flow *flow)
{
	if (flow->previous != NULL)
		flow->previous->next = flow->next;
	else
		flow->stack->flows = flow->next;
	if (flow->next != NULL)
		flow->next->previous = flow->previous;
	mirage_timer_cancel(&flow->timer);
	tcpip_flow_undirty(flow);
	tcpip_task_drop(&flow->task);
	tcpip_free(flow);
}

/** Throws away what was not read. */
static void drop_unread(struct tcpip_flow *flow)
{
	while (flow->unread != NULL) {
		struct pbuf *p = flow->unread;

		flow->unread = p->next;
		p->next = NULL;
		flow->consumed += p->len;
		pbuf_free(p);
	}
	flow->unread_end = &flow->unread;
}

static void give_back_lent(struct tcpip_flow *flow)
{
	if (flow->lent == NULL)
		return;
	flow->consumed += flow->lent->len;
	pbuf_free(flow->lent);
	flow->lent = NULL;
	if (flow->pcb != NULL)
		tcpip_flow_dirty(flow);
}

/** lwIP and the flow forget each other. */
static void detach(struct tcpip_flow *flow)
{
	struct tcp_pcb *pcb = flow->pcb;

	flow->pcb = NULL;
	if (pcb == NULL)
		return;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_ext_arg_set(pcb, 0, NULL);
}

void tcpip_flow_reset(struct tcpip_flow *flow)
{
	struct tcp_pcb *pcb = flow->pcb;

	detach(flow);
	if (pcb != NULL && pcb->state != TIME_WAIT)
		tcp_abort(pcb);
}

void tcpip_flow_discard(struct tcpip_flow *flow)
{
	tcpip_flow_reset(flow);
	drop_unread(flow);
	flow_free(flow);
}

void tcpip_flow_break(struct tcpip_flow *flow, int error)
{
	if (flow->connect != NULL) {
		tcpip_task_drop(&flow->task);
		tcpip_connect_end(flow, error);
		return;
	}
	if (flow->listener != NULL)
		return; /* its listener discards it */
	if (flow->error == 0)
		flow->error = error;
	tcpip_flow_reset(flow);
	drop_unread(flow);
	give_back_lent(flow);
	tcpip_flow_queue(flow);
}

/* -------------------------------------------------------------- Answering -- */

static void answer_read(struct tcpip_flow *flow)
{
	struct pbuf *p = flow->unread;

	if (!mirage_core_flow_reading(&flow->flow))
		return;
	if (flow->closed) {
		mirage_core_flow_read_done(&flow->flow,
					   flow->error == MIRAGE_EGONE
						   ? MIRAGE_EGONE
						   : MIRAGE_ECANCELED,
					   NULL);
	} else if (p != NULL) {
		flow->unread = p->next;
		if (flow->unread == NULL)
			flow->unread_end = &flow->unread;
		p->next = NULL;
		flow->lent = p;
		mirage_core_flow_read_done(&flow->flow, p->len, p->payload);
	} else if (flow->error != 0) {
		mirage_core_flow_read_done(&flow->flow, flow->error, NULL);
	} else if (flow->ended) {
		mirage_core_flow_read_done(&flow->flow, 0, NULL);
	}
}

static bool readable(const struct tcpip_flow *flow)
{
	return flow->unread != NULL || flow->error != 0 || flow->ended ||
	       flow->closed;
}

/** Whether the peer has all of our stream, or never will. */
static bool finished(const struct tcpip_flow *flow)
{
	const struct tcp_pcb *pcb = flow->pcb;

	return flow->closed && flow->writes == NULL &&
	       !mirage_core_flow_reading(&flow->flow) &&
	       (pcb == NULL || pcb->state == TIME_WAIT);
}

static void flow_run(struct tcpip_task *task)
{
	struct tcpip_flow *flow =
		(struct tcpip_flow *)((char *)task -
				      offsetof(struct tcpip_flow, task));

	tcpip_flow_complete(flow);
	while (mirage_core_flow_reading(&flow->flow) && readable(flow) &&
	       !mirage_core_ended())
		answer_read(flow);
	if (flow->pcb != NULL && flow->to_feed != NULL)
		tcpip_flow_dirty(flow);
	if (!finished(flow))
		return;
	detach(flow);
	flow_free(flow);
}

void tcpip_flow_queue(struct tcpip_flow *flow)
{
	tcpip_task_queue(&flow->task, flow_run);
}

/* ---------------------------------------------------- What lwIP tells us -- */

/** Appends the pieces of `p`, each by itself. */
static void keep(struct tcpip_flow *flow, struct pbuf *p)
{
	while (p != NULL) {
		struct pbuf *next = p->next;

		p->next = NULL;
		p->tot_len = p->len;
		if (p->len == 0) {
			pbuf_free(p);
		} else {
			*flow->unread_end = p;
			flow->unread_end = &p->next;
		}
		p = next;
	}
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct tcpip_flow *flow = arg;

	if (flow == NULL) {
		if (p != NULL)
			pbuf_free(p);
		return ERR_OK;
	}
	if (p == NULL)
		flow->ended = true;
	keep(flow, p);
	if (flow->closed) {
		drop_unread(flow);
		tcpip_flow_dirty(flow);
	}
	/* One who waits to be accepted has nothing to be told yet. */
	if (flow->listener == NULL)
		tcpip_flow_queue(flow);
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct tcpip_flow *flow = arg;

	if (flow == NULL)
		return ERR_OK;
	flow->acked += length;
	if (flow->to_feed != NULL || flow->starved)
		tcpip_flow_dirty(flow);
	if (flow->writes != NULL || flow->closed)
		tcpip_flow_queue(flow);
	return ERR_OK;
}

static void on_err(void *arg, err_t err)
{
	struct tcpip_flow *flow = arg;

	if (flow == NULL)
		return;
	if (flow->pcb != NULL)
		tcp_ext_arg_set(flow->pcb, 0, NULL);
	flow->pcb = NULL;
	if (flow->listener != NULL) {
		tcpip_listener_forget(flow->listener, flow);
		tcpip_flow_discard(flow);
		return;
	}
	if (flow->connect != NULL && !flow->task.queued) {
		tcpip_connect_end(flow, err == ERR_RST ? MIRAGE_EREFUSED
						       : MIRAGE_ETIMEDOUT);
		return;
	}
	if (err == ERR_CLSD) /* both streams have ended well */
		flow->ended = true;
	else if (flow->error == 0)
		flow->error = err == ERR_RST ? MIRAGE_ERESET : MIRAGE_ETIMEDOUT;
	tcpip_flow_queue(flow);
}

/** lwIP frees the pcb, perhaps without another word. */
static void on_destroy(u8_t id, void *data)
{
	struct tcpip_flow *flow = data;

	if (flow == NULL)
		return;
	flow->pcb = NULL;
	if (flow->closed)
		tcpip_flow_queue(flow);
}

struct tcpip_recovery *tcpip_recovery_of(struct tcp_pcb *pcb)
{
	struct tcpip_flow *flow = tcp_ext_arg_get(pcb, 0);

	return flow != NULL ? &flow->recovery : NULL;
}

/** The retransmission timer begins with a second (RFC 6298), where lwIP has three. */
void tcpip_flow_hasten(struct tcp_pcb *pcb)
{
	if (pcb->sa == 0)
		pcb->rto = pcb->sv = RTO_START_MS / TCP_SLOW_INTERVAL;
}

void tcpip_flow_bind(struct tcpip_flow *flow, struct tcp_pcb *pcb)
{
	static const struct tcp_ext_arg_callbacks callbacks = {
		.destroy = on_destroy};

	flow->pcb = pcb;
	tcp_arg(pcb, flow);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_err);
	tcp_ext_arg_set_callbacks(pcb, 0, &callbacks);
	tcp_ext_arg_set(pcb, 0, flow);
	tcp_nagle_disable(pcb);
	tcpip_flow_hasten(pcb);
}

void tcpip_flow_connected(struct tcpip_flow *flow)
{
	struct tcp_pcb *pcb = flow->pcb;

	flow->flow.local.port = pcb->local_port;
	flow->flow.peer.port = pcb->remote_port;
	tcpip_from_lwip(&flow->flow.local.ip, &pcb->local_ip, flow->stack);
	tcpip_from_lwip(&flow->flow.peer.ip, &pcb->remote_ip, flow->stack);
	flow->window = TCPWND_MIN16(pcb->rcv_wnd);
	if (pcb->rcv_wnd > WINDOW_START) {
		pcb->rcv_wnd = pcb->rcv_ann_wnd = WINDOW_START;
		pcb->rcv_ann_right_edge = pcb->rcv_nxt + WINDOW_START;
	}
}

/* ------------------------------------------------- What the app asks for -- */

static void flow_read(struct mirage_flow *mirage_flow)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	give_back_lent(flow);
	if (readable(flow))
		tcpip_flow_queue(flow);
	tcpip_touch();
}

static void flow_write(struct mirage_flow *mirage_flow,
		       struct mirage_flow_write *write)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	tcpip_flow_write(mirage_flow, write);
	if (flow->pcb != NULL && flow->to_feed != NULL)
		tcpip_flow_dirty(flow);
	else
		tcpip_flow_queue(flow);
	tcpip_touch();
}

static void flow_shutdown(struct mirage_flow *mirage_flow)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	flow->shut = true;
	if (flow->pcb != NULL)
		tcpip_flow_dirty(flow);
	tcpip_touch();
}

static void flow_close(struct mirage_flow *mirage_flow)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	flow->closed = flow->shut = true;
	give_back_lent(flow);
	drop_unread(flow);
	if (flow->pcb != NULL)
		tcpip_flow_dirty(flow);
	if (flow->fin && flow->pcb != NULL)
		tcpip_flow_linger(flow);
	tcpip_flow_queue(flow);
	tcpip_touch();
}

static void flow_abort(struct mirage_flow *mirage_flow)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	flow->closed = true;
	if (flow->error == 0)
		flow->error = MIRAGE_ECANCELED;
	give_back_lent(flow);
	drop_unread(flow);
	tcpip_flow_reset(flow);
	tcpip_flow_queue(flow);
	tcpip_touch();
}

static int flow_nodelay(struct mirage_flow *mirage_flow, bool nodelay)
{
	struct tcpip_flow *flow = flow_of(mirage_flow);

	if (flow->pcb == NULL)
		return 0;
	if (nodelay)
		tcp_nagle_disable(flow->pcb);
	else
		tcp_nagle_enable(flow->pcb);
	tcpip_flow_dirty(flow);
	tcpip_touch();
	return 0;
}

static int flow_keepalive(struct mirage_flow *mirage_flow, uint64_t idle_ns)
{
	struct tcp_pcb *pcb = flow_of(mirage_flow)->pcb;
	uint64_t ms = (idle_ns + NS_PER_MS - 1) / NS_PER_MS;

	if (pcb == NULL)
		return 0;
	pcb->keep_idle = ms < UINT32_MAX / 64 ? (uint32_t)ms : UINT32_MAX / 64;
	pcb->keep_intvl = pcb->keep_idle;
	pcb->keep_cnt = 3;
	if (idle_ns != 0)
		ip_set_option(pcb, SOF_KEEPALIVE);
	else
		ip_reset_option(pcb, SOF_KEEPALIVE);
	tcpip_timers_catch_up();
	tcpip_touch();
	return 0;
}

const struct mirage_flow_ops tcpip_flow_ops = {
	.size = sizeof tcpip_flow_ops,
	.read = flow_read,
	.write = flow_write,
	.shutdown = flow_shutdown,
	.close = flow_close,
	.abort = flow_abort,
	.nodelay = flow_nodelay,
	.keepalive = flow_keepalive,
};
