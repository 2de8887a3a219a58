/* SPDX-License-Identifier: ISC */
/* Stacks: tasks, opening, events, closing. */
#include "tcpip.h"

#include "lwip/init.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS_AT_A_TIME = 4096, LOOPS_AT_A_TIME = 16 };

#define PATIENCE_NS UINT64_C(10000000000)

struct tcpip_stack *tcpip_stacks;

/* ----------------------------------------------------------------- Tasks -- */

static struct tcpip_task *first_task, *last_task;
static struct mirage_timer kick;
static bool inside;

void tcpip_task_queue(struct tcpip_task *task,
		      void (*run)(struct tcpip_task *task))
{
	if (task->queued)
		return;
	task->queued = true;
	task->run = run;
	task->next = NULL;
	task->previous = last_task;
	if (last_task != NULL)
		last_task->next = task;
	else
		first_task = task;
	last_task = task;
}

void tcpip_task_drop(struct tcpip_task *task)
{
	if (!task->queued)
		return;
	task->queued = false;
	if (task->previous != NULL)
		task->previous->next = task->next;
	else
		first_task = task->next;
	if (task->next != NULL)
		task->next->previous = task->previous;
	else
		last_task = task->previous;
}

static void flush_all(void)
{
	struct tcpip_stack *stack = tcpip_stacks;

	for (; stack != NULL; stack = stack->next)
		for (uint32_t i = 0; i < stack->config.n_interfaces; i++)
			tcpip_flush(&stack->interfaces[i]);
}

/** Hands frames to ourselves in. Returns whether there were any. */
static bool loop_back(void)
{
	struct netif *netif;
	bool any = false;

	NETIF_FOREACH(netif)
	{
		if (netif->loop_first == NULL)
			continue;
		any = true;
		netif->chksum_flags &= ~(unsigned)(NETIF_CHECKSUM_CHECK_TCP |
						   NETIF_CHECKSUM_CHECK_UDP |
						   NETIF_CHECKSUM_CHECK_ICMP6);
		netif_poll(netif);
	}
	return any;
}

void tcpip_settle(void)
{
	int n = TASKS_AT_A_TIME, loops = LOOPS_AT_A_TIME;

	if (tcpip_lent_awaited || tcpip_lent > 0)
		flush_all(); /* so that writes can complete */
	do {
		while (first_task != NULL && n-- > 0 && !mirage_core_ended()) {
			struct tcpip_task *task = first_task;

			tcpip_task_drop(task);
			task->run(task);
		}
		tcpip_flows_output();
		flush_all();
	} while (loop_back() && loops-- > 0);
}

static void on_kick(void *arg)
{
	tcpip_enter();
	tcpip_leave();
}

void tcpip_enter(void)
{
	inside = true;
	tcpip_timers_catch_up();
}

void tcpip_leave(void)
{
	struct tcpip_stack *stack = tcpip_stacks;

	for (; stack != NULL; stack = stack->next)
		tcpip_stack_check(stack);
	tcpip_settle();
	inside = false;
	if (first_task != NULL)
		tcpip_touch();
	tcpip_timers_update();
}

void tcpip_touch(void)
{
	if (!inside && !mirage_timer_armed(&kick))
		mirage_timer_start(&kick, 0, on_kick, NULL);
}

void tcpip_broken(const char *message)
{
	mirage_core_broken("lwIP", message);
}

/* -------------------------------------------------------------- Looking -- */

static bool same_net4(const struct tcpip_interface *interface,
		      const struct mirage_ip *to)
{
	ip4_addr_t ip;

	memcpy(&ip, to->bytes, sizeof ip);
	return !ip4_addr_isany_val(*netif_ip4_addr(&interface->netif)) &&
	       ip4_addr_netcmp(&ip, netif_ip4_addr(&interface->netif),
			       netif_ip4_netmask(&interface->netif));
}

static bool same_net6(const struct mirage_interface_info *info,
		      const struct mirage_ip *to)
{
	for (uint32_t i = 1; i < info->n_ipv6; i++)
		if (memcmp(info->ipv6[i].bytes, to->bytes, 8) == 0)
			return true;
	return false;
}

static bool owns(const struct mirage_interface_info *info,
		 const struct mirage_ip *ip)
{
	if (ip->version == 4)
		return mirage_ip_equal(&info->ipv4, ip);
	for (uint32_t i = 0; i < info->n_ipv6; i++)
		if (memcmp(info->ipv6[i].bytes, ip->bytes, 16) == 0 &&
		    (ip->interface == 0 ||
		     ip->interface == info->ipv6[i].interface))
			return true;
	return false;
}

bool tcpip_stack_owns(struct tcpip_stack *stack, const struct mirage_ip *ip)
{
	if (tcpip_is_any(ip))
		return true;
	for (uint32_t i = 0; i < stack->info.n_interfaces; i++)
		if (owns(&stack->info.interfaces[i], ip))
			return true;
	return false;
}

/** How well the interface leads to `to`: 0 not at all, 3 is a neighbour. */
static int leads(struct tcpip_interface *interface, const struct mirage_ip *to)
{
	const struct mirage_interface_info *info =
		&interface->stack->info.interfaces[interface->index];

	if (owns(info, to))
		return 4;
	if (to->version == 4) {
		if (info->ipv4.version == 0)
			return 0;
		if (same_net4(interface, to) || to->bytes[0] == 255)
			return 3;
		return info->gateway4.version != 0 ? 2 : 0;
	}
	if (info->n_ipv6 == 0)
		return 0;
	if (to->interface != 0)
		return to->interface == interface->index + 1 ? 3 : 0;
	if (same_net6(info, to) || to->bytes[0] == 0xff ||
	    (to->bytes[0] == 0xfe && (to->bytes[1] & 0xc0) == 0x80))
		return 3;
	return info->gateway6.version != 0 ? 2 : 0;
}

struct tcpip_interface *tcpip_stack_route(struct tcpip_stack *stack,
					  const struct mirage_ip *from,
					  const struct mirage_ip *to)
{
	struct tcpip_interface *best = NULL;
	int best_leads = 0;

	for (uint32_t i = 0; i < stack->config.n_interfaces; i++) {
		struct tcpip_interface *at = &stack->interfaces[i];
		int how = leads(at, to);

		if (!tcpip_is_any(from) &&
		    !owns(&stack->info.interfaces[i], from))
			continue;
		if (how > best_leads) {
			best = at;
			best_leads = how;
		}
	}
	return best;
}

/* -------------------------------------------------- Opening and closing -- */

static void stack_free(struct tcpip_stack *stack)
{
	struct tcpip_stack **at = &tcpip_stacks;

	while (*at != stack)
		at = &(*at)->next;
	*at = stack->next;
	tcpip_task_drop(&stack->task);
	mirage_timer_cancel(&stack->patience);
	free(stack);
}

/** Answers the open, or closes what an open that failed has left. */
static void answer(struct tcpip_stack *stack)
{
	mirage_stack_open_fn *done = stack->done;
	void *arg = stack->done_arg;
	int result = stack->open_result;

	stack->answered = true;
	mirage_timer_cancel(&stack->patience);
	if (result < 0) {
		stack_free(stack);
		if (!mirage_core_ended())
			done(arg, result, NULL);
		return;
	}
	mirage_core_stack_start(&stack->stack);
	if (!mirage_core_ended())
		done(arg, 0, &stack->stack);
}

static void close_networks(struct tcpip_stack *stack)
{
	for (uint32_t i = 0; i < stack->config.n_interfaces; i++)
		tcpip_interface_close(&stack->interfaces[i]);
}

static void closing_run(struct tcpip_stack *stack)
{
	if (!tcpip_listeners_free(stack, false) || stack->n_open > 0)
		return;
	if (!stack->closed) {
		for (struct tcpip_flow *f = stack->flows; f != NULL;
		     f = f->next)
			if (f->task.queued || f->writes != NULL)
				return; /* has something to say yet */
		stack->closed = true;
		tcpip_udps_free(stack);
		tcpip_listeners_free(stack, true);
		mirage_core_stack_closed(&stack->stack);
	}
	if (stack->flows == NULL)
		stack_free(stack);
}

static void events_run(struct tcpip_stack *stack)
{
	uint32_t events = stack->events;

	stack->events = 0;
	if ((events & 1u << MIRAGE_EVENT_LINK) != 0)
		mirage_core_stack_event(&stack->stack, MIRAGE_EVENT_LINK);
	if ((events & 1u << MIRAGE_EVENT_ADDRESS) != 0)
		mirage_core_stack_event(&stack->stack, MIRAGE_EVENT_ADDRESS);
}

/** Tells those for whom there was not even the memory to begin. */
static void no_memory_run(struct tcpip_stack *stack)
{
	struct mirage_tcp_connect *connect = stack->no_memory, *next;
	struct mirage_resolve *resolve = stack->no_memory_resolve, *after;

	stack->no_memory = NULL;
	stack->no_memory_resolve = NULL;
	for (; connect != NULL; connect = next) {
		next = connect->next;
		mirage_core_tcp_connected(connect, MIRAGE_ENOMEM, NULL);
	}
	for (; resolve != NULL; resolve = after) {
		after = resolve->next;
		mirage_core_resolved(resolve, MIRAGE_ENOMEM);
	}
}

static void stack_run(struct tcpip_task *task)
{
	struct tcpip_stack *stack =
		(struct tcpip_stack *)((char *)task -
				       offsetof(struct tcpip_stack, task));

	no_memory_run(stack);
	if (stack->closing)
		closing_run(stack);
	else if (stack->answered)
		events_run(stack);
	else if (stack->open_result < 0 ? stack->n_open == 0 : stack->usable)
		answer(stack);
}

void tcpip_stack_check(struct tcpip_stack *stack)
{
	bool changed = false;

	if (stack->changed && !stack->closing) {
		stack->changed = false;
		for (uint32_t i = 0; i < stack->config.n_interfaces; i++) {
			struct tcpip_interface *at = &stack->interfaces[i];

			if (!at->added)
				continue;
			changed |= tcpip_interface_describe(at);
			stack->usable |= tcpip_interface_usable(at);
		}
	}
	if (changed)
		stack->events |= 1u << MIRAGE_EVENT_ADDRESS;
	if (stack->events != 0 || stack->closing || !stack->answered ||
	    stack->no_memory != NULL || stack->no_memory_resolve != NULL)
		tcpip_task_queue(&stack->task, stack_run);
}

static void stack_close(struct mirage_stack *mirage_stack)
{
	struct tcpip_stack *stack = tcpip_stack_of(mirage_stack);

	stack->closing = true;
	for (struct tcpip_flow *f = stack->flows, *next; f != NULL; f = next) {
		next = f->next;
		tcpip_flow_break(f, MIRAGE_EGONE);
	}
	tcpip_listeners_close(stack);
	tcpip_udps_close(stack);
	tcpip_lookups_close(stack);
	tcpip_flows_output();
	close_networks(stack);
	tcpip_task_queue(&stack->task, stack_run);
	tcpip_touch();
}

static const struct mirage_stack_ops ops = {
	.size = sizeof ops,
	.connect = tcpip_connect,
	.cancel = tcpip_connect_cancel,
	.listen = tcpip_listen,
	.accept = tcpip_accept,
	.unlisten = tcpip_unlisten,
	.udp_open = tcpip_udp_open,
	.udp_send = tcpip_udp_send,
	.udp_close = tcpip_udp_close,
	.resolve = tcpip_resolve,
	.resolve_cancel = tcpip_resolve_cancel,
	.close = stack_close,
};

static void on_patience(void *arg)
{
	struct tcpip_stack *stack = arg;

	mirage_log(MIRAGE_LOG_WARN,
		   "network '%s': still waiting for an address%s",
		   stack->config.interfaces[0].name,
		   stack->config.interfaces[0].dhcp
			   ? ": no answer from a DHCP server"
			   : "");
	mirage_timer_start(&stack->patience,
			   mirage_clock_monotonic_ns() + PATIENCE_NS,
			   on_patience, stack);
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	struct tcpip_interface *interface = arg;
	struct tcpip_stack *stack = interface->stack;

	tcpip_enter();
	stack->n_opening--;
	if (result < 0 && stack->open_result == 0)
		stack->open_result = result;
	interface->net = net;
	stack->n_open += net != NULL;
	if (stack->n_opening == 0 && stack->open_result < 0)
		close_networks(stack);
	for (uint32_t i = 0; stack->n_opening == 0 && stack->open_result == 0 &&
			     i < stack->config.n_interfaces;
	     i++)
		tcpip_interface_open(&stack->interfaces[i]);
	stack->changed = true;
	tcpip_leave();
}

static bool sensible(const struct mirage_interface_config *config)
{
	return config->name != NULL &&
	       (config->ipv4.version == 0 ||
		(config->ipv4.version == 4 && config->ipv4_prefix_bits >= 1 &&
		 config->ipv4_prefix_bits <= 32)) &&
	       (config->ipv6.version == 0 || config->ipv6.version == 6) &&
	       (config->gateway4.version == 0 ||
		config->gateway4.version == 4) &&
	       (config->gateway6.version == 0 ||
		config->gateway6.version == 6) &&
	       !(config->dhcp && config->ipv4.version != 0);
}

static int check_config(const struct mirage_stack_config *config)
{
	if (config->n_interfaces == 0 ||
	    config->n_interfaces > MIRAGE_INTERFACES_MAX ||
	    config->n_dns > MIRAGE_DNS_MAX)
		return MIRAGE_EINVAL;
	for (uint32_t i = 0; i < config->n_interfaces; i++) {
		if (sensible(&config->interfaces[i]))
			continue;
		mirage_log(MIRAGE_LOG_ERROR,
			   "network '%s': its addresses make no sense: give "
			   "each with its prefix, and not --dhcp with --ipv4",
			   config->interfaces[i].name != NULL
				   ? config->interfaces[i].name
				   : "");
		return MIRAGE_EINVAL;
	}
	return 0;
}

static int library_init(void)
{
	static bool done;
	int error;

	if (done)
		return 0;
	error = tcpip_random_init();
	if (error < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "TCP/IP needs random numbers: %s",
			   mirage_strerror(error));
		return error;
	}
	lwip_init();
	done = true;
	return 0;
}

/** Answers an open that has failed at once, but from the loop. */
struct refusal {
	struct mirage_timer timer;
	mirage_stack_open_fn *done;
	void *arg;
	int error;
};

static void on_refusal(void *arg)
{
	struct refusal refusal = *(struct refusal *)arg;

	free(arg);
	refusal.done(refusal.arg, refusal.error, NULL);
}

static void refuse(int error, mirage_stack_open_fn *done, void *arg)
{
	struct refusal *refusal = calloc(1, sizeof *refusal);

	if (refusal == NULL) { /* nothing else can be done without memory */
		mirage_log(MIRAGE_LOG_ERROR, "no memory for a stack");
		mirage_exit(1);
		return;
	}
	refusal->done = done;
	refusal->arg = arg;
	refusal->error = error;
	mirage_timer_start(&refusal->timer, 0, on_refusal, refusal);
}

static struct tcpip_stack *stack_new(const struct mirage_stack_config *config)
{
	struct tcpip_stack *stack = calloc(1, sizeof *stack);

	if (stack == NULL)
		return NULL;
	stack->stack.ops = &ops;
	stack->stack.info = &stack->info;
	stack->stack.counters = &stack->counters;
	stack->info.size = sizeof stack->info;
	stack->info.n_interfaces = config->n_interfaces;
	stack->counters.size = sizeof stack->counters;
	stack->config = *config;
	for (uint32_t i = 0; i < config->n_interfaces; i++) {
		stack->interfaces[i].stack = stack;
		stack->interfaces[i].index = (uint8_t)i;
		stack->info.interfaces[i].name = config->interfaces[i].name;
	}
	stack->next = tcpip_stacks;
	tcpip_stacks = stack;
	return stack;
}

void mirage_stack_open(const struct mirage_stack_config *config,
		       mirage_stack_open_fn *done, void *arg)
{
	struct tcpip_stack *stack;
	int error = check_config(config);

	if (error == 0 && mirage_core_is_host(config->interfaces[0].name)) {
		mirage_core_host_open(config->interfaces[0].name, done, arg);
		return;
	}
	if (error == 0)
		error = library_init();
	stack = error == 0 ? stack_new(config) : NULL;
	if (stack == NULL) {
		refuse(error < 0 ? error : MIRAGE_ENOMEM, done, arg);
		return;
	}
	stack->done = done;
	stack->done_arg = arg;
	stack->n_opening = config->n_interfaces;
	mirage_timer_start(&stack->patience,
			   mirage_clock_monotonic_ns() + PATIENCE_NS,
			   on_patience, stack);
	for (uint32_t i = 0; i < config->n_interfaces; i++)
		mirage_net_open(config->interfaces[i].name,
				MIRAGE_NET_ACCEPT_ALL, net_opened,
				&stack->interfaces[i]);
}
