/* SPDX-License-Identifier: ISC */
/*
 * block_pool.c: requests done in libuv's threads. Discards and zeroes always
 * come here, as they may need several calls; the rest where there is no ring.
 * The threads call the host only, never the core.
 */
#define _GNU_SOURCE
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Aligned for O_DIRECT. */
static _Alignas(4096) const unsigned char unix_pool_zeroes[65536];

static int unix_pool_transfer(const struct unix_block_file *file,
			      struct mirage_block_request *request)
{
	uint64_t *done = unix_block_progress(request);

	while (*done < request->length_bytes) {
		const struct iovec *vectors;
		struct iovec part;
		int n = (int)unix_block_rest(request, &part, &vectors);
		off_t at = (off_t)(request->offset_bytes + *done);
		ssize_t count = request->op == MIRAGE_BLOCK_READ
					? preadv(file->fd, vectors, n, at)
					: pwritev(file->fd, vectors, n, at);

		if (count == 0)
			return UNIX_BLOCK_EOF;
		if (count > 0)
			*done += (uint64_t)count;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

static int unix_pool_discard(const struct unix_block_file *file,
			     const struct mirage_block_request *request)
{
	uint64_t range[2] = {request->offset_bytes, request->length_bytes};
	int error;

	if (file->is_device)
		error = ioctl(file->fd, BLKDISCARD, range);
	else
		error = fallocate(file->fd,
				  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (off_t)range[0], (off_t)range[1]);
	return error == 0 ? 0 : errno;
}

static int unix_pool_write_zeroes(const struct unix_block_file *file,
				  struct mirage_block_request *request)
{
	uint64_t *done = unix_block_progress(request);

	while (*done < request->length_bytes) {
		uint64_t left = request->length_bytes - *done;
		ssize_t count = pwrite(file->fd, unix_pool_zeroes,
				       left < sizeof(unix_pool_zeroes)
					       ? (size_t)left
					       : sizeof(unix_pool_zeroes),
				       (off_t)(request->offset_bytes + *done));

		if (count > 0)
			*done += (uint64_t)count;
		else if (count == 0 || errno != EINTR)
			return count == 0 ? EIO : errno;
	}
	return 0;
}

static int unix_pool_zero(struct unix_block_file *file,
			  struct mirage_block_request *request)
{
	int error;

	if (!__atomic_load_n(&file->lacks_zeroing, __ATOMIC_RELAXED)) {
		error = fallocate(file->fd,
				  FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				  (off_t)request->offset_bytes,
				  (off_t)request->length_bytes);
		if (error == 0)
			return 0;
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return errno;
		/* Threads may race here: they all write the same. */
		__atomic_store_n(&file->lacks_zeroing, true, __ATOMIC_RELAXED);
	}
	return unix_pool_write_zeroes(file, request);
}

static void unix_pool_run(uv_work_t *uv)
{
	struct unix_block_work *work = uv->data;

	switch (work->request->op) {
	case MIRAGE_BLOCK_FLUSH:
		work->error = fdatasync(work->file->fd) == 0 ? 0 : errno;
		break;
	case MIRAGE_BLOCK_DISCARD:
		work->error = unix_pool_discard(work->file, work->request);
		break;
	case MIRAGE_BLOCK_WRITE_ZEROES:
		work->error = unix_pool_zero(work->file, work->request);
		break;
	default:
		work->error = unix_pool_transfer(work->file, work->request);
	}
}

static void unix_pool_ran(uv_work_t *uv, int status)
{
	struct unix_block_work *work = uv->data;
	struct unix_block_file *file = work->file;
	int error = status == 0 ? work->error : ECANCELED;

	work->next = file->free_work;
	file->free_work = work;
	unix_block_finish(file, work->request, error);
}

void unix_block_pool_push(struct unix_block_file *file,
			  struct mirage_block_request *request)
{
	/* As many as requests in flight: there is always one. */
	struct unix_block_work *work = file->free_work;

	file->free_work = work->next;
	work->request = request;
	uv_queue_work(unix_loop(), &work->work, unix_pool_run, unix_pool_ran);
}

void unix_block_pool_init(struct unix_block_file *file)
{
	for (size_t i = UNIX_BLOCK_DEPTH; i-- > 0;) {
		struct unix_block_work *work = &file->works[i];

		work->work.data = work;
		work->file = file;
		work->next = file->free_work;
		file->free_work = work;
	}
}
