/* SPDX-License-Identifier: ISC */
/* Listening ports. Connections wait here, whole, until they are accepted. */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

enum { BACKLOG_MAX = 255 };

static void listener_run(struct tcpip_task *task)
{
	struct tcpip_listener *listener =
		(struct tcpip_listener *)((char *)task -
					  offsetof(struct tcpip_listener,
						   task));
	struct tcpip_flow *flow = listener->waiting;

	if (!mirage_core_tcp_accepting(&listener->listener))
		return;
	if (listener->pcb == NULL) {
		mirage_core_tcp_accepted(
			&listener->listener,
			listener->gone ? MIRAGE_ECANCELED : MIRAGE_EGONE, NULL);
		return;
	}
	if (flow == NULL)
		return;
	listener->waiting = flow->next_waiting;
	if (listener->waiting == NULL)
		listener->waiting_end = &listener->waiting;
	else
		tcpip_task_queue(task, listener_run);
	listener->n_waiting--;
	flow->listener = NULL;
	if (flow->pcb != NULL)
		tcp_backlog_accepted(flow->pcb);
	listener->stack->counters.tcp_accepted++;
	mirage_core_tcp_accepted(&listener->listener, 0, &flow->flow);
}

void tcpip_listener_forget(struct tcpip_listener *listener,
			   struct tcpip_flow *flow)
{
	struct tcpip_flow **at = &listener->waiting;

	while (*at != flow)
		at = &(*at)->next_waiting;
	*at = flow->next_waiting;
	if (listener->waiting_end == &flow->next_waiting)
		listener->waiting_end = at;
	listener->n_waiting--;
	flow->listener = NULL;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct tcpip_listener *listener = arg;
	struct tcpip_flow *flow;

	if (listener == NULL || pcb == NULL)
		return ERR_VAL;
	flow = tcpip_flow_new(listener->stack);
	if (flow == NULL) {
		listener->stack->counters.tcp_dropped_backlog++;
		return ERR_MEM;
	}
	tcpip_flow_bind(flow, pcb);
	tcpip_flow_connected(flow);
	tcp_backlog_delayed(pcb);
	flow->listener = listener;
	flow->next_waiting = NULL;
	*listener->waiting_end = flow;
	listener->waiting_end = &flow->next_waiting;
	listener->n_waiting++;
	tcpip_task_queue(&listener->task, listener_run);
	return ERR_OK;
}

static err_t on_passive_open(u8_t id, struct tcp_pcb_listen *listening,
			     struct tcp_pcb *pcb)
{
	tcpip_flow_hasten(pcb);
	return ERR_OK;
}

static const struct tcp_ext_arg_callbacks callbacks = {.passive_open =
							       on_passive_open};

bool tcpip_listening(struct tcpip_stack *stack, const struct mirage_ip *ip,
		     uint16_t port)
{
	for (const struct tcpip_listener *at = stack->listeners; at != NULL;
	     at = at->next)
		if (at->pcb != NULL && at->listener.local.port == port &&
		    tcpip_overlap(&at->listener.local.ip, ip))
			return true;
	return false;
}

/** A pcb that listens. lwIP would not let two stacks have the same port, but it looks
 *  only when a port is given: it gets it afterwards. */
static struct tcp_pcb *listening_pcb(struct tcpip_stack *stack,
				     const struct mirage_ip *ip, uint16_t port,
				     uint32_t backlog)
{
	struct tcp_pcb *pcb = tcp_new(), *listening;
	ip_addr_t local;

	if (pcb == NULL)
		return NULL;
	tcpip_to_lwip(&local, ip, stack);
	ip_addr_copy(pcb->local_ip, local);
	if (stack->config.n_interfaces == 1)
		tcp_bind_netif(pcb, &stack->interfaces[0].netif);
	listening = tcp_listen_with_backlog(pcb, (uint8_t)backlog);
	if (listening == NULL) {
		tcp_close(pcb);
		return NULL;
	}
	((struct tcp_pcb_listen *)listening)->local_port = port;
	return listening;
}

static int choose_port(struct tcpip_stack *stack,
		       const struct mirage_endpoint *at, uint16_t *port)
{
	*port = at->port;
	if (*port != 0)
		return tcpip_listening(stack, &at->ip, *port) ? MIRAGE_EBUSY
							      : 0;
	for (int tries = 0; tries < 1000; tries++) {
		*port = tcpip_ephemeral();
		if (!tcpip_listening(stack, &at->ip, *port))
			return 0;
	}
	return MIRAGE_EBUSY;
}

int tcpip_listen(struct mirage_stack *mirage_stack,
		 const struct mirage_endpoint *at, uint32_t backlog,
		 struct mirage_listener **result)
{
	struct tcpip_stack *stack = tcpip_stack_of(mirage_stack);
	struct tcpip_listener *listener;
	uint16_t port;
	int error;

	if (!tcpip_stack_owns(stack, &at->ip))
		return MIRAGE_EINVAL;
	error = choose_port(stack, at, &port);
	if (error < 0)
		return error;
	listener = tcpip_alloc(sizeof *listener);
	if (listener == NULL)
		return MIRAGE_ENOMEM;
	listener->backlog = backlog < BACKLOG_MAX ? backlog : BACKLOG_MAX;
	listener->pcb = listening_pcb(stack, &at->ip, port, listener->backlog);
	if (listener->pcb == NULL) {
		tcpip_free(listener);
		return MIRAGE_ENOMEM;
	}
	listener->listener.local = *at;
	listener->listener.local.port = port;
	listener->stack = stack;
	listener->waiting_end = &listener->waiting;
	listener->next = stack->listeners;
	stack->listeners = listener;
	tcp_arg(listener->pcb, listener);
	tcp_accept(listener->pcb, on_accept);
	tcp_ext_arg_set_callbacks(listener->pcb, 0, &callbacks);
	*result = &listener->listener;
	return 0;
}

void tcpip_accept(struct mirage_listener *mirage_listener)
{
	struct tcpip_listener *listener =
		(struct tcpip_listener *)mirage_listener;

	tcpip_task_queue(&listener->task, listener_run);
	tcpip_touch();
}

/** Stops listening: who waits is reset. */
static void stop(struct tcpip_listener *listener)
{
	if (listener->pcb == NULL)
		return;
	tcp_arg(listener->pcb, NULL);
	tcp_close(listener->pcb);
	listener->pcb = NULL;
	while (listener->waiting != NULL) {
		struct tcpip_flow *flow = listener->waiting;

		listener->waiting = flow->next_waiting;
		flow->listener = NULL;
		tcpip_flow_discard(flow);
	}
	tcpip_task_queue(&listener->task, listener_run);
}

void tcpip_unlisten(struct mirage_listener *mirage_listener)
{
	struct tcpip_listener *listener =
		(struct tcpip_listener *)mirage_listener;

	listener->gone = true;
	stop(listener);
	tcpip_stack_check(listener->stack);
	tcpip_touch();
}

void tcpip_listeners_close(struct tcpip_stack *stack)
{
	for (struct tcpip_listener *at = stack->listeners; at != NULL;
	     at = at->next)
		stop(at);
}

bool tcpip_listeners_free(struct tcpip_stack *stack, bool all)
{
	struct tcpip_listener **at = &stack->listeners;
	bool quiet = true;

	while (*at != NULL) {
		struct tcpip_listener *listener = *at;
		bool busy = listener->task.queued;

		if (busy)
			quiet = false;
		if (busy || (!all && !listener->gone)) {
			at = &listener->next;
			continue;
		}
		*at = listener->next;
		tcpip_free(listener);
	}
	return quiet;
}
