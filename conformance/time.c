/* SPDX-License-Identifier: ISC */
/*
 * time.c: timers.
 */
#include "conformance.h"

#define N 200u

/* A timer that writes down when it ran and as which one. */
struct noted {
	struct mirage_timer timer;
	uint64_t deadline_ns, ran_ns;
	unsigned runs, place;
};

static unsigned places;

static void note(void *arg)
{
	struct noted *noted = arg;

	noted->ran_ns = mirage_clock_monotonic_ns();
	noted->runs++;
	noted->place = ++places;
	conf_wake();
}

static void note_start(struct noted *noted, uint64_t deadline_ns)
{
	noted->deadline_ns = deadline_ns;
	mirage_timer_start(&noted->timer, deadline_ns, note, noted);
}

CASE(time, never_early, "TIM-01")
{
	static const uint32_t delays_ns[] = {1,	      1000,    50000,	400000,
					     1000000, 3000000, 20000000};
	static struct noted one[7];
	static unsigned i;

	CASE_BEGIN;
	for (i = 0; i < 7; i++)
		note_start(&one[i], mirage_clock_monotonic_ns() + delays_ns[i]);
	AWAIT(one[6].runs > 0);
	REST_NS(2000000);
	for (i = 0; i < 7; i++) {
		CHECK_EQ(one[i].runs, 1);
		CHECK(one[i].ran_ns >= one[i].deadline_ns);
	}
	CASE_END;
}

/* Far is a day: a backend whose wake-up wraps around at 2^31 or 2^32 of
 * something runs it early. */
CASE(time, far_deadlines, "TIM-01 TIM-07")
{
	static struct noted far[3];
	static uint64_t now_ns;

	CASE_BEGIN;
	now_ns = mirage_clock_monotonic_ns();
	note_start(&far[0], now_ns + UINT64_C(86400000000000));
	note_start(&far[1], now_ns + UINT64_C(4294967296000000));
	note_start(&far[2], UINT64_MAX);
	REST_NS(20000000);
	CHECK_EQ(far[0].runs + far[1].runs + far[2].runs, 0);
	CHECK(mirage_timer_cancel(&far[0].timer));
	CHECK(mirage_timer_cancel(&far[1].timer));
	CHECK(mirage_timer_cancel(&far[2].timer));
	CASE_END;
}

CASE(time, passed_deadline, "TIM-02 LAW-02")
{
	static struct noted zero, past, later;

	CASE_BEGIN;
	places = 0;
	note_start(&later, mirage_clock_monotonic_ns() + 60000000000);
	note_start(&past, mirage_clock_monotonic_ns());
	note_start(&zero, 0);
	CHECK_EQ(past.runs + zero.runs, 0);
	AWAIT(zero.runs > 0 && past.runs > 0);
	CHECK_EQ(later.runs, 0);
	REST_NS(1000000);
	CHECK_EQ(zero.runs, 1);
	CHECK_EQ(past.runs, 1);
	mirage_timer_cancel(&later.timer);
	CASE_END;
}

/* Started in a shuffled order; 7 and 200 have no common divisor. */
CASE(time, order_of_deadlines, "TIM-03")
{
	static struct noted all[N];
	static uint64_t base_ns;
	static unsigned i;

	CASE_BEGIN;
	places = 0;
	base_ns = mirage_clock_monotonic_ns() + 5000000;
	for (i = 0; i < N; i++)
		note_start(&all[i * 7 % N], base_ns + i * 7 % N * 10000u);
	AWAIT(places == N);
	for (i = 0; i < N; i++)
		CHECK_EQ(all[i].place, i + 1);
	CASE_END;
}

CASE(time, order_of_equals, "TIM-03")
{
	static struct noted all[N];
	static uint64_t base_ns;
	static unsigned i;

	CASE_BEGIN;
	places = 0;
	base_ns = mirage_clock_monotonic_ns() + 5000000;
	for (i = 0; i < N; i++)
		note_start(&all[i], base_ns + i % 4);
	AWAIT(places == N);
	for (i = 0; i < N; i++)
		CHECK_EQ(all[i].place, i % 4 * (N / 4) + i / 4 + 1);
	CASE_END;
}

CASE(time, restart_moves, "TIM-04")
{
	static struct noted moved, other, early;
	static uint64_t base_ns;

	CASE_BEGIN;
	places = 0;
	base_ns = mirage_clock_monotonic_ns();
	note_start(&moved, base_ns + 1000000);
	note_start(&other, base_ns + 4000000);
	note_start(&early, base_ns + 400000000);
	/* Later, and behind its equal; then one earlier. */
	note_start(&moved, base_ns + 4000000);
	note_start(&early, base_ns + 2000000);
	AWAIT(moved.runs > 0 && other.runs > 0 && early.runs > 0);
	REST_NS(3000000);
	CHECK_EQ(moved.runs, 1);
	CHECK_EQ(other.runs, 1);
	CHECK_EQ(early.runs, 1);
	CHECK(moved.ran_ns >= base_ns + 4000000);
	CHECK_EQ(early.place, 1);
	CHECK_EQ(other.place, 2);
	CHECK_EQ(moved.place, 3);
	CASE_END;
}

/*
 * A chain of timers, each started with deadline 0 inside the one before, and two
 * that were due from the beginning: when the chain's second link runs in the
 * first one's turn, it runs before they do.
 */
static struct noted links[3], due[2];

static void next_link(void *arg)
{
	struct noted *link = arg;

	note(link);
	if (link < &links[2])
		mirage_timer_start(&link[1].timer, 0, next_link, &link[1]);
}

CASE(time, started_inside, "TIM-05")
{
	CASE_BEGIN;
	/* Until the clock shows more than the deadlines below. */
	REST_NS(1000);
	places = 0;
	mirage_timer_start(&links[0].timer, 0, next_link, &links[0]);
	note_start(&due[0], 1);
	note_start(&due[1], 2);
	AWAIT(links[2].runs > 0 && due[1].runs > 0);
	CHECK_EQ(links[0].place, 1);
	CHECK_EQ(due[0].place, 2);
	CHECK_EQ(due[1].place, 3);
	CHECK_EQ(links[1].place, 4);
	CHECK_EQ(links[2].place, 5);
	CASE_END;
}

/* A timer that restarts itself at once, again and again, lets a disk work. */
static struct mirage_timer spinner;
static unsigned spins;
static bool spinning;

static void spin(void *arg)
{
	spins++;
	if (spinning)
		mirage_timer_start(&spinner, 0, spin, NULL);
}

CASE(time, devices_get_theirs, "TIM-05", .needs = CONF_DISK)
{
	static struct mirage_block_request request;
	static struct mirage_vector vector;
	static struct conf_done done;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	spinning = true;
	mirage_timer_start(&spinner, 0, spin, NULL);
	vector.base = conf_memory(4096);
	vector.length_bytes = 4096;
	request = (struct mirage_block_request){.op = MIRAGE_BLOCK_READ,
						.n_vectors = 1,
						.vectors = &vector,
						.done = conf_count,
						.arg = &done};
	mirage_block_submit(conf_block(CONF_DISK_512),
			    (struct mirage_block_request *[]){&request}, 1);
	AWAIT(done.count == 1);
	CHECK_RESULT(done.result, MIRAGE_OK);
	CHECK(spins > 0);
	spinning = false;
	mirage_timer_cancel(&spinner);
	CASE_END;
}

static struct mirage_timer repeating;
static unsigned repeats;
static bool armed_inside;

static void repeat(void *arg)
{
	armed_inside |= mirage_timer_armed(&repeating);
	if (++repeats < 5)
		mirage_timer_start(&repeating,
				   mirage_clock_monotonic_ns() + 100000, repeat,
				   NULL);
	else
		conf_wake();
}

CASE(time, idle_inside, "TIM-06")
{
	CASE_BEGIN;
	mirage_timer_start(&repeating, 0, repeat, NULL);
	AWAIT(repeats == 5);
	CHECK(!armed_inside);
	CHECK(!mirage_timer_armed(&repeating));
	CASE_END;
}

/* The timer's memory is free in its callback, TIM-06 and LAW-06. */
static struct noted reused;

static void scribble(void *arg)
{
	conf_set(&reused.timer, sizeof(reused.timer), 0);
	note(&reused);
}

CASE(time, memory_is_free_inside, "TIM-06 LAW-06")
{
	static struct noted other;

	CASE_BEGIN;
	mirage_timer_start(&reused.timer, 0, scribble, NULL);
	note_start(&other, 0);
	AWAIT(reused.runs == 1 && other.runs == 1);
	note_start(&reused, 0);
	AWAIT(reused.runs == 2);
	CASE_END;
}

CASE(time, cancelled_never_runs, "TIM-07 TIM-08")
{
	static struct noted all[N];
	static uint64_t base_ns;
	static unsigned i, wrong;

	CASE_BEGIN;
	places = 0;
	base_ns = mirage_clock_monotonic_ns() + 3000000;
	for (i = 0; i < N; i++)
		note_start(&all[i], base_ns + i * 13 % 50 * 1000);
	for (i = 0; i < N; i += 3)
		wrong += !mirage_timer_cancel(&all[i].timer);
	CHECK_EQ(wrong, 0);
	REST_NS(10000000);
	for (i = 0; i < N; i++)
		CHECK_EQ(all[i].runs, i % 3 != 0);
	CLAIM("TIM-08");
	CHECK(!mirage_timer_cancel(&all[0].timer));
	CHECK(!mirage_timer_cancel(&all[1].timer));
	CASE_END;
}

/* One cancels another that is due in the same turn. */
static struct noted victim;
static bool was_armed;

static void cancel_victim(void *arg)
{
	was_armed = mirage_timer_cancel(&victim.timer);
	conf_wake();
}

CASE(time, cancelled_by_an_equal, "TIM-07 TIM-08 LAW-04")
{
	static struct mirage_timer killer;
	static struct noted last;

	CASE_BEGIN;
	mirage_timer_start(&killer, 0, cancel_victim, NULL);
	note_start(&victim, 0);
	note_start(&last, 0);
	AWAIT(last.runs == 1);
	CHECK(was_armed);
	CHECK_EQ(victim.runs, 0);
	CASE_END;
}

CASE(time, armed, "TIM-09")
{
	static struct noted timer;

	CASE_BEGIN;
	CHECK(!mirage_timer_armed(&timer.timer));
	CHECK(!mirage_timer_cancel(&timer.timer));
	note_start(&timer, mirage_clock_monotonic_ns() + 1000000);
	CHECK(mirage_timer_armed(&timer.timer));
	AWAIT(timer.runs == 1);
	CHECK(!mirage_timer_armed(&timer.timer));
	note_start(&timer, UINT64_MAX);
	CHECK(mirage_timer_armed(&timer.timer));
	mirage_timer_cancel(&timer.timer);
	CHECK(!mirage_timer_armed(&timer.timer));
	CASE_END;
}

CASES(time) = {
	&time_never_early,
	&time_far_deadlines,
	&time_passed_deadline,
	&time_order_of_deadlines,
	&time_order_of_equals,
	&time_restart_moves,
	&time_started_inside,
	&time_devices_get_theirs,
	&time_idle_inside,
	&time_memory_is_free_inside,
	&time_cancelled_never_runs,
	&time_cancelled_by_an_equal,
	&time_armed,
	NULL,
};
