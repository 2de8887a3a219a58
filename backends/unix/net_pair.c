/* SPDX-License-Identifier: ISC */
/*
 * pair:LAN, a cable in memory between two networks of one process. Frames are
 * copied into the receiver's own packets when they are sent, so neither side
 * sees the other's memory, and delivered from the next kick.
 */
#include "csum.h"
#include "net.h"
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_FRAMES 256u
#define BATCH_FRAMES 64u
/* The longest IP packet, and its Ethernet header. */
#define GSO_MAX_BYTES (65535u + UNIX_ETHERNET_HEADER_BYTES)
#define GSO_FRAMES 64u
#define TX_GSO_CAPS (MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)
#define RX_GSO_CAPS (MIRAGE_NET_CAP_RX_GSO4 | MIRAGE_NET_CAP_RX_GSO6)

struct pair_end {
	struct mirage_net net;
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct pair_lan *lan;
	unsigned side;
	struct unix_kick kick;
	bool closing;
	/* Large ones only where segmentation is left to the other side. */
	struct mirage_pool *tx_pool, *tx_large, *rx_pool, *rx_large;
	/* Frames on their way to this end. */
	struct mirage_packet *queue[QUEUE_FRAMES];
	uint32_t first, n_queued;
};

struct pair_lan {
	struct pair_lan *next;
	struct pair_end *ends[2];
	bool unplugged, paused;
	char name[64];
};

static struct pair_lan *lans;

static struct pair_end *pair_peer(const struct pair_end *end)
{
	return end->lan->ends[!end->side];
}

static void pair_link(struct pair_end *end)
{
	bool up = pair_peer(end) != NULL && !end->lan->unplugged;

	if (end->info.link_up == up)
		return;
	end->info.link_up = up;
	if (end->net.name == NULL)
		return; /* no news before the open is answered */
	mirage_core_net_event(&end->net, MIRAGE_EVENT_LINK);
	mirage_core_net_event(&end->net, MIRAGE_EVENT_WRITABLE);
}

/* ------------------------------------------------------------- Sending -- */

/* A packet of the receiver for a frame of `length` bytes. Counts why not. */
static struct mirage_packet *pair_receive(struct pair_end *to,
					  const struct mirage_packet *frame,
					  uint32_t length)
{
	uint32_t longest = to->info.mtu_bytes + UNIX_ETHERNET_HEADER_BYTES;
	struct mirage_packet *packet;

	if (frame->gso == MIRAGE_GSO_NONE && length > longest) {
		to->counters.rx_dropped_size++;
		return NULL;
	}
	packet = mirage_pool_get(length > longest ? to->rx_large : to->rx_pool);
	if (packet == NULL)
		to->counters.rx_dropped_memory++;
	return packet;
}

/* Hands marks on to a receiver who takes them, acts on them for another. */
static void pair_mark(const struct pair_end *to,
		      const struct mirage_packet *frame,
		      struct mirage_packet *packet)
{
	bool takes = (to->info.caps & MIRAGE_NET_CAP_RX_CSUM) != 0;

	if (takes)
		packet->csum = frame->csum;
	if (takes && frame->csum == MIRAGE_CSUM_BLANK) {
		packet->csum_start_bytes = frame->csum_start_bytes;
		packet->csum_offset_bytes = frame->csum_offset_bytes;
	} else if (frame->csum == MIRAGE_CSUM_BLANK) {
		unix_csum_fill(packet->data, packet->length_bytes,
			       frame->csum_start_bytes,
			       frame->csum_offset_bytes);
	}
	if (frame->gso == MIRAGE_GSO_NONE)
		return;
	packet->gso = frame->gso;
	packet->gso_size_bytes = frame->gso_size_bytes;
}

static void pair_pass(struct pair_end *to, struct mirage_packet *frame)
{
	uint32_t length = (uint32_t)mirage_packet_frame_bytes(frame);
	struct mirage_packet *packet = pair_receive(to, frame, length);

	if (packet == NULL)
		return;
	mirage_core_net_gather(mirage_packet_append(packet, length), frame);
	pair_mark(to, frame, packet);
	to->queue[(to->first + to->n_queued++) % QUEUE_FRAMES] = packet;
}

static int unix_pair_send(struct mirage_net *net,
			  struct mirage_packet *const packets[], size_t n)
{
	struct pair_end *end = (struct pair_end *)net;
	struct pair_end *to = pair_peer(end);
	size_t i;

	for (i = 0; i < n; i++) {
		if (!end->info.link_up)
			end->counters.tx_dropped_link++;
		else if (to->n_queued == QUEUE_FRAMES)
			break;
		else
			pair_pass(to, packets[i]);
		mirage_packet_release(packets[i]);
	}
	if (to != NULL)
		unix_kick(&to->kick);
	return (int)i;
}

static int unix_pair_reserve(struct mirage_net *net, uint32_t length_bytes,
			     struct mirage_packet *packets[], size_t n)
{
	struct pair_end *end = (struct pair_end *)net;
	uint32_t longest = end->info.mtu_bytes + UNIX_ETHERNET_HEADER_BYTES;

	return mirage_pool_reserve(length_bytes > longest ? end->tx_large
							  : end->tx_pool,
				   packets, n);
}

/* ----------------------------------------------------------- Receiving -- */

static void pair_deliver(struct pair_end *end)
{
	struct mirage_packet *packets[BATCH_FRAMES];
	uint32_t n = 0;

	while (n < BATCH_FRAMES && n < end->n_queued) {
		packets[n] = end->queue[(end->first + n) % QUEUE_FRAMES];
		n++;
	}
	end->first = (end->first + n) % QUEUE_FRAMES;
	end->n_queued -= n;
	mirage_core_net_deliver(&end->net, packets, n);
}

static void pair_kicked(struct unix_kick *kick)
{
	struct pair_end *end =
		(struct pair_end *)((char *)kick -
				    offsetof(struct pair_end, kick));
	struct pair_end *peer;

	if (end->closing) {
		mirage_core_net_closed(&end->net);
		return;
	}
	if (end->lan->paused)
		return;
	pair_deliver(end);
	if (end->closing)
		return;
	peer = pair_peer(end);
	if (peer != NULL && end->n_queued <= QUEUE_FRAMES / 2)
		mirage_core_net_event(&peer->net, MIRAGE_EVENT_WRITABLE);
	if (end->n_queued != 0)
		unix_kick(&end->kick);
}

/* ------------------------------------------------------------- Closing -- */

static void pair_lan_leave(struct pair_end *end)
{
	struct pair_lan *lan = end->lan, **at = &lans;
	struct pair_end *peer = pair_peer(end);

	lan->ends[end->side] = NULL;
	if (peer != NULL) {
		pair_link(peer);
		return;
	}
	while (*at != lan)
		at = &(*at)->next;
	*at = lan->next;
	free(lan);
}

/* What was on its way here is lost with this end; its sender counts it. */
static void pair_lose_queue(struct pair_end *end)
{
	struct pair_end *peer = pair_peer(end);

	if (peer != NULL)
		peer->counters.tx_dropped_error += end->n_queued;
	for (; end->n_queued > 0; end->n_queued--) {
		mirage_packet_release(end->queue[end->first]);
		end->first = (end->first + 1) % QUEUE_FRAMES;
	}
}

static void unix_pair_close(struct mirage_net *net)
{
	struct pair_end *end = (struct pair_end *)net;

	end->closing = true;
	pair_lose_queue(end);
	pair_lan_leave(end);
	/* Answered from the kick, the last one: none must outlive the end. */
	unix_kick(&end->kick);
}

static void unix_pair_dispose(struct mirage_net *net)
{
	struct pair_end *end = (struct pair_end *)net;

	mirage_pool_free(end->tx_pool);
	mirage_pool_free(end->tx_large);
	mirage_pool_free(end->rx_pool);
	mirage_pool_free(end->rx_large);
	free(end);
}

/* ------------------------------------------------------------- Opening -- */

static const struct mirage_net_ops unix_pair_ops = {
	.size = sizeof(unix_pair_ops),
	.reserve = unix_pair_reserve,
	.send = unix_pair_send,
	.close = unix_pair_close,
	.dispose = unix_pair_dispose,
};

static struct pair_lan *pair_lan_find(const char *name)
{
	struct pair_lan *lan = lans;

	while (lan != NULL && strcmp(lan->name, name) != 0)
		lan = lan->next;
	return lan;
}

static struct pair_lan *pair_lan_get(const char *name)
{
	struct pair_lan *lan = pair_lan_find(name);

	if (lan != NULL)
		return lan;
	lan = calloc(1, sizeof(*lan));
	if (lan == NULL)
		return NULL;
	memcpy(lan->name, name, strlen(name));
	lan->next = lans;
	lans = lan;
	return lan;
}

/* What a sender may leave to a receiver who takes `rx_caps`. */
static uint32_t pair_tx_gso(uint32_t rx_caps)
{
	uint32_t caps = 0;

	if ((rx_caps & MIRAGE_NET_CAP_RX_GSO4) != 0)
		caps |= MIRAGE_NET_CAP_TX_GSO4;
	if ((rx_caps & MIRAGE_NET_CAP_RX_GSO6) != 0)
		caps |= MIRAGE_NET_CAP_TX_GSO6;
	return caps;
}

static void pair_describe(struct pair_end *end, uint32_t accept)
{
	struct mirage_net_info *info = &end->info;

	/* A frame to be cut up has a blank checksum. */
	if ((accept & MIRAGE_NET_CAP_RX_CSUM) == 0)
		accept &= ~(uint32_t)RX_GSO_CAPS;
	info->size = sizeof(*info);
	end->counters.size = sizeof(end->counters);
	info->caps = MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_TX_CSUM |
		     MIRAGE_NET_CAP_LINK | TX_GSO_CAPS |
		     (accept & MIRAGE_NET_ACCEPT_ALL);
	info->headroom_bytes = MIRAGE_POOL_HEADROOM_BYTES;
	info->gso_max_bytes = GSO_MAX_BYTES;
	info->max_fragments = 64;
	info->pool_frames = mirage_pool_frames(info->mtu_bytes +
					       UNIX_ETHERNET_HEADER_BYTES);
}

/* Before the other end is open nobody knows what it takes: the first one hopes
 * for segmentation, and is told when it was wrong. */
static void pair_agree(struct pair_end *end)
{
	const struct pair_end *peer = pair_peer(end);
	uint32_t caps = end->info.caps;

	if (peer == NULL)
		return;
	end->info.caps &= ~TX_GSO_CAPS | pair_tx_gso(peer->info.caps);
	if ((end->info.caps & TX_GSO_CAPS) == 0)
		end->info.gso_max_bytes = 0;
	if (end->info.caps != caps && end->net.name != NULL)
		mirage_core_net_event(&end->net, MIRAGE_EVENT_CAPS);
}

static bool pair_memory(struct pair_end *end)
{
	uint32_t frame_bytes = end->info.mtu_bytes + UNIX_ETHERNET_HEADER_BYTES;
	uint32_t n = end->info.pool_frames;

	end->tx_pool = mirage_pool_new(n, frame_bytes, &end->net);
	/* A full queue and a receiver who holds as much again. */
	end->rx_pool = mirage_pool_new(QUEUE_FRAMES + n, frame_bytes, NULL);
	end->tx_large = mirage_pool_new(GSO_FRAMES, GSO_MAX_BYTES, &end->net);
	if ((end->info.caps & RX_GSO_CAPS) != 0)
		end->rx_large =
			mirage_pool_new(GSO_FRAMES, GSO_MAX_BYTES, NULL);
	return end->tx_pool != NULL && end->rx_pool != NULL &&
	       end->tx_large != NULL &&
	       ((end->info.caps & RX_GSO_CAPS) != 0) == (end->rx_large != NULL);
}

static int pair_join(struct pair_end *end, struct pair_lan *lan)
{
	if (lan == NULL)
		return MIRAGE_ENOMEM;
	if (lan->ends[0] != NULL && lan->ends[1] != NULL)
		return MIRAGE_EBUSY;
	end->lan = lan;
	end->side = lan->ends[0] != NULL;
	lan->ends[end->side] = end;
	if (!pair_memory(end)) {
		pair_lan_leave(end);
		return MIRAGE_ENOMEM;
	}
	return 0;
}

/* Reads the URI into `end`. False when it has refused the open. */
static bool pair_options(struct mirage_open *open, struct mirage_uri *uri,
			 struct pair_end *end)
{
	size_t length = strlen(uri->path);

	if (length == 0 || length >= sizeof(end->lan->name)) {
		mirage_open_refuse(
			open, MIRAGE_EINVAL,
			"the name of the LAN has %zu bytes; give 1 to "
			"%zu, such as pair:lan",
			length, sizeof(end->lan->name) - 1);
		return false;
	}
	return mirage_open_net_options(open, uri, 0, &end->info) &&
	       mirage_open_unused(open, uri);
}

void unix_net_pair_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct pair_end *end = calloc(1, sizeof(*end));
	int error;

	if (end == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "out of memory");
		return;
	}
	if (!pair_options(open, uri, end)) {
		free(end);
		return;
	}
	pair_describe(end, open->accept);
	end->net.ops = &unix_pair_ops;
	end->net.info = &end->info;
	end->net.counters = &end->counters;
	end->kick.run = pair_kicked;
	error = pair_join(end, pair_lan_get(uri->path));
	if (error != 0) {
		mirage_open_refuse(open, error,
				   error == MIRAGE_EBUSY
					   ? "two networks are on this LAN "
					     "already; give another name"
					   : "out of memory");
		unix_pair_dispose(&end->net);
		return;
	}
	pair_agree(end);
	pair_link(end);
	if (pair_peer(end) != NULL) {
		pair_agree(pair_peer(end));
		pair_link(pair_peer(end));
	}
	mirage_core_net_opened(open, 0, &end->net);
}

/* --------------------------------------------------------------- Tests -- */

void unix_pair_set_link(const char *name, bool up)
{
	struct pair_lan *lan = pair_lan_find(name);

	if (lan == NULL)
		return;
	lan->unplugged = !up;
	for (unsigned side = 0; side < 2; side++)
		if (lan->ends[side] != NULL)
			pair_link(lan->ends[side]);
}

void unix_pair_set_paused(const char *name, bool paused)
{
	struct pair_lan *lan = pair_lan_find(name);

	if (lan == NULL)
		return;
	lan->paused = paused;
	for (unsigned side = 0; side < 2; side++)
		if (lan->ends[side] != NULL)
			unix_kick(&lan->ends[side]->kick);
}
