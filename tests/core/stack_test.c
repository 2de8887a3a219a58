/* SPDX-License-Identifier: ISC */
/* The front of stacks. */
#include "fake_stack.h"

#include <string.h>

/* --------------------------------------------------------- Connections -- */

#define N 4
static struct mirage_tcp_connect connects[N];
static struct mirage_resolve resolves[N];
static struct mirage_ip ips[N][2];
static int order[2 * N], results[2 * N];
static unsigned n_done;

static void on_done(void *arg, int result)
{
	order[n_done] = (int)(intptr_t)arg;
	results[n_done++] = result;
}

static void on_connected(void *arg, int result, struct mirage_flow *flow)
{
	on_done(arg, result);
	ck_assert_int_eq(flow != NULL, result == 0);
}

static void connect_to(int i, const char *ip, uint16_t port)
{
	connects[i] = (struct mirage_tcp_connect){.to = {.port = port},
						  .done = on_connected,
						  .arg = (void *)(intptr_t)i};
	mirage_ip_parse(&connects[i].to.ip, ip);
	mirage_tcp_connect(&it.stack, &connects[i]);
}

static void start_stack(void)
{
	fake_stack_reset();
	mirage_core_stack_start(&it.stack);
}

static void end_stack(void)
{
	mirage_stack_close(&it.stack);
	mirage_core_stack_closed(&it.stack);
}

static int start_connects(int argc, char *argv[])
{
	start_stack();
	connect_to(0, "10.0.0.1", 0);
	connect_to(1, "0.0.0.0", 80);
	connect_to(2, "none", 80);
	connect_to(3, "::", 80);
	mirage_tcp_cancel(&connects[2]);
	ck_assert_uint_eq(n_done, 0);
	ck_assert_uint_eq(it.connects + it.cancels, 0);
	end_stack();
	return 0;
}

/* The program does not end before they are told, in their order. */
START_TEST(bad_connects_fail_later)
{
	static const int expected[] = {MIRAGE_EINVAL, MIRAGE_EINVAL,
				       MIRAGE_ECANCELED, MIRAGE_EINVAL};

	ck_assert_int_eq(fake_run(start_connects, NULL), 0);
	ck_assert_uint_eq(n_done, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(order[i], i);
		ck_assert_int_eq(results[i], expected[i]);
	}
}
END_TEST

static void connect_again(void *arg, int result, struct mirage_flow *flow)
{
	if (n_done++ == 0)
		mirage_tcp_connect(&it.stack, arg);
}

static int start_connect_again(int argc, char *argv[])
{
	start_stack();
	connects[0] = (struct mirage_tcp_connect){
		.to = {{.version = 4, .bytes = {10, 0, 0, 1}}, 80},
		.done = connect_again,
		.arg = &connects[0]};
	mirage_tcp_connect(&it.stack, &connects[0]);
	ck_assert_ptr_eq(it.connect, &connects[0]);
	mirage_core_tcp_connected(&connects[0], MIRAGE_EREFUSED, NULL);
	ck_assert_uint_eq(it.connects, 2);
	mirage_tcp_cancel(&connects[0]);
	ck_assert_uint_eq(it.cancels, 1);
	mirage_core_tcp_connected(&connects[0], MIRAGE_ECANCELED, NULL);
	ck_assert_uint_eq(n_done, 2);
	mirage_tcp_cancel(&connects[0]);
	ck_assert_uint_eq(it.cancels, 1);
	end_stack();
	return 0;
}

START_TEST(a_connect_may_be_used_again_inside)
{
	ck_assert_int_eq(fake_run(start_connect_again, NULL), 0);
}
END_TEST

static int start_answers_once(int argc, char *argv[])
{
	start_stack();
	connect_to(0, "10.0.0.1", 80);
	mirage_core_tcp_connected(&connects[0], 0, &it.flow);
	mirage_core_tcp_connected(&connects[0], 0, &it.flow);
	return 0;
}

static void run_answers_once(void)
{
	fake_run(start_answers_once, NULL);
}

START_TEST(a_connect_is_answered_once)
{
	fake_must_abort(run_answers_once, "broken contract [LAW-01]");
}
END_TEST

/* ------------------------------------------------------------- Resolver -- */

static void look_up(int i, const char *name, uint8_t version)
{
	resolves[i] = (struct mirage_resolve){.name = name,
					      .version = version,
					      .n_ips = 2,
					      .ips = ips[i],
					      .done = on_done,
					      .arg = (void *)(intptr_t)i};
	mirage_resolve(&it.stack, &resolves[i]);
}

static int start_resolves(int argc, char *argv[])
{
	start_stack();
	look_up(0, "10.0.0.7", 0);
	look_up(1, "::7", 4);
	look_up(2, "not a name", 0);
	look_up(3, "10.0.0.7", 0);
	mirage_resolve_cancel(&resolves[3]);
	ck_assert_uint_eq(n_done + it.resolves, 0);
	end_stack();
	return 0;
}

START_TEST(what_needs_no_server)
{
	static const int expected[] = {1, MIRAGE_ENOENT, MIRAGE_EINVAL,
				       MIRAGE_ECANCELED};

	ck_assert_int_eq(fake_run(start_resolves, NULL), 0);
	ck_assert_uint_eq(n_done, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(order[i], i);
		ck_assert_int_eq(results[i], expected[i]);
	}
	ck_assert_int_eq(ips[0][0].version, 4);
	ck_assert_int_eq(ips[0][0].bytes[3], 7);
}
END_TEST

static const struct {
	const char *name;
	bool good;
} names[] = {
	{"a", true},
	{"a.b", true},
	{"a.b.", true},
	{"A-1_x.example", true},
	/* Of numbers, but no address: there may be such a name. */
	{"1.2.3", true},
	{"256.1.1.1", true},
	{"", false},
	{".", false},
	{".a", false},
	{"a..b", false},
	{"a..", false},
	{"a b", false},
	{"a\tb", false},
	{"a/b", false},
	{"[::1]", false},
	{"::g", false},
	{"\xc3\xa9", false},
};

static int start_names(int argc, char *argv[])
{
	char name[300];
	unsigned asked = 0;

	start_stack();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		/* They stay in flight to the end. */
		static struct mirage_resolve
			asked_for[sizeof names / sizeof *names];
		struct mirage_resolve *resolve = &asked_for[i];

		*resolve = (struct mirage_resolve){.name = names[i].name,
						   .n_ips = 2,
						   .ips = ips[0],
						   .done = on_done};
		n_done = 0;
		mirage_resolve(&it.stack, resolve);
		asked += names[i].good;
		ck_assert_msg(it.resolves == asked, "'%s'", names[i].name);
	}
	/* Labels of 63 make a name of 253 with the last one of 61. */
	for (int i = 0; i < 253; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[253] = '\0';
	look_up(0, name, 0);
	ck_assert_uint_eq(it.resolves, asked + 1);
	name[253] = 'a';
	name[254] = '\0';
	look_up(1, name, 0);
	memset(name, 'a', 64);
	look_up(2, name, 0);
	ck_assert_uint_eq(it.resolves, asked + 1);
	mirage_exit(0);
	return 0;
}

START_TEST(what_is_a_name)
{
	ck_assert_int_eq(fake_run(start_names, NULL), 0);
}
END_TEST

/* ------------------------------------------------------ Ports and closing -- */

static void on_receive(void *arg, const struct mirage_endpoint *from,
		       const struct mirage_endpoint *to, const void *bytes,
		       size_t length)
{
}

static int start_udp(int argc, char *argv[])
{
	static uint8_t bytes[65528];
	struct mirage_endpoint to = {{.version = 4, .bytes = {10, 0, 0, 1}},
				     80};
	struct mirage_vector vectors[] = {{bytes, 65507}, {bytes, 1}};
	struct mirage_udp *udp;

	start_stack();
	ck_assert_int_eq(
		mirage_udp_open(&it.stack, &to, on_receive, NULL, &udp), 0);
	ck_assert_ptr_eq(udp->stack, &it.stack);
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, vectors, 1), 0);
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, vectors, 2),
			 MIRAGE_EMSGSIZE);
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, NULL, 0), 0);
	to.ip.version = 6;
	vectors[0].length_bytes = 65527;
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, vectors, 1), 0);
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, vectors, 2),
			 MIRAGE_EMSGSIZE);
	to.port = 0;
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &to, vectors, 1),
			 MIRAGE_EINVAL);
	ck_assert_uint_eq(it.sends, 3);
	mirage_udp_close(udp);
	ck_assert_uint_eq(it.udp_closes, 1);
	end_stack();
	return 0;
}

START_TEST(datagrams_have_bounds)
{
	ck_assert_int_eq(fake_run(start_udp, NULL), 0);
}
END_TEST

static unsigned n_closed;

static void on_event(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_CLOSED);
	n_closed++;
}

static int start_closing(int argc, char *argv[])
{
	struct mirage_endpoint at = {{.version = 4}, 80};
	struct mirage_vector vector = {&at, 1};
	struct mirage_listener *listener, *other = NULL;
	struct mirage_udp *udp, *more = NULL;

	start_stack();
	mirage_stack_on_event(&it.stack, on_event, NULL);
	ck_assert_int_eq(mirage_tcp_listen(&it.stack, &at, 0, &listener),
			 MIRAGE_EINVAL);
	ck_assert_int_eq(mirage_tcp_listen(&it.stack, &at, 1, &listener), 0);
	ck_assert_int_eq(
		mirage_udp_open(&it.stack, &at, on_receive, NULL, &udp), 0);
	mirage_stack_close(&it.stack);
	mirage_stack_close(&it.stack);
	ck_assert_uint_eq(it.closes, 1);
	/* Nothing of this reaches the stack. */
	ck_assert_int_eq(mirage_tcp_listen(&it.stack, &at, 1, &other),
			 MIRAGE_EGONE);
	ck_assert_int_eq(
		mirage_udp_open(&it.stack, &at, on_receive, NULL, &more),
		MIRAGE_EGONE);
	ck_assert_int_eq(mirage_udp_send(udp, NULL, &at, &vector, 1),
			 MIRAGE_EGONE);
	mirage_udp_close(udp);
	mirage_tcp_unlisten(listener);
	ck_assert_uint_eq(it.udp_closes + it.unlistens + it.sends, 0);
	connect_to(0, "10.0.0.1", 80);
	look_up(1, "10.0.0.1", 0);
	ck_assert_uint_eq(it.connects + n_done, 0);
	mirage_core_stack_closed(&it.stack);
	ck_assert_uint_eq(n_closed, 1);
	return 0;
}

START_TEST(a_closing_stack_takes_nothing)
{
	ck_assert_int_eq(fake_run(start_closing, NULL), 0);
	ck_assert_uint_eq(n_done, 2);
	ck_assert_int_eq(results[0], MIRAGE_EGONE);
	ck_assert_int_eq(results[1], MIRAGE_EGONE);
}
END_TEST

static int start_closed_by_itself(int argc, char *argv[])
{
	start_stack();
	mirage_core_stack_closed(&it.stack);
	return 0;
}

static void run_closed_by_itself(void)
{
	fake_run(start_closed_by_itself, NULL);
}

START_TEST(a_stack_does_not_close_itself)
{
	fake_must_abort(run_closed_by_itself, "broken contract [STK-05]");
}
END_TEST

static int start_no_op(int argc, char *argv[])
{
	static struct mirage_stack_ops ops;

	fake_stack_reset();
	ops = *it.stack.ops;
	ops.cancel = NULL;
	it.stack.ops = &ops;
	mirage_core_stack_start(&it.stack);
	return 0;
}

static void run_no_op(void)
{
	fake_run(start_no_op, NULL);
}

START_TEST(a_stack_has_all_ops)
{
	fake_must_abort(run_no_op, "no stack.cancel");
}
END_TEST

TCase *core_case_stacks(void)
{
	TCase *tcase = tcase_create("stacks");

	tcase_add_test(tcase, bad_connects_fail_later);
	tcase_add_test(tcase, a_connect_may_be_used_again_inside);
	tcase_add_test(tcase, a_connect_is_answered_once);
	tcase_add_test(tcase, what_needs_no_server);
	tcase_add_test(tcase, what_is_a_name);
	tcase_add_test(tcase, datagrams_have_bounds);
	tcase_add_test(tcase, a_closing_stack_takes_nothing);
	tcase_add_test(tcase, a_stack_does_not_close_itself);
	tcase_add_test(tcase, a_stack_has_all_ops);
	return tcase;
}
