/* SPDX-License-Identifier: ISC */
/*
 * console.c: the byte stream to and from whoever watches.
 */
#include "conformance.h"

#define LENGTH (96u << 10)

static uint8_t bytes[LENGTH], output[LENGTH + 1];
static size_t taken;

static unsigned room_events;

static uint8_t input[LENGTH];
static size_t n_input;
static unsigned ends, calls_after_end, reads;

/* The cases share their memory; each begins with this. */
static void begin(void)
{
	taken = n_input = 0;
	room_events = ends = calls_after_end = reads = 0;
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CONSOLE)
		room_events++;
	conf_wake();
}

/* Writes on from `taken`; false where that cannot be. */
static bool write_on(size_t length)
{
	int result = mirage_console_write(bytes + taken, length - taken);

	if (result > 0)
		taken += (size_t)result;
	return result >= 0;
}

static size_t seen(void)
{
	return conf_console_output(0, output, sizeof(output));
}

/* ---------------------------------------------------------------- Output -- */

CASE(console, output_unchanged, "CON-01", .needs = CONF_OUTPUT)
{
	static unsigned i;

	CASE_BEGIN;
	begin();
	/* Every byte, and what a stream for text would change. */
	for (i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	conf_copy(bytes + 256, "\r\n\n\r\033[2J%s%n\xff\xfe\xc3\x28\x04", 16);
	AWAIT(write_on(272) && taken == 272);
	AWAIT(seen() >= 272);
	REST_NS(1000000);
	CHECK_EQ(seen(), 272);
	CHECK_BYTES(output, bytes, 272);
	CASE_END;
}

/* More than a host takes at once, in pieces of odd lengths. */
CASE(console, output_in_order, "CON-01 CON-04", .needs = CONF_OUTPUT)
{
	static size_t next;
	static int result;

	CASE_BEGIN;
	begin();
	conf_fill(bytes, LENGTH, 5);
	mirage_on_event(on_event, NULL);
	while (taken < LENGTH) {
		next = taken + 1 + taken % 4093;
		next = next < LENGTH ? next : LENGTH;
		result = mirage_console_write(bytes + taken, next - taken);
		CHECK(result >= 0);
		taken += (size_t)result;
		if (taken < next) {
			AWAIT(seen() > 0 && room_events > 0);
			room_events = 0;
		}
	}
	AWAIT(seen() >= LENGTH);
	CHECK_EQ(seen(), LENGTH);
	CHECK(conf_filled(output, LENGTH, 5));
	mirage_on_event(NULL, NULL);
	CASE_END;
}

CASE(console, never_blocks, "CON-03 CON-04",
     .needs = CONF_CONSOLE_PAUSE | CONF_OUTPUT)
{
	static uint8_t more[1u << 20];
	static size_t total, offset;
	static int result;

	CASE_BEGIN;
	begin();
	conf_fill(more, sizeof(more), 6);
	mirage_on_event(on_event, NULL);
	WORLD(conf_console_pause(true));
	/* A console that takes a megabyte nobody reads is too kind: but short
	 * counts there must be in the end. */
	do {
		result = mirage_console_write(more + total,
					      sizeof(more) - total);
		CHECK(result >= 0);
		total += (size_t)result;
	} while (result > 0 && total < sizeof(more));
	CHECK(total < sizeof(more));
	REST_NS(5000000);
	CHECK_EQ(room_events, 0);
	CLAIM("CON-04");
	WORLD(conf_console_pause(false));
	AWAIT(conf_console_output(total - 1, output, 1) == 1);
	AWAIT(room_events > 0);
	result = mirage_console_write("#\n", 2);
	CHECK_RESULT(result, 2);
	/* What was taken in spite of all arrived, in order. */
	for (offset = 0; offset < total; offset += LENGTH) {
		static size_t n;

		n = total - offset < LENGTH ? total - offset : LENGTH;
		CHECK_EQ(conf_console_output(offset, output, n), n);
		CHECK_BYTES(output, more + offset, n);
	}
	mirage_on_event(NULL, NULL);
	CASE_END;
}

CASE(console, reader_gone, "CON-05", .needs = CONF_CONSOLE_GONE)
{
	static int result;

	CASE_BEGIN;
	begin();
	CHECK_RESULT(mirage_console_write("# here\n", 7), 7);
	WORLD(conf_console_gone());
	AWAIT((result = mirage_console_write("# gone\n", 7)) < 0);
	CHECK_RESULT(result, MIRAGE_EGONE);
	CHECK_RESULT(mirage_console_write("# gone\n", 7), MIRAGE_EGONE);
	CASE_END;
}

CASE(console, nothing_to_write, "CON-06")
{
	CASE_BEGIN;
	begin();
	CHECK_RESULT(mirage_console_write("", 0), 0);
	CASE_END;
}

CASE(console, nothing_to_write_gone, "CON-06", .needs = CONF_CONSOLE_GONE)
{
	CASE_BEGIN;
	begin();
	WORLD(conf_console_gone());
	CHECK_RESULT(mirage_console_write("", 0), 0);
	CASE_END;
}

/* ----------------------------------------------------------------- Input -- */

static void on_read(void *arg, const void *read, size_t length)
{
	calls_after_end += ends > 0;
	ends += length == 0;
	reads++;
	if (length <= LENGTH - n_input) {
		conf_copy(input + n_input, read, length);
		n_input += length;
	}
	conf_wake();
}

/* Reads, or skips where there is nothing to read. */
#define START_READING                                           \
	do {                                                    \
		int read_ = mirage_console_read(on_read, NULL); \
		if (read_ == MIRAGE_ENOTSUP)                    \
			SKIP("the console has no input");       \
		CHECK_RESULT(read_, MIRAGE_OK);                 \
	} while (0)

CASE(console, input_unchanged, "CON-01", .needs = CONF_INPUT)
{
	static unsigned i;

	CASE_BEGIN;
	begin();
	for (i = 0; i < 8192; i++)
		bytes[i] = (uint8_t)(i < 256 ? i : i * 7);
	START_READING;
	CHECK_EQ(reads, 0);
	WORLD(conf_console_input(bytes, 1));
	AWAIT(n_input == 1);
	WORLD(conf_console_input(bytes + 1, 8191));
	AWAIT(n_input == 8192);
	REST_NS(1000000);
	CHECK_EQ(n_input, 8192);
	CHECK_BYTES(input, bytes, 8192);
	CHECK_RESULT(mirage_console_read(NULL, NULL), MIRAGE_OK);
	CASE_END;
}

CASE(console, input_ends_once, "CON-02", .needs = CONF_INPUT)
{
	CASE_BEGIN;
	begin();
	START_READING;
	WORLD(conf_console_input("last", 4));
	WORLD(conf_console_input(NULL, 0));
	AWAIT(ends > 0);
	CHECK_EQ(n_input, 4);
	REST_NS(5000000);
	CHECK_EQ(ends, 1);
	CHECK_EQ(calls_after_end, 0);
	CASE_END;
}

/* The end of the input is no reader any more: the program may end. */
CASE(console, ended_input_does_not_keep, "CON-02 APP-08", .needs = CONF_INPUT,
     .exits = true)
{
	CASE_BEGIN;
	begin();
	START_READING;
	WORLD(conf_console_input(NULL, 0));
	AWAIT(ends == 1);
	CASE_END;
}

CASE(console, stopped_reader, "CON-07", .needs = CONF_INPUT)
{
	CASE_BEGIN;
	begin();
	START_READING;
	WORLD(conf_console_input("one", 3));
	AWAIT(n_input == 3);
	CHECK_RESULT(mirage_console_read(NULL, NULL), MIRAGE_OK);
	WORLD(conf_console_input("two", 3));
	REST_NS(5000000);
	CHECK_EQ(n_input, 3);
	CHECK_RESULT(mirage_console_read(on_read, NULL), MIRAGE_OK);
	AWAIT(n_input == 6);
	CHECK_BYTES(input, "onetwo", 6);
	CHECK_RESULT(mirage_console_read(NULL, NULL), MIRAGE_OK);
	CASE_END;
}

/* A reader that stops itself after each piece, as one that copies does. */
static void read_once(void *arg, const void *read, size_t length)
{
	mirage_console_read(NULL, NULL);
	on_read(arg, read, length);
}

CASE(console, stopped_inside, "CON-07 LAW-04", .needs = CONF_INPUT)
{
	CASE_BEGIN;
	begin();
	if (mirage_console_read(read_once, NULL) == MIRAGE_ENOTSUP)
		SKIP("the console has no input");
	conf_fill(bytes, 20000, 3);
	WORLD(conf_console_input(bytes, 20000));
	AWAIT(reads == 1);
	REST_NS(3000000);
	CHECK_EQ(reads, 1);
	CHECK(n_input > 0 && n_input <= 20000);
	while (n_input < 20000) {
		taken = n_input;
		mirage_console_read(read_once, NULL);
		AWAIT(n_input > taken);
	}
	CHECK(conf_filled(input, 20000, 3));
	CASE_END;
}

/* ------------------------------------------------------------------- Log -- */

static char log_text[16384];

static size_t logged(void)
{
	return conf_console_log(0, log_text, sizeof(log_text));
}

CASE(console, log_apart, "CON-08", .needs = CONF_LOG | CONF_OUTPUT)
{
	CASE_BEGIN;
	begin();
	CHECK_RESULT(mirage_console_write("# data, ", 8), 8);
	mirage_log(MIRAGE_LOG_ERROR, "conformance: %s %d", "line", 41);
	CHECK_RESULT(mirage_console_write("more data\n", 10), 10);
	AWAIT(seen() >= 18);
	AWAIT(conf_contains(log_text, logged(), "conformance: line 41\n"));
	CHECK_EQ(seen(), 18);
	CHECK_BYTES(output, "# data, more data\n", 18);
	CHECK(!conf_contains(log_text, logged(), "more data"));
	CASE_END;
}

/* The longest line between two newlines of the log. */
static size_t longest_line(void)
{
	size_t length = logged(), longest = 0, line = 0, i;

	for (i = 0; i < length; i++) {
		line = log_text[i] == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
	}
	return longest;
}

CASE(console, log_lines_cut, "CON-08", .needs = CONF_LOG)
{
	static char text[4001];

	CASE_BEGIN;
	begin();
	conf_set(text, 4000, 'x');
	mirage_log(MIRAGE_LOG_ERROR, "%s", text);
	mirage_log(MIRAGE_LOG_ERROR, "conformance: after");
	AWAIT(conf_contains(log_text, logged(), "conformance: after\n"));
	CHECK(longest_line() > 900);
	CHECK(longest_line() <= 1023);
	CASE_END;
}

CASE(console, log_below_threshold, "CON-08", .needs = CONF_LOG)
{
	CASE_BEGIN;
	begin();
	mirage_log(MIRAGE_LOG_INFO, "conformance: a detail");
	mirage_log(MIRAGE_LOG_DEBUG, "conformance: a trifle");
	mirage_log(MIRAGE_LOG_WARN, "conformance: a warning");
	AWAIT(conf_contains(log_text, logged(), "conformance: a warning"));
	CHECK(!conf_contains(log_text, logged(), "conformance: a detail"));
	CHECK(!conf_contains(log_text, logged(), "conformance: a trifle"));
	CASE_END;
}

CASE(console, log_never_blocks, "CON-08",
     .needs = CONF_CONSOLE_PAUSE | CONF_OUTPUT)
{
	static unsigned i;

	CASE_BEGIN;
	begin();
	WORLD(conf_console_pause(true));
	for (i = 0; i < 100; i++)
		mirage_log(MIRAGE_LOG_WARN, "conformance: line %u", i);
	WORLD(conf_console_pause(false));
	CHECK_EQ(seen(), 0);
	CASE_END;
}

CASES(console) = {
	&console_output_unchanged,
	&console_output_in_order,
	&console_never_blocks,
	&console_reader_gone,
	&console_nothing_to_write,
	&console_nothing_to_write_gone,
	&console_input_unchanged,
	&console_input_ends_once,
	&console_ended_input_does_not_keep,
	&console_stopped_reader,
	&console_stopped_inside,
	&console_log_apart,
	&console_log_lines_cut,
	&console_log_below_threshold,
	&console_log_never_blocks,
	NULL,
};
