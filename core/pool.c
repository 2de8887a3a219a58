/* SPDX-License-Identifier: ISC */
#include "core.h"

#include <string.h>

/** Empties a packet: data at the headroom, every byte zero, no marks. */
static void clean(struct mirage_packet *packet, uint32_t headroom_bytes)
{
	if (packet->dirty_to_bytes > packet->dirty_from_bytes)
		memset(packet->buffer + packet->dirty_from_bytes, 0,
		       packet->dirty_to_bytes - packet->dirty_from_bytes);
	packet->data = packet->buffer + headroom_bytes;
	packet->length_bytes = 0;
	packet->next = NULL;
	packet->csum = MIRAGE_CSUM_NONE;
	packet->gso = MIRAGE_GSO_NONE;
	packet->gso_size_bytes = 0;
	packet->csum_start_bytes = packet->csum_offset_bytes = 0;
	packet->dirty_from_bytes = packet->dirty_to_bytes = headroom_bytes;
}

static void recycle(struct mirage_packet *packet)
{
	struct mirage_pool *pool = packet->owner;

	clean(packet, pool->headroom_bytes);
	packet->next = pool->free;
	pool->free = packet;
	pool->n_out--;
	if (pool->short_of) {
		pool->short_of = false;
		if (pool->net != NULL)
			mirage_core_net_event(pool->net, MIRAGE_EVENT_WRITABLE);
	}
	if (pool->n_out == 0 && pool->on_empty != NULL)
		pool->on_empty(pool);
}

void mirage_pool_init(struct mirage_pool *pool, struct mirage_packet *packets,
		      void *memory, uint32_t n, uint32_t stride_bytes,
		      uint32_t headroom_bytes, struct mirage_net *net)
{
	*pool = (struct mirage_pool){
		.n_packets = n,
		.headroom_bytes = headroom_bytes,
		.net = net,
	};
	for (uint32_t i = n; i-- > 0;) {
		struct mirage_packet *packet = &packets[i];

		*packet = (struct mirage_packet){
			.buffer = (uint8_t *)memory + (size_t)i * stride_bytes,
			.capacity_bytes = stride_bytes,
			.recycle = recycle,
			.owner = pool,
			.next = pool->free,
		};
		packet->data = packet->buffer + headroom_bytes;
		packet->dirty_from_bytes = headroom_bytes;
		packet->dirty_to_bytes = headroom_bytes;
		pool->free = packet;
	}
}

struct mirage_packet *mirage_pool_get(struct mirage_pool *pool)
{
	struct mirage_packet *packet = pool->free;

	if (packet == NULL)
		return NULL;
	pool->free = packet->next;
	pool->n_out++;
	packet->next = NULL;
	packet->references = 1;
	return packet;
}

int mirage_pool_reserve(struct mirage_pool *pool,
			struct mirage_packet *packets[], size_t n)
{
	size_t got = 0;

	while (got < n && (packets[got] = mirage_pool_get(pool)) != NULL)
		got++;
	pool->short_of |= got < n;
	return (int)got;
}

void mirage_pool_abandon(struct mirage_pool *pool,
			 void (*on_empty)(struct mirage_pool *pool))
{
	pool->net = NULL;
	if (pool->n_out == 0)
		on_empty(pool);
	else
		pool->on_empty = on_empty;
}

void mirage_packet_release(struct mirage_packet *packet)
{
	core_must(packet->references != 0, "PKT-08",
		  "a packet was released more often than retained");
	if (--packet->references != 0)
		return;
	while (packet != NULL) {
		struct mirage_packet *next = packet->next;

		packet->references = 0;
		packet->recycle(packet);
		packet = next;
	}
}
