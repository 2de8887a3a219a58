/* SPDX-License-Identifier: ISC */
/* Flows: streams of bytes over the connections of stacks. */
#include "stack_case.h"

#define MIB (1024u * 1024u)
/* No flow holds that much for a peer who does not read. */
#define HELD_MAX (256u * MIB)
#define MANY 1000u

static struct stack_pump there, back;
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

/* -------------------------------------------------------------- Streams -- */

STACK_CASE(flow, bytes_arrive, "FLW-01 FLW-07 FLW-08 LAW-06")
{
	CASE_BEGIN;
	PAIR(way);
	stack_drain(near);
	stack_drain(far);
	stack_pump(&there, near->flow, MIB);
	stack_pump(&back, far->flow, MIB);
	CLAIM("FLW-01");
	AWAIT(near->got == MIB && far->got == MIB);
	CHECK(!near->wrong && !far->wrong);
	CLAIM("FLW-08");
	AWAIT(there.finished == there.pieces && back.finished == back.pieces);
	CHECK(!there.misordered && !back.misordered);
	stack_pair_end();
	CASE_END;
}

/* All at once: they wait in their own memory. */
STACK_CASE(flow, many_writes, "FLW-02 FLW-07 FLW-08")
{
	CASE_BEGIN;
	PAIR(way);
	for (unsigned i = 0; i < MANY; i++)
		stack_write(&writes[i], near->flow, i * 777, 777);
	CHECK_EQ(completed(MANY), 0);
	stack_drain(far);
	CLAIM("FLW-07");
	AWAIT(far->got == MANY * 777);
	CHECK(!far->wrong);
	CLAIM("FLW-08");
	AWAIT(completed(MANY) == MANY);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_RESULT(writes[i].done.result, 0);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, slow_reader, "FLW-02")
{
	static unsigned finished;

	CASE_BEGIN;
	PAIR(way);
	stack_pump(&there, near->flow, HELD_MAX);
	do {
		finished = there.finished;
		REST_NS(50000000);
	} while (there.finished != finished && there.sent < HELD_MAX);
	CHECK(there.sent < HELD_MAX);
	CHECK_EQ(there.failed, 0);
	there.total = there.sent;
	stack_drain(far);
	AWAIT_NS(far->got == there.sent, 60000000000);
	CHECK(!far->wrong);
	AWAIT(there.finished == there.pieces);
	stack_pair_end();
	CASE_END;
}

STACK_V4_CASE(flow, empty_writes, "FLW-09 FLW-08")
{
	CASE_BEGIN;
	PAIR(way);
	stack_drain(far);
	stack_write(&writes[0], near->flow, 0, 100);
	stack_prepare(&writes[1], 0, 0);
	writes[1].write.n_vectors = 0;
	mirage_flow_write(near->flow, &writes[1].write);
	stack_write(&writes[2], near->flow, 0, 0);
	stack_write(&writes[3], near->flow, 100, 100);
	CHECK_EQ(completed(4), 0);
	AWAIT(completed(4) == 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK_RESULT(writes[i].done.result, 0);
	AWAIT(far->got == 200);
	CHECK(!far->wrong);
	/* And alone. */
	stack_write(&writes[0], near->flow, 0, 0);
	AWAIT(writes[0].done.count == 1);
	CHECK_RESULT(writes[0].done.result, 0);
	CHECK_EQ(far->got, 200);
	CHECK(!far->ended);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, lent_bytes, "FLW-04 FLW-03")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 1000);
	stack_read(far);
	AWAIT(far->read.count == 1);
	CLAIM("FLW-03");
	CHECK(far->read.result >= 1 && far->read.result <= 1000);
	far->got = (unsigned)far->read.result;
	/* More arrives, here and there, and another reader reads. */
	stack_write(&writes[1], near->flow, 1000, 30000);
	stack_write(&writes[2], far->flow, 20000, 2000);
	stack_read(near);
	AWAIT(near->read.count == 1 && writes[1].done.count == 1);
	REST_NS(10000000);
	CLAIM("FLW-04");
	CHECK(stack_is_pattern(far->bytes, 0, (size_t)far->got));
	CHECK(stack_is_pattern(near->bytes, 20000, (size_t)near->read.result));
	stack_drain(far);
	AWAIT(far->got == 31000);
	CHECK(!far->wrong);
	CHECK(stack_is_pattern(near->bytes, 20000, (size_t)near->read.result));
	stack_pair_end();
	CASE_END;
}

STACK_V4_CASE(flow, choices, "FLW-01")
{
	static int nodelay, keepalive;

	CASE_BEGIN;
	PAIR(way);
	nodelay = mirage_flow_nodelay(near->flow, false);
	CHECK(nodelay == 0 || nodelay == MIRAGE_ENOTSUP);
	CHECK_RESULT(mirage_flow_nodelay(near->flow, true), nodelay);
	keepalive = mirage_flow_keepalive(far->flow, 1000000000);
	CHECK(keepalive == 0 || keepalive == MIRAGE_ENOTSUP);
	CHECK_RESULT(mirage_flow_keepalive(near->flow, UINT64_MAX), keepalive);
	CHECK_RESULT(mirage_flow_keepalive(near->flow, 0), keepalive);
	stack_drain(far);
	stack_pump(&there, near->flow, 100000);
	AWAIT(far->got == 100000);
	CHECK(!far->wrong && !far->ended);
	stack_pair_end();
	CASE_END;
}

/* --------------------------------------------------------------- Ending -- */

STACK_CASE(flow, shutdown_ends, "FLW-03 FLW-06 FLW-11")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 1000);
	mirage_flow_shutdown(near->flow);
	mirage_flow_shutdown(near->flow);
	stack_drain(far);
	CLAIM("FLW-11");
	AWAIT(far->ended);
	CHECK_EQ(far->got, 1000);
	CHECK(!far->wrong);
	CHECK_RESULT(writes[0].done.result, 0);
	CLAIM("FLW-03");
	CHECK_RESULT(far->read.result, 0);
	CLAIM("FLW-06");
	far->read.count = 0;
	stack_read(far);
	AWAIT(far->read.count == 1);
	CHECK_RESULT(far->read.result, 0);
	CLAIM("FLW-11");
	stack_write(&writes[1], far->flow, 0, 2000);
	stack_drain(near);
	AWAIT(near->got == 2000);
	CHECK(!near->wrong && !near->ended);
	mirage_flow_shutdown(far->flow);
	AWAIT(near->ended);
	CHECK_RESULT(near->read.result, 0);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, write_after_shutdown, "FLW-10 FLW-08")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 100);
	mirage_flow_shutdown(near->flow);
	stack_write(&writes[1], near->flow, 100, 100);
	stack_write(&writes[2], near->flow, 0, 0);
	CHECK_EQ(completed(3), 0);
	stack_drain(far);
	AWAIT(completed(3) == 3);
	CHECK_RESULT(writes[0].done.result, 0);
	CLAIM("FLW-10");
	CHECK_RESULT(writes[1].done.result, MIRAGE_EGONE);
	CHECK_RESULT(writes[2].done.result, MIRAGE_EGONE);
	AWAIT(far->ended);
	CHECK_RESULT(far->read.result, 0);
	CHECK_EQ(far->got, 100);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, close_cancels_read, "FLW-12 LAW-02")
{
	CASE_BEGIN;
	PAIR(way);
	stack_read(far);
	stack_close(far);
	CLAIM("LAW-02");
	CHECK_EQ(far->read.count, 0);
	CLAIM("FLW-12");
	AWAIT(far->read.count == 1);
	CHECK_RESULT(far->read.result, MIRAGE_ECANCELED);
	stack_drain(near);
	AWAIT(near->ended);
	CHECK_RESULT(near->read.result, 0);
	stack_pair_end();
	CASE_END;
}

/* Closed with bytes of the peer unread, who sends more, and still reads all. */
STACK_CASE(flow, close_sends, "FLW-13")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[8], far->flow, 0, 5000);
	AWAIT(writes[8].done.count == 1);
	REST_NS(10000000);
	for (unsigned i = 0; i < 5; i++)
		stack_write(&writes[i], near->flow, i * 60000, 60000);
	stack_close(near);
	CHECK_EQ(completed(5), 0);
	stack_write(&writes[9], far->flow, 5000, 5000);
	stack_drain(far);
	AWAIT(far->ended);
	CHECK_RESULT(far->read.result, 0);
	CHECK_EQ(far->got, 300000);
	CHECK(!far->wrong);
	AWAIT(completed(5) == 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK_RESULT(writes[i].done.result, 0);
	AWAIT(writes[9].done.count == 1);
	CHECK_RESULT(writes[9].done.result, 0);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(flow, both_close, "FLW-13 FLW-12")
{
	CASE_BEGIN;
	PAIR(way);
	stack_write(&writes[0], near->flow, 0, 100);
	stack_write(&writes[1], far->flow, 0, 100);
	stack_read(near);
	AWAIT(near->read.count == 1);
	stack_read(near);
	stack_close(near);
	stack_close(far);
	AWAIT(completed(2) == 2 && near->read.count == 2);
	CHECK_RESULT(writes[0].done.result, 0);
	CHECK_RESULT(writes[1].done.result, 0);
	CHECK_RESULT(near->read.result, MIRAGE_ECANCELED);
	CASE_END;
}

CASES(flow) = {
	STACK_CASES(flow, bytes_arrive),
	STACK_CASES(flow, many_writes),
	STACK_CASES(flow, slow_reader),
	STACK_V4_CASES(flow, empty_writes),
	STACK_CASES(flow, lent_bytes),
	STACK_V4_CASES(flow, choices),
	STACK_CASES(flow, shutdown_ends),
	STACK_CASES(flow, write_after_shutdown),
	STACK_CASES(flow, close_cancels_read),
	STACK_CASES(flow, close_sends),
	STACK_CASES(flow, both_close),
	NULL,
};
