/* SPDX-License-Identifier: ISC */
/*
 * The console: output goes to the host's standard output at once, while virtual
 * time stands still. Input is a script, from a file or from a test.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_ROOM_BYTES 65536u
#define INPUT_CHUNK_BYTES 4096u

/* --------------------------------------------------------------- Output -- */

static uint8_t held[PAUSE_ROOM_BYTES]; /* taken while nobody reads */
static size_t n_held;
static bool paused, gone;

/** Returns false when the reader is gone. */
static bool write_all(int fd, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length > 0) {
		ssize_t n = write(fd, from, length);

		if (n >= 0) {
			from += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			/* Standard output may be somebody's non-blocking pipe. */
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1,
			     -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static int sim_console_write(const void *bytes, size_t length)
{
	size_t n = length;

	if (gone)
		return MIRAGE_EGONE;
	if (!paused) {
		gone = !write_all(STDOUT_FILENO, bytes, length);
		return gone ? MIRAGE_EGONE : (int)length;
	}
	if (n > PAUSE_ROOM_BYTES - n_held)
		n = PAUSE_ROOM_BYTES - n_held;
	memcpy(held + n_held, bytes, n);
	n_held += n;
	return (int)n;
}

void sim_console_drain(void)
{
	if (!gone && !write_all(STDOUT_FILENO, held, n_held))
		gone = true;
	n_held = 0;
}

void mirage_sim_console_pause(bool pause)
{
	paused = pause;
	if (paused)
		return;
	sim_console_drain();
	mirage_core_event(MIRAGE_EVENT_CONSOLE);
}

void mirage_sim_console_hang_up(void)
{
	gone = true;
	mirage_core_event(MIRAGE_EVENT_CONSOLE);
}

/** Details are told with the virtual time, mistakes as on any other backend. */
static void sim_console_log(uint32_t level, const char *line, size_t length)
{
	char text[1200];
	int n;

	if (level < MIRAGE_LOG_INFO)
		n = snprintf(text, sizeof text, "%.*s\n", (int)length, line);
	else
		n = snprintf(text, sizeof text,
			     "%" PRIu64 ".%09" PRIu64 " %.*s\n",
			     sim_now() / SIM_NS_PER_S, sim_now() % SIM_NS_PER_S,
			     (int)length, line);
	write_all(STDERR_FILENO, text, (size_t)n);
}

/* ---------------------------------------------------------------- Input -- */

static uint8_t *typed;
static size_t typed_from, typed_to, typed_room;
static bool typed_end, reading;
static struct sim_event arrival;

static void input_arrives(struct sim_event *event);

static void plan_arrival(void)
{
	if (reading && (typed_from < typed_to || typed_end))
		sim_plan(&arrival, sim_now(), input_arrives);
	else
		sim_cancel(&arrival);
}

static void input_arrives(struct sim_event *event)
{
	uint8_t chunk[INPUT_CHUNK_BYTES];
	size_t n = typed_to - typed_from;

	if (n > sizeof chunk)
		n = sizeof chunk;
	/* A copy, for the reader may type and so move the buffer. */
	if (n > 0)
		memcpy(chunk, typed + typed_from, n);
	typed_from += n;
	mirage_core_console_input(chunk, n);
	plan_arrival();
}

static void sim_console_read_enable(bool enable)
{
	reading = enable;
	plan_arrival();
}

void mirage_sim_console_input(const void *bytes, size_t length)
{
	if (length > typed_room - typed_to) {
		typed_room = typed_room * 2 + length;
		typed = realloc(typed, typed_room);
		if (typed == NULL)
			abort();
	}
	memcpy(typed + typed_to, bytes, length);
	typed_to += length;
	plan_arrival();
}

void mirage_sim_console_end(void)
{
	typed_end = true;
	plan_arrival();
}

void sim_console_explain(void)
{
	if (reading)
		mirage_log(MIRAGE_LOG_ERROR,
			   "the console is read, and nobody types; give "
			   "--input FILE");
	if (paused)
		mirage_log(MIRAGE_LOG_ERROR,
			   "the console is paused and has taken %zu bytes",
			   n_held);
}

/** Returns 0 or an errno value. */
static int load(int fd)
{
	uint8_t chunk[INPUT_CHUNK_BYTES];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		mirage_sim_console_input(chunk, (size_t)n);
	return n < 0 ? errno : 0;
}

bool sim_console_init(const char *input_path)
{
	bool standard;
	int fd, error;

	if (input_path == NULL)
		return true;
	standard = strcmp(input_path, "-") == 0;
	fd = standard ? STDIN_FILENO : open(input_path, O_RDONLY | O_CLOEXEC);
	error = fd < 0 ? errno : load(fd);
	if (fd >= 0 && !standard)
		close(fd);
	if (error != 0) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--input %s: %s; give a file that can be read, or - "
			   "for standard input",
			   input_path, strerror(error));
		return false;
	}
	mirage_sim_console_end();
	return true;
}

const struct mirage_console_ops sim_console_ops = {
	.size = sizeof sim_console_ops,
	.write = sim_console_write,
	.read_enable = sim_console_read_enable,
	.log = sim_console_log,
};
