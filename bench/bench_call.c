/* SPDX-License-Identifier: ISC */
/*
 * bench_call.c: what the tables cost. A disk in memory is read by 4 KiB, through its
 * table and by calling its function, in a program that is optimised as a whole.
 * It is its own backend, so that nothing else is in the way. The price of the front
 * (checks, queue, completion) is a figure of its own.
 */
#include "bench.h"

#include <mirage-backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISK_BYTES (256 * 1024)
#define READ_BYTES 4096
#define ROUNDS 9
#define N_READS 200000

static uint8_t disk_bytes[DISK_BYTES], buffer[READ_BYTES];
static struct mirage_vector vector = {buffer, sizeof buffer};

/* ----------------------------------------------------------- The backend -- */

static void read_one(struct mirage_block_request *request)
{
	const struct mirage_vector *v = request->vectors;

	memcpy(v->base, disk_bytes + request->offset_bytes, v->length_bytes);
}

static bool completes; /* the front awaits it, the bare calls do not */

static void disk_submit(struct mirage_block *block,
			struct mirage_block_request *const requests[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		read_one(requests[i]);
		if (completes)
			mirage_core_block_complete(requests[i], 0);
	}
}

static void disk_close(struct mirage_block *block)
{
	mirage_core_block_closed(block);
}

static const struct mirage_block_ops disk_ops = {
	.size = sizeof disk_ops,
	.submit = disk_submit,
	.close = disk_close,
};
static const struct mirage_block_info disk_info = {
	.size = sizeof disk_info,
	.size_bytes = DISK_BYTES,
	.sector_bytes = 512,
	.physical_sector_bytes = 512,
	.buffer_align_bytes = 1,
	.max_vectors = 8,
	.max_transfer_bytes = 32768,
	.queue_depth = 32,
};
static struct mirage_block_counters disk_counters;
static struct mirage_block disk = {
	.ops = &disk_ops,
	.info = &disk_info,
	.counters = &disk_counters,
};

static void disk_open(struct mirage_open *open)
{
	mirage_core_block_opened(open, 0, &disk);
}

static int console_write(const void *bytes, size_t length)
{
	return (int)fwrite(bytes, 1, length, stdout);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	fprintf(stderr, "%.*s\n", (int)length, line);
}

static int64_t wall_ns(void)
{
	return 0;
}

static void wake_at(uint64_t deadline_ns)
{
}

static const struct mirage_console_ops console = {
	.size = sizeof console, .write = console_write, .log = console_log};
static const struct mirage_clock_info clock_info = {.size = sizeof clock_info,
						    .monotonic_resolution_ns =
							    1,
						    .wall_resolution_ns = 1};
static const struct mirage_clock_ops clock_ops = {.size = sizeof clock_ops,
						  .monotonic_ns = bench_now_ns,
						  .wall_ns = wall_ns,
						  .info = &clock_info};
static const struct mirage_time_ops time_ops = {.size = sizeof time_ops,
						.wake_at = wake_at};
static const struct mirage_ambient ambient = {.size = sizeof ambient,
					      .console = &console,
					      .clock = &clock_ops,
					      .time = &time_ops};

static int run(void)
{
	while (!mirage_core_ended())
		mirage_core_turn();
	return mirage_core_status();
}

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "bench",
	.ambient = &ambient,
	.run = run,
	.block_open = disk_open,
};

/* ------------------------------------------------------- The application -- */

static struct bench bare = {
	.name = "call_overhead_lto",
	.unit = "ns",
	.against = "a direct call of the same function",
};
static struct mirage_block_request request;
static unsigned n_reads;
static uint64_t front_start_ns;

static void on_done(void *arg, int result);

static void next_offset(void)
{
	request.offset_bytes =
		(request.offset_bytes + 5 * READ_BYTES) % DISK_BYTES;
}

static double through_table(struct mirage_block *block)
{
	struct mirage_block_request *list[1] = {&request};
	uint64_t start_ns = bench_now_ns();

	for (unsigned i = 0; i < N_READS; i++) {
		next_offset();
		block->ops->submit(block, list, 1);
	}
	return (double)(bench_now_ns() - start_ns) / N_READS;
}

static double directly(struct mirage_block *block)
{
	struct mirage_block_request *list[1] = {&request};
	uint64_t start_ns = bench_now_ns();

	for (unsigned i = 0; i < N_READS; i++) {
		next_offset();
		disk_submit(block, list, 1);
	}
	return (double)(bench_now_ns() - start_ns) / N_READS;
}

static void through_front(struct mirage_block *block)
{
	struct mirage_block_request *list[1] = {&request};

	next_offset();
	mirage_block_submit(block, list, 1);
}

static void on_done(void *arg, int result)
{
	bench_must(result == 0, "read");
	if (++n_reads < N_READS) {
		through_front(arg);
		return;
	}
	bench_print_lone("call_front",
			 (double)(bench_now_ns() - front_start_ns) / N_READS,
			 "ns");
	mirage_exit(0);
}

static void on_open(void *arg, int result, struct mirage_block *block)
{
	double value;

	bench_must(result == 0, "open");
	request = (struct mirage_block_request){
		.op = MIRAGE_BLOCK_READ,
		.n_vectors = 1,
		.vectors = &vector,
		.done = on_done,
		.arg = block,
	};
	directly(block);
	while (bare.n < ROUNDS) {
		value = through_table(block);
		bench_round(&bare, value, directly(block));
	}
	bench_print(&bare);
	completes = true;
	front_start_ns = bench_now_ns();
	through_front(block);
}

static int start(int argc, char *argv[])
{
	mirage_block_open("disk", on_open, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
