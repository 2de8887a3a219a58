/* SPDX-License-Identifier: ISC */
/*
 * bench_block.c: reads of a file of 1 GiB, by mirage.h and by the raw interface.
 * The file is made in the present directory, which must not be in memory, and
 * removed at the end. Floors run inside a callback, between two rounds.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <mirage.h>

#include <errno.h>
#include <fcntl.h>
#ifdef HAVE_LIBURING
#include <liburing.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "bench-block.img"
#define FILE_BYTES (1ull << 30)
/* Many and short: a round is over before the machine changes its mind. */
#define ROUNDS 63
#define DEPTH_MAX 32
#define LENGTH_MAX (1u << 20)

struct scenario {
	struct bench bench;
	bool direct;
	bool sequential;
	unsigned depth;
	unsigned length;
	unsigned count;
};

/* qd1 and the sequence are held against pread, depth against a raw ring. */
static struct scenario scenarios[] = {
	{{"block_randread_4k_qd1", "ops/s", "pread", 0, {0}, {0}},
	 false,
	 false,
	 1,
	 4096,
	 12000},
	{{"block_randread_4k_qd32", "ops/s", "raw io_uring", 0, {0}, {0}},
	 false,
	 false,
	 32,
	 4096,
	 12000},
	{{"block_direct_randread_4k_qd32",
	  "ops/s",
	  "raw io_uring, O_DIRECT",
	  0,
	  {0},
	  {0}},
	 true,
	 false,
	 32,
	 4096,
	 1600},
	{{"block_seqread_1m", "MB/s", "pread", 0, {0}, {0}},
	 false,
	 true,
	 1,
	 LENGTH_MAX,
	 1024},
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static unsigned char *buffers; /* DEPTH_MAX of LENGTH_MAX / DEPTH_MAX or one */
static struct mirage_block *disks[2];
static int fds[2];

/* ------------------------------------------------------------- The work -- */

static uint64_t random_state;

/** The offset of the next read; the same ones for both sides. */
static uint64_t next_offset(const struct scenario *s, unsigned i)
{
	if (s->sequential)
		return (uint64_t)i * s->length % FILE_BYTES;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % (FILE_BYTES / s->length) * s->length;
}

static double speed(const struct scenario *s, uint64_t start_ns)
{
	double count = s->count;

	return bench_per_second(s->sequential ? count * s->length / 1e6 : count,
				start_ns);
}

/* ----------------------------------------------------------- The floors -- */

static double floor_pread(const struct scenario *s)
{
	uint64_t start_ns = bench_now_ns();

	for (unsigned i = 0; i < s->count; i++)
		bench_must(pread(fds[s->direct], buffers, s->length,
				 (off_t)next_offset(s, i)) ==
				   (ssize_t)s->length,
			   "pread");
	return speed(s, start_ns);
}

#ifdef HAVE_LIBURING

static void floor_push(struct io_uring *ring, const struct scenario *s,
		       unsigned i, uint64_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, 0, buffers + slot * s->length, s->length,
			   next_offset(s, i));
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = slot;
}

static void floor_loop(struct io_uring *ring, const struct scenario *s)
{
	struct io_uring_cqe *cqe;
	unsigned i, done = 0;

	for (i = 0; i < s->depth; i++)
		floor_push(ring, s, i, i);
	while (done < s->count) {
		io_uring_submit_and_wait(ring, 1);
		while (io_uring_peek_cqe(ring, &cqe) == 0) {
			uint64_t slot = cqe->user_data;

			if (cqe->res != (int)s->length)
				abort();
			io_uring_cqe_seen(ring, cqe);
			done++;
			if (i < s->count)
				floor_push(ring, s, i++, slot);
		}
	}
}

static double floor_uring(const struct scenario *s)
{
	struct io_uring ring;
	uint64_t start_ns;
	double result;

	if (io_uring_queue_init(DEPTH_MAX, &ring,
				IORING_SETUP_COOP_TASKRUN |
					IORING_SETUP_SINGLE_ISSUER) != 0 &&
	    io_uring_queue_init(DEPTH_MAX, &ring, 0) != 0)
		return 0;
	io_uring_register_files(&ring, &fds[s->direct], 1);
	start_ns = bench_now_ns();
	floor_loop(&ring, s);
	result = speed(s, start_ns);
	io_uring_queue_exit(&ring);
	return result;
}

#else

static double floor_uring(const struct scenario *s)
{
	return 0;
}

#endif

static double measure_floor(const struct scenario *s)
{
	random_state = 88172645463325252u + s->bench.n;
	return s->depth == 1 ? floor_pread(s) : floor_uring(s);
}

/* ---------------------------------------------------------- Mirage's side -- */

static struct mirage_block_request requests[DEPTH_MAX];
static struct mirage_vector vectors[DEPTH_MAX];
static struct scenario *now = scenarios;
static unsigned submitted, completed;
static uint64_t round_start_ns;
static double round_floor;

static void round_over(void);

static void submit(struct mirage_block_request *request)
{
	request->offset_bytes = next_offset(now, submitted++);
	mirage_block_submit(disks[now->direct], &request, 1);
}

static void on_read(void *arg, int result)
{
	if (result != 0)
		abort();
	completed++;
	if (submitted < now->count)
		submit(arg);
	else if (completed == now->count)
		round_over();
}

static void round_start(void)
{
	/* Who comes first changes, lest the cache favour one. */
	if (now->bench.n % 2 == 0)
		round_floor = measure_floor(now);
	random_state = 88172645463325252u + now->bench.n;
	submitted = completed = 0;
	round_start_ns = bench_now_ns();
	for (unsigned i = 0; i < now->depth; i++) {
		vectors[i].base = buffers + i * now->length;
		vectors[i].length_bytes = now->length;
		requests[i].op = MIRAGE_BLOCK_READ;
		requests[i].n_vectors = 1;
		requests[i].vectors = &vectors[i];
		requests[i].done = on_read;
		requests[i].arg = &requests[i];
		submit(&requests[i]);
	}
}

static void scenario_over(void)
{
	bench_print(&now->bench);
	now++;
}

static void round_over(void)
{
	double value = speed(now, round_start_ns);

	if (now->bench.n % 2 != 0)
		round_floor = measure_floor(now);
	if (round_floor == 0) {
		bench_skip(now->bench.name, "no io_uring to compare with");
		now++;
	} else {
		bench_round(&now->bench, value, round_floor);
		if (now->bench.n == ROUNDS)
			scenario_over();
	}
	if (now == scenarios + SCENARIOS)
		mirage_exit(0);
	else
		round_start();
}

/* ------------------------------------------------------------- Beginning -- */

static void on_open(void *arg, int result, struct mirage_block *block)
{
	struct mirage_block **disk = arg;

	if (result != 0) {
		mirage_exit(1);
		return;
	}
	*disk = block;
	if (disks[0] != NULL && disks[1] != NULL)
		round_start();
}

static int start(int argc, char *argv[])
{
	mirage_block_open("cached", on_open, &disks[0]);
	mirage_block_open("direct", on_open, &disks[1]);
	return 0;
}

/** Writes the file, not of holes, to the disk; it stays in the cache. */
static void make_file(void)
{
	int fd = open(FILE_NAME, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	bench_must(fd >= 0, FILE_NAME);
	for (size_t i = 0; i < LENGTH_MAX; i++)
		buffers[i] = (unsigned char)(i * 2654435761u >> 13);
	for (uint64_t at = 0; at < FILE_BYTES; at += LENGTH_MAX) {
		memcpy(buffers, &at, sizeof(at));
		bench_must(write(fd, buffers, LENGTH_MAX) == LENGTH_MAX,
			   FILE_NAME);
	}
	bench_must(fsync(fd) == 0, FILE_NAME);
	close(fd);
}

int main(int argc, char *argv[])
{
	char *args[] = {argv[0],
			"--block",
			"cached=file:" FILE_NAME ",ro",
			"--block",
			"direct=file:" FILE_NAME ",ro,direct",
			NULL};
	int status;

	buffers = aligned_alloc(4096, LENGTH_MAX);
	bench_must(buffers != NULL, "memory");
	make_file();
	fds[0] = open(FILE_NAME, O_RDONLY);
	fds[1] = open(FILE_NAME, O_RDONLY | O_DIRECT);
	bench_must(fds[0] >= 0 && fds[1] >= 0, FILE_NAME);
	status = mirage_run(5, args, start);
	unlink(FILE_NAME);
	return status;
}
