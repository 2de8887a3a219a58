/* SPDX-License-Identifier: ISC */
/* The server in memory: streams, slow peers, limits, the end. */
#include "http_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memory_flow *flow;
static struct memory_flow *flows[8];

static const struct mirage_http_counters *counters(void)
{
	return mirage_http_server_counters(http_test_server);
}

static struct memory_flow *connect_one(void)
{
	struct memory_flow *new = memory_flow_new();

	ck_assert_int_eq(mirage_http_server_flow(http_test_server, &new->flow),
			 0);
	return new;
}

static void say(struct memory_flow *to, const char *text)
{
	memory_send(to, text, strlen(text));
}

static void get(struct memory_flow *to, const char *target)
{
	char text[300];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		 target);
	say(to, text);
}

static bool has(const struct memory_flow *of, const char *text)
{
	return memmem(of->out, of->n_out, text, strlen(text)) != NULL;
}

/** Ends the test after `ms`, when the connections have come to their ends. */
static void finish(void)
{
	for (size_t i = 0; i < 8; i++)
		if (flows[i] != NULL) {
			ck_assert(memory_quiet(flows[i]));
			memory_free(flows[i]);
		}
	ck_assert_uint_eq(counters()->connections, 0);
	ck_assert_uint_eq(counters()->requests, 0);
	http_test_end();
}

/** Lets all connections end from the client's side, and judges that. */
static void end_all(void)
{
	for (size_t i = 0; i < 8; i++)
		if (flows[i] != NULL) {
			flows[i]->in_ended = true;
			memory_kick(flows[i]);
		}
	http_test_after(10000, finish);
}

/* --------------------------------------------------------------- Streams -- */

static const struct {
	const char *target;
	size_t bytes;
	bool chunked;
} streams[] = {
	{"/bytes?1", 1, false},	   {"/bytes?1000000", 1000000, false},
	{"/chunks?0", 0, true},	   {"/chunks?1000000", 1000000, true},
	{"/big", 1000000, false},  {"/source", 100000, false},
	{"/content", 1000, false},
};
static size_t stream, step_bytes;

/** Takes the framing of chunks off, in place. Returns the bytes of the body. */
static size_t unchunk(uint8_t *body, size_t n)
{
	size_t from = 0, to = 0;

	for (;;) {
		char *end;
		size_t size = strtoul((char *)body + from, &end, 16);

		from = (size_t)((uint8_t *)end - body) + 2;
		ck_assert_uint_le(from + size + 2, n);
		if (size == 0)
			return to;
		memmove(body + to, body + from, size);
		from += size + 2;
		to += size;
	}
}

static void check_stream(void)
{
	uint8_t *body = memmem(flow->out, flow->n_out, "\r\n\r\n", 4);
	size_t n;

	ck_assert_ptr_nonnull(body);
	body += 4;
	n = flow->n_out - (size_t)(body - flow->out);
	if (streams[stream].chunked)
		n = unchunk(body, n);
	ck_assert_uint_eq(n, streams[stream].bytes);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(body[i], routes_byte(i));
	end_all();
}

/** Gives room for a little more, and a little more. */
static void more_room(void)
{
	static unsigned rounds;

	/* What waits is bounded, however slow the reader. */
	ck_assert_uint_le(flow->flow.writes, 4);
	if (flow->first == NULL && ++rounds > 5) {
		check_stream();
		return;
	}
	flow->room += step_bytes;
	memory_kick(flow);
	http_test_after(1, more_room);
}

static void start_stream(void)
{
	flow = flows[0] = connect_one();
	flow->room = 0;
	get(flow, streams[stream].target);
	http_test_after(1, more_room);
}

START_TEST(test_streams)
{
	stream = (size_t)_i / 2;
	step_bytes = _i % 2 == 0 ? 50000 : 999;
	http_test_run(start_stream);
}
END_TEST

/* ---------------------------------------------------------------- Ranges -- */

static void check_parts(void)
{
	const char *boundary = memmem(flow->out, flow->n_out, "boundary=", 9);
	char want[600], b[33] = {0};
	size_t n;

	ck_assert_ptr_nonnull(boundary);
	memcpy(b, boundary + 9, 32);
	n = (size_t)snprintf(
		want, sizeof(want),
		"\r\n\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
		"Content-Range: bytes 65-69/1000\r\n\r\nABCDE\r\n"
		"--%s\r\nContent-Type: application/octet-stream\r\n"
		"Content-Range: bytes 48-57/1000\r\n\r\n0123456789\r\n"
		"--%s--\r\n",
		b, b, b);
	ck_assert_uint_gt(flow->n_out, n);
	ck_assert_int_eq(memcmp(flow->out + flow->n_out - n, want, n), 0);
	snprintf(want, sizeof(want), "Content-Length: %zu\r\n", n - 4);
	ck_assert(has(flow, want));
	end_all();
}

static void start_parts(void)
{
	flow = flows[0] = connect_one();
	say(flow, "GET /content HTTP/1.1\r\nHost: a\r\n"
		  "Range: bytes=65-69,48-57\r\n\r\n");
	http_test_after(100, check_parts);
}

START_TEST(test_parts)
{
	http_test_run(start_parts);
}
END_TEST

/* -------------------------------------------------------------- Patience -- */

static unsigned drips;

static void check_loris(void)
{
	ck_assert(has(flow, "HTTP/1.1 408 "));
	ck_assert(flow->out_ended);
	ck_assert_uint_eq(counters()->timed_out, 1);
	end_all();
}

static void drip(void)
{
	/* A byte at a time is progress, but not enough of it. */
	if (++drips > 20) {
		check_loris();
		return;
	}
	say(flow, "x");
	http_test_after(100, drip);
}

static void start_loris(void)
{
	flow = flows[0] = connect_one();
	say(flow, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	drip();
}

static void start_slow_body(void)
{
	flow = flows[0] = connect_one();
	say(flow, "POST /sink HTTP/1.1\r\nHost: a\r\n"
		  "Content-Length: 10000\r\n\r\n");
	drip();
}

START_TEST(test_loris)
{
	http_test_run(_i == 0 ? start_loris : start_slow_body);
}
END_TEST

static void check_slow_reader(void)
{
	ck_assert(flow->aborted);
	ck_assert_uint_eq(counters()->timed_out, 1);
	ck_assert_uint_eq(counters()->aborted, 1);
	ck_assert_uint_eq(routes_busy, 0);
	end_all();
}

static void start_slow_reader(void)
{
	static const char *const targets[] = {"/bytes?4000000", "/big",
					      "/source", "/chunks?4000000"};

	flow = flows[0] = connect_one();
	flow->room = 1000;
	get(flow, targets[stream]);
	http_test_after(10000, check_slow_reader);
}

START_TEST(test_slow_reader)
{
	stream = (size_t)_i;
	http_test_run(start_slow_reader);
}
END_TEST

static void check_idle(void)
{
	ck_assert(flows[0]->out_ended && flows[0]->n_out == 0);
	ck_assert(flows[1]->out_ended && has(flows[1], "HTTP/1.1 200 "));
	ck_assert_uint_eq(counters()->timed_out, 2);
	finish();
}

static void start_idle(void)
{
	flows[0] = connect_one();
	flows[1] = connect_one();
	get(flows[1], "/");
	http_test_after(1000, check_idle);
}

START_TEST(test_idle)
{
	http_test_run(start_idle);
}
END_TEST

static void check_reset(void)
{
	ck_assert_uint_eq(routes_busy, 0);
	ck_assert_uint_ge(counters()->aborted, 2);
	finish();
}

static void reset_all(void)
{
	for (size_t i = 0; i < 3; i++) {
		flows[i]->broken = true;
		memory_kick(flows[i]);
	}
	http_test_after(2000, check_reset);
}

static void start_reset(void)
{
	for (size_t i = 0; i < 3; i++) {
		flows[i] = connect_one();
		flows[i]->room = 1000;
	}
	get(flows[0], "/bytes?4000000");
	get(flows[1], "/late?1000");
	say(flows[2], "POST /sink HTTP/1.1\r\nHost: a\r\n"
		      "Content-Length: 10\r\n\r\n");
	http_test_after(100, reset_all);
}

/** Peers that go away while something is going on. */
START_TEST(test_reset)
{
	http_test_run(start_reset);
}
END_TEST

/* ---------------------------------------------------------------- Limits -- */

static void check_evicted(void)
{
	/* The longest idle one had to go, those at work stay. */
	ck_assert(flows[0]->closed && !flows[1]->closed && !flows[2]->closed);
	ck_assert_uint_eq(counters()->evicted, 1);
	ck_assert(has(flows[2], "HTTP/1.1 200 "));
	end_all();
}

static void third(void)
{
	flows[2] = connect_one();
	get(flows[2], "/");
	http_test_after(50, check_evicted);
}

static void start_evicted(void)
{
	flows[0] = connect_one();
	flows[1] = connect_one();
	get(flows[1], "/late?200");
	http_test_after(50, third);
}

START_TEST(test_evicted)
{
	http_test_config.connections_max = 2;
	http_test_run(start_evicted);
}
END_TEST

static void check_full(void)
{
	struct memory_flow *one_more = memory_flow_new();

	ck_assert_int_eq(
		mirage_http_server_flow(http_test_server, &one_more->flow),
		MIRAGE_ERANGE);
	ck_assert(one_more->aborted);
	memory_free(one_more);
	http_test_after(1000, end_all);
}

static void start_full(void)
{
	for (size_t i = 0; i < 2; i++) {
		flows[i] = connect_one();
		get(flows[i], "/late?200");
	}
	http_test_after(50, check_full);
}

START_TEST(test_full)
{
	http_test_config.connections_max = 2;
	http_test_run(start_full);
}
END_TEST

/* --------------------------------------------------------------- Its end -- */

static bool closed;
static uint64_t closed_ns;

static void on_server_closed(void *arg, int result)
{
	closed = true;
	closed_ns = mirage_clock_monotonic_ns();
}

static void check_close(void)
{
	ck_assert(closed);
	ck_assert_uint_eq(routes_busy, 0);
	ck_assert(flows[0]->closed && flows[0]->n_out == 0);
	ck_assert(has(flows[1], "HTTP/1.1 200 "));
	ck_assert(has(flows[1], "Connection: close\r\n"));
	ck_assert(has(flows[1], "late\n"));
	ck_assert(!has(flows[1], "never"));
	ck_assert(flows[2]->aborted);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(memory_quiet(flows[i]));
		memory_free(flows[i]);
	}
	mirage_exit(0);
}

static void close_now(void)
{
	mirage_http_server_close(http_test_server, 300 * MS, on_server_closed,
				 NULL);
	http_test_after(2000, check_close);
}

static void start_close(void)
{
	for (size_t i = 0; i < 3; i++)
		flows[i] = connect_one();
	get(flows[1], "/late?200");
	get(flows[1], "/never");
	flows[2]->room = 1000;
	get(flows[2], "/bytes?1000000");
	http_test_after(100, close_now);
}

/** An idle connection, one at work, one that never ends. */
START_TEST(test_close)
{
	http_test_run(start_close);
}
END_TEST

/* --------------------------------------------------------------- The log -- */

static char log_text[2000];

static void on_access(void *arg, const struct mirage_http_access *access)
{
	size_t n = strlen(log_text);

	snprintf(log_text + n, sizeof(log_text) - n, "%s %s %u %llu %d\n",
		 access->request->method, access->request->target,
		 access->status, (unsigned long long)access->sent_bytes,
		 access->duration_ns >= 100 * MS);
}

static void check_log(void)
{
	ck_assert_str_eq(log_text, "GET /page 200 128 0\n"
				   "HEAD /page?x 200 0 0\n"
				   "GET /late?200 200 5 1\n"
				   "  400 16 0\n");
	end_all();
}

static void start_log(void)
{
	flow = flows[0] = connect_one();
	get(flow, "/page");
	say(flow, "HEAD /page?x HTTP/1.1\r\nHost: a\r\n\r\n");
	get(flow, "/late?200");
	say(flow, "\n");
	http_test_after(400, check_log);
}

START_TEST(test_log)
{
	http_test_config.on_access = on_access;
	http_test_run(start_log);
}
END_TEST

TCase *http_case_server(void)
{
	TCase *tcase = tcase_create("server");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_streams, 0,
			    2 * sizeof(streams) / sizeof(streams[0]));
	tcase_add_test(tcase, test_parts);
	tcase_add_loop_test(tcase, test_loris, 0, 2);
	tcase_add_loop_test(tcase, test_slow_reader, 0, 4);
	tcase_add_test(tcase, test_idle);
	tcase_add_test(tcase, test_reset);
	tcase_add_test(tcase, test_evicted);
	tcase_add_test(tcase, test_full);
	tcase_add_test(tcase, test_close);
	tcase_add_test(tcase, test_log);
	return tcase;
}
