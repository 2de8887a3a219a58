/* SPDX-License-Identifier: ISC */
/* Parts: dates, ranges, encodings, paths, URLs. */
#include "http.h"
#include "http_test.h"

#include <string.h>

START_TEST(test_dates_print)
{
	char text[HTTP_DATE_BYTES + 1];

	http_date_print(text, 784111777);
	ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	http_date_print(text, 0);
	ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	http_date_print(text, -1);
	ck_assert_str_eq(text, "Wed, 31 Dec 1969 23:59:59 GMT");
	http_date_print(text, 951782400);
	ck_assert_str_eq(text, "Tue, 29 Feb 2000 00:00:00 GMT");
	http_date_print(text, 4107542400);
	ck_assert_str_eq(text, "Mon, 01 Mar 2100 00:00:00 GMT");
}
END_TEST

START_TEST(test_dates_back)
{
	char text[HTTP_DATE_BYTES + 1];
	int64_t seconds;

	for (int64_t day = -300000; day < 300000; day += 17) {
		http_date_print(text, day * 86400 + 12345);
		if (day * 86400 < INT64_C(-62135596800))
			continue;
		ck_assert(http_date_parse(text, &seconds));
		ck_assert_int_eq(seconds, day * 86400 + 12345);
	}
}
END_TEST

static const char *const bad_dates[] = {
	"",
	"x",
	"Sun, 06 Nov 1994 08:49:37",
	"Sun, 06 Nov 1994 08:49:37 GMT ",
	"Sun, 06 Nov 1994 24:49:37 GMT",
	"Sun, 06 Nov 1994 08:60:37 GMT",
	"Sun, 31 Feb 1994 08:49:37 GMT",
	"Sun, 00 Nov 1994 08:49:37 GMT",
	"Sun, 6 Nov 1994 08:49:37 GMT",
	"Sun, 06 Nix 1994 08:49:37 GMT",
	"Sun, 06 Nov 94 08:49:37 GMT",
	"Sun Nov 6 08:49:37 1994",
	"Sun",
};

START_TEST(test_dates_bad)
{
	int64_t seconds;

	ck_assert_msg(!http_date_parse(bad_dates[_i], &seconds), "%s",
		      bad_dates[_i]);
}
END_TEST

static void check_ranges(const char *text, uint64_t size, int n, uint64_t first,
			 uint64_t last)
{
	struct http_range ranges[HTTP_RANGES_MAX];

	ck_assert_int_eq(http_ranges(text, size, ranges), n);
	if (n > 0) {
		ck_assert_uint_eq(ranges[n - 1].first, first);
		ck_assert_uint_eq(ranges[n - 1].last, last);
	}
}

START_TEST(test_ranges)
{
	check_ranges(NULL, 10, 0, 0, 0);
	check_ranges("bytes=0-0", 10, 1, 0, 0);
	check_ranges("bytes=0-0", 0, -1, 0, 0);
	check_ranges("bytes=-1", 0, -1, 0, 0);
	check_ranges("bytes=-3", 10, 1, 7, 9);
	check_ranges("bytes=3-", 10, 1, 3, 9);
	check_ranges("bytes=0-1,5-6", 10, 2, 5, 6);
	check_ranges("bytes=0-18446744073709551615", 10, 1, 0, 9);
	check_ranges("bytes=18446744073709551616-", 10, -1, 0, 0);
	check_ranges("bytes=0-1;2-3", 10, 0, 0, 0);
	check_ranges("bytes", 10, 0, 0, 0);
	check_ranges("bytes=0-8,1-9", 10, 0, 0, 0);
	check_ranges("bytes=18446744073709551614-", UINT64_MAX, 1,
		     UINT64_MAX - 1, UINT64_MAX - 1);
}
END_TEST

START_TEST(test_accepts)
{
	ck_assert_uint_eq(http_accepts(NULL, "gzip"), 0);
	ck_assert_uint_eq(http_accepts("", "gzip"), 0);
	ck_assert_uint_eq(http_accepts("gzip", "gzip"), 1000);
	ck_assert_uint_eq(http_accepts("GZip ; Q=0.5", "gzip"), 500);
	ck_assert_uint_eq(http_accepts("br, gzip;q=0.123", "gzip"), 123);
	ck_assert_uint_eq(http_accepts("*;q=0.2, br", "gzip"), 200);
	ck_assert_uint_eq(http_accepts("gzip;q=0, *", "gzip"), 0);
	ck_assert_uint_eq(http_accepts("gzipped", "gzip"), 0);
	ck_assert_uint_eq(http_accepts(",,gzip;q=1", "gzip"), 1000);
}
END_TEST

static void check_path(const char *path, enum http_path kind, const char *want)
{
	char key[MIRAGE_KV_KEY_MAX + 1];

	ck_assert_msg(http_path_key(key, "www/", path) == kind, "%s", path);
	if (kind <= HTTP_PATH_FOLDER)
		ck_assert_str_eq(key, want);
}

START_TEST(test_paths)
{
	check_path("/", HTTP_PATH_FOLDER, "www/");
	check_path("/a", HTTP_PATH_KEY, "www/a");
	check_path("/a/", HTTP_PATH_FOLDER, "www/a/");
	check_path("/a/b", HTTP_PATH_KEY, "www/a/b");
	check_path("/a/..", HTTP_PATH_FOLDER, "www/");
	check_path("/a/../..", HTTP_PATH_FOLDER, "www/");
	check_path("/../b", HTTP_PATH_KEY, "www/b");
	check_path("/a/b/../c", HTTP_PATH_KEY, "www/a/c");
	check_path("/a/.", HTTP_PATH_FOLDER, "www/a/");
	check_path("/...", HTTP_PATH_KEY, "www/...");
	check_path("/%2e%2E/%61", HTTP_PATH_KEY, "www/a");
	check_path("/a%2fb", HTTP_PATH_NONE, NULL);
	check_path("/a//b", HTTP_PATH_NONE, NULL);
	check_path("/%", HTTP_PATH_BAD, NULL);
	check_path("/%0", HTTP_PATH_BAD, NULL);
	check_path("/%00", HTTP_PATH_BAD, NULL);
	check_path("/%0a", HTTP_PATH_NONE, NULL);
	check_path("", HTTP_PATH_NONE, NULL);
}
END_TEST

static void check_url(const char *text, const char *host, uint16_t port,
		      const char *target)
{
	struct http_url url;

	ck_assert_msg(http_url_parse(&url, text) == (host != NULL), "%s", text);
	if (host == NULL)
		return;
	ck_assert_str_eq(url.host, host);
	ck_assert_uint_eq(url.port, port);
	ck_assert_uint_eq(url.target_bytes, strlen(target));
	ck_assert_int_eq(strncmp(url.target, target, url.target_bytes), 0);
}

START_TEST(test_urls)
{
	check_url("http://a", "a", 80, "");
	check_url("HTTP://A.Example:81/x?y#z", "a.example", 81, "/x?y");
	check_url("http://[2001:DB8::1]:8080/", "2001:db8::1", 8080, "/");
	check_url("http://a?b", "a", 80, "?b");
	check_url("http://a:/", "a", 80, "/");
	check_url("https://a/", NULL, 0, NULL);
	check_url("http:/a/", NULL, 0, NULL);
	check_url("http://", NULL, 0, NULL);
	check_url("http://a:0/", NULL, 0, NULL);
	check_url("http://a:65536/", NULL, 0, NULL);
	check_url("http://u@a/", NULL, 0, NULL);
	check_url("http://a/\r\nX: y", NULL, 0, NULL);
	check_url("http://a/ b", NULL, 0, NULL);
	check_url("http://[::1/", NULL, 0, NULL);
	check_url("a", NULL, 0, NULL);
}
END_TEST

static void check_join(const char *base, const char *reference,
		       const char *want)
{
	struct http_url url;
	char to[200];

	ck_assert(http_url_parse(&url, base));
	ck_assert_uint_eq(http_url_join(to, sizeof(to), &url, reference),
			  strlen(want));
	ck_assert_str_eq(to, want);
	ck_assert_uint_eq(http_url_join(to, strlen(want), &url, reference), 0);
}

START_TEST(test_joins)
{
	check_join("http://a/b/c?d", "e", "http://a/b/e");
	check_join("http://a/b/c?d", "/e", "http://a/e");
	check_join("http://a/b/c?d", "?e", "http://a/b/c?e");
	check_join("http://a/b/c?d", "//e/f", "http://e/f");
	check_join("http://a/b/c?d", "http://e/f", "http://e/f");
	check_join("http://a/b/c?d", "https://e/f", "https://e/f");
	check_join("http://a", "e", "http://a/e");
	check_join("http://a:81/b/", "e", "http://a:81/b/e");
}
END_TEST

TCase *http_case_parts(void)
{
	TCase *tcase = tcase_create("parts");

	tcase_add_test(tcase, test_dates_print);
	tcase_add_test(tcase, test_dates_back);
	tcase_add_loop_test(tcase, test_dates_bad, 0,
			    sizeof(bad_dates) / sizeof(bad_dates[0]));
	tcase_add_test(tcase, test_ranges);
	tcase_add_test(tcase, test_accepts);
	tcase_add_test(tcase, test_paths);
	tcase_add_test(tcase, test_urls);
	tcase_add_test(tcase, test_joins);
	return tcase;
}
