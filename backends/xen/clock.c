/* SPDX-License-Identifier: ISC */
/*
 * The paravirtual clock (xen/include/public/xen.h, struct vcpu_time_info): Xen
 * publishes a system time and how the TSC goes on from it; versions that are odd or
 * have changed mean that it was being written.
 *
 * Xen's system time is another one after a migration, and has gone on during a
 * suspension. `offset_ns` lets ours continue where it was.
 */
#include "xen.h"

#include "machine.h"

#define NS_PER_S INT64_C(1000000000)

static uint64_t offset_ns; /* ours less Xen's, modulo 2^64 */
static uint64_t last_ns;

uint64_t xen_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t scale(uint64_t ticks, uint32_t multiplier, int8_t shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (uint64_t)((unsigned __int128)ticks * multiplier >> 32);
}

static const volatile struct vcpu_time_info *vcpu_time(void)
{
	return &xen_shared_info->vcpu_info[0].time;
}

static uint64_t system_ns(void)
{
	const volatile struct vcpu_time_info *time = vcpu_time();
	uint64_t now_ns, passed;
	uint32_t version;

	do {
		version = time->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		passed = xen_tsc() - time->tsc_timestamp;
		/* A TSC that seems older than the timestamp is not: it is less
		 * exact than this difference. */
		if ((int64_t)passed < 0)
			passed = 0;
		now_ns =
			time->system_time +
			scale(passed, time->tsc_to_system_mul, time->tsc_shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) != 0 || version != time->version);
	return now_ns;
}

static uint64_t monotonic_ns(void)
{
	uint64_t now_ns = system_ns() + offset_ns;

	/* A recalibration may step back a little. */
	if (now_ns > last_ns)
		last_ns = now_ns;
	return last_ns;
}

uint64_t xen_clock_to_system(uint64_t deadline_ns)
{
	uint64_t system = deadline_ns - offset_ns;

	if (deadline_ns == UINT64_MAX)
		return 0; /* for Xen: never */
	/* A deadline of before Xen's clock began has passed. */
	return (int64_t)system <= 0 ? 1 : system;
}

uint64_t xen_clock_ticks_ns(uint64_t ticks)
{
	return scale(ticks, vcpu_time()->tsc_to_system_mul,
		     vcpu_time()->tsc_shift);
}

void xen_clock_resume(void)
{
	offset_ns = last_ns - system_ns();
}

static int64_t wall_ns(void)
{
	const volatile struct shared_info *info = xen_shared_info;
	uint64_t seconds;
	uint32_t version, ns;

	do {
		version = info->wc_version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		seconds = (uint64_t)info->wc_sec_hi << 32 | info->wc_sec;
		ns = info->wc_nsec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) != 0 || version != info->wc_version);
	/* What Xen publishes is the time of day when its clock began. */
	return (int64_t)(seconds * NS_PER_S + ns + system_ns());
}

static const struct mirage_clock_info info = {
	.size = sizeof info,
	.counts_suspended = false,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

const struct mirage_clock_ops xen_clock_ops = {
	.size = sizeof xen_clock_ops,
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &info,
};
