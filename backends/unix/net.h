/* SPDX-License-Identifier: ISC */
/*
 * net.h: what the networks of the unix backend share besides unix.h.
 */
#ifndef MIRAGE_UNIX_NET_H
#define MIRAGE_UNIX_NET_H

#include "unix.h"

#define UNIX_ETHERNET_HEADER_BYTES 14u
#define UNIX_NET_MTU_DEFAULT_BYTES 1500u
#define UNIX_NET_MTU_MIN_BYTES 68u
/** With the header it is a frame of 65,535 bytes, what QEMU and passt hold. */
#define UNIX_NET_MTU_MAX_BYTES 65521u
#define UNIX_NET_HEADROOM_BYTES 64u

/** Answers `open` with `error` and the message. */
void unix_net_refuse(struct mirage_open *open, int error, const char *format,
		     ...) MIRAGE_PRINTF(3, 4);

/**
 * Reads the options `mtu=BYTES` and `mac=XX:XX:XX:XX:XX:XX` into `info`. Without
 * `mac` it is locally administered (02) and follows from `name` and from the low
 * 24 bits of `salt`, which two processes on one wire must not share. Returns
 * false when it has refused the open.
 */
bool unix_net_options(struct mirage_open *open, struct mirage_uri *uri,
		      uint32_t salt, struct mirage_net_info *info);

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
