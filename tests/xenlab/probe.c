/* SPDX-License-Identifier: ISC */
/*
 * probe WHAT [N]: what a guest of the lab's tests does.
 *	status N	ends with N
 *	lines N		prints N numbered lines and ends
 *	abort		aborts, after a line without an end
 *	fault		writes where nothing is
 *	tap		says what a TAP program says
 *	wait		until it is asked to end
 */
#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mirage_timer forever;
static long left, count;

static void on_forever(void *arg)
{
}

/** As much as the console takes; the rest when it takes more. */
static void print_lines(void)
{
	static char line[64];
	static int length, written;

	while (left > 0 || written < length) {
		int taken;

		if (written == length) {
			length = snprintf(line, sizeof(line),
					  "line %ld of %ld\n", count - --left,
					  count);
			written = 0;
		}
		taken = mirage_console_write(line + written,
					     (size_t)(length - written));
		if (taken < 0)
			mirage_exit(1);
		if (taken <= 0)
			return;
		written += taken;
	}
	mirage_exit(0);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_SHUTDOWN)
		mirage_exit(0);
	else if (event == MIRAGE_EVENT_CONSOLE)
		print_lines();
}

/** Nothing that waits for an event alone keeps a program running. */
static void stay(void)
{
	mirage_timer_start(&forever, UINT64_MAX, on_forever, NULL);
}

static void say(const char *text)
{
	mirage_console_write(text, strlen(text));
}

static int start(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	void *volatile nothing = NULL;

	left = count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	mirage_on_event(on_event, NULL);
	if (strcmp(what, "status") == 0) {
		mirage_exit((int)count);
	} else if (strcmp(what, "lines") == 0) {
		stay();
		print_lines();
	} else if (strcmp(what, "abort") == 0) {
		say("before the end");
		abort();
	} else if (strcmp(what, "fault") == 0) {
		*(volatile int *)nothing = 1;
	} else if (strcmp(what, "tap") == 0) {
		say("1..2\nok 1 - first\nnot ok 2 - second # TODO\n");
	} else if (strcmp(what, "wait") == 0) {
		stay();
		say("waiting\n");
	} else {
		return 2;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
