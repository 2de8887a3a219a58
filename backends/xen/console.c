/* SPDX-License-Identifier: ISC */
/*
 * The console ring (xen/include/public/io/console.h): 2 KiB out, 1 KiB in, shared
 * with xenconsoled. Its indices run freely; the other side's are read once and
 * believed only within the bounds of the ring.
 */
#include "xen.h"

#include "hypercall.h"
#include "machine.h"

#include <xen/hvm/params.h>
#include <xen/io/console.h>

static struct xencons_interface *ring;
static uint32_t port;
static bool reading;

static uint32_t room(void)
{
	uint32_t used = ring->out_prod -
			__atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);

	return used <= sizeof ring->out ? (uint32_t)sizeof ring->out - used : 0;
}

static int console_write(const void *bytes, size_t length)
{
	const char *from = bytes;
	uint32_t n, prod = ring->out_prod;

	n = room();
	n = length < n ? (uint32_t)length : n;
	for (uint32_t i = 0; i < n; i++, prod++)
		ring->out[MASK_XENCONS_IDX(prod, ring->out)] = from[i];
	__atomic_store_n(&ring->out_prod, prod, __ATOMIC_RELEASE);
	if (n > 0)
		xen_event_notify(port);
	return (int)n;
}

void xen_console_write_all(const void *bytes, size_t length)
{
	const char *at = bytes;

	for (int tries = 0; length > 0 && tries < 1000; tries++) {
		int n = console_write(at, length);

		at += n;
		length -= (size_t)n;
		if (n == 0)
			xen_events_wait(xen_clock_ops.monotonic_ns() + 5000000);
		else
			tries = 0;
	}
}

void xen_console_drain(void)
{
	for (int tries = 0; tries < 1000 && room() < sizeof ring->out; tries++)
		xen_events_wait(xen_clock_ops.monotonic_ns() + 5000000);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	xen_console_write_all(line, length);
	xen_console_write_all("\n", 1);
}

static void read_input(void)
{
	char bytes[sizeof ring->in];
	uint32_t prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
	uint32_t cons = ring->in_cons, n = 0;

	if (!reading || prod - cons > sizeof ring->in)
		return;
	while (cons != prod)
		bytes[n++] = ring->in[MASK_XENCONS_IDX(cons++, ring->in)];
	__atomic_store_n(&ring->in_cons, cons, __ATOMIC_RELEASE);
	if (n == 0)
		return;
	xen_event_notify(port);
	mirage_core_console_input(bytes, n);
}

static void read_enable(bool enable)
{
	reading = enable;
}

static void on_event(void *arg)
{
	if (room() > 0)
		mirage_core_event(MIRAGE_EVENT_CONSOLE);
	read_input();
}

void xen_console_init(void)
{
	uint64_t pfn = xen_hvm_param(HVM_PARAM_CONSOLE_PFN);

	if (pfn == 0)
		xen_crash("no console ring");
	ring = xen_map(pfn * XEN_PAGE_BYTES, XEN_MAP_RW);
	port = (uint32_t)xen_hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
	xen_event_bind(port, on_event, NULL);
}

const struct mirage_console_ops xen_console_ops = {
	.size = sizeof xen_console_ops,
	.write = console_write,
	.read_enable = read_enable,
	.log = console_log,
};
