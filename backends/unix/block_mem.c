/* SPDX-License-Identifier: ISC */
/*
 * block_mem.c: a disk in memory, `mem:SIZE[,sector=512|4096]`. Sparse: a page
 * costs memory once it is written. All work is done inside submit.
 */
#include "block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/** What a disk holds; it stays when the disk is closed, like any other's. */
struct unix_mem_content {
	struct unix_mem_content *next;
	unsigned char *bytes;
	char name[];
};

struct unix_block_mem {
	struct mirage_block block; /* first */
	struct mirage_block_info info;
	struct mirage_block_counters counters;
	unsigned char *bytes;
};

static void unix_mem_copy(struct unix_block_mem *mem,
			  const struct mirage_block_request *request)
{
	unsigned char *at = mem->bytes + request->offset_bytes;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *vector = &request->vectors[i];

		if (vector->length_bytes == 0)
			continue;
		if (request->op == MIRAGE_BLOCK_READ)
			memcpy(vector->base, at, vector->length_bytes);
		else
			memcpy(at, vector->base, vector->length_bytes);
		at += vector->length_bytes;
	}
}

/* Whole pages go back to the system, which gives zeroed ones for them. */
static void unix_mem_zero(struct unix_block_mem *mem, uint64_t offset,
			  uint64_t length)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t end = offset + length;
	uint64_t first = (offset + page - 1) & ~(page - 1);
	uint64_t last = end & ~(page - 1);

	if (first >= last ||
	    madvise(mem->bytes + first, last - first, MADV_DONTNEED) != 0) {
		memset(mem->bytes + offset, 0, length);
		return;
	}
	memset(mem->bytes + offset, 0, first - offset);
	memset(mem->bytes + last, 0, end - last);
}

static void unix_mem_submit(struct mirage_block *block,
			    struct mirage_block_request *const requests[],
			    size_t n)
{
	struct unix_block_mem *mem = (struct unix_block_mem *)block;

	for (size_t i = 0; i < n; i++) {
		struct mirage_block_request *request = requests[i];

		switch (request->op) {
		case MIRAGE_BLOCK_READ:
		case MIRAGE_BLOCK_WRITE:
			unix_mem_copy(mem, request);
			break;
		case MIRAGE_BLOCK_DISCARD:
		case MIRAGE_BLOCK_WRITE_ZEROES:
			unix_mem_zero(mem, request->offset_bytes,
				      request->length_bytes);
			break;
		default: /* a flush: memory has nothing more durable */
			break;
		}
		mirage_core_block_complete(request, 0);
	}
}

static void unix_mem_close(struct mirage_block *block)
{
	mirage_core_block_closed(block);
}

static void unix_mem_dispose(struct mirage_block *block)
{
	free(block);
}

static const struct mirage_block_ops unix_mem_ops = {
	.size = sizeof(unix_mem_ops),
	.submit = unix_mem_submit,
	.close = unix_mem_close,
	.dispose = unix_mem_dispose,
};

static void unix_mem_describe(struct unix_block_mem *mem, uint64_t size_bytes,
			      uint32_t sector_bytes)
{
	mem->info = (struct mirage_block_info){
		.size = sizeof(mem->info),
		.caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH |
			MIRAGE_BLOCK_CAP_DISCARD |
			MIRAGE_BLOCK_CAP_WRITE_ZEROES,
		.size_bytes = size_bytes,
		.sector_bytes = sector_bytes,
		.physical_sector_bytes = sector_bytes,
		.buffer_align_bytes = 1,
		.max_vectors = UNIX_BLOCK_VECTORS_MAX,
		.max_transfer_bytes = UNIX_BLOCK_TRANSFER_MAX,
		.queue_depth = UNIX_BLOCK_DEPTH,
		.max_discard_bytes = UNIX_BLOCK_DISCARD_MAX,
	};
	mem->counters =
		(struct mirage_block_counters){.size = sizeof(mem->counters)};
	mem->block = (struct mirage_block){
		.ops = &unix_mem_ops,
		.info = &mem->info,
		.counters = &mem->counters,
	};
}

/** The content of the disk `name`, zeroes the first time, or NULL with errno. */
static struct unix_mem_content *unix_mem_find(const char *name,
					      uint64_t size_bytes)
{
	static struct unix_mem_content *contents;
	struct unix_mem_content *content;

	for (content = contents; content != NULL; content = content->next)
		if (strcmp(content->name, name) == 0)
			return content;
	content = calloc(1, sizeof(*content) + strlen(name) + 1);
	if (content == NULL)
		return NULL;
	memcpy(content->name, name, strlen(name) + 1);
	content->bytes =
		mmap(NULL, (size_t)size_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (content->bytes == MAP_FAILED) {
		free(content);
		return NULL;
	}
	content->next = contents;
	contents = content;
	return content;
}

static struct unix_block_mem *unix_mem_new(const char *name,
					   uint64_t size_bytes)
{
	struct unix_mem_content *content = NULL;
	struct unix_block_mem *mem;

	errno = ENOMEM;
	if (size_bytes <= SIZE_MAX / 2)
		content = unix_mem_find(name, size_bytes);
	mem = content != NULL ? calloc(1, sizeof(*mem)) : NULL;
	if (mem != NULL)
		mem->bytes = content->bytes;
	return mem;
}

void unix_block_mem_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct unix_block_mem *mem;
	uint32_t sector_bytes = 512;
	uint64_t size_bytes;

	if (!mirage_uri_bytes(uri->path, &size_bytes)) {
		mirage_core_open_error(open,
				       "'%s' is not a size; write a number of "
				       "bytes, perhaps with K, M, G or T, "
				       "such as mem:64M",
				       uri->path);
		mirage_core_block_opened(open, MIRAGE_EINVAL, NULL);
		return;
	}
	if (!mirage_open_sector(open, uri, &sector_bytes) ||
	    !mirage_open_unused(open, uri) ||
	    !mirage_open_size(open, size_bytes, sector_bytes, NULL))
		return;
	mem = unix_mem_new(open->name, size_bytes);
	if (mem == NULL) {
		mirage_core_open_error(open,
				       "%s; give a smaller size than mem:%s",
				       strerror(errno), uri->path);
		mirage_core_block_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	unix_mem_describe(mem, size_bytes, sector_bytes);
	mirage_core_block_opened(open, 0, &mem->block);
}
