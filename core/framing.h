/* SPDX-License-Identifier: ISC */
/*
 * framing.h: Ethernet frames in a byte stream, as QEMU's `-netdev stream` and
 * `-netdev socket` have them (net/stream.c, net/net.c of QEMU 7.2): before each
 * frame its length in bytes, 4 bytes, big-endian. passt speaks the same.
 *
 * Pure: it works on a buffer and makes no call. Backends and mirage-slirp share
 * it, and the fuzzer feeds it.
 */
#ifndef MIRAGE_CORE_FRAMING_H
#define MIRAGE_CORE_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#define FRAMING_HEADER_BYTES 4u
/** The shortest frame: an Ethernet header. */
#define FRAMING_MIN_BYTES 14u
/** What QEMU itself holds for the longest (NET_BUFSIZE, 64 KiB and 4 KiB). A
 *  peer that announces more has lost its place in the stream. */
#define FRAMING_MAX_BYTES 69632u
/** A good size for a buffer: at least half of it is always of use. */
#define FRAMING_BUFFER_BYTES (256u * 1024u)

/** A queue of framed bytes, for one direction. Bytes `from` to `to` are in it;
 *  `frame` is where the frame begins that `from` is in the middle of. */
struct framing {
	uint8_t *bytes;
	uint32_t capacity_bytes;
	uint32_t frame, from, to;
};

/** Begins with an empty queue on `capacity_bytes` of memory at `bytes`: at least
 *  twice a frame of FRAMING_MAX_BYTES with its header. */
void framing_init(struct framing *framing, uint8_t *bytes,
		  uint32_t capacity_bytes);

/** Forgets what is in the queue. */
void framing_reset(struct framing *framing);

static inline uint32_t framing_bytes(const struct framing *framing)
{
	return framing->to - framing->from;
}

/* Receiving: read into the room, take out frames until there is no more. */

enum framing_found {
	FRAMING_MORE,  /* no whole frame left: read more */
	FRAMING_FRAME, /* a frame, valid until the next framing_room */
	FRAMING_SIZE,  /* a frame of a forbidden length was skipped */
	FRAMING_BROKEN /* the peer lost its place, nothing makes sense now */
};

/** Where to read to: `*room_bytes` bytes, at least 1 once all frames were taken
 *  out. */
uint8_t *framing_room(struct framing *framing, uint32_t *room_bytes);

/** Says that `bytes` bytes, at most the room, have been read. */
void framing_filled(struct framing *framing, uint32_t bytes);

/** Takes out the next frame. Lengths beyond FRAMING_MIN_BYTES to `max_bytes` are
 *  forbidden. */
enum framing_found framing_next(struct framing *framing, uint32_t max_bytes,
				const uint8_t **frame, uint32_t *length_bytes);

/* Sending: put frames in, write the bytes out. */

/** Puts the header of a frame in and returns where its `length_bytes` bytes go,
 *  or NULL when the queue is full. */
uint8_t *framing_put(struct framing *framing, uint32_t length_bytes);

/** Says that `bytes` bytes from `from` on were written. */
void framing_written(struct framing *framing, uint32_t bytes);

/** How many frames have not been written to their last byte. */
uint32_t framing_unwritten(const struct framing *framing);

#endif /* MIRAGE_CORE_FRAMING_H */
