/* SPDX-License-Identifier: ISC */
/*
 * xenstore_ring.h: whole messages over the two byte rings shared with xenstored
 * (xen/include/public/io/xs_wire.h).
 */
#ifndef MIRAGE_XEN_XENSTORE_RING_H
#define MIRAGE_XEN_XENSTORE_RING_H

#include <stdbool.h>
#include <stdint.h>

/** `on_event` runs from the loop when there may be messages or room. */
void xenstore_ring_init(void (*on_event)(void));

/** Whether the other side broke the protocol: nothing will ever come in again. */
bool xenstore_ring_dead(void);

/** Puts one message on the ring, or returns false when there is no room for it. */
bool xenstore_ring_send(uint32_t type, uint32_t id, uint32_t transaction,
			const char *text, uint32_t length);

/** Tells xenstored, once for everything that was sent since. */
void xenstore_ring_flush(void);

/** Takes what has come in. The text is followed by a NUL. A message longer than
 *  the protocol allows, or indices that make no sense, end the connection with a
 *  message. */
void xenstore_ring_receive(void (*on_message)(uint32_t type, uint32_t id,
					      const char *text,
					      uint32_t length));

#endif /* MIRAGE_XEN_XENSTORE_RING_H */
