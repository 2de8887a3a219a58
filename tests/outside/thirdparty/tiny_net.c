/* SPDX-License-Identifier: ISC */
/* Networks that share a wire: wire:LAN. Each frame is copied to every other. */
#include "tiny.h"

#include <stdlib.h>
#include <string.h>

#define MTU_BYTES 1500
#define STRIDE_BYTES 1536
#define FRAMES 32

/** Two pools, so that a receiver that holds on to everything can still send. */
struct tiny_net {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct tiny_net *next;
	char lan[32];
	unsigned pools_held;
	struct mirage_packet *arrived[FRAMES];
	size_t n_arrived;
	struct mirage_pool tx, rx;
	struct mirage_packet packets[2 * FRAMES];
	uint8_t memory[2 * FRAMES][STRIDE_BYTES];
};

static struct tiny_net *nets;

static int reserve(struct mirage_net *net, uint32_t length_bytes,
		   struct mirage_packet *packets[], size_t n)
{
	return mirage_pool_reserve(&((struct tiny_net *)net)->tx, packets, n);
}

static void arrive(struct tiny_net *to, const struct mirage_packet *frame)
{
	struct mirage_packet *packet = mirage_pool_get(&to->rx);

	if (packet == NULL) {
		to->counters.rx_dropped_memory++;
		return;
	}
	memcpy(mirage_packet_append(packet, frame->length_bytes), frame->data,
	       frame->length_bytes);
	to->arrived[to->n_arrived++] = packet;
}

static int send_frames(struct mirage_net *net,
		       struct mirage_packet *const packets[], size_t n)
{
	struct tiny_net *from = (struct tiny_net *)net;

	for (size_t i = 0; i < n; i++) {
		bool heard = false;

		for (struct tiny_net *to = nets; to != NULL; to = to->next) {
			if (to == from || strcmp(to->lan, from->lan) != 0)
				continue;
			arrive(to, packets[i]);
			heard = true;
		}
		from->counters.tx_dropped_error += !heard;
		mirage_packet_release(packets[i]);
	}
	return (int)n;
}

bool tiny_net_deliver(void)
{
	struct mirage_packet *packets[FRAMES];
	struct tiny_net *net = nets;
	size_t n;

	while (net != NULL && net->n_arrived == 0)
		net = net->next;
	if (net == NULL)
		return false;
	/* The receiver may make more arrive, or close the network. */
	n = net->n_arrived;
	memcpy(packets, net->arrived, n * sizeof(packets[0]));
	net->n_arrived = 0;
	mirage_core_net_deliver(&net->net, packets, n);
	return true;
}

static void close_net(struct mirage_net *net)
{
	struct tiny_net *tiny = (struct tiny_net *)net;
	struct tiny_net **at = &nets;

	while (*at != tiny)
		at = &(*at)->next;
	*at = tiny->next;
	while (tiny->n_arrived > 0)
		mirage_packet_release(tiny->arrived[--tiny->n_arrived]);
	mirage_core_net_closed(net);
}

static void drop(struct tiny_net *tiny)
{
	if (--tiny->pools_held == 0)
		free(tiny);
}

static void tx_empty(struct mirage_pool *pool)
{
	drop((struct tiny_net *)((char *)pool - offsetof(struct tiny_net, tx)));
}

static void rx_empty(struct mirage_pool *pool)
{
	drop((struct tiny_net *)((char *)pool - offsetof(struct tiny_net, rx)));
}

/* The application may hold packets longer than the network. */
static void dispose(struct mirage_net *net)
{
	struct tiny_net *tiny = (struct tiny_net *)net;

	tiny->pools_held = 2;
	mirage_pool_abandon(&tiny->tx, tx_empty);
	mirage_pool_abandon(&tiny->rx, rx_empty);
}

static const struct mirage_net_ops ops = {
	.size = sizeof(ops),
	.reserve = reserve,
	.send = send_frames,
	.close = close_net,
	.dispose = dispose,
};

static void init(struct tiny_net *tiny, const char *lan)
{
	static uint8_t number;

	tiny->info = (struct mirage_net_info){
		.size = sizeof(tiny->info),
		.mtu_bytes = MTU_BYTES,
		.max_fragments = 1,
		.pool_frames = FRAMES,
		.mac = {2, 0, 0, 0, 0, ++number},
		.link_up = true,
	};
	tiny->counters.size = sizeof(tiny->counters);
	tiny->net.ops = &ops;
	tiny->net.info = &tiny->info;
	tiny->net.counters = &tiny->counters;
	strcpy(tiny->lan, lan);
	mirage_pool_init(&tiny->tx, tiny->packets, tiny->memory, FRAMES,
			 STRIDE_BYTES, 0, &tiny->net);
	mirage_pool_init(&tiny->rx, tiny->packets + FRAMES,
			 tiny->memory + FRAMES, FRAMES, STRIDE_BYTES, 0, NULL);
	tiny->next = nets;
	nets = tiny;
}

void tiny_net_open(struct mirage_open *open)
{
	struct tiny_net *tiny;
	struct mirage_uri uri;

	if (open->uri == NULL) {
		mirage_core_open_error(open, "give --net %s=wire:LAN",
				       open->name);
		mirage_core_net_opened(open, MIRAGE_ENODEV, NULL);
		return;
	}
	if (mirage_uri_parse(&uri, open->uri) != NULL ||
	    strcmp(uri.scheme, "wire") != 0 ||
	    strlen(uri.path) >= sizeof(tiny->lan) ||
	    mirage_uri_unused(&uri) != NULL) {
		tiny_refuse(open, "give wire:LAN, of at most 31 letters");
		return;
	}
	tiny = calloc(1, sizeof(*tiny));
	if (tiny == NULL) {
		mirage_core_net_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	init(tiny, uri.path);
	mirage_core_net_opened(open, 0, &tiny->net);
}
