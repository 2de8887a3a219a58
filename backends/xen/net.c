/* SPDX-License-Identifier: ISC */
/* netfront: finding a network, meeting its backend, losing it and meeting it
 * again. */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

static struct xen_net *of_bus(struct xenbus *bus)
{
	return (void *)((char *)bus - offsetof(struct xen_net, bus));
}

/* ---------------------------------------------------------------- Memory -- */

static bool make_pool(struct mirage_pool *pool, struct mirage_packet **packets,
		      void **memory, uint32_t n, uint32_t stride,
		      uint32_t headroom, struct mirage_net *net)
{
	*memory = xen_pages_alloc((size_t)n * stride / XEN_PAGE_BYTES);
	*packets = calloc(n, sizeof **packets);
	if (*memory == NULL || *packets == NULL)
		return false;
	mirage_pool_init(pool, *packets, *memory, n, stride, headroom, net);
	return true;
}

static bool make_pools(struct xen_net *net)
{
	return make_pool(&net->tx_pool, &net->tx_packets, &net->tx_memory,
			 XEN_NET_TX_PACKETS, XEN_NET_TX_STRIDE,
			 XEN_NET_HEADROOM, &net->net) &&
	       make_pool(&net->rx_pool, &net->rx_packets, &net->rx_memory,
			 XEN_NET_RX_PACKETS, XEN_PAGE_BYTES, 0, NULL);
}

/* ---------------------------------------------------------------- Events -- */

static void on_event(void *arg)
{
	struct xen_net *net = arg;

	if (net->phase != XEN_NET_CONNECTED)
		return;
	xen_net_tx_poll(net);
	if (net->phase == XEN_NET_CONNECTED)
		xen_net_rx_poll(net);
}

/** One notification a ring for all that was put on it in a turn. */
static void run_kick(struct xen_kick *kick)
{
	struct xen_net *net =
		(void *)((char *)kick - offsetof(struct xen_net, kick));

	if (net->phase != XEN_NET_CONNECTED)
		return;
	xen_net_tx_push(net);
	xen_net_rx_push(net);
}

static void set_link(struct xen_net *net, bool up)
{
	if (net->info.link_up == up)
		return;
	net->info.link_up = up;
	if (net->open == NULL)
		mirage_core_net_event(&net->net, MIRAGE_EVENT_LINK);
}

void xen_net_breach(struct xen_net *net, const char *what)
{
	net->breaches++;
	mirage_log(MIRAGE_LOG_ERROR,
		   "network '%s': its backend %s; the network is shut down",
		   net->net.name, what);
	net->phase = XEN_NET_DEAD;
	set_link(net, false);
}

/* --------------------------------------------------------------- Opening -- */

static void answer(struct xen_net *net, int result)
{
	struct mirage_open *open = net->open;

	net->open = NULL;
	mirage_core_net_opened(open, result, result < 0 ? NULL : &net->net);
}

static void refuse(struct xen_net *net, const char *why)
{
	mirage_core_open_error(net->open, "%s: %s", net->bus.backend, why);
	xenbus_forget(&net->bus);
	answer(net, MIRAGE_EIO);
}

static uint64_t number(const struct xenstore_key *key, uint64_t most,
		       uint64_t otherwise)
{
	uint64_t value;

	return key->found && xenstore_number(key->value, most, &value)
		       ? value
		       : otherwise;
}

/* ------------------------------------------------------------ Connecting -- */

static void written(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = of_bus(batch->arg);

	if (error < 0)
		mirage_log(MIRAGE_LOG_WARN, "%s: cannot write to xenstore: %s",
			   net->bus.frontend, mirage_strerror(error));
}

static void put_number(struct xenstore_key *key, const char *name, uint64_t n)
{
	key->name = name;
	snprintf(key->value, sizeof key->value, "%llu", (unsigned long long)n);
}

/** Tells the backend where the rings are and what may be sent to us. */
static void publish(struct xen_net *net)
{
	struct xenstore_key *keys = xenbus_keys(&net->bus, NULL, 0);
	uint32_t accept = net->accept;
	unsigned n = 0;

	put_number(&keys[n++], "tx-ring-ref", net->tx_reference);
	put_number(&keys[n++], "rx-ring-ref", net->rx_reference);
	if (net->split) {
		put_number(&keys[n++], "event-channel-tx", net->tx_port);
		put_number(&keys[n++], "event-channel-rx", net->rx_port);
	} else {
		put_number(&keys[n++], "event-channel", net->tx_port);
	}
	put_number(&keys[n++], "request-rx-copy", 1);
	put_number(&keys[n++], "feature-rx-notify", 1);
	put_number(&keys[n++], "feature-sg", 1);
	put_number(&keys[n++], "feature-no-csum-offload",
		   (accept & MIRAGE_NET_CAP_RX_CSUM) == 0);
	put_number(&keys[n++], "feature-ipv6-csum-offload",
		   (accept & MIRAGE_NET_CAP_RX_CSUM) != 0);
	put_number(&keys[n++], "feature-gso-tcpv4",
		   (accept & MIRAGE_NET_CAP_RX_GSO4) != 0);
	put_number(&keys[n++], "feature-gso-tcpv6",
		   (accept & MIRAGE_NET_CAP_RX_GSO6) != 0);
	put_number(&keys[n++], "state", XenbusStateConnected);
	xenbus_write(&net->bus, n, written);
}

static bool open_ports(struct xen_net *net)
{
	net->tx_port = xen_event_open(net->bus.backend_id, on_event, net);
	net->rx_port = net->tx_port;
	if (net->split)
		net->rx_port =
			xen_event_open(net->bus.backend_id, on_event, net);
	return net->tx_port != 0 && net->rx_port != 0;
}

enum { SG, SPLIT, GSO4, GSO6, NO_CSUM, CSUM6, FEATURES };

static const char *const feature_names[FEATURES] = {
	[SG] = "feature-sg",
	[SPLIT] = "feature-split-event-channels",
	[GSO4] = "feature-gso-tcpv4",
	[GSO6] = "feature-gso-tcpv6",
	[NO_CSUM] = "feature-no-csum-offload",
	[CSUM6] = "feature-ipv6-csum-offload",
};

static void take_caps(struct xen_net *net, const struct xenstore_key *keys)
{
	bool sg = number(&keys[SG], 1, 0) != 0;
	uint32_t caps = MIRAGE_NET_CAP_LINK | net->accept;

	if (sg)
		caps |= MIRAGE_NET_CAP_FRAGMENTS;
	if (number(&keys[NO_CSUM], 1, 0) == 0 &&
	    number(&keys[CSUM6], 1, 0) != 0)
		caps |= MIRAGE_NET_CAP_TX_CSUM;
	if (sg && number(&keys[GSO4], 1, 0) != 0)
		caps |= MIRAGE_NET_CAP_TX_GSO4;
	if (sg && number(&keys[GSO6], 1, 0) != 0)
		caps |= MIRAGE_NET_CAP_TX_GSO6;
	if ((caps & MIRAGE_NET_CAP_TX_CSUM) == 0)
		caps &= ~(uint32_t)(MIRAGE_NET_CAP_TX_GSO4 |
				    MIRAGE_NET_CAP_TX_GSO6);
	net->info.caps = caps;
	net->info.max_fragments = sg ? XEN_NET_FRAGMENTS_MAX : 1;
	net->info.gso_max_bytes =
		(caps & (MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)) != 0
			? XEN_NET_GSO_MAX
			: 0;
	net->split = number(&keys[SPLIT], 1, 0) != 0;
}

static void got_features(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = of_bus(batch->arg);

	take_caps(net, net->bus.keys);
	if (!xen_net_tx_init(net) || !xen_net_rx_init(net) ||
	    !open_ports(net)) {
		if (net->open != NULL)
			refuse(net, "no memory, grants or events left");
		return;
	}
	publish(net);
}

static void connect(struct xen_net *net)
{
	net->phase = XEN_NET_CONNECTING;
	xenbus_keys(&net->bus, feature_names, FEATURES);
	xenbus_read(&net->bus, FEATURES, got_features);
}

static void connected(struct xen_net *net)
{
	net->phase = XEN_NET_CONNECTED;
	if (net->open != NULL) {
		net->info.link_up = true;
		answer(net, 0);
		return;
	}
	set_link(net, true);
	mirage_core_net_event(&net->net, MIRAGE_EVENT_BACK);
}

static void disconnect(struct xen_net *net)
{
	xen_net_tx_fini(net);
	xen_net_rx_fini(net);
	if (net->tx_port != 0)
		xen_event_close(net->tx_port);
	if (net->rx_port != 0 && net->rx_port != net->tx_port)
		xen_event_close(net->rx_port);
	net->tx_port = net->rx_port = 0;
}

static void lost(struct xen_net *net)
{
	static const char *const names[] = {"state"};
	struct xenstore_key *keys;

	if (net->phase == XEN_NET_CONNECTED) {
		set_link(net, false);
		mirage_core_net_event(&net->net, MIRAGE_EVENT_LOST);
	}
	net->phase = XEN_NET_WAITING;
	disconnect(net);
	keys = xenbus_keys(&net->bus, names, 1);
	put_number(&keys[0], "state", XenbusStateClosed);
	xenbus_write(&net->bus, 1, written);
}

static void on_state(struct xenbus *bus, unsigned state)
{
	struct xen_net *net = of_bus(bus);
	bool meeting = net->phase == XEN_NET_CONNECTING ||
		       net->phase == XEN_NET_CONNECTED;

	switch (state) {
	case XenbusStateInitWait:
	case XenbusStateInitialised:
		if (net->phase == XEN_NET_CONNECTED)
			lost(net);
		if (net->phase == XEN_NET_WAITING && !bus->batch.busy)
			connect(net);
		break;
	case XenbusStateConnected:
		if (net->phase == XEN_NET_CONNECTING && net->tx_port != 0)
			connected(net);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		if (meeting)
			lost(net);
		break;
	default:
		break;
	}
}

/* --------------------------------------------------------------- Finding -- */

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = digit != '\0' ? strchr(digits, digit | 32) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/** Reads six pairs of hexadecimal digits with colons between them. */
static bool parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return (mac[0] & 1) == 0;
}

static void got_address(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = of_bus(batch->arg);
	uint64_t mtu = number(&net->bus.keys[1], 65535 - 14, 1500);

	if (!parse_mac(net->bus.keys[0].value, net->info.mac)) {
		refuse(net, "its mac is missing or makes no sense");
		return;
	}
	net->info.mtu_bytes = (uint32_t)(mtu < 68 ? 1500 : mtu);
	net->phase = XEN_NET_WAITING;
	net->bus.on_state = on_state;
	xenbus_watch(&net->bus);
}

static void found(struct xenbus *bus, int error)
{
	static const char *const names[] = {"mac", "mtu"};
	struct xen_net *net = of_bus(bus);

	if (error < 0) {
		answer(net, error);
		return;
	}
	if (!make_pools(net)) {
		refuse(net, "no memory left");
		return;
	}
	xenbus_keys(bus, names, 2);
	bus->batch.n_keys = 2;
	bus->batch.done = got_address;
	xenstore_start(&bus->batch, XENSTORE_READ);
}

/* ------------------------------------------------------------------- Ops -- */

static void closed(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = of_bus(batch->arg);

	disconnect(net);
	xenbus_forget(&net->bus);
	mirage_core_net_closed(&net->net);
}

static void close(struct mirage_net *base)
{
	static const char *const names[] = {"state"};
	struct xen_net *net = (struct xen_net *)base;
	struct xenstore_key *keys;

	net->phase = XEN_NET_CLOSING;
	xenstore_cancel(&net->bus.batch);
	keys = xenbus_keys(&net->bus, names, 1);
	put_number(&keys[0], "state", XenbusStateClosed);
	xenbus_write(&net->bus, 1, closed);
}

static void forget_pool(struct mirage_pool *pool)
{
}

static void dispose(struct mirage_net *base)
{
	struct xen_net *net = (struct xen_net *)base;

	mirage_pool_abandon(&net->tx_pool, forget_pool);
}

static const struct mirage_net_ops ops = {
	.size = sizeof ops,
	.reserve = xen_net_tx_reserve,
	.send = xen_net_tx_send,
	.close = close,
	.dispose = dispose,
};

void xen_net_open(struct mirage_open *open)
{
	struct xen_net *net = calloc(1, sizeof *net);

	if (net == NULL) {
		mirage_core_open_error(open, "no memory left");
		mirage_core_net_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	net->open = open;
	net->accept = open->accept;
	net->kick.run = run_kick;
	net->net.ops = &ops;
	net->net.info = &net->info;
	net->net.counters = &net->counters;
	net->counters.size = sizeof net->counters;
	net->info = (struct mirage_net_info){
		.size = sizeof net->info,
		.headroom_bytes = XEN_NET_HEADROOM,
		.pool_frames = XEN_NET_TX_PACKETS,
	};
	xenbus_find(&net->bus, "vif", open, found);
}
