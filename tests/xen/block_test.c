/* SPDX-License-Identifier: ISC */
/* blkfront with a backend that keeps to the protocol. */
#include "xen_test.h"

#define SECTORS 8192
#define BACK "/local/domain/0/backend/vbd/1/51712/"

static struct blkback back;
static struct block_app app;
static uint8_t bytes[2 << 20], again[2 << 20];

static void begin(uint32_t sector_bytes)
{
	const char *arguments[] = {"--block", "d=vbd:xvda", "--block",
				   "e=vbd:51728", NULL};

	fake_start(arguments);
	blkback_start(&back, 51712, SECTORS, sector_bytes);
	app_block_open(&app, "d");
	ck_assert_int_eq(app.result, 0);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 13 + (i >> 12));
}

static void end(void)
{
	mirage_block_close(app.block);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	check_all_returned();
	free(back.disk);
}

START_TEST(tells_what_it_is)
{
	begin(512);
	ck_assert_uint_eq(app.block->info->size_bytes, SECTORS * 512);
	ck_assert_uint_eq(app.block->info->sector_bytes, 512);
	ck_assert_uint_eq(app.block->info->max_transfer_bytes, 1 << 20);
	ck_assert_uint_eq(app.block->info->queue_depth, XEN_BLOCK_SLOTS_MAX);
	ck_assert_uint_eq(back.ring_pages, 4);
	end();
}
END_TEST

/* Every size from a sector to the largest, at places that tell them apart. */
START_TEST(writes_and_reads)
{
	static const size_t sizes[] = {512,   1024,  4096,  4608,   8192,
				       45056, 45568, 65536, 524288, 1 << 20};

	begin(512);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t at = (i + 1) * 512;

		ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE, at,
					 bytes + i * 3, sizes[i]),
				 0);
		ck_assert_mem_eq(back.disk + at, bytes + i * 3, sizes[i]);
		memset(again, 0, sizeof again);
		ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, at,
					 again + 1, sizes[i]),
				 0);
		ck_assert_mem_eq(again + 1, bytes + i * 3, sizes[i]);
		ck_assert_uint_eq(again[0], 0);
		ck_assert_uint_eq(again[sizes[i] + 1], 0);
	}
	ck_assert_uint_ne(back.n_indirect, 0);
	ck_assert_uint_eq(back.n_segments_most, 256);
	end();
}
END_TEST

/* The wire counts 512 bytes also when the sector has 4,096. */
START_TEST(sectors_of_4096)
{
	begin(4096);
	ck_assert_uint_eq(app.block->info->sector_bytes, 4096);
	ck_assert_uint_eq(app.block->info->size_bytes, SECTORS * 512);
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 512, bytes, 4096),
		MIRAGE_EALIGN);
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 8192, bytes, 65536), 0);
	ck_assert_mem_eq(back.disk + 8192, bytes, 65536);
	end();
}
END_TEST

START_TEST(zeroes_discards_flushes)
{
	begin(512);
	memset(back.disk, 0xee, SECTORS * 512);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE_ZEROES, 512,
				 bytes, 200 * 1024),
			 0);
	ck_assert_uint_eq(back.disk[511], 0xee);
	ck_assert_uint_eq(back.disk[512], 0);
	ck_assert_uint_eq(back.disk[512 + 200 * 1024 - 1], 0);
	ck_assert_uint_eq(back.disk[512 + 200 * 1024], 0xee);
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_DISCARD, 1024, bytes, 1024), 0);
	ck_assert_uint_eq(back.disk[1024], 0xdc);
	ck_assert_uint_eq(back.disk[2048], 0);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_FLUSH, 0, bytes, 0),
			 0);
	ck_assert_uint_eq(back.n_flushes, 1);
	ck_assert_uint_eq(back.n_discards, 1);
	end();
}
END_TEST

/* 400 requests at once: more than slots and pages. */
START_TEST(many_at_once)
{
	static struct job jobs[400];
	uint64_t before;

	begin(512);
	before = fake.notified;
	for (unsigned i = 0; i < 400; i++)
		job_start(&jobs[i], app.block, MIRAGE_BLOCK_WRITE,
			  (uint64_t)(i % 200) * 16384, bytes + i, 16384);
	fake_settle();
	for (unsigned i = 0; i < 400; i++) {
		ck_assert_int_eq(jobs[i].result, 0);
		ck_assert_uint_eq(jobs[i].runs, 1);
	}
	ck_assert_uint_eq(back.n_requests, 400);
	ck_assert_uint_le(fake.notified - before, 10);
	ck_assert_uint_le(back.n_kept, XEN_BLOCK_PAGES_MAX);
	ck_assert_mem_eq(back.disk + 199 * 16384, bytes + 399, 16384);
	end();
}
END_TEST

START_TEST(errors_are_told)
{
	begin(512);
	back.fail = 1;
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, 0, again, 512),
			 MIRAGE_EIO);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, 0, again, 512),
			 0);
	ck_assert_uint_eq(app.block->counters->errors, 1);
	end();
}
END_TEST

/* What was offered and is refused later is offered no more. */
START_TEST(loses_capabilities)
{
	begin(512);
	back.unsupported = 1u << BLKIF_OP_FLUSH_DISKCACHE;
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_FLUSH, 0, bytes, 0),
			 MIRAGE_ENOTSUP);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CAPS], 1);
	ck_assert_uint_eq(app.block->info->caps & MIRAGE_BLOCK_CAP_FLUSH, 0);
	ck_assert_uint_ne(app.block->info->caps & MIRAGE_BLOCK_CAP_DISCARD, 0);
	/* Not even when the backend tells of itself again. */
	blkback_resize(&back, SECTORS * 2);
	fake_settle();
	ck_assert_uint_eq(app.block->info->caps & MIRAGE_BLOCK_CAP_FLUSH, 0);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_FLUSH, 0, bytes, 0),
			 MIRAGE_ENOTSUP);
	ck_assert_uint_eq(back.n_requests, 1);
	end();
}
END_TEST

START_TEST(grows)
{
	begin(512);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, SECTORS * 512,
				 again, 512),
			 MIRAGE_ERANGE);
	blkback_resize(&back, SECTORS + 8);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_RESIZED], 1);
	ck_assert_uint_eq(app.block->info->size_bytes, (SECTORS + 8) * 512);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_READ, SECTORS * 512,
				 again, 512),
			 0);
	end();
}
END_TEST

static void begin_with(const char *node, const char *value)
{
	const char *arguments[] = {"--block", "d=vbd:51712", NULL};

	fake_start(arguments);
	blkback_start(&back, 51712, SECTORS, 512);
	fake_set(node, value);
	app_block_open(&app, "d");
}

START_TEST(read_only)
{
	begin_with(BACK "info", "4");
	ck_assert_int_eq(app.result, 0);
	ck_assert_uint_eq(app.block->info->caps, MIRAGE_BLOCK_CAP_RESIZE);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 512),
			 MIRAGE_EROFS);
	end();
}
END_TEST

/* What is left over at the end is no whole sector. */
START_TEST(odd_end)
{
	begin(4096);
	blkback_resize(&back, SECTORS + 9);
	fake_settle();
	ck_assert_uint_eq(app.block->info->size_bytes, (SECTORS + 8) * 512);
	end();
}
END_TEST

START_TEST(without_indirect_segments)
{
	begin_with(BACK "feature-max-indirect-segments", NULL);
	ck_assert_uint_eq(app.block->info->max_transfer_bytes, 45056);
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 45056), 0);
	ck_assert_uint_eq(back.n_indirect, 0);
	ck_assert_uint_eq(back.n_segments_most, 11);
	end();
}
END_TEST

START_TEST(one_page_of_ring)
{
	begin_with(BACK "max-ring-page-order", NULL);
	ck_assert_uint_eq(app.block->info->queue_depth, 32);
	ck_assert_uint_eq(back.ring_pages, 1);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 512),
			 0);
	end();
}
END_TEST

/* What was under way when the backend went is done again, once. */
START_TEST(comes_back)
{
	static struct job jobs[50];

	begin(512);
	back.hold = true;
	for (unsigned i = 0; i < 50; i++)
		job_start(&jobs[i], app.block, MIRAGE_BLOCK_WRITE,
			  (uint64_t)i * 4096, bytes + i, 4096);
	fake_settle();
	fake_set(BACK "online", "0");
	blkback_close(&back);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 0);
	ck_assert_uint_eq(jobs[0].runs, 0);
	ck_assert_uint_eq(xen_grants_in_use, 0);
	back.hold = false;
	blkback_return(&back);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_uint_eq(jobs[i].runs, 1);
		ck_assert_int_eq(jobs[i].result, 0);
		ck_assert_mem_eq(back.disk + i * 4096, bytes + i, 4096);
	}
	end();
}
END_TEST

/* A backend that crashed and is there again, before anybody saw it go. */
START_TEST(comes_back_unseen)
{
	struct job job;

	begin(512);
	back.hold = true;
	job_start(&job, app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 4096);
	fake_settle();
	blkback_crash(&back);
	fake_set("/local/domain/0/backend/vbd/1/51712/state", "2");
	back.hold = false;
	fake_settle();
	ck_assert_uint_eq(job.runs, 1);
	ck_assert_int_eq(job.result, 0);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_BACK], 1);
	end();
}
END_TEST

START_TEST(closes_while_the_backend_is_away)
{
	struct job job;

	begin(512);
	back.hold = true;
	job_start(&job, app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 4096);
	fake_settle();
	fake_set(BACK "online", "0");
	blkback_close(&back);
	fake_settle();
	mirage_block_close(app.block);
	fake_settle();
	ck_assert_int_eq(job.result, MIRAGE_EGONE);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	check_all_returned();
	free(back.disk);
}
END_TEST

START_TEST(opens_again)
{
	begin(512);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE, 0,
					 bytes + i, 8192),
				 0);
		mirage_block_close(app.block);
		fake_settle();
		ck_assert_uint_eq(xen_grants_in_use, 0);
		app_block_open(&app, "d");
		ck_assert_int_eq(app.result, 0);
		ck_assert_int_eq(
			job_run(app.block, MIRAGE_BLOCK_READ, 0, again, 8192),
			0);
		ck_assert_mem_eq(again, bytes + i, 8192);
	}
	end();
}
END_TEST

START_TEST(two_at_once)
{
	struct blkback other;
	struct block_app second;

	begin(512);
	blkback_start(&other, 51728, 64, 512);
	app_block_open(&second, "e");
	ck_assert_int_eq(second.result, 0);
	ck_assert_int_eq(
		job_run(second.block, MIRAGE_BLOCK_WRITE, 0, bytes, 512), 0);
	ck_assert_uint_eq(back.n_requests, 0);
	ck_assert_uint_eq(other.n_requests, 1);
	mirage_block_close(second.block);
	end();
	free(other.disk);
}
END_TEST

/* Requests that need more pages than there are memory and grants for. */
START_TEST(without_memory)
{
	begin(512);
	fake.pages_left = 4;
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 65536),
		MIRAGE_ENOMEM);
	ck_assert_int_eq(job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 8192),
			 0);
	fake.pages_left = UINT32_MAX;
	fake.grants_max = xen_grants_in_use + 5;
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 65536),
		MIRAGE_ENOMEM);
	fake.grants_max = FAKE_GRANTS;
	ck_assert_int_eq(
		job_run(app.block, MIRAGE_BLOCK_WRITE, 0, bytes, 65536), 0);
	end();
}
END_TEST

START_TEST(opens_without_memory_or_grants)
{
	const char *arguments[] = {"--block", "d=vbd:51712", NULL};

	fake_start(arguments);
	for (uint32_t n = 0; n < 6; n++) {
		blkback_start(&back, 51712, SECTORS, 512);
		if (n < 3)
			fake.pages_left = n;
		else
			fake.grants_max = n - 3;
		app_block_open(&app, "d");
		fake_advance(2 * XENBUS_OPEN_NS);
		ck_assert_int_eq(app.result, MIRAGE_EIO);
		fake.pages_left = UINT32_MAX;
		fake.grants_max = FAKE_GRANTS;
		fake_stop(&back.player);
		free(back.disk);
		check_all_returned();
	}
}
END_TEST

TCase *block_cases(void)
{
	TCase *c = tcase_create("block");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, tells_what_it_is);
	tcase_add_test(c, writes_and_reads);
	tcase_add_test(c, sectors_of_4096);
	tcase_add_test(c, zeroes_discards_flushes);
	tcase_add_test(c, many_at_once);
	tcase_add_test(c, errors_are_told);
	tcase_add_test(c, loses_capabilities);
	tcase_add_test(c, grows);
	tcase_add_test(c, read_only);
	tcase_add_test(c, odd_end);
	tcase_add_test(c, without_indirect_segments);
	tcase_add_test(c, one_page_of_ring);
	tcase_add_test(c, comes_back);
	tcase_add_test(c, comes_back_unseen);
	tcase_add_test(c, closes_while_the_backend_is_away);
	tcase_add_test(c, opens_again);
	tcase_add_test(c, two_at_once);
	tcase_add_test(c, without_memory);
	tcase_add_test(c, opens_without_memory_or_grants);
	return c;
}
