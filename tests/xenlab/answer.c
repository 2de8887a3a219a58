/* SPDX-License-Identifier: ISC */
/*
 * answer WHAT: a guest that listens.
 *	echo		says again what it is told, up to a line `end`
 *	deaf		never ends, whatever it is asked
 */
#include <mirage.h>

#include <string.h>

static struct mirage_timer forever;
static char line[128];
static size_t n;

static void on_forever(void *arg)
{
}

static void say(const char *text, size_t length)
{
	(void)mirage_console_write(text, length);
}

static void on_read(void *arg, const void *bytes, size_t length)
{
	const char *at = bytes;

	for (; length > 0; at++, length--) {
		if (n < sizeof(line))
			line[n++] = *at;
		if (*at != '\n')
			continue;
		if (n == 4 && memcmp(line, "end\n", 4) == 0) {
			mirage_exit(7);
			return;
		}
		say("heard ", 6);
		say(line, n);
		n = 0;
	}
}

static void on_event(void *arg, uint32_t event)
{
}

static int start(int argc, char *argv[])
{
	mirage_on_event(on_event, NULL);
	mirage_timer_start(&forever, UINT64_MAX, on_forever, NULL);
	if (argc == 2 && strcmp(argv[1], "echo") == 0) {
		if (mirage_console_read(on_read, NULL) < 0)
			mirage_exit(1);
	}
	say("ready\n", 6);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
