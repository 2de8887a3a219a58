/* SPDX-License-Identifier: ISC */
/* Connections to be made. The flow is made first, and is the application's once its
 * pcb is connected. */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

enum { PORT_FIRST = 49152, PORTS = 16384 }; /* RFC 6335, 6 */
enum { CONNECT_RESULT }; /* in `implementation` of a connect */

/** A port of the dynamic range, at random (RFC 6056, 3.3.1). */
uint16_t tcpip_ephemeral(void)
{
	return (uint16_t)(PORT_FIRST + tcpip_random() % PORTS);
}

/** The next port to connect to `peer` from (RFC 6056, 3.3.3): nobody else can tell
 *  which, and none comes again soon, since the peer may still remember it. */
static uint16_t next_port(const ip_addr_t *local, const ip_addr_t *peer,
			  uint16_t peer_port)
{
	static uint32_t next;
	uint64_t offset = tcpip_hash(local, 0, peer, peer_port);

	return (uint16_t)(PORT_FIRST + (offset + next++) % PORTS);
}

static void connect_run(struct tcpip_task *task)
{
	struct tcpip_flow *flow =
		(struct tcpip_flow *)((char *)task -
				      offsetof(struct tcpip_flow, task));
	struct mirage_tcp_connect *connect = flow->connect;
	int result = (int)(int64_t)connect->implementation[CONNECT_RESULT];

	flow->connect = NULL;
	mirage_timer_cancel(&flow->timer);
	if (result < 0) {
		tcpip_flow_discard(flow);
		mirage_core_tcp_connected(connect, result, NULL);
		return;
	}
	flow->stack->counters.tcp_connected++;
	if (flow->unread != NULL || flow->ended || flow->error != 0)
		tcpip_flow_queue(flow);
	mirage_core_tcp_connected(connect, 0, &flow->flow);
}

void tcpip_connect_end(struct tcpip_flow *flow, int result)
{
	if (flow->task.queued)
		return; /* has its result */
	flow->connect->implementation[CONNECT_RESULT] =
		(uint64_t)(int64_t)result;
	tcpip_task_queue(&flow->task, connect_run);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct tcpip_flow *flow = arg;

	if (flow == NULL || flow->connect == NULL)
		return ERR_OK;
	pcb->nrtx = 0; /* what the SYN took is of no more interest */
	tcpip_flow_connected(flow);
	tcpip_connect_end(flow, 0);
	return ERR_OK;
}

static void on_patience(void *arg)
{
	struct tcpip_flow *flow = arg;

	tcpip_enter();
	tcpip_connect_end(flow, MIRAGE_ETIMEDOUT);
	tcpip_leave();
}

static bool taken_in(const struct tcp_pcb *pcb, const ip_addr_t *local,
		     uint16_t port)
{
	for (; pcb != NULL; pcb = pcb->next)
		if (pcb->local_port == port &&
		    ip_addr_cmp(&pcb->local_ip, local))
			return true;
	return false;
}

static bool taken(struct tcpip_stack *stack, const struct mirage_endpoint *from,
		  const ip_addr_t *local)
{
	return tcpip_listening(stack, &from->ip, from->port) ||
	       taken_in(tcp_active_pcbs, local, from->port) ||
	       taken_in(tcp_tw_pcbs, local, from->port);
}

/** Chooses where the connection comes from. */
static int choose_local(struct tcpip_stack *stack,
			struct tcpip_interface *interface,
			const struct mirage_tcp_connect *connect,
			const ip_addr_t *to, struct mirage_endpoint *from)
{
	const ip_addr_t *own = ip_netif_get_local_ip(&interface->netif, to);
	ip_addr_t local;

	*from = connect->from;
	if (own == NULL)
		return MIRAGE_EUNREACH;
	if (tcpip_is_any(&from->ip))
		tcpip_from_lwip(&from->ip, own, stack);
	tcpip_to_lwip(&local, &from->ip, stack);
	if (from->port != 0)
		return taken(stack, from, &local) ? MIRAGE_EBUSY : 0;
	for (int tries = 0; tries < 100; tries++) {
		from->port = next_port(&local, to, connect->to.port);
		if (!taken(stack, from, &local))
			return 0;
	}
	return MIRAGE_EBUSY;
}

static int begin(struct tcpip_stack *stack, struct tcpip_flow *flow,
		 struct mirage_tcp_connect *connect)
{
	struct tcpip_interface *interface;
	struct mirage_endpoint from;
	struct tcp_pcb *pcb;
	ip_addr_t to;
	int error;

	if (!tcpip_stack_owns(stack, &connect->from.ip))
		return MIRAGE_EINVAL;
	interface =
		tcpip_stack_route(stack, &connect->from.ip, &connect->to.ip);
	if (interface == NULL)
		return MIRAGE_EUNREACH;
	tcpip_to_lwip(&to, &connect->to.ip, stack);
	error = choose_local(stack, interface, connect, &to, &from);
	if (error < 0)
		return error;
	pcb = tcp_new_ip_type(IP_GET_TYPE(&to));
	if (pcb == NULL)
		return MIRAGE_ENOMEM;
	tcpip_to_lwip(&pcb->local_ip, &from.ip, stack);
	pcb->local_port = from.port;
	if (stack->config.n_interfaces == 1)
		tcp_bind_netif(pcb, &interface->netif);
	tcpip_flow_bind(flow, pcb);
	switch (tcp_connect(pcb, &to, connect->to.port, on_connected)) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return MIRAGE_ENOMEM;
	default:
		return MIRAGE_EUNREACH;
	}
}

void tcpip_connect(struct mirage_stack *mirage_stack,
		   struct mirage_tcp_connect *connect)
{
	struct tcpip_stack *stack = tcpip_stack_of(mirage_stack);
	struct tcpip_flow *flow = tcpip_flow_new(stack);
	int error;

	if (flow == NULL) {
		connect->next = stack->no_memory;
		stack->no_memory = connect;
		connect->implementation[1] = 0;
		tcpip_stack_check(stack);
		tcpip_touch();
		return;
	}
	tcpip_timers_catch_up();
	flow->connect = connect;
	connect->implementation[1] = (uint64_t)(uintptr_t)flow;
	error = begin(stack, flow, connect);
	if (error < 0)
		tcpip_connect_end(flow, error);
	else if (connect->timeout_ns != 0)
		mirage_timer_start(&flow->timer,
				   mirage_clock_monotonic_ns() +
					   connect->timeout_ns,
				   on_patience, flow);
	tcpip_touch();
}

void tcpip_connect_cancel(struct mirage_tcp_connect *connect)
{
	struct tcpip_flow *flow =
		(struct tcpip_flow *)(uintptr_t)connect->implementation[1];

	if (flow == NULL)
		return; /* fails anyway */
	tcpip_task_drop(&flow->task);
	tcpip_connect_end(flow, MIRAGE_ECANCELED);
	tcpip_touch();
}
