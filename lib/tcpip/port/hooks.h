/* SPDX-License-Identifier: ISC */
/* Where lwIP asks us. */
#ifndef MIRAGE_TCPIP_HOOKS_H
#define MIRAGE_TCPIP_HOOKS_H

#include "lwip/dhcp.h"
#include "lwip/err.h"
#include "lwip/ip_addr.h"

struct netif;
struct tcp_pcb;
struct tcp_hdr;
struct pbuf;

/* A reply leaves through the interface whose address it comes from. */
struct netif *tcpip_route4(const ip4_addr_t *from, const ip4_addr_t *to);
struct netif *tcpip_route6(const ip6_addr_t *from, const ip6_addr_t *to);

/* The static router, NULL for those advertised. */
const ip6_addr_t *tcpip_gateway6(struct netif *netif, const ip6_addr_t *to);
#define LWIP_HOOK_ND6_GET_GW(netif, to) tcpip_gateway6(netif, to)

uint32_t tcpip_isn(const ip_addr_t *local, uint16_t local_port,
		   const ip_addr_t *peer, uint16_t peer_port);
#define LWIP_HOOK_TCP_ISN(local, local_port, peer, peer_port) \
	tcpip_isn(local, local_port, peer, peer_port)

/* Sees every segment on its way out: counts those sent again. */
uint32_t *tcpip_on_segment(const struct pbuf *p, const struct tcp_hdr *header,
			   const struct tcp_pcb *pcb, uint32_t *options);
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(p, header, pcb, options) \
	tcpip_on_segment(p, header, pcb, options)

/* Leases of seconds, not of minutes. */
#undef DHCP_COARSE_TIMER_SECS
#define DHCP_COARSE_TIMER_SECS 1

/* Repairs losses, see recovery.c. */
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, n_options, n_first, second, p) \
	tcpip_recovery_input(pcb, header, n_options, n_first, second)
err_t tcpip_recovery_input(struct tcp_pcb *pcb, struct tcp_hdr *header,
			   u16_t n_options, u16_t n_first, u8_t *second);

#endif
