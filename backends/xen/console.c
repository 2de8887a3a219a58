/* SPDX-License-Identifier: ISC */
/*
 * The console ring (xen/include/public/io/console.h): 2 KiB out, 1 KiB in, shared
 * with xenconsoled, and behind it a buffer for bursts. The ring's indices run
 * freely; ours are kept here, the other side's are read once and believed only
 * within the bounds of the ring.
 *
 * Data and log lines take the same way: a Xen guest has but one console.
 */
#include "xen.h"

#include "hypercall.h"
#include "machine.h"

#include <string.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define BUFFER_BYTES 16384u

/* How long a reader that takes nothing is waited for. */
#define PATIENCE_NS UINT64_C(5000000000)

static struct xencons_interface *ring;
static uint32_t port;
static bool reading, gone, fell_short;

static uint32_t out_prod, in_cons; /* in the ring */
static char buffer[BUFFER_BYTES];
static uint32_t buffer_in, buffer_out; /* run freely */
static uint64_t lines_lost;

/* The console itself is what is broken, so only Xen's log hears of it. */
static void breach(void)
{
	gone = true;
	/* Whoever waits for room learns that there will be none. */
	xen_kick(&xen_console_kick);
	xen_report("mirage: the console ring's indices make no sense; it is "
		   "not used any more\n");
}

/* ---------------------------------------------------------------- Output -- */

static uint32_t ring_room(void)
{
	uint32_t used;

	if (gone || ring == NULL)
		return 0;
	used = out_prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);
	if (used > sizeof ring->out) {
		breach();
		return 0;
	}
	return (uint32_t)sizeof ring->out - used;
}

static uint32_t buffer_room(void)
{
	return BUFFER_BYTES - (buffer_in - buffer_out);
}

/** Moves what fits from the buffer to the ring. */
static void pump(void)
{
	uint32_t room = ring_room(), n = buffer_in - buffer_out;

	n = n < room ? n : room;
	if (n == 0)
		return;
	for (uint32_t i = 0; i < n; i++, out_prod++, buffer_out++)
		ring->out[MASK_XENCONS_IDX(out_prod, ring->out)] =
			buffer[buffer_out % BUFFER_BYTES];
	__atomic_store_n(&ring->out_prod, out_prod, __ATOMIC_RELEASE);
	xen_event_notify(port);
}

static void put(const char *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++, buffer_in++)
		buffer[buffer_in % BUFFER_BYTES] = bytes[i];
}

static int console_write(const void *bytes, size_t length)
{
	uint32_t n;

	if (gone)
		return MIRAGE_EGONE;
	pump();
	n = length < buffer_room() ? (uint32_t)length : buffer_room();
	put(bytes, n);
	pump();
	fell_short |= n < length;
	return (int)n;
}

/** Waits until something leaves the buffer or the ring; false when nothing has for
 *  too long. */
static bool await_reader(void)
{
	uint64_t deadline_ns = xen_clock_ops.monotonic_ns() + PATIENCE_NS;
	uint32_t before = ring_room();

	/* It may have taken everything since the last look. */
	if (before > 0 && buffer_in != buffer_out)
		return true;
	while (!gone && ring_room() == before) {
		if (xen_clock_ops.monotonic_ns() >= deadline_ns)
			return false;
		xen_event_wait_one(port, deadline_ns);
	}
	/* The event may have been about input, too. */
	xen_kick(&xen_console_kick);
	return !gone;
}

size_t xen_console_write_all(const void *bytes, size_t length)
{
	const char *at = bytes;
	size_t left = length;

	while (left > 0 && ring != NULL) {
		int n = console_write(at, left);

		if (n < 0 || (n == 0 && !await_reader()))
			break;
		at += n;
		left -= (size_t)n;
	}
	return length - left;
}

void xen_console_drain(void)
{
	for (;;) {
		pump();
		if (gone || ring == NULL ||
		    (buffer_in == buffer_out &&
		     ring_room() == sizeof ring->out) ||
		    !await_reader())
			return;
	}
}

static void put_line(const char *line, size_t length)
{
	if (gone || length + 1 > buffer_room()) {
		lines_lost++;
		return;
	}
	put(line, (uint32_t)length);
	put("\n", 1);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	put_line(line, length);
	pump();
}

static void tell_lost(void)
{
	static const char text[] = "mirage: log lines were lost here";

	if (lines_lost == 0 || buffer_room() < BUFFER_BYTES / 2)
		return;
	lines_lost = 0;
	put_line(text, sizeof text - 1);
	pump();
}

/* ----------------------------------------------------------------- Input -- */

static void read_input(void)
{
	char bytes[sizeof ring->in];
	uint32_t prod, n = 0;

	if (!reading || gone)
		return;
	prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
	if (prod - in_cons > sizeof ring->in) {
		breach();
		return;
	}
	while (in_cons != prod)
		bytes[n++] = ring->in[MASK_XENCONS_IDX(in_cons++, ring->in)];
	if (n == 0)
		return;
	__atomic_store_n(&ring->in_cons, in_cons, __ATOMIC_RELEASE);
	xen_event_notify(port);
	mirage_core_console_input(bytes, n);
}

static void look(void)
{
	pump();
	tell_lost();
	if (fell_short && (gone || buffer_room() > 0)) {
		fell_short = false;
		mirage_core_event(MIRAGE_EVENT_CONSOLE);
	}
	read_input();
}

static void run_kick(struct xen_kick *kick)
{
	look();
}

struct xen_kick xen_console_kick = {.run = run_kick};

static void read_enable(bool enable)
{
	reading = enable;
	/* Bytes may have waited for a reader. */
	if (enable)
		xen_kick(&xen_console_kick);
}

static void on_event(void *arg)
{
	look();
}

/* ----------------------------------------------------------------- Setup -- */

void xen_console_init(void)
{
	uint64_t pfn = xen_hvm_param(HVM_PARAM_CONSOLE_PFN);

	if (pfn == 0)
		xen_crash("no console ring");
	ring = xen_map(pfn * XEN_PAGE_BYTES, XEN_MAP_RW);
	port = (uint32_t)xen_hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
	out_prod = ring->out_prod;
	in_cons = ring->in_cons;
	gone = false;
	xen_event_bind(port, on_event, NULL);
	xen_kick(&xen_console_kick);
}

const struct mirage_console_ops xen_console_ops = {
	.size = sizeof xen_console_ops,
	.write = console_write,
	.read_enable = read_enable,
	.log = console_log,
};
