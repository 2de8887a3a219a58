/* SPDX-License-Identifier: ISC */
/* What the simulated disks hold, in which order they work, and how they fail. */
#include "disk_test.h"

#include <stdio.h>
#include <unistd.h>

/* ---------------------------------------------------------------- Order -- */

static unsigned order[32];
static struct ordered {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint8_t bytes[512];
} ordered[32];

static void note_order(void *arg, int result)
{
	order[n_done++] = (unsigned)((struct ordered *)arg - ordered);
}

static void submit_in_order(void)
{
	for (unsigned i = 0; i < 32; i++) {
		struct ordered *one = &ordered[i];
		struct mirage_block_request *request = &one->request;

		one->vector = (struct mirage_vector){one->bytes, 512};
		*request = (struct mirage_block_request){
			.op = MIRAGE_BLOCK_READ,
			.n_vectors = 1,
			.vectors = &one->vector,
			.done = note_order,
			.arg = one,
		};
		mirage_block_submit(disk, &request, 1);
	}
}

static unsigned disorder(void)
{
	unsigned count = 0;

	for (unsigned i = 1; i < 32; i++)
		count += order[i] < order[i - 1];
	return count;
}

START_TEST(requests_complete_in_any_order_within_the_jitter)
{
	ck_assert_int_eq(run_disk(submit_in_order, DISK), 0);
	ck_assert_uint_eq(n_done, 32);
	ck_assert_uint_gt(disorder(), 5);
	ck_assert_uint_ge(mirage_clock_monotonic_ns(), 180 * US);
	ck_assert_uint_lt(mirage_clock_monotonic_ns(), 201 * US);
}
END_TEST

START_TEST(without_jitter_they_complete_in_order)
{
	ck_assert_int_eq(run_disk(submit_in_order,
				  "--block d=disk:1M,jitter=0us,latency=3ms"),
			 0);
	ck_assert_uint_eq(n_done, 32);
	ck_assert_uint_eq(disorder(), 0);
	ck_assert_uint_ge(mirage_clock_monotonic_ns(), 3 * MS);
}
END_TEST

/* -------------------------------------------------------------- Content -- */

static void compare_reopened(void)
{
	expect_all(&io[1], 0x77);
}

static void read_reopened(void)
{
	get(&io[1], 8192, compare_reopened);
}

static void reopen(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		open_disk("d", &disk, read_reopened);
}

static void close_it(void)
{
	mirage_block_on_event(disk, reopen, NULL);
	mirage_block_close(disk);
}

static void write_and_close(void)
{
	put(&io[0], 8192, 0x77, close_it);
}

START_TEST(content_outlives_closing)
{
	ck_assert_int_eq(run_disk(write_and_close, DISK), 0);
	ck_assert(io[1].done);
}
END_TEST

static void read_file(void)
{
	get(&io[0], 65536, count_done);
	get(&io[1], 131072, count_done);
}

START_TEST(a_file_gives_the_first_content)
{
	char path[] = "/tmp/sim-disk-XXXXXX", line[64];
	static uint8_t bytes[70000];
	int fd = mkstemp(path);

	memset(bytes, 0x3c, sizeof bytes);
	ck_assert_int_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	snprintf(line, sizeof line, "--block d=disk:1M,file=%s", path);
	ck_assert_int_eq(run_disk(read_file, line), 0);
	unlink(path);
	expect_all(&io[0], 0x3c);
	expect_all(&io[1], 0);
}
END_TEST

static void far_read(void)
{
	expect_all(&io[1], 0x66);
	expect_all(&io[2], 0);
}

static void far_zeroed(void)
{
	get(&io[1], (UINT64_C(1) << 40) - 4096, NULL);
	get(&io[2], UINT64_C(1) << 39, far_read);
}

static void far_written(void)
{
	submit(&io[3], disk, MIRAGE_BLOCK_WRITE_ZEROES, UINT64_C(1) << 39,
	       65536, far_zeroed);
}

static void write_far(void)
{
	put(&io[0], (UINT64_C(1) << 40) - 4096, 0x66, NULL);
	put(&io[1], UINT64_C(1) << 39, 0x67, far_written);
}

START_TEST(a_terabyte_costs_what_was_written)
{
	ck_assert_int_eq(run_disk(write_far, "--block d=disk:1T,jitter=0us"),
			 0);
	ck_assert(io[2].done);
}
END_TEST

/* Over an extent that is durable: one part written, then all of it zeroed. */
static void check_zeroes(void)
{
	expect_all(&io[1], 0);
	expect_all(&io[2], 0);
}

static void read_zeroes(void)
{
	get(&io[1], 0, NULL);
	get(&io[2], 4096, check_zeroes);
}

static void check_parts(void)
{
	expect_all(&io[1], 0x99);
	expect_all(&io[2], 0x88);
	submit(&io[0], disk, MIRAGE_BLOCK_WRITE_ZEROES, 0, 65536, read_zeroes);
}

static void read_parts(void)
{
	get(&io[1], 0, NULL);
	get(&io[2], 4096, check_parts);
}

static void write_part(void)
{
	put(&io[1], 0, 0x99, read_parts);
}

static void flush_all(void)
{
	submit(&io[1], disk, MIRAGE_BLOCK_FLUSH, 0, 0, write_part);
}

static void write_all(void)
{
	memset(io[0].bytes, 0x88, 65536);
	submit(&io[0], disk, MIRAGE_BLOCK_WRITE, 0, 65536, flush_all);
}

START_TEST(what_is_cached_hides_what_is_durable)
{
	ck_assert_int_eq(run_disk(write_all, "--block d=disk:1M,jitter=0us"),
			 0);
	ck_assert_uint_eq(disk->counters->write_zeroes, 1);
	ck_assert_uint_eq(disk->counters->reads, 4);
}
END_TEST

static unsigned kept, zeroed;

static void discard_read(void)
{
	for (unsigned i = 0; i < 32; i++)
		if (!io[i].done)
			return;
	for (unsigned i = 0; i < 32; i++) {
		kept += io[i].bytes[0] == 0x55;
		zeroed += io[i].bytes[0] == 0;
		expect_all(&io[i], io[i].bytes[0]);
	}
}

static void read_discarded(void)
{
	if (++n_done < 32)
		return;
	for (unsigned i = 0; i < 32; i++)
		get(&io[i], i * 4096, discard_read);
}

static void discard_each(void)
{
	if (++n_done < 32)
		return;
	n_done = 0;
	for (unsigned i = 0; i < 32; i++)
		submit(&io[i], disk, MIRAGE_BLOCK_DISCARD, i * 4096, 4096,
		       read_discarded);
}

static void write_and_discard(void)
{
	for (unsigned i = 0; i < 32; i++)
		put(&io[i], i * 4096, 0x55, discard_each);
}

START_TEST(a_discard_may_do_nothing)
{
	ck_assert_int_eq(run_disk(write_and_discard, DISK), 0);
	ck_assert_uint_eq(kept + zeroed, 32);
	ck_assert_uint_gt(kept, 5);
	ck_assert_uint_gt(zeroed, 5);
}
END_TEST

/* ---------------------------------------------------- Failures and stalls -- */

static void submit_five(void)
{
	ck_assert_int_eq(mirage_sim_block_fail_nth("d", 3, MIRAGE_ETIMEDOUT),
			 0);
	for (unsigned i = 0; i < 5; i++)
		put(&io[i], i * 4096, 0x11, count_done);
}

START_TEST(the_nth_request_fails)
{
	ck_assert_int_eq(run_disk(submit_five, DISK), 0);
	ck_assert_uint_eq(n_done, 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(io[i].result, i == 2 ? MIRAGE_ETIMEDOUT : 0);
	ck_assert_uint_eq(disk->counters->errors, 1);
}
END_TEST

static void compare_failed(void)
{
	expect_all(&io[2], 0);
}

static void read_failed(void)
{
	ck_assert_int_eq(io[0].result, MIRAGE_EIO);
	get(&io[2], 0, compare_failed);
}

static void write_once(void)
{
	put(&io[0], 0, 0x11, read_failed);
}

START_TEST(a_failed_write_is_not_carried_out)
{
	ck_assert_int_eq(run_disk(write_once, "--block d=disk:1M,fail=1"), 0);
	ck_assert(io[2].done);
}
END_TEST

static void submit_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		put(&io[i], i * 4096, 0x11, count_done);
}

START_TEST(a_stalled_request_is_a_deadlock_that_names_the_disk)
{
	const char *text;
	int status;

	text = run_disk_stderr(submit_three, "--block d=disk:1M,stall=2",
			       &status);
	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(text, "test: error: block 'd': 1 stalled "
					   "request\n"));
	ck_assert_uint_eq(n_done, 2);
	ck_assert(!io[1].done);
}
END_TEST

static void unstall(void)
{
	ck_assert(!io[1].done);
	ck_assert_int_eq(mirage_sim_block_unstall("d"), 0);
}

static void stall_for_a_while(void)
{
	ck_assert_int_eq(mirage_sim_block_stall_nth("d", 2), 0);
	submit_three();
	after(SECOND, unstall);
}

START_TEST(a_stalled_request_can_go_on)
{
	ck_assert_int_eq(run_disk(stall_for_a_while, DISK), 0);
	ck_assert_uint_eq(n_done, 3);
	ck_assert_int_eq(io[1].result, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		requests_complete_in_any_order_within_the_jitter,
		without_jitter_they_complete_in_order,
		content_outlives_closing,
		a_file_gives_the_first_content,
		a_terabyte_costs_what_was_written,
		what_is_cached_hides_what_is_durable,
		a_discard_may_do_nothing,
		the_nth_request_fails,
		a_failed_write_is_not_carried_out,
		a_stalled_request_is_a_deadlock_that_names_the_disk,
		a_stalled_request_can_go_on,
	};

	return run_suite("sim-block", tests, sizeof tests / sizeof tests[0]);
}
