/* SPDX-License-Identifier: ISC */
/* What is done when lwIP has been left, and how it is entered. */
#include "tcpip.h"

enum { TASKS_AT_A_TIME = 4096, LOOPS_AT_A_TIME = 16 };

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
