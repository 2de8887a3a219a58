/* SPDX-License-Identifier: ISC */
/* Exchanges and their memory: lists of what is free, so that a warm server or client
 * allocates nothing. */
#include "http.h"

#include <stdlib.h>
#include <string.h>

/* What is kept beyond this goes back to the heap. */
enum { KEPT_EXCHANGES = 256, KEPT_BLOCKS = 16, KEPT_READERS = 8 };
enum {
	ALIGN = sizeof(void *) > sizeof(uint64_t) ? sizeof(void *)
						  : sizeof(uint64_t)
};

void http_pool_init(struct http_pool *pool, const struct http_limits *limits)
{
	memset(pool, 0, sizeof(*pool));
	pool->limits = *limits;
	/* All strings of a head, each with its NUL, and what is made of them. */
	pool->block_bytes =
		2 * (size_t)limits->head_bytes +
		limits->headers * sizeof(struct mirage_http_header) +
		HTTP_ANSWER_HEAD_BYTES + HTTP_HANDLER_BYTES + 64;
}

void http_pool_fini(struct http_pool *pool)
{
	for (struct http_exchange *x = pool->free, *next; x != NULL; x = next) {
		next = x->next;
		free(x);
	}
	for (struct http_block *b = pool->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	for (struct http_reader *r = pool->readers, *next; r != NULL;
	     r = next) {
		next = r->next;
		free(r);
	}
	memset(pool, 0, sizeof(*pool));
}

/* -------------------------------------------------------------- Readers -- */

struct http_reader *http_reader_take(struct http_pool *pool)
{
	struct http_reader *reader = pool->readers;

	if (pool->n_readers >= pool->readers_max)
		return NULL;
	if (reader != NULL)
		pool->readers = reader->next;
	else
		reader = malloc(sizeof(*reader));
	pool->n_readers += reader != NULL;
	return reader;
}

void http_reader_give(struct http_pool *pool, struct http_reader *reader)
{
	pool->n_readers--;
	if (pool->n_readers >= KEPT_READERS) {
		free(reader);
		return;
	}
	reader->next = pool->readers;
	pool->readers = reader;
}

/* --------------------------------------------------------------- Blocks -- */

static struct http_block *block_take(struct http_pool *pool)
{
	struct http_block *block = pool->blocks;

	if (block == NULL)
		return malloc(sizeof(*block) + pool->block_bytes);
	pool->blocks = block->next;
	pool->n_blocks--;
	return block;
}

static void block_give(struct http_pool *pool, struct http_block *block)
{
	if (pool->n_blocks == KEPT_BLOCKS) {
		free(block);
		return;
	}
	block->next = pool->blocks;
	pool->blocks = block;
	pool->n_blocks++;
}

bool http_arena_room(struct http_arena *arena, size_t bytes, size_t keep)
{
	struct http_block *block;

	if ((size_t)(arena->end - arena->at) >= bytes)
		return true;
	if (arena->block != NULL || arena->pool->block_bytes < bytes + keep)
		return false;
	block = block_take(arena->pool);
	if (block == NULL)
		return false;
	memcpy(block->bytes, arena->at - keep, keep);
	arena->block = block;
	arena->at = block->bytes + keep;
	arena->end = block->bytes + arena->pool->block_bytes;
	return true;
}

void *http_arena_alloc(struct http_arena *arena, size_t bytes)
{
	char *memory;

	if (bytes > SIZE_MAX - ALIGN ||
	    !http_arena_room(arena, bytes + ALIGN, 0))
		return NULL;
	memory = arena->at + (ALIGN - (uintptr_t)arena->at % ALIGN) % ALIGN;
	arena->at = memory + bytes;
	return memory;
}

/* ------------------------------------------------------------ Exchanges -- */

struct http_exchange *http_exchange_new(struct http_pool *pool,
					struct http_link *link, bool response)
{
	struct http_exchange *x = pool->free;

	if (x != NULL) {
		pool->free = x->next;
		pool->n_free--;
	} else {
		x = malloc(HTTP_EXCHANGE_BYTES);
		if (x == NULL)
			return NULL;
	}
	memset(x, 0, offsetof(struct http_exchange, headers));
	x->link = link;
	x->arena.at = x->memory;
	x->arena.end = (char *)x + HTTP_EXCHANGE_BYTES;
	x->arena.pool = pool;
	x->parser.arena = &x->arena;
	x->parser.limits = &pool->limits;
	x->parser.headers = x->headers;
	x->in.most = UINT64_MAX;
	x->out.skipped_end = &x->out.skipped;
	x->out.held_end = &x->out.held;
	http_parser_start(&x->parser, response);
	return x;
}

void http_exchange_free(struct http_exchange *x)
{
	struct http_pool *pool = x->arena.pool;

	if (x->arena.block != NULL)
		block_give(pool, x->arena.block);
	if (pool->n_free == KEPT_EXCHANGES) {
		free(x);
		return;
	}
	x->next = pool->free;
	pool->free = x;
	pool->n_free++;
}
