/* SPDX-License-Identifier: ISC */
/* The front of stores: what reaches an implementation, and when it is gone. */
#include "fake.h"

#include <string.h>

static struct mirage_kv_info info = {.size = sizeof info,
				     .caps = MIRAGE_KV_CAP_WRITE,
				     .max_value_bytes = 100};
static struct mirage_kv store;
static struct mirage_kv_request *held;
static unsigned n_submitted, n_disposed, n_closed, n_events;
static bool close_late;

static void submit(struct mirage_kv *kv, struct mirage_kv_request *request)
{
	n_submitted++;
	held = request;
}

static void close_store(struct mirage_kv *kv)
{
	n_closed++;
	if (!close_late)
		mirage_core_kv_closed(kv);
}

static void dispose(struct mirage_kv *kv)
{
	n_disposed++;
}

static const struct mirage_kv_ops ops = {.size = sizeof ops,
					 .submit = submit,
					 .close = close_store,
					 .dispose = dispose};

static int results[8];
static unsigned n_results;

static void on_done(void *arg, int result)
{
	results[n_results++] = result;
}

static struct mirage_vector vectors[2];
static struct mirage_kv_request request = {.op = MIRAGE_KV_READ,
					   .key = "k",
					   .vectors = vectors,
					   .n_vectors = 2,
					   .done = on_done};

static void begin(void)
{
	store = (struct mirage_kv){.ops = &ops, .info = &info};
	mirage_core_kv_start(&store);
}

/* --------------------------------------------------------------- Requests -- */

static int start_large(int argc, char *argv[])
{
	static struct mirage_kv_request set;

	begin();
	vectors[0].length_bytes = INT32_MAX;
	vectors[1].length_bytes = 1;
	mirage_kv_submit(&store, &request);
	set = request;
	set.state = 0;
	set.op = MIRAGE_KV_SET;
	vectors[0].length_bytes = SIZE_MAX;
	mirage_kv_submit(&store, &set);
	return 0;
}

START_TEST(too_large_does_not_arrive)
{
	ck_assert_int_eq(fake_run(start_large, NULL), 0);
	ck_assert_uint_eq(n_results, 2);
	ck_assert_int_eq(results[0], MIRAGE_ERANGE);
	ck_assert_int_eq(results[1], MIRAGE_ERANGE);
	ck_assert_uint_eq(n_submitted, 0);
}
END_TEST

static int start_twice(int argc, char *argv[])
{
	begin();
	mirage_kv_submit(&store, &request);
	mirage_kv_submit(&store, &request);
	return 0;
}

static void submit_twice(void)
{
	fake_run(start_twice, NULL);
}

static int start_idle(int argc, char *argv[])
{
	begin();
	mirage_core_kv_complete(&request, 0);
	return 0;
}

static void complete_idle(void)
{
	fake_run(start_idle, NULL);
}

static int start_key(int argc, char *argv[])
{
	begin();
	mirage_kv_submit(&store, &request);
	mirage_core_kv_key(&request, "k", NULL);
	return 0;
}

static void tell_key_to_read(void)
{
	fake_run(start_key, NULL);
}

START_TEST(broken_contracts)
{
	fake_must_abort(submit_twice, "[LAW-05]");
	fake_must_abort(complete_idle, "[LAW-01]");
	fake_must_abort(tell_key_to_read, "[LAW-01]");
}
END_TEST

/* ------------------------------------------------------------------ Keys -- */

static unsigned n_keys;
static bool go_on[3];

static void on_key(void *arg, const char *key,
		   const struct mirage_kv_value *value)
{
	if (++n_keys == 2)
		mirage_exit(7);
}

static bool tell_keys(void)
{
	if (held == NULL)
		return false;
	for (unsigned i = 0; i < 3; i++)
		go_on[i] = mirage_core_kv_key(held, "k", NULL);
	held = NULL;
	return true;
}

static int start_list(int argc, char *argv[])
{
	begin();
	request.op = MIRAGE_KV_LIST;
	request.on_key = on_key;
	fake.on_idle = tell_keys;
	mirage_kv_submit(&store, &request);
	return 0;
}

START_TEST(no_key_after_the_end)
{
	ck_assert_int_eq(fake_run(start_list, NULL), 7);
	ck_assert_uint_eq(n_keys, 2);
	ck_assert(go_on[0] && !go_on[1] && !go_on[2]);
}
END_TEST

/* --------------------------------------------------------------- Closing -- */

static unsigned disposed_at_closed, results_at_closed;

static void on_event(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_CLOSED);
	n_events++;
	disposed_at_closed = n_disposed;
	results_at_closed = n_results;
}

static int start_close(int argc, char *argv[])
{
	begin();
	mirage_kv_on_event(&store, on_event, NULL);
	mirage_kv_close(&store);
	mirage_kv_close(&store);
	mirage_kv_submit(&store, &request);
	return 0;
}

START_TEST(without_a_name_gone_after_closed)
{
	ck_assert_int_eq(fake_run(start_close, NULL), 0);
	ck_assert_uint_eq(n_closed, 1);
	ck_assert_uint_eq(n_events, 1);
	ck_assert_uint_eq(disposed_at_closed, 0);
	ck_assert_uint_eq(n_disposed, 1);
	/* What was submitted meanwhile completed before. */
	ck_assert_uint_eq(results_at_closed, 1);
	ck_assert_int_eq(results[0], MIRAGE_EGONE);
}
END_TEST

static struct mirage_kv_request late;

/** The store has closed, but nobody has heard of it yet. */
static void submit_late(void *arg, int result)
{
	on_done(arg, result);
	mirage_core_kv_closed(&store);
	mirage_kv_submit(&store, &late);
}

static int start_late(int argc, char *argv[])
{
	close_late = true;
	begin();
	mirage_kv_on_event(&store, on_event, NULL);
	late = request;
	mirage_kv_close(&store);
	request.done = submit_late;
	mirage_kv_submit(&store, &request);
	return 0;
}

START_TEST(closed_waits_for_the_latest)
{
	ck_assert_int_eq(fake_run(start_late, NULL), 0);
	ck_assert_uint_eq(n_events, 1);
	ck_assert_uint_eq(results_at_closed, 2);
	ck_assert_int_eq(results[1], MIRAGE_EGONE);
	ck_assert_uint_eq(n_disposed, 1);
}
END_TEST

static void open_store(struct mirage_open *open)
{
	store = (struct mirage_kv){.ops = &ops, .info = &info};
	mirage_core_kv_opened(open, 0, &store);
}

static unsigned n_opened, disposed_at_open[2];

static void on_open(void *arg, int result, struct mirage_kv *kv);

static void reopen(void *arg, uint32_t event)
{
	on_event(arg, event);
	if (n_opened < 2)
		mirage_kv_open("s", on_open, NULL);
}

static void on_open(void *arg, int result, struct mirage_kv *kv)
{
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(kv->name, "s");
	disposed_at_open[n_opened++] = n_disposed;
	mirage_kv_on_event(kv, reopen, NULL);
	mirage_kv_close(kv);
}

static int start_named(int argc, char *argv[])
{
	fake.kv_open = open_store;
	mirage_kv_open("s", on_open, NULL);
	return 0;
}

START_TEST(with_a_name_kept_until_opened_again)
{
	ck_assert_int_eq(fake_run(start_named, "--kv", "s=any:", NULL), 0);
	ck_assert_uint_eq(n_opened, 2);
	ck_assert_uint_eq(disposed_at_open[0], 0);
	ck_assert_uint_eq(disposed_at_open[1], 1);
	ck_assert_uint_eq(n_disposed, 1);
}
END_TEST

TCase *core_case_kvs(void)
{
	TCase *tcase = tcase_create("kvs");

	tcase_add_test(tcase, too_large_does_not_arrive);
	tcase_add_test(tcase, broken_contracts);
	tcase_add_test(tcase, no_key_after_the_end);
	tcase_add_test(tcase, without_a_name_gone_after_closed);
	tcase_add_test(tcase, closed_waits_for_the_latest);
	tcase_add_test(tcase, with_a_name_kept_until_opened_again);
	return tcase;
}
