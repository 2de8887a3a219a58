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

/* Each queue costs 1.5 MiB of packets; there is one processor to fill them. */
#define XEN_NET_QUEUES_MAX 2

#define XEN_NET_TX_SLOTS 256 /* what one page of ring holds, both ways */
#define XEN_NET_RX_SLOTS 256
#define XEN_NET_FRAME_SLOTS_MAX 18 /* every backend takes as many */
#define XEN_NET_FRAGMENTS_MAX 8

#define XEN_NET_HEADROOM 64
#define XEN_NET_TX_PACKETS XEN_NET_TX_SLOTS /* for each queue */
#define XEN_NET_TX_STRIDE 2048
#define XEN_NET_TX_BIG_PACKETS 16 /* made when the first is asked for */
#define XEN_NET_TX_BIG_STRIDE (17 * XEN_PAGE_BYTES)
#define XEN_NET_RX_SPARE 256 /* packets beside those on the rings */
#define XEN_NET_GSO_MAX 65535

/** A piece of a frame on the transmit ring, found by the id that the backend
 *  returns. Each piece holds a reference to its frame. */
struct xen_net_tx_slot {
	uint32_t reference;
	struct mirage_packet *frame; /* NULL: free */
	uint16_t next_free;
	bool last; /* of its frame */
};

struct xen_net_rx_slot {
	uint32_t reference;
	struct mirage_packet *packet; /* NULL: not with the backend */
};

struct xen_net_pool {
	struct mirage_pool pool; /* first */
	struct mirage_packet *packets;
	void *memory;
	uint32_t n_pages;
	struct xen_net *owner;
};

/** A pair of rings. There is one, or as many as the backend offers too. */
struct xen_net_queue {
	struct xen_net *net;
	char key_names[4][32]; /* in the store, beside others */

	netif_tx_sring_t *tx_shared;
	netif_tx_front_ring_t tx;
	uint32_t tx_reference, tx_port;
	struct xen_net_tx_slot tx_slots[XEN_NET_TX_SLOTS];
	uint16_t first_free_tx;
	unsigned n_free_tx;
	/* The slots of the frame that is being put on the ring. */
	struct xen_net_tx_slot *tx_undo[XEN_NET_FRAME_SLOTS_MAX];
	unsigned n_tx_undo;
	unsigned n_tx_extras; /* entries on the ring without a slot */
	bool tx_short;	      /* a frame waits for what comes back here */

	netif_rx_sring_t *rx_shared;
	netif_rx_front_ring_t rx;
	RING_IDX rx_seen; /* what the backend had produced when we looked */
	struct xen_poll rx_poll;
	uint32_t rx_reference, rx_port;
	struct xen_net_rx_slot rx_slots[XEN_NET_RX_SLOTS];
};

struct xen_net {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct xenbus bus;
	uint32_t accept;
	uint32_t mtu_wanted_bytes;
	bool split;    /* an event channel for each direction */
	bool draining; /* closed, but not all is sent */
	bool carrier;  /* as far as the backend says */
	struct xenstore_watch carrier_watch;
	struct xenstore_batch carrier_batch;
	struct xenstore_key carrier_key;
	bool carrier_again;

	struct xen_net_queue queues[XEN_NET_QUEUES_MAX];
	unsigned n_queues;
	unsigned n_queues_most; /* there are packets for as many */
	bool offers_queues; /* the backend knows that there may be several */

	struct xen_net_pool tx_pool, tx_big_pool, rx_pool;
	bool rx_starved; /* a ring has room, but there was no page */

	struct xen_kick kick;
	struct xen_net *next_abandoned;
	uint64_t breaches;
};

/* net.c */
void xen_net_open(struct mirage_open *open);
/** Whether frames go out and come in. */
static inline bool xen_net_is_on(const struct xen_net *net)
{
	return net->bus.phase == XENBUS_CONNECTED;
}

/** Ends the network: its backend did what the protocol forbids. */
void xen_net_breach(struct xen_net *net, const char *what);

/* net_pool.c */
bool xen_net_make_pool(struct xen_net *net, struct xen_net_pool *pool,
		       uint32_t n, uint32_t stride_bytes,
		       uint32_t headroom_bytes);
/** Makes the packets of `n_queues`; all or none. */
bool xen_net_make_pools(struct xen_net *net, unsigned n_queues);
/** Frees everything once nobody holds a packet any more. */
void xen_net_dispose(struct mirage_net *net);

/* net_queue.c */

/** Makes the rings of `net->n_queues` and their event channels, of which each runs
 *  `on_event` with its queue. */
bool xen_net_queues_init(struct xen_net *net, void (*on_event)(void *queue));
/** Takes all of it back. */
void xen_net_queues_fini(struct xen_net *net);
/** Says in `keys` where the rings are; returns how many keys that took. */
unsigned xen_net_queues_put(struct xen_net *net, struct xenstore_key *keys);
/** The queue for a frame to send: the same one for all frames of a flow. */
struct xen_net_queue *xen_net_queue_of(struct xen_net *net,
				       const struct mirage_packet *frame);

/* net_tx.c */
bool xen_net_tx_init(struct xen_net_queue *queue);
/** Takes the ring back. */
void xen_net_tx_fini(struct xen_net_queue *queue);
/** Drops and counts the frames on the rings. */
void xen_net_tx_drop(struct xen_net *net);
/** Whether the backend has answered for everything. */
bool xen_net_tx_empty(const struct xen_net *net);
int xen_net_tx_reserve(struct mirage_net *net, uint32_t length_bytes,
		       struct mirage_packet *packets[], size_t n);
int xen_net_tx_send(struct mirage_net *net,
		    struct mirage_packet *const packets[], size_t n);
/** Takes responses. */
void xen_net_tx_poll(struct xen_net_queue *queue);
/** Shows the backend what was put on the ring. */
void xen_net_tx_push(struct xen_net_queue *queue);

/* net_rx.c */
bool xen_net_rx_make_pool(struct xen_net *net, unsigned n_queues);
bool xen_net_rx_init(struct xen_net_queue *queue);
void xen_net_rx_fini(struct xen_net_queue *queue);
/** Delivers what has arrived. */
void xen_net_rx_poll(struct xen_net_queue *queue);
/** Gives the backend new pages on all rings. */
void xen_net_rx_push(struct xen_net *net);

/* net_csum.c */

/** Where the header behind that of IP is in `length` bytes of a frame, or 0: `ip_at`
 *  is where that of IP is, `protocol` what follows it. It may lie beyond `length`. */
uint32_t xen_net_transport(const uint8_t *bytes, uint32_t length,
			   uint32_t *ip_at, uint8_t *protocol);
/** Where the transport checksum of the frame is, from its headers: sets
 *  `csum_start_bytes` and `csum_offset_bytes` of the packet. Returns false for
 *  anything but TCP and UDP, whole in `packet->length_bytes`. */
bool xen_net_csum_locate(struct mirage_packet *packet);
/** Whether the packet's mark is where a backend would look for it. */
bool xen_net_csum_is_located(const struct mirage_packet *packet);
/** Fills in the blank checksum of a frame in one piece. */
void xen_net_csum_fill(struct mirage_packet *packet);

#endif /* MIRAGE_XEN_NET_H */
