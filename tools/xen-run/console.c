/* SPDX-License-Identifier: ISC */
#include "console.h"

#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include "../../backends/xen/log_page.h"

static xenforeignmemory_handle *memory;
static xenevtchn_handle *events;

/* A console ring of the guest's, and what is on its way from there to a file of
 * ours. A pipe that polls as writable takes this much without waiting (PIPE_BUF). */
static struct stream {
	int fd;
	struct xencons_interface *ring;
	evtchn_port_t port;
	bool port_bound, broken; /* the ring's indices make no sense */
	char out[sizeof(((struct xencons_interface *)NULL)->out)];
	size_t out_from, out_to;
} data = {.fd = STDOUT_FILENO}, logs = {.fd = STDERR_FILENO};

static bool input_ended; /* standard input has no more */

static bool stream_open(struct stream *stream, const struct guest *guest,
			xen_pfn_t frame, uint32_t port)
{
	int bound;

	stream->ring = xenforeignmemory_map(
		memory, guest->domid, PROT_READ | PROT_WRITE, 1, &frame, NULL);
	bound = xenevtchn_bind_interdomain(events, guest->domid, port);
	stream->port = (evtchn_port_t)bound;
	stream->port_bound = bound >= 0;
	return stream->ring != NULL && bound >= 0;
}

static void stream_close(struct stream *stream)
{
	if (stream->port_bound)
		xenevtchn_unbind(events, stream->port);
	if (stream->ring != NULL)
		xenforeignmemory_unmap(memory, stream->ring, 1);
	stream->port_bound = stream->broken = false;
	stream->ring = NULL;
}

/** Tells the guest, which does not run yet, that its log is read. */
static void offer_log(const struct guest *guest)
{
	struct xen_log_page *page = (struct xen_log_page *)logs.ring;

	page->port = guest->log_port;
	page->magic = XEN_LOG_MAGIC;
}

bool console_open(const struct guest *guest)
{
	memory = xenforeignmemory_open(NULL, 0);
	events = xenevtchn_open(NULL, 0);
	if (memory == NULL || events == NULL ||
	    !stream_open(&data, guest, guest->console_gfn,
			 guest->console_port) ||
	    !stream_open(&logs, guest, XEN_LOG_GFN, guest->log_port)) {
		complain("cannot reach the guest's console: %s",
			 strerror(errno));
		return false;
	}
	offer_log(guest);
	return true;
}

void console_close(void)
{
	stream_close(&data);
	stream_close(&logs);
	if (events != NULL)
		xenevtchn_close(events);
	if (memory != NULL)
		xenforeignmemory_close(memory);
	events = NULL;
	memory = NULL;
}

/** How far the guest's index is ahead of ours, if that can be. */
static uint32_t ahead(struct stream *stream, uint32_t theirs, uint32_t ours,
		      size_t size)
{
	if (theirs - ours <= size)
		return theirs - ours;
	if (!stream->broken)
		complain("the guest has broken its console ring; no more is "
			 "read from it");
	stream->broken = true;
	return 0;
}

/* --------------------------------------------------------------- Output -- */

static bool take_output(struct stream *stream)
{
	struct xencons_interface *ring = stream->ring;
	uint32_t cons = ring->out_cons, n;

	if (stream->out_from < stream->out_to || stream->broken)
		return false;
	n = ahead(stream, __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE),
		  cons, sizeof ring->out);
	for (uint32_t i = 0; i < n; i++)
		stream->out[i] =
			ring->out[MASK_XENCONS_IDX(cons + i, ring->out)];
	if (n == 0)
		return false;
	stream->out_from = 0;
	stream->out_to = n;
	__atomic_store_n(&ring->out_cons, cons + n, __ATOMIC_RELEASE);
	xenevtchn_notify(events, stream->port);
	return true;
}

static void write_output(struct stream *stream)
{
	ssize_t n = write(stream->fd, stream->out + stream->out_from,
			  stream->out_to - stream->out_from);

	if (n >= 0)
		stream->out_from += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		stream->out_from = stream->out_to; /* nobody reads: go on */
}

static void drain(struct stream *stream)
{
	do {
		while (stream->out_from < stream->out_to)
			write_output(stream);
	} while (take_output(stream));
}

void console_drain(void)
{
	drain(&data);
	drain(&logs);
}

/* ---------------------------------------------------------------- Input -- */

static size_t input_room(void)
{
	struct xencons_interface *ring = data.ring;
	uint32_t prod = ring->in_prod;
	uint32_t used = ahead(&data, prod,
			      __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE),
			      sizeof ring->in);

	return data.broken ? 0 : sizeof ring->in - used;
}

static void read_input(void)
{
	struct xencons_interface *ring = data.ring;
	char bytes[sizeof ring->in];
	uint32_t prod = ring->in_prod;
	size_t room = input_room();
	ssize_t n = room > 0 ? read(STDIN_FILENO, bytes, room) : -1;

	if (n == 0)
		input_ended = true;
	if (n <= 0)
		return;
	for (ssize_t i = 0; i < n; i++, prod++)
		ring->in[MASK_XENCONS_IDX(prod, ring->in)] = bytes[i];
	__atomic_store_n(&ring->in_prod, prod, __ATOMIC_RELEASE);
	xenevtchn_notify(events, data.port);
}

/* ---------------------------------------------------------------- Relay -- */

static struct pollfd wants(const struct stream *stream)
{
	bool waits = stream->out_from < stream->out_to;

	return (struct pollfd){waits ? stream->fd : -1, POLLOUT, 0};
}

void console_poll(struct pollfd fds[CONSOLE_FDS])
{
	bool reads = !input_ended && input_room() > 0;

	fds[0] = (struct pollfd){xenevtchn_fd(events), POLLIN, 0};
	fds[1] = (struct pollfd){reads ? STDIN_FILENO : -1, POLLIN, 0};
	fds[2] = wants(&data);
	fds[3] = wants(&logs);
}

static void relay(struct stream *stream, bool writable)
{
	struct pollfd ready = {stream->fd, POLLOUT, 0};

	if (writable)
		write_output(stream);
	while (take_output(stream))
		if (poll(&ready, 1, 0) > 0)
			write_output(stream);
}

void console_relay(const struct pollfd fds[CONSOLE_FDS])
{
	xenevtchn_port_or_error_t pending;

	if (fds[0].revents != 0) {
		pending = xenevtchn_pending(events);
		if (pending >= 0)
			xenevtchn_unmask(events, (evtchn_port_t)pending);
	}
	if (fds[1].revents != 0)
		read_input();
	relay(&data, fds[2].revents != 0);
	relay(&logs, fds[3].revents != 0);
}
