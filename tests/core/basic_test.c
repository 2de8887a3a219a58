/* SPDX-License-Identifier: ISC */
/* Errors, packets and pools, URIs and sizes. */
#include "fake.h"

#include <string.h>

START_TEST(every_error_has_a_name_and_a_text)
{
	int n = 0;

#define CHECK(name, value, text)                        \
	n++;                                            \
	ck_assert_int_eq(MIRAGE_##name, value);         \
	ck_assert_int_eq(value, -n);                    \
	ck_assert_str_eq(mirage_strerror(value), text); \
	ck_assert_str_eq(mirage_error_name(value), #name);
	MIRAGE_ERROR_MAP(CHECK)
#undef CHECK
	ck_assert_int_eq(n, 21);
}
END_TEST

START_TEST(other_values_have_a_text_too)
{
	ck_assert_str_eq(mirage_strerror(0), "success");
	ck_assert_str_eq(mirage_strerror(12), "success");
	ck_assert_str_eq(mirage_error_name(0), "OK");
	ck_assert_str_eq(mirage_error_name(12), "OK");
	ck_assert_str_eq(mirage_strerror(-22), "unknown error");
	ck_assert_str_eq(mirage_strerror(INT32_MIN), "unknown error");
	ck_assert_str_eq(mirage_error_name(-22), "?");
	ck_assert_str_eq(mirage_error_name(INT32_MIN), "?");
}
END_TEST

TCase *core_case_errors(void)
{
	TCase *tcase = tcase_create("errors");

	tcase_add_test(tcase, every_error_has_a_name_and_a_text);
	tcase_add_test(tcase, other_values_have_a_text_too);
	return tcase;
}

/* --------------------------------------------------------------- Packets -- */

#define STRIDE 128
#define HEADROOM 16

static struct mirage_pool pool;
static struct mirage_packet packets[3];
static uint8_t memory[3][STRIDE];
static unsigned n_empty;

static void on_empty(struct mirage_pool *which)
{
	ck_assert_ptr_eq(which, &pool);
	n_empty++;
}

static void set_up_pool(void)
{
	mirage_pool_init(&pool, packets, memory, 3, STRIDE, HEADROOM, NULL);
}

START_TEST(packets_grow_to_their_bounds)
{
	struct mirage_packet *p = mirage_pool_get(&pool);

	ck_assert_uint_eq(mirage_packet_headroom(p), HEADROOM);
	ck_assert_uint_eq(mirage_packet_tailroom(p), STRIDE - HEADROOM);
	ck_assert_ptr_null(mirage_packet_append(p, STRIDE - HEADROOM + 1));
	ck_assert_ptr_null(mirage_packet_append(p, UINT32_MAX));
	ck_assert_ptr_null(mirage_packet_prepend(p, HEADROOM + 1));
	ck_assert_ptr_null(mirage_packet_prepend(p, UINT32_MAX));
	ck_assert_ptr_eq(mirage_packet_append(p, 10), p->buffer + HEADROOM);
	ck_assert_ptr_eq(mirage_packet_append(p, STRIDE - HEADROOM - 10),
			 p->buffer + HEADROOM + 10);
	ck_assert_ptr_null(mirage_packet_append(p, 1));
	ck_assert_ptr_eq(mirage_packet_prepend(p, HEADROOM), p->buffer);
	ck_assert_ptr_null(mirage_packet_prepend(p, 1));
	ck_assert_uint_eq(p->length_bytes, STRIDE);
	mirage_packet_release(p);
}
END_TEST

START_TEST(packets_shrink_to_nothing)
{
	struct mirage_packet *p = mirage_pool_get(&pool);

	mirage_packet_append(p, 20);
	ck_assert(!mirage_packet_trim(p, 21, 0));
	ck_assert(!mirage_packet_trim(p, 0, 21));
	ck_assert(!mirage_packet_trim(p, 11, 10));
	ck_assert(!mirage_packet_trim(p, UINT32_MAX, 2));
	ck_assert_uint_eq(p->length_bytes, 20);
	ck_assert(mirage_packet_trim(p, 4, 6));
	ck_assert_ptr_eq(p->data, p->buffer + HEADROOM + 4);
	ck_assert_uint_eq(p->length_bytes, 10);
	ck_assert(mirage_packet_trim(p, 10, 0));
	ck_assert_uint_eq(p->length_bytes, 0);
	mirage_packet_release(p);
}
END_TEST

START_TEST(what_was_written_is_zero_again)
{
	static const uint8_t zero[STRIDE];
	struct mirage_packet *p = mirage_pool_get(&pool);

	memset(mirage_packet_append(p, 40), 0xff, 40);
	memset(mirage_packet_prepend(p, 7), 0xff, 7);
	/* Trimmed bytes have been written too. */
	mirage_packet_trim(p, 20, 20);
	p->csum = MIRAGE_CSUM_BLANK;
	p->gso = MIRAGE_GSO_TCPV4;
	p->gso_size_bytes = p->csum_start_bytes = p->csum_offset_bytes = 9;
	mirage_packet_release(p);
	ck_assert_ptr_eq(mirage_pool_get(&pool), p);
	ck_assert_mem_eq(p->buffer, zero, STRIDE);
	ck_assert_uint_eq(p->csum + p->gso + p->gso_size_bytes +
				  p->csum_start_bytes + p->csum_offset_bytes,
			  0);
	ck_assert_uint_eq(mirage_packet_headroom(p), HEADROOM);
}
END_TEST

START_TEST(the_last_release_returns_the_chain)
{
	struct mirage_packet *p = mirage_pool_get(&pool);

	p->next = mirage_pool_get(&pool);
	mirage_packet_append(p, 3);
	mirage_packet_append(p->next, 4);
	ck_assert_uint_eq(mirage_packet_frame_bytes(p), 7);
	ck_assert_ptr_eq(mirage_packet_retain(p), p);
	mirage_packet_release(p);
	ck_assert_uint_eq(pool.n_out, 2);
	mirage_packet_release(p);
	ck_assert_uint_eq(pool.n_out, 0);
}
END_TEST

START_TEST(a_pool_runs_short)
{
	struct mirage_packet *got[5];

	ck_assert_int_eq(mirage_pool_reserve(&pool, got, 2), 2);
	ck_assert(!pool.short_of);
	ck_assert_int_eq(mirage_pool_reserve(&pool, got + 2, 3), 1);
	ck_assert(pool.short_of);
	ck_assert_ptr_null(mirage_pool_get(&pool));
	mirage_packet_release(got[0]);
	ck_assert(!pool.short_of);
	ck_assert_uint_eq(pool.n_out, 2);
}
END_TEST

START_TEST(an_abandoned_pool_waits_for_its_packets)
{
	struct mirage_packet *a = mirage_pool_get(&pool);
	struct mirage_packet *b = mirage_pool_get(&pool);

	mirage_pool_abandon(&pool, on_empty);
	mirage_packet_release(a);
	ck_assert_uint_eq(n_empty, 0);
	mirage_packet_release(b);
	ck_assert_uint_eq(n_empty, 1);
}
END_TEST

START_TEST(an_abandoned_pool_that_is_whole)
{
	mirage_pool_abandon(&pool, on_empty);
	ck_assert_uint_eq(n_empty, 1);
}
END_TEST

static int start_double_release(int argc, char *argv[])
{
	struct mirage_packet *p = mirage_pool_get(&pool);

	mirage_packet_release(p);
	mirage_packet_release(p);
	return 0;
}

static void run_double_release(void)
{
	fake_run(start_double_release, NULL);
}

START_TEST(releasing_twice)
{
	fake_must_abort(run_double_release,
			"broken contract [PKT-08]: a packet was released more "
			"often than retained");
}
END_TEST

TCase *core_case_packets(void)
{
	TCase *tcase = tcase_create("packets");

	tcase_add_checked_fixture(tcase, set_up_pool, NULL);
	tcase_add_test(tcase, packets_grow_to_their_bounds);
	tcase_add_test(tcase, packets_shrink_to_nothing);
	tcase_add_test(tcase, what_was_written_is_zero_again);
	tcase_add_test(tcase, the_last_release_returns_the_chain);
	tcase_add_test(tcase, a_pool_runs_short);
	tcase_add_test(tcase, an_abandoned_pool_waits_for_its_packets);
	tcase_add_test(tcase, an_abandoned_pool_that_is_whole);
	tcase_add_test(tcase, releasing_twice);
	return tcase;
}

/* ------------------------------------------------------------------ URIs -- */

static struct mirage_uri uri;

START_TEST(a_uri_comes_apart)
{
	ck_assert_ptr_null(mirage_uri_parse(
		&uri, "file:/a,,b:c.img,ro,sector=4096,x=p=q,,r"));
	ck_assert_str_eq(uri.scheme, "file");
	ck_assert_str_eq(uri.path, "/a,b:c.img");
	ck_assert_uint_eq(uri.n_options, 3);
	ck_assert_str_eq(mirage_uri_option(&uri, "sector"), "4096");
	ck_assert_str_eq(mirage_uri_option(&uri, "ro"), "");
	ck_assert_ptr_null(mirage_uri_option(&uri, "direct"));
	ck_assert_str_eq(mirage_uri_unused(&uri), "x");
	ck_assert_str_eq(mirage_uri_option(&uri, "x"), "p=q,r");
	ck_assert_ptr_null(mirage_uri_unused(&uri));
}
END_TEST

START_TEST(an_empty_path)
{
	ck_assert_ptr_null(mirage_uri_parse(&uri, "slirp:"));
	ck_assert_str_eq(uri.scheme, "slirp");
	ck_assert_str_eq(uri.path, "");
	ck_assert_uint_eq(uri.n_options, 0);
}
END_TEST

static const struct {
	const char *text, *mistake;
} bad_uris[] = {
	{"", "no scheme: expected SCHEME:PATH[,OPTION...]"},
	{"disk.img", "no scheme: expected SCHEME:PATH[,OPTION...]"},
	{":x", "no scheme: expected SCHEME:PATH[,OPTION...]"},
	{"a:b,", "an option without a name (write a comma in a path as ,,)"},
	{"a:b,=c", "an option without a name (write a comma in a path as ,,)"},
	{"a:b,ro,ro=1", "the same option twice"},
	{"a:b,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	 "too many options (16 at most)"},
};

START_TEST(a_bad_uri)
{
	const char *mistake = mirage_uri_parse(&uri, bad_uris[_i].text);

	ck_assert_ptr_nonnull(mistake);
	ck_assert_str_eq(mistake, bad_uris[_i].mistake);
}
END_TEST

START_TEST(a_long_uri)
{
	char text[MIRAGE_URI_TEXT_MAX + 2];

	memset(text, 'x', sizeof text);
	memcpy(text, "mem:", 4);
	text[MIRAGE_URI_TEXT_MAX] = '\0';
	ck_assert_ptr_null(mirage_uri_parse(&uri, text));
	text[MIRAGE_URI_TEXT_MAX] = 'x';
	text[MIRAGE_URI_TEXT_MAX + 1] = '\0';
	ck_assert_str_eq(mirage_uri_parse(&uri, text),
			 "longer than 1023 bytes");
}
END_TEST

static const struct {
	const char *text;
	bool good;
	uint64_t bytes;
} sizes[] = {
	{"0", true, 0},
	{"512", true, 512},
	{"16M", true, 16777216},
	{"3G", true, UINT64_C(3221225472)},
	{"18446744073709551615", true, UINT64_MAX},
	{"18446744073709551616", false, 0},
	{"99999999999999999999", false, 0},
	{"16777215T", true, UINT64_C(16777215) << 40},
	{"16777216T", false, 0},
	{"18014398509481984K", false, 0},
	{"", false, 0},
	{"K", false, 0},
	{"1k", false, 0},
	{"1KB", false, 0},
	{"-1", false, 0},
	{" 1", false, 0},
	{"0x10", false, 0},
};

START_TEST(a_size)
{
	uint64_t bytes = 0;

	ck_assert_int_eq(mirage_uri_bytes(sizes[_i].text, &bytes),
			 sizes[_i].good);
	ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

TCase *core_case_uris(void)
{
	TCase *tcase = tcase_create("uris");

	tcase_add_test(tcase, a_uri_comes_apart);
	tcase_add_test(tcase, an_empty_path);
	tcase_add_loop_test(tcase, a_bad_uri, 0,
			    sizeof bad_uris / sizeof *bad_uris);
	tcase_add_test(tcase, a_long_uri);
	tcase_add_loop_test(tcase, a_size, 0, sizeof sizes / sizeof *sizes);
	return tcase;
}
