/* SPDX-License-Identifier: ISC */
/*
 * bench_timer.c: how late timers are, against a timerfd in an epoll of its own, and
 * what starting and cancelling cost, against allocating as much memory.
 */
#include "bench.h"

#include <mirage.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_MS 1000000
#define ROUNDS 9
#define SHOTS 200
#define N_TIMERS 1000000
#define SPREAD_NS (UINT64_C(3600) * 1000000000)

static struct bench jitter = {
	.name = "timer_jitter",
	.unit = "ns",
	.against = "timerfd and epoll",
};
static struct bench arm_cancel = {
	.name = "timer_arm_cancel",
	.unit = "ns",
	.against = "malloc and free of as many bytes",
};

/* ---------------------------------------------------------------- Jitter -- */

static struct mirage_timer timer;
static uint64_t deadline_ns;
static double late_ns[SHOTS], raw_late_ns[SHOTS];
static unsigned n_shots;
static int timer_fd, epoll_fd;

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_of(double late[])
{
	qsort(late, SHOTS, sizeof late[0], by_size);
	return late[SHOTS / 2];
}

static void open_raw(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	epoll_fd = epoll_create1(0);
	bench_must(timer_fd >= 0 && epoll_fd >= 0, "timerfd");
	bench_must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) == 0,
		   "epoll");
}

static double raw_shot(void)
{
	uint64_t at_ns = bench_now_ns() + NS_PER_MS, expirations;
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(at_ns / 1000000000),
		.it_value.tv_nsec = (long)(at_ns % 1000000000),
	};
	struct epoll_event event;
	double late;

	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
	bench_must(epoll_wait(epoll_fd, &event, 1, -1) == 1, "epoll");
	late = (double)(bench_now_ns() - at_ns);
	bench_must(read(timer_fd, &expirations, sizeof expirations) > 0,
		   "timerfd");
	return late;
}

static void on_time(void *arg);

static void shoot(void)
{
	deadline_ns = mirage_clock_monotonic_ns() + NS_PER_MS;
	mirage_timer_start(&timer, deadline_ns, on_time, NULL);
}

/** Shots take turns, so that both meet the same load of the machine. */
static void on_time(void *arg)
{
	late_ns[n_shots] = (double)(mirage_clock_monotonic_ns() - deadline_ns);
	raw_late_ns[n_shots++] = raw_shot();
	if (n_shots == SHOTS) {
		bench_round(&jitter, median_of(late_ns),
			    median_of(raw_late_ns));
		n_shots = 0;
		if (jitter.n == ROUNDS) {
			bench_print(&jitter);
			return;
		}
	}
	shoot();
}

/* ----------------------------------------------------- Starting, cancelling -- */

static uint32_t next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state;
}

static void never(void *arg)
{
}

/** Nanoseconds for starting and cancelling one of a million timers. */
static double mirage_arm_cancel(struct mirage_timer *timers,
				const uint64_t *deadlines_ns)
{
	uint64_t start_ns = bench_now_ns();

	for (unsigned i = 0; i < N_TIMERS; i++)
		mirage_timer_start(&timers[i], deadlines_ns[i], never, NULL);
	for (unsigned i = 0; i < N_TIMERS; i++)
		mirage_timer_cancel(&timers[i]);
	return (double)(bench_now_ns() - start_ns) / N_TIMERS;
}

static double raw_malloc_free(void **blocks)
{
	uint64_t start_ns = bench_now_ns();

	for (unsigned i = 0; i < N_TIMERS; i++) {
		blocks[i] = malloc(sizeof(struct mirage_timer));
		*(volatile char *)blocks[i] = 1;
	}
	for (unsigned i = 0; i < N_TIMERS; i++)
		free(blocks[i]);
	return (double)(bench_now_ns() - start_ns) / N_TIMERS;
}

static void run_arm_cancel(void)
{
	struct mirage_timer *timers = calloc(N_TIMERS, sizeof *timers);
	uint64_t *deadlines_ns = calloc(N_TIMERS, sizeof *deadlines_ns);
	void **blocks = calloc(N_TIMERS, sizeof *blocks);
	uint64_t now_ns = mirage_clock_monotonic_ns();

	bench_must(timers != NULL && deadlines_ns != NULL && blocks != NULL,
		   "memory");
	for (unsigned i = 0; i < N_TIMERS; i++)
		deadlines_ns[i] = now_ns + SPREAD_NS + next_random();
	/* The first pass is about touching the memory. */
	mirage_arm_cancel(timers, deadlines_ns);
	raw_malloc_free(blocks);
	while (arm_cancel.n < ROUNDS)
		bench_round(&arm_cancel,
			    mirage_arm_cancel(timers, deadlines_ns),
			    raw_malloc_free(blocks));
	bench_print(&arm_cancel);
	free(blocks);
	free(deadlines_ns);
	free(timers);
}

static int start(int argc, char *argv[])
{
	run_arm_cancel();
	open_raw();
	shoot();
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
