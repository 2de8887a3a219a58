/* SPDX-License-Identifier: ISC */
/* Disks: the loader's drivers do the work, named by the scheme of the URI. */
#include "js.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 64u
#define VECTORS_MAX 256u
/** A driver that answers later may hold a copy of each request. */
#define TRANSFER_MAX_BYTES (1u << 20)
#define DISCARD_MAX_BYTES (1ull << 30)

struct js_block {
	struct mirage_block block; /* first */
	struct mirage_block_info info;
	struct mirage_block_counters counters;
	struct mirage_open *open;
};

static void js_block_submit_all(struct mirage_block *block,
				struct mirage_block_request *const requests[],
				size_t n)
{
	struct js_block_command commands[DEPTH];

	for (size_t i = 0; i < n; i++)
		commands[i] = (struct js_block_command){
			.address = requests[i],
			.op = requests[i]->op,
			.vectors = requests[i]->vectors,
			.n_vectors = requests[i]->n_vectors,
			.offset_bytes = (double)requests[i]->offset_bytes,
			.length_bytes = (double)requests[i]->length_bytes,
			.result = JS_BLOCK_LATER,
		};
	js_block_submit((struct js_block *)block, commands, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		if (commands[i].result != JS_BLOCK_LATER)
			mirage_core_block_complete(requests[i],
						   commands[i].result);
}

static void js_block_close_one(struct mirage_block *block)
{
	js_block_close((struct js_block *)block);
}

static void js_block_dispose(struct mirage_block *block)
{
	free(block);
}

static const struct mirage_block_ops js_block_ops = {
	.size = sizeof js_block_ops,
	.submit = js_block_submit_all,
	.close = js_block_close_one,
	.dispose = js_block_dispose,
};

/* ----------------------------------------------------- From the loader -- */

/** The path of a disk that is a file, for the remedy of a wrong size. */
static const char *file_path(const struct mirage_open *open,
			     struct mirage_uri *uri)
{
	if (mirage_uri_parse(uri, open->uri) == NULL &&
	    strcmp(uri->scheme, "file") == 0)
		return uri->path;
	return NULL;
}

static void on_opened(struct js_block *block, int result, double size_bytes,
		      uint32_t caps)
{
	struct mirage_open *open = block->open;
	struct mirage_uri uri;

	if (result < 0) {
		mirage_open_refuse(open, result, "%s", js_text);
		free(block);
		return;
	}
	block->info.size_bytes = (uint64_t)size_bytes;
	block->info.caps = caps;
	if (mirage_open_size(open, block->info.size_bytes,
			     block->info.sector_bytes, file_path(open, &uri))) {
		mirage_core_block_opened(open, 0, &block->block);
		return;
	}
	js_block_close(block);
}

static void on_complete(struct mirage_block_request *request, int result)
{
	mirage_core_block_complete(request, result);
}

static void on_resized(struct js_block *block, double size_bytes)
{
	block->info.size_bytes = (uint64_t)size_bytes;
	mirage_core_block_event(&block->block, MIRAGE_EVENT_RESIZED);
}

static const struct mirage_block_counters *on_counters(struct js_block *block)
{
	return &block->counters;
}

static bool on_fault(struct js_block *block)
{
	return js_nothing_wrong(
		mirage_core_block_fault(&block->block, js_text));
}

static void on_closed(struct js_block *block)
{
	if (block->block.name == NULL)
		free(block); /* never opened */
	else
		mirage_core_block_closed(&block->block);
}

static const struct js_block_calls calls = {
	.opened = on_opened,
	.closed = on_closed,
	.complete = on_complete,
	.resized = on_resized,
	.counters = on_counters,
	.fault = on_fault,
};

/* ------------------------------------------------------------- Opening -- */

static struct js_block *block_new(struct mirage_open *open)
{
	struct js_block *block = calloc(1, sizeof *block);

	if (block == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "no memory for it");
		return NULL;
	}
	block->open = open;
	block->block.ops = &js_block_ops;
	block->block.info = &block->info;
	block->block.counters = &block->counters;
	block->counters.size = sizeof block->counters;
	block->info = (struct mirage_block_info){
		.size = sizeof block->info,
		.sector_bytes = 512,
		.physical_sector_bytes = 4096,
		.buffer_align_bytes = 1,
		.max_vectors = VECTORS_MAX,
		.max_transfer_bytes = TRANSFER_MAX_BYTES,
		.queue_depth = DEPTH,
		.max_discard_bytes = DISCARD_MAX_BYTES,
	};
	return block;
}

/** Reads the size of a disk to be made: of `mem:SIZE`, or an option. 0 leaves it
 *  to the driver. */
static bool read_size(struct mirage_open *open, struct mirage_uri *uri,
		      uint32_t sector_bytes, uint64_t *size_bytes)
{
	bool is_mem = strcmp(uri->scheme, "mem") == 0;
	const char *text = is_mem ? uri->path : mirage_uri_option(uri, "size");

	*size_bytes = 0;
	if (text == NULL)
		return true;
	if (mirage_uri_bytes(text, size_bytes))
		return mirage_open_size(open, *size_bytes, sector_bytes, NULL);
	return mirage_open_refuse(open, MIRAGE_EINVAL,
				  "'%s' is not a size; write a number of "
				  "bytes, perhaps with K, M, G or T, such as "
				  "64M",
				  text);
}

static void open_parsed(struct mirage_open *open, struct mirage_uri *uri)
{
	struct js_block *block = block_new(open);
	uint64_t size_bytes;
	bool ro;

	if (block == NULL)
		return;
	if (mirage_open_flag(open, uri, "ro", &ro) &&
	    mirage_open_sector(open, uri, &block->info.sector_bytes) &&
	    read_size(open, uri, block->info.sector_bytes, &size_bytes) &&
	    mirage_open_unused(open, uri))
		js_block_open(block, open->name, uri->scheme, uri->path,
			      block->info.sector_bytes, ro, (double)size_bytes,
			      &calls);
	else
		free(block);
}

void js_block_open_uri(struct mirage_open *open)
{
	struct mirage_uri uri;
	const char *wrong;

	if (open->uri == NULL) {
		mirage_open_refuse(
			open, MIRAGE_ENODEV,
			open->any_given ? "nobody gave it; add --block "
					  "%s=mem:64M, file:PATH or disk:NAME"
					: "no disk was given; add --block "
					  "%s=mem:64M, file:PATH or disk:NAME",
			open->name);
		return;
	}
	wrong = mirage_uri_parse(&uri, open->uri);
	if (wrong != NULL)
		mirage_open_refuse(open, MIRAGE_EINVAL, "%s", wrong);
	else
		open_parsed(open, &uri);
}
