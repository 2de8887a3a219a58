/* SPDX-License-Identifier: ISC */
/* Pools in memory of their own, for backends whose frames are copied. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN_BYTES 64u
#define FRAMES 256u
/* Of jumbo frames fewer: 64 of them are 4 MiB, touched when used. */
#define FRAMES_JUMBO 64u
#define JUMBO_BYTES 10240u

uint32_t mirage_pool_frames(uint32_t frame_bytes)
{
	return frame_bytes > JUMBO_BYTES ? FRAMES_JUMBO : FRAMES;
}

struct mirage_pool *mirage_pool_new(uint32_t n, uint32_t frame_bytes,
				    struct mirage_net *net)
{
	uint32_t stride =
		(MIRAGE_POOL_HEADROOM_BYTES + frame_bytes + ALIGN_BYTES - 1) &
		~(ALIGN_BYTES - 1);
	size_t head = sizeof(struct mirage_pool) +
		      n * sizeof(struct mirage_packet) + ALIGN_BYTES;
	struct mirage_pool *pool = calloc(1, head + (size_t)n * stride);
	uintptr_t memory;

	if (pool == NULL)
		return NULL;
	memory = (uintptr_t)pool + head;
	memory &= ~(uintptr_t)(ALIGN_BYTES - 1);
	mirage_pool_init(pool, (struct mirage_packet *)(pool + 1),
			 (void *)memory, n, stride, MIRAGE_POOL_HEADROOM_BYTES,
			 net);
	return pool;
}

static void on_empty(struct mirage_pool *pool)
{
	free(pool);
}

void mirage_pool_free(struct mirage_pool *pool)
{
	if (pool != NULL)
		mirage_pool_abandon(pool, on_empty);
}

void mirage_core_net_gather(uint8_t *to, const struct mirage_packet *frame)
{
	for (; frame != NULL; frame = frame->next) {
		memcpy(to, frame->data, frame->length_bytes);
		to += frame->length_bytes;
	}
}
