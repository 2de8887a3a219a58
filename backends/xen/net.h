/* SPDX-License-Identifier: ISC */
/*
 * net.h: netfront (xen/include/public/io/netif.h). Frames go out from where they
 * lie and come in where they stay: pages are granted when they are put on a ring
 * and taken back when they come off it, which costs no hypercall and leaves the
 * backend no way to change a frame after it was looked at.
 *
 * What the backend writes is not trusted: indices, ids, offsets and lengths are
 * copied once and checked, and a breach ends the network (`xen_net_breach`).
 */
#ifndef MIRAGE_XEN_NET_H
#define MIRAGE_XEN_NET_H

#include "hypervisor.h"
#include "xenbus.h"

#include <xen/io/netif.h>

#define XEN_NET_TX_SLOTS 256 /* what one page of ring holds, both ways */
#define XEN_NET_RX_SLOTS 256
#define XEN_NET_FRAME_SLOTS_MAX 18 /* every backend takes as many */
#define XEN_NET_FRAGMENTS_MAX 8

#define XEN_NET_HEADROOM 64
#define XEN_NET_TX_PACKETS 256
#define XEN_NET_TX_STRIDE 2048
#define XEN_NET_TX_BIG_PACKETS 8
#define XEN_NET_TX_BIG_STRIDE (17 * XEN_PAGE_BYTES)
#define XEN_NET_RX_PACKETS 512
#define XEN_NET_GSO_MAX 65535

/** A page on the transmit ring, found by the id that the backend returns. */
struct xen_net_tx_slot {
	uint32_t reference;
	struct mirage_packet *frame; /* released with its last page, or NULL */
	uint16_t next_free;
	bool busy;
};

struct xen_net_rx_slot {
	uint32_t reference;
	struct mirage_packet *packet; /* NULL: not with the backend */
};

enum xen_net_phase {
	XEN_NET_FINDING,
	XEN_NET_WAITING,
	XEN_NET_CONNECTING,
	XEN_NET_CONNECTED,
	XEN_NET_DEAD,
	XEN_NET_CLOSING
};

struct xen_net {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct xenbus bus;
	struct mirage_open *open; /* until it is answered */
	uint32_t accept;
	enum xen_net_phase phase;
	bool split; /* an event channel for each direction */

	netif_tx_sring_t *tx_shared;
	netif_tx_front_ring_t tx;
	uint32_t tx_reference, tx_port;
	struct xen_net_tx_slot tx_slots[XEN_NET_TX_SLOTS];
	uint16_t first_free_tx;
	unsigned n_free_tx;
	struct mirage_pool tx_pool, tx_big_pool;
	struct mirage_packet *tx_packets, *tx_big_packets;
	void *tx_memory, *tx_big_memory;

	netif_rx_sring_t *rx_shared;
	netif_rx_front_ring_t rx;
	uint32_t rx_reference, rx_port;
	struct xen_net_rx_slot rx_slots[XEN_NET_RX_SLOTS];
	struct mirage_pool rx_pool;
	struct mirage_packet *rx_packets;
	void *rx_memory;

	struct xen_kick kick;
	uint64_t breaches;
};

/* net.c */
void xen_net_open(struct mirage_open *open);

/** Ends the network: its backend did what the protocol forbids. */
void xen_net_breach(struct xen_net *net, const char *what);

/* net_tx.c */
bool xen_net_tx_init(struct xen_net *net);
/** Takes the ring back; frames on it are dropped and counted. */
void xen_net_tx_fini(struct xen_net *net);
int xen_net_tx_reserve(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n);
int xen_net_tx_send(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n);
/** Takes responses. */
void xen_net_tx_poll(struct xen_net *net);
/** Shows the backend what was put on the ring. */
void xen_net_tx_push(struct xen_net *net);

/* net_rx.c */
bool xen_net_rx_init(struct xen_net *net);
void xen_net_rx_fini(struct xen_net *net);
/** Delivers what has arrived and gives the backend new pages. */
void xen_net_rx_poll(struct xen_net *net);
void xen_net_rx_push(struct xen_net *net);

/* net_csum.c */

/** Where the transport checksum of the frame is, from its headers: sets
 *  `csum_start_bytes` and `csum_offset_bytes` of the packet. Returns false for
 *  anything but TCP and UDP, whole in `packet->length_bytes`. */
bool xen_net_csum_locate(struct mirage_packet *packet);

#endif /* MIRAGE_XEN_NET_H */
