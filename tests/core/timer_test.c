/* SPDX-License-Identifier: ISC */
#include "fake.h"

#include <stdlib.h>

#define N 200
#define OPERATIONS 100000

/* The model: what is armed, in the plainest possible form. */
static struct model {
	struct mirage_timer timer;
	bool armed;
	uint64_t deadline_ns, order;
} models[N];
static uint64_t order;
static unsigned n_fired;

static uint32_t next_random(void)
{
	static uint32_t state = 20261122;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static struct model *earliest(void)
{
	struct model *first = NULL;

	for (unsigned i = 0; i < N; i++) {
		struct model *m = &models[i];

		if (m->armed &&
		    (first == NULL || m->deadline_ns < first->deadline_ns ||
		     (m->deadline_ns == first->deadline_ns &&
		      m->order < first->order)))
			first = m;
	}
	return first;
}

static void on_time(void *arg)
{
	struct model *m = arg;

	ck_assert_ptr_eq(m, earliest());
	ck_assert_uint_le(m->deadline_ns, fake.now_ns);
	ck_assert(!mirage_timer_armed(&m->timer));
	m->armed = false;
	n_fired++;
}

static void arm(struct model *m)
{
	m->armed = true;
	m->order = ++order;
	/* Few distinct moments, so that many are equal; some have passed. */
	m->deadline_ns = fake.now_ns + next_random() % 64 - 8;
	mirage_timer_start(&m->timer, m->deadline_ns, on_time, m);
}

static void operate(void)
{
	struct model *m = &models[next_random() % N];

	switch (next_random() % 4) {
	case 0:
	case 1:
		arm(m);
		break;
	case 2:
		ck_assert_int_eq(mirage_timer_cancel(&m->timer), m->armed);
		m->armed = false;
		break;
	default:
		fake.now_ns += next_random() % 8;
		core_timers_run();
		m = earliest();
		ck_assert(m == NULL || m->deadline_ns > fake.now_ns);
		ck_assert_uint_eq(core_timers_next_ns(),
				  m != NULL ? m->deadline_ns : UINT64_MAX);
	}
}

static int start_nothing(int argc, char *argv[])
{
	return 0;
}

START_TEST(like_a_sorted_list)
{
	/* Sets up the ambient devices. */
	ck_assert_int_eq(fake_run(start_nothing, NULL), 0);
	core.ended = false;
	for (unsigned i = 0; i < OPERATIONS; i++)
		operate();
	ck_assert_uint_gt(n_fired, OPERATIONS / 20);
}
END_TEST

static struct mirage_timer again_timer, other_timer;
static unsigned n_again;
static bool other_ran;

static void on_other(void *arg)
{
	other_ran = true;
}

static void on_again(void *arg)
{
	if (++n_again < 5)
		mirage_timer_start(&again_timer, 0, on_again, NULL);
	if (n_again == 1)
		mirage_timer_start(&other_timer, 0, on_other, NULL);
	ck_assert(n_again < 3 || other_ran);
}

static int start_again(int argc, char *argv[])
{
	mirage_timer_start(&again_timer, 0, on_again, NULL);
	return 0;
}

START_TEST(restarting_keeps_nobody_waiting)
{
	ck_assert_int_eq(fake_run(start_again, NULL), 0);
	ck_assert_uint_eq(n_again, 5);
	ck_assert(other_ran);
}
END_TEST

static void on_cancel_other(void *arg)
{
	ck_assert(mirage_timer_cancel(&other_timer));
	ck_assert(!mirage_timer_cancel(&other_timer));
}

static int start_cancel(int argc, char *argv[])
{
	mirage_timer_start(&again_timer, 5000, on_cancel_other, NULL);
	mirage_timer_start(&other_timer, 5000, on_other, NULL);
	return 0;
}

START_TEST(cancelling_a_timer_that_is_due)
{
	ck_assert_int_eq(fake_run(start_cancel, NULL), 0);
	ck_assert(!other_ran);
}
END_TEST

static void start_without_function(void)
{
	mirage_timer_start(&again_timer, 0, NULL, NULL);
}

static int start_broken(int argc, char *argv[])
{
	start_without_function();
	return 0;
}

static void run_broken(void)
{
	fake_run(start_broken, NULL);
}

START_TEST(without_a_function)
{
	fake_must_abort(run_broken, "broken contract [LAW-05]: a timer was "
				    "started without a function");
}
END_TEST

TCase *core_case_timers(void)
{
	TCase *tcase = tcase_create("timers");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, like_a_sorted_list);
	tcase_add_test(tcase, restarting_keeps_nobody_waiting);
	tcase_add_test(tcase, cancelling_a_timer_that_is_due);
	tcase_add_test(tcase, without_a_function);
	return tcase;
}
