/* SPDX-License-Identifier: ISC */
/* Formats that the log's readers may meet; the output of libc on the host is what
 * it has to be. */
#include <mirage.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char text[65536];
static size_t length, written;

static void line(const char *format, ...) MIRAGE_PRINTF(1, 2);

static void line(const char *format, ...)
{
	char small[9];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + length, sizeof text - length, format, args);
	va_end(args);
	length += (size_t)n;
	/* Cut, and the length of the whole all the same. */
	va_start(args, format);
	n = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	length += (size_t)snprintf(text + length, sizeof text - length,
				   "\t[%s]\t%d\n", small, n);
}

static void integers(void)
{
	static const int values[] = {0, 1, -1, 42, -12345, INT_MAX, INT_MIN};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		int v = values[i];

		line("%d|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|%08.3d", v, v,
		     v, v, v, v, v, v, v, v);
		line("%u|%x|%X|%#x|%#X|%o|%#o|%10x|%-10x|%010x|%#010x", v, v, v,
		     v, v, v, v, v, v, v, v);
		line("%hhd|%hd|%hhu|%hu|%*d|%-*d|%.*d", v, v, v, v, 7, v, 7, v,
		     4, v);
		line("%lld|%llu|%llx|%jd|%zu", (long long)v * INT_MAX,
		     (unsigned long long)v * 77777, ~(unsigned long long)v,
		     (intmax_t)v, (size_t)(unsigned)v);
	}
	line("%.0d|%5.0d|%lld|%llu", 0, 0, LLONG_MIN, ULLONG_MAX);
	line("%*d|%.*d", -6, 3, -1, 5);
}

static void texts(void)
{
	line("%s|%10s|%-10s|%.2s|%10.2s|%-10.2s|%s", "abc", "abc", "abc", "abc",
	     "abc", "abc", "");
	line("%c|%5c|%-5c|%%|%5s|", 'x', 'y', 'z', "a long text");
	line("no conversion at all");
}

static void doubles(void)
{
	static const double values[] = {
		0,	   -0.0,    1,	      -1.5,	 0.1,	   2.5,	  3.5,
		123456789, 1e-5,    9.9995,   99999.5,	 999998.5, 1e21,  1e22,
		DBL_MAX,   DBL_MIN, INFINITY, -INFINITY, 1e100,	   0.0001};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		double v = values[i];

		line("%f|%.0f|%.1f|%10.2f|%-10.2f|%010.2f|%+.3f|% f|%#.0f", v,
		     v, v, v, v, v, v, v, v);
		line("%e|%.0e|%E|%15.3e|%-15.3e|%015.3e|%#.0e", v, v, v, v, v,
		     v, v);
		line("%g|%.0g|%.3g|%G|%12.4g|%-12.4g|%012.4g|%#g|%.10g", v, v,
		     v, v, v, v, v, v, v);
	}
}

static void write_on(void *arg, uint32_t event)
{
	int taken = mirage_console_write(text + written, length - written);

	if (taken > 0)
		written += (size_t)taken;
	if (taken < 0 || written == length)
		mirage_exit(taken < 0);
}

/* Never: what keeps the program running until all is written. */
static void on_time(void *arg)
{
}

static int start(int argc, char *argv[])
{
	static struct mirage_timer keep;

	integers();
	texts();
	doubles();
	mirage_on_event(write_on, NULL);
	mirage_timer_start(&keep, UINT64_MAX - 1, on_time, NULL);
	write_on(NULL, MIRAGE_EVENT_CONSOLE);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
