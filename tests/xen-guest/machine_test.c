/* SPDX-License-Identifier: ISC */
/* The parts of the guest's machine that need no machine. */
#include "chacha20.h"
#include "entropy.h"
#include "pages.h"
#include "symbols.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- Pages -- */

/* The bitmap has a word more, all taken. */
#define N_PAGES 128u

static uint64_t bitmap[3];
static struct pages pages;

static void start_pages(void)
{
	memset(bitmap, 0xff, sizeof bitmap);
	pages_init(&pages, bitmap, N_PAGES);
}

START_TEST(pages_give_all_and_no_more)
{
	for (size_t i = 0; i < N_PAGES; i++)
		ck_assert_uint_eq(pages_take(&pages, 1), i);
	ck_assert_uint_eq(pages.n_free, 0);
	ck_assert_uint_eq(pages_take(&pages, 1), PAGES_NONE);
	ck_assert(!pages_give(&pages, 127, 2));
	ck_assert(pages_give(&pages, 127, 1));
	ck_assert_uint_eq(pages_take(&pages, 1), 127);
}
END_TEST

START_TEST(pages_in_a_row_cross_words)
{
	ck_assert_uint_eq(pages_take(&pages, 60), 0);
	ck_assert_uint_eq(pages_take(&pages, 68), 60);
	ck_assert(pages_give(&pages, 10, 5));
	ck_assert(pages_give(&pages, 62, 6));
	ck_assert_uint_eq(pages_take(&pages, 7), PAGES_NONE);
	ck_assert_uint_eq(pages_take(&pages, 6), 62);
	ck_assert_uint_eq(pages_take(&pages, 5), 10);
}
END_TEST

START_TEST(pages_of_nonsense_are_refused)
{
	static const size_t ranges[][2] = {
		{0, 0},	       {N_PAGES, 1},	  {N_PAGES - 1, 2},
		{0, SIZE_MAX}, {SIZE_MAX, 1},	  {SIZE_MAX, SIZE_MAX},
		{8, 1},	       {7, 2 /* half */},
	};

	ck_assert_uint_eq(pages_take(&pages, 8), 0);
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		ck_assert(!pages_give(&pages, ranges[i][0], ranges[i][1]));
	ck_assert_uint_eq(pages.n_free, N_PAGES - 8);
	ck_assert_uint_eq(pages_take(&pages, 0), PAGES_NONE);
	ck_assert_uint_eq(pages_take(&pages, SIZE_MAX), PAGES_NONE);
}
END_TEST

START_TEST(pages_are_not_given_back_twice)
{
	ck_assert_uint_eq(pages_take(&pages, 4), 0);
	ck_assert(pages_give(&pages, 1, 2));
	ck_assert(!pages_give(&pages, 1, 2));
	ck_assert(!pages_give(&pages, 0, 4));
	ck_assert(pages_give(&pages, 0, 1));
	ck_assert(pages_give(&pages, 3, 1));
	ck_assert_uint_eq(pages.n_free, N_PAGES);
}
END_TEST

/** Against a map of bytes that is easy to believe. */
START_TEST(pages_agree_with_a_simple_map)
{
	uint8_t map[N_PAGES] = {0};
	unsigned long long seed = 1;

	for (int round = 0; round < 20000; round++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		size_t first = seed >> 33 & 127, n = 1 + (seed >> 45 & 15);
		bool all = first + n <= N_PAGES;

		if ((seed >> 60 & 1) != 0) {
			first = pages_take(&pages, n);
			if (first == PAGES_NONE)
				continue;
			for (size_t i = first; i < first + n; i++)
				ck_assert_uint_eq(map[i]++, 0);
			continue;
		}
		for (size_t i = first; all && i < first + n; i++)
			all = map[i] != 0;
		ck_assert(pages_give(&pages, first, n) == all);
		if (all)
			memset(map + first, 0, n);
	}
}
END_TEST

/* -------------------------------------------------------------- ChaCha20 -- */

/* RFC 8439, section 2.3.2. */
START_TEST(chacha20_gives_the_block_of_its_rfc)
{
	static const uint8_t wanted[64] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f,
		0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7,
		0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4,
		0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09,
		0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12,
		0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8,
		0xa2, 0x50, 0x3c, 0x4e};
	uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint8_t out[64];

	for (uint32_t i = 0; i < 8; i++)
		in[4 + i] = 0x03020100 + i * 0x04040404;
	in[12] = 1;
	in[13] = 0x09000000;
	in[14] = 0x4a000000;
	chacha20_block(out, in);
	ck_assert_mem_eq(out, wanted, sizeof wanted);
}
END_TEST

/* --------------------------------------------------------------- Entropy -- */

static uint64_t counter;
static int fails_after, stuck_after, stuck_words;
static uint64_t stuck_word;

static bool fake_source(uint64_t *word)
{
	if (fails_after-- == 0)
		return false;
	counter += 0x9e3779b97f4a7c15ull;
	*word = counter;
	if (stuck_after-- <= 0 && stuck_words > 0) {
		stuck_words--;
		*word = stuck_word;
	}
	return true;
}

static void start_entropy(void)
{
	counter = 1;
	fails_after = -1;
	stuck_words = 0;
}

START_TEST(entropy_differs_from_fill_to_fill)
{
	struct entropy entropy = {.seed = fake_source, .stream = fake_source};
	uint8_t a[100], b[100];

	ck_assert(entropy_fill(&entropy, a, sizeof a));
	ck_assert(entropy_fill(&entropy, b, sizeof b));
	ck_assert_mem_ne(a, b, 64);
	ck_assert_mem_ne(a, a + 36, 64);
}
END_TEST

START_TEST(entropy_writes_what_was_asked_and_no_more)
{
	struct entropy entropy = {.stream = fake_source};
	uint8_t bytes[200];

	for (size_t n = 0; n <= 130; n++) {
		memset(bytes, 0xa5, sizeof bytes);
		ck_assert(entropy_fill(&entropy, bytes, n));
		for (size_t i = n; i < sizeof bytes; i++)
			ck_assert_uint_eq(bytes[i], 0xa5);
	}
}
END_TEST

START_TEST(entropy_of_a_restored_snapshot_is_another)
{
	struct entropy first = {.stream = fake_source}, second;
	uint8_t a[32], b[32];

	ck_assert(entropy_fill(&first, a, sizeof a));
	second = first;
	ck_assert(entropy_fill(&first, a, sizeof a));
	ck_assert(entropy_fill(&second, b, sizeof b));
	ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

START_TEST(entropy_depends_on_both_sources)
{
	struct entropy one = {.seed = fake_source, .stream = fake_source},
		       other = {.stream = fake_source};
	uint8_t a[32], b[32];

	ck_assert(entropy_fill(&one, a, sizeof a));
	counter = 1 + 4 * 0x9e3779b97f4a7c15ull;
	ck_assert(entropy_fill(&other, b, sizeof b));
	ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

START_TEST(entropy_given_out_does_not_follow_from_what_remains)
{
	struct entropy entropy = {.stream = fake_source};
	uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint8_t given[64], again[64];

	ck_assert(entropy_fill(&entropy, given, sizeof given));
	memcpy(&state[4], entropy.key, sizeof entropy.key);
	for (state[12] = 0; state[12] < 4; state[12]++) {
		chacha20_block(again, state);
		ck_assert_mem_ne(given, again, sizeof given);
	}
}
END_TEST

START_TEST(entropy_without_sources_gives_nothing)
{
	struct entropy entropy = {.seed = NULL};
	uint8_t bytes[8];

	ck_assert(!entropy_fill(&entropy, bytes, sizeof bytes));
}
END_TEST

START_TEST(entropy_fails_for_good)
{
	struct entropy entropy = {.seed = fake_source, .stream = fake_source};
	uint8_t bytes[8];

	fails_after = _i;
	ck_assert(!entropy_fill(&entropy, bytes, sizeof bytes));
	fails_after = -1;
	ck_assert(!entropy_fill(&entropy, bytes, sizeof bytes));
}
END_TEST

START_TEST(entropy_notices_a_stuck_source)
{
	static const uint64_t words[] = {42, 0, UINT64_MAX};
	struct entropy entropy = {.stream = fake_source};
	uint8_t bytes[8];

	ck_assert(entropy_fill(&entropy, bytes, sizeof bytes));
	stuck_word = words[_i];
	stuck_words = words[_i] == 42 ? 2 : 1;
	stuck_after = 2;
	ck_assert(!entropy_fill(&entropy, bytes, sizeof bytes));
}
END_TEST

/* --------------------------------------------------------------- Symbols -- */

static const char *find(const char *table, size_t bytes, uint32_t address,
			uint32_t *offset)
{
	/* On the heap, so that a sanitizer sees a step too far. */
	uint8_t *copy = malloc(bytes);
	static char name[64];
	const char *found;

	memcpy(copy, table, bytes);
	found = symbols_find(copy, bytes, address, offset);
	if (found != NULL)
		found = strncpy(name, found, sizeof name - 1);
	free(copy);
	return found;
}

START_TEST(symbols_are_found_by_address)
{
	static const char table[] = "\x10one\0\x20two\0\x80\x02three\0\0\0\0\0";
	uint32_t offset = 0;

	ck_assert_ptr_null(find(table, sizeof table, 15, &offset));
	ck_assert_str_eq(find(table, sizeof table, 0x10, &offset), "one");
	ck_assert_uint_eq(offset, 0);
	ck_assert_str_eq(find(table, sizeof table, 0x2f, &offset), "one");
	ck_assert_uint_eq(offset, 0x1f);
	ck_assert_str_eq(find(table, sizeof table, 0x30, &offset), "two");
	ck_assert_str_eq(find(table, sizeof table, 0x12f, &offset), "two");
	ck_assert_str_eq(find(table, sizeof table, 0x130, &offset), "three");
	ck_assert_str_eq(find(table, sizeof table, UINT32_MAX, &offset),
			 "three");
}
END_TEST

START_TEST(symbols_that_are_cut_off_harm_nobody)
{
	static const char table[] = "\x10one\0\x80\x02three\0\xff\xff\xff\xff";
	uint32_t offset;

	for (size_t n = 1; n <= sizeof table; n++) {
		const char *name = find(table, n, UINT32_MAX, &offset);

		ck_assert(name == NULL || strcmp(name, "one") == 0 ||
			  strcmp(name, "three") == 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine");
	SRunner *runner = srunner_create(suite);
	TCase *tests = tcase_create("pages");
	int failed;

	tcase_add_checked_fixture(tests, start_pages, NULL);
	tcase_add_test(tests, pages_give_all_and_no_more);
	tcase_add_test(tests, pages_in_a_row_cross_words);
	tcase_add_test(tests, pages_of_nonsense_are_refused);
	tcase_add_test(tests, pages_are_not_given_back_twice);
	tcase_add_test(tests, pages_agree_with_a_simple_map);
	suite_add_tcase(suite, tests);
	tests = tcase_create("random");
	tcase_add_checked_fixture(tests, start_entropy, NULL);
	tcase_add_test(tests, chacha20_gives_the_block_of_its_rfc);
	tcase_add_test(tests, entropy_differs_from_fill_to_fill);
	tcase_add_test(tests, entropy_writes_what_was_asked_and_no_more);
	tcase_add_test(tests, entropy_of_a_restored_snapshot_is_another);
	tcase_add_test(tests, entropy_depends_on_both_sources);
	tcase_add_test(tests,
		       entropy_given_out_does_not_follow_from_what_remains);
	tcase_add_test(tests, entropy_without_sources_gives_nothing);
	tcase_add_loop_test(tests, entropy_fails_for_good, 0, 8);
	tcase_add_loop_test(tests, entropy_notices_a_stuck_source, 0, 3);
	suite_add_tcase(suite, tests);
	tests = tcase_create("symbols");
	tcase_add_test(tests, symbols_are_found_by_address);
	tcase_add_test(tests, symbols_that_are_cut_off_harm_nobody);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
