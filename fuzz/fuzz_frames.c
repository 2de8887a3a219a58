/* SPDX-License-Identifier: ISC */
/*
 * A stack on a network where the input plays everybody else: frames of any bytes, frames
 * that answer what the stack has sent, time that passes, a device that is full or away,
 * and an application that does what it may. The stack lives, and closing it gives back
 * every frame and every flow.
 */
#include "tcpip.h"

#include "hooks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 300, FLOWS = 8, FRAMES = 64, MTU = 1500, GSO_MAX = 20000 };
enum { ETHER = 14, SEEN_BYTES = 120 };

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint16_t word(struct input *in)
{
	uint8_t low = byte(in);

	return (uint16_t)(low | byte(in) << 8);
}

/* --------------------------------------------------------------- Ambient -- */

static uint64_t now_ns = 1000000000, seed;

static int console_write(const void *bytes, size_t length)
{
	return (int)length;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
}

static uint64_t monotonic_ns(void)
{
	return now_ns;
}

static int64_t wall_ns(void)
{
	return (int64_t)now_ns;
}

static void wake_at(uint64_t deadline_ns)
{
}

static int fill(void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * UINT64_C(6364136223846793005) +
		       1442695040888963407;
		((uint8_t *)bytes)[i] = (uint8_t)(seed >> 56);
	}
	return 0;
}

/* --------------------------------------------------------------- Network -- */

static struct mirage_net_info info = {
	.size = sizeof info,
	.caps = MIRAGE_NET_CAP_FRAGMENTS | MIRAGE_NET_CAP_TX_CSUM |
		MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6 |
		MIRAGE_NET_CAP_RX_CSUM | MIRAGE_NET_CAP_RX_GSO4 |
		MIRAGE_NET_CAP_RX_GSO6 | MIRAGE_NET_CAP_LINK,
	.mtu_bytes = MTU,
	.headroom_bytes = MIRAGE_POOL_HEADROOM_BYTES,
	.gso_max_bytes = GSO_MAX,
	.max_fragments = 8,
	.pool_frames = FRAMES,
	.mac = {2, 0, 0, 0, 0, 2},
	.link_up = true,
};
static struct mirage_net_counters counters = {.size = sizeof counters};
static struct mirage_net net;
static struct mirage_pool *rx, *tx;
static bool net_open, full, keeps;
static struct mirage_packet *kept[FRAMES];
static unsigned n_kept;
/* The head of the TCP segment that was sent last, and how much it carried. */
static uint8_t seen[SEEN_BYTES];
static uint32_t seen_payload;

static int reserve(struct mirage_net *of, uint32_t length,
		   struct mirage_packet *packets[], size_t n)
{
	return mirage_pool_reserve(tx, packets, n);
}

/** What the other side learns of a frame; every byte is read. */
static void look(const struct mirage_packet *frame)
{
	static uint8_t bytes[GSO_MAX];
	uint64_t length = mirage_packet_frame_bytes(frame);
	struct tcpip_parsed parsed;

	assert(length <= (frame->gso != 0 ? GSO_MAX : MTU + ETHER));
	mirage_core_net_gather(bytes, frame);
	if (!tcpip_parse(&parsed, bytes, (uint32_t)length, (uint32_t)length))
		return;
	memcpy(seen, bytes, length < SEEN_BYTES ? length : SEEN_BYTES);
	seen_payload = parsed.payload;
}

static int send_frames(struct mirage_net *of,
		       struct mirage_packet *const packets[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (full)
			return (int)i;
		look(packets[i]);
		if (keeps && n_kept < FRAMES)
			kept[n_kept++] = packets[i];
		else
			mirage_packet_release(packets[i]);
	}
	return (int)n;
}

static void release_kept(void)
{
	while (n_kept > 0)
		mirage_packet_release(kept[--n_kept]);
}

static void set_full(bool is_full)
{
	full = is_full;
	if (!full && net_open)
		mirage_core_net_event(&net, MIRAGE_EVENT_WRITABLE);
}

static void net_close(struct mirage_net *of)
{
	net_open = false;
	mirage_core_net_closed(&net);
}

static const struct mirage_net_ops net_ops = {
	.size = sizeof net_ops,
	.reserve = reserve,
	.send = send_frames,
	.close = net_close,
};

static void backend_net_open(struct mirage_open *open)
{
	net = (struct mirage_net){
		.ops = &net_ops, .info = &info, .counters = &counters};
	net_open = true;
	info.link_up = true;
	if (rx == NULL) {
		rx = mirage_pool_new(FRAMES, GSO_MAX, NULL);
		tx = mirage_pool_new(FRAMES, GSO_MAX, &net);
	}
	mirage_core_net_opened(open, 0, &net);
}

static int backend_run(void)
{
	return 0;
}

static const struct mirage_console_ops console_ops = {
	.size = sizeof console_ops, .write = console_write, .log = console_log};
static const struct mirage_clock_info clock_info = {.size = sizeof clock_info,
						    .monotonic_resolution_ns =
							    1,
						    .wall_resolution_ns = 1};
static const struct mirage_clock_ops clock_ops = {.size = sizeof clock_ops,
						  .monotonic_ns = monotonic_ns,
						  .wall_ns = wall_ns,
						  .info = &clock_info};
static const struct mirage_time_ops time_ops = {.size = sizeof time_ops,
						.wake_at = wake_at};
static const struct mirage_random_ops random_ops = {.size = sizeof random_ops,
						    .fill = fill};
static const struct mirage_ambient ambient = {.size = sizeof ambient,
					      .console = &console_ops,
					      .clock = &clock_ops,
					      .time = &time_ops,
					      .random = &random_ops};

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "fuzz",
	.ambient = &ambient,
	.run = backend_run,
	.net_open = backend_net_open,
};

static void turns(void)
{
	for (int i = 0; i < 200 && mirage_core_ready(); i++)
		mirage_core_turn();
}

static void advance(uint64_t ns)
{
	now_ns += ns;
	turns();
}

/* ----------------------------------------------------------- Application -- */

static struct mirage_stack *stack;
static struct mirage_listener *listener;
static struct mirage_udp *udp;
static struct app_flow {
	struct mirage_flow *flow;
	struct mirage_flow_write write;
	struct mirage_vector vector;
	bool reading, writing, aborted;
} flows[FLOWS];
static struct mirage_tcp_connect call;
static struct mirage_resolve lookup;
static struct mirage_ip found[3];
static uint8_t content[40000];
static bool calling, looking, closing;

static void on_accept(void *arg, int result, struct mirage_flow *flow);

static void take(struct mirage_flow *flow)
{
	for (int i = 0; i < FLOWS; i++)
		if (flows[i].flow == NULL && !flows[i].writing &&
		    !flows[i].reading) {
			flows[i].flow = flow;
			flows[i].aborted = false;
			return;
		}
	mirage_flow_abort(flow);
}

static void on_accept(void *arg, int result, struct mirage_flow *flow)
{
	if (result < 0)
		return;
	take(flow);
	mirage_tcp_accept(listener, on_accept, NULL);
}

static void on_connected(void *arg, int result, struct mirage_flow *flow)
{
	calling = false;
	if (result == 0)
		take(flow);
}

static void on_found(void *arg, int result)
{
	looking = false;
	assert(result < 0 || result <= 3);
}

static void on_read(void *arg, int result, const void *bytes)
{
	struct app_flow *f = arg;
	uint8_t sum = 0;

	f->reading = false;
	for (int i = 0; i < result; i++)
		sum ^= ((const uint8_t *)bytes)[i];
	__asm__ volatile("" : : "r"(sum));
}

static void on_written(void *arg, int result)
{
	struct app_flow *f = arg;

	f->writing = false;
}

static void on_datagram(void *arg, const struct mirage_endpoint *from,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	const struct mirage_vector vector = {(void *)(uintptr_t)bytes, length};

	mirage_udp_send(udp, to, from, &vector, 1);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		closing = false;
}

static void on_open(void *arg, int result, struct mirage_stack *opened)
{
	struct mirage_endpoint any = {.port = 80};

	stack = opened;
	if (stack == NULL)
		return;
	mirage_stack_on_event(stack, on_event, NULL);
	assert(mirage_tcp_listen(stack, &any, 4, &listener) == 0);
	mirage_tcp_accept(listener, on_accept, NULL);
	any.port = 7;
	assert(mirage_udp_open(stack, &any, on_datagram, NULL, &udp) == 0);
}

static void app_open(uint8_t how)
{
	struct mirage_stack_config config = {
		.size = sizeof config,
		.n_interfaces = 1,
		.n_dns = 1,
		.interfaces = {{.name = "n", .ipv4_prefix_bits = 24}},
	};

	mirage_ip_parse(&config.dns[0], "10.0.0.1");
	if ((how & 1) != 0)
		config.interfaces[0].dhcp = true;
	else
		mirage_ip_parse(&config.interfaces[0].ipv4, "10.0.0.2");
	mirage_stack_open(&config, on_open, NULL);
	turns();
}

static void app_flow_do(struct input *in)
{
	struct app_flow *f = &flows[byte(in) % FLOWS];
	uint8_t what = byte(in) % 6;

	if (f->flow == NULL)
		return;
	if (what == 0 && !f->reading) {
		f->reading = true;
		mirage_flow_read(f->flow, on_read, f);
	} else if (what <= 2 && !f->writing) {
		f->writing = true;
		f->vector = (struct mirage_vector){
			content,
			what == 1 ? byte(in) : word(in) % sizeof content};
		f->write = (struct mirage_flow_write){.vectors = &f->vector,
						      .n_vectors = 1,
						      .done = on_written,
						      .arg = f};
		mirage_flow_write(f->flow, &f->write);
	} else if (what == 3) {
		mirage_flow_shutdown(f->flow);
	} else if (what == 4) {
		mirage_flow_close(f->flow);
		f->flow = NULL;
	} else if (what == 5) {
		mirage_flow_abort(f->flow);
		f->flow = NULL;
	}
}

static void app_ask(uint8_t what)
{
	if (stack == NULL)
		return;
	if ((what & 1) != 0 && !calling) {
		call = (struct mirage_tcp_connect){.done = on_connected};
		mirage_ip_parse(&call.to.ip,
				(what & 2) != 0 ? "10.0.0.1" : "fe80::1%1");
		call.to.port = 80;
		calling = true;
		mirage_tcp_connect(stack, &call);
	} else if ((what & 1) == 0 && !looking) {
		lookup = (struct mirage_resolve){.name = "a.b",
						 .n_ips = 3,
						 .ips = found,
						 .done = on_found};
		looking = true;
		mirage_resolve(stack, &lookup);
	}
}

static void app_close(void)
{
	if (stack == NULL)
		return;
	closing = true;
	mirage_stack_close(stack);
	stack = NULL;
	for (int i = 0; i < FLOWS; i++) {
		if (flows[i].flow != NULL)
			mirage_flow_close(flows[i].flow);
		flows[i].flow = NULL;
	}
}

/* ---------------------------------------------------------------- Frames -- */

static void deliver(const uint8_t *bytes, uint32_t length, uint8_t marks)
{
	struct mirage_packet *packet = mirage_pool_get(rx), *second;
	uint32_t first = (marks & 4) != 0 && length > 60 ? 60 : length;

	if (packet == NULL || !net_open) {
		if (packet != NULL)
			mirage_packet_release(packet);
		return;
	}
	memcpy(mirage_packet_append(packet, first), bytes, first);
	second = first < length ? mirage_pool_get(rx) : NULL;
	if (second != NULL) {
		memcpy(mirage_packet_append(second, length - first),
		       bytes + first, length - first);
		packet->next = second;
	}
	packet->csum =
		(marks & 1) != 0 ? MIRAGE_CSUM_VERIFIED : MIRAGE_CSUM_NONE;
	mirage_core_net_deliver(&net, &packet, 1);
}

/** Bytes of the input, with a header that is taken. */
static void raw(struct input *in)
{
	static uint8_t frame[2048];
	uint32_t length = word(in) % 1600, left;
	uint8_t marks = byte(in);

	memset(frame, 0, sizeof frame);
	memcpy(frame, (marks & 8) != 0 ? "\x33\x33\0\0\0\1" : "\2\0\0\0\0\2",
	       6);
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	memcpy(frame + 12, (marks & 16) != 0 ? "\x86\xdd" : "\x08\x00", 2);
	if ((marks & 32) != 0)
		memcpy(frame + 12, "\x08\x06", 2);
	left = (uint32_t)(in->end - in->at);
	length = length < left ? length : left;
	memcpy(frame + ETHER, in->at, length);
	in->at += length;
	if ((marks & 64) != 0 && length >= 20) { /* a good header */
		uint16_t sum;

		frame[14] = 0x45;
		frame[16] = (uint8_t)(length >> 8);
		frame[17] = (uint8_t)length;
		frame[24] = frame[25] = 0;
		memcpy(frame + 30, "\x0a\0\0\2", 4);
		sum = (uint16_t)~tcpip_checksum(frame + 14, 20);
		memcpy(frame + 24, &sum, 2);
	}
	deliver(frame, ETHER + length, marks);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = lwip_htonl(value);
	memcpy(at, &value, 4);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return lwip_htonl(value);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/** A segment that answers the last one that was sent, more or less. */
static void reply(struct input *in)
{
	static uint8_t frame[4096];
	bool ipv6 = seen[12] == 0x86;
	uint32_t ip = ipv6 ? 40 : 20, head = ETHER + ip + 20;
	uint32_t payload = word(in) % 3000, ack;
	uint8_t flags = byte(in), *tcp = frame + ETHER + ip, off = byte(in);
	uint16_t sum;

	memcpy(frame, seen, SEEN_BYTES);
	memset(frame + head, off, sizeof frame - head);
	swap(frame, frame + 6, 6);
	swap(frame + (ipv6 ? 22 : 26), frame + (ipv6 ? 38 : 30), ipv6 ? 16 : 4);
	swap(tcp, tcp + 2, 2);
	ack = get32(tcp + 4) + seen_payload + ((tcp[13] & 3) != 0);
	put32(tcp + 4, get32(tcp + 8) + (uint32_t)(int8_t)byte(in) * 97);
	put32(tcp + 8, ack - off % 16 * 500);
	tcp[12] = (uint8_t)(0x50 + (off & 0x30));
	tcp[13] = flags;
	tcp[14] = byte(in);
	if (ipv6) {
		frame[18] = (uint8_t)((payload + 20) >> 8);
		frame[19] = (uint8_t)(payload + 20);
	} else {
		frame[16] = (uint8_t)((payload + 40) >> 8);
		frame[17] = (uint8_t)(payload + 40);
		frame[24] = frame[25] = 0;
		sum = (uint16_t)~tcpip_checksum(frame + ETHER, 20);
		memcpy(frame + 24, &sum, 2);
	}
	deliver(frame, head + payload, (uint8_t)(1 | (off & 4)));
}

/** Somebody asks to be connected to port 80, or has the address that is looked for. */
static void begin(struct input *in)
{
	static const uint8_t arp[] = {2, 0, 0, 0, 0, 2,	 2,  0, 0, 0, 0,
				      1, 8, 6, 0, 1, 8,	 0,  6, 4, 0, 2,
				      2, 0, 0, 0, 0, 1,	 10, 0, 0, 1, 2,
				      0, 0, 0, 0, 2, 10, 0,  0, 2};
	uint8_t syn[] = {2,  0, 0,  0,	0,    2, 2,  0, 0,  0,	0, 1, 8,  0,
			 69, 0, 0,  40, 0,    1, 0,  0, 64, 6,	0, 0, 10, 0,
			 0,  1, 10, 0,	0,    2, 4,  0, 0,  80, 1, 2, 3,  4,
			 0,  0, 0,  0,	0x50, 2, 32, 0, 0,  0,	0, 0};
	uint16_t sum;

	deliver(arp, sizeof arp, 0);
	syn[34] = byte(in);
	sum = (uint16_t)~tcpip_checksum(syn + ETHER, 20);
	memcpy(syn + 24, &sum, 2);
	deliver(syn, sizeof syn, 1);
}

/* --------------------------------------------------------------- Running -- */

static void act(struct input *in)
{
	switch (byte(in) % 12) {
	case 0:
	case 1:
		raw(in);
		break;
	case 2:
	case 3:
	case 4:
		reply(in);
		break;
	case 5:
		begin(in);
		break;
	case 6:
		advance(byte(in) * UINT64_C(20000000));
		break;
	case 7:
	case 8:
		app_flow_do(in);
		break;
	case 9:
		app_ask(byte(in));
		break;
	case 10:
		set_full(!full);
		break;
	case 11:
		info.link_up = !info.link_up;
		if (net_open)
			mirage_core_net_event(&net, MIRAGE_EVENT_LINK);
		keeps = !info.link_up;
		release_kept();
		break;
	}
	turns();
}

static void on_forever(void *arg)
{
}

static int start(int argc, char *argv[])
{
	static struct mirage_timer forever;

	mirage_timer_start(&forever, UINT64_MAX, on_forever, NULL);
	return 0;
}

static void finish(void)
{
	set_full(false);
	keeps = false;
	release_kept();
	turns();
	app_close();
	for (int i = 0; i < 40 && (closing || tcpip_lent > 0); i++)
		advance(1000000000);
	assert(!closing && !calling && !looking && tcpip_lent == 0);
	assert(stack == NULL && tcpip_stacks == NULL);
	assert(rx->n_out == 0 && tx->n_out == 0);
	for (int i = 0; i < FLOWS; i++)
		assert(!flows[i].reading && !flows[i].writing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "fuzz";
	char *argv[] = {name, NULL};
	struct input in = {data, data + size};
	static bool started;

	if (!started)
		mirage_run(1, argv, start);
	started = true;
	seed = 1;
	memset(seen, 0, sizeof seen);
	turns();
	app_open(byte(&in));
	for (int i = 0; i < STEPS_MAX && in.at < in.end; i++)
		act(&in);
	if (stack ==
	    NULL) { /* DHCP has not come to an end: give it an address */
		for (struct tcpip_stack *s = tcpip_stacks; s != NULL;
		     s = s->next)
			s->usable = true;
		begin(&in);
		advance(1000000000);
	}
	finish();
	return 0;
}
