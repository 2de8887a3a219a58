/* SPDX-License-Identifier: ISC */
/* stubborn: is asked to end, says so, and goes on for ever. */
#include <mirage.h>

#define SECOND_NS UINT64_C(1000000000)

static struct mirage_timer timer;

static void say(const char *text, size_t length)
{
	mirage_console_write(text, length);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_SHUTDOWN)
		say("asked\n", 6);
}

static void on_time(void *arg)
{
	mirage_timer_start(&timer, mirage_clock_monotonic_ns() + SECOND_NS,
			   on_time, NULL);
}

static int start(int argc, char *argv[])
{
	mirage_on_event(on_event, NULL);
	on_time(NULL);
	say("ready\n", 6);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
