/* SPDX-License-Identifier: ISC */
/*
 * errors.c: the texts and names of errors.
 */
#include "conformance.h"

static bool text_is(const char *actual, const char *expected)
{
	size_t length = conf_length(expected);

	return conf_length(actual) == length &&
	       conf_same(actual, expected, length);
}

static const struct {
	int value;
	const char *name, *text;
} all_errors[] = {
#define ROW(name, value, text) {MIRAGE_##name, #name, text},
	MIRAGE_ERROR_MAP(ROW)
#undef ROW
};

#define N_ERRORS (sizeof(all_errors) / sizeof(all_errors[0]))

CASE(errors, texts, "ERR-02")
{
	static size_t i;

	CASE_BEGIN;
	for (i = 0; i < N_ERRORS; i++)
		CHECK(text_is(mirage_strerror(all_errors[i].value),
			      all_errors[i].text));
	CHECK(text_is(mirage_strerror(MIRAGE_OK), "success"));
	CHECK(text_is(mirage_strerror(4096), "success"));
	CHECK(text_is(mirage_strerror(-18), "unknown error"));
	CHECK(text_is(mirage_strerror(INT32_MIN), "unknown error"));
	CASE_END;
}

CASE(errors, names, "ERR-03")
{
	static size_t i;

	CASE_BEGIN;
	for (i = 0; i < N_ERRORS; i++)
		CHECK(text_is(mirage_error_name(all_errors[i].value),
			      all_errors[i].name));
	CHECK(text_is(mirage_error_name(MIRAGE_OK), "OK"));
	CHECK(text_is(mirage_error_name(1), "OK"));
	CHECK(text_is(mirage_error_name(-18), "?"));
	CHECK(text_is(mirage_error_name(INT32_MIN), "?"));
	CASE_END;
}

CASES(errors) = {&errors_texts, &errors_names, NULL};
