/* SPDX-License-Identifier: ISC */
/*
 * lwIP's memory: a pool of each kind of thing, and of a few sizes. A pool grows in
 * chunks, and keeps what it has: a program that is warm allocates nothing. All pools
 * together stay below TCPIP_MEMORY_MAX_BYTES, each below its own number; beyond
 * that a request finds no memory, which lwIP survives and `tcpip_exhausted` counts.
 */
#include "tcpip.h"

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/mem.h"
#include "lwip/memp.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/priv/tcp_priv.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE 1 /* so that the sanitizer sees what is used after its end */
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#endif

/* What is larger than a chunk is malloc's each time: a pool of it could keep all the
 * memory there is from the others. */
enum { CHUNK_BYTES = 16384 };

struct element {
	struct element *next;
};

struct pool {
	uint32_t size, max;
	uint32_t made, used;
	struct element *free;
};

/* Kinds of things, in lwIP's own order. */
#define LWIP_MEMPOOL(name, number, bytes, text) \
	[MEMP_##name] = {.size = (bytes), .max = (number)},
static struct pool kinds[MEMP_MAX] = {
#include "lwip/priv/memp_std.h"
};

/* Memory of any size: that of a header, of a small write, of a frame, and so on. The
 * head before it tells where it goes back to. */
static struct pool sizes[] = {
	{.size = 192, .max = UINT32_MAX},   {.size = 512, .max = UINT32_MAX},
	{.size = 1024, .max = UINT32_MAX},  {.size = 1728, .max = UINT32_MAX},
	{.size = 4096, .max = UINT32_MAX},  {.size = 16384, .max = UINT32_MAX},
	{.size = 66048, .max = UINT32_MAX},
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

struct head {
	uint64_t pool;
};

uint64_t tcpip_exhausted;
static uint64_t total_bytes;

/** Puts another chunk into the pool. Returns false without memory. */
static bool grow(struct pool *pool)
{
	uint32_t size = (pool->size + 15u) & ~15u;
	uint32_t n = size < CHUNK_BYTES ? CHUNK_BYTES / size : 1;
	uint8_t *chunk;

	if (n > pool->max - pool->made)
		n = pool->max - pool->made;
	if (n == 0 || total_bytes + (uint64_t)n * size > TCPIP_MEMORY_MAX_BYTES)
		return false;
	chunk = malloc((size_t)n * size);
	if (chunk == NULL)
		return false;
	total_bytes += (uint64_t)n * size;
	pool->made += n;
	for (uint32_t i = n; i-- > 0;) {
		struct element *element = (void *)(chunk + (size_t)i * size);

		element->next = pool->free;
		pool->free = element;
	}
	return true;
}

static void *take_alone(struct pool *pool)
{
	void *memory = NULL;

	if (pool->used < pool->max &&
	    total_bytes + pool->size <= TCPIP_MEMORY_MAX_BYTES)
		memory = malloc(pool->size);
	if (memory == NULL) {
		tcpip_exhausted++;
		return NULL;
	}
	total_bytes += pool->size;
	pool->used++;
	return memory;
}

static void give_alone(struct pool *pool, void *memory)
{
	total_bytes -= pool->size;
	pool->used--;
	free(memory);
}

#ifdef EACH_ALONE
static bool alone(const struct pool *pool)
{
	return true;
}
#else
static bool alone(const struct pool *pool)
{
	return pool->size >= CHUNK_BYTES;
}
#endif

static void *take(struct pool *pool)
{
	struct element *element = pool->free;

	if (alone(pool))
		return take_alone(pool);
	if (element == NULL && grow(pool))
		element = pool->free;
	if (element == NULL) {
		tcpip_exhausted++;
		return NULL;
	}
	pool->free = element->next;
	pool->used++;
	return element;
}

static void give(struct pool *pool, void *memory)
{
	struct element *element = memory;

	if (alone(pool)) {
		give_alone(pool, memory);
		return;
	}
	element->next = pool->free;
	pool->free = element;
	pool->used--;
}

/* --------------------------------------------------- What lwIP calls -- */

void memp_init(void)
{
}

void *memp_malloc(memp_t type)
{
	return take(&kinds[type]);
}

void memp_free(memp_t type, void *memory)
{
	if (memory != NULL)
		give(&kinds[type], memory);
}

uint32_t tcpip_memp_used(unsigned type)
{
	return kinds[type].used;
}

void mem_init(void)
{
}

void *mem_trim(void *memory, mem_size_t size)
{
	return memory;
}

void *mem_malloc(mem_size_t bytes)
{
	for (uint64_t i = 0; i < N_SIZES; i++) {
		struct head *head;

		if (bytes + sizeof *head > sizes[i].size)
			continue;
		head = take(&sizes[i]);
		if (head == NULL)
			return NULL;
		head->pool = i;
		return head + 1;
	}
	tcpip_exhausted++;
	return NULL;
}

void *mem_calloc(mem_size_t n, mem_size_t bytes)
{
	void *memory = mem_malloc(n * bytes);

	if (memory != NULL)
		memset(memory, 0, n * bytes);
	return memory;
}

void mem_free(void *memory)
{
	struct head *head = (struct head *)memory - 1;

	give(&sizes[head->pool], head);
}

/* -------------------------------------------------- What we call -- */

void *tcpip_alloc(size_t bytes)
{
	return mem_calloc(1, bytes);
}

void tcpip_free(void *memory)
{
	if (memory != NULL)
		mem_free(memory);
}
