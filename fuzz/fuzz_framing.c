/* SPDX-License-Identifier: ISC */
/*
 * QEMU's stream framing, received in pieces of any size, against a reader that
 * has the whole stream at once; then the same frames sent, written in pieces.
 *
 * The input: a seed for the sizes of pieces, the longest frame allowed (2 bytes),
 * how often the rest is repeated (it must be long to fill the queue), the stream.
 */
#include "framing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 4u
#define STREAM_MAX_BYTES (3 * FRAMING_BUFFER_BYTES)

static uint8_t stream[STREAM_MAX_BYTES];
static uint32_t stream_bytes, max_bytes, seed;

static uint32_t piece(uint32_t limit)
{
	seed = seed * 1664525u + 1013904223u;
	/* Small ones and large ones alike. */
	return 1 + (seed >> 8) % (seed >> 31 ? limit : limit < 40 ? limit : 40);
}

/* The plain reader: what is found at `*at`, which moves on. */
static enum framing_found look(uint32_t *at, uint32_t *length)
{
	const uint8_t *p = stream + *at;

	if (stream_bytes - *at < 4)
		return FRAMING_MORE;
	*length = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		  (uint32_t)p[2] << 8 | p[3];
	if (*length > 69632)
		return FRAMING_BROKEN;
	if (stream_bytes - *at - 4 < *length)
		return FRAMING_MORE;
	*at += 4 + *length;
	return *length >= 14 && *length <= max_bytes ? FRAMING_FRAME
						     : FRAMING_SIZE;
}

/* Sends a frame and writes some of what is queued. The other side is another
 * queue, which must find the same frame. */
static void send_on(struct framing *tx, struct framing *rx,
		    const uint8_t *frame, uint32_t length)
{
	uint32_t before = framing_unwritten(tx), room, n, got_length;
	uint8_t *to = framing_put(tx, length);
	const uint8_t *got;

	assert(to != NULL && framing_unwritten(tx) == before + 1);
	memcpy(to, frame, length);
	while (framing_bytes(tx) != 0) {
		to = framing_room(rx, &room);
		assert(room != 0);
		n = piece(framing_bytes(tx));
		n = n < room ? n : room;
		memcpy(to, tx->bytes + tx->from, n);
		framing_filled(rx, n);
		framing_written(tx, n);
		assert(framing_unwritten(tx) == (framing_bytes(tx) != 0));
	}
	assert(framing_next(rx, max_bytes, &got, &got_length) == FRAMING_FRAME);
	assert(got_length == length && memcmp(got, frame, length) == 0);
}

static void check(struct framing *rx, struct framing *tx, struct framing *far)
{
	uint32_t at = 0, fed = 0, length, wanted_length = 0, room;
	enum framing_found found = FRAMING_MORE, wanted;
	const uint8_t *frame;

	for (;;) {
		found = framing_next(rx, max_bytes, &frame, &length);
		if (found == FRAMING_MORE && fed < stream_bytes) {
			uint8_t *to = framing_room(rx, &room);
			uint32_t n = piece(stream_bytes - fed);

			assert(room != 0);
			n = n < room ? n : room;
			memcpy(to, stream + fed, n);
			framing_filled(rx, n);
			fed += n;
			continue;
		}
		wanted = look(&at, &wanted_length);
		assert(found == wanted);
		if (found == FRAMING_MORE || found == FRAMING_BROKEN)
			break;
		assert(length == wanted_length);
		assert(memcmp(frame, stream + at - length, length) == 0);
		if (found == FRAMING_FRAME)
			send_on(tx, far, frame, length);
	}
	assert(found == FRAMING_BROKEN ||
	       framing_bytes(rx) == stream_bytes - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct framing queues[3];
	uint8_t *memory[3];
	uint32_t repeats;

	if (size <= HEAD_BYTES)
		return 0;
	seed = data[0];
	max_bytes = 14 + ((uint32_t)data[1] << 8 | data[2]);
	repeats = 1 + (data[3] < 128 ? 0 : (uint32_t)data[3] * data[3]);
	data += HEAD_BYTES;
	size -= HEAD_BYTES;
	stream_bytes = 0;
	while (repeats-- > 0 && size <= STREAM_MAX_BYTES - stream_bytes) {
		memcpy(stream + stream_bytes, data, size);
		stream_bytes += (uint32_t)size;
	}
	for (unsigned i = 0; i < 3; i++) {
		memory[i] = malloc(FRAMING_BUFFER_BYTES);
		framing_init(&queues[i], memory[i], FRAMING_BUFFER_BYTES);
	}
	check(&queues[0], &queues[1], &queues[2]);
	for (unsigned i = 0; i < 3; i++)
		free(memory[i]);
	return 0;
}
