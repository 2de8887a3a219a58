/* SPDX-License-Identifier: ISC */
#include "console.h"

#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include <xen/io/console.h>

static xenforeignmemory_handle *memory;
static xenevtchn_handle *events;
static struct xencons_interface *ring;
static evtchn_port_t port;
static bool port_bound;
static bool broken;	 /* the ring's indices make no sense */
static bool input_ended; /* standard input has no more */

/* On its way from the ring to standard output. A pipe that polls as writable
 * takes this much without waiting (PIPE_BUF). */
static char out[sizeof ring->out];
static size_t out_from, out_to;

bool console_open(const struct guest *guest)
{
	xen_pfn_t frame = guest->console_gfn;
	int bound;

	memory = xenforeignmemory_open(NULL, 0);
	events = xenevtchn_open(NULL, 0);
	if (memory != NULL)
		ring = xenforeignmemory_map(memory, guest->domid,
					    PROT_READ | PROT_WRITE, 1, &frame,
					    NULL);
	bound = events == NULL
			? -1
			: xenevtchn_bind_interdomain(events, guest->domid,
						     guest->console_port);
	if (ring == NULL || bound < 0) {
		complain("cannot reach the guest's console: %s",
			 strerror(errno));
		return false;
	}
	port = (evtchn_port_t)bound;
	port_bound = true;
	return true;
}

void console_close(void)
{
	if (port_bound)
		xenevtchn_unbind(events, port);
	if (ring != NULL)
		xenforeignmemory_unmap(memory, ring, 1);
	if (events != NULL)
		xenevtchn_close(events);
	if (memory != NULL)
		xenforeignmemory_close(memory);
	port_bound = broken = false;
	ring = NULL;
	events = NULL;
	memory = NULL;
}

/** How far the guest's index is ahead of ours, if that can be. */
static uint32_t ahead(uint32_t theirs, uint32_t ours, size_t size)
{
	if (theirs - ours <= size)
		return theirs - ours;
	if (!broken)
		complain("the guest has broken its console ring; no more is "
			 "read from it");
	broken = true;
	return 0;
}

/* --------------------------------------------------------------- Output -- */

static bool take_output(void)
{
	uint32_t cons = ring->out_cons, n;

	if (out_from < out_to || broken)
		return false;
	n = ahead(__atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE), cons,
		  sizeof ring->out);
	for (uint32_t i = 0; i < n; i++)
		out[i] = ring->out[MASK_XENCONS_IDX(cons + i, ring->out)];
	if (n == 0)
		return false;
	out_from = 0;
	out_to = n;
	__atomic_store_n(&ring->out_cons, cons + n, __ATOMIC_RELEASE);
	xenevtchn_notify(events, port);
	return true;
}

static void write_output(void)
{
	ssize_t n = write(STDOUT_FILENO, out + out_from, out_to - out_from);

	if (n >= 0)
		out_from += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		out_from = out_to; /* nobody reads: the guest goes on */
}

void console_drain(void)
{
	do {
		while (out_from < out_to)
			write_output();
	} while (take_output());
}

/* ---------------------------------------------------------------- Input -- */

static size_t input_room(void)
{
	uint32_t prod = ring->in_prod;
	uint32_t used =
		ahead(prod, __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE),
		      sizeof ring->in);

	return broken ? 0 : sizeof ring->in - used;
}

static void read_input(void)
{
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
	xenevtchn_notify(events, port);
}

/* ---------------------------------------------------------------- Relay -- */

void console_poll(struct pollfd fds[3])
{
	bool reads = !input_ended && input_room() > 0;

	fds[0] = (struct pollfd){xenevtchn_fd(events), POLLIN, 0};
	fds[1] = (struct pollfd){reads ? STDIN_FILENO : -1, POLLIN, 0};
	fds[2] = (struct pollfd){out_from < out_to ? STDOUT_FILENO : -1,
				 POLLOUT, 0};
}

void console_relay(const struct pollfd fds[3])
{
	struct pollfd ready = {STDOUT_FILENO, POLLOUT, 0};
	xenevtchn_port_or_error_t pending;

	if (fds[0].revents != 0) {
		pending = xenevtchn_pending(events);
		if (pending >= 0)
			xenevtchn_unmask(events, (evtchn_port_t)pending);
	}
	if (fds[1].revents != 0)
		read_input();
	if (fds[2].revents != 0)
		write_output();
	while (take_output())
		if (poll(&ready, 1, 0) > 0)
			write_output();
}
