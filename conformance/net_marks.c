/* SPDX-License-Identifier: ISC */
/* Networks: what is known, or wanted, of checksums and segments. */
#include "net_case.h"

static struct net_sink sink;

static int send_marked(uint8_t csum, uint8_t gso, uint16_t start,
		       uint16_t offset)
{
	struct mirage_packet *packet =
		net_frame(conf_net(CONF_NET_A), conf_net(CONF_NET_B), 100, 1);
	int result;

	if (packet == NULL)
		return MIRAGE_EAGAIN;
	packet->csum = csum;
	packet->gso = gso;
	packet->gso_size_bytes = gso != 0 ? 50 : 0;
	packet->csum_start_bytes = start;
	packet->csum_offset_bytes = offset;
	result = mirage_net_send(conf_net(CONF_NET_A), &packet, 1);
	if (result != 1)
		mirage_packet_release(packet);
	return result;
}

CASE(net, blank_checksum_unsupported, "NET-23 LAW-07", .needs = CONF_PAIR,
     .lacks = MIRAGE_NET_CAP_TX_CSUM)
{
	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, 0, 34, 6), MIRAGE_ENOTSUP);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_refused, 1);
	/* A mark that asks for nothing needs no capability. */
	CHECK_RESULT(send_marked(MIRAGE_CSUM_VERIFIED, 0, 0, 0), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.wrong, 0);
	CASE_END;
}

CASE(net, segmentation_unsupported, "NET-23 LAW-07", .needs = CONF_PAIR,
     .lacks = MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)
{
	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, MIRAGE_GSO_TCPV4, 34, 16),
		     MIRAGE_ENOTSUP);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, MIRAGE_GSO_TCPV6, 54, 16),
		     MIRAGE_ENOTSUP);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_refused, 2);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, 0);
	CASE_END;
}

CASE(net, mark_outside, "NET-24", .needs = CONF_PAIR,
     .caps = MIRAGE_NET_CAP_TX_CSUM)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, 0, 99, 0), MIRAGE_EINVAL);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, 0, 34, 65), MIRAGE_EINVAL);
	CHECK_RESULT(send_marked(MIRAGE_CSUM_BLANK, 0, 65535, 65535),
		     MIRAGE_EINVAL);
	CHECK_RESULT(send_marked(3, 0, 34, 6), MIRAGE_EINVAL);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_refused, 4);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, 0);
	CASE_END;
}

/* An empty UDP datagram over IPv4, with the sum of the pseudo-header in the
 * checksum's place, as MIRAGE_CSUM_BLANK wants it. */
static const uint8_t datagram[28] = {
	0x45, 0, 0,  28, 0, 0, 0,    0,	   64, 17, 0x66, 0xcf, 10,   0,
	0,    1, 10, 0,	 0, 2, 0x10, 0x92, 0,  9,  0,	 8,    0x14, 0x1c};

static struct mirage_packet *blank_datagram(void)
{
	struct mirage_net *net = conf_net(CONF_NET_A);
	struct mirage_packet *packet =
		net_frame(net, conf_net(CONF_NET_B), 60, 1);

	if (packet == NULL)
		return NULL;
	/* Still of the cases' own type, so that no host answers. */
	conf_copy(packet->data + 14, datagram, sizeof(datagram));
	conf_set(packet->data + 42, 18, 0);
	packet->csum = MIRAGE_CSUM_BLANK;
	packet->csum_start_bytes = 34;
	packet->csum_offset_bytes = 6;
	return packet;
}

/* RFC 1071: with its checksum in place the sum of all is all ones. */
static uint32_t folded_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

CASE(net, blank_checksum, "NET-25 NET-26", .needs = CONF_PAIR,
     .caps = MIRAGE_NET_CAP_TX_CSUM)
{
	static struct mirage_packet *packet;
	static uint8_t before[60];

	CASE_BEGIN;
	NET_OPEN_PAIR(sink);
	packet = blank_datagram();
	CHECK(packet != NULL);
	conf_copy(before, packet->data, 60);
	mirage_packet_retain(packet);
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1), 1);
	AWAIT(sink.ours == 1);
	CLAIM("NET-26");
	/* This end accepts no marks, so that somebody has filled it in. */
	CHECK_EQ(sink.csum, MIRAGE_CSUM_NONE);
	CHECK_EQ(folded_sum(sink.flat + 34, 26, 0x141c), 0xffff);
	CLAIM("NET-25");
	CHECK_BYTES(packet->data, before, 60);
	CHECK_EQ(packet->csum, MIRAGE_CSUM_BLANK);
	mirage_packet_release(packet);
	CASE_END;
}

CASE(net, blank_checksum_accepted, "NET-26 LAW-07", .needs = CONF_PAIR,
     .caps = MIRAGE_NET_CAP_TX_CSUM)
{
	static struct mirage_packet *packet;
	static uint8_t before[60];

	CASE_BEGIN;
	NET_OPEN_PAIR_ACCEPT(sink, MIRAGE_NET_CAP_RX_CSUM);
	packet = blank_datagram();
	CHECK(packet != NULL);
	conf_copy(before, packet->data, 60);
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1), 1);
	AWAIT(sink.ours == 1);
	CHECK_EQ(sink.gso, MIRAGE_GSO_NONE);
	/* Either handed on as it was, or filled in. */
	if (sink.csum == MIRAGE_CSUM_BLANK) {
		CHECK((conf_net(CONF_NET_B)->info->caps &
		       MIRAGE_NET_CAP_RX_CSUM) != 0);
		CHECK_EQ(sink.csum_start, 34);
		CHECK_EQ(sink.csum_offset, 6);
		CHECK_BYTES(sink.flat, before, 60);
	} else {
		CHECK_EQ(folded_sum(sink.flat + 34, 26, 0x141c), 0xffff);
	}
	CASE_END;
}

CASE(law, network_without_capability, "LAW-07", .needs = CONF_NET,
     .lacks = MIRAGE_NET_CAP_TX_GSO6)
{
	static struct mirage_packet *packet;
	static uint64_t sent;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), 100, &packet, 1), 1);
	conf_set(mirage_packet_append(packet, 100), 100, 1);
	packet->csum = MIRAGE_CSUM_BLANK;
	packet->csum_start_bytes = 54;
	packet->csum_offset_bytes = 16;
	packet->gso = MIRAGE_GSO_TCPV6;
	packet->gso_size_bytes = 40;
	sent = conf_net(CONF_NET_A)->counters->tx_frames;
	CHECK_RESULT(mirage_net_send(conf_net(CONF_NET_A), &packet, 1),
		     MIRAGE_ENOTSUP);
	CHECK_EQ(packet->references, 1);
	CHECK_EQ(conf_net(CONF_NET_A)->counters->tx_frames, sent);
	mirage_packet_release(packet);
	CASE_END;
}

CASES(net_marks) = {
	&net_blank_checksum_unsupported,
	&net_segmentation_unsupported,
	&net_mark_outside,
	&net_blank_checksum,
	&net_blank_checksum_accepted,
	&law_network_without_capability,
	NULL,
};
