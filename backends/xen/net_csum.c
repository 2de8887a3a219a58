/* SPDX-License-Identifier: ISC */
/*
 * Xen marks a blank checksum but does not say where it is: the headers do
 * (Ethernet II, one VLAN tag, IPv4 and IPv6 with their options and extensions).
 */
#include "net.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_DESTINATION 60

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/** Where the transport header begins, or 0; sets its protocol. */
static uint32_t skip_ipv4(const uint8_t *bytes, uint32_t length, uint32_t at,
			  uint8_t *protocol)
{
	uint32_t header;

	if (length < at + 20)
		return 0;
	header = (uint32_t)(bytes[at] & 15) * 4;
	*protocol = bytes[at + 9];
	return bytes[at] >> 4 == 4 && header >= 20 ? at + header : 0;
}

static uint32_t skip_ipv6(const uint8_t *bytes, uint32_t length, uint32_t at,
			  uint8_t *protocol)
{
	if (length < at + 40 || bytes[at] >> 4 != 6)
		return 0;
	*protocol = bytes[at + 6];
	at += 40;
	for (int i = 0; i < 8 && (*protocol == IPV6_HOP_BY_HOP ||
				  *protocol == IPV6_ROUTING ||
				  *protocol == IPV6_DESTINATION);
	     i++) {
		if (length < at + 8)
			return 0;
		*protocol = bytes[at];
		at += ((uint32_t)bytes[at + 1] + 1) * 8;
	}
	return at;
}

uint32_t xen_net_transport(const uint8_t *bytes, uint32_t length,
			   uint32_t *ip_at, uint8_t *protocol)
{
	uint16_t type;

	*ip_at = 14;
	if (length < 18)
		return 0;
	type = get16(bytes + 12);
	if (type == ETHERTYPE_VLAN) {
		type = get16(bytes + 16);
		*ip_at = 18;
	}
	if (type == ETHERTYPE_IPV4)
		return skip_ipv4(bytes, length, *ip_at, protocol);
	if (type == ETHERTYPE_IPV6)
		return skip_ipv6(bytes, length, *ip_at, protocol);
	return 0;
}

bool xen_net_csum_locate(struct mirage_packet *packet)
{
	uint8_t protocol = 0;
	uint32_t length = packet->length_bytes, ip_at, offset;
	uint32_t at =
		xen_net_transport(packet->data, length, &ip_at, &protocol);

	offset = protocol == PROTOCOL_TCP ? 16 : 6;
	if (at == 0 || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
	    length < at + offset + 2)
		return false;
	packet->csum_start_bytes = (uint16_t)at;
	packet->csum_offset_bytes = (uint16_t)offset;
	return true;
}

bool xen_net_csum_is_located(const struct mirage_packet *packet)
{
	struct mirage_packet found = *packet;

	return xen_net_csum_locate(&found) &&
	       found.csum_start_bytes == packet->csum_start_bytes &&
	       found.csum_offset_bytes == packet->csum_offset_bytes;
}

void xen_net_csum_fill(struct mirage_packet *packet)
{
	uint8_t *to = packet->data + packet->csum_start_bytes +
		      packet->csum_offset_bytes;
	uint64_t sum = 0;

	for (uint32_t i = packet->csum_start_bytes; i < packet->length_bytes;
	     i += 2)
		sum += (uint32_t)packet->data[i] << 8 |
		       (i + 1 < packet->length_bytes ? packet->data[i + 1] : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	/* Zero would say that there is none (RFC 768); all ones is equal. */
	sum = sum == 0xffff ? 0xffff : ~sum & 0xffff;
	to[0] = (uint8_t)(sum >> 8);
	to[1] = (uint8_t)sum;
	packet->csum = MIRAGE_CSUM_NONE;
}
