/* SPDX-License-Identifier: ISC */
/* trap: says so, and dies of a trap 100 ms after its start. */
#include <mirage.h>

static struct mirage_timer timer;

static void on_time(void *arg)
{
	__builtin_trap();
}

static int start(int argc, char *argv[])
{
	static const char text[] = "about to die\n";

	mirage_console_write(text, sizeof text - 1);
	mirage_timer_start(&timer,
			   mirage_clock_monotonic_ns() + UINT64_C(100000000),
			   on_time, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
