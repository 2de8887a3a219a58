/* SPDX-License-Identifier: ISC */
/* The console of the selftest: what it writes stays in memory, and what it reads
 * is typed by the fixture. */
#include "selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG_BYTES 65536u
#define PIECE_BYTES 4096u

struct stream {
	uint8_t *bytes;
	size_t length, room;
};

static struct stream output, input;
static size_t n_shown; /* of output: what a reader has seen */
static size_t n_read;  /* of input: what the program has had */
static bool paused, gone, short_of, reading, input_ended;

static void stream_append(struct stream *stream, const void *bytes,
			  size_t length)
{
	if (stream->room - stream->length < length) {
		stream->room = 2 * (stream->length + length);
		stream->bytes = realloc(stream->bytes, stream->room);
		if (stream->bytes == NULL)
			abort();
	}
	if (length > 0)
		memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
}

static size_t backlog_room(size_t length)
{
	size_t room = BACKLOG_BYTES - (output.length - n_shown);

	return length < room ? length : room;
}

static int console_write(const void *bytes, size_t length)
{
	size_t taken = backlog_room(length);

	if (gone)
		return planted(BUG_CONSOLE_GONE_SWALLOWS) ? (int)length
							  : MIRAGE_EGONE;
	if (planted(BUG_CONSOLE_NEVER_SHORT))
		taken = length;
	short_of |= taken < length;
	for (size_t i = 0; i < taken && planted(BUG_CONSOLE_CARRIAGE); i++)
		if (((const char *)bytes)[i] == '\n')
			stream_append(&output, "\r", 1);
	stream_append(&output, bytes, taken);
	if (planted(BUG_CONSOLE_TWICE))
		stream_append(&output, bytes, taken);
	return (int)taken;
}

static void console_read_enable(bool enable)
{
	reading = enable;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	(void)level;
	fprintf(stderr, "%.*s\n", (int)length, line);
	if (planted(BUG_CONSOLE_LOG_MIXED))
		stream_append(&output, line, length);
}

const struct mirage_console_ops selftest_console_ops = {
	.size = sizeof(selftest_console_ops),
	.write = console_write,
	.read_enable = console_read_enable,
	.log = console_log,
};

static bool show(void)
{
	if (paused || n_shown == output.length)
		return false;
	n_shown = output.length;
	if (short_of && !planted(BUG_CONSOLE_NO_EVENT))
		mirage_core_event(MIRAGE_EVENT_CONSOLE);
	short_of = false;
	return true;
}

static bool feed(void)
{
	size_t length = input.length - n_read;

	if (!reading && planted(BUG_CONSOLE_SWALLOWS_INPUT))
		n_read = input.length;
	if (!reading || (length == 0 && !input_ended))
		return false;
	if (length > PIECE_BYTES)
		length = PIECE_BYTES;
	n_read += length;
	if (length == 0)
		input_ended = false;
	mirage_core_console_input(input.bytes + n_read - length, length);
	return true;
}

bool selftest_console_poll(void)
{
	bool shown = show();

	return feed() || shown;
}

bool selftest_console_input(const void *bytes, size_t length)
{
	stream_append(&input, bytes, length);
	input_ended |= length == 0;
	return true;
}

size_t selftest_console_output(size_t from, void *bytes, size_t length)
{
	if (from >= n_shown)
		return 0;
	if (length > n_shown - from)
		length = n_shown - from;
	memcpy(bytes, output.bytes + from, length);
	return length;
}

bool selftest_console_pause(bool pause)
{
	paused = pause;
	return true;
}

bool selftest_console_gone(void)
{
	gone = true;
	return true;
}

void selftest_console_end(void)
{
	if (!planted(BUG_CONSOLE_LOST_AT_EXIT))
		n_shown = output.length;
}
