/* SPDX-License-Identifier: ISC */
/* TCP: connections are made, refused, given up, and wait for who accepts them. */
#include "stack_case.h"

#define FEW 8u

static struct mirage_listener *listener, *other;
static struct mirage_tcp_connect connects[FEW];
static struct stack_end ends[FEW], accepted[FEW];
static struct stack_write written;

static void begin(void)
{
	listener = other = NULL;
	conf_set(connects, sizeof(connects), 0);
	conf_set(ends, sizeof(ends), 0);
	conf_set(accepted, sizeof(accepted), 0);
}

static void end(void)
{
	for (unsigned i = 0; i < FEW; i++) {
		stack_close(&ends[i]);
		stack_close(&accepted[i]);
	}
}

/* Connects near to `port` of far. */
static void connect_to(const struct stack_way *way, unsigned i, uint16_t port)
{
	stack_connect(&connects[i], conf_stack(way->near),
		      stack_at(way, way->far, port), &ends[i]);
}

static void accept_one(struct mirage_listener *from, unsigned i)
{
	mirage_tcp_accept(from, stack_opened, &accepted[i]);
}

/* A port of far's on which nobody listens. */
static uint16_t free_port(const struct stack_way *way)
{
	uint16_t port = 0;

	if (stack_listen(way, 0, 1, &other) == 0) {
		port = other->local.port;
		mirage_tcp_unlisten(other);
	}
	return port;
}

/* ----------------------------------------------------------- Connecting -- */

STACK_CASE(tcp, connects, "TCP-01 TCP-08 LAW-01 LAW-02")
{
	static struct mirage_endpoint at;

	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	accept_one(listener, 0);
	connect_to(way, 0, listener->local.port);
	CLAIM("LAW-02");
	CHECK_EQ(ends[0].opened.count + accepted[0].opened.count, 0);
	CLAIM("TCP-01");
	AWAIT(ends[0].opened.count > 0);
	CHECK_RESULT(ends[0].opened.result, 0);
	CHECK(ends[0].flow != NULL);
	at = stack_at(way, way->far, listener->local.port);
	CHECK(stack_same(&ends[0].flow->peer, &at));
	at = stack_at(way, way->near, ends[0].flow->local.port);
	CHECK(stack_same(&ends[0].flow->local, &at));
	CLAIM("TCP-08");
	AWAIT(accepted[0].opened.count > 0);
	CHECK_RESULT(accepted[0].opened.result, 0);
	CHECK(accepted[0].flow != NULL);
	CHECK(stack_same(&accepted[0].flow->peer, &ends[0].flow->local));
	CHECK(stack_same(&accepted[0].flow->local, &ends[0].flow->peer));
	CLAIM("LAW-01");
	REST_NS(10000000);
	CHECK_EQ(ends[0].opened.count, 1);
	CHECK_EQ(accepted[0].opened.count, 1);
	end();
	CASE_END;
}

/* In the order in which they came, whenever somebody asks. */
STACK_CASE(tcp, accepts_later, "TCP-08 TCP-06")
{
	static unsigned i;

	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 4, &listener), 0);
	for (i = 0; i < 4; i++) {
		connect_to(way, i, listener->local.port);
		CLAIM("TCP-06");
		AWAIT(ends[i].opened.count == 1);
		CHECK_RESULT(ends[i].opened.result, 0);
	}
	CLAIM("TCP-08");
	for (i = 0; i < 4; i++) {
		accept_one(listener, i);
		CHECK_EQ(accepted[i].opened.count, 0);
		AWAIT(accepted[i].opened.count == 1);
		CHECK_RESULT(accepted[i].opened.result, 0);
		CHECK_EQ(accepted[i].flow->peer.port, ends[i].flow->local.port);
	}
	end();
	CASE_END;
}

STACK_CASE(tcp, connects_from, "TCP-01")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	connects[0] = (struct mirage_tcp_connect){
		.to = stack_at(way, way->far, listener->local.port),
		.from = stack_at(way, way->near, 0),
		.done = stack_opened,
		.arg = &ends[0]};
	connects[0].from.port = free_port(way);
	mirage_tcp_connect(conf_stack(way->near), &connects[0]);
	AWAIT(ends[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	CHECK(stack_same(&ends[0].flow->local, &connects[0].from));
	end();
	CASE_END;
}

STACK_CASE(tcp, refused, "TCP-02 LAW-02")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	connect_to(way, 0, free_port(way));
	CLAIM("LAW-02");
	CHECK_EQ(ends[0].opened.count, 0);
	CLAIM("TCP-02");
	AWAIT(ends[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, MIRAGE_EREFUSED);
	CHECK(ends[0].flow == NULL);
	CASE_END;
}

/* Nobody accepts, and there is no room to wait in. */
STACK_CASE(tcp, times_out, "TCP-03 TCP-06")
{
	static uint64_t before_ns;

	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	connect_to(way, 0, listener->local.port);
	AWAIT(ends[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	connects[1] = (struct mirage_tcp_connect){
		.to = stack_at(way, way->far, listener->local.port),
		.timeout_ns = 200000000,
		.done = stack_opened,
		.arg = &ends[1]};
	before_ns = mirage_clock_monotonic_ns();
	mirage_tcp_connect(conf_stack(way->near), &connects[1]);
	CLAIM("TCP-03");
	/* Long before the stack's own patience ends. */
	AWAIT_NS(ends[1].opened.count == 1, 1000000000);
	CHECK_RESULT(ends[1].opened.result, MIRAGE_ETIMEDOUT);
	CHECK(mirage_clock_monotonic_ns() - before_ns >= 200000000);
	end();
	CASE_END;
}

STACK_CASE(tcp, beyond_the_backlog, "TCP-06 TCP-08")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	connect_to(way, 0, listener->local.port);
	AWAIT(ends[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	connect_to(way, 1, listener->local.port);
	REST_NS(100000000);
	CHECK_EQ(ends[1].opened.count, 0);
	accept_one(listener, 0);
	AWAIT(accepted[0].opened.count == 1);
	CHECK_RESULT(accepted[0].opened.result, 0);
	/* Tries again, after a second or three. */
	AWAIT(ends[1].opened.count == 1);
	CHECK_RESULT(ends[1].opened.result, 0);
	accept_one(listener, 1);
	AWAIT(accepted[1].opened.count == 1);
	CHECK_RESULT(accepted[1].opened.result, 0);
	end();
	CASE_END;
}

STACK_CASE(tcp, canceled, "TCP-04 LAW-02")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	mirage_tcp_cancel(&connects[0]); /* not in flight: nothing */
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	connect_to(way, 0, listener->local.port);
	AWAIT(ends[0].opened.count == 1);
	mirage_tcp_cancel(&connects[0]); /* not any more */
	/* At once, and after a while. */
	connect_to(way, 1, listener->local.port);
	mirage_tcp_cancel(&connects[1]);
	CLAIM("LAW-02");
	CHECK_EQ(ends[1].opened.count, 0);
	connect_to(way, 2, listener->local.port);
	CLAIM("TCP-04");
	AWAIT(ends[1].opened.count == 1);
	CHECK_RESULT(ends[1].opened.result, MIRAGE_ECANCELED);
	CHECK(ends[1].flow == NULL);
	REST_NS(20000000);
	if (ends[2].opened.count == 0)
		mirage_tcp_cancel(&connects[2]);
	AWAIT(ends[2].opened.count == 1);
	CHECK_RESULT(ends[2].opened.result, MIRAGE_ECANCELED);
	/* A connect that fails by itself may be given up too. */
	connect_to(way, 3, 0);
	mirage_tcp_cancel(&connects[3]);
	AWAIT(ends[3].opened.count == 1);
	CHECK_RESULT(ends[3].opened.result, MIRAGE_ECANCELED);
	CHECK_EQ(ends[0].opened.count, 1);
	end();
	CASE_END;
}

STACK_V4_CASE(tcp, malformed, "TCP-01 LAW-02")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	connect_to(way, 0, 0);
	stack_connect(&connects[1], conf_stack(way->near),
		      (struct mirage_endpoint){.port = 80}, &ends[1]);
	stack_connect(&connects[2], conf_stack(way->near),
		      (struct mirage_endpoint){{.version = way->version}, 80},
		      &ends[2]);
	CHECK_EQ(ends[0].opened.count + ends[1].opened.count +
			 ends[2].opened.count,
		 0);
	AWAIT(ends[0].opened.count > 0 && ends[1].opened.count > 0 &&
	      ends[2].opened.count > 0);
	CHECK_RESULT(ends[0].opened.result, MIRAGE_EINVAL);
	CHECK_RESULT(ends[1].opened.result, MIRAGE_EINVAL);
	CHECK_RESULT(ends[2].opened.result, MIRAGE_EINVAL);
	CASE_END;
}

/* ------------------------------------------------------------ Listening -- */

STACK_CASE(tcp, free_port, "TCP-05")
{
	static struct mirage_endpoint any;

	CASE_BEGIN;
	begin();
	STACKS(way);
	any = stack_any(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	CHECK_RESULT(mirage_tcp_listen(conf_stack(way->far), &any, 1, &other),
		     0);
	CHECK(listener->local.port != 0 && other->local.port != 0);
	CHECK(listener->local.port != other->local.port);
	connect_to(way, 0, other->local.port);
	accept_one(other, 0);
	AWAIT(ends[0].opened.count == 1 && accepted[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	CHECK(stack_same(&accepted[0].flow->local, &ends[0].flow->peer));
	end();
	CASE_END;
}

/* At any address of any version. */
STACK_CASE(tcp, any_version, "TCP-05 TCP-07")
{
	static struct mirage_endpoint any;

	CASE_BEGIN;
	begin();
	STACKS(way);
	any = (struct mirage_endpoint){.port = 0};
	CHECK_RESULT(
		mirage_tcp_listen(conf_stack(way->far), &any, 1, &listener), 0);
	CHECK(listener->local.port != 0);
	connect_to(way, 0, listener->local.port);
	accept_one(listener, 0);
	AWAIT(ends[0].opened.count == 1 && accepted[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	CHECK_EQ(accepted[0].flow->peer.ip.version, way->version);
	CLAIM("TCP-07");
	any.port = listener->local.port;
	CHECK_RESULT(mirage_tcp_listen(conf_stack(way->far), &any, 1, &other),
		     MIRAGE_EBUSY);
	end();
	CASE_END;
}

STACK_CASE(tcp, port_taken, "TCP-07")
{
	static struct mirage_endpoint at;

	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	other = NULL;
	CHECK_RESULT(stack_listen(way, listener->local.port, 1, &other),
		     MIRAGE_EBUSY);
	CHECK(other == NULL);
	/* Nor is there a place without a backlog, or elsewhere. */
	CHECK_RESULT(stack_listen(way, 0, 0, &other), MIRAGE_EINVAL);
	at = stack_at(way, way->far, 0);
	at.ip.bytes[1] = 77;
	at.ip.bytes[0] = way->version == 4 ? 192 : 0x20;
	CHECK_RESULT(mirage_tcp_listen(conf_stack(way->far), &at, 1, &other),
		     MIRAGE_EINVAL);
	CHECK(other == NULL);
	CASE_END;
}

STACK_CASE(tcp, unlistens, "TCP-10 TCP-11 TCP-12 LAW-02")
{
	static uint16_t port;

	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 4, &listener), 0);
	port = listener->local.port;
	accept_one(listener, 0);
	connect_to(way, 0, port);
	AWAIT(ends[0].opened.count == 1 && accepted[0].opened.count == 1);
	accept_one(listener, 1);
	mirage_tcp_unlisten(listener);
	CLAIM("LAW-02");
	CHECK_EQ(accepted[1].opened.count, 0);
	CLAIM("TCP-10");
	AWAIT(accepted[1].opened.count == 1);
	CHECK_RESULT(accepted[1].opened.result, MIRAGE_ECANCELED);
	CHECK(accepted[1].flow == NULL);
	CLAIM("TCP-11");
	stack_write(&written, accepted[0].flow, 0, 5000);
	stack_drain(&ends[0]);
	AWAIT(ends[0].got == 5000);
	CHECK(!ends[0].wrong);
	CLAIM("TCP-12");
	CHECK_RESULT(stack_listen(way, port, 4, &listener), 0);
	CHECK_EQ(listener->local.port, port);
	accept_one(listener, 2);
	connect_to(way, 2, port);
	AWAIT(ends[2].opened.count == 1 && accepted[2].opened.count == 1);
	CHECK_RESULT(accepted[2].opened.result, 0);
	end();
	CASE_END;
}

STACK_CASE(tcp, unlisten_resets, "TCP-10 TCP-12")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 4, &listener), 0);
	connect_to(way, 0, listener->local.port);
	AWAIT(ends[0].opened.count == 1);
	CHECK_RESULT(ends[0].opened.result, 0);
	stack_drain(&ends[0]);
	REST_NS(10000000);
	CHECK(!ends[0].ended);
	mirage_tcp_unlisten(listener);
	AWAIT(ends[0].ended);
	CHECK_RESULT(ends[0].read.result, MIRAGE_ERESET);
	CLAIM("TCP-12");
	connect_to(way, 1, connects[0].to.port);
	AWAIT(ends[1].opened.count == 1);
	CHECK_RESULT(ends[1].opened.result, MIRAGE_EREFUSED);
	end();
	CASE_END;
}

/* -------------------------------------------------------------- Churning -- */

#define ROUNDS 100u

static unsigned served;

static void serve(void *arg, int result, struct mirage_flow *flow)
{
	if (result < 0)
		return;
	served++;
	mirage_flow_close(flow);
	mirage_tcp_accept(listener, serve, NULL);
	conf_wake();
}

STACK_CASE(tcp, comes_and_goes, "TCP-01 TCP-08 FLW-03 LAW-04")
{
	static unsigned i;

	CASE_BEGIN;
	begin();
	STACKS(way);
	served = 0;
	CHECK_RESULT(stack_listen(way, 0, 4, &listener), 0);
	mirage_tcp_accept(listener, serve, NULL);
	for (i = 0; i < ROUNDS; i++) {
		ends[0] = (struct stack_end){.flow = NULL};
		connect_to(way, 0, listener->local.port);
		AWAIT(ends[0].opened.count == 1);
		CHECK_RESULT(ends[0].opened.result, 0);
		stack_drain(&ends[0]);
		AWAIT(ends[0].ended);
		CHECK_RESULT(ends[0].read.result, 0);
		stack_close(&ends[0]);
	}
	AWAIT(served == ROUNDS);
	CASE_END;
}

/* ----------------------------------------------------- Broken contracts -- */

STACK_V4_CASE(tcp, accept_twice, "TCP-09", .aborts = "TCP-09")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	accept_one(listener, 0);
	accept_one(listener, 1);
	CASE_END;
}

STACK_V4_CASE(tcp, accept_without_completion, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	CHECK_RESULT(stack_listen(way, 0, 1, &listener), 0);
	mirage_tcp_accept(listener, NULL, NULL);
	CASE_END;
}

STACK_V4_CASE(tcp, connect_without_completion, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	connects[0].to = stack_at(way, way->far, 80);
	mirage_tcp_connect(conf_stack(way->near), &connects[0]);
	CASE_END;
}

STACK_V4_CASE(tcp, connect_in_flight, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	begin();
	STACKS(way);
	connect_to(way, 0, 80);
	mirage_tcp_connect(conf_stack(way->near), &connects[0]);
	CASE_END;
}

CASES(tcp) = {
	STACK_CASES(tcp, connects),
	STACK_CASES(tcp, accepts_later),
	STACK_CASES(tcp, connects_from),
	STACK_CASES(tcp, refused),
	STACK_CASES(tcp, times_out),
	STACK_CASES(tcp, beyond_the_backlog),
	STACK_CASES(tcp, canceled),
	STACK_V4_CASES(tcp, malformed),
	STACK_CASES(tcp, free_port),
	STACK_CASES(tcp, any_version),
	STACK_CASES(tcp, port_taken),
	STACK_CASES(tcp, unlistens),
	STACK_CASES(tcp, unlisten_resets),
	STACK_CASES(tcp, comes_and_goes),
	STACK_V4_CASES(tcp, accept_twice),
	STACK_V4_CASES(tcp, accept_without_completion),
	STACK_V4_CASES(tcp, connect_without_completion),
	STACK_V4_CASES(tcp, connect_in_flight),
	NULL,
};
