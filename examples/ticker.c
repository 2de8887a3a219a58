/* SPDX-License-Identifier: ISC */
/*
 * ticker [COUNT]: prints COUNT lines, one every 100 ms, with what both clocks
 * say. Stop it with an interrupt, or let it end by itself.
 */
#include <mirage.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MS_NS UINT64_C(1000000)
#define PERIOD_NS (100 * MS_NS)
#define COUNT_MAX 1000000

static struct mirage_timer timer;
static uint64_t start_ns;
static unsigned long count = 5, ticks;

static void on_tick(void *arg)
{
	uint64_t after_ns = mirage_clock_monotonic_ns() - start_ns;
	int64_t wall_ms = mirage_clock_wall_ns() / (int64_t)MS_NS;
	char line[128];
	int length, taken;

	ticks++;
	length = snprintf(line, sizeof(line),
			  "tick %lu of %lu: %" PRIu64 " ms after the start, "
			  "%" PRId64 ".%03d s since 1970\n",
			  ticks, count, after_ns / MS_NS, wall_ms / 1000,
			  (int)(wall_ms % 1000));
	taken = mirage_console_write(line, (size_t)length);
	if (taken < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "console: %s",
			   mirage_strerror(taken));
		mirage_exit(1);
	} else if (taken < length) {
		mirage_log(MIRAGE_LOG_WARN, "nobody reads tick %lu", ticks);
	}

	/* From the start, not from now: a late tick delays no other. */
	if (ticks < count)
		mirage_timer_start(&timer, start_ns + (ticks + 1) * PERIOD_NS,
				   on_tick, NULL);
}

static int start(int argc, char *argv[])
{
	char *end = NULL;

	if (argc > 1)
		count = strtoul(argv[1], &end, 10);
	if (end != NULL && (*end != '\0' || count < 1 || count > COUNT_MAX)) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "'%s' is not a number of ticks from 1 to %d; "
			   "see --help",
			   argv[1], COUNT_MAX);
		return 2;
	}
	if (argc > 2) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "unknown argument '%s'; see --help", argv[2]);
		return 2;
	}
	start_ns = mirage_clock_monotonic_ns();
	mirage_timer_start(&timer, start_ns + PERIOD_NS, on_tick, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
