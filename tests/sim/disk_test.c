/* SPDX-License-Identifier: ISC */
#include "disk_test.h"

struct mirage_block *disk;
struct io io[64];
uint32_t events[16];
unsigned n_done;

static void count_event(void *arg, uint32_t event)
{
	events[event]++;
}

static void (*when_open)(void);

static void opened(void)
{
	mirage_block_on_event(disk, count_event, NULL);
	when_open();
}

static int open_it(int argc, char *argv[])
{
	open_disk("d", &disk, opened);
	return 0;
}

int run_disk(void (*then)(void), const char *line)
{
	when_open = then;
	return run(open_it, line);
}

const char *run_disk_stderr(void (*then)(void), const char *line, int *status)
{
	when_open = then;
	return run_stderr(open_it, line, status);
}

void put(struct io *one, uint64_t offset, uint8_t byte, void (*then)(void))
{
	memset(one->bytes, byte, 4096);
	submit(one, disk, MIRAGE_BLOCK_WRITE, offset, 4096, then);
}

void get(struct io *one, uint64_t offset, void (*then)(void))
{
	memset(one->bytes, 0xee, 4096);
	submit(one, disk, MIRAGE_BLOCK_READ, offset, 4096, then);
}

void expect_all(const struct io *one, uint8_t byte)
{
	uint8_t all[4096];

	memset(all, byte, sizeof all);
	ck_assert_int_eq(one->result, 0);
	ck_assert_mem_eq(one->bytes, all, sizeof all);
}

void count_done(void)
{
	n_done++;
}
