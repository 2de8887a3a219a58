/* SPDX-License-Identifier: ISC */
/* Telling a wire who we are: it may be another than before, or have forgotten. */
#include "tcpip.h"

#include "lwip/etharp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip6.h"
#include "lwip/nd6.h"

#include <string.h>

enum {
	ADVERTISEMENT = 136,
	FLAG_OVERRIDE = 0x20,
	OPTION_TARGET_ADDRESS = 2,
	ADVERTISEMENT_BYTES = 32,
	HOP_LIMIT = 255
};

/** Sends an unsolicited neighbour advertisement (RFC 4861, 7.2.6). While an address is
 *  not known to be ours alone nobody's entry is overridden (RFC 4429, 3.3). */
static void advertise(struct netif *netif, int index)
{
	const ip6_addr_t *address = netif_ip6_addr(netif, index);
	struct pbuf *p = pbuf_alloc(PBUF_IP, ADVERTISEMENT_BYTES, PBUF_RAM);
	uint8_t *message;
	ip6_addr_t all;
	uint16_t sum;

	if (p == NULL)
		return;
	message = p->payload;
	memset(message, 0, ADVERTISEMENT_BYTES);
	message[0] = ADVERTISEMENT;
	if (!ip6_addr_istentative(netif_ip6_addr_state(netif, index)))
		message[4] = FLAG_OVERRIDE;
	memcpy(message + 8, address->addr, 16);
	message[24] = OPTION_TARGET_ADDRESS;
	message[25] = 1; /* in units of eight bytes */
	memcpy(message + 26, netif->hwaddr, 6);
	ip6_addr_set_allnodes_linklocal(&all);
	ip6_addr_assign_zone(&all, IP6_MULTICAST, netif);
	sum = ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, ADVERTISEMENT_BYTES,
				address, &all);
	memcpy(message + 2, &sum, sizeof sum);
	ip6_output_if(p, address, &all, HOP_LIMIT, 0, IP6_NEXTH_ICMP6, netif);
	pbuf_free(p);
}

void tcpip_announce(struct netif *netif)
{
	if (!ip4_addr_isany_val(*netif_ip4_addr(netif)))
		etharp_gratuitous(netif);
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			advertise(netif, i);
}
