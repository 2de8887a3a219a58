/* SPDX-License-Identifier: ISC */
/* Flows: their abortion, and the law. */
#include "stack_case.h"

/* No flow holds that much for a peer who does not read. */
#define HELD_MAX (256u << 20)
#define MANY 1000u

static struct stack_pump there;
static struct stack_write writes[MANY];

static struct stack_end *const near = &stack_pair.near, *const far =
								&stack_pair.far;

/* How many of the first `n` writes have completed. */
static unsigned completed(unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += writes[i].done.count;
	return sum;
}

/* ------------------------------------------------------------- Aborting -- */

/* Writes to a peer who does not read, until nothing goes on. */
#define STUCK()                                           \
	do {                                              \
		stack_pump(&there, near->flow, HELD_MAX); \
		REST_NS(100000000);                       \
	} while (0)

STACK_CASE(flow, abort_resets, "FLW-14 FLW-15 FLW-06 LAW-02")
{
	static unsigned finished;

	CASE_BEGIN;
	PAIR(way);
	STUCK();
	stack_read(near);
	finished = there.finished;
	CHECK(there.pieces > finished);
	there.total = there.sent;
	stack_abort(near);
	CLAIM("LAW-02");
	CHECK_EQ(there.finished + there.failed, finished);
	CHECK_EQ(near->read.count, 0);
	CLAIM("FLW-15");
	AWAIT(there.finished + there.failed == there.pieces);
	CHECK(there.failed > 0);
	CHECK_RESULT(there.error, MIRAGE_ECANCELED);
	CHECK(!there.misordered);
	AWAIT(near->read.count == 1);
	CHECK_RESULT(near->read.result, MIRAGE_ECANCELED);
	CLAIM("FLW-14");
	stack_drain(far);
	AWAIT(far->ended);
	CHECK_RESULT(far->read.result, MIRAGE_ERESET);
	CHECK(!far->wrong);
	CLAIM("FLW-06");
	stack_drain(far);
	AWAIT(far->read.result == MIRAGE_ERESET);
	CLAIM("FLW-14");
	stack_write(&writes[0], far->flow, 0, 10);
	AWAIT(writes[0].done.count == 1);
	CHECK_RESULT(writes[0].done.result, MIRAGE_ERESET);
	stack_pair_end();
	CASE_END;
}

/* The peer hears of it by writing, and then by reading too. */
STACK_CASE(flow, abort_fails_writes, "FLW-14 FLW-06")
{
	static unsigned i;

	CASE_BEGIN;
	PAIR(way);
	stack_abort(near);
	for (i = 0; i < MANY; i++) {
		stack_write(&writes[i], far->flow, 0, 10);
		AWAIT(writes[i].done.count == 1);
		if (writes[i].done.result != 0)
			break;
		REST_NS(1000000);
	}
	CHECK(i < MANY);
	CHECK_RESULT(writes[i].done.result, MIRAGE_ERESET);
	stack_read(far);
	AWAIT(far->read.count == 1);
	CHECK_RESULT(far->read.result, MIRAGE_ERESET);
	stack_write(&writes[0], far->flow, 0, 0);
	AWAIT(writes[0].done.count == 1);
	CHECK_RESULT(writes[0].done.result, MIRAGE_ERESET);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, abort_after_close, "FLW-15 FLW-13")
{
	static struct mirage_flow *flow;

	CASE_BEGIN;
	PAIR(way);
	STUCK();
	there.total = there.sent;
	flow = near->flow;
	stack_close(near);
	REST_NS(10000000);
	CLAIM("FLW-13");
	CHECK_EQ(there.failed, 0);
	CHECK(there.finished < there.pieces);
	mirage_flow_abort(flow);
	CLAIM("FLW-15");
	AWAIT(there.finished + there.failed == there.pieces);
	CHECK(there.failed > 0);
	CHECK_RESULT(there.error, MIRAGE_ECANCELED);
	stack_pair_end();
	CASE_END;
}

/* ------------------------------------------------------------------ Law -- */

STACK_CASE(flow, completes_once, "LAW-01 LAW-02")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 100);
	stack_write(&writes[1], far->flow, 0, 100);
	CHECK_EQ(completed(2), 0);
	AWAIT(completed(2) == 2);
	REST_NS(10000000);
	/* There is something to read at once, and something to write. */
	stack_read(near);
	stack_read(far);
	stack_write(&writes[2], near->flow, 0, 0);
	CLAIM("LAW-02");
	CHECK_EQ(near->read.count + far->read.count + writes[2].done.count, 0);
	CLAIM("LAW-01");
	AWAIT(near->read.count > 0 && far->read.count > 0 &&
	      writes[2].done.count > 0);
	stack_read(near);
	stack_abort(near);
	REST_NS(10000000);
	CHECK_EQ(near->read.count, 2);
	CHECK_EQ(far->read.count, 1);
	CHECK_EQ(completed(3), 3);
	stack_pair_end();
	CASE_END;
}

static unsigned depth, nested, calls;

static void enter(void)
{
	nested += depth++ != 0;
	calls++;
}

static void leave(void)
{
	depth--;
	conf_wake();
}

static void echo_written(void *arg, int result)
{
	enter();
	leave();
}

/* Reads on and writes from inside: nothing of that calls back at once. */
static void echo_read(void *arg, int result, const void *bytes)
{
	struct stack_end *end = arg;

	enter();
	if (result > 0) {
		stack_prepare(&writes[calls % MANY], 0, 1);
		writes[calls % MANY].write.done = echo_written;
		mirage_flow_write(end->flow, &writes[calls % MANY].write);
		mirage_flow_read(end->flow, echo_read, end);
	}
	leave();
}

STACK_V4_CASE(flow, callbacks_do_not_nest, "LAW-03 LAW-04")
{
	CASE_BEGIN;
	PAIR(way);
	depth = nested = calls = 0;
	mirage_flow_read(near->flow, echo_read, near);
	mirage_flow_read(far->flow, echo_read, far);
	stack_write(&writes[0], near->flow, 0, 1);
	AWAIT(calls >= 200);
	CHECK_EQ(nested, 0);
	stack_abort(near);
	stack_abort(far);
	CASE_END;
}

static void close_own(void *arg, int result, const void *bytes)
{
	stack_close(arg);
	conf_count(&((struct stack_end *)arg)->read, result);
}

static void abort_own(void *arg, int result)
{
	stack_abort(near);
	conf_count(arg, result);
}

STACK_V4_CASE(flow, closes_inside, "LAW-04 LAW-01")
{
	CASE_BEGIN;
	PAIR(way);
	mirage_flow_read(far->flow, close_own, far);
	for (unsigned i = 0; i < 10; i++) {
		stack_prepare(&writes[i], i * 1000, 1000);
		writes[i].write.done = i == 4 ? abort_own : conf_count;
		mirage_flow_write(near->flow, &writes[i].write);
	}
	AWAIT(completed(10) == 10 && far->read.count == 1);
	REST_NS(10000000);
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(writes[i].done.count, 1);
	CHECK_RESULT(writes[4].done.result, 0);
	CHECK(far->read.result > 0);
	CHECK_EQ(far->read.count, 1);
	CASE_END;
}

/* ----------------------------------------------------- Broken contracts -- */

STACK_V4_CASE(flow, read_twice, "FLW-05", .aborts = "FLW-05")
{
	CASE_BEGIN;
	PAIR(way);
	stack_read(far);
	stack_read(far);
	CASE_END;
}

STACK_V4_CASE(flow, read_without_completion, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	PAIR(way);
	mirage_flow_read(far->flow, NULL, NULL);
	CASE_END;
}

STACK_V4_CASE(flow, write_without_completion, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	PAIR(way);
	stack_prepare(&writes[0], 0, 10);
	writes[0].write.done = NULL;
	mirage_flow_write(near->flow, &writes[0].write);
	CASE_END;
}

STACK_V4_CASE(flow, write_in_flight, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 10);
	mirage_flow_write(near->flow, &writes[0].write);
	CASE_END;
}

STACK_V4_CASE(flow, close_twice, "LAW-05", .aborts = "LAW-05")
{
	static struct mirage_flow *flow;

	CASE_BEGIN;
	PAIR(way);
	flow = near->flow;
	stack_close(near);
	mirage_flow_close(flow);
	CASE_END;
}

CASES(flow_law) = {
	STACK_CASES(flow, abort_resets),
	STACK_CASES(flow, abort_fails_writes),
	STACK_CASES(flow, abort_after_close),
	STACK_CASES(flow, completes_once),
	STACK_V4_CASES(flow, callbacks_do_not_nest),
	STACK_V4_CASES(flow, closes_inside),
	STACK_V4_CASES(flow, read_twice),
	STACK_V4_CASES(flow, read_without_completion),
	STACK_V4_CASES(flow, write_without_completion),
	STACK_V4_CASES(flow, write_in_flight),
	STACK_V4_CASES(flow, close_twice),
	NULL,
};
