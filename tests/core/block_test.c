/* SPDX-License-Identifier: ISC */
/* The front of blocks, as far as the conformance suite, which goes through a real
 * backend, cannot see it. */
#include "fake.h"

#define N 40

static struct mirage_block *block;
static struct mirage_block_request requests[N];
static uint8_t sectors[N][512];
static struct mirage_vector vectors[N];
static int results[N], n_done;
static bool inside, closed;
static int stage;

static void on_done(void *arg, int result)
{
	struct mirage_block_request *request = arg;

	ck_assert(!inside); /* never from inside the submit */
	results[request - requests] = result;
	n_done++;
}

static void on_block_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_CLOSED)
		return;
	ck_assert_int_eq(n_done, N);
	closed = true;
}

static void submit(int first, int n)
{
	struct mirage_block_request *list[N];

	for (int i = 0; i < n; i++) {
		struct mirage_block_request *r = &requests[first + i];

		vectors[first + i] = (struct mirage_vector){sectors[first + i],
							    sizeof sectors[0]};
		r->op = MIRAGE_BLOCK_WRITE;
		r->vectors = &vectors[first + i];
		r->n_vectors = 1;
		r->offset_bytes = (uint64_t)(first + i) * 512;
		r->done = on_done;
		r->arg = r;
		list[i] = r;
	}
	inside = true;
	mirage_block_submit(block, list, (size_t)n);
	inside = false;
}

static void on_block_open(void *arg, int result, struct mirage_block *opened)
{
	ck_assert_int_eq(result, 0);
	block = opened;
	mirage_block_on_event(block, on_block_event, NULL);
	submit(0, N);
}

static int start_block(int argc, char *argv[])
{
	fake.hold = argc > 1;
	mirage_block_open("disk", on_block_open, NULL);
	return 0;
}

static bool step_one(void)
{
	if (fake.n_held == 0)
		return false;
	fake_block_step(0);
	return true;
}

static void check_order(void)
{
	ck_assert_uint_eq(fake.n_submitted, N);
	for (int i = 0; i < N; i++) {
		ck_assert_uint_eq(fake.offsets[i], (uint64_t)i * 512);
		ck_assert_int_eq(results[i], 0);
	}
}

START_TEST(more_requests_than_the_device_takes)
{
	fake.on_idle = step_one;
	ck_assert_int_eq(fake_run(start_block, "hold", NULL), 0);
	ck_assert_int_eq(n_done, N);
	ck_assert_uint_eq(fake.most_held, 4); /* the depth, and all of it */
	check_order();
}
END_TEST

START_TEST(completing_inside_of_submit)
{
	ck_assert_int_eq(fake_run(start_block, NULL), 0);
	ck_assert_int_eq(n_done, N);
	check_order();
	ck_assert_uint_eq(fake.block_counters.writes, N);
	ck_assert_uint_eq(fake.block_counters.written_bytes, N * 512);
}
END_TEST

static bool close_and_step(void)
{
	if (stage++ == 0) {
		mirage_block_close(block);
		mirage_block_close(block);
		ck_assert_uint_eq(fake.blocks_closed, 0);
	}
	return step_one();
}

START_TEST(closing_with_requests_in_flight)
{
	fake.on_idle = close_and_step;
	ck_assert_int_eq(fake_run(start_block, "hold", NULL), 0);
	ck_assert(closed);
	ck_assert_uint_eq(fake.blocks_closed, 1);
	check_order();
}
END_TEST

static void on_gone(void *arg, int result)
{
	ck_assert_int_eq(result, MIRAGE_EGONE);
	n_done++;
}

static void on_block_reopen(void *arg, int result, struct mirage_block *opened)
{
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(fake.blocks_disposed, 1);
	ck_assert_uint_eq(opened->pending, 0);
	mirage_block_close(opened);
}

/* The request's device is disposed of before the request completes. */
static void submit_and_reopen(void *arg, uint32_t event)
{
	struct mirage_block_request *request = &requests[0];

	ck_assert_uint_eq(event, MIRAGE_EVENT_CLOSED);
	request->op = MIRAGE_BLOCK_FLUSH;
	request->done = on_gone;
	mirage_block_submit(block, &request, 1);
	mirage_block_open("disk", on_block_reopen, NULL);
}

static void on_block_open_close(void *arg, int result,
				struct mirage_block *opened)
{
	block = opened;
	mirage_block_on_event(block, submit_and_reopen, NULL);
	mirage_block_close(block);
}

static int start_reopen(int argc, char *argv[])
{
	mirage_block_open("disk", on_block_open_close, NULL);
	return 0;
}

START_TEST(submitting_to_a_closed_block_and_opening_it_again)
{
	ck_assert_int_eq(fake_run(start_reopen, NULL), 0);
	ck_assert_int_eq(n_done, 1);
	ck_assert_uint_eq(fake.blocks_closed, 2);
}
END_TEST

static bool lose_and_close(void)
{
	switch (stage++) {
	case 0:
		mirage_core_block_event(&fake.block, MIRAGE_EVENT_LOST);
		return true;
	case 1:
		ck_assert_int_eq(n_done, 0);
		mirage_block_close(block);
		return true;
	default:
		return false;
	}
}

START_TEST(closing_a_lost_block)
{
	fake.on_idle = lose_and_close;
	ck_assert_int_eq(fake_run(start_block, "hold", NULL), 0);
	ck_assert(closed);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], MIRAGE_EGONE);
}
END_TEST

static bool lose_and_find(void)
{
	switch (stage++) {
	case 0:
		mirage_core_block_event(&fake.block, MIRAGE_EVENT_LOST);
		while (fake.n_held > 0)
			fake_block_step(0);
		return true;
	case 1: /* nothing is submitted to a device that is away */
		ck_assert_uint_eq(fake.n_submitted, 4);
		mirage_core_block_event(&fake.block, MIRAGE_EVENT_BACK);
		return true;
	default:
		return step_one();
	}
}

START_TEST(a_lost_block_comes_back)
{
	fake.on_idle = lose_and_find;
	ck_assert_int_eq(fake_run(start_block, "hold", NULL), 0);
	check_order();
}
END_TEST

static bool complete_twice(void)
{
	struct mirage_block_request *request = fake.held[0];

	fake_block_step(0);
	mirage_core_block_complete(request, 0);
	return true;
}

static void run_complete_twice(void)
{
	fake.on_idle = complete_twice;
	fake_run(start_block, "hold", NULL);
}

START_TEST(completing_twice)
{
	fake_must_abort(run_complete_twice,
			"broken contract [LAW-01]: the backend completed a "
			"request that was not in flight");
}
END_TEST

static bool submit_twice(void)
{
	submit(0, 1);
	return true;
}

static void run_submit_twice(void)
{
	fake.on_idle = submit_twice;
	fake_run(start_block, "hold", NULL);
}

START_TEST(submitting_twice)
{
	fake_must_abort(run_submit_twice,
			"broken contract [LAW-05]: a request was submitted "
			"while it was in flight");
}
END_TEST

TCase *core_case_blocks(void)
{
	TCase *tcase = tcase_create("blocks");

	tcase_add_test(tcase, more_requests_than_the_device_takes);
	tcase_add_test(tcase, completing_inside_of_submit);
	tcase_add_test(tcase, closing_with_requests_in_flight);
	tcase_add_test(tcase,
		       submitting_to_a_closed_block_and_opening_it_again);
	tcase_add_test(tcase, closing_a_lost_block);
	tcase_add_test(tcase, a_lost_block_comes_back);
	tcase_add_test(tcase, completing_twice);
	tcase_add_test(tcase, submitting_twice);
	return tcase;
}
