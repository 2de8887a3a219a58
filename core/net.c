/* SPDX-License-Identifier: ISC */
/* The front of every network: checks, counters, events, close. */
#include "core.h"

#define ETHERNET_HEADER_BYTES 14u

static bool is_open(const struct mirage_net *net)
{
	return core_state(net->state) == CORE_OPEN;
}

/* ------------------------------------------------------------ Shortage -- */

/* Whoever fell short waits for WRITABLE: that keeps the program running. */
static void set_short(struct mirage_net *net, bool is_short)
{
	if (((net->state & CORE_SHORT) != 0) == is_short)
		return;
	net->state ^= CORE_SHORT;
	core.keeping += is_short ? 1 : -1;
}

/* ------------------------------------------------------------- Sending -- */

static uint32_t gso_cap(uint8_t gso)
{
	return gso == MIRAGE_GSO_TCPV4 ? MIRAGE_NET_CAP_TX_GSO4
				       : MIRAGE_NET_CAP_TX_GSO6;
}

/** Whether the marks of `frame` are allowed and point inside of its `bytes`. */
static int check_marks(const struct mirage_net *net,
		       const struct mirage_packet *frame, uint64_t bytes)
{
	if (frame->gso > MIRAGE_GSO_TCPV6 || frame->csum > MIRAGE_CSUM_BLANK)
		return MIRAGE_EINVAL;
	if (frame->gso != MIRAGE_GSO_NONE) {
		if ((net->info->caps & gso_cap(frame->gso)) == 0)
			return MIRAGE_ENOTSUP;
		if (frame->gso_size_bytes == 0 ||
		    frame->csum != MIRAGE_CSUM_BLANK)
			return MIRAGE_EINVAL;
	}
	if (frame->csum != MIRAGE_CSUM_BLANK)
		return 0;
	if ((net->info->caps & MIRAGE_NET_CAP_TX_CSUM) == 0)
		return MIRAGE_ENOTSUP;
	if ((uint64_t)frame->csum_start_bytes + frame->csum_offset_bytes + 2 >
	    bytes)
		return MIRAGE_EINVAL;
	return 0;
}

static int check_frame(const struct mirage_net *net,
		       const struct mirage_packet *frame, uint64_t *bytes_out)
{
	const struct mirage_net_info *info = net->info;
	uint32_t fragments = 0;
	uint64_t bytes = 0;
	int error = 0;

	core_must(frame->references != 0, "PKT-08",
		  "a packet was sent after its release");
	for (const struct mirage_packet *p = frame; p != NULL; p = p->next) {
		bytes += p->length_bytes;
		fragments++;
	}
	if (fragments > info->max_fragments)
		return MIRAGE_EMSGSIZE;
	if (frame->csum != MIRAGE_CSUM_NONE || frame->gso != MIRAGE_GSO_NONE)
		error = check_marks(net, frame, bytes);
	if (error < 0)
		return error;
	*bytes_out = bytes;
	if (bytes < ETHERNET_HEADER_BYTES ||
	    bytes > (frame->gso != MIRAGE_GSO_NONE
			     ? info->gso_max_bytes
			     : info->mtu_bytes + ETHERNET_HEADER_BYTES))
		return MIRAGE_EMSGSIZE;
	return 0;
}

int mirage_net_send(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n)
{
	uint64_t bytes = 0, frame_bytes;
	size_t good = 0;
	int error = 0, taken;

	if (!is_open(net))
		return MIRAGE_EGONE;
	while (good < n &&
	       (error = check_frame(net, packets[good], &frame_bytes)) == 0) {
		bytes += frame_bytes;
		good++;
	}
	if (good == 0) {
		net->counters->tx_refused += error < 0;
		return error;
	}
	taken = net->ops->send(net, packets, good);
	core_must(taken >= 0 && (size_t)taken <= good, "NET-19",
		  "the backend took more frames than there were");
	for (size_t i = (size_t)taken; i < good; i++)
		bytes -= mirage_packet_frame_bytes(packets[i]);
	net->counters->tx_frames += (uint64_t)taken;
	net->counters->tx_bytes += bytes;
	if ((size_t)taken < good)
		set_short(net, true);
	return taken;
}

int mirage_net_reserve(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n)
{
	uint32_t longest = net->info->mtu_bytes + ETHERNET_HEADER_BYTES;
	int got;

	if (!is_open(net))
		return MIRAGE_EGONE;
	if (longest < net->info->gso_max_bytes)
		longest = net->info->gso_max_bytes;
	if (length_bytes > longest)
		return MIRAGE_EMSGSIZE;
	if (n == 0)
		return 0;
	got = net->ops->reserve(net, length_bytes, packets, n);
	if (got >= 0 && (size_t)got < n)
		set_short(net, true);
	return got;
}

/* ----------------------------------------------------------- Receiving -- */

void mirage_net_on_receive(struct mirage_net *net,
			   mirage_net_receive_fn *on_receive, void *arg)
{
	if (is_open(net) && (on_receive != NULL) != (net->on_receive != NULL)) {
		core.keeping += on_receive != NULL ? 1 : -1;
		core_wake();
	}
	net->on_receive = is_open(net) ? on_receive : NULL;
	net->receive_arg = arg;
}

static void drop_all(struct mirage_net *net,
		     struct mirage_packet *const packets[], size_t n)
{
	net->counters->rx_dropped_nobody += n;
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
}

void mirage_core_net_deliver(struct mirage_net *net,
			     struct mirage_packet *const packets[], size_t n)
{
	if (n == 0)
		return;
	if ((net->state & CORE_SHIMMED) != 0) {
		net->on_receive(net->receive_arg, packets, n);
		return;
	}
	if (net->on_receive == NULL || core.ended) {
		drop_all(net, packets, n);
		return;
	}
	net->counters->rx_frames += n;
	for (size_t i = 0; i < n; i++)
		net->counters->rx_bytes +=
			mirage_packet_frame_bytes(packets[i]);
	core_enter();
	net->on_receive(net->receive_arg, packets, n);
	core_leave();
	core_wake();
}

/* -------------------------------------------------- Events and closing -- */

void mirage_net_on_event(struct mirage_net *net, mirage_event_fn *on_event,
			 void *arg)
{
	net->on_event = on_event;
	net->event_arg = arg;
}

void mirage_core_net_event(struct mirage_net *net, uint32_t event)
{
	if ((net->state & CORE_SHIMMED) != 0) {
		net->on_event(net->event_arg, event);
		return;
	}
	if (event == MIRAGE_EVENT_WRITABLE) {
		if ((net->state & CORE_SHORT) == 0)
			return;
		set_short(net, false);
	}
	net->events |= 1u << event;
	core.device_events = true;
	core_wake();
}

void mirage_net_close(struct mirage_net *net)
{
	if (!is_open(net))
		return;
	mirage_net_on_receive(net, NULL, NULL);
	set_short(net, false);
	net->state = CORE_CLOSING;
	core.keeping++;
	net->ops->close(net);
}

void mirage_core_net_closed(struct mirage_net *net)
{
	core_must(core_state(net->state) == CORE_CLOSING ||
			  (net->state & CORE_SHIMMED) != 0,
		  "NET-11", "the backend closed a network that nobody closed");
	mirage_core_net_event(net, MIRAGE_EVENT_CLOSED);
}

static void unlink_net(struct mirage_net *net)
{
	struct mirage_net **at = &core_nets;

	while (*at != net)
		at = &(*at)->next;
	*at = net->next;
	net->next = core_closed_nets;
	core_closed_nets = net;
	net->state = CORE_CLOSED;
	core.keeping--;
}

static void run_event(struct mirage_net *net, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		unlink_net(net);
	if (net->on_event == NULL)
		return;
	core_enter();
	net->on_event(net->event_arg, event);
	core_leave();
}

static void run_events(struct mirage_net *net)
{
	uint32_t events = net->events;

	net->events = 0;
	for (uint32_t event = MIRAGE_EVENT_WRITABLE;
	     event <= MIRAGE_EVENT_CLOSED && !core.ended; event++)
		if ((events & (1u << event)) != 0)
			run_event(net, event);
}

void core_net_events(void)
{
	struct mirage_net *net = core_nets, *next;

	for (; net != NULL; net = next) {
		next = net->next;
		run_events(net);
	}
}
