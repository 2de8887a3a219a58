/* SPDX-License-Identifier: ISC */
#include "framing.h"

#include <string.h>

static uint32_t framing_load(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static void framing_store(uint8_t *at, uint32_t length)
{
	at[0] = (uint8_t)(length >> 24);
	at[1] = (uint8_t)(length >> 16);
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
}

void framing_init(struct framing *framing, uint8_t *bytes,
		  uint32_t capacity_bytes)
{
	framing->bytes = bytes;
	framing->capacity_bytes = capacity_bytes;
	framing_reset(framing);
}

void framing_reset(struct framing *framing)
{
	framing->frame = framing->from = framing->to = 0;
}

/* Moves the bytes to the front once half of the memory has been used up: no
 * byte is moved more often than one is queued. */
static void framing_compact(struct framing *framing)
{
	uint32_t by = framing->frame;

	if (by < framing->capacity_bytes / 2 && framing->from != framing->to)
		return;
	memmove(framing->bytes, framing->bytes + by, framing->to - by);
	framing->frame -= by;
	framing->from -= by;
	framing->to -= by;
}

uint8_t *framing_room(struct framing *framing, uint32_t *room_bytes)
{
	framing_compact(framing);
	*room_bytes = framing->capacity_bytes - framing->to;
	return framing->bytes + framing->to;
}

void framing_filled(struct framing *framing, uint32_t bytes)
{
	framing->to += bytes;
}

enum framing_found framing_next(struct framing *framing, uint32_t max_bytes,
				const uint8_t **frame, uint32_t *length_bytes)
{
	uint32_t have = framing_bytes(framing);
	uint32_t length;

	if (have < FRAMING_HEADER_BYTES)
		return FRAMING_MORE;
	length = framing_load(framing->bytes + framing->from);
	if (length > FRAMING_MAX_BYTES)
		return FRAMING_BROKEN;
	if (have - FRAMING_HEADER_BYTES < length)
		return FRAMING_MORE;
	*frame = framing->bytes + framing->from + FRAMING_HEADER_BYTES;
	*length_bytes = length;
	framing->from += FRAMING_HEADER_BYTES + length;
	framing->frame = framing->from;
	if (length < FRAMING_MIN_BYTES || length > max_bytes)
		return FRAMING_SIZE;
	return FRAMING_FRAME;
}

uint8_t *framing_put(struct framing *framing, uint32_t length_bytes)
{
	uint32_t room;
	uint8_t *at = framing_room(framing, &room);

	if (room < FRAMING_HEADER_BYTES ||
	    room - FRAMING_HEADER_BYTES < length_bytes)
		return NULL;
	framing_store(at, length_bytes);
	framing->to += FRAMING_HEADER_BYTES + length_bytes;
	return at + FRAMING_HEADER_BYTES;
}

/* Where the frame ends that begins at `frame`. */
static uint32_t framing_end(const struct framing *framing, uint32_t frame)
{
	return frame + FRAMING_HEADER_BYTES +
	       framing_load(framing->bytes + frame);
}

void framing_written(struct framing *framing, uint32_t bytes)
{
	framing->from += bytes;
	while (framing->frame < framing->from &&
	       framing_end(framing, framing->frame) <= framing->from)
		framing->frame = framing_end(framing, framing->frame);
}

uint32_t framing_unwritten(const struct framing *framing)
{
	uint32_t frame = framing->frame;
	uint32_t n = 0;

	for (; frame < framing->to; frame = framing_end(framing, frame))
		n++;
	return n;
}
