/* SPDX-License-Identifier: ISC */
/*
 * READ of a tar image. A disk reads whole sectors to addresses that it likes, and
 * who reads wants any bytes anywhere: a read is cut into runs, those in the middle
 * straight into the caller's memory, the rest by way of a bounce buffer; all of
 * them in one request while they fit.
 */
#include "tar.h"

#include <stdlib.h>
#include <string.h>

#define BOUNCE_BYTES 16384u
#define SECTOR_MAX 65536u

/** A place in the vectors of a READ. */
struct cursor {
	const struct mirage_kv_request *read;
	uint32_t vector;
	size_t in_vector_bytes;
};

/** Steps over vectors that are full, and returns the bytes left in this one. */
static size_t cursor_room(struct cursor *cursor)
{
	const struct mirage_kv_request *read = cursor->read;

	while (cursor->vector < read->n_vectors) {
		size_t length = read->vectors[cursor->vector].length_bytes;

		if (cursor->in_vector_bytes < length)
			return length - cursor->in_vector_bytes;
		cursor->vector++;
		cursor->in_vector_bytes = 0;
	}
	return 0;
}

static uint8_t *cursor_address(const struct cursor *cursor)
{
	uint8_t *base = cursor->read->vectors[cursor->vector].base;

	return base + cursor->in_vector_bytes;
}

/** Moves on by `length` bytes, which come from `from` unless they are there. */
static void cursor_move(struct cursor *cursor, const uint8_t *from,
			size_t length)
{
	while (length > 0) {
		size_t n = cursor_room(cursor);

		n = n < length ? n : length;
		if (from != NULL) {
			memcpy(cursor_address(cursor), from, n);
			from += n;
		}
		cursor->in_vector_bytes += n;
		length -= n;
	}
}

/* -------------------------------------------------------------- Planning -- */

/** A request that is being made up. */
struct plan {
	struct tar_job *job;
	const struct mirage_block_info *info;
	struct cursor cursor;
	uint64_t at_bytes;
	size_t transfer_bytes, bounced_bytes;
};

static uint64_t down(uint64_t bytes, uint32_t unit)
{
	return bytes & ~(uint64_t)(unit - 1);
}

static uint64_t up(uint64_t bytes, uint32_t unit)
{
	return down(bytes + unit - 1, unit);
}

/** How much can be read straight to where it belongs, in whole sectors. */
static size_t plan_direct(struct plan *plan)
{
	uint64_t left = plan->job->end_bytes - plan->at_bytes;
	size_t room = cursor_room(&plan->cursor);
	uintptr_t address;

	if (plan->at_bytes % plan->info->sector_bytes != 0 || room == 0)
		return 0;
	address = (uintptr_t)cursor_address(&plan->cursor);
	if (address % plan->info->buffer_align_bytes != 0)
		return 0;
	if (left > room)
		left = room;
	return (size_t)down(left, plan->info->sector_bytes);
}

static void plan_add(struct plan *plan, void *base, size_t disk_bytes,
		     size_t value_bytes, const uint8_t *from)
{
	struct tar_job *job = plan->job;

	job->vectors[job->n_runs].base = base;
	job->vectors[job->n_runs].length_bytes = disk_bytes;
	job->runs[job->n_runs].length_bytes = value_bytes;
	job->runs[job->n_runs].from = from;
	job->n_runs++;
	plan->transfer_bytes += disk_bytes;
}

/** Adds a run by way of the buffer, up to where sectors can be put in place again.
 *  False: there is no room for it any more. */
static bool plan_bounce(struct plan *plan, size_t room)
{
	const struct tar_job *job = plan->job;
	uint32_t sector = plan->info->sector_bytes;
	uint64_t start = plan->at_bytes, from = down(start, sector);
	uint8_t *to = job->bounce + plan->bounced_bytes;

	if (room > job->store->bounce_bytes - plan->bounced_bytes)
		room = job->store->bounce_bytes - plan->bounced_bytes;
	do {
		uint64_t next = up(plan->at_bytes + 1, sector);

		if (next - from > room)
			break;
		if (next > job->end_bytes)
			next = job->end_bytes;
		cursor_move(&plan->cursor, NULL,
			    (size_t)(next - plan->at_bytes));
		plan->at_bytes = next;
	} while (plan->at_bytes < job->end_bytes && plan_direct(plan) == 0);
	if (plan->at_bytes == start)
		return false;
	room = (size_t)(up(plan->at_bytes, sector) - from);
	plan_add(plan, to, room, (size_t)(plan->at_bytes - start),
		 to + (start - from));
	plan->bounced_bytes += (size_t)up(room, plan->info->buffer_align_bytes);
	return true;
}

/** Makes up the request for what comes next, as much as it can hold. */
static void plan_request(struct plan *plan)
{
	struct tar_job *job = plan->job;

	while (plan->at_bytes < job->end_bytes && job->n_runs < TAR_RUNS) {
		size_t left =
			plan->info->max_transfer_bytes - plan->transfer_bytes;
		size_t direct = plan_direct(plan);

		left = (size_t)down(left, plan->info->sector_bytes);
		if (direct > left)
			direct = left;
		if (direct > 0) {
			plan_add(plan, cursor_address(&plan->cursor), direct,
				 direct, NULL);
			cursor_move(&plan->cursor, NULL, direct);
			plan->at_bytes += direct;
		} else if (left == 0 || !plan_bounce(plan, left)) {
			return;
		}
	}
}

/* --------------------------------------------------------------- Reading -- */

static void job_end(struct tar_job *job, int result);
static void job_done(void *arg, int result);

static void job_go_on(struct tar_job *job)
{
	struct mirage_block_request *request = &job->request;
	const struct mirage_block_info *info = job->store->block->info;
	struct plan plan = {
		.job = job,
		.info = info,
		.cursor = {job->read, job->vector, job->in_vector_bytes},
		.at_bytes = job->at_bytes,
	};

	job->n_runs = 0;
	plan_request(&plan);
	request->op = MIRAGE_BLOCK_READ;
	request->offset_bytes = down(job->at_bytes, info->sector_bytes);
	request->vectors = job->vectors;
	request->n_vectors = job->n_runs;
	request->done = job_done;
	request->arg = job;
	mirage_block_submit(job->store->block, &request, 1);
}

/** The request is done: what came by way of the buffer goes where it belongs. */
static void job_done(void *arg, int result)
{
	struct tar_job *job = arg;
	struct cursor cursor = {job->read, job->vector, job->in_vector_bytes};

	if (result < 0) {
		/* The disk has shrunk since the image was opened. */
		job_end(job, result == MIRAGE_ERANGE ? MIRAGE_EIO : result);
		return;
	}
	for (uint32_t i = 0; i < job->n_runs; i++) {
		cursor_move(&cursor, job->runs[i].from,
			    job->runs[i].length_bytes);
		job->at_bytes += job->runs[i].length_bytes;
	}
	job->vector = cursor.vector;
	job->in_vector_bytes = cursor.in_vector_bytes;
	if (job->at_bytes < job->end_bytes)
		job_go_on(job);
	else
		job_end(job, (int)job->read->implementation[1]);
}

static void job_begin(struct tar_job *job, struct mirage_kv_request *read)
{
	job->read = read;
	job->at_bytes = read->implementation[0];
	job->end_bytes = job->at_bytes + read->implementation[1];
	job->vector = 0;
	job->in_vector_bytes = 0;
	job_go_on(job);
}

static void job_end(struct tar_job *job, int result)
{
	struct tar_store *tar = job->store;
	struct mirage_kv_request *next = tar->waiting;

	mirage_core_kv_complete(job->read, result);
	job->read = NULL;
	if (next == NULL) {
		job->next = tar->idle;
		tar->idle = job;
		return;
	}
	tar->waiting = next->next;
	if (tar->waiting == NULL)
		tar->waiting_end = &tar->waiting;
	job_begin(job, next);
}

static uint64_t wanted(const struct mirage_kv_request *read,
		       uint64_t size_bytes)
{
	uint64_t bytes = 0;

	if (read->offset_bytes >= size_bytes)
		return 0;
	for (uint32_t i = 0; i < read->n_vectors; i++)
		bytes += read->vectors[i].length_bytes;
	size_bytes -= read->offset_bytes;
	return bytes < size_bytes ? bytes : size_bytes;
}

void tar_read(struct kv_store *store, size_t place,
	      struct mirage_kv_request *request)
{
	struct tar_store *tar = (struct tar_store *)store;
	const struct tar_entry *entry = &tar->index.entries[place];
	struct tar_job *job = tar->idle;
	uint64_t bytes = wanted(request, entry->size_bytes);

	if (bytes == 0) {
		mirage_core_kv_complete(request, 0);
		return;
	}
	request->implementation[0] = entry->at_bytes + request->offset_bytes;
	request->implementation[1] = bytes;
	if (job != NULL) {
		tar->idle = job->next;
		job_begin(job, request);
		return;
	}
	request->next = NULL;
	*tar->waiting_end = request;
	tar->waiting_end = &request->next;
}

/* --------------------------------------------------------------- Buffers -- */

uint8_t *tar_buffer(const struct mirage_block *block, size_t length,
		    void **memory)
{
	size_t align = block->info->buffer_align_bytes;
	uintptr_t address;

	/* Zeroed, as a device may fill it where no checker of memory looks. */
	*memory = calloc(1, length + align - 1);
	address = (uintptr_t)*memory + align - 1;
	return *memory != NULL ? (uint8_t *)(address & ~(align - 1)) : NULL;
}

int tar_read_init(struct tar_store *tar)
{
	const struct mirage_block_info *info = tar->block->info;
	uint64_t bytes = BOUNCE_BYTES;
	uint8_t *buffers;

	if (info->sector_bytes > SECTOR_MAX ||
	    info->sector_bytes > info->max_transfer_bytes)
		return MIRAGE_ENOTSUP;
	bytes = up(bytes, info->sector_bytes);
	tar->bounce_bytes = (size_t)up(bytes, info->buffer_align_bytes);
	buffers = tar_buffer(tar->block, TAR_JOBS * tar->bounce_bytes,
			     &tar->bounces);
	if (buffers == NULL)
		return MIRAGE_ENOMEM;
	for (size_t i = 0; i < TAR_JOBS; i++) {
		struct tar_job *job = &tar->jobs[i];

		job->bounce = buffers + i * tar->bounce_bytes;
		job->store = tar;
		job->next = tar->idle;
		tar->idle = job;
	}
	tar->waiting_end = &tar->waiting;
	return 0;
}

void tar_read_fini(struct tar_store *tar)
{
	free(tar->bounces);
}
