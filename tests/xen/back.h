/* SPDX-License-Identifier: ISC */
/*
 * back.h: netback and blkback as they should be, played in the fake hypervisor. They
 * see the guest only through grants, events and the store, and look at a ring only
 * when they were notified. What they must not do is done by the tests themselves,
 * through the rings below.
 */
#ifndef FAKE_XEN_BACK_H
#define FAKE_XEN_BACK_H

#include "fake.h"

#include <xen/io/blkif.h>
#include <xen/io/netif.h>

/* --------------------------------------------------------------- Network -- */

struct back_frame {
	uint8_t *bytes;
	uint32_t length;
	uint16_t flags;
	unsigned slots;
	uint8_t gso_type; /* 0: none */
	uint16_t gso_size;
	unsigned queue; /* that it came on */
};

#define BACK_FRAMES 512
#define BACK_QUEUES 4

struct netback_queue {
	uint32_t tx_reference, rx_reference, tx_port, rx_port;
	netif_tx_back_ring_t tx;
	netif_rx_back_ring_t rx;
	bool hold; /* leaves sent frames on the ring */
};

struct netback {
	struct fake_player player; /* first */
	char back[64], front[64];
	bool connected;
	int8_t status;	/* of every answer */
	bool keep_maps; /* does not unmap when it closes */
	struct netback_queue queues[BACK_QUEUES];
	unsigned n_queues; /* that the guest uses */
	unsigned send_on;  /* the queue for frames to the guest */
	/* Sent on all queues before the backend says that it is connected. */
	const struct back_frame *greeting;
	struct back_frame frames[BACK_FRAMES];
	unsigned n_frames;
};

/** How many queues the next `netback_start` offers; 0: it knows of none. */
extern unsigned netback_offer;

/** Puts the nodes of vif `handle` into the store and begins to play it. */
void netback_start(struct netback *back, unsigned handle);
void netback_forget_frames(struct netback *back);

/** Puts one frame onto the ring to the guest, in pieces of at most `piece` bytes
 *  from `offset` of their pages; false when there are not enough pages. */
bool netback_send(struct netback *back, const struct back_frame *frame,
		  uint32_t piece, uint16_t offset);

/** Shows the guest what was put on the ring. */
void netback_push(struct netback *back);

/** Ends as a driver domain does that is shut down, and begins anew. */
void netback_close(struct netback *back);
void netback_return(struct netback *back);

/* ----------------------------------------------------------------- Block -- */

struct blkback {
	struct fake_player player; /* first */
	char back[64], front[64];
	bool connected;
	bool hold;
	unsigned fail;	      /* the next requests, with BLKIF_RSP_ERROR */
	unsigned unsupported; /* a bit for each operation */
	uint64_t n_requests, n_indirect, n_flushes, n_discards;
	unsigned n_segments_most;
	uint8_t *disk;
	uint64_t sectors; /* of 512 bytes */
	uint32_t sector_bytes;
	unsigned ring_pages;
	uint32_t references[4], port;
	blkif_back_ring_t ring;
	/* Pages that stay mapped. */
	uint32_t kept[600];
	unsigned n_kept;
};

void blkback_start(struct blkback *back, unsigned handle, uint64_t sectors,
		   uint32_t sector_bytes);
/** Tells of a new size, as blkback does. */
void blkback_resize(struct blkback *back, uint64_t sectors);
void blkback_close(struct blkback *back);
void blkback_return(struct blkback *back);
/** Forgets what was mapped, without a word to the guest. */
void blkback_crash(struct blkback *back);

#endif /* FAKE_XEN_BACK_H */
