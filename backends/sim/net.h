/* SPDX-License-Identifier: ISC */
/*
 * net.h: what the files of the simulated networks share. net.c is the device,
 * net_open.c its URI, net_lan.c what happens to a frame between two of them, net_offload.c the work
 * that a receiver did not want to do, net_control.c what tests ask for.
 */
#ifndef MIRAGE_SIM_NET_H
#define MIRAGE_SIM_NET_H

#include "sim.h"

#define SIM_ETHERNET_HEADER_BYTES 14u
/* The longest IP packet and its Ethernet header. */
#define SIM_GSO_MAX_BYTES (65535u + SIM_ETHERNET_HEADER_BYTES)

/** A frame on its way, a copy in one piece. */
struct sim_frame {
	struct sim_event arrival;
	struct sim_frame *next;
	uint64_t to; /* `id` of the device that it will reach */
	uint8_t csum, gso;
	uint16_t gso_size_bytes, csum_start_bytes, csum_offset_bytes;
	uint32_t length_bytes;
	uint8_t bytes[];
};

struct sim_net {
	struct mirage_net net; /* first */
	struct mirage_net_info info;
	struct mirage_net_counters counters;
	struct mirage_sim_net_faults faults;
	struct mirage_sim_net_counters told;
	struct sim_random random;
	struct mirage_pool *tx_pool, *rx_pool;
	char name[32], lan[32];
	uint64_t id; /* of this opening; never used again */
	bool closing;
	bool paused; /* the wire takes nothing */
	bool lost;   /* and nothing arrives either */

	/* Frames taken and not yet on the wire. */
	struct sim_frame *first, **last;
	uint64_t n_waiting, most_waiting;
	uint64_t bytes_per_s;
	struct sim_event departure;
	uint64_t last_arrival_ns;

	struct sim_net *next; /* in the order of opening */
};

/* net.c */
extern struct sim_net *sim_nets;
extern const struct mirage_net_ops sim_net_ops;
struct sim_net *sim_net_by_name(const char *name);
struct sim_net *sim_net_by_id(uint64_t id);

/** Sees to it that the next frame departs, unless nothing can. */
void sim_net_go_on(struct sim_net *net);

/** Hands a frame that has arrived to the application; frees it. */
void sim_net_receive(struct sim_net *net, struct sim_frame *frame);

/* net_lan.c */
struct sim_frame *sim_frame_new(uint32_t length_bytes);

/** The frame goes onto the wire: whatever fate has drawn for it; frees it. */
void sim_lan_carry(struct sim_net *from, struct sim_frame *frame);

/** Lets `frame` reach the device `to` at `at_ns`. */
void sim_lan_arrive(struct sim_frame *frame, uint64_t to, uint64_t at_ns);

/* net_offload.c */

/** Copies `frame` as a receiver with `caps` can take it: with its marks, or its
 *  checksum filled in, or cut into a list of segments. NULL when its headers do
 *  not allow that. */
struct sim_frame *sim_frame_fit(const struct sim_frame *frame, uint32_t caps);

#endif /* MIRAGE_SIM_NET_H */
