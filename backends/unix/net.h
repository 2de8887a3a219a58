/* SPDX-License-Identifier: ISC */
/*
 * net.h: what the networks of the unix backend share besides unix.h.
 */
#ifndef MIRAGE_UNIX_NET_H
#define MIRAGE_UNIX_NET_H

#include "unix.h"

#define UNIX_ETHERNET_HEADER_BYTES 14u
#define UNIX_NET_HEADROOM_BYTES 64u

/** A pool of `n` packets of `frame_bytes` and the headroom, in memory of its
 *  own, or NULL. */
struct mirage_pool *unix_net_pool_new(uint32_t n, uint32_t frame_bytes,
				      struct mirage_net *net);

/** Frees the pool once its last packet has come back. NULL is fine. */
void unix_net_pool_free(struct mirage_pool *pool);

/** How many packets a pool of frames of `frame_bytes` has. */
uint32_t unix_net_pool_frames(uint32_t frame_bytes);

/** Copies the bytes of a frame, of one fragment or of many, to `to`. */
void unix_net_copy(uint8_t *to, const struct mirage_packet *frame);

#endif /* MIRAGE_UNIX_NET_H */
