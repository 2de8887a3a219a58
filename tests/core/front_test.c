/* SPDX-License-Identifier: ISC */
/* The fronts of networks and blocks, as far as the conformance suite, which goes
 * through a real backend, cannot see them. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- Networks -- */

static struct mirage_net *net;
static int stage, open_result = 1;
static unsigned n_events[16];

static void on_net_event(void *arg, uint32_t event)
{
	n_events[event]++;
	if (event == MIRAGE_EVENT_LINK)
		mirage_net_close(net);
}

static void on_net_open(void *arg, int result, struct mirage_net *opened)
{
	open_result = result;
	if (result < 0) {
		ck_assert_ptr_null(opened);
		return;
	}
	net = opened;
	mirage_net_on_event(net, on_net_event, NULL);
}

static int start_net(int argc, char *argv[])
{
	mirage_net_open(argc > 1 ? argv[1] : "service", 0, on_net_open, NULL);
	return 0;
}

static const struct {
	const char *name;
	int result;
	const char *log;
} names[] = {
	{"abcdefghijklmnopqrstuvwxyz-AZ_09", MIRAGE_EINVAL,
	 "test: error: network 'abcdefghijklmnopqrstuvwxyz-AZ_0': a device "
	 "name has 1 to 31 letters, digits, '-' or '_'\n"},
	{"", MIRAGE_EINVAL,
	 "test: error: network '': a device name has 1 to 31 letters, digits, "
	 "'-' or '_'\n"},
	{"a b", MIRAGE_EINVAL,
	 "test: error: network 'a b': a device name has 1 to 31 letters, "
	 "digits, '-' or '_'\n"},
	{"missing", MIRAGE_ENODEV,
	 "test: error: network 'missing': not there\n"},
	{"abcdefghijklmnopqrstuvwxyz-AZ_0", 0, ""},
};

START_TEST(a_name)
{
	ck_assert_int_eq(fake_run(start_net, names[_i].name, NULL), 0);
	ck_assert_int_eq(open_result, names[_i].result);
	ck_assert_str_eq(fake.log, names[_i].log);
}
END_TEST

static bool raise_link(void)
{
	if (stage++ > 0)
		return false;
	mirage_core_net_event(&fake.net, MIRAGE_EVENT_LINK);
	return true;
}

static void release_all(void *arg, struct mirage_packet *const packets[],
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
}

static void on_net_open_receive(void *arg, int result,
				struct mirage_net *opened)
{
	on_net_open(arg, result, opened);
	mirage_net_on_receive(opened, release_all, NULL);
}

static int start_net_receive(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open_receive, NULL);
	return 0;
}

START_TEST(an_event_raised_by_a_handler_is_not_lost)
{
	fake.on_idle = raise_link;
	/* The handler closes, the backend answers at once, inside of it. */
	ck_assert_int_eq(fake_run(start_net_receive, NULL), 0);
	ck_assert_uint_eq(n_events[MIRAGE_EVENT_CLOSED], 1);
	ck_assert_uint_eq(n_events[MIRAGE_EVENT_LINK], 1);
	ck_assert_uint_eq(fake.nets_closed, 1);
}
END_TEST

static bool drive_writable(void)
{
	struct mirage_packet *p[2];

	switch (stage++) {
	case 0:
		/* Nobody fell short yet: nobody is told. */
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		return true;
	case 1:
		ck_assert_uint_eq(n_events[MIRAGE_EVENT_WRITABLE], 0);
		ck_assert_int_eq(mirage_net_reserve(net, 60, p, 2), 2);
		mirage_packet_append(p[0], 60);
		mirage_packet_append(p[1], 60);
		fake.tx_room = 1;
		ck_assert_int_eq(mirage_net_send(net, p, 2), 1);
		ck_assert_uint_eq(net->counters->tx_frames, 1);
		ck_assert_uint_eq(net->counters->tx_bytes, 60);
		ck_assert_uint_eq(net->counters->tx_refused, 0);
		mirage_packet_release(p[1]);
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		mirage_core_net_event(net, MIRAGE_EVENT_WRITABLE);
		return true;
	default:
		ck_assert_uint_eq(n_events[MIRAGE_EVENT_WRITABLE], 1);
		mirage_exit(0);
		return true;
	}
}

START_TEST(writable_follows_a_shortage)
{
	fake.on_idle = drive_writable;
	ck_assert_int_eq(fake_run(start_net_receive, NULL), 0);
	ck_assert_int_eq(stage, 3);
}
END_TEST

static bool flood(void)
{
	for (int i = 0; stage == 0 && i < 10000; i++)
		ck_assert(fake_net_receive(1, 60));
	return stage++ == 0;
}

static void on_net_open_flood(void *arg, int result, struct mirage_net *opened)
{
	net = opened;
	for (int i = 0; i < 10000; i++)
		ck_assert(fake_net_receive(1, 60));
}

static int start_flood(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open_flood, NULL);
	return 0;
}

START_TEST(ten_thousand_frames_for_nobody)
{
	ck_assert_int_eq(fake_run(start_flood, NULL), 0);
	ck_assert_uint_eq(fake.net_counters.rx_dropped_nobody, 10000);
	ck_assert_uint_eq(fake.net_counters.rx_frames, 0);
	ck_assert_uint_eq(fake.pool.n_out, 0);
}
END_TEST

START_TEST(ten_thousand_frames_for_somebody)
{
	fake.on_idle = flood;
	ck_assert_int_eq(fake_run(start_net_receive, NULL), FAKE_DEADLOCK);
	ck_assert_uint_eq(fake.net_counters.rx_frames, 10000);
	ck_assert_uint_eq(fake.net_counters.rx_bytes, 600000);
	ck_assert_uint_eq(fake.pool.n_out, 0);
}
END_TEST

TCase *core_case_nets(void)
{
	TCase *tcase = tcase_create("networks");

	tcase_add_loop_test(tcase, a_name, 0, sizeof names / sizeof *names);
	tcase_add_test(tcase, an_event_raised_by_a_handler_is_not_lost);
	tcase_add_test(tcase, writable_follows_a_shortage);
	tcase_add_test(tcase, ten_thousand_frames_for_nobody);
	tcase_add_test(tcase, ten_thousand_frames_for_somebody);
	return tcase;
}

/* ---------------------------------------------------------------- Blocks -- */

#define N 40

static struct mirage_block *block;
static struct mirage_block_request requests[N];
static uint8_t sectors[N][512];
static struct mirage_vector vectors[N];
static int results[N], n_done;
static bool inside, closed;

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
