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
	CHECK(text_is(mirage_strerror(-22), "unknown error"));
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
	CHECK(text_is(mirage_error_name(-22), "?"));
	CHECK(text_is(mirage_error_name(INT32_MIN), "?"));
	CASE_END;
}

/* ------------------------------------------------------ The host's words -- */

static bool logged(const char *text)
{
	static char log[16384];
	size_t length = conf_console_log(0, log, sizeof(log));

	return conf_contains(log, length, text);
}

static void opened(void *arg, int result, struct mirage_block *block)
{
	conf_count(arg, result);
	if (block != NULL)
		mirage_block_close(block);
}

static const char *const broken_uri[] = {"--block", "broken=no-such-scheme:x",
					 NULL};

CASE(errors, refused_uri_is_logged, "ERR-01", .needs = CONF_LOG | CONF_DISK,
     .argv = broken_uri)
{
	static struct conf_done done;

	CASE_BEGIN;
	mirage_block_open("broken", opened, &done);
	AWAIT(done.count == 1);
	if (done.result == MIRAGE_ENOSYS)
		SKIP("no disks on this backend");
	CHECK_RESULT(done.result, MIRAGE_EINVAL);
	CHECK(logged("broken"));
	CHECK(logged("no-such-scheme"));
	CASE_END;
}

CASE(errors, unknown_name_is_logged, "ERR-01 BLK-11",
     .needs = CONF_LOG | CONF_DISK)
{
	static struct conf_done done;

	CASE_BEGIN;
	mirage_block_open("nobody-gave-this", opened, &done);
	AWAIT(done.count == 1);
	if (done.result == MIRAGE_ENOSYS)
		SKIP("no disks on this backend");
	CHECK_RESULT(done.result, MIRAGE_ENODEV);
	CHECK(logged("nobody-gave-this"));
	CASE_END;
}

CASE(errors, device_failure, "ERR-01", .needs = CONF_DISK | CONF_FAIL)
{
	static struct mirage_block_request request;
	static struct mirage_vector vector;
	static struct conf_done done;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	vector.base = conf_memory(4096);
	vector.length_bytes = 4096;
	request = (struct mirage_block_request){.op = MIRAGE_BLOCK_READ,
						.n_vectors = 1,
						.vectors = &vector,
						.done = conf_count,
						.arg = &done};
	WORLD(conf_fail_next(CONF_DISK_512, 1, MIRAGE_EIO));
	mirage_block_submit(conf_block(CONF_DISK_512),
			    (struct mirage_block_request *[]){&request}, 1);
	AWAIT(done.count == 1);
	CHECK_RESULT(done.result, MIRAGE_EIO);
	CHECK_EQ(conf_block(CONF_DISK_512)->counters->errors, 1);
	CASE_END;
}

CASES(errors) = {
	&errors_texts,
	&errors_names,
	&errors_refused_uri_is_logged,
	&errors_unknown_name_is_logged,
	&errors_device_failure,
	NULL,
};
