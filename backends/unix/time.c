/* SPDX-License-Identifier: ISC */
/*
 * One timerfd. libuv's timers count milliseconds and come half a millisecond
 * late; a timerfd is as exact as the kernel.
 */
#include "unix.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Some 60 years, which a time_t of 32 bits holds: waking early is harmless. */
#define FAR_NS ((uint64_t)2000000000 * 1000000000)

static int timer_fd = -1;
static uv_poll_t timer_poll;
static uint64_t wanted_ns = 0;	       /* 0: now, UINT64_MAX: never */
static uint64_t armed_ns = UINT64_MAX; /* what the timerfd is set to */

static void wake_at(uint64_t deadline_ns)
{
	wanted_ns = deadline_ns;
}

bool unix_time_due(void)
{
	return wanted_ns == 0;
}

/* A timer that was cancelled or moved later is left armed: one idle wake-up
 * costs less than a system call for each change. */
bool unix_time_arm(void)
{
	uint64_t at_ns = wanted_ns < FAR_NS ? wanted_ns : FAR_NS;
	struct itimerspec at = {0};

	if (wanted_ns == 0)
		return true;
	if (wanted_ns >= armed_ns)
		return false;
	at.it_value.tv_sec = (time_t)(at_ns / 1000000000);
	at.it_value.tv_nsec = (long)(at_ns % 1000000000);
	unix_must(timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0
			  ? -errno
			  : 0,
		  "timerfd");
	armed_ns = at_ns;
	return false;
}

static void on_timer(uv_poll_t *poll, int status, int events)
{
	uint64_t expirations;

	(void)!read(timer_fd, &expirations, sizeof expirations);
	armed_ns = UINT64_MAX;
}

void unix_time_init(void)
{
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	unix_must(timer_fd < 0 ? -errno : 0, "timerfd");
	unix_must(uv_poll_init(unix_loop(), &timer_poll, timer_fd), "timerfd");
	uv_poll_start(&timer_poll, UV_READABLE, on_timer);
}

const struct mirage_time_ops unix_time_ops = {
	.size = sizeof unix_time_ops,
	.wake_at = wake_at,
};
