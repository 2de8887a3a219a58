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

/* ---------------------------------------------------------------- Events -- */

/** Whoever closes has to wait until what was taken is sent. */
static void end_if_drained(struct xen_net *net)
{
	if (!net->draining || !xen_net_tx_empty(net))
		return;
	net->draining = false;
	xenbus_end(&net->bus);
}

static void on_event(void *arg)
{
	struct xen_net_queue *queue = arg;

	if (xen_net_is_on(queue->net))
		xen_net_tx_poll(queue);
	if (xen_net_is_on(queue->net))
		xen_net_rx_poll(queue);
	end_if_drained(queue->net);
}

static void push_tx(struct xen_net *net)
{
	for (unsigned i = 0; i < net->n_queues; i++)
		xen_net_tx_push(&net->queues[i]);
}

/** One notification a ring for all that was put on it in a turn. */
static void run_kick(struct xen_kick *kick)
{
	struct xen_net *net =
		(void *)((char *)kick - offsetof(struct xen_net, kick));

	if (!xen_net_is_on(net))
		return;
	push_tx(net);
	xen_net_rx_push(net);
}

static void set_link(struct xen_net *net)
{
	bool up = xen_net_is_on(net) && net->carrier;

	if (net->info.link_up == up)
		return;
	net->info.link_up = up;
	if (net->net.name != NULL)
		mirage_core_net_event(&net->net, MIRAGE_EVENT_LINK);
}

void xen_net_breach(struct xen_net *net, const char *what)
{
	net->breaches++;
	mirage_log(MIRAGE_LOG_ERROR,
		   "network '%s': its backend %s; the network is shut down",
		   net->net.name, what);
	xenbus_kill(&net->bus);
	xen_net_tx_drop(net);
	set_link(net);
}

/* --------------------------------------------------------------- Carrier -- */

static void read_carrier(struct xen_net *net);

static void got_carrier(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = batch->arg;

	if (net->carrier_again) {
		read_carrier(net);
		return;
	}
	if (error < 0)
		return;
	/* A backend that says nothing has its link up. */
	net->carrier = xenbus_number(&net->carrier_key, 1, 1) == 1;
	set_link(net);
}

static void read_carrier(struct xen_net *net)
{
	net->carrier_again = net->carrier_batch.busy;
	if (net->carrier_again)
		return;
	net->carrier_key.name = "carrier";
	net->carrier_batch.keys = &net->carrier_key;
	net->carrier_batch.n_keys = 1;
	net->carrier_batch.arg = net;
	net->carrier_batch.done = got_carrier;
	strcpy(net->carrier_batch.directory, net->bus.backend);
	xenstore_start(&net->carrier_batch, XENSTORE_READ);
}

static void carrier_changed(struct xenstore_watch *watch)
{
	read_carrier(watch->arg);
}

static void forget_carrier(struct xen_net *net)
{
	xenstore_unwatch(&net->carrier_watch);
	xenstore_cancel(&net->carrier_batch);
}

/** After a suspension it is another backend's. */
static void watch_carrier(struct xen_net *net)
{
	forget_carrier(net);
	net->carrier = true;
	snprintf(net->carrier_watch.path, sizeof net->carrier_watch.path,
		 "%s/carrier", net->bus.backend);
	net->carrier_watch.changed = carrier_changed;
	net->carrier_watch.arg = net;
	xenstore_watch(&net->carrier_watch);
}

/* ------------------------------------------------------------ Connecting -- */

_Static_assert(1 + 4 * XEN_NET_QUEUES_MAX + 8 <= XENBUS_KEYS_MAX,
	       "room for what is told");

/** Tells the backend where the rings are and what may be sent to us. */
static void publish(struct xen_net *net)
{
	struct xenstore_key *keys = xenbus_keys(&net->bus, NULL, 0);
	uint32_t accept = net->accept;
	unsigned n = xen_net_queues_put(net, keys);

	xenbus_put(&keys[n++], "request-rx-copy", 1);
	xenbus_put(&keys[n++], "feature-rx-notify", 1);
	xenbus_put(&keys[n++], "feature-sg", 1);
	xenbus_put(&keys[n++], "feature-no-csum-offload",
		   (accept & MIRAGE_NET_CAP_RX_CSUM) == 0);
	xenbus_put(&keys[n++], "feature-ipv6-csum-offload",
		   (accept & MIRAGE_NET_CAP_RX_CSUM) != 0);
	xenbus_put(&keys[n++], "feature-gso-tcpv4",
		   (accept & MIRAGE_NET_CAP_RX_GSO4) != 0);
	xenbus_put(&keys[n++], "feature-gso-tcpv6",
		   (accept & MIRAGE_NET_CAP_RX_GSO6) != 0);
	xenbus_put(&keys[n++], "state", XenbusStateConnected);
	xenbus_write(&net->bus, n);
}

enum { SG, SPLIT, GSO4, GSO6, NO_CSUM, CSUM6, QUEUES, FEATURES };

static const char *const feature_names[FEATURES] = {
	[SG] = "feature-sg",
	[SPLIT] = "feature-split-event-channels",
	[GSO4] = "feature-gso-tcpv4",
	[GSO6] = "feature-gso-tcpv6",
	[NO_CSUM] = "feature-no-csum-offload",
	[CSUM6] = "feature-ipv6-csum-offload",
	[QUEUES] = "multi-queue-max-queues",
};

static bool yes(const struct xenstore_key *key)
{
	return xenbus_number(key, 1, 0) == 1;
}

static uint32_t caps_of(const struct xen_net *net,
			const struct xenstore_key *keys)
{
	uint32_t caps = MIRAGE_NET_CAP_LINK | net->accept;

	if (yes(&keys[SG]))
		caps |= MIRAGE_NET_CAP_FRAGMENTS;
	if (yes(&keys[NO_CSUM]) || !yes(&keys[CSUM6]))
		return caps;
	caps |= MIRAGE_NET_CAP_TX_CSUM;
	if (yes(&keys[SG]) && yes(&keys[GSO4]))
		caps |= MIRAGE_NET_CAP_TX_GSO4;
	if (yes(&keys[SG]) && yes(&keys[GSO6]))
		caps |= MIRAGE_NET_CAP_TX_GSO6;
	return caps;
}

/** Takes what the backend offers. What an open network can do, it can do until it
 *  is closed: false when a backend that came back cannot. */
static bool take_features(struct xen_net *net, const struct xenstore_key *keys)
{
	struct mirage_net_info *info = &net->info;
	uint32_t caps = caps_of(net, keys);
	uint32_t longest = XEN_NET_TX_STRIDE - XEN_NET_HEADROOM - 14;

	net->split = yes(&keys[SPLIT]);
	if (net->bus.open == NULL)
		return (info->caps & ~caps) == 0;
	info->caps = caps;
	info->max_fragments = yes(&keys[SG]) ? XEN_NET_FRAGMENTS_MAX : 1;
	if ((caps & (MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)) != 0)
		info->gso_max_bytes = XEN_NET_GSO_MAX;
	/* A frame of more than a page needs several. */
	info->mtu_bytes = yes(&keys[SG]) || net->mtu_wanted_bytes <= 1500
				  ? net->mtu_wanted_bytes
				  : 1500;
	info->pool_frames = info->mtu_bytes <= longest
				    ? net->tx_pool.pool.n_packets
				    : XEN_NET_TX_BIG_PACKETS;
	return true;
}

/** Takes as many queues as the backend offers and there are packets for. The packets
 *  are made when it is first asked; false when there is no memory for them. */
static bool take_queues(struct xen_net *net, const struct xenstore_key *offer)
{
	uint32_t n = (uint32_t)xenbus_number(offer, UINT32_MAX, 1);

	net->offers_queues = offer->found;
	if (n == 0)
		n = 1;
	if (net->n_queues_most == 0) {
		net->n_queues_most =
			n < XEN_NET_QUEUES_MAX ? n : XEN_NET_QUEUES_MAX;
		while (!xen_net_make_pools(net, net->n_queues_most))
			if (--net->n_queues_most == 0)
				return false;
	}
	net->n_queues = n < net->n_queues_most ? n : net->n_queues_most;
	return true;
}

/** Ends an open, or a network whose backend came back. */
static void fail(struct xen_net *net, const char *why)
{
	if (net->bus.open != NULL) {
		xenbus_refuse(&net->bus, MIRAGE_EIO, why);
		return;
	}
	mirage_log(MIRAGE_LOG_ERROR, "network '%s': %s: %s", net->net.name,
		   net->bus.backend, why);
	xenbus_kill(&net->bus);
}

static void got_features(struct xenstore_batch *batch, int error)
{
	struct xen_net *net = of_bus(batch->arg);

	if (error < 0) {
		fail(net, "xenstore does not answer");
		return;
	}
	if (!take_queues(net, &net->bus.keys[QUEUES])) {
		xenbus_refuse(&net->bus, MIRAGE_ENOMEM, "no memory left");
		return;
	}
	if (!take_features(net, net->bus.keys)) {
		fail(net, "offers less than before");
		return;
	}
	if (!xen_net_queues_init(net, on_event)) {
		fail(net, "no memory, grants or events left");
		return;
	}
	publish(net);
}

static void connect(struct xenbus *bus)
{
	watch_carrier(of_bus(bus));
	xenbus_keys(bus, feature_names, FEATURES);
	xenbus_read(bus, FEATURES, got_features);
}

static void met(struct xenbus *bus)
{
	struct xen_net *net = of_bus(bus);
	struct mirage_open *open = bus->open;

	xenbus_connected(bus);
	if (open != NULL) {
		net->info.link_up = net->carrier;
		mirage_core_net_opened(open, 0, &net->net);
	} else {
		set_link(net);
		mirage_core_net_event(&net->net, MIRAGE_EVENT_BACK);
		mirage_core_net_event(&net->net, MIRAGE_EVENT_WRITABLE);
	}
	/* It may have notified us of something before we listened. */
	for (unsigned i = 0; i < net->n_queues; i++)
		on_event(&net->queues[i]);
}

static void lost(struct xenbus *bus)
{
	struct xen_net *net = of_bus(bus);

	set_link(net);
	mirage_core_net_event(&net->net, MIRAGE_EVENT_LOST);
}

static void disconnect(struct xenbus *bus)
{
	struct xen_net *net = of_bus(bus);

	net->draining = false;
	xen_net_queues_fini(net);
}

static void ended(struct xenbus *bus, int error)
{
	struct xen_net *net = of_bus(bus);

	forget_carrier(net);
	if (bus->open == NULL) {
		mirage_core_net_closed(&net->net);
		return;
	}
	mirage_core_net_opened(bus->open, error, NULL);
	xen_net_dispose(&net->net);
}

static const struct xenbus_ops bus_ops = {
	.connect = connect,
	.met = met,
	.lost = lost,
	.disconnect = disconnect,
	.ended = ended,
};

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
	uint64_t mtu = xenbus_number(&net->bus.keys[1], 65535 - 14, 1500);

	net->mtu_wanted_bytes = (uint32_t)(mtu < 68 ? 1500 : mtu);
	if (!parse_mac(net->bus.keys[0].value, net->info.mac)) {
		xenbus_refuse(&net->bus, MIRAGE_EIO,
			      "its mac is missing or makes no sense");
		return;
	}
	xenbus_start(&net->bus);
}

static void found(struct xenbus *bus, int error)
{
	static const char *const names[] = {"mac", "mtu"};
	struct xen_net *net = of_bus(bus);

	if (error < 0) {
		mirage_core_net_opened(bus->open, error, NULL);
		free(net);
		return;
	}
	xenbus_keys(bus, names, 2);
	xenbus_read_own(bus, 2, got_address);
}

/* ------------------------------------------------------------------- Ops -- */

static void close(struct mirage_net *base)
{
	struct xen_net *net = (struct xen_net *)base;

	if (!xen_net_is_on(net)) {
		xenbus_end(&net->bus);
		return;
	}
	push_tx(net);
	net->draining = true;
	xenbus_end_soon(&net->bus);
	end_if_drained(net);
}

static const struct mirage_net_ops ops = {
	.size = sizeof ops,
	.reserve = xen_net_tx_reserve,
	.send = xen_net_tx_send,
	.close = close,
	.dispose = xen_net_dispose,
};

void xen_net_open(struct mirage_open *open)
{
	struct xen_net *net = calloc(1, sizeof *net);

	if (net == NULL) {
		mirage_core_open_error(open, "no memory left");
		mirage_core_net_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	net->accept = open->accept;
	net->kick.run = run_kick;
	net->net.ops = &ops;
	net->net.info = &net->info;
	net->net.counters = &net->counters;
	net->counters.size = sizeof net->counters;
	net->info.size = sizeof net->info;
	net->info.headroom_bytes = XEN_NET_HEADROOM;
	net->bus.ops = &bus_ops;
	xenbus_find(&net->bus, "vif", open, found);
}
