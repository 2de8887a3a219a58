/* SPDX-License-Identifier: ISC */
/*
 * Tells in the log what goes through a network, or records its frames:
 *
 *	trace 3.000000000 service: send frames=2 bytes=120 taken=2
 *	trace 3.000100000 service: receive frames=1 bytes=60
 */
#include "pcap.h"
#include "shim.h"

#include <stdlib.h>

struct trace_net {
	struct mirage_net net;
	struct mirage_net *inner;
	bool records; /* into `pcap`, until closed; else lines */
	struct core_pcap *pcap;
};

static uint64_t sum_bytes(struct mirage_packet *const packets[], size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += mirage_packet_frame_bytes(packets[i]);
	return bytes;
}

static int trace_reserve(struct mirage_net *net, uint32_t length_bytes,
			 struct mirage_packet *packets[], size_t n)
{
	struct trace_net *trace = (struct trace_net *)net;
	int got = trace->inner->ops->reserve(trace->inner, length_bytes,
					     packets, n);

	if (!trace->records)
		core_shim_line(net->name, "reserve frames=%zu length=%u got=%d",
			       n, (unsigned)length_bytes, got);
	return got;
}

/** Sends in pieces that the recorder is able to hold, because the frames are
 *  gone afterwards and only those that were taken belong into the file. */
static int send_recorded(struct trace_net *trace,
			 struct mirage_packet *const packets[], size_t n)
{
	size_t sent = 0, piece, taken;

	do {
		for (piece = 0; sent + piece < n; piece++)
			if (!core_pcap_add(trace->pcap, packets[sent + piece]))
				break;
		taken = core_shim_send(trace->inner, packets + sent, piece);
		core_pcap_write(trace->pcap, taken);
		sent += taken;
	} while (taken == piece && sent < n);
	return (int)sent;
}

static int trace_send(struct mirage_net *net,
		      struct mirage_packet *const packets[], size_t n)
{
	struct trace_net *trace = (struct trace_net *)net;
	uint64_t bytes;
	size_t taken;

	if (trace->records)
		return send_recorded(trace, packets, n);
	bytes = sum_bytes(packets, n);
	taken = core_shim_send(trace->inner, packets, n);
	core_shim_line(net->name, "send frames=%zu bytes=%llu taken=%zu", n,
		       (unsigned long long)bytes, taken);
	return (int)taken;
}

static void trace_receive(void *arg, struct mirage_packet *const packets[],
			  size_t n)
{
	struct trace_net *trace = arg;

	if (!trace->records)
		core_shim_line(trace->net.name, "receive frames=%zu bytes=%llu",
			       n, (unsigned long long)sum_bytes(packets, n));
	for (size_t i = 0; trace->records && i < n; i++) {
		core_pcap_add(trace->pcap, packets[i]);
		core_pcap_write(trace->pcap, 1);
	}
	mirage_core_net_deliver(&trace->net, packets, n);
}

static void trace_event(void *arg, uint32_t event)
{
	struct trace_net *trace = arg;

	if (!trace->records)
		core_shim_line(trace->net.name, "event %s",
			       core_shim_event_name(event));
	if (event == MIRAGE_EVENT_CLOSED && trace->records) {
		core_pcap_close(trace->pcap);
		trace->pcap = NULL;
	}
	core_shim_event_net(&trace->net, event);
}

static void trace_close(struct mirage_net *net)
{
	struct trace_net *trace = (struct trace_net *)net;

	if (!trace->records)
		core_shim_line(net->name, "close");
	trace->inner->ops->close(trace->inner);
}

static void trace_dispose(struct mirage_net *net)
{
	struct trace_net *trace = (struct trace_net *)net;

	if (trace->pcap != NULL)
		core_pcap_close(trace->pcap);
	core_shim_dispose_net(trace->inner);
	free(trace);
}

static const struct mirage_net_ops trace_ops = {
	.size = sizeof trace_ops,
	.reserve = trace_reserve,
	.send = trace_send,
	.close = trace_close,
	.dispose = trace_dispose,
};

struct mirage_net *core_shim_trace_net(struct mirage_net *inner,
				       struct core_pcap *pcap)
{
	struct trace_net *trace = calloc(1, sizeof *trace);

	if (trace == NULL)
		return NULL;
	trace->net.ops = &trace_ops;
	trace->net.info = inner->info;
	trace->net.counters = inner->counters;
	trace->net.name = inner->name;
	trace->inner = inner;
	trace->records = pcap != NULL;
	trace->pcap = pcap;
	core_shim_adopt_net(inner, trace_receive, trace_event, trace);
	return &trace->net;
}
