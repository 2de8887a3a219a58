/* SPDX-License-Identifier: ISC */
/*
 * Networks: the loader's drivers move the frames, named by the scheme of the URI.
 * Between them and us lies one queue each way, in our memory, of frames behind
 * their lengths, so that the boundary is crossed once for many frames.
 */
#include "js.h"

#include "framing_net.h"

#include <stdlib.h>
#include <string.h>

#define ETHERNET_HEADER_BYTES 14u
#define FRAGMENTS_MAX 64u
/** How long a closed device tries to hand over what it has taken. */
#define LINGER_NS 1000000000u

struct js_net {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct mirage_open *open;
	char name[32];
	struct framing tx, rx;
	struct mirage_pool *tx_pool, *rx_pool;
	struct mirage_timer linger;
	struct js_net *next_kicked;
	bool kicked, closing, finishing;
};

/** Those with something to hand over at the end of the turn. */
static struct js_net *kicked;

/* ------------------------------------------------------------- Sending -- */

static void finish(void *arg)
{
	struct js_net *net = arg;

	if (net->finishing)
		return;
	net->finishing = true;
	mirage_timer_cancel(&net->linger);
	net->counters.tx_dropped_error += framing_unwritten(&net->tx);
	js_net_close(net);
}

/* Hands over what the driver takes, and says so to a sender who fell short once
 * half is free. */
static void flush(struct js_net *net)
{
	uint32_t bytes = framing_bytes(&net->tx);

	if (bytes != 0 && !net->finishing)
		framing_written(
			&net->tx,
			js_net_send(net, net->tx.bytes + net->tx.from, bytes));
	if (framing_bytes(&net->tx) <= net->tx.capacity_bytes / 2)
		mirage_core_net_event(&net->net, MIRAGE_EVENT_WRITABLE);
	if (net->closing && framing_bytes(&net->tx) == 0)
		finish(net);
}

static void flush_kicked(void)
{
	struct js_net *net = kicked, *next;

	for (kicked = NULL; net != NULL; net = next) {
		next = net->next_kicked;
		net->kicked = false;
		flush(net);
	}
}

/* What is sent in one turn goes to the driver at once. */
static void kick(struct js_net *net)
{
	if (net->kicked)
		return;
	net->kicked = true;
	net->next_kicked = kicked;
	kicked = net;
}

static int net_send(struct mirage_net *base,
		    struct mirage_packet *const packets[], size_t n)
{
	struct js_net *net = (struct js_net *)base;
	int taken;

	if (!net->info.link_up)
		return framing_net_drop(base, packets, n);
	taken = framing_net_put(&net->tx, packets, n);
	kick(net);
	return taken;
}

static int net_reserve(struct mirage_net *base, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n)
{
	struct js_net *net = (struct js_net *)base;

	(void)length_bytes; /* every packet of the pool has room for the mtu */
	return mirage_pool_reserve(net->tx_pool, packets, n);
}

static void net_close(struct mirage_net *base)
{
	struct js_net *net = (struct js_net *)base;

	net->closing = true;
	mirage_timer_start(&net->linger,
			   mirage_clock_monotonic_ns() + LINGER_NS, finish,
			   net);
	flush(net);
}

static void on_writable(struct js_net *net)
{
	if (!net->kicked)
		flush(net);
}

/* ----------------------------------------------------------- Receiving -- */

static uint32_t on_room_bytes(struct js_net *net)
{
	uint32_t room;

	framing_room(&net->rx, &room);
	return room;
}

static uint8_t *on_room(struct js_net *net)
{
	uint32_t room;

	return framing_room(&net->rx, &room);
}

static bool on_filled(struct js_net *net, uint32_t bytes)
{
	bool good;

	framing_filled(&net->rx, bytes);
	good = framing_net_deliver(&net->net, &net->rx, net->rx_pool,
				   &net->closing);
	if (net->closing)
		framing_reset(&net->rx);
	return good;
}

static void on_invalid(struct js_net *net, uint32_t n)
{
	net->counters.rx_dropped_invalid += n;
}

static void on_size(struct js_net *net, uint32_t n)
{
	net->counters.rx_dropped_size += n;
}

static void on_unsent(struct js_net *net, uint32_t n)
{
	net->counters.tx_dropped_error += n;
}

static void on_log(struct js_net *net, uint32_t level)
{
	mirage_log(level, "network '%s': %s", net->name, js_text);
}

static const struct mirage_net_counters *on_counters(struct js_net *net)
{
	return &net->counters;
}

static bool on_fault(struct js_net *net)
{
	return js_nothing_wrong(mirage_core_net_fault(&net->net, js_text));
}

/* ---------------------------------------------------------------- Link -- */

/* What lies in the queues is lost with the peer, and counted. */
static void on_link(struct js_net *net, bool up)
{
	if (net->info.link_up == up)
		return;
	net->info.link_up = up;
	if (!up) {
		net->counters.tx_dropped_error += framing_unwritten(&net->tx);
		net->counters.rx_dropped_invalid +=
			framing_bytes(&net->rx) != 0;
		framing_reset(&net->tx);
		framing_reset(&net->rx);
	}
	/* No news before the open is answered, none after the close. */
	if (net->net.name == NULL || net->closing) {
		if (net->closing)
			flush(net);
		return;
	}
	mirage_core_net_event(&net->net, MIRAGE_EVENT_LINK);
	mirage_core_net_event(&net->net, MIRAGE_EVENT_WRITABLE);
}

/* -------------------------------------------------- Opening and closing -- */

static void net_dispose(struct mirage_net *base)
{
	struct js_net *net = (struct js_net *)base;

	free(net->tx.bytes);
	mirage_pool_free(net->tx_pool);
	mirage_pool_free(net->rx_pool);
	free(net);
}

static const struct mirage_net_ops net_ops = {
	.size = sizeof net_ops,
	.reserve = net_reserve,
	.send = net_send,
	.close = net_close,
	.dispose = net_dispose,
};

static void on_opened(struct js_net *net, int result)
{
	if (result == 0) {
		mirage_core_net_opened(net->open, 0, &net->net);
		return;
	}
	mirage_open_refuse(net->open, result, "%s", js_text);
	net_dispose(&net->net);
}

static void on_closed(struct js_net *net)
{
	mirage_core_net_closed(&net->net);
}

static const struct js_net_calls calls = {
	.opened = on_opened,
	.closed = on_closed,
	.link = on_link,
	.writable = on_writable,
	.room = on_room,
	.room_bytes = on_room_bytes,
	.filled = on_filled,
	.invalid = on_invalid,
	.size = on_size,
	.unsent = on_unsent,
	.log = on_log,
	.counters = on_counters,
	.fault = on_fault,
};

static bool net_memory(struct js_net *net)
{
	uint32_t frame_bytes = net->info.mtu_bytes + ETHERNET_HEADER_BYTES;
	uint32_t n = mirage_pool_frames(frame_bytes);
	uint8_t *bytes = malloc(2 * FRAMING_BUFFER_BYTES);

	if (bytes == NULL)
		return false;
	framing_init(&net->tx, bytes, FRAMING_BUFFER_BYTES);
	framing_init(&net->rx, bytes + FRAMING_BUFFER_BYTES,
		     FRAMING_BUFFER_BYTES);
	net->tx_pool = mirage_pool_new(n, frame_bytes, &net->net);
	net->rx_pool = mirage_pool_new(n, frame_bytes, NULL);
	net->info.pool_frames = n;
	return net->tx_pool != NULL && net->rx_pool != NULL;
}

static void net_init(struct js_net *net, struct mirage_open *open)
{
	net->open = open;
	strncpy(net->name, open->name, sizeof net->name - 1);
	net->net.ops = &net_ops;
	net->net.info = &net->info;
	net->net.counters = &net->counters;
	net->counters.size = sizeof net->counters;
	net->info.size = sizeof net->info;
	net->info.caps = MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_LINK;
	net->info.headroom_bytes = MIRAGE_POOL_HEADROOM_BYTES;
	net->info.max_fragments = FRAGMENTS_MAX;
}

/** Two with the same name on one wire must not have the same address. */
static uint32_t salt(void)
{
	uint32_t bytes = 0;

	mirage_random_fill(&bytes, sizeof bytes);
	return bytes;
}

/** Reads a flag that only URIs of `scheme` have; others leave it unused. */
static bool scheme_flag(struct js_net *net, struct mirage_uri *uri,
			const char *scheme, const char *key, bool *flag)
{
	return strcmp(uri->scheme, scheme) != 0 ||
	       mirage_open_flag(net->open, uri, key, flag);
}

static bool net_options(struct js_net *net, struct mirage_uri *uri,
			bool flags[3])
{
	if (mirage_uri_option(uri, "pcap") != NULL)
		return mirage_open_refuse(
			net->open, MIRAGE_EINVAL,
			"pcap= writes a file, which WebAssembly cannot; record "
			"at the other end, or see frames by --trace %s",
			net->open->name);
	return mirage_open_net_options(net->open, uri, salt(), &net->info) &&
	       scheme_flag(net, uri, "unix", "listen", &flags[0]) &&
	       scheme_flag(net, uri, "unix", "connect", &flags[1]) &&
	       scheme_flag(net, uri, "bc", "batch", &flags[2]) &&
	       mirage_open_unused(net->open, uri);
}

static void open_parsed(struct mirage_open *open, struct mirage_uri *uri)
{
	struct js_net *net = calloc(1, sizeof *net);
	bool flags[3] = {false, false, false};

	if (net == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "no memory for it");
		return;
	}
	net_init(net, open);
	if (!net_options(net, uri, flags)) {
		free(net);
		return;
	}
	if (!net_memory(net)) {
		mirage_open_refuse(open, MIRAGE_ENOMEM,
				   "no memory for its packets");
		net_dispose(&net->net);
		return;
	}
	js_net_open(net, open->name, uri->scheme, uri->path,
		    net->info.mtu_bytes, net->info.mac, flags[0], flags[1],
		    flags[2], &calls);
}

void js_net_open_uri(struct mirage_open *open)
{
	struct mirage_uri uri;
	const char *wrong;

	js_turn_end = flush_kicked;
	if (open->uri == NULL) {
		mirage_open_refuse(open, MIRAGE_ENODEV,
				   "nobody gave it; start the program with "
				   "--net %s=URI, such as --net %s=bc:lan",
				   open->name, open->name);
		return;
	}
	wrong = mirage_uri_parse(&uri, open->uri);
	if (wrong != NULL)
		mirage_open_refuse(open, MIRAGE_EINVAL, "%s", wrong);
	else
		open_parsed(open, &uri);
}
