/* SPDX-License-Identifier: ISC */
/* The front of every block: checks, the queue of waiting requests, completions,
 * counters, events, close. */
#include "core.h"

#define BATCH 64

enum request_state { REQUEST_IDLE = 0, REQUEST_BUSY = 1, REQUEST_DONE = 2 };

static bool is_open(const struct mirage_block *block)
{
	return core_state(block->state) == CORE_OPEN;
}

/* -------------------------------------------------------------- Checks -- */

static bool aligned(uint64_t value, uint64_t unit)
{
	return (value & (unit - 1)) == 0;
}

/** Sums the vectors into `length_bytes`. */
static int check_vectors(const struct mirage_block_info *info,
			 struct mirage_block_request *request)
{
	uint64_t sum = 0;

	if (request->n_vectors == 0 || request->n_vectors > info->max_vectors ||
	    request->vectors == NULL)
		return MIRAGE_EINVAL;
	for (uint32_t i = 0; i < request->n_vectors; i++) {
		const struct mirage_vector *vector = &request->vectors[i];

		if (!aligned(vector->length_bytes, info->sector_bytes) ||
		    !aligned((uintptr_t)vector->base, info->buffer_align_bytes))
			return MIRAGE_EALIGN;
		if (vector->length_bytes > info->max_transfer_bytes - sum)
			return MIRAGE_ERANGE;
		sum += vector->length_bytes;
	}
	request->length_bytes = sum;
	return 0;
}

static int check_range(const struct mirage_block_info *info,
		       const struct mirage_block_request *request)
{
	uint64_t offset = request->offset_bytes, length = request->length_bytes;

	if (!aligned(offset, info->sector_bytes) ||
	    !aligned(length, info->sector_bytes))
		return MIRAGE_EALIGN;
	if (offset > info->size_bytes || length > info->size_bytes - offset)
		return MIRAGE_ERANGE;
	return 0;
}

/** Whether the device may do `op` at all. */
static int check_op(uint32_t caps, uint32_t op)
{
	static const uint32_t needs[] = {
		[MIRAGE_BLOCK_FLUSH] = MIRAGE_BLOCK_CAP_FLUSH,
		[MIRAGE_BLOCK_DISCARD] = MIRAGE_BLOCK_CAP_DISCARD,
		[MIRAGE_BLOCK_WRITE_ZEROES] = MIRAGE_BLOCK_CAP_WRITE_ZEROES,
	};

	if (op < MIRAGE_BLOCK_READ || op > MIRAGE_BLOCK_WRITE_ZEROES)
		return MIRAGE_EINVAL;
	if (op == MIRAGE_BLOCK_READ)
		return 0;
	if ((caps & MIRAGE_BLOCK_CAP_WRITE) == 0)
		return MIRAGE_EROFS;
	if (op != MIRAGE_BLOCK_WRITE && (caps & needs[op]) == 0)
		return MIRAGE_ENOTSUP;
	return 0;
}

static int check_request(const struct mirage_block *block,
			 struct mirage_block_request *request)
{
	const struct mirage_block_info *info = block->info;
	int error;

	if (!is_open(block))
		return MIRAGE_EGONE;
	error = check_op(info->caps, request->op);
	if (error < 0 || request->op == MIRAGE_BLOCK_FLUSH)
		return error;
	if (request->op <= MIRAGE_BLOCK_WRITE)
		error = check_vectors(info, request);
	else if (request->length_bytes > info->max_discard_bytes)
		error = MIRAGE_ERANGE;
	return error < 0 ? error : check_range(info, request);
}

/* ---------------------------------------------------------- Submitting -- */

static struct mirage_block_request *last_done;

static void queue_done(struct mirage_block_request *request, int result)
{
	request->state = REQUEST_DONE;
	request->result = result;
	request->next = NULL;
	if (core_done == NULL)
		core_done = request;
	else
		last_done->next = request;
	last_done = request;
	core_wake();
}

static void accept(struct mirage_block *block,
		   struct mirage_block_request *request)
{
	core_must(request->done != NULL, "LAW-05",
		  "a request was submitted without a completion");
	core_must(request->state == REQUEST_IDLE, "LAW-05",
		  "a request was submitted while it was in flight");
	request->state = REQUEST_BUSY;
	request->next = NULL;
	core.keeping++;
	/* A closed device may be gone before the request has completed. */
	request->block = core_state(block->state) != CORE_CLOSED ? block : NULL;
	if (request->block != NULL)
		block->pending++;
}

/** Hands waiting requests to the backend while it has room. */
static void feed(struct mirage_block *block)
{
	struct mirage_block_request *batch[BATCH];

	while (block->waiting != NULL && (block->state & CORE_LOST) == 0 &&
	       block->in_flight < block->info->queue_depth) {
		uint32_t room = block->info->queue_depth - block->in_flight;
		size_t n = 0;

		while (block->waiting != NULL && n < BATCH && n < room) {
			batch[n++] = block->waiting;
			block->waiting = block->waiting->next;
		}
		if (block->waiting == NULL)
			block->waiting_end = &block->waiting;
		block->in_flight += (uint32_t)n;
		block->ops->submit(block, batch, n);
	}
}

void mirage_block_submit(struct mirage_block *block,
			 struct mirage_block_request *const requests[],
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mirage_block_request *request = requests[i];
		int error;

		accept(block, request);
		error = check_request(block, request);
		block->counters->refused += error < 0;
		if (error < 0 || (request->op != MIRAGE_BLOCK_FLUSH &&
				  request->length_bytes == 0)) {
			queue_done(request, error);
			continue;
		}
		*block->waiting_end = request;
		block->waiting_end = &request->next;
	}
	feed(block);
}

/* ---------------------------------------------------------- Completing -- */

void mirage_core_block_complete(struct mirage_block_request *request,
				int result)
{
	struct mirage_block *block = request->block;

	if ((block->state & CORE_SHIMMED) != 0) {
		request->done(request->arg, result);
		return;
	}
	core_must(request->state == REQUEST_BUSY, "LAW-01",
		  "the backend completed a request that was not in flight");
	block->in_flight--;
	if (result < 0)
		block->counters->errors++;
	queue_done(request, result > 0 ? 0 : result);
	if (block->waiting != NULL)
		core.feed = true;
}

static void count(struct mirage_block_counters *counters,
		  const struct mirage_block_request *request)
{
	switch (request->op) {
	case MIRAGE_BLOCK_READ:
		counters->reads++;
		counters->read_bytes += request->length_bytes;
		break;
	case MIRAGE_BLOCK_WRITE:
		counters->writes++;
		counters->written_bytes += request->length_bytes;
		break;
	case MIRAGE_BLOCK_FLUSH:
		counters->flushes++;
		break;
	case MIRAGE_BLOCK_DISCARD:
		counters->discards++;
		break;
	default:
		counters->write_zeroes++;
	}
}

/** Asks the backend to close once it holds nothing, or cannot answer. */
static void close_if_drained(struct mirage_block *block)
{
	if (core_state(block->state) != CORE_CLOSING ||
	    (block->state & CORE_CLOSE_ASKED) != 0)
		return;
	if (block->pending != 0 &&
	    (block->state & (CORE_LOST | CORE_STALLED)) == 0)
		return;
	block->state |= CORE_CLOSE_ASKED;
	while (block->waiting != NULL) {
		struct mirage_block_request *request = block->waiting;

		block->waiting = request->next;
		queue_done(request, MIRAGE_EGONE);
	}
	block->waiting_end = &block->waiting;
	block->ops->close(block);
}

static void run_done(struct mirage_block_request *request)
{
	struct mirage_block *block = request->block;

	if (request->result == 0)
		count(block->counters, request);
	request->state = REQUEST_IDLE;
	core.keeping--;
	if (block != NULL)
		block->pending--;
	core_enter();
	request->done(request->arg, request->result);
	core_leave();
	if (block != NULL)
		close_if_drained(block);
}

void core_blocks_complete(void)
{
	struct mirage_block_request *list = core_done, *next;

	core_done = NULL;
	for (; list != NULL && !core.ended; list = next) {
		next = list->next;
		run_done(list);
	}
}

void core_blocks_feed(void)
{
	if (!core.feed)
		return;
	core.feed = false;
	for (struct mirage_block *b = core_blocks; b != NULL; b = b->next)
		feed(b);
}

/* -------------------------------------------------- Events and closing -- */

void mirage_block_on_event(struct mirage_block *block,
			   mirage_event_fn *on_event, void *arg)
{
	block->on_event = on_event;
	block->event_arg = arg;
}

void mirage_core_block_event(struct mirage_block *block, uint32_t event)
{
	if ((block->state & CORE_SHIMMED) != 0) {
		block->on_event(block->event_arg, event);
		return;
	}
	if (event == CORE_EVENT_STALLED) {
		block->state |= CORE_STALLED;
		close_if_drained(block);
		return;
	}
	if (event == MIRAGE_EVENT_LOST) {
		block->state |= CORE_LOST;
		close_if_drained(block);
	} else if (event == MIRAGE_EVENT_BACK) {
		block->state &= ~(uint32_t)CORE_LOST;
		core.feed = true;
	}
	block->events |= 1u << event;
	core.device_events = true;
	core_wake();
}

void mirage_block_close(struct mirage_block *block)
{
	if (!is_open(block))
		return;
	block->state =
		CORE_CLOSING | (block->state & (CORE_LOST | CORE_STALLED));
	core.keeping++;
	close_if_drained(block);
}

void mirage_core_block_closed(struct mirage_block *block)
{
	core_must((block->state & (CORE_CLOSE_ASKED | CORE_SHIMMED)) != 0,
		  "BLK-15", "the backend closed a block that nobody closed");
	core_must(block->in_flight == 0, "BLK-13",
		  "the backend closed a block with requests in flight");
	mirage_core_block_event(block, MIRAGE_EVENT_CLOSED);
}

static void unlink_block(struct mirage_block *block)
{
	struct mirage_block **at = &core_blocks;

	while (*at != block)
		at = &(*at)->next;
	*at = block->next;
	block->next = core_closed_blocks;
	core_closed_blocks = block;
	block->state = CORE_CLOSED;
	core.keeping--;
}

static void run_event(struct mirage_block *block, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		unlink_block(block);
	if (block->on_event == NULL)
		return;
	core_enter();
	block->on_event(block->event_arg, event);
	core_leave();
}

/** Runs what is pending; CLOSED waits for the last completion. Returns whether
 *  something has to wait. */
static bool run_events(struct mirage_block *block)
{
	uint32_t closed = 1u << MIRAGE_EVENT_CLOSED;
	uint32_t later = block->pending != 0 ? block->events & closed : 0;
	uint32_t events = block->events & ~later;

	block->events = later;
	for (uint32_t event = MIRAGE_EVENT_WRITABLE;
	     event <= MIRAGE_EVENT_CLOSED && !core.ended; event++)
		if ((events & (1u << event)) != 0)
			run_event(block, event);
	return later != 0;
}

void core_block_events(void)
{
	struct mirage_block *block = core_blocks, *next;
	bool later = false;

	for (; block != NULL; block = next) {
		next = block->next;
		later |= run_events(block);
	}
	core.device_events |= later;
}
