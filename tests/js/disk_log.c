/* SPDX-License-Identifier: ISC */
/*
 * disk_log [expect=N] [records=N]: what a disk keeps when its program is killed.
 *
 * Record i is 4 KiB that tell i and are checksummed, in slot i modulo the number of
 * slots. The program reads all slots, looks whether every record up to `expect` is
 * there or one that came later in its slot, and says "found I": the last. Then it
 * writes on from `expect`, as later ones may have holes, a batch at a time and a
 * flush behind each, and says "flushed I" when the flush has completed: without
 * end, or `records` more.
 */
#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 4096u
#define WORDS (RECORD_BYTES / 4)
#define SLOTS 512u
#define BATCH 16u

struct record {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint32_t words[WORDS];
};

static struct record batch[BATCH];
static struct mirage_block_request flush;
static struct mirage_block *disk;
static uint32_t slot, found, last, expect, records = UINT32_MAX, busy;

static void say(const char *what, uint32_t number)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %lu\n", what, (unsigned long)number);
	mirage_console_write(text, strlen(text));
}

static void fail(const char *what, int result)
{
	mirage_log(MIRAGE_LOG_ERROR, "%s: %s", what, mirage_strerror(result));
	mirage_exit(1);
}

/* -------------------------------------------------------------- Records -- */

static uint32_t checksum(const uint32_t *words)
{
	uint32_t sum = 2166136261u;

	for (unsigned i = 0; i < WORDS - 1; i++)
		sum = (sum ^ words[i]) * 16777619u;
	return sum;
}

static void fill(uint32_t *words, uint32_t number)
{
	for (unsigned i = 0; i < WORDS - 1; i++)
		words[i] = number + i * i * (number | 1);
	words[WORDS - 1] = checksum(words);
}

/** The record's number, or 0 when there is none. */
static uint32_t number_of(const uint32_t *words)
{
	return words[WORDS - 1] == checksum(words) ? words[0] : 0;
}

/** The last record up to `expect` that went to `at`, or 0. */
static uint32_t expected_in(uint32_t at)
{
	uint32_t back = (expect + SLOTS - at) % SLOTS;

	return expect > back ? expect - back : 0;
}

static void submit(uint32_t i, uint32_t op, uint32_t at, mirage_done_fn *done)
{
	struct mirage_block_request *request = &batch[i].request;

	batch[i].vector = (struct mirage_vector){batch[i].words, RECORD_BYTES};
	memset(request, 0, sizeof(*request));
	request->op = op;
	request->vectors = &batch[i].vector;
	request->n_vectors = 1;
	request->offset_bytes = (uint64_t)at * RECORD_BYTES;
	request->done = done;
	request->arg = &batch[i];
	busy++;
	mirage_block_submit(disk, &request, 1);
}

/* -------------------------------------------------------------- Writing -- */

static void write_batch(void);

static void on_flushed(void *arg, int result)
{
	if (result < 0) {
		fail("flush", result);
		return;
	}
	say("flushed", last);
	if (records == 0)
		mirage_block_close(disk);
	else
		write_batch();
}

static void on_written(void *arg, int result)
{
	struct mirage_block_request *request = &flush;

	if (result < 0) {
		fail("write", result);
		return;
	}
	if (--busy != 0)
		return;
	memset(request, 0, sizeof(*request));
	request->op = MIRAGE_BLOCK_FLUSH;
	request->done = on_flushed;
	mirage_block_submit(disk, &request, 1);
}

static void write_batch(void)
{
	uint32_t n = records < BATCH ? records : BATCH;

	records -= records == UINT32_MAX ? 0 : n;
	for (uint32_t i = 0; i < n; i++) {
		fill(batch[i].words, ++last);
		submit(i, MIRAGE_BLOCK_WRITE, last % SLOTS, on_written);
	}
}

/* -------------------------------------------------------------- Looking -- */

static void on_read(void *arg, int result)
{
	struct record *record = arg;
	uint32_t at = (uint32_t)(record->request.offset_bytes / RECORD_BYTES);
	uint32_t number = number_of(record->words);

	if (result < 0) {
		fail("read", result);
		return;
	}
	busy--;
	if (number < expected_in(at)) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "slot %lu has record %lu and lost %lu",
			   (unsigned long)at, (unsigned long)number,
			   (unsigned long)expected_in(at));
		mirage_exit(1);
		return;
	}
	found = number > found ? number : found;
	if (slot < SLOTS) {
		submit((uint32_t)(record - batch), MIRAGE_BLOCK_READ, slot++,
		       on_read);
		return;
	}
	if (busy != 0)
		return;
	say("found", found);
	last = expect;
	if (records == 0)
		mirage_block_close(disk);
	else
		write_batch();
}

static void on_opened(void *arg, int result, struct mirage_block *block)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	disk = block;
	while (slot < BATCH) {
		uint32_t i = slot++;

		submit(i, MIRAGE_BLOCK_READ, i, on_read);
	}
}

static int start(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "expect=", 7) == 0)
			expect = (uint32_t)strtoul(argv[i] + 7, NULL, 10);
		else if (strncmp(argv[i], "records=", 8) == 0)
			records = (uint32_t)strtoul(argv[i] + 8, NULL, 10);
		else
			return MIRAGE_EINVAL;
	}
	mirage_block_open("disk", on_opened, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
