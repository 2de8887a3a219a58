/* SPDX-License-Identifier: ISC */
/*
 * block.c: the simulated disk. Each request in flight is an event: the disk does
 * all of its work at the moment when it completes, in an order that chance has
 * drawn.
 */
#include "block.h"

#include <stdlib.h>
#include <string.h>

struct sim_disk *sim_disks;

/* ----------------------------------------------------------------- Work -- */

static void copy_vectors(const struct mirage_block_request *request,
			 uint8_t *to)
{
	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *vector = &request->vectors[i];

		memcpy(to, vector->base, vector->length_bytes);
		to += vector->length_bytes;
	}
}

struct sim_write *sim_job_write(const struct sim_job *job)
{
	const struct mirage_block_request *request = job->request;
	struct sim_write *write;

	if (request->op == MIRAGE_BLOCK_READ ||
	    request->op == MIRAGE_BLOCK_FLUSH)
		return NULL;
	/* A disk may ignore a discard: an application that counts on zeroes
	 * notices. */
	if (request->op == MIRAGE_BLOCK_DISCARD &&
	    sim_random_upto(&job->block->disk->random, 1) == 0)
		return NULL;
	write = sim_write_new(request->offset_bytes, request->length_bytes,
			      request->op != MIRAGE_BLOCK_WRITE);
	if (!write->zeroes)
		copy_vectors(request, write->bytes);
	return write;
}

static void read_vectors(struct sim_disk *disk,
			 const struct mirage_block_request *request)
{
	uint64_t offset = request->offset_bytes;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *vector = &request->vectors[i];

		sim_store_read(&disk->visible, offset, vector->base,
			       vector->length_bytes);
		offset += vector->length_bytes;
	}
}

/** What the world may have done since the core checked the request. */
static int check(const struct sim_disk *disk, const struct sim_job *job)
{
	static const uint32_t needs[] = {
		[MIRAGE_BLOCK_READ] = 0,
		[MIRAGE_BLOCK_WRITE] = 0,
		[MIRAGE_BLOCK_FLUSH] = MIRAGE_BLOCK_CAP_FLUSH,
		[MIRAGE_BLOCK_DISCARD] = MIRAGE_BLOCK_CAP_DISCARD,
		[MIRAGE_BLOCK_WRITE_ZEROES] = MIRAGE_BLOCK_CAP_WRITE_ZEROES,
	};
	const struct mirage_block_request *request = job->request;
	uint32_t caps = disk->info.caps, op = request->op;

	if (job->fate != 0)
		return job->fate;
	if (op != MIRAGE_BLOCK_READ && (caps & MIRAGE_BLOCK_CAP_WRITE) == 0)
		return MIRAGE_EROFS;
	if ((caps & needs[op]) != needs[op])
		return MIRAGE_ENOTSUP;
	if (op == MIRAGE_BLOCK_FLUSH)
		return 0;
	if (disk->full &&
	    (op == MIRAGE_BLOCK_WRITE || op == MIRAGE_BLOCK_WRITE_ZEROES))
		return MIRAGE_ENOSPC;
	if (request->offset_bytes + request->length_bytes >
	    disk->info.size_bytes)
		return MIRAGE_EIO;
	return 0;
}

static void carry_out(struct sim_disk *disk, const struct sim_job *job)
{
	struct sim_write *write = sim_job_write(job);

	if (write != NULL)
		sim_disk_write(disk, write);
	else if (job->request->op == MIRAGE_BLOCK_READ)
		read_vectors(disk, job->request);
	else if (job->request->op == MIRAGE_BLOCK_FLUSH)
		sim_disk_flush(disk, job->order);
}

/* ----------------------------------------------------------------- Jobs -- */

void sim_job_complete(struct sim_job *job, int result)
{
	static const char *const ops[] = {
		[MIRAGE_BLOCK_READ] = "read",
		[MIRAGE_BLOCK_WRITE] = "write",
		[MIRAGE_BLOCK_FLUSH] = "flush",
		[MIRAGE_BLOCK_DISCARD] = "discard",
		[MIRAGE_BLOCK_WRITE_ZEROES] = "write zeroes",
	};
	struct mirage_block_request *request = job->request;

	mirage_log(MIRAGE_LOG_DEBUG,
		   "block %s: %s of %" PRIu64 " bytes at %" PRIu64 ": %s",
		   job->block->disk->name, ops[request->op],
		   request->length_bytes, request->offset_bytes,
		   mirage_error_name(result));
	sim_cancel(&job->completion);
	job->request = NULL;
	mirage_core_block_complete(request, result);
}

static void completes(struct sim_event *event)
{
	struct sim_job *job = sim_container(event, struct sim_job, completion);
	struct sim_disk *disk = job->block->disk;
	int result = check(disk, job);

	if (result == 0)
		carry_out(disk, job);
	sim_job_complete(job, result);
}

void sim_job_plan(struct sim_job *job)
{
	struct sim_disk *disk = job->block->disk;
	uint64_t jitter_ns = sim_random_upto(&disk->random, disk->jitter_ns);

	sim_plan(&job->completion, sim_after(disk->latency_ns + jitter_ns),
		 completes);
}

/** Counts down to the request that something is planned for. */
static bool is_its_turn(uint64_t *to_go)
{
	if (*to_go == 0)
		return false;
	return --*to_go == 0;
}

static struct sim_job *free_job(struct sim_block *block)
{
	struct sim_job *job = block->jobs;

	/* The core submits no more than there are. */
	while (job->request != NULL)
		job++;
	return job;
}

static void sim_block_submit(struct mirage_block *block,
			     struct mirage_block_request *const requests[],
			     size_t n)
{
	struct sim_block *sim = (struct sim_block *)block;
	struct sim_disk *disk = sim->disk;

	for (size_t i = 0; i < n; i++) {
		struct sim_job *job = free_job(sim);

		job->block = sim;
		job->request = requests[i];
		job->order = disk->last_order;
		job->fate = is_its_turn(&disk->fail_in) ? disk->fail_error : 0;
		job->stalled = is_its_turn(&disk->stall_in);
		if (!job->stalled)
			sim_job_plan(job);
	}
}

/* -------------------------------------------------------------- Closing -- */

static void sim_block_close(struct mirage_block *block)
{
	struct sim_block *sim = (struct sim_block *)block;

	for (uint32_t i = 0; i < sim->disk->info.queue_depth; i++)
		if (sim->jobs[i].request != NULL)
			sim_job_complete(&sim->jobs[i], MIRAGE_EGONE);
	sim->disk->block = NULL;
	mirage_core_block_closed(block);
}

static void sim_block_dispose(struct mirage_block *block)
{
	free(block);
}

const struct mirage_block_ops sim_block_ops = {
	.size = sizeof sim_block_ops,
	.submit = sim_block_submit,
	.close = sim_block_close,
	.dispose = sim_block_dispose,
};

static void explain(const struct sim_disk *disk)
{
	unsigned in_flight = 0;

	for (uint32_t i = 0; i < disk->info.queue_depth; i++)
		in_flight += disk->block->jobs[i].request != NULL;
	if (disk->lost)
		mirage_log(MIRAGE_LOG_ERROR,
			   "block '%s' is lost and does not come back",
			   disk->name);
	else if (in_flight > 0)
		mirage_log(MIRAGE_LOG_ERROR, "block '%s': %u stalled request%s",
			   disk->name, in_flight, in_flight == 1 ? "" : "s");
}

void sim_block_explain(void)
{
	for (struct sim_disk *d = sim_disks; d != NULL; d = d->next)
		if (d->block != NULL)
			explain(d);
}
