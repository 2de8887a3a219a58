/* SPDX-License-Identifier: ISC */
/* wrap_time.c: bugs of timers and random bytes that the core would prevent, as in
 * wrap_block.c. */
#include "selftest.h"

#include <string.h>

#define SHADOWS 8u

void __real_mirage_timer_start(struct mirage_timer *timer, uint64_t deadline_ns,
			       mirage_timer_fn *on_time, void *arg);
void __wrap_mirage_timer_start(struct mirage_timer *timer, uint64_t deadline_ns,
			       mirage_timer_fn *on_time, void *arg);
bool __real_mirage_timer_cancel(struct mirage_timer *timer);
bool __wrap_mirage_timer_cancel(struct mirage_timer *timer);
bool __real_mirage_timer_armed(const struct mirage_timer *timer);
bool __wrap_mirage_timer_armed(const struct mirage_timer *timer);
int __real_mirage_random_fill(void *bytes, size_t length);
int __wrap_mirage_random_fill(void *bytes, size_t length);

static uint64_t spoil_deadline(uint64_t deadline_ns)
{
	static uint64_t started;

	if (planted(BUG_TIMER_EARLY) && deadline_ns > 30000)
		deadline_ns -= 30000;
	/* A wheel with slots of a millisecond. */
	if (planted(BUG_TIMER_UNORDERED) && deadline_ns < UINT64_MAX / 2)
		deadline_ns = (deadline_ns + 999999) / 1000000 * 1000000;
	if (planted(BUG_TIMER_LAST_FIRST) && deadline_ns > 1000)
		deadline_ns += 100000 - ++started % 100000;
	if (planted(BUG_TIMER_WRAPS))
		deadline_ns = (uint64_t)(uint32_t)(deadline_ns / 1000) * 1000;
	return deadline_ns;
}

/* The harness's own timers wait for longer than those of the cases, and start each
 * other: the bugs that multiply or stop timers leave them alone. */
static bool is_of_a_case(uint64_t deadline_ns)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();

	return deadline_ns > now_ns && deadline_ns - now_ns < 900000;
}

/* A second timer beside the one that is started. */
static void start_shadow(uint64_t deadline_ns, mirage_timer_fn *on_time,
			 void *arg)
{
	static struct mirage_timer shadows[SHADOWS];
	static unsigned n;

	__real_mirage_timer_start(&shadows[n++ % SHADOWS], deadline_ns, on_time,
				  arg);
}

/* A timer that is disarmed when its function has returned. */
static struct {
	struct mirage_timer *timer;
	mirage_timer_fn *on_time;
	void *arg;
} stopping;

static void run_and_stop(void *arg)
{
	(void)arg;
	stopping.on_time(stopping.arg);
	__real_mirage_timer_cancel(stopping.timer);
}

void __wrap_mirage_timer_start(struct mirage_timer *timer, uint64_t deadline_ns,
			       mirage_timer_fn *on_time, void *arg)
{
	if (planted(BUG_TIMER_NOT_MOVED) && __real_mirage_timer_armed(timer))
		return;
	if (planted(BUG_TIMER_INSIDE_START) && deadline_ns > 0 &&
	    deadline_ns < mirage_clock_monotonic_ns()) {
		on_time(arg);
		return;
	}
	deadline_ns = spoil_deadline(deadline_ns);
	if (planted(BUG_TIMER_TWICE) && is_of_a_case(deadline_ns))
		start_shadow(deadline_ns, on_time, arg);
	if (planted(BUG_TIMER_STOPS_AFTER) && is_of_a_case(deadline_ns)) {
		stopping.timer = timer;
		stopping.on_time = on_time;
		stopping.arg = arg;
		on_time = run_and_stop;
	}
	__real_mirage_timer_start(timer, deadline_ns, on_time, arg);
}

bool __wrap_mirage_timer_cancel(struct mirage_timer *timer)
{
	if (planted(BUG_TIMER_CANCEL_IDLE))
		return __real_mirage_timer_armed(timer);
	return __real_mirage_timer_cancel(timer) &&
	       !planted(BUG_TIMER_CANCEL_LIES);
}

bool __wrap_mirage_timer_armed(const struct mirage_timer *timer)
{
	return __real_mirage_timer_armed(timer) ||
	       planted(BUG_TIMER_ARMED_LIES);
}

int __wrap_mirage_random_fill(void *bytes, size_t length)
{
	int result = __real_mirage_random_fill(bytes, length);

	if (planted(BUG_RANDOM_FAILS_OPEN) && result < 0)
		memset(bytes, 0x37, length);
	return result;
}
