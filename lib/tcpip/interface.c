/* SPDX-License-Identifier: ISC */
/* An interface of a stack: a network, its lwIP netif, and what the stack says of it. */
#include "tcpip.h"

#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/dhcp.h"

#include "hooks.h"

#include <string.h>

#define AGAIN_NS UINT64_C(2000000000)

enum { IPV6_MTU_MIN_BYTES = 1280, MTU_MAX_BYTES = 65521 };

static const struct mirage_interface_config *
config_of(const struct tcpip_interface *interface)
{
	return &interface->stack->config.interfaces[interface->index];
}

static struct mirage_interface_info *info_of(struct tcpip_interface *interface)
{
	return &interface->stack->info.interfaces[interface->index];
}

/* --------------------------------------------------------------- Events -- */

static void raise(struct tcpip_stack *stack, uint32_t event)
{
	stack->events |= 1u << event;
	stack->changed = true;
}

static void on_netif(struct netif *netif, netif_nsc_reason_t reason,
		     const netif_ext_callback_args_t *args)
{
	tcpip_interface_of(netif)->stack->changed = true;
}

/** Lets an address be used while it is found out whether another has it (RFC 4429);
 *  lwIP would wait for a second. */
static void be_optimistic(struct netif *netif)
{
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		uint8_t state = netif_ip6_addr_state(netif, i);

		if (ip6_addr_istentative(state) && !ip6_addr_isvalid(state))
			netif_ip6_addr_set_state(netif, (s8_t)i,
						 IP6_ADDR_VALID | state);
	}
}

static void on_again(void *arg)
{
	struct tcpip_interface *interface = arg;

	tcpip_enter();
	tcpip_announce(&interface->netif);
	tcpip_leave();
}

/** Announces the addresses, and once more in two seconds (RFC 5227, 2.3): the first may
 *  have met a wire that was not all there. */
static void announce(struct tcpip_interface *interface)
{
	tcpip_announce(&interface->netif);
	mirage_timer_start(&interface->again,
			   mirage_clock_monotonic_ns() + AGAIN_NS, on_again,
			   interface);
}

/** What waits for the retransmission timer has waited enough: the wire is back. */
static void hurry(void)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL;
	     pcb = pcb->next)
		if (pcb->rtime >= 0 && pcb->nrtx > 0) {
			pcb->rtime = pcb->rto;
			pcb->nrtx = 1;
		}
}

/** The wire may be another than before. */
static void back(struct tcpip_interface *interface)
{
	struct netif *netif = &interface->netif;

	nd6_restart_netif(netif);
	be_optimistic(netif);
	announce(interface);
	if (netif_dhcp_data(netif) != NULL)
		dhcp_network_changed(netif);
	hurry();
}

static void on_link(struct tcpip_interface *interface)
{
	bool up = interface->net->info->link_up;

	info_of(interface)->link_up = up;
	if (up) {
		netif_set_link_up(&interface->netif);
		be_optimistic(&interface->netif);
		announce(interface);
		hurry();
	} else {
		netif_set_link_down(&interface->netif);
	}
	raise(interface->stack, MIRAGE_EVENT_LINK);
}

static void on_closed(struct tcpip_interface *interface)
{
	interface->net = NULL;
	interface->stack->n_open--;
}

static void on_event(void *arg, uint32_t event)
{
	struct tcpip_interface *interface = arg;

	tcpip_enter();
	if (event == MIRAGE_EVENT_CLOSED)
		on_closed(interface);
	else if (!interface->added)
		;
	else if (event == MIRAGE_EVENT_LINK)
		on_link(interface);
	else if (event == MIRAGE_EVENT_BACK)
		back(interface);
	else if (event == MIRAGE_EVENT_WRITABLE) {
		interface->full = false;
		tcpip_flush(interface);
		tcp_txnow();
	}
	tcpip_leave();
}

/* -------------------------------------------------- Opening and closing -- */

/** Which checksums lwIP makes: those of TCP not where the device does. UDP's always:
 *  a datagram may be cut into fragments, of which no device has the sum. */
static uint16_t checksum_flags(const struct mirage_net *net)
{
	unsigned flags = NETIF_CHECKSUM_ENABLE_ALL;

	if ((net->info->caps & MIRAGE_NET_CAP_TX_CSUM) != 0)
		flags &= ~(unsigned)NETIF_CHECKSUM_GEN_TCP;
	return (uint16_t)flags;
}

static err_t netif_setup(struct netif *netif)
{
	struct tcpip_interface *interface = tcpip_interface_of(netif);
	const struct mirage_net_info *info = interface->net->info;

	netif->name[0] = 'm';
	netif->name[1] = 'g';
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = tcpip_transmit;
	netif->mtu =
		(uint16_t)(info->mtu_bytes < MTU_MAX_BYTES ? info->mtu_bytes
							   : MTU_MAX_BYTES);
	netif->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(netif->hwaddr, info->mac, ETH_HWADDR_LEN);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
		       NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
	netif->chksum_flags = checksum_flags(interface->net);
	return ERR_OK;
}

/** Frames come by `tcpip_receive`; this is for those that loop back. */
static err_t netif_in(struct pbuf *p, struct netif *netif)
{
	pbuf_free(p);
	return ERR_OK;
}

static void start_ipv4(struct tcpip_interface *interface)
{
	const struct mirage_interface_config *config = config_of(interface);
	uint32_t mask = config->ipv4_prefix_bits == 0
				? 0
				: UINT32_MAX << (32 - config->ipv4_prefix_bits);
	ip4_addr_t ip, gateway, netmask = {.addr = lwip_htonl(mask)};

	memcpy(&ip, config->ipv4.bytes, sizeof ip);
	memcpy(&gateway, config->gateway4.bytes, sizeof gateway);
	if (config->ipv4.version != 0)
		netif_set_addr(&interface->netif, &ip, &netmask, &gateway);
	else if (config->dhcp)
		dhcp_start(&interface->netif);
}

static void start_ipv6(struct tcpip_interface *interface)
{
	const struct mirage_interface_config *config = config_of(interface);
	struct netif *netif = &interface->netif;
	ip_addr_t ip;

	if (netif->mtu < IPV6_MTU_MIN_BYTES)
		return; /* RFC 8200, 5 */
	netif_set_ip6_autoconfig_enabled(netif, !config->no_slaac);
	if (config->no_slaac)
		netif->rs_count = 0;
	netif_create_ip6_linklocal_address(netif, 1);
	if (config->ipv6.version != 0) {
		tcpip_to_lwip(&ip, &config->ipv6, interface->stack);
		netif_add_ip6_address(netif, ip_2_ip6(&ip), NULL);
	}
	be_optimistic(netif);
}

void tcpip_interface_open(struct tcpip_interface *interface)
{
	struct netif *netif = &interface->netif;
	struct mirage_interface_info *info = info_of(interface);
	static netif_ext_callback_t callback;
	static bool listening;

	if (!listening)
		netif_add_ext_callback(&callback, on_netif);
	listening = true;
	netif_add_noaddr(netif, NULL, netif_setup, netif_in);
	interface->added = true;
	interface->lends =
		(interface->net->info->caps & MIRAGE_NET_CAP_FRAGMENTS) != 0;
	info->mtu_bytes = interface->net->info->mtu_bytes;
	memcpy(info->mac, interface->net->info->mac, sizeof info->mac);
	info->link_up = interface->net->info->link_up;
	mirage_net_on_receive(interface->net, tcpip_receive, interface);
	mirage_net_on_event(interface->net, on_event, interface);
	if (info->link_up)
		netif_set_link_up(netif);
	netif_set_up(netif);
	start_ipv4(interface);
	start_ipv6(interface);
}

void tcpip_interface_close(struct tcpip_interface *interface)
{
	if (interface->added) {
		if (netif_dhcp_data(&interface->netif) != NULL) {
			dhcp_release_and_stop(&interface->netif);
			dhcp_cleanup(&interface->netif);
		}
		tcpip_flush(interface);
		mirage_timer_cancel(&interface->again);
		netif_remove(&interface->netif);
		interface->added = false;
		tcpip_transmit_end(interface);
	}
	if (interface->net == NULL)
		return;
	mirage_net_on_event(interface->net, on_event, interface);
	mirage_net_close(interface->net);
}

/* ------------------------------------------------------------ Describing -- */

static uint8_t prefix_bits(uint32_t netmask)
{
	return (uint8_t)__builtin_popcount(netmask);
}

static void describe_ipv4(struct tcpip_interface *interface,
			  struct mirage_interface_info *info)
{
	struct netif *netif = &interface->netif;
	const struct dhcp *dhcp = netif_dhcp_data(netif);
	uint64_t now_ns = mirage_clock_monotonic_ns();

	tcpip_from_lwip(&info->ipv4, &netif->ip_addr, interface->stack);
	if (tcpip_is_any(&info->ipv4)) {
		info->ipv4.version = 0;
		return;
	}
	info->ipv4_prefix_bits = prefix_bits(netif_ip4_netmask(netif)->addr);
	tcpip_from_lwip(&info->gateway4, &netif->gw, interface->stack);
	if (tcpip_is_any(&info->gateway4))
		info->gateway4.version = 0;
	if (dhcp == NULL || !dhcp_supplied_address(netif))
		return;
	tcpip_from_lwip(&info->dhcp_server, &dhcp->server_ip_addr,
			interface->stack);
	/* The lease begins anew when lwIP counts from the start again. */
	if (interface->lease_end_ns == 0 ||
	    dhcp->lease_used < interface->lease_used)
		interface->lease_end_ns =
			now_ns + dhcp->offered_t0_lease * UINT64_C(1000000000);
	interface->lease_used = dhcp->lease_used;
	info->lease_end_ns = interface->lease_end_ns;
}

static void describe_router(struct tcpip_interface *interface,
			    struct mirage_interface_info *info)
{
	info->gateway6 = config_of(interface)->gateway6;
	for (int i = 0; i < LWIP_ND6_NUM_ROUTERS && info->gateway6.version == 0;
	     i++) {
		const struct nd6_neighbor_cache_entry *router =
			default_router_list[i].neighbor_entry;
		ip_addr_t ip = IPADDR6_INIT(0, 0, 0, 0);

		if (router == NULL || router->netif != &interface->netif)
			continue;
		ip6_addr_copy(*ip_2_ip6(&ip), router->next_hop_address);
		tcpip_from_lwip(&info->gateway6, &ip, interface->stack);
	}
}

static void describe_ipv6(struct tcpip_interface *interface,
			  struct mirage_interface_info *info)
{
	struct netif *netif = &interface->netif;

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			tcpip_from_lwip(&info->ipv6[info->n_ipv6++],
					netif_ip_addr6(netif, i),
					interface->stack);
	info->ipv6_prefix_bits = info->n_ipv6 > 0 ? 64 : 0;
	describe_router(interface, info);
}

static void add_dns(struct mirage_stack_info *info, const struct mirage_ip *ip)
{
	if (ip->version == 0 || info->n_dns == MIRAGE_DNS_MAX)
		return;
	for (uint32_t i = 0; i < info->n_dns; i++)
		if (mirage_ip_equal(&info->dns[i], ip))
			return;
	info->dns[info->n_dns++] = *ip;
}

/** Those of the configuration first, then what DHCP and routers say. */
static void describe_dns(struct tcpip_stack *stack)
{
	struct mirage_stack_info *info = &stack->info;

	memset(info->dns, 0, sizeof info->dns);
	info->n_dns = 0;
	for (uint32_t i = 0; i < stack->config.n_dns; i++)
		add_dns(info, &stack->config.dns[i]);
	for (uint32_t i = 0; i < info->n_interfaces; i++)
		for (uint32_t k = 0; k < 2 * MIRAGE_DNS_MAX; k++)
			add_dns(info, &stack->interfaces[i].dns[k]);
}

bool tcpip_interface_describe(struct tcpip_interface *interface)
{
	struct mirage_interface_info *info = info_of(interface);
	struct mirage_interface_info was = *info, is;
	struct mirage_ip dns[MIRAGE_DNS_MAX];

	memset(&is, 0, sizeof is);
	is.name = was.name;
	is.mtu_bytes = was.mtu_bytes;
	memcpy(is.mac, was.mac, sizeof is.mac);
	is.link_up = was.link_up;
	describe_ipv4(interface, &is);
	describe_ipv6(interface, &is);
	*info = is;
	memcpy(dns, interface->stack->info.dns, sizeof dns);
	describe_dns(interface->stack);
	return memcmp(&was.ipv4_prefix_bits, &is.ipv4_prefix_bits,
		      sizeof is - offsetof(struct mirage_interface_info,
					   ipv4_prefix_bits)) != 0 ||
	       memcmp(dns, interface->stack->info.dns, sizeof dns) != 0;
}

/** Whether the interface has an address of its own of the kind that was asked for. */
bool tcpip_interface_usable(const struct tcpip_interface *interface)
{
	const struct mirage_interface_config *config = config_of(interface);
	const struct mirage_interface_info *info =
		&interface->stack->info.interfaces[interface->index];

	if (config->ipv4.version != 0 || config->dhcp)
		return info->ipv4.version != 0;
	return config->ipv6.version != 0
		       ? tcpip_stack_owns(interface->stack, &config->ipv6)
		       : info->n_ipv6 > 0;
}

/* ------------------------------------------------------ What lwIP asks -- */

struct netif *tcpip_route4(const ip4_addr_t *from, const ip4_addr_t *to)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	if (from != NULL && !ip4_addr_isany(from)
		    ? ip4_addr_cmp(netif_ip4_addr(netif), from)
		    : !ip4_addr_isany(netif_ip4_gw(netif)))
		return netif;
	return NULL;
}

struct netif *tcpip_route6(const ip6_addr_t *from, const ip6_addr_t *to)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
		    ip6_addr_cmp_zoneless(netif_ip6_addr(netif, i), from))
			return netif;
	return NULL;
}

const ip6_addr_t *tcpip_gateway6(struct netif *netif, const ip6_addr_t *to)
{
	struct tcpip_interface *interface = tcpip_interface_of(netif);
	static ip_addr_t gateway;

	if (config_of(interface)->gateway6.version == 0)
		return NULL;
	tcpip_to_lwip(&gateway, &config_of(interface)->gateway6,
		      interface->stack);
	ip6_addr_assign_zone(ip_2_ip6(&gateway), IP6_UNICAST, netif);
	return ip_2_ip6(&gateway);
}

void dns_init(void)
{
}

/** The place for server `index` of DHCP, or of a router, of the interface that lwIP
 *  has a packet of just now; or NULL. */
static struct mirage_ip *server_at(uint8_t index, bool ipv6)
{
	struct netif *netif = ip_current_input_netif();

	if (netif == NULL || index >= MIRAGE_DNS_MAX)
		return NULL;
	tcpip_interface_of(netif)->stack->changed = true;
	return &tcpip_interface_of(netif)
			->dns[index + (ipv6 ? MIRAGE_DNS_MAX : 0)];
}

void dns_setserver(u8_t index, const ip_addr_t *server)
{
	/* Only routers take servers back. */
	struct mirage_ip *at =
		server_at(index, server == NULL || IP_IS_V6(server));

	if (at == NULL)
		return;
	memset(at, 0, sizeof *at);
	if (server != NULL)
		tcpip_from_lwip(
			at, server,
			tcpip_interface_of(ip_current_input_netif())->stack);
}

const ip_addr_t *dns_getserver(u8_t index)
{
	const struct mirage_ip *at = server_at(index, true);
	static ip_addr_t server;

	memset(&server, 0, sizeof server);
	if (at != NULL && at->version == 6)
		tcpip_to_lwip(
			&server, at,
			tcpip_interface_of(ip_current_input_netif())->stack);
	return &server;
}
