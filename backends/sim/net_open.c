/* SPDX-License-Identifier: ISC */
/*
 * net_open.c: reads
 * `lan:NAME[,delay=D][,jitter=D][,loss=P][,reorder=P][,duplicate=P][,corrupt=P]`
 * `[,bandwidth=BYTES][,queue=FRAMES][,mtu=BYTES][,mac=ADDRESS][,gso][,pcap=FILE]`
 * and makes a network device of it.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define HEADROOM_BYTES 128u
#define POOL_ALIGN_BYTES 64u
#define POOL_FRAMES 256u
/* Of long frames fewer: 64 of them are 4 MiB. */
#define POOL_FRAMES_LONG 64u
#define LONG_BYTES 10240u
#define FRAGMENTS_MAX 16u

/* Without options: 1 Gbit/s and 50 us. Neither is ideal, for where nothing takes
 * time an application that always has something to send would stop time. */
#define DEFAULT_BYTES_PER_S 125000000u
#define DEFAULT_DELAY_NS 50000u
#define DEFAULT_QUEUE_FRAMES 256u

static void option_mac(struct sim_options *options, uint8_t mac[6])
{
	const char *text = mirage_uri_option(&options->uri, "mac");
	uint8_t given[6];

	if (text == NULL || options->bad)
		return;
	if (mirage_uri_mac(text, given)) {
		memcpy(mac, given, 6);
		return;
	}
	mirage_core_open_error(options->open,
			       "option mac: '%s' is no unicast address such as "
			       "02:00:00:00:00:01",
			       text);
	options->bad = true;
}

/** An address that follows from the names of the LAN and the device alone. */
static void derive_mac(const struct sim_net *net, uint8_t mac[6])
{
	uint64_t state = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof net->name; i++) {
		state = (state ^ (uint8_t)net->lan[i]) * 0x100000001b3;
		state = (state ^ (uint8_t)net->name[i]) * 0x100000001b3;
	}
	mac[0] = 0x02;
	for (size_t i = 1; i < 6; i++)
		mac[i] = (uint8_t)(state >> 8 * i);
}

static void read_lan(struct sim_options *options, struct sim_net *net)
{
	const char *path = options->uri.path;

	if (options->bad)
		return;
	if (strcmp(options->uri.scheme, "lan") != 0)
		mirage_core_open_error(options->open,
				       "unknown scheme '%s:'; there is "
				       "lan:NAME",
				       options->uri.scheme);
	else if (*path == '\0' || strlen(path) >= sizeof net->lan)
		mirage_core_open_error(options->open,
				       "a LAN has a name of 1 to 31 bytes; "
				       "write lan:NAME");
	else {
		strcpy(net->lan, path);
		return;
	}
	options->bad = true;
}

static void read_faults(struct sim_options *options,
			struct mirage_sim_net_faults *faults)
{
	faults->delay_ns = DEFAULT_DELAY_NS;
	sim_option_duration(options, "delay", &faults->delay_ns);
	sim_option_duration(options, "jitter", &faults->jitter_ns);
	sim_option_chance(options, "loss", &faults->loss_ppb);
	sim_option_chance(options, "reorder", &faults->reorder_ppb);
	sim_option_chance(options, "duplicate", &faults->duplicate_ppb);
	sim_option_chance(options, "corrupt", &faults->corrupt_ppb);
}

static void read_sizes(struct sim_options *options, struct sim_net *net)
{
	uint64_t mtu_bytes = 1500;

	net->bytes_per_s = DEFAULT_BYTES_PER_S;
	net->most_waiting = DEFAULT_QUEUE_FRAMES;
	sim_option_bytes(options, "bandwidth", &net->bytes_per_s, 1,
			 UINT64_C(1) << 40);
	sim_option_number(options, "queue", &net->most_waiting, 1, 65536);
	sim_option_number(options, "mtu", &mtu_bytes, 68, 65521);
	net->info.mtu_bytes = (uint32_t)mtu_bytes;
}

static void describe(struct sim_net *net, uint32_t accept, bool gso)
{
	struct mirage_net_info *info = &net->info;
	uint32_t gso_caps = MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6;

	info->size = sizeof *info;
	info->caps = MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_TX_CSUM |
		     MIRAGE_NET_CAP_LINK | (accept & MIRAGE_NET_CAP_RX_CSUM);
	if (gso) {
		info->caps |= gso_caps | accept;
		info->gso_max_bytes = SIM_GSO_MAX_BYTES;
	}
	info->headroom_bytes = HEADROOM_BYTES;
	info->max_fragments = FRAGMENTS_MAX;
	info->pool_frames = gso || info->mtu_bytes > LONG_BYTES
				    ? POOL_FRAMES_LONG
				    : POOL_FRAMES;
	info->link_up = true;
	net->counters.size = sizeof net->counters;
	net->net.ops = &sim_net_ops;
	net->net.info = info;
	net->net.counters = &net->counters;
}

static bool mac_is_free(struct sim_options *options, const struct sim_net *net)
{
	for (struct sim_net *n = sim_nets; n != NULL; n = n->next) {
		if (n->closing || strcmp(n->lan, net->lan) != 0 ||
		    memcmp(n->info.mac, net->info.mac, 6) != 0)
			continue;
		mirage_core_open_error(options->open,
				       "network '%s' of the same LAN has the "
				       "same address; give another mac=",
				       n->name);
		return false;
	}
	return true;
}

static bool read_uri(struct mirage_open *open, struct sim_net *net)
{
	struct sim_options options;
	const char *record;
	bool gso;

	strcpy(net->name, open->name);
	sim_options_init(&options, open, "lan:default");
	read_lan(&options, net);
	read_faults(&options, &net->faults);
	read_sizes(&options, net);
	derive_mac(net, net->info.mac);
	option_mac(&options, net->info.mac);
	gso = sim_option_flag(&options, "gso");
	record = mirage_uri_option(&options.uri, "pcap");
	if (!sim_options_fine(&options) || !mac_is_free(&options, net))
		return false;
	if (record != NULL && !mirage_core_open_record(open, record))
		return false;
	describe(net, open->accept, gso);
	return true;
}

static struct mirage_pool *pool_new(const struct mirage_net_info *info,
				    struct mirage_net *net)
{
	uint32_t frame = info->mtu_bytes + SIM_ETHERNET_HEADER_BYTES;
	uint32_t n = info->pool_frames, stride;
	struct mirage_pool *pool;
	size_t head;

	if (frame < info->gso_max_bytes)
		frame = info->gso_max_bytes;
	stride = (HEADROOM_BYTES + frame + POOL_ALIGN_BYTES - 1) &
		 ~(POOL_ALIGN_BYTES - 1);
	head = sizeof *pool + n * sizeof(struct mirage_packet);
	pool = sim_alloc(head + (size_t)n * stride);
	mirage_pool_init(pool, (struct mirage_packet *)(void *)(pool + 1),
			 (uint8_t *)pool + head, n, stride, HEADROOM_BYTES,
			 net);
	return pool;
}

static void start(struct sim_net *net)
{
	static uint64_t last_id;
	struct sim_net **end = &sim_nets;

	while (*end != NULL)
		end = &(*end)->next;
	*end = net;
	net->id = ++last_id;
	net->last = &net->first;
	net->tx_pool = pool_new(&net->info, &net->net);
	net->rx_pool = pool_new(&net->info, NULL);
	sim_random_init(&net->random, "net", net->name);
}

void sim_net_open(struct mirage_open *open)
{
	struct sim_net *net;

	if (open->uri == NULL && open->any_given) {
		mirage_core_open_error(open,
				       "nobody gave it; start the program with "
				       "--net %s=lan:NAME",
				       open->name);
		mirage_core_net_opened(open, MIRAGE_ENODEV, NULL);
		return;
	}
	net = sim_alloc(sizeof *net);
	if (!read_uri(open, net)) {
		free(net);
		mirage_core_net_opened(open, MIRAGE_EINVAL, NULL);
		return;
	}
	start(net);
	mirage_core_net_opened(open, 0, &net->net);
}
