/* SPDX-License-Identifier: ISC */
/* The front of flows, and what is told after the end of the program: nothing. */
#include "fake_stack.h"

static struct mirage_tcp_connect connect;
static struct mirage_resolve resolve;
static unsigned n_done;
static int done_result;

static void on_done(void *arg, int result)
{
	n_done++;
	done_result = result;
}

static void on_connected(void *arg, int result, struct mirage_flow *flow)
{
	n_done++;
}

static struct mirage_flow_write writes[2];
static int read_result;

static void on_read(void *arg, int result, const void *bytes)
{
	read_result = result;
}

static int start_flow(int argc, char *argv[])
{
	static uint8_t bytes[10];
	struct mirage_vector vectors[] = {{bytes, 7}, {bytes, 0}, {bytes, 3}};

	fake_stack_reset();
	mirage_flow_read(&it.flow, on_read, NULL);
	ck_assert_uint_eq(it.reads, 1);
	ck_assert(mirage_core_flow_reading(&it.flow));
	mirage_core_flow_read_done(&it.flow, 5, bytes);
	ck_assert(!mirage_core_flow_reading(&it.flow));
	ck_assert_int_eq(read_result, 5);
	mirage_core_flow_read_done(&it.flow, 6, bytes); /* nobody asked */
	ck_assert_int_eq(read_result, 5);
	writes[0] = (struct mirage_flow_write){
		.vectors = vectors, .n_vectors = 3, .done = on_done};
	mirage_flow_write(&it.flow, &writes[0]);
	ck_assert_ptr_eq(it.writes[0], &writes[0]);
	ck_assert_uint_eq(writes[0].length_bytes, 10);
	ck_assert_int_eq(mirage_flow_nodelay(&it.flow, true), MIRAGE_ENOTSUP);
	ck_assert_int_eq(mirage_flow_keepalive(&it.flow, 1), MIRAGE_ENOTSUP);
	mirage_flow_shutdown(&it.flow);
	mirage_flow_shutdown(&it.flow);
	ck_assert_uint_eq(it.shutdowns, 1);
	mirage_flow_close(&it.flow);
	mirage_flow_abort(&it.flow);
	ck_assert_uint_eq(it.closes + it.aborts, 2);
	mirage_core_flow_write_done(&writes[0], MIRAGE_ECANCELED);
	ck_assert_int_eq(done_result, MIRAGE_ECANCELED);
	return 0;
}

START_TEST(a_flow_passes_on)
{
	ck_assert_int_eq(fake_run(start_flow, NULL), 0);
	ck_assert_uint_eq(n_done, 1);
}
END_TEST

static void abort_twice(void)
{
	mirage_flow_abort(&it.flow);
	mirage_flow_abort(&it.flow);
}

static void abort_after_the_end(void)
{
	mirage_flow_close(&it.flow);
	mirage_flow_abort(&it.flow);
}

static void write_after_close(void)
{
	mirage_flow_close(&it.flow);
	mirage_flow_write(&it.flow, &writes[0]);
}

static void read_after_abort(void)
{
	mirage_flow_abort(&it.flow);
	mirage_flow_read(&it.flow, on_read, NULL);
}

static void done_twice(void)
{
	mirage_flow_write(&it.flow, &writes[0]);
	mirage_core_flow_write_done(&writes[0], 0);
	mirage_core_flow_write_done(&writes[0], 0);
}

static const struct {
	void (*body)(void);
	const char *message;
} misuses[] = {
	{abort_twice, "[LAW-05]: a flow was aborted twice"},
	{abort_after_the_end, "[LAW-05]: a flow was aborted after its end"},
	{write_after_close, "[LAW-05]: a flow was used after it was closed"},
	{read_after_abort, "[LAW-05]: a flow was used after it was closed"},
	{done_twice, "[LAW-01]: a write was completed that was not in flight"},
};
static int misuse;

static int start_misuse(int argc, char *argv[])
{
	fake_stack_reset();
	writes[0].done = on_done;
	misuses[misuse].body();
	return 0;
}

static void run_misuse(void)
{
	fake_run(start_misuse, NULL);
}

START_TEST(a_flow_is_misused)
{
	misuse = _i;
	fake_must_abort(run_misuse, misuses[_i].message);
}
END_TEST

static int start_ended(int argc, char *argv[])
{
	fake_stack_reset();
	mirage_core_stack_start(&it.stack);
	writes[0].done = on_done;
	connect.to = (struct mirage_endpoint){
		{.version = 4, .bytes = {10, 0, 0, 1}}, 80};
	connect.done = on_connected;
	mirage_tcp_connect(&it.stack, &connect);
	resolve = (struct mirage_resolve){
		.name = "a.b", .n_ips = 1, .done = on_done};
	mirage_resolve(&it.stack, &resolve);
	mirage_flow_read(&it.flow, on_read, NULL);
	mirage_flow_write(&it.flow, &writes[0]);
	mirage_exit(3);
	mirage_core_flow_read_done(&it.flow, 1, "x");
	mirage_core_flow_write_done(&writes[0], 0);
	mirage_core_tcp_connected(&connect, 0, &it.flow);
	mirage_core_resolved(&resolve, 1);
	return 0;
}

START_TEST(nothing_is_told_after_the_end)
{
	ck_assert_int_eq(fake_run(start_ended, NULL), 3);
	ck_assert_uint_eq(n_done, 0);
	ck_assert_int_eq(read_result, 0);
}
END_TEST

TCase *core_case_flows(void)
{
	TCase *tcase = tcase_create("flows");
	int n = (int)(sizeof misuses / sizeof *misuses);

	tcase_add_test(tcase, a_flow_passes_on);
	tcase_add_loop_test(tcase, a_flow_is_misused, 0, n);
	tcase_add_test(tcase, nothing_is_told_after_the_end);
	return tcase;
}
