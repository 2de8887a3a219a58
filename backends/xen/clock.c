/* SPDX-License-Identifier: ISC */
/*
 * The paravirtual clock (xen/include/public/xen.h, struct vcpu_time_info): Xen
 * publishes a system time and how the TSC goes on from it; versions that are odd or
 * have changed mean that it was being written.
 */
#include "xen.h"

#include "machine.h"

static uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t scale(uint64_t ticks, uint32_t multiplier, int8_t shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (uint64_t)((unsigned __int128)ticks * multiplier >> 32);
}

static uint64_t monotonic_ns(void)
{
	static uint64_t last_ns;
	const volatile struct vcpu_time_info *time =
		&xen_shared_info->vcpu_info[0].time;
	uint64_t now_ns;
	uint32_t version;

	do {
		version = time->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		now_ns = time->system_time +
			 scale(read_tsc() - time->tsc_timestamp,
			       time->tsc_to_system_mul, time->tsc_shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) != 0 || version != time->version);
	/* A recalibration may step back a little. */
	if (now_ns > last_ns)
		last_ns = now_ns;
	return last_ns;
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
	return (int64_t)(seconds * 1000000000 + ns + monotonic_ns());
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
