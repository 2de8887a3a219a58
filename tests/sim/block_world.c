/* SPDX-License-Identifier: ISC */
/* What the world can do to the simulated disks: space, size, loss. */
#include "disk_test.h"

/* ----------------------------------------------------- Space, size, caps -- */

static void refill(void)
{
	ck_assert_int_eq(io[0].result, MIRAGE_ENOSPC);
	mirage_sim_block_set_full("d", false);
	put(&io[1], 0, 0x11, count_done);
}

static void write_when_full(void)
{
	put(&io[0], 0, 0x11, refill);
}

START_TEST(a_full_disk_says_so_until_there_is_space)
{
	ck_assert_int_eq(run_disk(write_when_full, "--block d=disk:1M,full"),
			 0);
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_eq(io[1].result, 0);
}
END_TEST

static void grown(void)
{
	expect_all(&io[2], 0);
	expect_all(&io[3], 0x11);
}

static void shrunk(void)
{
	ck_assert_int_eq(io[1].result, MIRAGE_EIO);
	ck_assert_int_eq(mirage_sim_block_resize("d", 2 << 20), 0);
	ck_assert_uint_eq(disk->info->size_bytes, 2 << 20);
	get(&io[3], 0, NULL);
	get(&io[2], 524288, grown);
}

static void resize(void)
{
	ck_assert_int_eq(mirage_sim_block_resize("d", 1000), MIRAGE_EALIGN);
	put(&io[1], 1044480, 0x22, shrunk); /* in flight past the new end */
	ck_assert_int_eq(mirage_sim_block_resize("d", 524288), 0);
	ck_assert_uint_eq(disk->info->size_bytes, 524288);
}

static void write_before_resize(void)
{
	put(&io[0], 0, 0x11, NULL);
	put(&io[1], 524288, 0x22, resize);
}

START_TEST(a_disk_shrinks_and_grows)
{
	ck_assert_int_eq(
		run_disk(write_before_resize, "--block d=disk:1M,jitter=0us"),
		0);
	ck_assert(io[2].done);
	ck_assert_uint_eq(events[MIRAGE_EVENT_RESIZED], 2);
}
END_TEST

static void flush_again(void)
{
	ck_assert_int_eq(io[0].result, MIRAGE_ENOTSUP);
	ck_assert_int_eq(io[1].result, 0);
	put(&io[2], 0, 0, count_done); /* in flight */
	mirage_sim_block_drop_caps("d", MIRAGE_BLOCK_CAP_WRITE);
	put(&io[3], 0, 0, count_done);
}

static void drop_flush(void)
{
	submit(&io[0], disk, MIRAGE_BLOCK_FLUSH, 0, 0, NULL);
	put(&io[1], 0, 0, flush_again);
	mirage_sim_block_drop_caps("d", MIRAGE_BLOCK_CAP_FLUSH);
	ck_assert_uint_eq(disk->info->caps & MIRAGE_BLOCK_CAP_FLUSH, 0);
}

START_TEST(capabilities_can_be_lost)
{
	ck_assert_int_eq(run_disk(drop_flush, "--block d=disk:1M,jitter=0us"),
			 0);
	ck_assert_uint_eq(n_done, 2);
	ck_assert_int_eq(io[2].result, MIRAGE_EROFS);
	ck_assert_int_eq(io[3].result, MIRAGE_EROFS);
	ck_assert_uint_eq(disk->counters->refused, 1);
	ck_assert_uint_eq(events[MIRAGE_EVENT_CAPS], 2);
}
END_TEST

/* -------------------------------------------------------- Lost and back -- */

static void restore(void)
{
	ck_assert_uint_eq(n_done, 0);
	ck_assert_uint_eq(events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(events[MIRAGE_EVENT_BACK], 0);
	ck_assert_int_eq(mirage_sim_block_restore("d"), 0);
}

static void lose(void)
{
	put(&io[0], 0, 0x11, count_done);
	ck_assert_int_eq(mirage_sim_block_lose("d"), 0);
	put(&io[1], 4096, 0x11, count_done);
	after(SECOND, restore);
}

START_TEST(requests_wait_for_a_lost_disk)
{
	ck_assert_int_eq(run_disk(lose, DISK), 0);
	ck_assert_uint_eq(n_done, 2);
	ck_assert_int_eq(io[0].result, 0);
	ck_assert_int_eq(io[1].result, 0);
	ck_assert_uint_eq(events[MIRAGE_EVENT_BACK], 1);
}
END_TEST

static void close_lost(void)
{
	put(&io[0], 0, 0x11, count_done);
	ck_assert_int_eq(mirage_sim_block_lose("d"), 0);
	put(&io[1], 4096, 0x11, count_done);
	mirage_block_close(disk);
}

START_TEST(a_lost_disk_can_be_closed)
{
	ck_assert_int_eq(run_disk(close_lost, DISK), 0);
	ck_assert_uint_eq(n_done, 2);
	ck_assert_int_eq(io[0].result, MIRAGE_EGONE);
	ck_assert_int_eq(io[1].result, MIRAGE_EGONE);
	ck_assert_uint_eq(events[MIRAGE_EVENT_CLOSED], 1);
}
END_TEST

static void lose_for_good(void)
{
	ck_assert_int_eq(mirage_sim_block_power_loss("d", UINT64_MAX), 0);
	put(&io[0], 0, 0x11, count_done);
}

START_TEST(a_disk_that_stays_lost_is_a_deadlock)
{
	const char *text;
	int status;

	text = run_disk_stderr(lose_for_good, DISK, &status);
	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(text, "test: error: block 'd' is lost and "
					   "does not come back\n"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_full_disk_says_so_until_there_is_space,
		a_disk_shrinks_and_grows,
		capabilities_can_be_lost,
		requests_wait_for_a_lost_disk,
		a_lost_disk_can_be_closed,
		a_disk_that_stays_lost_is_a_deadlock,
	};

	return run_suite("sim-block-world", tests,
			 sizeof tests / sizeof tests[0]);
}
