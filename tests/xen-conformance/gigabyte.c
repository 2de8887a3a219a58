/* SPDX-License-Identifier: ISC */
/*
 * gigabyte.c: a guest that writes and reads a disk over and over, 1 GiB in all, and
 * finds every byte as it was; prints the sum of the last content, for dom0 to
 * compare with the disk's file.
 */
#include <mirage.h>

#include "traffic.h"

#include <stdio.h>
#include <string.h>

#define PIECE (128u << 10)
#define DEPTH 8u
#define TOTAL (1ull << 30)

static struct mirage_block *disk;
static struct piece {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint8_t bytes[PIECE];
} pieces[DEPTH];
static uint8_t expected[PIECE];
static uint64_t next, done, round_, size, moved;
static uint64_t sum = TRAFFIC_SUM_START;
static bool reading;

static uint64_t seed(uint64_t offset)
{
	return round_ << 32 | offset / PIECE;
}

static void fail(const char *why, uint64_t offset)
{
	printf("not ok: %s at %llu in round %llu\n", why,
	       (unsigned long long)offset, (unsigned long long)round_);
	mirage_exit(1);
}

static void submit(struct piece *piece);

static void turn_around(void)
{
	next = done = 0;
	reading = !reading;
	round_ += !reading;
	if (moved >= TOTAL && !reading) {
		for (uint64_t at = 0; at < size; at += PIECE) {
			round_--;
			traffic_fill(expected, PIECE, seed(at));
			round_++;
			sum = traffic_sum(sum, expected, PIECE);
		}
		printf("moved %llu sum %016llx\n", (unsigned long long)moved,
		       (unsigned long long)sum);
		mirage_block_close(disk);
		return;
	}
	for (unsigned i = 0; i < DEPTH; i++)
		submit(&pieces[i]);
}

static void completed(void *arg, int result)
{
	struct piece *piece = arg;
	uint64_t offset = piece->request.offset_bytes;

	if (result < 0) {
		fail(mirage_strerror(result), offset);
		return;
	}
	if (reading) {
		traffic_fill(expected, PIECE, seed(offset));
		if (memcmp(expected, piece->bytes, PIECE) != 0) {
			fail("another content", offset);
			return;
		}
	}
	moved += PIECE;
	done += PIECE;
	if (next < size)
		submit(piece);
	else if (done == size)
		turn_around();
}

static void submit(struct piece *piece)
{
	struct mirage_block_request *request = &piece->request;

	if (!reading)
		traffic_fill(piece->bytes, PIECE, seed(next));
	else
		memset(piece->bytes, 0, PIECE);
	piece->vector = (struct mirage_vector){piece->bytes, PIECE};
	*request = (struct mirage_block_request){
		.op = reading ? MIRAGE_BLOCK_READ : MIRAGE_BLOCK_WRITE,
		.n_vectors = 1,
		.vectors = &piece->vector,
		.offset_bytes = next,
		.done = completed,
		.arg = piece};
	next += PIECE;
	mirage_block_submit(disk, &request, 1);
}

static void on_open(void *arg, int result, struct mirage_block *opened)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	disk = opened;
	size = disk->info->size_bytes;
	if (disk->info->max_transfer_bytes < PIECE || size < DEPTH * PIECE ||
	    size % PIECE != 0) {
		printf("not ok: a disk of %llu bytes\n",
		       (unsigned long long)size);
		mirage_exit(1);
		return;
	}
	for (unsigned i = 0; i < DEPTH; i++)
		submit(&pieces[i]);
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
