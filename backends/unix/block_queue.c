/* SPDX-License-Identifier: ISC */
/*
 * block_queue.c: who does a request. `submit` only collects; the kick, which
 * runs before the loop waits, sees all that a turn of the application asked for
 * and picks the cheapest way: a system call here for what the page cache answers
 * at once, one io_uring_enter for the rest, or another thread.
 */
#define _GNU_SOURCE
#include "block.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* So many writes of a batch are done by a system call each. */
#define UNIX_BLOCK_FEW 4

_Static_assert(sizeof(struct mirage_vector) == sizeof(struct iovec) &&
		       offsetof(struct mirage_vector, length_bytes) ==
			       offsetof(struct iovec, iov_len),
	       "a mirage_vector is handed to the host as an iovec");

unsigned unix_block_rest(struct mirage_block_request *request,
			 struct iovec *part, const struct iovec **vectors)
{
	const struct iovec *all = (const struct iovec *)request->vectors;
	uint64_t done = *unix_block_progress(request);
	uint32_t i = 0;

	for (; i + 1 < request->n_vectors && done >= all[i].iov_len; i++)
		done -= all[i].iov_len;
	if (done == 0) {
		*vectors = &all[i];
		return request->n_vectors - i;
	}
	part->iov_base = (char *)all[i].iov_base + done;
	part->iov_len = all[i].iov_len - done;
	*vectors = part;
	return 1;
}

/** What the world's errors are to the application. Others say that nothing was
 *  done, which after a failure of the host nobody knows. */
static int unix_block_result(int error)
{
	switch (error) {
	case 0:
		return 0;
	case ENOSPC:
	case EDQUOT:
		return MIRAGE_ENOSPC;
	case ENOMEM:
		return MIRAGE_ENOMEM;
	default:
		return MIRAGE_EIO;
	}
}

static const char *unix_block_op_name(uint32_t op)
{
	static const char *const names[] = {
		[MIRAGE_BLOCK_READ] = "read",
		[MIRAGE_BLOCK_WRITE] = "write",
		[MIRAGE_BLOCK_FLUSH] = "flush",
		[MIRAGE_BLOCK_DISCARD] = "discard",
		[MIRAGE_BLOCK_WRITE_ZEROES] = "write of zeroes",
	};

	return names[op];
}

/* The host cannot discard after all: the capability goes. */
static void unix_block_lose_discard(struct unix_block_file *file)
{
	if ((file->info.caps & MIRAGE_BLOCK_CAP_DISCARD) == 0)
		return;
	file->info.caps &= ~(uint32_t)MIRAGE_BLOCK_CAP_DISCARD;
	mirage_core_block_event(&file->block, MIRAGE_EVENT_CAPS);
}

void unix_block_finish(struct unix_block_file *file,
		       struct mirage_block_request *request, int error)
{
	if (request->op == MIRAGE_BLOCK_DISCARD && error == EOPNOTSUPP) {
		unix_block_lose_discard(file);
		mirage_core_block_complete(request, MIRAGE_ENOTSUP);
		return;
	}
	if (error != 0)
		mirage_log(MIRAGE_LOG_WARN, "block '%s': %s at %" PRIu64 ": %s",
			   file->block.name, unix_block_op_name(request->op),
			   request->offset_bytes,
			   error == UNIX_BLOCK_EOF ? "the file ends before it"
						   : strerror(error));
	if (error == UNIX_BLOCK_EOF)
		unix_block_resize_check(file);
	mirage_core_block_complete(request, unix_block_result(error));
}

/** Hands a request to whoever may wait for it. */
static void unix_block_push(struct unix_block_file *file,
			    struct mirage_block_request *request)
{
	if (file->ring != NULL && request->op <= MIRAGE_BLOCK_FLUSH)
		unix_block_ring_push(file, request);
	else
		unix_block_pool_push(file, request);
}

void unix_block_advance(struct unix_block_file *file,
			struct mirage_block_request *request, int64_t answer)
{
	uint64_t *done = unix_block_progress(request);

	if (answer == -EINTR || answer == -EAGAIN) {
		unix_block_pool_push(file, request);
		return;
	}
	if (answer < 0 || request->op == MIRAGE_BLOCK_FLUSH) {
		unix_block_finish(file, request, (int)-answer);
		return;
	}
	*done += (uint64_t)answer;
	if (*done == request->length_bytes)
		unix_block_finish(file, request, 0);
	else if (answer == 0)
		unix_block_finish(file, request, UNIX_BLOCK_EOF);
	else
		unix_block_push(file, request);
}

/** Does what the page cache can do at once; returns false if something is left. */
static bool unix_block_inline(struct unix_block_file *file,
			      struct mirage_block_request *request)
{
	bool read = request->op == MIRAGE_BLOCK_READ;
	const struct iovec *vectors;
	struct iovec part;
	unsigned n = unix_block_rest(request, &part, &vectors);
	ssize_t count;

	if (read && file->lacks_nowait)
		return false;
	if (read)
		count = preadv2(file->fd, vectors, (int)n,
				(off_t)request->offset_bytes, RWF_NOWAIT);
	else
		count = pwritev(file->fd, vectors, (int)n,
				(off_t)request->offset_bytes);
	if (count < 0 && read && (errno == EOPNOTSUPP || errno == ENOSYS))
		file->lacks_nowait = true;
	/* What failed or fell short meets its cause once more on the long way. */
	if (count <= 0)
		return false;
	*unix_block_progress(request) = (uint64_t)count;
	if ((uint64_t)count < request->length_bytes)
		return false;
	mirage_core_block_complete(request, 0);
	return true;
}

/*
 * A read is tried here until one of the batch misses the cache: then the rest
 * goes to the ring together. A write is done here if there are few: each goes to
 * the cache, but a long row of them would keep the loop from its networks.
 */
static bool unix_block_wants_inline(const struct unix_block_file *file,
				    const struct mirage_block_request *request,
				    size_t n, bool missed)
{
	if (file->direct || request->op > MIRAGE_BLOCK_WRITE)
		return false;
	if (request->op == MIRAGE_BLOCK_READ)
		return !missed || file->ring == NULL;
	return n <= UNIX_BLOCK_FEW;
}

/*
 * A write behind the end would make a truncated file grow again, so the size is
 * looked at before a batch that writes. Nothing was done for what is refused
 * here.
 */
static bool unix_block_beyond(const struct unix_block_file *file,
			      const struct mirage_block_request *request)
{
	uint64_t size = file->info.size_bytes;

	return request->op != MIRAGE_BLOCK_READ &&
	       request->op != MIRAGE_BLOCK_FLUSH &&
	       (request->offset_bytes > size ||
		request->length_bytes > size - request->offset_bytes);
}

static void unix_block_hand_over(struct unix_block_file *file, size_t n)
{
	bool missed = false;

	for (size_t i = 0; i < n; i++) {
		struct mirage_block_request *request = file->todo[i];

		if (unix_block_beyond(file, request)) {
			mirage_core_block_complete(request, MIRAGE_ERANGE);
			continue;
		}
		if (unix_block_wants_inline(file, request, n, missed)) {
			if (unix_block_inline(file, request))
				continue;
			missed |= request->op == MIRAGE_BLOCK_READ;
		}
		unix_block_push(file, request);
	}
}

static void unix_block_kick(struct unix_kick *kick)
{
	struct unix_block_file *file =
		(struct unix_block_file *)((char *)kick -
					   offsetof(struct unix_block_file,
						    kick));
	size_t n = file->n_todo;
	bool changes = false;

	file->n_todo = 0;
	for (size_t i = 0; i < n; i++)
		changes |= file->todo[i]->op != MIRAGE_BLOCK_READ;
	if (changes)
		unix_block_resize_check(file);
	unix_block_hand_over(file, n);
	if (file->ring != NULL)
		unix_block_ring_enter(file);
}

void unix_block_queue_submit(struct mirage_block *block,
			     struct mirage_block_request *const requests[],
			     size_t n)
{
	struct unix_block_file *file = (struct unix_block_file *)block;

	for (size_t i = 0; i < n; i++) {
		*unix_block_progress(requests[i]) = 0;
		file->todo[file->n_todo++] = requests[i];
	}
	unix_kick(&file->kick);
}

void unix_block_queue_init(struct unix_block_file *file)
{
	file->kick.run = unix_block_kick;
}
