/* SPDX-License-Identifier: ISC */
/*
 * block_uring.c: reads, writes and flushes by io_uring. One ring per device, the
 * file registered as its number 0; the loop polls the ring's descriptor. A
 * system may be built with it and yet forbid it: see `unix_block_ring_init`.
 */
#include "block.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

struct unix_block_ring {
	struct io_uring ring;
	uv_poll_t poll;
	uv_timer_t retry;
	unsigned pushed; /* entries that the kernel has not been shown */
};

void unix_block_ring_push(struct unix_block_file *file,
			  struct mirage_block_request *request)
{
	/* As many entries as requests in flight: there is always one. */
	struct io_uring_sqe *sqe = io_uring_get_sqe(&file->ring->ring);
	uint64_t at = request->offset_bytes + *unix_block_progress(request);
	bool read = request->op == MIRAGE_BLOCK_READ;
	const struct iovec *vectors;
	struct iovec part;
	unsigned n;

	if (request->op == MIRAGE_BLOCK_FLUSH) {
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	} else {
		n = unix_block_rest(request, &part, &vectors);
		if (n == 1)
			io_uring_prep_rw(read ? IORING_OP_READ
					      : IORING_OP_WRITE,
					 sqe, 0, vectors->iov_base,
					 (unsigned)vectors->iov_len, at);
		else
			io_uring_prep_rw(read ? IORING_OP_READV
					      : IORING_OP_WRITEV,
					 sqe, 0, vectors, n, at);
	}
	io_uring_sqe_set_data(sqe, request);
	sqe->flags |= IOSQE_FIXED_FILE;
	file->ring->pushed++;
}

static void unix_ring_reap(struct unix_block_file *file)
{
	struct io_uring *ring = &file->ring->ring;
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		struct mirage_block_request *request =
			io_uring_cqe_get_data(cqe);
		int answer = cqe->res;

		io_uring_cqe_seen(ring, cqe);
		unix_block_advance(file, request, answer);
	}
}

static void unix_ring_retry(uv_timer_t *retry)
{
	unix_block_ring_enter(retry->data);
}

static void unix_ring_turn(struct unix_block_file *file)
{
	struct unix_block_ring *ring = file->ring;
	int taken = 0;

	do {
		if (ring->pushed > 0)
			taken = io_uring_submit(&ring->ring);
		if (taken > 0)
			ring->pushed -= (unsigned)taken;
		unix_ring_reap(file);
	} while (ring->pushed > 0 && taken > 0);
	/* The kernel is short of memory: the rest goes a little later. */
	if (ring->pushed > 0)
		uv_timer_start(&ring->retry, unix_ring_retry, 1, 0);
}

void unix_block_ring_enter(struct unix_block_file *file)
{
	if (file->ring->pushed > 0)
		unix_ring_turn(file);
}

static void unix_ring_ready(uv_poll_t *poll, int status, int events)
{
	unix_ring_turn(poll->data);
}

/** Whether the kernel's io_uring is young enough for what is used here. */
static int unix_ring_probe(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool able;

	if (probe == NULL)
		return -ENOSYS;
	able = io_uring_opcode_supported(probe, IORING_OP_READ) &&
	       io_uring_opcode_supported(probe, IORING_OP_WRITE);
	io_uring_free_probe(probe);
	return able ? 0 : -ENOSYS;
}

static int unix_ring_setup(struct unix_block_file *file, struct io_uring *ring)
{
	/* One thread, which comes by often: it needs no interrupts. */
	int error = io_uring_queue_init(UNIX_BLOCK_DEPTH, ring,
					IORING_SETUP_COOP_TASKRUN |
						IORING_SETUP_SINGLE_ISSUER);

	if (error == -EINVAL)
		error = io_uring_queue_init(UNIX_BLOCK_DEPTH, ring, 0);
	if (error < 0)
		return error;
	error = unix_ring_probe(ring);
	if (error == 0)
		error = io_uring_register_files(ring, &file->fd, 1);
	if (error < 0)
		io_uring_queue_exit(ring);
	return error;
}

int unix_block_ring_init(struct unix_block_file *file)
{
	struct unix_block_ring *ring = calloc(1, sizeof(*ring));
	int error = ring == NULL ? -ENOMEM : 0;

	if (error == 0)
		error = unix_ring_setup(file, &ring->ring);
	if (error < 0) {
		free(ring);
		return error;
	}
	error = uv_poll_init(unix_loop(), &ring->poll, ring->ring.ring_fd);
	if (error < 0) {
		io_uring_queue_exit(&ring->ring);
		free(ring);
		return error;
	}
	ring->poll.data = file;
	uv_poll_start(&ring->poll, UV_READABLE, unix_ring_ready);
	uv_timer_init(unix_loop(), &ring->retry);
	ring->retry.data = file;
	file->handles += 2;
	file->ring = ring;
	return 0;
}

void unix_block_ring_fini(struct unix_block_file *file)
{
	struct unix_block_ring *ring = file->ring;

	uv_close((uv_handle_t *)&ring->retry, unix_block_handle_closed);
	uv_close((uv_handle_t *)&ring->poll, unix_block_handle_closed);
	io_uring_queue_exit(&ring->ring);
}
