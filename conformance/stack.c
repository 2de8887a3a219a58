/* SPDX-License-Identifier: ISC */
/* Stacks: their end, and what ends with them. */
#include "stack_case.h"

static struct stack_pump there;
static struct stack_write written;
static struct mirage_listener *listener;
static struct mirage_tcp_connect connect;
static struct mirage_resolve resolve;
static struct mirage_ip ips[2];
static struct mirage_udp *udp;
static struct stack_end accepted, connected;
static struct conf_done resolved;
static unsigned received;

static struct stack_end *const near = &stack_pair.near, *const far =
								&stack_pair.far;

static void begin(void)
{
	accepted = connected = (struct stack_end){.flow = NULL};
	resolved = (struct conf_done){.count = 0};
	resolve = (struct mirage_resolve){.name = "nobody.example",
					  .n_ips = 2,
					  .ips = ips,
					  .done = conf_count,
					  .arg = &resolved};
	received = 0;
}

static void on_datagram(void *arg, const struct mirage_endpoint *from,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	received++;
	conf_wake();
}

/* ------------------------------------------------------------- Closing -- */

/* All that was in flight at near, when near's CLOSED came. */
static struct {
	unsigned closed, reads, writes, connects, accepts, resolves;
} heard;

static void on_closed(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_CLOSED)
		return;
	heard.closed++;
	heard.reads = near->read.count;
	heard.writes = there.finished + there.failed;
	heard.connects = connected.opened.count;
	heard.accepts = accepted.opened.count;
	heard.resolves = resolved.count;
}

/* Has one of everything in flight at near. */
static void all_in_flight(const struct stack_way *way)
{
	struct mirage_endpoint at = stack_any(way);
	struct mirage_stack *stack = conf_stack(way->near);

	begin();
	conf_set(&heard, sizeof(heard), 0);
	conf_on_event(way->near, on_closed, NULL);
	stack_pump(&there, near->flow, 256u << 20);
	stack_read(near);
	if (mirage_tcp_listen(stack, &at, 1, &listener) != 0 ||
	    mirage_udp_open(stack, &at, on_datagram, NULL, &udp) != 0) {
		conf_failed(__FILE__, __LINE__, "a listener and a UDP port");
		return;
	}
	mirage_tcp_accept(listener, stack_opened, &accepted);
	/* The host might ask others than far, who has no answer. */
	if (way->near != way->far)
		mirage_resolve(stack, &resolve);
}

STACK_CASE(stack, close_ends_all, "STK-04 STK-05 LAW-01 LAW-02")
{
	CASE_BEGIN;
	PAIR(way);
	all_in_flight(way);
	REST_NS(100000000);
	if (conf_over())
		return;
	CHECK_EQ(near->read.count + accepted.opened.count + resolved.count, 0);
	CHECK(there.pieces > there.finished);
	stack_connect(&connect, conf_stack(way->near),
		      stack_at(way, way->far, stack_pair.listener->local.port),
		      &connected);
	conf_close(way->near);
	CLAIM("LAW-02");
	CHECK_EQ(near->read.count + accepted.opened.count +
			 connected.opened.count + there.failed + resolved.count,
		 0);
	CLAIM("STK-05");
	AWAIT(conf_is_closed(way->near));
	CLAIM("STK-04");
	CHECK_EQ(heard.reads, 1);
	CHECK_RESULT(near->read.result, MIRAGE_EGONE);
	CHECK_EQ(heard.writes, there.pieces);
	CHECK_RESULT(there.error, MIRAGE_EGONE);
	CHECK_EQ(heard.accepts, 1);
	CHECK_RESULT(accepted.opened.result, MIRAGE_EGONE);
	CHECK_EQ(heard.connects, 1);
	CHECK_RESULT(connected.opened.result, MIRAGE_EGONE);
	if (way->near != way->far) {
		CHECK_EQ(heard.resolves, 1);
		CHECK_RESULT(resolved.result, MIRAGE_EGONE);
	}
	/* Flows are still their owner's. */
	stack_write(&written, near->flow, 0, 10);
	stack_read(near);
	AWAIT(near->read.count == 2 && written.done.count == 1);
	CHECK_RESULT(near->read.result, MIRAGE_EGONE);
	CHECK_RESULT(written.done.result, MIRAGE_EGONE);
	stack_read(near);
	stack_close(near);
	AWAIT(near->read.count == 3);
	REST_NS(10000000);
	CLAIM("LAW-01");
	CHECK_EQ(near->read.count, 3);
	CHECK_EQ(connected.opened.count, 1);
	CHECK_EQ(accepted.opened.count, 1);
	CHECK(resolved.count <= 1);
	CLAIM("STK-05");
	CHECK_EQ(heard.closed, 1);
	stack_close(far);
	CASE_END;
}

STACK_CASE(stack, close_resets, "STK-04 FLW-14")
{
	CASE_BEGIN;
	PAIR(way);
	stack_drain(far);
	REST_NS(10000000);
	CHECK(!far->ended);
	if (way->far == way->near) {
		conf_close(way->near);
		AWAIT(far->ended);
		CHECK_RESULT(far->read.result, MIRAGE_EGONE);
	} else {
		conf_close(way->near);
		AWAIT(far->ended);
		CHECK_RESULT(far->read.result, MIRAGE_ERESET);
	}
	AWAIT(conf_is_closed(way->near));
	stack_pair_end();
	CASE_END;
}

static int closed_answer(const struct stack_way *way)
{
	struct mirage_endpoint at = stack_any(way);
	int result =
		mirage_tcp_listen(conf_stack(way->near), &at, 1, &listener);

	return result != MIRAGE_EGONE
		       ? result
		       : mirage_udp_open(conf_stack(way->near), &at,
					 on_datagram, NULL, &udp);
}

/* Between the close and its end. */
STACK_V4_CASE(stack, closed_takes_nothing, "STK-04 STK-05 LAW-02")
{
	static struct mirage_vector vector;
	static struct mirage_endpoint to;

	CASE_BEGIN;
	STACKS(way);
	begin();
	to = stack_any(way);
	vector = (struct mirage_vector){ips, 4};
	CHECK_RESULT(
		mirage_tcp_listen(conf_stack(way->near), &to, 1, &listener), 0);
	CHECK_RESULT(mirage_udp_open(conf_stack(way->near), &to, on_datagram,
				     NULL, &udp),
		     0);
	conf_close(way->near);
	mirage_stack_close(conf_stack(way->near));
	to = stack_at(way, way->far, 80);
	stack_connect(&connect, conf_stack(way->near), to, &connected);
	mirage_resolve(conf_stack(way->near), &resolve);
	mirage_tcp_accept(listener, stack_opened, &accepted);
	CHECK_RESULT(closed_answer(way), MIRAGE_EGONE);
	CHECK_RESULT(mirage_udp_send(udp, NULL, &to, &vector, 1), MIRAGE_EGONE);
	mirage_udp_close(udp);
	mirage_tcp_unlisten(listener);
	CLAIM("LAW-02");
	CHECK_EQ(connected.opened.count + resolved.count +
			 accepted.opened.count,
		 0);
	CLAIM("STK-04");
	AWAIT(connected.opened.count == 1 && resolved.count == 1 &&
	      accepted.opened.count == 1);
	CHECK_RESULT(connected.opened.result, MIRAGE_EGONE);
	CHECK_RESULT(resolved.result, MIRAGE_EGONE);
	CHECK_RESULT(accepted.opened.result, MIRAGE_EGONE);
	CLAIM("STK-05");
	AWAIT(conf_is_closed(way->near));
	REST_NS(10000000);
	CHECK_EQ(conf_events(way->near, MIRAGE_EVENT_CLOSED), 1);
	CASE_END;
}

static const struct stack_way *the_way;

static void close_stack(void *arg, int result, const void *bytes)
{
	conf_count(&far->read, result);
	conf_close(the_way->far);
}

STACK_V4_CASE(stack, closes_inside, "LAW-04 STK-04 STK-05")
{
	CASE_BEGIN;
	PAIR(way);
	the_way = way;
	mirage_flow_read(far->flow, close_stack, NULL);
	stack_write(&written, near->flow, 0, 1000);
	AWAIT(conf_is_closed(way->far));
	CHECK_EQ(far->read.count, 1);
	stack_read(far);
	AWAIT(far->read.count == 2);
	CHECK_RESULT(far->read.result, MIRAGE_EGONE);
	stack_pair_end();
	CASE_END;
}

STACK_CASE(stack, reopens, "STK-05 TCP-01")
{
	CASE_BEGIN;
	PAIR(way);
	stack_pair_end();
	CLOSE(way->near);
	if (way->far != way->near)
		CLOSE(way->far);
	PAIR(way);
	stack_write(&written, near->flow, 0, 1000);
	stack_drain(far);
	AWAIT(far->got == 1000);
	CHECK(!far->wrong);
	stack_pair_end();
	CASE_END;
}

CASES(stack) = {
	STACK_CASES(stack, close_ends_all),
	STACK_CASES(stack, close_resets),
	STACK_V4_CASES(stack, closed_takes_nothing),
	STACK_V4_CASES(stack, closes_inside),
	STACK_CASES(stack, reopens),
	NULL,
};
