/* SPDX-License-Identifier: ISC */
/*
 * blockapp.c: does to disks what its standard input says, a line for each, and
 * answers with a line. For the tests of the block devices of any backend.
 *
 *	open NAME               info NAME            close NAME
 *	read NAME AT LENGTH PIECES                   hash of what was read
 *	write NAME AT LENGTH PIECES SEED             bytes made from SEED
 *	flush NAME   discard NAME AT LENGTH          zero NAME AT LENGTH
 *	deep NAME COUNT LENGTH  COUNT reads at once  counters NAME
 *
 * Answers begin with the command and the name; events are "event NAME EVENT".
 */
#include <mirage.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 256
#define DISKS_MAX 4

struct disk {
	char name[32];
	struct mirage_block *block;
};

/* One command under way: what it asked for and what has come back. */
struct job {
	struct disk *disk;
	char command[16];
	unsigned char *bytes;
	size_t length, count, left;
	struct mirage_block_request *requests, **pointers;
	struct mirage_vector *vectors;
	int result;
};

static struct disk disks[DISKS_MAX];

static void say(const char *format, ...) MIRAGE_PRINTF(1, 2);

static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (mirage_console_write(line, (size_t)length) != length)
		abort();
}

/* FNV-1a over words of eight bytes: position counts. */
static uint64_t hash(const unsigned char *bytes, size_t length)
{
	uint64_t sum = 0xcbf29ce484222325u, word;

	for (size_t i = 0; i + 8 <= length; i += 8) {
		memcpy(&word, bytes + i, 8);
		sum = (sum ^ word) * 0x100000001b3u;
	}
	return sum;
}

static void fill(unsigned char *bytes, size_t length, uint64_t seed)
{
	for (size_t i = 0; i + 8 <= length; i += 8) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		memcpy(bytes + i, &seed, 8);
	}
}

/* ----------------------------------------------------------------- Disks -- */

static struct disk *find(const char *name)
{
	for (struct disk *d = disks; d < disks + DISKS_MAX; d++)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

static void say_info(const char *command, const struct disk *disk)
{
	const struct mirage_block_info *i = disk->block->info;

	say("%s %s OK size=%" PRIu64 " sector=%u physical=%u align=%u "
	    "caps=%u depth=%u transfer=%u\n",
	    command, disk->name, i->size_bytes, i->sector_bytes,
	    i->physical_sector_bytes, i->buffer_align_bytes, i->caps,
	    i->queue_depth, i->max_transfer_bytes);
}

static void on_event(void *arg, uint32_t event)
{
	struct disk *disk = arg;

	if (event == MIRAGE_EVENT_RESIZED)
		say("event %s RESIZED size=%" PRIu64 "\n", disk->name,
		    disk->block->info->size_bytes);
	else if (event == MIRAGE_EVENT_CAPS)
		say("event %s CAPS caps=%u\n", disk->name,
		    disk->block->info->caps);
	else if (event == MIRAGE_EVENT_CLOSED)
		say("event %s CLOSED\n", disk->name);
	if (event == MIRAGE_EVENT_CLOSED)
		*disk = (struct disk){0};
}

static void on_open(void *arg, int result, struct mirage_block *block)
{
	struct disk *disk = arg;

	if (result != 0) {
		say("open %s %s\n", disk->name, mirage_error_name(result));
		disk->name[0] = '\0';
		return;
	}
	disk->block = block;
	mirage_block_on_event(block, on_event, disk);
	say_info("open", disk);
}

static void open_disk(const char *name)
{
	struct disk *disk = find("");

	if (disk == NULL)
		abort();
	snprintf(disk->name, sizeof(disk->name), "%s", name);
	mirage_block_open(disk->name, on_open, disk);
}

/* -------------------------------------------------------------- Requests -- */

static void finish(struct job *job)
{
	if (job->result == 0 && job->bytes != NULL)
		say("%s %s OK %016" PRIx64 "\n", job->command, job->disk->name,
		    hash(job->bytes, job->length * job->count));
	else
		say("%s %s %s\n", job->command, job->disk->name,
		    mirage_error_name(job->result));
	free(job->bytes);
	free(job->requests);
	free(job->pointers);
	free(job->vectors);
	free(job);
}

static void on_done(void *arg, int result)
{
	struct job *job = arg;

	if (result != 0)
		job->result = result;
	if (--job->left == 0)
		finish(job);
}

static struct job *job_new(struct disk *disk, const char *command, size_t count,
			   size_t length, bool bytes)
{
	struct job *job = calloc(1, sizeof(*job));

	job->disk = disk;
	snprintf(job->command, sizeof(job->command), "%s", command);
	job->count = job->left = count;
	job->length = length;
	job->requests = calloc(count, sizeof(*job->requests));
	job->pointers = calloc(count, sizeof(struct mirage_block_request *));
	job->vectors = calloc(count + PIECES_MAX, sizeof(*job->vectors));
	if (bytes) {
		size_t size = (count * length + 4095) & ~(size_t)4095;

		job->bytes = aligned_alloc(4096, size + 4096);
		memset(job->bytes, 0xa5, size + 4096);
	}
	for (size_t i = 0; i < count; i++) {
		job->pointers[i] = &job->requests[i];
		job->requests[i].done = on_done;
		job->requests[i].arg = job;
	}
	return job;
}

static void submit(struct job *job)
{
	mirage_block_submit(job->disk->block, job->pointers, job->count);
}

/* Pieces are whole sectors; the last one takes what is left. */
static void transfer(struct disk *disk, const char *command, uint32_t op,
		     const unsigned long long n[])
{
	struct job *job = job_new(disk, command, 1, (size_t)n[1], true);
	size_t sector = disk->block->info->sector_bytes, at = 0;
	size_t pieces = n[2] > 0 ? (size_t)n[2] : 1;
	size_t each = (size_t)n[1] / pieces / sector * sector;

	if (op == MIRAGE_BLOCK_WRITE)
		fill(job->bytes, job->length, n[3]);
	for (size_t i = 0; i < pieces; i++) {
		job->vectors[i].base = job->bytes + at;
		job->vectors[i].length_bytes =
			i + 1 < pieces ? each : job->length - at;
		at += job->vectors[i].length_bytes;
	}
	job->requests[0].op = op;
	job->requests[0].offset_bytes = n[0];
	job->requests[0].vectors = job->vectors;
	job->requests[0].n_vectors = (uint32_t)pieces;
	submit(job);
}

static void range(struct disk *disk, const char *command, uint32_t op,
		  const unsigned long long n[])
{
	struct job *job = job_new(disk, command, 1, (size_t)n[1], false);

	job->requests[0].op = op;
	job->requests[0].offset_bytes = n[0];
	job->requests[0].length_bytes = n[1];
	submit(job);
}

static void deep(struct disk *disk, const unsigned long long n[])
{
	struct job *job =
		job_new(disk, "deep", (size_t)n[0], (size_t)n[1], true);

	for (size_t i = 0; i < job->count; i++) {
		job->vectors[i].base = job->bytes + i * job->length;
		job->vectors[i].length_bytes = job->length;
		job->requests[i].op = MIRAGE_BLOCK_READ;
		job->requests[i].offset_bytes = i * job->length;
		job->requests[i].vectors = &job->vectors[i];
		job->requests[i].n_vectors = 1;
	}
	submit(job);
}

/* -------------------------------------------------------------- Commands -- */

static void say_counters(const struct disk *disk)
{
	const struct mirage_block_counters *c = disk->block->counters;

	say("counters %s reads=%" PRIu64 " writes=%" PRIu64 " flushes=%" PRIu64
	    " discards=%" PRIu64 " zeroes=%" PRIu64 " refused=%" PRIu64
	    " errors=%" PRIu64 "\n",
	    disk->name, c->reads, c->writes, c->flushes, c->discards,
	    c->write_zeroes, c->refused, c->errors);
}

static void on_disk(struct disk *disk, const char *command,
		    const unsigned long long n[])
{
	if (strcmp(command, "info") == 0)
		say_info("info", disk);
	else if (strcmp(command, "close") == 0)
		mirage_block_close(disk->block);
	else if (strcmp(command, "read") == 0)
		transfer(disk, command, MIRAGE_BLOCK_READ, n);
	else if (strcmp(command, "write") == 0)
		transfer(disk, command, MIRAGE_BLOCK_WRITE, n);
	else if (strcmp(command, "flush") == 0)
		range(disk, command, MIRAGE_BLOCK_FLUSH, n);
	else if (strcmp(command, "discard") == 0)
		range(disk, command, MIRAGE_BLOCK_DISCARD, n);
	else if (strcmp(command, "zero") == 0)
		range(disk, command, MIRAGE_BLOCK_WRITE_ZEROES, n);
	else if (strcmp(command, "deep") == 0)
		deep(disk, n);
	else if (strcmp(command, "counters") == 0)
		say_counters(disk);
	else
		abort();
}

static void obey(const char *line)
{
	unsigned long long n[4] = {0};
	char command[16], name[32];
	struct disk *disk;

	if (sscanf(line, "%15s %31s %llu %llu %llu %llu", command, name, &n[0],
		   &n[1], &n[2], &n[3]) < 2)
		abort();
	if (strcmp(command, "open") == 0) {
		open_disk(name);
		return;
	}
	disk = find(name);
	if (disk == NULL || disk->block == NULL)
		say("%s %s not-open\n", command, name);
	else
		on_disk(disk, command, n);
}

static void on_input(void *arg, const void *bytes, size_t length)
{
	static char line[256];
	static size_t used;
	const char *at = bytes;

	if (length == 0)
		mirage_exit(0);
	for (size_t i = 0; i < length; i++) {
		if (at[i] != '\n') {
			if (used + 1 == sizeof(line))
				abort();
			line[used++] = at[i];
			continue;
		}
		line[used] = '\0';
		used = 0;
		obey(line);
	}
}

static int start(int argc, char *argv[])
{
	return mirage_console_read(on_input, NULL);
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
