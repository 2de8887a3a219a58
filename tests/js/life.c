/* SPDX-License-Identifier: ISC */
/*
 * life: lives and ends as its argument says, for the tests of the loader.
 *
 *	trap | overflow | outside	dies, from a timer
 *	exit STATUS			ends
 *	write BYTES | print BYTES	writes letters, by the console or by printf
 *	events				says what happens, until it is asked to end
 */
#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES 26000

static struct mirage_timer timer;
static char letters[PIECE_BYTES];
static long written, left;

/* ----------------------------------------------------------------- Death -- */

static int deeper(volatile int *above)
{
	volatile int here[1000];

	here[0] = *above + 1;
	return deeper(here) + here[0];
}

static void die(void *arg)
{
	const char *how = arg;
	volatile int start = 0;

	printf("alive\n");
	fflush(stdout);
	if (strcmp(how, "trap") == 0)
		abort();
	if (strcmp(how, "overflow") == 0)
		printf("%d\n", deeper(&start));
	*(volatile int *)0x7ffffff0 = 1;
}

static void on_input(void *arg, const void *bytes, size_t length)
{
}

/* ---------------------------------------------------------------- Output -- */

static void write_on(void)
{
	while (left > 0) {
		long at = written % PIECE_BYTES;
		long n = PIECE_BYTES - at < left ? PIECE_BYTES - at : left;
		int taken = mirage_console_write(letters + at, (size_t)n);

		if (taken < 0) {
			mirage_exit(1);
			return;
		}
		written += taken;
		left -= taken;
		if (taken < n)
			return; /* until EVENT_CONSOLE */
	}
	mirage_exit(0);
}

static void on_room(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CONSOLE)
		write_on();
}

static void print_all(void)
{
	for (; left >= PIECE_BYTES; left -= PIECE_BYTES)
		fwrite(letters, 1, PIECE_BYTES, stdout);
	fwrite(letters, 1, (size_t)left, stdout);
	fflush(stdout);
}

/* ---------------------------------------------------------------- Events -- */

static void say(const char *text)
{
	mirage_console_write(text, strlen(text));
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_RESUMED)
		say("resumed\n");
	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	say("asked to end\n");
	mirage_exit(3);
}

/* ------------------------------------------------------------------ Start -- */

static int start(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";

	left = argc > 2 ? atol(argv[2]) : 0;
	for (int i = 0; i < PIECE_BYTES; i++)
		letters[i] = (char)('a' + i % 26);
	mirage_console_read(on_input, NULL);
	if (strcmp(what, "exit") == 0) {
		mirage_exit((int)left);
	} else if (strcmp(what, "write") == 0) {
		mirage_on_event(on_room, NULL);
		write_on();
	} else if (strcmp(what, "print") == 0) {
		print_all();
		mirage_exit(0);
	} else if (strcmp(what, "events") == 0) {
		mirage_on_event(on_event, NULL);
		say("ready\n");
	} else {
		mirage_timer_start(&timer, mirage_clock_monotonic_ns(), die,
				   argv[1]);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
