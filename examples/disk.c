/* SPDX-License-Identifier: ISC */
/*
 * disk: copies the block device "from" to the block device "to" and prints the
 * SHA-256 of what it copied, which equals `sha256sum` of the file behind it.
 *
 * A window of pieces is in flight, each with memory and a request of its own:
 * read, added to the sum in its turn, written, then read a window further on.
 * So memory is bounded and the queues are deep.
 */
#include "sha256.h"

#include <mirage.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WINDOW 32u
#define PIECE_BYTES (128u * 1024)

struct piece {
	struct mirage_block_request request;
	struct mirage_vector vector;
	bool is_read; /* and not yet in the sum */
	_Alignas(4096) uint8_t bytes[PIECE_BYTES];
};

static struct piece window[WINDOW];
static struct mirage_block_request flush;
static struct mirage_block *from, *to;
static struct sha256 sha;
static uint64_t size_bytes, summed_bytes, written_bytes, started_ns;
static uint32_t piece_bytes;
static unsigned tenths;

static void say(const char *format, ...) MIRAGE_PRINTF(1, 2);

static void say(const char *format, ...)
{
	char text[160];
	va_list list;
	int length, taken;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	taken = mirage_console_write(text, (size_t)length);
	if (taken != length)
		mirage_log(MIRAGE_LOG_WARN, "console: %s: %s",
			   mirage_strerror(taken < 0 ? taken : MIRAGE_EAGAIN),
			   text);
}

static void fail(const struct mirage_block *block, const char *what,
		 uint64_t offset, int error)
{
	say("\n");
	mirage_log(MIRAGE_LOG_ERROR, "block '%s': %s at %" PRIu64 ": %s",
		   block->name, what, offset, mirage_strerror(error));
	mirage_exit(1);
}

static void on_flushed(void *arg, int result)
{
	uint64_t ms = (mirage_clock_monotonic_ns() - started_ns) / 1000000;
	char hex[65];

	if (result < 0) {
		fail(to, "flush", 0, result);
		return;
	}
	sha256_end(&sha, hex);
	say("\ncopied and flushed in %" PRIu64 " ms\nSHA-256 %s\n", ms, hex);
	mirage_exit(0);
}

static void finish(void)
{
	struct mirage_block_request *request = &flush;

	flush.op = MIRAGE_BLOCK_FLUSH;
	flush.done = on_flushed;
	if (to->info->caps & MIRAGE_BLOCK_CAP_FLUSH)
		mirage_block_submit(to, &request, 1);
	else
		on_flushed(NULL, 0);
}

/* A line that only grows reads well on a terminal and in a log. */
static void report(void)
{
	while (tenths < written_bytes * 10 / size_bytes)
		say(" %u%%", ++tenths * 10);
}

static struct mirage_block_request *
prepare(struct piece *piece, uint32_t op, uint64_t offset, mirage_done_fn *done)
{
	uint64_t left = size_bytes - offset;

	piece->vector.base = piece->bytes;
	piece->vector.length_bytes = left < piece_bytes ? left : piece_bytes;
	piece->request = (struct mirage_block_request){
		.op = op,
		.n_vectors = 1,
		.vectors = &piece->vector,
		.offset_bytes = offset,
		.done = done,
		.arg = piece,
	};
	return &piece->request;
}

static void on_read(void *arg, int result);

static void on_written(void *arg, int result)
{
	struct piece *piece = arg;
	struct mirage_block_request *request = &piece->request;
	uint64_t next = request->offset_bytes + (uint64_t)WINDOW * piece_bytes;

	if (result < 0) {
		fail(to, "write", request->offset_bytes, result);
		return;
	}
	written_bytes += piece->vector.length_bytes;
	report();
	if (written_bytes == size_bytes) {
		finish();
	} else if (next < size_bytes) {
		prepare(piece, MIRAGE_BLOCK_READ, next, on_read);
		mirage_block_submit(from, &request, 1);
	}
}

/* Reads end in any order; the sum takes them in the order of the bytes. */
static void sum_and_write(void)
{
	struct mirage_block_request *batch[WINDOW];
	struct piece *piece;
	size_t n = 0;

	while (piece = &window[summed_bytes / piece_bytes % WINDOW],
	       piece->is_read) {
		piece->is_read = false;
		sha256_add(&sha, piece->bytes, piece->vector.length_bytes);
		batch[n++] = prepare(piece, MIRAGE_BLOCK_WRITE, summed_bytes,
				     on_written);
		summed_bytes += piece->vector.length_bytes;
	}
	mirage_block_submit(to, batch, n);
}

static void on_read(void *arg, int result)
{
	struct piece *piece = arg;

	if (result < 0) {
		fail(from, "read", piece->request.offset_bytes, result);
		return;
	}
	piece->is_read = true;
	sum_and_write();
}

static void begin(void)
{
	struct mirage_block_request *batch[WINDOW];
	uint64_t offset = 0;
	size_t n;

	sha256_init(&sha);
	started_ns = mirage_clock_monotonic_ns();
	say("copying %" PRIu64 " bytes:", size_bytes);
	for (n = 0; n < WINDOW && offset < size_bytes; n++) {
		batch[n] =
			prepare(&window[n], MIRAGE_BLOCK_READ, offset, on_read);
		offset += piece_bytes;
	}
	mirage_block_submit(from, batch, n);
	if (size_bytes == 0)
		finish();
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The devices need not agree on their sizes, sectors and limits. */
static bool devices_match(void)
{
	const struct mirage_block_info *source = from->info, *target = to->info;
	uint32_t sector = source->sector_bytes > target->sector_bytes
				  ? source->sector_bytes
				  : target->sector_bytes;

	size_bytes = source->size_bytes;
	piece_bytes = least(PIECE_BYTES, least(source->max_transfer_bytes,
					       target->max_transfer_bytes));
	piece_bytes -= piece_bytes % sector;
	if (size_bytes % sector != 0 || piece_bytes == 0) {
		mirage_log(
			MIRAGE_LOG_ERROR,
			"block 'to' has sectors of %u bytes, and the %" PRIu64
			" bytes of block 'from' do not fill them",
			target->sector_bytes, size_bytes);
		return false;
	}
	if (target->size_bytes < size_bytes) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "block 'to' has %" PRIu64 " bytes, fewer than the "
			   "%" PRIu64 " of block 'from': give a larger one",
			   target->size_bytes, size_bytes);
		return false;
	}
	return true;
}

static void on_to(void *arg, int result, struct mirage_block *block)
{
	to = block;
	if (result == 0 && devices_match())
		begin();
	else
		mirage_exit(1); /* the log says why */
}

static void on_from(void *arg, int result, struct mirage_block *block)
{
	from = block;
	if (result == 0)
		mirage_block_open("to", on_to, NULL);
	else
		mirage_exit(1);
}

/* Half a copy is not a success. */
static void on_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	mirage_log(MIRAGE_LOG_ERROR,
		   "stopped: %" PRIu64 " of %" PRIu64 " bytes are copied",
		   written_bytes, size_bytes);
	mirage_exit(1);
}

static int start(int argc, char *argv[])
{
	if (argc > 1) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "unknown argument '%s'; see --help", argv[1]);
		return 2;
	}
	mirage_on_event(on_event, NULL);
	mirage_block_open("from", on_from, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
