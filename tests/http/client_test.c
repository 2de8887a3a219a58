/* SPDX-License-Identifier: ISC */
/* The client in memory: against our server, and against scripts of a bad one. */
#include "client_cases.h"
#include "http_test.h"

#include <stdlib.h>
#include <string.h>

static struct mirage_http_client *client;
static struct mirage_http_fetch fetch;
static size_t split;

static const struct fetch_case *now;
static size_t got_bytes;
static bool responded, finished, slow;
static char got_text[64];
static struct mirage_http_write write_one;
static struct mirage_vector vector;
static uint8_t pattern[10000];
static uint64_t written;
static struct mirage_timer timer;

static int to_server(const struct mirage_endpoint *to,
		     struct memory_flow *theirs)
{
	theirs->split = split;
	theirs->other->split = split;
	return mirage_http_server_flow(http_test_server, &theirs->flow);
}

/* --------------------------------------------------------------- A fetch -- */

static void on_piece(void *arg, int result, const void *bytes);

static void read_more(void *arg)
{
	mirage_http_fetch_read(&fetch, on_piece, NULL);
}

static void on_piece(void *arg, int result, const void *bytes)
{
	ck_assert(!finished);
	if (result <= 0)
		return;
	for (int i = 0; i < result && got_bytes + (size_t)i < 63; i++)
		got_text[got_bytes + (size_t)i] = ((const char *)bytes)[i];
	got_bytes += (size_t)result;
	if (slow)
		mirage_timer_start(&timer, mirage_clock_monotonic_ns() + MS,
				   read_more, NULL);
	else
		read_more(NULL);
}

static void on_response(void *arg, struct mirage_http_fetch *answered)
{
	ck_assert_ptr_eq(answered, &fetch);
	ck_assert(!responded);
	responded = true;
	ck_assert_ptr_nonnull(mirage_http_find(
		fetch.response_headers, fetch.n_response_headers, "date"));
	read_more(NULL);
}

static void on_written(void *arg, int result);

static void write_more(void)
{
	uint64_t left = now->streamed - written;

	if (left == 0) {
		mirage_http_fetch_end(&fetch);
		return;
	}
	vector = (struct mirage_vector){pattern, left < sizeof(pattern)
							 ? (size_t)left
							 : sizeof(pattern)};
	written += vector.length_bytes;
	write_one = (struct mirage_http_write){
		.vectors = &vector,
		.n_vectors = 1,
		.done = on_written,
	};
	mirage_http_fetch_write(&fetch, &write_one);
}

static void on_written(void *arg, int result)
{
	ck_assert(!finished);
	if (result == 0)
		write_more();
}

static void begin(const struct fetch_case *one, mirage_done_fn *done)
{
	static struct mirage_vector body;

	now = one;
	got_bytes = written = 0;
	responded = finished = false;
	memset(got_text, 0, sizeof(got_text));
	fetch = (struct mirage_http_fetch){
		.url = one->url,
		.method = one->method,
		.redirects_max = one->redirects_max,
		.expect_continue = one->expect,
		.on_response = on_response,
		.done = done,
	};
	if (one->body != NULL) {
		body = (struct mirage_vector){(void *)(uintptr_t)one->body,
					      strlen(one->body)};
		fetch.body = &body;
		fetch.n_body = 1;
	}
	if (one->streamed > 0)
		fetch.body_bytes =
			one->chunked ? MIRAGE_HTTP_CHUNKED : one->streamed;
	mirage_http_fetch(client, &fetch);
	if (one->streamed > 0)
		write_more();
}

static void end_test(void);

static void on_client_closed(void *arg, int result)
{
	http_test_end();
}

static void end_test(void)
{
	mirage_http_client_close(client, on_client_closed, NULL);
}

static void open_client(void)
{
	static const struct mirage_http_client_config config = {
		.size = sizeof(config),
		.response_ns = 2000 * MS,
		.body_ns = 2000 * MS,
	};

	memory_on_connect = to_server;
	ck_assert_int_eq(
		mirage_http_client_open(&memory_stack, &config, &client), 0);
}

/* ------------------------------------------------------------------ Good -- */

static size_t at;

static void on_good(void *arg, int result)
{
	finished = true;
	ck_assert_msg(result == now->result, "%s: %s", now->url,
		      mirage_strerror(result));
	ck_assert_msg(fetch.status == now->status, "%s: %u", now->url,
		      fetch.status);
	ck_assert_msg(now->result < 0 || got_bytes == now->bytes, "%s: %zu",
		      now->url, got_bytes);
	if (now->text != NULL)
		ck_assert_str_eq(got_text, now->text);
	if (++at < sizeof(good) / sizeof(good[0]))
		begin(&good[at], on_good);
	else
		end_test();
}

static void start_good(void)
{
	open_client();
	begin(&good[0], on_good);
}

static const size_t splits[] = {0, 1, 3};

START_TEST(test_good)
{
	split = splits[_i % 3];
	slow = _i == 3;
	http_test_run(start_good);
	/* Most go over one connection. */
	ck_assert_uint_lt(memory_connects, 12);
}
END_TEST

/* ---------------------------------------------------------------- Cancel -- */

static uint64_t cancel_ms;

static void on_canceled(void *arg, int result)
{
	finished = true;
	ck_assert_int_eq(result, MIRAGE_ECANCELED);
	end_test();
}

static void cancel(void)
{
	mirage_http_cancel(&fetch);
	mirage_http_cancel(&fetch);
}

static void start_cancel(void)
{
	static const struct fetch_case one = {
		.url = "http://a/bytes?4000000",
		.method = "POST",
		.streamed = 100000,
	};

	open_client();
	slow = true;
	begin(&one, on_canceled);
	if (cancel_ms == 0)
		cancel();
	else
		http_test_after(cancel_ms - 1, cancel);
}

/** In every phase: lookup, connect, request, response. */
START_TEST(test_cancel)
{
	cancel_ms = (uint64_t)_i;
	split = 100;
	http_test_run(start_cancel);
}
END_TEST

/* ------------------------------------------------------------- Addresses -- */

static int refuse_first(const struct mirage_endpoint *to,
			struct memory_flow *theirs)
{
	if (to->ip.bytes[3] < 3)
		return MIRAGE_EREFUSED;
	return to_server(to, theirs);
}

static void on_third(void *arg, int result)
{
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(memory_connects, 3);
	ck_assert_uint_eq(memory_lookups, 1);
	end_test();
}

static void start_third(void)
{
	open_client();
	memory_lookup_result = 4;
	memory_on_connect = refuse_first;
	begin(&good[0], on_third);
}

START_TEST(test_addresses)
{
	http_test_run(start_third);
}
END_TEST

static int want_error;

static void on_error(void *arg, int result)
{
	ck_assert_int_eq(result, want_error);
	end_test();
}

static void start_refused(void)
{
	open_client();
	memory_lookup_result = 2;
	memory_on_connect = refuse_first;
	begin(&good[0], on_error);
}

static void start_unknown(void)
{
	open_client();
	memory_lookup_result = want_error;
	begin(&good[0], on_error);
}

START_TEST(test_unreachable)
{
	want_error = _i == 0 ? MIRAGE_EREFUSED : MIRAGE_ENOENT;
	http_test_run(_i == 0 ? start_refused : start_unknown);
}
END_TEST

/* --------------------------------------------------------------- Scripts -- */

static const struct script *script;
static struct memory_flow *scripted;
static struct mirage_flow_write script_write;

static void on_script_read(void *arg, int result, const void *bytes)
{
	if (result > 0)
		mirage_flow_read(&scripted->flow, on_script_read, NULL);
	else
		mirage_flow_close(&scripted->flow);
}

static void on_script_written(void *arg, int result)
{
	if ((script->flags & STAYS) == 0)
		mirage_flow_shutdown(&scripted->flow);
}

static int to_script(const struct mirage_endpoint *to,
		     struct memory_flow *theirs)
{
	scripted = theirs;
	theirs->other->split = split;
	vector = (struct mirage_vector){(void *)(uintptr_t)script->says,
					strlen(script->says)};
	script_write = (struct mirage_flow_write){
		.vectors = &vector,
		.n_vectors = 1,
		.done = on_script_written,
	};
	mirage_flow_read(&theirs->flow, on_script_read, NULL);
	mirage_flow_write(&theirs->flow, &script_write);
	return 0;
}

static void start_script(void);

static void on_script(void *arg, int result)
{
	finished = true;
	ck_assert_msg(result == script->result, "%s: %s", script->says,
		      mirage_strerror(result));
	ck_assert_msg(fetch.status == script->status, "%s: %u", script->says,
		      fetch.status);
	ck_assert_str_eq(got_text, script->text);
	end_test();
}

static void start_script(void)
{
	static struct fetch_case one = {.url = "http://a/"};

	open_client();
	one.method = (script->flags & HEAD) != 0 ? "HEAD" : "GET";
	memory_on_connect = to_script;
	begin(&one, on_script);
}

START_TEST(test_scripts)
{
	script = &scripts[_i / 2];
	split = (size_t)_i % 2;
	http_test_run(start_script);
}
END_TEST

/* ------------------------------------------------------------------ Many -- */

enum { MANY = 50 };

static struct mirage_http_fetch many[MANY];
static unsigned many_done;

static void on_many(void *arg, int result)
{
	ck_assert_int_eq(result, 0);
	if (++many_done < MANY)
		return;
	ck_assert_uint_le(memory_connects, 8);
	end_test();
}

static void start_many(void)
{
	open_client();
	for (unsigned i = 0; i < MANY; i++) {
		many[i] = (struct mirage_http_fetch){
			.url = "http://a/late?10",
			.done = on_many,
		};
		mirage_http_fetch(client, &many[i]);
	}
}

/** More than there may be connections: they wait, and share. */
START_TEST(test_many)
{
	http_test_run(start_many);
	ck_assert_uint_eq(many_done, MANY);
}
END_TEST

/* ----------------------------------------------------------------- Stale -- */

static void on_second(void *arg, int result)
{
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(fetch.status, 200);
	ck_assert_uint_eq(memory_connects, 2);
	end_test();
}

static void second(void)
{
	begin(&good[0], on_second);
}

static void on_first(void *arg, int result)
{
	ck_assert_int_eq(result, 0);
	/* The server closes it meanwhile. */
	http_test_after(1000, second);
}

static void start_stale(void)
{
	open_client();
	begin(&good[0], on_first);
}

START_TEST(test_stale)
{
	http_test_run(start_stale);
}
END_TEST

TCase *http_case_client(void)
{
	TCase *tcase = tcase_create("client");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_good, 0, 4);
	tcase_add_loop_test(tcase, test_cancel, 0, 8);
	tcase_add_test(tcase, test_addresses);
	tcase_add_loop_test(tcase, test_unreachable, 0, 2);
	tcase_add_loop_test(tcase, test_scripts, 0,
			    2 * sizeof(scripts) / sizeof(scripts[0]));
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_stale);
	return tcase;
}
