/* SPDX-License-Identifier: ISC */
/*
 * netfront against a backend that does whatever the input says: the guest lives,
 * what it took is given back, and closing and opening again work.
 */
#include "fuzz_xen.h"

#include "net.h"

#define BACK "/local/domain/0/backend/vif/1/0/"
#define FRONT "device/vif/0/"
#define HELD_MAX 600

static struct mirage_net *net;
static bool opening, closing, holding, forwarding;
static struct mirage_packet *held[HELD_MAX];
static unsigned n_held;
/* The backend's places, of each queue, and the queue that an action is about. */
static RING_IDX rx_at[XEN_NET_QUEUES_MAX], tx_at[XEN_NET_QUEUES_MAX];
static unsigned queue;

static const uint8_t headers[] = {
	2,  0, 0, 0, 0, 1,  2, 0, 0, 0,	 0, 2, 8, 0,  0x45, 0, 0,
	60, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2,
};

/* ----------------------------------------------------------- Application -- */

static void release_all(void)
{
	while (n_held > 0)
		mirage_packet_release(held[--n_held]);
}

/** Looks at every byte, so that a sanitizer does too. */
static void look(const struct mirage_packet *frame)
{
	uint8_t sum = 0;
	uint64_t bytes = mirage_packet_frame_bytes(frame);

	assert(bytes >= 14 && bytes <= 65535);
	assert(frame->csum != MIRAGE_CSUM_BLANK ||
	       (uint64_t)frame->csum_start_bytes + frame->csum_offset_bytes +
			       2 <=
		       bytes);
	for (; frame != NULL; frame = frame->next)
		for (uint32_t i = 0; i < frame->length_bytes; i++)
			sum ^= frame->data[i];
	__asm__ volatile("" : : "r"(sum));
}

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		look(packets[i]);
		if (forwarding && net != NULL &&
		    mirage_net_send(net, &packets[i], 1) == 1)
			continue;
		if (holding && n_held < HELD_MAX)
			held[n_held++] = packets[i];
		else
			mirage_packet_release(packets[i]);
	}
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		closing = false;
}

static void opened(void *arg, int result, struct mirage_net *opened_net)
{
	opening = false;
	net = opened_net;
	if (net == NULL)
		return;
	mirage_net_on_receive(net, on_receive, NULL);
	mirage_net_on_event(net, on_event, NULL);
}

static void app_open(uint32_t accept)
{
	if (opening || closing || net != NULL)
		return;
	opening = true;
	mirage_net_open("n", accept, opened, NULL);
}

static void app_close(void)
{
	if (net == NULL)
		return;
	closing = true;
	mirage_net_close(net);
	net = NULL;
}

static void mark(struct input *in, struct mirage_packet *packet)
{
	uint8_t marks = byte(in);

	if ((marks & 1) != 0 && (net->info->caps & MIRAGE_NET_CAP_TX_CSUM)) {
		packet->csum = MIRAGE_CSUM_BLANK;
		packet->csum_start_bytes = 10;
		packet->csum_offset_bytes = 2;
	}
	if ((marks & 2) != 0 && (net->info->caps & MIRAGE_NET_CAP_TX_GSO4)) {
		packet->gso = MIRAGE_GSO_TCPV4;
		packet->gso_size_bytes = byte(in);
	}
}

static void app_send(struct input *in)
{
	struct mirage_packet *packets[32], *second;
	uint32_t length = word(in);
	int n, sent;

	if (net == NULL)
		return;
	n = mirage_net_reserve(net, length, packets, 1 + byte(in) % 32);
	for (int i = 0; i < n; i++) {
		uint8_t *to = mirage_packet_append(packets[i], length);

		assert(to != NULL || length == 0);
		if (length > 0)
			memset(to, 0x5a, length);
		if (length >= sizeof headers) {
			memcpy(to, headers, sizeof headers);
			to[29] = byte(in); /* of a flow */
		}
		mark(in, packets[i]);
	}
	if (n > 1 && (byte(in) & 1) != 0) {
		second = packets[--n];
		packets[0]->next = second;
	}
	sent = n > 0 ? mirage_net_send(net, packets, (size_t)n) : 0;
	for (int i = sent > 0 ? sent : 0; i < n; i++)
		mirage_packet_release(packets[i]);
}

/* --------------------------------------------------------------- Backend -- */

static void set_nodes(bool queues)
{
	fake_set(FRONT "backend", "/local/domain/0/backend/vif/1/0");
	fake_set(FRONT "backend-id", "0");
	fake_set(FRONT "mac", "00:16:3e:00:00:01");
	fake_set(FRONT "state", "1");
	fake_set(BACK "online", "1");
	fake_set(BACK "feature-sg", "1");
	fake_set(BACK "feature-split-event-channels", "1");
	fake_set(BACK "feature-gso-tcpv4", "1");
	fake_set(BACK "feature-ipv6-csum-offload", "1");
	if (queues)
		fake_set(BACK "multi-queue-max-queues", "2");
	fake_set(BACK "state", "2");
}

/** What the guest says of the queue under `name`. */
static uint32_t told(const char *name)
{
	char path[64];

	if (fake_get_number(FRONT "multi-queue-num-queues") > 1)
		snprintf(path, sizeof path, FRONT "queue-%u/%s", queue, name);
	else
		snprintf(path, sizeof path, FRONT "%s", name);
	return (uint32_t)fake_get_number(path);
}

static netif_rx_sring_t *rx_ring(void)
{
	return fake_page(told("rx-ring-ref"), true);
}

static netif_tx_sring_t *tx_ring(void)
{
	return fake_page(told("tx-ring-ref"), true);
}

static void meet(void)
{
	fake_set(BACK "state", "2");
	fake_settle();
	memset(rx_at, 0, sizeof rx_at);
	memset(tx_at, 0, sizeof tx_at);
	fake_set(BACK "state", "4");
	fake_settle();
}

static void fill_page(uint32_t reference, uint16_t offset, uint8_t kind)
{
	uint8_t *page = fake_page(reference, true);

	if (page == NULL || offset > XEN_PAGE_BYTES - sizeof headers)
		return;
	memcpy(page + offset, headers, sizeof headers);
	if ((kind & 1) != 0)
		page[offset + 23] = 17;
	if ((kind & 2) != 0)
		page[offset + 14] = kind;
	if ((kind & 4) != 0)
		page[offset + 12] = 0x86, page[offset + 13] = 0xdd;
}

/** Answers as a backend should, but for what the input says otherwise. */
static void rx_answer(struct input *in, bool well)
{
	netif_rx_sring_t *ring = rx_ring();
	union netif_rx_sring_entry *entry;
	struct netif_rx_response response = {0};

	if (ring == NULL)
		return;
	entry = &ring->ring[rx_at[queue]++ & (XEN_NET_RX_SLOTS - 1)];
	response.id = well ? entry->req.id : word(in);
	response.flags = byte(in) & 15;
	response.offset = well ? byte(in) & 127 : word(in);
	response.status = (int16_t)(well ? 60 + word(in) % 3900 : word(in));
	fill_page(entry->req.gref, response.offset, byte(in));
	entry->rsp = response;
	ring->rsp_prod = rx_at[queue];
}

static void rx_extra(struct input *in)
{
	netif_rx_sring_t *ring = rx_ring();
	struct netif_extra_info extra = {0};

	if (ring == NULL)
		return;
	extra.type = byte(in) % 6;
	extra.flags = byte(in) & 1;
	extra.u.gso.size = word(in);
	extra.u.gso.type = byte(in);
	memcpy(&ring->ring[rx_at[queue]++ & (XEN_NET_RX_SLOTS - 1)], &extra,
	       sizeof extra);
	ring->rsp_prod = rx_at[queue];
}

static void tx_answer(struct input *in, bool well)
{
	netif_tx_sring_t *ring = tx_ring();
	union netif_tx_sring_entry *entry;
	struct netif_tx_response response = {0};

	if (ring == NULL)
		return;
	entry = &ring->ring[tx_at[queue]++ & (XEN_NET_TX_SLOTS - 1)];
	response.id = well ? entry->req.id : word(in);
	response.status = well ? NETIF_RSP_OKAY : (int8_t)byte(in) % 3;
	entry->rsp = response;
	ring->rsp_prod = tx_at[queue];
}

/** Writes anywhere in the header of a ring. */
static void spoil(struct input *in)
{
	uint32_t *ring =
		(byte(in) & 1) != 0 ? (void *)rx_ring() : (void *)tx_ring();
	uint8_t which = byte(in) % 4;
	uint32_t with = number(in);

	if (ring != NULL)
		ring[which] =
			(with & 0x80000000) != 0 ? with : ring[which] + with;
}

static void raise_all(void)
{
	fake_raise(told("event-channel"));
	fake_raise(told("event-channel-tx"));
	fake_raise(told("event-channel-rx"));
}

static void hold(struct input *in)
{
	netif_rx_sring_t *ring = rx_ring();
	uint8_t which = byte(in);

	if (!may_hold())
		return;
	if (which == 0)
		fake_map(told("rx-ring-ref"), true);
	else if (which == 1)
		fake_map(told("tx-ring-ref"), true);
	else if (ring != NULL)
		fake_map(ring->ring[which].req.gref, true);
}

static void change_node(struct input *in)
{
	static const char *const nodes[] = {
		BACK "state",
		BACK "feature-sg",
		BACK "feature-split-event-channels",
		BACK "feature-gso-tcpv4",
		BACK "feature-gso-tcpv6",
		BACK "feature-no-csum-offload",
		BACK "feature-ipv6-csum-offload",
		BACK "carrier",
		BACK "online",
		FRONT "mac",
		FRONT "mtu",
		FRONT "backend",
		FRONT "backend-id",
		"/local/domain/0/backend/vif/1/0",
		FRONT "state",
		BACK "multi-queue-max-queues",
	};

	change(in, nodes[byte(in) % (sizeof nodes / sizeof *nodes)]);
}

/* --------------------------------------------------------------- Running -- */

static void act(struct input *in)
{
	uint8_t what = byte(in);

	queue = what / 20 % XEN_NET_QUEUES_MAX;
	switch (what % 20) {
	case 0:
		app_send(in);
		break;
	case 1:
		rx_answer(in, true);
		break;
	case 2:
		rx_answer(in, false);
		break;
	case 3:
		rx_extra(in);
		break;
	case 4:
		tx_answer(in, true);
		break;
	case 5:
		tx_answer(in, false);
		break;
	case 6:
		spoil(in);
		break;
	case 7:
		raise_all();
		break;
	case 8:
		raise_all();
		fake_settle();
		break;
	case 9:
		change_node(in);
		break;
	case 10:
		fake_setf(BACK "state", "%u", byte(in) % 10u);
		break;
	case 11:
		fake_settle();
		meet();
		break;
	case 12:
		app_close();
		break;
	case 13:
		app_open(byte(in) == 0 ? 0 : MIRAGE_NET_ACCEPT_ALL);
		break;
	case 14:
		holding = !holding;
		release_all();
		break;
	case 15:
		forwarding = !forwarding;
		break;
	case 16:
		hold(in);
		break;
	case 17:
		fake_advance(byte(in) * UINT64_C(100000000));
		break;
	case 18:
		fake.grants_max = byte(in) < 128 ? FAKE_GRANTS
						 : xen_grants_in_use + byte(in);
		fake.conflicts = byte(in) % 30;
		break;
	case 19:
		fake.pages_left = byte(in) < 128 ? UINT32_MAX : number(in);
		break;
	}
}

/** Ends everything, and looks whether everything was given back. */
static void finish(void)
{
	fake.pages_left = UINT32_MAX;
	fake.grants_max = FAKE_GRANTS;
	holding = forwarding = false;
	release_all();
	fake_settle();
	fake_advance(60000000000);
	assert(!opening);
	app_close();
	fake_advance(60000000000);
	release_all();
	assert(!closing);
	fake_set("device", NULL);
	app_open(0); /* the old one is disposed of */
	fake_settle();
	assert(!opening && net == NULL);
	assert_nothing_left();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	static bool started;
	uint8_t begin;

	if (!started)
		fake_start(NULL);
	started = true;
	fake_store_reset();
	fake.conflicts = 0;
	fake.log[0] = '\0';
	begin = byte(&in);
	set_nodes((begin & 2) != 0);
	if ((begin & 1) != 0) {
		app_open(MIRAGE_NET_ACCEPT_ALL);
		meet();
	}
	for (int i = 0; i < STEPS_MAX && in.at < in.end; i++)
		act(&in);
	finish();
	return 0;
}
