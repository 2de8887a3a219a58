/* SPDX-License-Identifier: ISC */
/*
 * wrap_block.c: bugs of blocks that the core would prevent. The linker's --wrap
 * puts these functions between the cases and the core; what a bug lets through
 * they make acceptable for the length of the call.
 */
#include "selftest.h"

#include <string.h>

#define OPENS 64u
#define REQUESTS 1024u
#define VECTORS 64u

void __real_mirage_block_submit(struct mirage_block *block,
				struct mirage_block_request *const requests[],
				size_t n);
void __wrap_mirage_block_submit(struct mirage_block *block,
				struct mirage_block_request *const requests[],
				size_t n);
void __real_mirage_block_close(struct mirage_block *block);
void __wrap_mirage_block_close(struct mirage_block *block);
void __real_mirage_block_open(const char *name, mirage_block_open_fn *done,
			      void *arg);
void __wrap_mirage_block_open(const char *name, mirage_block_open_fn *done,
			      void *arg);

/* -------------------------------------------------------------- Requests -- */

static bool is_transfer(const struct mirage_block_request *request)
{
	return request->op == MIRAGE_BLOCK_READ ||
	       request->op == MIRAGE_BLOCK_WRITE;
}

static uint64_t length_of(const struct mirage_block_request *request)
{
	uint64_t length = 0;

	if (!is_transfer(request))
		return request->length_bytes;
	for (uint32_t i = 0; i < request->n_vectors; i++)
		length += request->vectors[i].length_bytes;
	return length;
}

static void spoil_offset(const struct mirage_block_info *info,
			 struct mirage_block_request *request)
{
	uint64_t length = length_of(request), offset = request->offset_bytes;
	bool wraps = offset + length < offset;

	if (planted(BUG_BLOCK_PAST_END) && !wraps &&
	    offset + length > info->size_bytes)
		request->offset_bytes = 0;
	if (planted(BUG_BLOCK_WRAPS) && wraps)
		request->offset_bytes = 0;
	if (planted(BUG_BLOCK_MISALIGNED_OFFSET))
		request->offset_bytes -= offset % info->sector_bytes;
}

/* Gives the request other vectors, which the core lets pass. */
static void spoil_vectors(const struct mirage_block_info *info,
			  struct mirage_block_request *request)
{
	static struct mirage_vector other[VECTORS];
	static uint8_t spare[65536] __attribute__((aligned(4096)));

	if (!is_transfer(request) || request->n_vectors > VECTORS)
		return;
	if (request->n_vectors > 0)
		memcpy(other, request->vectors,
		       request->n_vectors * sizeof(other[0]));
	if (planted(BUG_BLOCK_NO_VECTORS) && request->n_vectors == 0) {
		other[0] = (struct mirage_vector){spare, 0};
		request->n_vectors = 1;
	} else if (planted(BUG_BLOCK_MISALIGNED_LENGTH)) {
		other[0].length_bytes -=
			other[0].length_bytes % info->sector_bytes;
	} else if (planted(BUG_BLOCK_MISALIGNED_ADDRESS) &&
		   (uintptr_t)other[0].base % info->buffer_align_bytes != 0) {
		other[0].base = spare;
	} else {
		return;
	}
	request->vectors = other;
}

static void spoil_op(struct mirage_block_request *request)
{
	bool off_page = is_transfer(request) && request->n_vectors > 0 &&
			(uintptr_t)request->vectors[0].base % 4096 != 0;

	if (planted(BUG_BLOCK_UNKNOWN_OP) &&
	    (request->op == 0 || request->op > MIRAGE_BLOCK_WRITE_ZEROES))
		request->op = MIRAGE_BLOCK_FLUSH;
	if ((planted(BUG_BLOCK_NEEDS_PAGES) && off_page) ||
	    (planted(BUG_BLOCK_ZERO_LENGTH) && length_of(request) == 0))
		request->op = UINT32_MAX;
}

static void ignore(void *arg, int result)
{
	(void)arg;
	(void)result;
}

/* The request whose completion hears of success instead of EGONE. */
static struct {
	mirage_done_fn *done;
	void *arg;
} deceived;

static void deceive(void *arg, int result)
{
	(void)arg;
	deceived.done(deceived.arg, result == MIRAGE_EGONE ? 0 : result);
}

static void spoil_done(struct mirage_block_request *request)
{
	if (planted(BUG_BLOCK_NULL_DONE) && request->done == NULL)
		request->done = ignore;
	if (planted(BUG_BLOCK_AFTER_CLOSE)) {
		deceived.done = request->done;
		deceived.arg = request->arg;
		request->done = deceive;
	}
}

/* ----------------------------------------------------------------- Limits -- */

static void spoil_limits(struct mirage_block_info *info)
{
	if (planted(BUG_BLOCK_TRANSFER_TOO_LARGE))
		info->max_transfer_bytes += info->sector_bytes;
	if (planted(BUG_BLOCK_TRANSFER_TOO_SMALL))
		info->max_transfer_bytes -= info->sector_bytes;
	if (planted(BUG_BLOCK_VECTORS_TOO_MANY))
		info->max_vectors++;
	if (planted(BUG_BLOCK_DISCARD_TOO_LARGE))
		info->max_discard_bytes *= 2;
	if (planted(BUG_BLOCK_IGNORES_READ_ONLY))
		info->caps |= MIRAGE_BLOCK_CAP_WRITE;
	if (planted(BUG_BLOCK_FLUSH_WITHOUT_CAP))
		info->caps |= MIRAGE_BLOCK_CAP_FLUSH;
}

/* As a file does that is written to behind its end. */
static void grow(struct mirage_block_info *info,
		 const struct mirage_block_request *request)
{
	uint64_t end = request->offset_bytes + length_of(request);

	if (planted(BUG_BLOCK_GROWS) && request->op == MIRAGE_BLOCK_WRITE &&
	    end > info->size_bytes && end < 2 * info->size_bytes)
		info->size_bytes = end;
}

static void restore_limits(struct mirage_block_info *info,
			   const struct mirage_block_info *before)
{
	uint64_t size_bytes = info->size_bytes;

	*info = *before;
	info->size_bytes = size_bytes;
}

static void submit(struct mirage_block *block,
		   struct mirage_block_request *const requests[], size_t n)
{
	struct mirage_block_request *reversed[REQUESTS];

	if (!planted(BUG_BLOCK_LAST_COME) || n > REQUESTS) {
		__real_mirage_block_submit(block, requests, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		reversed[n - 1 - i] = requests[i];
	__real_mirage_block_submit(block, reversed, n);
}

void __wrap_mirage_block_submit(struct mirage_block *block,
				struct mirage_block_request *const requests[],
				size_t n)
{
	struct mirage_block_info *info =
		(struct mirage_block_info *)(uintptr_t)block->info;
	struct mirage_block_info before = *info;
	uint64_t refused = block->counters->refused;

	for (size_t i = 0; i < n; i++) {
		if (planted(BUG_BLOCK_IN_FLIGHT_AGAIN) &&
		    requests[i]->state != 0)
			return;
		spoil_offset(info, requests[i]);
		spoil_vectors(info, requests[i]);
		spoil_op(requests[i]);
		spoil_done(requests[i]);
	}
	for (size_t i = 0; i < n; i++)
		grow(info, requests[i]);
	spoil_limits(info);
	submit(block, requests, n);
	restore_limits(info, &before);
	if (planted(BUG_BLOCK_REFUSED_UNCOUNTED))
		block->counters->refused = refused;
}

/* ------------------------------------------------------ Opening, closing -- */

void __wrap_mirage_block_close(struct mirage_block *block)
{
	/* 1 is the core's word for open. */
	if (planted(BUG_BLOCK_CLOSE_AGAIN) && (block->state & 3) != 1)
		block->on_event(block->event_arg, MIRAGE_EVENT_CLOSED);
	if (planted(BUG_BLOCK_CLOSE_DROPS))
		selftest_block_doom(block);
	__real_mirage_block_close(block);
}

struct block_open {
	mirage_block_open_fn *done;
	void *arg;
};

static void on_opened(void *arg, int result, struct mirage_block *block)
{
	static struct mirage_block *last;
	struct block_open *open = arg;

	if (planted(BUG_BLOCK_NAME_STAYS) && block != NULL && last != NULL) {
		result = MIRAGE_EBUSY;
		block = NULL;
	}
	if (block != NULL)
		last = block;
	if (planted(BUG_BLOCK_BUSY_MISSING) && result == MIRAGE_EBUSY) {
		block = last;
		result = 0;
	}
	if (planted(BUG_BLOCK_NAMES) && result == MIRAGE_EINVAL)
		result = MIRAGE_ENODEV;
	else if (planted(BUG_BLOCK_UNKNOWN_NAME) && result == MIRAGE_ENODEV)
		result = MIRAGE_EIO;
	open->done(open->arg, result, block);
}

void __wrap_mirage_block_open(const char *name, mirage_block_open_fn *done,
			      void *arg)
{
	static struct block_open opens[OPENS];
	static unsigned n;
	struct block_open *open = &opens[n++ % OPENS];

	*open = (struct block_open){done, arg};
	if (planted(BUG_BLOCK_OPENS_INSIDE))
		done(arg, MIRAGE_EINVAL, NULL);
	else if (done == NULL)
		__real_mirage_block_open(name, NULL, arg);
	else
		__real_mirage_block_open(name, on_opened, open);
}
