/* SPDX-License-Identifier: ISC */
/*
 * A tar image by whoever likes: it opens or it does not; its keys are keys, in
 * order, and as many as the report says; whatever is read is what is on the disk at
 * that place, and nothing else is touched; all of the memory comes back.
 *
 * The input is the disk. Its last bytes choose the sector, the alignment that the
 * disk wants, the order in which it completes, and what is read.
 */
#include "tar.h"

#include <mirage-backend.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READS 12u
#define VECTORS 5u
#define ROOM_BYTES 40000u
#define DISK_MAX (1u << 20)

static _Alignas(4096) uint8_t disk[DISK_MAX];
static struct mirage_block *block;
static uint32_t seed, queued;
static struct mirage_block_request *queue[64];
static bool fails;

static uint32_t some(uint32_t limit)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % limit;
}

/* ------------------------------------------------------------------ Disk -- */

static struct mirage_block_info info = {
	.size = sizeof info,
	.sector_bytes = 512,
	.physical_sector_bytes = 4096,
	.buffer_align_bytes = 1,
	.max_vectors = 8,
	.max_transfer_bytes = 32768,
	.queue_depth = 64,
};
static struct mirage_block_counters counters = {.size = sizeof counters};

static void disk_submit(struct mirage_block *b,
			struct mirage_block_request *const requests[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue[queued++] = requests[i];
}

static void disk_close(struct mirage_block *b)
{
	mirage_core_block_closed(b);
}

static const struct mirage_block_ops disk_ops = {
	.size = sizeof disk_ops, .submit = disk_submit, .close = disk_close};
static struct mirage_block the_disk = {
	.ops = &disk_ops, .info = &info, .counters = &counters};

static void disk_do_one(void)
{
	uint32_t at = some(queued);
	struct mirage_block_request *request = queue[at];
	const uint8_t *from = disk + request->offset_bytes;

	queue[at] = queue[--queued];
	if (fails && some(16) == 0) {
		mirage_core_block_complete(request, MIRAGE_EIO);
		return;
	}
	for (uint32_t i = 0; i < request->n_vectors; i++) {
		memcpy(request->vectors[i].base, from,
		       request->vectors[i].length_bytes);
		from += request->vectors[i].length_bytes;
	}
	mirage_core_block_complete(request, 0);
}

static void turn_until(const bool *done)
{
	while (!*done) {
		if (queued > 0)
			disk_do_one();
		mirage_core_turn();
	}
}

/* --------------------------------------------------------------- Backend -- */

static int write_nothing(const void *bytes, size_t length)
{
	return (int)length;
}

static void log_nothing(uint32_t level, const char *line, size_t length)
{
}

static uint64_t monotonic_ns(void)
{
	static uint64_t now_ns;

	return ++now_ns;
}

static int64_t wall_ns(void)
{
	return 0;
}

static void wake_at(uint64_t deadline_ns)
{
}

static void block_open(struct mirage_open *open)
{
	mirage_core_block_opened(open, 0, &the_disk);
}

static int run(void)
{
	mirage_core_turn();
	return 0;
}

static const struct mirage_console_ops console = {
	.size = sizeof console, .write = write_nothing, .log = log_nothing};
static const struct mirage_clock_info clock_info = {.size = sizeof clock_info,
						    .monotonic_resolution_ns =
							    1,
						    .wall_resolution_ns = 1};
static const struct mirage_clock_ops clock_ops = {.size = sizeof clock_ops,
						  .monotonic_ns = monotonic_ns,
						  .wall_ns = wall_ns,
						  .info = &clock_info};
static const struct mirage_time_ops time_ops = {.size = sizeof time_ops,
						.wake_at = wake_at};
static const struct mirage_ambient ambient = {.size = sizeof ambient,
					      .console = &console,
					      .clock = &clock_ops,
					      .time = &time_ops};
const struct mirage_backend mirage_backend = {.size = sizeof mirage_backend,
					      .name = "fuzz",
					      .ambient = &ambient,
					      .run = run,
					      .block_open = block_open};

static bool block_there;

static void block_opened(void *arg, int result, struct mirage_block *opened)
{
	block = opened;
	block_there = true;
}

static void never(void *arg)
{
}

/* A timer that never fires keeps the program running between the inputs. */
static int start(int argc, char *argv[])
{
	static struct mirage_timer far;

	mirage_timer_start(&far, UINT64_MAX, never, NULL);
	mirage_block_open("d", block_opened, NULL);
	return 0;
}

static void begin(void)
{
	static char name[] = "fuzz";
	static char *argv[] = {name, NULL};

	if (block_there)
		return;
	mirage_run(1, argv, start);
	turn_until(&block_there);
}

/* ----------------------------------------------------------------- Store -- */

static struct mirage_kv *kv;
static bool done;
static uint32_t n_keys;
static char last_key[MIRAGE_KV_KEY_MAX + 1];

static void kv_opened(void *arg, int result, struct mirage_kv *opened)
{
	assert(!done && (result == 0) == (opened != NULL));
	kv = opened;
	done = true;
}

static void on_done(void *arg, int result)
{
	bool *is_done = arg;

	assert(!*is_done);
	*is_done = true;
}

static void check_key(const char *key)
{
	assert(*key != '\0' && strlen(key) <= MIRAGE_KV_KEY_MAX);
	for (const char *at = key;; at++) {
		size_t length = strcspn(at, "/");

		assert(length > 0 && !(length == 1 && *at == '.') &&
		       !(length == 2 && at[0] == '.' && at[1] == '.'));
		at += length;
		if (*at == '\0')
			return;
	}
}

static void on_key(void *arg, const char *key,
		   const struct mirage_kv_value *value)
{
	check_key(key);
	assert(strcmp(last_key, key) < 0);
	assert(value->size_bytes <= info.size_bytes);
	strcpy(last_key, key);
	n_keys++;
}

static void list(void)
{
	struct mirage_kv_request request = {.op = MIRAGE_KV_LIST,
					    .key = "",
					    .on_key = on_key,
					    .done = on_done,
					    .arg = &done};

	n_keys = 0;
	last_key[0] = '\0';
	done = false;
	mirage_kv_submit(kv, &request);
	turn_until(&done);
	assert(n_keys == mirage_kv_tar_report(kv)->files);
}

/** A READ, and what it should bring. */
struct read {
	struct mirage_kv_request request;
	struct mirage_vector vectors[VECTORS];
	uint8_t *room;
	int result, expected;
	const uint8_t *from;
	bool done;
};

static void read_done(void *arg, int result)
{
	struct read *read = arg;

	assert(!read->done);
	read->done = true;
	read->result = result;
}

/** Vectors over `room`, with a byte of 0xa5 after each. */
static void read_begin(struct read *read, const struct tar_entry *entry)
{
	uint64_t offset = some(4) == 0 ? some(65536) : some(4) * 512u;
	uint64_t left =
		entry->size_bytes > offset ? entry->size_bytes - offset : 0;
	uint8_t *at = read->room;
	uint64_t sum = 0;

	memset(read->room, 0xa5, ROOM_BYTES);
	read->done = false;
	read->request = (struct mirage_kv_request){
		.op = MIRAGE_KV_READ,
		.key = entry->key,
		.offset_bytes = offset,
		.vectors = read->vectors,
		.n_vectors = some(VECTORS + 1),
		.done = read_done,
		.arg = read,
	};
	for (uint32_t i = 0; i < read->request.n_vectors; i++) {
		uint32_t length = some(2) != 0 ? some(7000) : some(14) * 512u;

		read->vectors[i].base = at;
		read->vectors[i].length_bytes = length;
		at += length + (some(2) != 0 ? 1 : 512);
		sum += length;
	}
	read->expected = (int)(sum < left ? sum : left);
	read->from = disk + entry->at_bytes + offset;
	mirage_kv_submit(kv, &read->request);
}

static void read_check(struct read *read)
{
	uint8_t *at = read->room;
	const uint8_t *from = read->from;
	size_t left = (size_t)read->expected;

	turn_until(&read->done);
	if (read->result == MIRAGE_EIO && fails)
		return;
	assert(read->result == read->expected);
	for (uint32_t i = 0; i < read->request.n_vectors; i++) {
		const struct mirage_vector *to = &read->vectors[i];
		size_t n = to->length_bytes < left ? to->length_bytes : left;

		while (at < (uint8_t *)to->base)
			assert(*at++ == 0xa5);
		assert(memcmp(to->base, from, n) == 0);
		from += n;
		left -= n;
		at += n;
	}
	while (at < read->room + ROOM_BYTES)
		assert(*at++ == 0xa5);
}

static void read_some(void)
{
	static _Alignas(4096)
		uint8_t rooms[READS][(ROOM_BYTES + 4095) & ~4095u];
	static struct read reads[READS];
	const struct tar_store *tar = (const struct tar_store *)kv;

	if (tar->index.n == 0)
		return;
	for (uint32_t i = 0; i < READS; i++) {
		reads[i].room = rooms[i];
		read_begin(&reads[i], &tar->index.entries[some(tar->index.n)]);
	}
	for (uint32_t i = 0; i < READS; i++)
		read_check(&reads[i]);
}

static void on_event(void *arg, uint32_t event)
{
	assert(event == MIRAGE_EVENT_CLOSED);
	done = true;
}

static void use(void)
{
	done = false;
	mirage_kv_tar_open(block, kv_opened, NULL);
	turn_until(&done);
	if (kv == NULL)
		return;
	list();
	read_some();
	done = false;
	mirage_kv_on_event(kv, on_event, NULL);
	mirage_kv_close(kv);
	turn_until(&done);
}

/* ------------------------------------------------------------- Mutations -- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int number);

/** Sums a header up again, as it would be refused at its first byte. */
static void sum_up(uint8_t *header)
{
	uint32_t sum = 0;

	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < TAR_BLOCK_BYTES; i++)
		sum += header[i];
	for (unsigned i = 6; i-- > 0; sum >>= 3)
		header[148 + i] = (uint8_t)('0' + (sum & 7));
	header[154] = '\0';
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int number)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t at = 0; at + TAR_BLOCK_BYTES <= size && number % 8 != 0;
	     at += TAR_BLOCK_BYTES)
		if (memcmp(data + at + 257, "ustar", 5) == 0)
			sum_up(data + at);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t options = size > 0 ? data[size - 1] : 0;

	begin();
	if (size > DISK_MAX)
		return 0;
	seed = size > 1 ? data[size - 2] : 0;
	info.sector_bytes = (options & 1) != 0 ? 4096 : 512;
	info.buffer_align_bytes = (options & 2) != 0   ? 512
				  : (options & 4) != 0 ? 4096
						       : 1;
	fails = (options & 8) != 0;
	info.size_bytes = (size + info.sector_bytes - 1) &
			  ~(uint64_t)(info.sector_bytes - 1);
	if (info.size_bytes == 0)
		return 0;
	memset(disk, 0, info.size_bytes);
	memcpy(disk, data, size);
	use();
	return 0;
}
