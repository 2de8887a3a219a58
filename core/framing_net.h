/* SPDX-License-Identifier: ISC */
/*
 * framing_net.h: frames of a network to and from queues of framed bytes, for
 * backends whose wire is a stream.
 */
#ifndef MIRAGE_CORE_FRAMING_NET_H
#define MIRAGE_CORE_FRAMING_NET_H

#include "framing.h"

#include <mirage-backend.h>

/** Puts frames into `tx` and releases them. Returns how many there was room for. */
int framing_net_put(struct framing *tx, struct mirage_packet *const packets[],
		    size_t n);

/** Releases frames that were sent while the link is down, and counts them. Returns
 *  `n`. */
int framing_net_drop(struct mirage_net *net,
		     struct mirage_packet *const packets[], size_t n);

/**
 * Delivers the frames in `rx` in packets of `pool`, and counts those it cannot. The
 * receiver may close the device meanwhile, which `*closing` tells. Returns false,
 * after a warning, when the peer has lost its place in the stream.
 */
bool framing_net_deliver(struct mirage_net *net, struct framing *rx,
			 struct mirage_pool *pool, const bool *closing);

#endif /* MIRAGE_CORE_FRAMING_NET_H */
