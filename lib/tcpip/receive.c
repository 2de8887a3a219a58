/* SPDX-License-Identifier: ISC */
/*
 * From frames to lwIP. A frame is not copied: a pbuf points to each of its fragments
 * and holds a reference. Only when lwIP and the flows sit on so many frames that the
 * device might run out of them, those that come are copied.
 */
#include "tcpip.h"

#include "lwip/etharp.h"
#include "lwip/ip4.h"
#include "lwip/ip6.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip4.h"
#include "lwip/stats.h"

#include "hooks.h"

#include <string.h>

enum { SLICE = 16, ETHER_BYTES = 14, IP_MAX_BYTES = 65535 };
/* Of frames longer than the MTU a device has 64 or so. */
enum { HELD_LONG_MAX = 40 };

/** A pbuf around a fragment, or around a copy. */
struct piece {
	struct pbuf_custom custom; /* first */
	struct mirage_packet *frame;
	struct tcpip_interface *interface;
	bool is_long;
};

static struct piece *free_pieces;

static struct piece *piece_take(void)
{
	struct piece *piece = free_pieces;

	if (piece == NULL)
		return tcpip_alloc(sizeof *piece);
	free_pieces = *(struct piece **)(void *)piece;
	return piece;
}

static void piece_free(struct pbuf *p)
{
	struct piece *piece = (struct piece *)p;
	struct tcpip_interface *interface = piece->interface;

	if (interface != NULL) {
		interface->held_frames--;
		interface->held_long -= piece->is_long;
	}
	mirage_packet_release(piece->frame);
	*(struct piece **)(void *)piece = free_pieces;
	free_pieces = piece;
}

/** A pbuf for what follows the first `skip` bytes of a fragment. */
static struct pbuf *wrap_one(struct tcpip_interface *interface,
			     struct mirage_packet *frame,
			     struct mirage_packet *fragment, uint32_t skip,
			     bool is_long)
{
	struct piece *piece = piece_take();
	uint16_t length = (uint16_t)(fragment->length_bytes - skip);

	if (piece == NULL)
		return NULL;
	piece->custom.custom_free_function = piece_free;
	piece->frame = mirage_packet_retain(frame);
	piece->interface = interface;
	piece->is_long = is_long;
	interface->held_frames++;
	interface->held_long += is_long;
	return pbuf_alloced_custom(PBUF_RAW, length, PBUF_REF, &piece->custom,
				   fragment->data + skip, length);
}

static struct pbuf *wrap(struct tcpip_interface *interface,
			 struct mirage_packet *frame, bool is_long)
{
	struct pbuf *first = NULL;
	uint32_t skip = ETHER_BYTES;

	for (struct mirage_packet *f = frame; f != NULL; f = f->next) {
		struct pbuf *p;

		if (f->length_bytes <= skip) {
			skip -= f->length_bytes;
			continue;
		}
		p = wrap_one(interface, frame, f, skip, is_long);
		skip = 0;
		if (p == NULL) {
			if (first != NULL)
				pbuf_free(first);
			return NULL;
		}
		if (first == NULL)
			first = p;
		else
			pbuf_cat(first, p);
	}
	return first;
}

static struct pbuf *copy(const struct mirage_packet *frame, uint32_t bytes)
{
	struct pbuf *p =
		pbuf_alloc(PBUF_RAW, (uint16_t)(bytes - ETHER_BYTES), PBUF_RAM);
	uint32_t skip = ETHER_BYTES;
	uint8_t *to = p != NULL ? p->payload : NULL;

	for (; p != NULL && frame != NULL; frame = frame->next) {
		uint32_t length = frame->length_bytes;

		if (length <= skip) {
			skip -= length;
			continue;
		}
		memcpy(to, frame->data + skip, length - skip);
		to += length - skip;
		skip = 0;
	}
	return p;
}

/** Whether too many frames are held to hold another. */
static bool crowded(const struct tcpip_interface *interface, bool is_long)
{
	return interface->held_frames >=
		       interface->net->info->pool_frames / 4 * 3 ||
	       (is_long && interface->held_long >= HELD_LONG_MAX);
}

/** Whether `frame` may be (part of) something other than one whole packet. */
static bool fragmentary(const struct mirage_packet *frame, uint16_t type)
{
	const uint8_t *ip = frame->data + ETHER_BYTES;
	uint32_t length = frame->length_bytes - ETHER_BYTES;

	if (type == ETHTYPE_IP)
		return length < IP_HLEN || ((ip[6] & 0x3f) | ip[7]) != 0;
	return type == ETHTYPE_IPV6 &&
	       (length < IP6_HLEN ||
		(ip[6] != IP6_NEXTH_TCP && ip[6] != IP6_NEXTH_UDP &&
		 ip[6] != IP6_NEXTH_ICMP6));
}

/** What lwIP is to check of a frame. The mark speaks of a whole packet, not of what
 *  fragments make. */
static void set_checks(struct netif *netif, bool trusted)
{
	unsigned checks = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP |
			  NETIF_CHECKSUM_CHECK_ICMP6;
	unsigned flags = netif->chksum_flags;

	netif->chksum_flags =
		(uint16_t)(trusted ? flags & ~checks : flags | checks);
}

static bool is_ours(const struct netif *netif, const uint8_t *to)
{
	return (to[0] & 1) != 0 || memcmp(to, netif->hwaddr, 6) == 0;
}

static void input(struct tcpip_interface *interface, struct pbuf *p,
		  const uint8_t *header, uint16_t type)
{
	static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
	struct netif *netif = &interface->netif;

	p->if_idx = netif_get_index(netif);
	if (memcmp(header, everybody, 6) == 0)
		p->flags |= PBUF_FLAG_LLBCAST;
	else if ((header[0] & 1) != 0)
		p->flags |= PBUF_FLAG_LLMCAST;
	if (type == ETHTYPE_IP) {
		ip4_input(p, netif);
	} else if (type == ETHTYPE_IPV6) {
		ip6_input(p, netif);
	} else if (type == ETHTYPE_ARP) {
		etharp_input(p, netif);
	} else {
		interface->stack->counters.rx_dropped_nobody++;
		pbuf_free(p);
	}
}

static void receive_one(struct tcpip_interface *interface,
			struct mirage_packet *frame)
{
	struct mirage_stack_counters *counters = &interface->stack->counters;
	uint64_t bytes = mirage_packet_frame_bytes(frame);
	bool is_long = bytes > interface->net->info->mtu_bytes + ETHER_BYTES;
	uint8_t header[ETHER_BYTES];
	uint16_t type;
	bool alone;
	struct pbuf *p;

	if (frame->length_bytes < ETHER_BYTES || bytes == ETHER_BYTES ||
	    bytes > ETHER_BYTES + IP_MAX_BYTES) {
		counters->rx_dropped_invalid++;
		return;
	}
	memcpy(header, frame->data, sizeof header);
	if (!is_ours(&interface->netif, header)) {
		counters->rx_dropped_nobody++;
		return;
	}
	type = (uint16_t)(header[12] << 8 | header[13]);
	alone = !fragmentary(frame, type);
	set_checks(&interface->netif, alone && frame->csum != MIRAGE_CSUM_NONE);
	/* lwIP writes to the headers, which needs the only reference; and what is
	 * to be put together may wait for long. */
	if (frame->references > 1 || !alone || crowded(interface, is_long))
		p = copy(frame, (uint32_t)bytes);
	else
		p = wrap(interface, frame, is_long);
	if (p == NULL)
		return; /* counted as exhausted */
	input(interface, p, header, type);
}

/* ------------------------------------------------------------- Counting -- */

/** What lwIP has counted of all stacks so far. It does not name the reason why a
 *  packet for another address is dropped. */
struct counted {
	uint64_t checksum, invalid, nobody, exhausted;
};

static void count(struct counted *now)
{
	const struct stats_ *s = &lwip_stats;
	uint64_t known4 =
		s->ip.err + s->ip.lenerr + s->ip.chkerr + s->ip.opterr;
	uint64_t known6 = s->ip6.err + s->ip6.lenerr + s->ip6.chkerr +
			  s->ip6.proterr + s->ip6.opterr;

	now->checksum = s->ip.chkerr + s->tcp.chkerr + s->udp.chkerr +
			s->icmp.chkerr + s->icmp6.chkerr;
	now->invalid = s->ip.lenerr + s->ip.err + s->ip.opterr + s->ip6.err +
		       s->ip6.lenerr + s->ip6.proterr + s->tcp.lenerr +
		       s->udp.lenerr + s->icmp.lenerr + s->icmp6.lenerr +
		       s->ip_frag.err + s->ip6_frag.err;
	now->nobody = s->ip.drop - known4 + s->ip6.drop - known6 +
		      s->tcp.proterr + s->udp.proterr;
	now->exhausted = tcpip_exhausted;
}

static void add_counted(struct mirage_stack_counters *counters,
			const struct counted *before)
{
	struct counted now;

	count(&now);
	counters->rx_dropped_checksum += now.checksum - before->checksum;
	counters->rx_dropped_invalid += now.invalid - before->invalid;
	if ((int64_t)(now.nobody - before->nobody) > 0)
		counters->rx_dropped_nobody += now.nobody - before->nobody;
	counters->rx_dropped_memory += now.exhausted - before->exhausted;
}

void tcpip_receive(void *arg, struct mirage_packet *const packets[], size_t n)
{
	struct tcpip_interface *interface = arg;
	struct tcpip_stack *stack = interface->stack;

	tcpip_enter();
	for (size_t i = 0; i < n;) {
		struct counted before;
		size_t end = n - i > SLICE ? i + SLICE : n;

		count(&before);
		for (; i < end; i++) {
			if (interface->added)
				receive_one(interface, packets[i]);
			mirage_packet_release(packets[i]);
		}
		add_counted(&stack->counters, &before);
		if (i < n)
			tcpip_settle();
	}
	tcpip_leave();
}
