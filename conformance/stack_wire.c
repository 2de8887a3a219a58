/* SPDX-License-Identifier: ISC */
/* Our own stack, and what it makes of the frames of others: a case plays a DHCP
 * server (RFC 2131) and a router (RFC 4861) on the other network. */
#include "conformance.h"

enum { ETHERNET = 14, IPV4 = 20, IPV6 = 40, UDP = 8, BOOTP = 240 };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5 };

static uint8_t frame[1514]; /* the one that is being made */

/* ---------------------------------------------------------------- Frames -- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum(const uint8_t *bytes, size_t length, uint32_t from)
{
	for (size_t i = 0; i < length; i++)
		from += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return from;
}

static uint32_t fold(uint32_t value)
{
	while (value > 0xffff)
		value = (value & 0xffff) + (value >> 16);
	return ~value & 0xffff;
}

/* Sends the `length` bytes of `frame` from B. */
static void send(size_t length)
{
	struct mirage_net *net = conf_net(CONF_NET_B);
	struct mirage_packet *packet;

	if (mirage_net_reserve(net, (uint32_t)length, &packet, 1) != 1)
		return;
	conf_copy(mirage_packet_append(packet, (uint32_t)length), frame,
		  length);
	if (mirage_net_send(net, &packet, 1) != 1)
		mirage_packet_release(packet);
}

/* A header to everybody, from B. */
static void ethernet(const uint8_t to[6], uint32_t type)
{
	conf_set(frame, sizeof(frame), 0);
	conf_copy(frame, to, 6);
	conf_copy(frame + 6, conf_net(CONF_NET_B)->info->mac, 6);
	put16(frame + 12, type);
}

/* ------------------------------------------------------------------ DHCP -- */

static struct {
	unsigned discovers, requests;
	bool answers;
	uint8_t heard[BOOTP]; /* the last message, to be answered */
} dhcp;

static const uint8_t leased[4] = {10, 0, 0, 77}, server[4] = {10, 0, 0, 2};

static size_t dhcp_options(uint8_t *at, uint8_t kind)
{
	const uint8_t options[] = {
		53, 1, kind, 54,  4,   10, 0, 0, 2,	      /* kind, server */
		51, 4, 0,    0,	  2,   88,		      /* 600 s */
		1,  4, 255,  255, 255, 0,		      /* mask */
		3,  4, 10,   0,	  0,   2,  6, 4, 10, 0, 0, 3, /* router, DNS */
		255};

	conf_copy(at, options, sizeof(options));
	return sizeof(options);
}

static void dhcp_answer(uint8_t kind)
{
	static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
	uint8_t *ip = frame + ETHERNET, *udp = ip + IPV4, *bootp = udp + UDP;
	size_t length;

	ethernet(everybody, 0x0800);
	conf_copy(bootp, dhcp.heard, BOOTP);
	bootp[0] = 2; /* a reply */
	conf_copy(bootp + 16, leased, 4);
	conf_copy(bootp + 20, server, 4);
	length = BOOTP + dhcp_options(bootp + BOOTP, kind);
	put16(udp, 67);
	put16(udp + 2, 68);
	put16(udp + 4, (uint32_t)(UDP + length)); /* without a checksum */
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IPV4 + UDP + length));
	ip[8] = 64;
	ip[9] = 17;
	conf_copy(ip + 12, server, 4);
	conf_set(ip + 16, 4, 255);
	put16(ip + 10, fold(sum(ip, IPV4, 0)));
	send(ETHERNET + IPV4 + UDP + length);
}

/* The kind of a DHCP message, or 0. */
static uint8_t dhcp_kind(const uint8_t *options, size_t length)
{
	for (size_t at = 0; at + 2 < length && options[at] != 255;
	     at += options[at] == 0 ? 1 : options[at + 1] + 2u)
		if (options[at] == 53)
			return options[at + 2];
	return 0;
}

static void dhcp_hear(const uint8_t *bytes, size_t length)
{
	const uint8_t *ip = bytes + ETHERNET, *udp = ip + IPV4;
	const size_t headers = ETHERNET + IPV4 + UDP;
	uint8_t kind;

	if (length < headers + BOOTP || bytes[12] != 8 || bytes[13] != 0 ||
	    ip[0] != 0x45 || ip[9] != 17 || udp[2] != 0 || udp[3] != 67)
		return;
	conf_copy(dhcp.heard, bytes + headers, BOOTP);
	kind = dhcp_kind(bytes + headers + BOOTP, length - headers - BOOTP);
	dhcp.discovers += kind == DISCOVER;
	dhcp.requests += kind == REQUEST;
	if (dhcp.answers && (kind == DISCOVER || kind == REQUEST))
		dhcp_answer(kind == DISCOVER ? OFFER : ACK);
	conf_wake();
}

static void receive(void *arg, struct mirage_packet *const packets[], size_t n)
{
	static uint8_t flat[2048];

	for (size_t i = 0; i < n; i++) {
		const struct mirage_packet *part = packets[i];
		size_t length = 0;

		for (; part != NULL &&
		       length + part->length_bytes <= sizeof(flat);
		     part = part->next) {
			conf_copy(flat + length, part->data,
				  part->length_bytes);
			length += part->length_bytes;
		}
		dhcp_hear(flat, length);
		mirage_packet_release(packets[i]);
	}
}

static void open_stack(bool with_dhcp)
{
	struct mirage_stack_config config = {.size = sizeof(config),
					     .n_interfaces = 1};
	struct mirage_interface_config *at = &config.interfaces[0];

	conf_set(&dhcp, sizeof(dhcp), 0);
	mirage_net_on_receive(conf_net(CONF_NET_B), receive, NULL);
	at->name = conf_name(CONF_NET_A);
	at->dhcp = with_dhcp;
	at->no_slaac = with_dhcp;
	if (!with_dhcp) {
		at->ipv4 = (struct mirage_ip){.bytes = {10, 0, 0, 1},
					      .version = 4};
		at->ipv4_prefix_bits = 24;
	}
	conf_open_stack(CONF_NET_A, &config);
}

static const struct mirage_interface_info *interface(void)
{
	return &conf_stack(CONF_NET_A)->info->interfaces[0];
}

CASE(stack, waits_for_lease, "STK-03", .needs = CONF_PAIR)
{
	static uint64_t now_ns;

	CASE_BEGIN;
	OPEN(CONF_NET_B);
	open_stack(true);
	AWAIT(dhcp.discovers > 0);
	REST_NS(100000000);
	CHECK(!conf_is_open(CONF_NET_A));
	dhcp.answers = true;
	dhcp_answer(OFFER);
	AWAIT_NS(conf_is_open(CONF_NET_A), 60000000000);
	CHECK(dhcp.requests > 0);
	CHECK_EQ(interface()->ipv4.version, 4);
	CHECK_BYTES(interface()->ipv4.bytes, leased, 4);
	CHECK_EQ(interface()->ipv4_prefix_bits, 24);
	CHECK_BYTES(interface()->gateway4.bytes, server, 4);
	CHECK_BYTES(interface()->dhcp_server.bytes, server, 4);
	now_ns = mirage_clock_monotonic_ns();
	CHECK(interface()->lease_end_ns > now_ns + 500000000000);
	CHECK(interface()->lease_end_ns <= now_ns + 600000000000);
	CHECK_EQ(conf_stack(CONF_NET_A)->info->n_dns, 1);
	CHECK_EQ(conf_stack(CONF_NET_A)->info->dns[0].bytes[3], 3);
	CASE_END;
}

CASE(stack, static_at_once, "STK-03 LAW-02", .needs = CONF_PAIR)
{
	CASE_BEGIN;
	OPEN(CONF_NET_B);
	open_stack(false);
	CLAIM("LAW-02");
	CHECK(!conf_is_open(CONF_NET_A));
	CLAIM("STK-03");
	AWAIT(conf_is_open(CONF_NET_A));
	CHECK(interface()->ipv4.version == 4);
	CHECK_EQ(interface()->ipv4.bytes[3], 1);
	CHECK_EQ(interface()->ipv4_prefix_bits, 24);
	CHECK(interface()->mtu_bytes >= 576);
	CHECK_EQ(interface()->lease_end_ns, 0);
	CHECK_EQ(dhcp.discovers, 0);
	CASE_END;
}

/* --------------------------------------------------------------- Router -- */

/* A router at fe80::2 that lets everybody make addresses in fd01::/64. */
static void advertise(void)
{
	static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t message[] = {
		134,  0, 0,  0,	   64, 0, 7,  8,  0, 0, 0, 0, 0, 0, 0, 0,
		3,    4, 64, 0xc0, /* prefix: link, autonomous */
		0,    0, 14, 16,   0,  0, 14, 16, 0, 0, 0, 0, /* an hour */
		0xfd, 1, 0,  0,	   0,  0, 0,  0,  0, 0, 0, 0, 0, 0, 0, 0,
	};
	uint8_t *ip = frame + ETHERNET, *icmp = ip + IPV6;

	ethernet(all_nodes, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, sizeof(message));
	ip[6] = 58;
	ip[7] = 255;
	ip[8] = 0xfe;
	ip[9] = 0x80;
	ip[23] = 2;
	ip[24] = 0xff;
	ip[25] = 2;
	ip[39] = 1;
	conf_copy(icmp, message, sizeof(message));
	put16(icmp + 2, fold(sum(icmp, sizeof(message),
				 sum(ip + 8, 32, sizeof(message) + 58))));
	send(ETHERNET + IPV6 + sizeof(message));
}

/* Whether the stack has an address that the router made possible. */
static bool has_advertised(void)
{
	const struct mirage_interface_info *at = interface();

	for (unsigned i = 0; i < at->n_ipv6; i++)
		if (at->ipv6[i].bytes[0] == 0xfd && at->ipv6[i].bytes[1] == 1)
			return true;
	return false;
}

static bool seen;

static void on_address(void *arg, uint32_t event)
{
	seen |= event == MIRAGE_EVENT_ADDRESS && has_advertised();
}

static bool heard_address(void)
{
	return conf_events(CONF_NET_A, MIRAGE_EVENT_ADDRESS) > 0 &&
	       has_advertised();
}

CASE(stack, advertised, "STK-06 EVT-01", .needs = CONF_PAIR)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_NET_B);
	open_stack(false);
	AWAIT(conf_is_open(CONF_NET_A) && interface()->link_up);
	CHECK(!has_advertised());
	seen = false;
	conf_on_event(CONF_NET_A, on_address, NULL);
	/* Again and again, as routers do: a bridge may be learning still. */
	CLAIM("STK-06");
	for (i = 0; i < 50 && !heard_address(); i++) {
		advertise();
		REST_NS(200000000);
	}
	CHECK(heard_address());
	CLAIM("EVT-01");
	CHECK(seen);
	CASE_END;
}

/* ----------------------------------------------------------------- Link -- */

CASE(stack, link, "EVT-01", .needs = CONF_PAIR | CONF_LINK)
{
	CASE_BEGIN;
	OPEN(CONF_NET_B);
	open_stack(false);
	AWAIT(conf_is_open(CONF_NET_A) && interface()->link_up);
	WORLD(conf_link(CONF_NET_A, false));
	AWAIT(conf_events(CONF_NET_A, MIRAGE_EVENT_LINK) > 0 &&
	      !interface()->link_up);
	WORLD(conf_link(CONF_NET_A, true));
	AWAIT(interface()->link_up);
	CASE_END;
}

CASES(stack_wire) = {
	&stack_waits_for_lease,
	&stack_static_at_once,
	&stack_advertised,
	&stack_link,
	NULL,
};
