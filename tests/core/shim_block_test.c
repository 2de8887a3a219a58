/* SPDX-License-Identifier: ISC */
/* Shims of blocks as programs meet them: asked for by option. */
#include "fake.h"

#include <string.h>

#define N 6

static struct mirage_block *block;
static struct mirage_block_request requests[N];
static int open_result = 1, stage;
static uint8_t sector[512];
static struct mirage_vector vector = {sector, sizeof sector};
static int results[N], n_done;
static uint64_t done_ns[N];
static bool closed, reopens;
static const char *next_plan;
static mirage_block_open_fn on_block_open;

/** All again, under another plan, after a wrong one. */
static void try_plan(void)
{
	ck_assert_int_eq(results[0], MIRAGE_EIO);
	ck_assert_ptr_null(mirage_core_block_fault(&fake.block, next_plan));
	ck_assert_str_eq(mirage_core_block_fault(&fake.block, "fail=0"),
			 "'fail=0': expected fail=N or fail=N:ERROR with N "
			 "from 1 and ERROR such as EIO");
	on_block_open(NULL, 0, block);
}

static void on_done(void *arg, int result)
{
	struct mirage_block_request *request = arg;

	results[request - requests] = result;
	done_ns[request - requests] = fake.now_ns;
	if (++n_done == N && next_plan != NULL)
		try_plan();
}

static void on_block_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_CLOSED)
		return;
	closed = true;
	if (!reopens)
		return;
	reopens = false;
	ck_assert_uint_eq(fake.blocks_disposed, 0);
	mirage_block_open("disk", on_block_open, NULL);
	ck_assert_uint_eq(fake.blocks_disposed, 1);
}

static void on_block_open(void *arg, int result, struct mirage_block *opened)
{
	struct mirage_block_request *list[N];

	open_result = result;
	if (result < 0)
		return;
	block = opened;
	mirage_block_on_event(block, on_block_event, NULL);
	for (int i = 0; i < N; i++) {
		requests[i] = (struct mirage_block_request){
			.op = i == N - 1 ? MIRAGE_BLOCK_FLUSH
					 : MIRAGE_BLOCK_READ,
			.n_vectors = 1,
			.vectors = &vector,
			.offset_bytes = (uint64_t)i * 512,
			.done = on_done,
			.arg = &requests[i],
		};
		list[i] = &requests[i];
		results[i] = 1;
	}
	mirage_block_submit(block, list, N);
}

static int start_block(int argc, char *argv[])
{
	mirage_block_open("disk", on_block_open, NULL);
	return 0;
}

static bool close_block(void)
{
	mirage_block_close(block);
	return stage++ < 3;
}

static void check_results(const int expected[N])
{
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], expected[i]);
}

START_TEST(a_traced_block)
{
	ck_assert_int_eq(fake_run(start_block, "--trace", "disk", NULL), 0);
	check_results((int[N]){0});
	ck_assert_ptr_eq(strstr(fake.log,
				"trace 0.000001000 disk: submit 1 read "
				"offset=0 length=512\n"),
			 fake.log);
	ck_assert_ptr_nonnull(strstr(fake.log,
				     "\ntrace 0.000001000 disk: done 6 flush "
				     "offset=0 length=0 result=OK\n"));
	ck_assert_uint_eq(block->counters->reads, N - 1);
	ck_assert_uint_eq(block->counters->flushes, 1);
}
END_TEST

START_TEST(a_block_has_no_frames_to_record)
{
	ck_assert_int_eq(fake_run(start_block, "--trace", "disk=x.pcap", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EINVAL);
	ck_assert_str_eq(fake.log,
			 "test: error: block 'disk': --trace disk=x.pcap: a "
			 "block is traced in the log; use --trace disk\n");
}
END_TEST

TCase *core_case_trace_blocks(void)
{
	TCase *tcase = tcase_create("traced blocks");

	tcase_add_test(tcase, a_traced_block);
	tcase_add_test(tcase, a_block_has_no_frames_to_record);
	return tcase;
}

static const struct {
	const char *plan;
	int results[N];
	size_t n_submitted;
} block_plans[] = {
	{"disk=fail=2", {0, MIRAGE_EIO}, 5},
	{"disk=fail=6:ENOSPC", {0, 0, 0, 0, 0, MIRAGE_ENOSPC}, 5},
	{"disk=fail-every=3", {0, 0, MIRAGE_EIO, 0, 0, MIRAGE_EIO}, 4},
};

START_TEST(a_failing_block)
{
	ck_assert_int_eq(
		fake_run(start_block, "--fault", block_plans[_i].plan, NULL),
		0);
	check_results(block_plans[_i].results);
	ck_assert_uint_eq(fake.n_submitted, block_plans[_i].n_submitted);
	ck_assert_uint_eq(block->counters->errors,
			  N - block_plans[_i].n_submitted);
}
END_TEST

START_TEST(a_slow_block)
{
	ck_assert_int_eq(fake_run(start_block, "--fault",
				  "disk=delay=2:3ms,fail=2,delay=3:1ms", NULL),
			 0);
	check_results((int[N]){0, MIRAGE_EIO});
	ck_assert_uint_eq(done_ns[0], 1000);
	ck_assert_uint_eq(done_ns[1], 3001000);
	ck_assert_uint_eq(done_ns[2], 1001000);
}
END_TEST

START_TEST(a_new_plan_for_a_block)
{
	next_plan = "fail=2:ENOSPC,fail-every=3";
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=fail=1", NULL),
			 0);
	ck_assert_int_eq(n_done, 2 * N);
	check_results((int[N]){0, MIRAGE_ENOSPC, MIRAGE_EIO, 0, 0, MIRAGE_EIO});
}
END_TEST

START_TEST(a_stalled_request_ends_when_closing)
{
	fake.on_idle = close_block;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=stall=3",
				  _i == 1 ? "--trace" : NULL, "disk", NULL),
			 0);
	check_results((int[N]){0, 0, MIRAGE_EGONE});
	ck_assert(closed);
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(all_requests_stalled)
{
	fake.on_idle = close_block;
	ck_assert_int_eq(
		fake_run(start_block, "--fault", "disk=stall-every=1", NULL),
		0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], MIRAGE_EGONE);
	ck_assert(closed);
	ck_assert_uint_eq(fake.n_submitted, 0);
}
END_TEST

static bool close_and_lose(void)
{
	switch (stage++) {
	case 0:
		mirage_block_close(block);
		ck_assert_uint_eq(fake.blocks_closed, 0);
		return true;
	case 1:
		ck_assert_int_eq(n_done, N - 3);
		mirage_core_block_event(&fake.block, MIRAGE_EVENT_LOST);
		return true;
	default:
		return false;
	}
}

START_TEST(closing_while_the_device_is_lost)
{
	fake.hold = true;
	fake.on_idle = close_and_lose;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=stall=1", NULL),
			 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], MIRAGE_EGONE);
	ck_assert(closed);
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(a_plan_for_nobody)
{
	ck_assert_int_eq(fake_run(start_block, "--fault", "dsik=fail=1",
				  "--trace", "disk", "--trace=dsik", NULL),
			 0);
	ck_assert_ptr_nonnull(
		strstr(fake.log, "test: warning: --fault dsik: no device of "
				 "that name was opened\n"
				 "test: warning: --trace dsik: no device of "
				 "that name was opened\n"));
	ck_assert_ptr_null(strstr(fake.log, "--trace disk"));
}
END_TEST

START_TEST(a_plan_for_a_network)
{
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=drop=1", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EINVAL);
	ck_assert_str_eq(fake.log,
			 "test: error: block 'disk': --fault disk=drop=1: "
			 "drop, reorder, duplicate, rx- and tx- are for "
			 "networks; a block takes fail, stall and delay\n");
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(a_shim_is_disposed_of_with_its_device)
{
	reopens = true;
	fake.on_idle = close_block;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=fail=1,stall=2",
				  "--trace", "disk", NULL),
			 0);
	ck_assert(!reopens);
	ck_assert_uint_eq(fake.blocks_closed, 2);
	check_results((int[N]){MIRAGE_EIO, MIRAGE_EGONE});
}
END_TEST

TCase *core_case_fault_blocks(void)
{
	TCase *tcase = tcase_create("faulty blocks");

	tcase_add_loop_test(tcase, a_failing_block, 0,
			    sizeof block_plans / sizeof *block_plans);
	tcase_add_test(tcase, a_slow_block);
	tcase_add_test(tcase, a_new_plan_for_a_block);
	tcase_add_loop_test(tcase, a_stalled_request_ends_when_closing, 0, 2);
	tcase_add_test(tcase, all_requests_stalled);
	tcase_add_test(tcase, closing_while_the_device_is_lost);
	tcase_add_test(tcase, a_plan_for_nobody);
	tcase_add_test(tcase, a_plan_for_a_network);
	tcase_add_test(tcase, a_shim_is_disposed_of_with_its_device);
	return tcase;
}
