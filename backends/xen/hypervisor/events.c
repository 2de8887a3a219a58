/* SPDX-License-Identifier: ISC */
/*
 * Event channels. Nothing interrupts the application: the loop looks which ports
 * are pending, and when there is nothing to do sleeps in the hypervisor until one
 * of them is, or a deadline.
 */
#include "hypervisor.h"

#include "hypercall.h"
#include "machine.h"
#include "xen.h"

#include <xen/event_channel.h>
#include <xen/sched.h>

#define PORTS_MAX 128 /* what SCHEDOP_poll takes */

struct binding {
	uint32_t port;
	void (*on_event)(void *arg);
	void *arg;
};

static struct binding bindings[PORTS_MAX];
static evtchn_port_t ports[PORTS_MAX];
static unsigned n_bindings;

/** Whether `port` was pending; clears it. */
static bool take_pending(uint32_t port)
{
	unsigned long *words =
		(unsigned long *)(uintptr_t)xen_shared_info->evtchn_pending;
	unsigned long bit = 1ul << (port % 64);

	if ((__atomic_load_n(&words[port / 64], __ATOMIC_ACQUIRE) & bit) == 0)
		return false;
	__atomic_fetch_and(&words[port / 64], ~bit, __ATOMIC_ACQ_REL);
	return true;
}

void xen_event_bind(uint32_t port, void (*on_event)(void *arg), void *arg)
{
	if (n_bindings == PORTS_MAX)
		xen_crash("more than 128 event channels");
	ports[n_bindings] = port;
	bindings[n_bindings++] = (struct binding){port, on_event, arg};
}

uint32_t xen_event_open(uint32_t domid, void (*on_event)(void *arg), void *arg)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = (domid_t)domid,
	};

	if (n_bindings == PORTS_MAX ||
	    xen_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound,
			  (uintptr_t)&alloc, 0) != 0)
		return 0;
	xen_event_bind(alloc.port, on_event, arg);
	return alloc.port;
}

static bool unbind(uint32_t port)
{
	for (unsigned i = 0; i < n_bindings; i++) {
		if (bindings[i].port != port)
			continue;
		bindings[i] = bindings[--n_bindings];
		ports[i] = ports[n_bindings];
		return true;
	}
	return false;
}

void xen_event_close(uint32_t port)
{
	struct evtchn_close close = {.port = port};

	/* After a resumption the number may be another's already. */
	if (!unbind(port))
		return;
	(void)take_pending(port);
	xen_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_close,
		      (uintptr_t)&close, 0);
}

void xen_event_notify(uint32_t port)
{
	struct evtchn_send send = {.port = port};

	xen_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
		      (uintptr_t)&send, 0);
}

bool xen_events_run(void)
{
	bool any = false;

	for (unsigned i = 0; i < n_bindings; i++) {
		struct binding binding = bindings[i];

		if (!take_pending(binding.port))
			continue;
		any = true;
		binding.on_event(binding.arg);
	}
	return any;
}

static void poll(evtchn_port_t *which, unsigned n, uint64_t deadline_ns)
{
	struct sched_poll poll = {
		.nr_ports = n,
		.timeout = xen_clock_to_system(deadline_ns),
	};

	set_xen_guest_handle(poll.ports, which);
	xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&poll, 0);
}

/* Xen looks whether a port is pending before it sleeps: nothing is missed between
 * our last look and this. */
void xen_events_wait(uint64_t deadline_ns)
{
	poll(ports, n_bindings, deadline_ns);
}

void xen_event_wait_one(uint32_t port, uint64_t deadline_ns)
{
	evtchn_port_t one = port;

	poll(&one, 1, deadline_ns);
	(void)take_pending(port);
}

void xen_events_resume(void)
{
	n_bindings = 0;
}
