/* SPDX-License-Identifier: ISC */
#include "js.h"

#include <math.h>

#define NS_PER_MS 1e6

static bool held;
static uint64_t held_ns;

/* The loader may be early by a rounding error: the core then asks again. */
static void wake_at(uint64_t deadline_ns)
{
	held_ns = deadline_ns;
	if (held)
		return;
	if (deadline_ns == UINT64_MAX)
		js_wake_at((double)INFINITY);
	else
		js_wake_at((double)deadline_ns / NS_PER_MS);
}

void js_time_hold(void)
{
	held = true;
}

void js_time_release(void)
{
	held = false;
	wake_at(held_ns);
}

const struct mirage_time_ops js_time_ops = {
	.size = sizeof js_time_ops,
	.wake_at = wake_at,
};
