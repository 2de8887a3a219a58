/* SPDX-License-Identifier: ISC */
/*
 * Consecutive segments of a flow become one frame for a device that cuts it into
 * segments again (generic segmentation offload). In lwIP's queues they stay what they
 * are, so that the loss of one costs one.
 */
#include "tcpip.h"

#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"

#include "hooks.h"

#include <string.h>

enum {
	ETHER_BYTES = 14,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES = 20,
	TCP_CSUM = 16,
	PROTOCOL_TCP = 6
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

bool tcpip_parse(struct tcpip_parsed *parsed, const uint8_t *bytes,
		 uint32_t length, uint32_t frame_bytes)
{
	const uint8_t *ip = bytes + ETHER_BYTES;
	uint32_t headers;

	if (length < (uint32_t)ETHER_BYTES + IPV4_BYTES + TCP_BYTES)
		return false;
	parsed->ipv6 = get16(bytes + 12) == ETHTYPE_IPV6;
	parsed->ip_bytes = parsed->ipv6 ? IPV6_BYTES : IPV4_BYTES;
	if (parsed->ipv6 ? ip[6] != PROTOCOL_TCP
			 : get16(bytes + 12) != ETHTYPE_IP || ip[0] != 0x45 ||
				   ip[9] != PROTOCOL_TCP ||
				   (get16(ip + 6) & 0x3fff) != 0)
		return false;
	if (length < (uint32_t)ETHER_BYTES + parsed->ip_bytes + TCP_BYTES)
		return false;
	parsed->tcp_bytes = (uint8_t)(ip[parsed->ip_bytes + 12] >> 4 << 2);
	headers = ETHER_BYTES + parsed->ip_bytes + parsed->tcp_bytes;
	if (parsed->tcp_bytes < TCP_BYTES || length < headers)
		return false;
	parsed->payload = frame_bytes - headers;
	return true;
}

void tcpip_blank(struct mirage_packet *frame, const struct tcpip_parsed *parsed,
		 uint32_t frame_bytes)
{
	uint8_t *ip = frame->data + ETHER_BYTES, *tcp = ip + parsed->ip_bytes;
	uint32_t start = ETHER_BYTES + parsed->ip_bytes;
	uint32_t sum = lwip_htons(PROTOCOL_TCP) +
		       lwip_htons((uint16_t)(frame_bytes - start));
	uint16_t folded;

	sum += tcpip_checksum(ip + (parsed->ipv6 ? 8 : 12),
			      parsed->ipv6 ? 32 : 8);
	sum = (sum & 0xffff) + (sum >> 16);
	folded = (uint16_t)(sum + (sum >> 16));
	memcpy(tcp + TCP_CSUM, &folded, sizeof folded);
	frame->csum = MIRAGE_CSUM_BLANK;
	frame->csum_start_bytes = (uint16_t)start;
	frame->csum_offset_bytes = TCP_CSUM;
}

/* --------------------------------------------------------------- Joining -- */

/** Whether the headers at `a` and `b` differ in nothing but what segments of one
 *  flow, sent at once, may. */
static bool same_flow(const uint8_t *a, const uint8_t *b,
		      const struct tcpip_parsed *parsed)
{
	if (memcmp(a, b, ETHER_BYTES) != 0)
		return false;
	a += ETHER_BYTES;
	b += ETHER_BYTES;
	if (parsed->ipv6
		    ? memcmp(a, b, 4) != 0 || memcmp(a + 6, b + 6, 34) != 0
		    : memcmp(a, b, 2) != 0 || memcmp(a + 6, b + 6, 4) != 0 ||
			      memcmp(a + 12, b + 12, 8) != 0)
		return false;
	a += parsed->ip_bytes;
	b += parsed->ip_bytes;
	return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 5) == 0 &&
	       ((a[13] ^ b[13]) & ~(TCP_PSH | TCP_FIN)) == 0 &&
	       (a[13] & (TCP_SYN | TCP_RST | TCP_URG | TCP_FIN)) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + TCP_BYTES, b + TCP_BYTES,
		      parsed->tcp_bytes - TCP_BYTES) == 0;
}

static uint32_t sequence(const uint8_t *frame,
			 const struct tcpip_parsed *parsed)
{
	return get32(frame + ETHER_BYTES + parsed->ip_bytes + 4);
}

static bool fits(const struct tcpip_interface *interface, const uint8_t *b,
		 const struct tcpip_parsed *parsed)
{
	const struct tcpip_join *join = &interface->join;
	uint32_t size = join->parsed.payload;
	uint32_t bytes = join->bytes + parsed->payload;

	return parsed->ipv6 == join->parsed.ipv6 &&
	       parsed->tcp_bytes == join->parsed.tcp_bytes &&
	       parsed->payload > 0 && parsed->payload <= size &&
	       join->payload == size && bytes - ETHER_BYTES <= UINT16_MAX &&
	       bytes <= interface->net->info->gso_max_bytes &&
	       sequence(b, parsed) == join->next_seq &&
	       same_flow(join->frame->data, b, parsed);
}

bool tcpip_join(struct tcpip_interface *interface, const struct pbuf *p,
		const struct tcpip_parsed *parsed)
{
	struct tcpip_join *join = &interface->join;
	uint32_t headers = ETHER_BYTES + parsed->ip_bytes + parsed->tcp_bytes;
	uint32_t fragments = join->fragments;
	uint8_t *flags;

	if (join->frame == NULL || !fits(interface, p->payload, parsed))
		return false;
	/* Without room for the copy, or out of fragments, another frame begins. */
	if (!tcpip_append(&join->last, &fragments,
			  interface->net->info->max_fragments, p, headers,
			  interface->lends))
		return false;
	if (join->fragments == 1 && fragments > 1)
		mirage_packet_retain(
			join->frame); /* nobody is to write to it */
	join->fragments = fragments;
	flags = join->frame->data + ETHER_BYTES + parsed->ip_bytes + 13;
	*flags |= ((const uint8_t *)
			   p->payload)[headers - parsed->tcp_bytes + 13] &
		  (TCP_PSH | TCP_FIN);
	join->bytes += parsed->payload;
	join->payload = parsed->payload;
	join->next_seq += parsed->payload;
	join->segments++;
	return true;
}

bool tcpip_join_ack(struct tcpip_interface *interface, const struct pbuf *p,
		    const struct tcpip_parsed *parsed)
{
	uint32_t headers = ETHER_BYTES + parsed->ip_bytes + TCP_BYTES;
	uint32_t at = ETHER_BYTES + parsed->ip_bytes;
	const uint8_t *now = p->payload;
	struct mirage_packet *last;
	uint32_t news;

	if (interface->n_queue == 0 || parsed->payload != 0 ||
	    parsed->tcp_bytes != TCP_BYTES || now[at + 13] != TCP_ACK)
		return false;
	last = interface->queue[interface->n_queue - 1];
	if (last->length_bytes != headers || last->next != NULL ||
	    memcmp(last->data, now, ETHER_BYTES + 1) != 0 ||
	    last->data[parsed->ipv6 ? 20 : 23] != PROTOCOL_TCP ||
	    last->data[at + 13] != TCP_ACK ||
	    memcmp(last->data + at, now + at, 8) != 0 ||
	    (parsed->ipv6 ? memcmp(last->data + 22, now + 22, 32)
			  : memcmp(last->data + 26, now + 26, 8)) != 0)
		return false;
	/* One that says the same again says that something is missing. */
	news = get32(now + at + 8) - get32(last->data + at + 8);
	if (news > INT32_MAX ||
	    (news == 0 && memcmp(last->data + at + 14, now + at + 14, 2) == 0))
		return false;
	memcpy(last->data, now, headers);
	if (last->csum == MIRAGE_CSUM_BLANK)
		tcpip_blank(last, parsed, headers);
	return true;
}

void tcpip_join_begin(struct tcpip_interface *interface,
		      struct mirage_packet *frame,
		      const struct tcpip_parsed *parsed)
{
	struct tcpip_join *join = &interface->join;

	*join = (struct tcpip_join){
		.frame = frame,
		.last = frame,
		.parsed = *parsed,
		.bytes = (uint32_t)mirage_packet_frame_bytes(frame),
		.fragments = 1,
		.segments = 1,
		.payload = parsed->payload,
		.next_seq = sequence(frame->data, parsed) + parsed->payload,
	};
	for (; join->last->next != NULL; join->last = join->last->next)
		join->fragments++;
}

/** The headers of a frame of many segments say how long all of it is. */
void tcpip_join_end(struct tcpip_interface *interface)
{
	struct tcpip_join *join = &interface->join;
	struct mirage_packet *frame = join->frame;
	uint8_t *ip;
	uint16_t sum;

	join->frame = NULL;
	if (frame == NULL || join->segments == 1)
		return;
	ip = frame->data + ETHER_BYTES;
	if (join->parsed.ipv6) {
		put16(ip + 4, join->bytes - ETHER_BYTES - IPV6_BYTES);
	} else {
		put16(ip + 2, join->bytes - ETHER_BYTES);
		put16(ip + 10, 0);
		sum = (uint16_t)~tcpip_checksum(ip, IPV4_BYTES);
		memcpy(ip + 10, &sum, sizeof sum);
	}
	tcpip_blank(frame, &join->parsed, join->bytes);
	frame->gso = join->parsed.ipv6 ? MIRAGE_GSO_TCPV6 : MIRAGE_GSO_TCPV4;
	frame->gso_size_bytes = (uint16_t)join->parsed.payload;
}
