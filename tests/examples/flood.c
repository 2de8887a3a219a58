/* SPDX-License-Identifier: ISC */
/* flood: writes 100,000 numbered lines as fast as they are read, and ends. */
#include <mirage.h>

#include <stdio.h>

#define LINES 100000

static char line[16];
static int number = -1, length, written;

static bool next_line(void)
{
	if (++number == LINES)
		return false;
	length = snprintf(line, sizeof(line), "%d\n", number);
	written = 0;
	return true;
}

/* Writes on where the last short count ended. */
static void write_on(void)
{
	while (written < length || next_line()) {
		int n = mirage_console_write(line + written,
					     (size_t)(length - written));

		if (n < 0) {
			mirage_exit(1);
			return;
		}
		written += n;
		if (written < length)
			return; /* until EVENT_CONSOLE */
	}
	mirage_exit(0);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CONSOLE)
		write_on();
}

static int start(int argc, char *argv[])
{
	mirage_on_event(on_event, NULL);
	write_on();
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
