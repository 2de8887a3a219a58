/* SPDX-License-Identifier: ISC */
/* Stacks: opening, events, closing. */
#include "tcpip.h"

#include "lwip/init.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS UINT64_C(10000000000)

struct tcpip_stack *tcpip_stacks;

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
