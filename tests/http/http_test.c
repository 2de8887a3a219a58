/* SPDX-License-Identifier: ISC */
/* The tests in memory: the clock is virtual, flows are made of memory. */
#include "http_test.h"

#include "fake.h"

#include <stdlib.h>

struct mirage_http_config http_test_config = {
	.size = sizeof(http_test_config),
	.on_request = routes_serve,
	.body_bytes_max = 1 << 26,
	.first_byte_ns = 500 * MS,
	.head_ns = 500 * MS,
	.body_ns = 500 * MS,
	.write_ns = 500 * MS,
	.idle_ns = 500 * MS,
};
struct mirage_http_server *http_test_server;

static void (*test_body)(void);
static struct mirage_timer timer;
static void (*timer_next)(void);

static void on_routes(void *arg, int result)
{
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(
		mirage_http_server_open(&http_test_config, &http_test_server),
		0);
	test_body();
}

static int start(int argc, char *argv[])
{
	routes_open(on_routes, NULL);
	return 0;
}

void http_test_run(void (*body)(void))
{
	test_body = body;
	ck_assert_int_eq(fake_run(start, NULL), 0);
}

static void on_closed(void *arg, int result)
{
	ck_assert_uint_eq(routes_busy, 0);
	mirage_exit(0);
}

void http_test_end(void)
{
	mirage_http_server_close(http_test_server, 1000 * MS, on_closed, NULL);
}

static void on_timer(void *arg)
{
	timer_next();
}

void http_test_after(uint64_t ms, void (*next)(void))
{
	timer_next = next;
	mirage_timer_start(&timer, mirage_clock_monotonic_ns() + ms * MS,
			   on_timer, NULL);
}

int main(void)
{
	Suite *suite = suite_create("http");
	SRunner *runner;
	int failed;

#define HTTP_CASE_ADD(name) suite_add_tcase(suite, http_case_##name());
	HTTP_CASES(HTTP_CASE_ADD)
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
