/* SPDX-License-Identifier: ISC */
/* Addresses of mirage.h and of lwIP. */
#include "tcpip.h"

#include <string.h>

bool tcpip_is_any(const struct mirage_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->bytes, zero, sizeof zero) == 0;
}

bool tcpip_overlap(const struct mirage_ip *a, const struct mirage_ip *b)
{
	if (a->version != 0 && b->version != 0 && a->version != b->version)
		return false;
	return tcpip_is_any(a) || tcpip_is_any(b) || mirage_ip_equal(a, b);
}

/** The zone of a link-local address: that of its interface, or of the only one. */
static uint8_t zone_of(const struct mirage_ip *ip,
		       const struct tcpip_stack *stack)
{
	unsigned index = ip->interface > 0 ? ip->interface - 1u : 0;

	if (index >= stack->config.n_interfaces)
		return IP6_NO_ZONE;
	return netif_get_index(&stack->interfaces[index].netif);
}

void tcpip_to_lwip(ip_addr_t *to, const struct mirage_ip *ip,
		   const struct tcpip_stack *stack)
{
	memset(to, 0, sizeof *to);
	if (ip->version == 4) {
		IP_SET_TYPE_VAL(*to, IPADDR_TYPE_V4);
		memcpy(ip_2_ip4(to), ip->bytes, 4);
		return;
	}
	IP_SET_TYPE_VAL(*to,
			ip->version == 6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
	memcpy(ip_2_ip6(to)->addr, ip->bytes, 16);
	if (ip6_addr_has_scope(ip_2_ip6(to), IP6_UNKNOWN))
		ip6_addr_set_zone(ip_2_ip6(to), zone_of(ip, stack));
}

void tcpip_from_lwip(struct mirage_ip *to, const ip_addr_t *ip,
		     const struct tcpip_stack *stack)
{
	memset(to, 0, sizeof *to);
	if (IP_IS_ANY_TYPE_VAL(*ip))
		return;
	if (!IP_IS_V6(ip)) {
		to->version = 4;
		memcpy(to->bytes, ip_2_ip4(ip), 4);
		return;
	}
	to->version = 6;
	memcpy(to->bytes, ip_2_ip6(ip)->addr, 16);
	for (uint32_t i = 0; i < stack->config.n_interfaces; i++)
		if (ip6_addr_has_zone(ip_2_ip6(ip)) &&
		    ip6_addr_test_zone(ip_2_ip6(ip),
				       &stack->interfaces[i].netif))
			to->interface = (uint8_t)(i + 1);
}
