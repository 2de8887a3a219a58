/* SPDX-License-Identifier: ISC */
/* lwIP as we want it; what is not here is its default. */
#ifndef MIRAGE_TCPIP_LWIPOPTS_H
#define MIRAGE_TCPIP_LWIPOPTS_H

#include <stdint.h>

/* One thread, raw callbacks, our timers (timers.c). */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_TIMERS 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_HOOK_FILENAME "hooks.h"
#define LWIP_HOOK_IP4_ROUTE_SRC(from, to) tcpip_route4(from, to)
#define LWIP_HOOK_IP6_ROUTE(from, to) tcpip_route6(from, to)

/* Our memory (memory.c): pools that grow, up to a bound in bytes. */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#ifndef TCPIP_MEMORY_MAX_BYTES
#define TCPIP_MEMORY_MAX_BYTES (128u << 20)
#endif
#define MEMP_NUM_TCP_PCB 20000
#define MEMP_NUM_TCP_PCB_LISTEN 1024
#define MEMP_NUM_UDP_PCB 1024
#define MEMP_NUM_TCP_SEG 131072
#define MEMP_NUM_PBUF 131072
#define MEMP_NUM_REASSDATA 32
#define MEMP_NUM_FRAG_PBUF 256
#define MEMP_NUM_ARP_QUEUE 256
#define MEMP_NUM_ND6_QUEUE 256
#define MEMP_NUM_MLD6_GROUP 64
/* Received frames stay where they are: there is no pool for them. */
#define PBUF_POOL_SIZE 256
#define PBUF_POOL_BUFSIZE 1600
/* Whoever queues a packet copies it: what it points to may be the application's. */
#define PBUF_NEEDS_COPY(p) 1

/* Ethernet and ARP. */
#define LWIP_ARP 1
#define LWIP_ETHERNET 1
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 16
#define LWIP_NETIF_HWADDRHINT 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF 0
#define LWIP_LOOPBACK_MAX_PBUFS 64
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM tcpip_checksum

/* IPv4. */
#define LWIP_IPV4 1
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_REASS_MAX_PBUFS 128
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_RAW 0
#define LWIP_IGMP 0

/* IPv6. */
#define LWIP_IPV6 1
#define LWIP_IPV6_NUM_ADDRESSES 4
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
/* What lwIP keeps in a fragment's header has pointers: too long for 64 bits. */
#define IPV6_FRAG_COPYHEADER (UINTPTR_MAX > UINT32_MAX)
#define LWIP_IPV6_DHCP6 0
#define LWIP_ND6_NUM_NEIGHBORS 64
#define LWIP_ND6_NUM_DESTINATIONS 64
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 3

/* UDP. The resolver is ours (resolve.c): lwIP only tells it of the servers that DHCP
 * and routers name. */
#define LWIP_UDP 1
#define LWIP_DNS 1
#define DNS_MAX_SERVERS 3

/* TCP. Windows begin small and grow while they are used up (flow.c). */
#define LWIP_TCP 1
#define TCP_MSS 1460
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
#define TCP_WND (1024 * 1024)
#define TCP_SND_BUF (1024 * 1024)
#define TCP_SND_QUEUELEN 4096
#define TCP_SNDLOWAT 16384
#define TCP_OVERSIZE 0
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 1024
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1
#define TCP_LISTEN_BACKLOG 1
#define SO_REUSE 1
/* In steps of 100 ms instead of 500: a lost tail costs 300 ms, not 1.5 s. */
#define TCP_TMR_INTERVAL 50
#define LWIP_TCP_RTO_TIME 1000
#define TCP_MSL 15000

/* What becomes mirage_stack_counters. */
#define LWIP_STATS 1
#define LWIP_STATS_LARGE 1
#define LINK_STATS 0
#define ETHARP_STATS 0
#define IP_STATS 1
#define IPFRAG_STATS 1
#define ICMP_STATS 1
#define UDP_STATS 1
#define TCP_STATS 1
#define IP6_STATS 1
#define ICMP6_STATS 1
#define IP6_FRAG_STATS 1
#define MLD6_STATS 0
#define ND6_STATS 0
#define MEM_STATS 0
#define MEMP_STATS 0
#define SYS_STATS 0

#endif
