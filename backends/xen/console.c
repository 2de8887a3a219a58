/* SPDX-License-Identifier: ISC */
/*
 * The console ring (xen/include/public/io/console.h): 2 KiB out, 1 KiB in, shared
 * with xenconsoled, and behind it a buffer for bursts. The ring's indices run
 * freely; ours are kept here, the other side's are read once and believed only
 * within the bounds of the ring.
 *
 * Log lines have a ring of their own where mirage-xen-run serves one; otherwise
 * they take the way of data: Xen itself has but one console.
 */
#include "xen.h"

#include "hypercall.h"
#include "log_page.h"
#include "machine.h"

#include <string.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define BUFFER_BYTES 16384u

/* How long a reader that takes nothing is waited for. */
#define PATIENCE_NS UINT64_C(5000000000)

/* A way out. */
struct stream {
	struct xencons_interface *ring;
	uint32_t port;
	uint32_t prod; /* in the ring */
	bool gone;
	char buffer[BUFFER_BYTES];
	uint32_t in, out; /* of the buffer; run freely */
};

static struct stream data, logs;
static struct stream *lines = &data; /* where log lines go */
static bool reading, fell_short;
static uint32_t in_cons; /* in the ring of data */
static uint64_t lines_lost;

/* The console itself is what is broken, so only Xen's log hears of it. */
static void breach(struct stream *stream)
{
	stream->gone = true;
	/* Whoever waits for room learns that there will be none. */
	xen_kick(&xen_console_kick);
	xen_report("mirage: the console ring's indices make no sense; it is "
		   "not used any more\n");
}

/* ---------------------------------------------------------------- Output -- */

static uint32_t ring_room(struct stream *stream)
{
	struct xencons_interface *ring = stream->ring;
	uint32_t used;

	if (stream->gone || ring == NULL)
		return 0;
	used = stream->prod -
	       __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);
	if (used > sizeof ring->out) {
		breach(stream);
		return 0;
	}
	return (uint32_t)sizeof ring->out - used;
}

static uint32_t buffer_room(const struct stream *stream)
{
	return BUFFER_BYTES - (stream->in - stream->out);
}

/** Moves what fits from the buffer to the ring. */
static void pump(struct stream *stream)
{
	struct xencons_interface *ring = stream->ring;
	uint32_t room = ring_room(stream), n = stream->in - stream->out;

	n = n < room ? n : room;
	if (n == 0)
		return;
	for (uint32_t i = 0; i < n; i++, stream->prod++, stream->out++)
		ring->out[MASK_XENCONS_IDX(stream->prod, ring->out)] =
			stream->buffer[stream->out % BUFFER_BYTES];
	__atomic_store_n(&ring->out_prod, stream->prod, __ATOMIC_RELEASE);
	xen_event_notify(stream->port);
}

static void put(struct stream *stream, const char *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++, stream->in++)
		stream->buffer[stream->in % BUFFER_BYTES] = bytes[i];
}

static int console_write(const void *bytes, size_t length)
{
	uint32_t n;

	if (data.gone)
		return MIRAGE_EGONE;
	pump(&data);
	n = buffer_room(&data);
	n = length < n ? (uint32_t)length : n;
	put(&data, bytes, n);
	pump(&data);
	fell_short |= n < length;
	return (int)n;
}

/** Waits until something leaves the buffer or the ring; false when nothing has for
 *  too long. */
static bool await_reader(struct stream *stream)
{
	uint64_t deadline_ns = xen_clock_ops.monotonic_ns() + PATIENCE_NS;
	uint32_t before = ring_room(stream);

	/* It may have taken everything since the last look. */
	if (before > 0 && stream->in != stream->out)
		return true;
	while (!stream->gone && ring_room(stream) == before) {
		if (xen_clock_ops.monotonic_ns() >= deadline_ns)
			return false;
		xen_event_wait_one(stream->port, deadline_ns);
	}
	/* The event may have been about input, too. */
	xen_kick(&xen_console_kick);
	return !stream->gone;
}

size_t xen_console_write_all(const void *bytes, size_t length)
{
	const char *at = bytes;
	size_t left = length;

	while (left > 0 && data.ring != NULL) {
		int n = console_write(at, left);

		if (n < 0 || (n == 0 && !await_reader(&data)))
			break;
		at += n;
		left -= (size_t)n;
	}
	return length - left;
}

static void drain(struct stream *stream)
{
	for (;;) {
		pump(stream);
		if (stream->gone || stream->ring == NULL ||
		    (stream->in == stream->out &&
		     ring_room(stream) == sizeof stream->ring->out) ||
		    !await_reader(stream))
			return;
	}
}

void xen_console_drain(void)
{
	drain(&data);
	drain(&logs);
}

static void put_line(const char *line, size_t length)
{
	if (lines->gone || length + 1 > buffer_room(lines)) {
		lines_lost++;
		return;
	}
	put(lines, line, (uint32_t)length);
	put(lines, "\n", 1);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	put_line(line, length);
	pump(lines);
}

static void tell_lost(void)
{
	static const char text[] = "mirage: log lines were lost here";

	if (lines_lost == 0 || buffer_room(lines) < BUFFER_BYTES / 2)
		return;
	lines_lost = 0;
	put_line(text, sizeof text - 1);
	pump(lines);
}

/* ----------------------------------------------------------------- Input -- */

static void read_input(void)
{
	struct xencons_interface *ring = data.ring;
	char bytes[sizeof ring->in];
	uint32_t prod, n = 0;

	if (!reading || data.gone)
		return;
	prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
	if (prod - in_cons > sizeof ring->in) {
		breach(&data);
		return;
	}
	while (in_cons != prod)
		bytes[n++] = ring->in[MASK_XENCONS_IDX(in_cons++, ring->in)];
	if (n == 0)
		return;
	__atomic_store_n(&ring->in_cons, in_cons, __ATOMIC_RELEASE);
	xen_event_notify(data.port);
	mirage_core_console_input(bytes, n);
}

static void look(void)
{
	pump(&data);
	pump(&logs);
	tell_lost();
	if (fell_short && (data.gone || buffer_room(&data) > 0)) {
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

static void connect(struct stream *stream, struct xencons_interface *ring,
		    uint32_t port)
{
	stream->ring = ring;
	stream->port = port;
	stream->prod = ring->out_prod;
	stream->gone = false;
	xen_event_bind(port, on_event, NULL);
}

/** Takes the page's magic away: after a suspension nobody serves it. */
static void find_log(void)
{
	struct xen_log_page *page =
		xen_map(XEN_LOG_GFN * XEN_PAGE_BYTES, XEN_MAP_RW);

	lines = page->magic == XEN_LOG_MAGIC ? &logs : &data;
	page->magic = 0;
	if (lines == &logs)
		connect(&logs, &page->ring, page->port);
	else
		logs.ring = NULL;
}

void xen_console_init(void)
{
	uint64_t pfn = xen_hvm_param(HVM_PARAM_CONSOLE_PFN);

	if (pfn == 0)
		xen_crash("no console ring");
	connect(&data, xen_map(pfn * XEN_PAGE_BYTES, XEN_MAP_RW),
		(uint32_t)xen_hvm_param(HVM_PARAM_CONSOLE_EVTCHN));
	in_cons = data.ring->in_cons;
	find_log();
	xen_kick(&xen_console_kick);
}

const struct mirage_console_ops xen_console_ops = {
	.size = sizeof xen_console_ops,
	.write = console_write,
	.read_enable = read_enable,
	.log = console_log,
};
