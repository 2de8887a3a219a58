/* SPDX-License-Identifier: ISC */
/* Which addresses are a stack's, and which interface leads where. */
#include "tcpip.h"

#include <string.h>

static bool same_net4(const struct tcpip_interface *interface,
		      const struct mirage_ip *to)
{
	ip4_addr_t ip;

	memcpy(&ip, to->bytes, sizeof ip);
	return !ip4_addr_isany_val(*netif_ip4_addr(&interface->netif)) &&
	       ip4_addr_netcmp(&ip, netif_ip4_addr(&interface->netif),
			       netif_ip4_netmask(&interface->netif));
}

static bool same_net6(const struct mirage_interface_info *info,
		      const struct mirage_ip *to)
{
	for (uint32_t i = 1; i < info->n_ipv6; i++)
		if (memcmp(info->ipv6[i].bytes, to->bytes, 8) == 0)
			return true;
	return false;
}

static bool owns(const struct mirage_interface_info *info,
		 const struct mirage_ip *ip)
{
	if (ip->version == 4)
		return mirage_ip_equal(&info->ipv4, ip);
	for (uint32_t i = 0; i < info->n_ipv6; i++)
		if (memcmp(info->ipv6[i].bytes, ip->bytes, 16) == 0 &&
		    (ip->interface == 0 ||
		     ip->interface == info->ipv6[i].interface))
			return true;
	return false;
}

bool tcpip_stack_owns(struct tcpip_stack *stack, const struct mirage_ip *ip)
{
	if (tcpip_is_any(ip))
		return true;
	for (uint32_t i = 0; i < stack->info.n_interfaces; i++)
		if (owns(&stack->info.interfaces[i], ip))
			return true;
	return false;
}

/** How well the interface leads to `to`: 0 not at all, 3 is a neighbour. */
static int leads(struct tcpip_interface *interface, const struct mirage_ip *to)
{
	const struct mirage_interface_info *info =
		&interface->stack->info.interfaces[interface->index];

	if (owns(info, to))
		return 4;
	if (to->version == 4) {
		if (info->ipv4.version == 0)
			return 0;
		if (same_net4(interface, to) || to->bytes[0] == 255)
			return 3;
		return info->gateway4.version != 0 ? 2 : 0;
	}
	if (info->n_ipv6 == 0)
		return 0;
	if (to->interface != 0)
		return to->interface == interface->index + 1 ? 3 : 0;
	if (same_net6(info, to) || to->bytes[0] == 0xff ||
	    (to->bytes[0] == 0xfe && (to->bytes[1] & 0xc0) == 0x80))
		return 3;
	return info->gateway6.version != 0 ? 2 : 0;
}

struct tcpip_interface *tcpip_stack_route(struct tcpip_stack *stack,
					  const struct mirage_ip *from,
					  const struct mirage_ip *to)
{
	struct tcpip_interface *best = NULL;
	int best_leads = 0;

	for (uint32_t i = 0; i < stack->config.n_interfaces; i++) {
		struct tcpip_interface *at = &stack->interfaces[i];
		int how = leads(at, to);

		if (!tcpip_is_any(from) &&
		    !owns(&stack->info.interfaces[i], from))
			continue;
		if (how > best_leads) {
			best = at;
			best_leads = how;
		}
	}
	return best;
}
