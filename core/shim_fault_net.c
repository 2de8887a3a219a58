/* SPDX-License-Identifier: ISC */
/*
 * Drops, delays, swaps and doubles frames of a network by their number, which is
 * counted in each direction for itself.
 *
 * In either direction a frame goes through a queue in the order of the moments
 * when frames are due, at once as a rule. What is sent counts as taken when it is
 * in the queue. Frames dropped by plan count as `tx_dropped_error` and
 * `rx_dropped_invalid`, those for which the queue has no room on receiving as
 * `rx_dropped_memory`.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_FRAMES 256
#define BATCH 64

struct entry {
	struct mirage_packet *frame;
	uint64_t due_ns;
};

struct fault_net;

struct lane {
	struct fault_net *fault;
	enum core_fault_way way;
	uint64_t n_frames;
	struct mirage_packet *held; /* will change places with the next one */
	bool busy;		    /* handing on: the device may call back */
	struct mirage_timer timer;
	size_t n_queued;
	struct entry queue[QUEUE_FRAMES]; /* the next one is the last */
};

struct fault_net {
	struct mirage_net net;
	struct mirage_net *inner;
	struct core_fault_plan plan;
	struct lane rx, tx;
	bool full; /* a send fell short */
	bool closing;
};

static bool has_room(const struct lane *lane)
{
	/* A frame may bring a duplicate and free a held one. */
	return lane->n_queued + 3 <= QUEUE_FRAMES;
}

/** Files a frame behind all that are due before or with it. */
static void file(struct lane *lane, struct mirage_packet *frame,
		 uint64_t due_ns)
{
	size_t at = 0;

	while (at < lane->n_queued && lane->queue[at].due_ns > due_ns)
		at++;
	memmove(&lane->queue[at + 1], &lane->queue[at],
		(lane->n_queued - at) * sizeof lane->queue[0]);
	lane->queue[at] = (struct entry){frame, due_ns};
	lane->n_queued++;
}

/** A copy in a packet of the device's own, or NULL where it cannot be had. */
static struct mirage_packet *copy(struct fault_net *fault,
				  const struct mirage_packet *frame)
{
	uint64_t bytes = mirage_packet_frame_bytes(frame);
	struct mirage_packet *packet;

	if (bytes > fault->net.info->mtu_bytes + 14u ||
	    fault->inner->ops->reserve(fault->inner, (uint32_t)bytes, &packet,
				       1) != 1)
		return NULL;
	packet->csum = frame->csum;
	packet->csum_start_bytes = frame->csum_start_bytes;
	packet->csum_offset_bytes = frame->csum_offset_bytes;
	for (; frame != NULL; frame = frame->next)
		memcpy(mirage_packet_append(packet, frame->length_bytes),
		       frame->data, frame->length_bytes);
	return packet;
}

static void drop(struct lane *lane, struct mirage_packet *frame)
{
	struct mirage_net_counters *counters = lane->fault->net.counters;

	if (lane->way == CORE_FAULT_TX)
		counters->tx_dropped_error++;
	else
		counters->rx_dropped_invalid++;
	mirage_packet_release(frame);
}

static const struct core_fault_rule *rule_for(const struct lane *lane,
					      enum core_fault_kind kind)
{
	return core_fault_plan_match(&lane->fault->plan, kind, lane->way,
				     lane->n_frames);
}

static void duplicate(struct lane *lane, const struct mirage_packet *frame,
		      uint64_t due_ns)
{
	struct mirage_packet *packet = copy(lane->fault, frame);

	if (packet != NULL)
		file(lane, packet, due_ns);
	else
		mirage_log(MIRAGE_LOG_WARN,
			   "network '%s': no packet for a duplicate",
			   lane->fault->net.name);
}

/** Puts one frame through the plan and into the queue. */
static void enter(struct lane *lane, struct mirage_packet *frame,
		  uint64_t now_ns)
{
	const struct core_fault_rule *delay;
	uint64_t due_ns = now_ns;
	struct mirage_packet *held = lane->held;

	lane->n_frames++;
	if (rule_for(lane, CORE_FAULT_DROP) != NULL) {
		drop(lane, frame);
		return;
	}
	delay = rule_for(lane, CORE_FAULT_DELAY);
	if (delay != NULL)
		due_ns += delay->delay_ns;
	if (held == NULL && rule_for(lane, CORE_FAULT_REORDER) != NULL) {
		lane->held = frame;
		return;
	}
	file(lane, frame, due_ns);
	if (rule_for(lane, CORE_FAULT_DUPLICATE) != NULL)
		duplicate(lane, frame, due_ns);
	if (held != NULL)
		file(lane, held, due_ns);
	lane->held = NULL;
}

/** Takes up to BATCH frames that are due off the queue, in their order. */
static size_t take_due(struct lane *lane, struct mirage_packet *batch[],
		       uint64_t now_ns)
{
	size_t n = 0;

	while (n < BATCH && n < lane->n_queued &&
	       lane->queue[lane->n_queued - 1 - n].due_ns <= now_ns) {
		batch[n] = lane->queue[lane->n_queued - 1 - n].frame;
		n++;
	}
	return n;
}

static void pump(struct lane *lane);

static void on_time(void *arg)
{
	struct lane *lane = arg;

	/* Not a callback of the application: it may be called from here. */
	core_leave();
	pump(lane);
	core_enter();
}

static void tell_writable(struct fault_net *fault)
{
	if (!fault->full || !has_room(&fault->tx))
		return;
	fault->full = false;
	mirage_core_net_event(&fault->net, MIRAGE_EVENT_WRITABLE);
}

/** Hands on what is due. Returns false when the inner device is full. */
static bool hand_on(struct lane *lane, uint64_t now_ns)
{
	struct fault_net *fault = lane->fault;
	struct mirage_packet *batch[BATCH];
	size_t n = take_due(lane, batch, now_ns), taken = n;

	if (n == 0 || lane->busy)
		return false;
	lane->busy = true;
	if (lane->way == CORE_FAULT_TX)
		taken = core_shim_send(fault->inner, batch, n);
	lane->n_queued -= taken;
	if (lane->way == CORE_FAULT_RX)
		mirage_core_net_deliver(&fault->net, batch, n);
	lane->busy = false;
	return taken == n;
}

static void pump(struct lane *lane)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();

	while (hand_on(lane, now_ns))
		;
	if (lane->way == CORE_FAULT_TX)
		tell_writable(lane->fault);
	/* What is due and still here waits for WRITABLE, not for a time. */
	if (lane->n_queued == 0 ||
	    lane->queue[lane->n_queued - 1].due_ns <= now_ns)
		mirage_timer_cancel(&lane->timer);
	else
		mirage_timer_start(&lane->timer,
				   lane->queue[lane->n_queued - 1].due_ns,
				   on_time, lane);
}

static int fault_reserve(struct mirage_net *net, uint32_t length_bytes,
			 struct mirage_packet *packets[], size_t n)
{
	struct fault_net *fault = (struct fault_net *)net;

	return fault->inner->ops->reserve(fault->inner, length_bytes, packets,
					  n);
}

static int fault_send(struct mirage_net *net,
		      struct mirage_packet *const packets[], size_t n)
{
	struct fault_net *fault = (struct fault_net *)net;
	uint64_t now_ns = mirage_clock_monotonic_ns();
	size_t taken = 0;

	do {
		for (; taken < n && has_room(&fault->tx); taken++)
			enter(&fault->tx, packets[taken], now_ns);
		pump(&fault->tx);
	} while (taken < n && has_room(&fault->tx));
	fault->full = taken < n;
	return (int)taken;
}

static void fault_receive(void *arg, struct mirage_packet *const packets[],
			  size_t n)
{
	struct fault_net *fault = arg;
	uint64_t now_ns = mirage_clock_monotonic_ns();

	if (fault->closing) {
		mirage_core_net_deliver(&fault->net, packets, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!has_room(&fault->rx))
			pump(&fault->rx);
		if (has_room(&fault->rx)) {
			enter(&fault->rx, packets[i], now_ns);
			continue;
		}
		fault->net.counters->rx_dropped_memory++;
		mirage_packet_release(packets[i]);
	}
	pump(&fault->rx);
}

static void fault_event(void *arg, uint32_t event)
{
	struct fault_net *fault = arg;

	if (event == MIRAGE_EVENT_WRITABLE && fault->tx.n_queued > 0)
		pump(&fault->tx);
	core_shim_event_net(&fault->net, event);
}

/** Empties a lane for ever: what was taken is sent, the rest dropped. */
static void drain(struct lane *lane)
{
	mirage_timer_cancel(&lane->timer);
	if (lane->held != NULL)
		file(lane, lane->held, 0);
	lane->held = NULL;
	while (hand_on(lane, UINT64_MAX))
		;
	while (lane->n_queued > 0)
		drop(lane, lane->queue[--lane->n_queued].frame);
}

static void fault_close(struct mirage_net *net)
{
	struct fault_net *fault = (struct fault_net *)net;

	fault->closing = true;
	drain(&fault->tx);
	drain(&fault->rx);
	fault->inner->ops->close(fault->inner);
}

static void fault_dispose(struct mirage_net *net)
{
	struct fault_net *fault = (struct fault_net *)net;

	core_shim_dispose_net(fault->inner);
	free(fault);
}

static const struct mirage_net_ops fault_ops = {
	.size = sizeof fault_ops,
	.reserve = fault_reserve,
	.send = fault_send,
	.close = fault_close,
	.dispose = fault_dispose,
};

struct mirage_net *core_shim_fault_net(struct mirage_net *inner,
				       const struct core_fault_plan *plan)
{
	struct fault_net *fault = calloc(1, sizeof *fault);

	if (fault == NULL)
		return NULL;
	fault->plan = *plan;
	fault->rx.fault = fault->tx.fault = fault;
	fault->rx.way = CORE_FAULT_RX;
	fault->tx.way = CORE_FAULT_TX;
	fault->net.ops = &fault_ops;
	fault->net.info = inner->info;
	fault->net.counters = inner->counters;
	fault->net.name = inner->name;
	fault->inner = inner;
	core_shim_adopt_net(inner, fault_receive, fault_event, fault);
	return &fault->net;
}

const char *mirage_core_net_fault(struct mirage_net *net, const char *plan)
{
	struct fault_net *fault = net->event_arg;
	const char *wrong;

	if (net->on_event != fault_event)
		return CORE_FAULT_NONE;
	wrong = core_fault_plan_replace(&fault->plan, plan, true);
	if (wrong == NULL)
		fault->rx.n_frames = fault->tx.n_frames = 0;
	return wrong;
}
