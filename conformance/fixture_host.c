/* SPDX-License-Identifier: ISC */
/*
 * fixture_host.c: the standard streams of a case are pipes whose other ends are
 * here. Nobody reads by himself: asking for the output is what reads it.
 */
#define _GNU_SOURCE
#include "fixture_host.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MAX (4u << 20)

static int in_fd = -1, out_fd = -1;
static bool out_is_file, paused;
static char *output;
static size_t n_output;

bool host_capture(bool to_file)
{
	int in[2], out[2];

	out_is_file = to_file;
	if (pipe(in) < 0 || dup2(in[0], STDIN_FILENO) < 0)
		return false;
	close(in[0]);
	in_fd = in[1];
	if (to_file) {
		out[0] = out[1] = memfd_create("output", 0);
	} else if (pipe(out) < 0) {
		return false;
	}
	if (out[1] < 0 || dup2(out[1], STDOUT_FILENO) < 0)
		return false;
	if (!to_file)
		close(out[1]);
	out_fd = out[0];
	fcntl(in_fd, F_SETFD, FD_CLOEXEC);
	fcntl(out_fd, F_SETFD, FD_CLOEXEC);
	output = malloc(OUTPUT_MAX);
	return output != NULL;
}

void host_no_console(struct conf_fixture *fixture)
{
	fixture->console_input = NULL;
	fixture->console_output = NULL;
	fixture->console_log = NULL;
	fixture->console_pause = NULL;
	fixture->console_gone = NULL;
}

bool host_console_input(const void *bytes, size_t length)
{
	if (in_fd < 0)
		return false;
	if (length > 0)
		return write(in_fd, bytes, length) == (ssize_t)length;
	close(in_fd);
	in_fd = -1;
	return true;
}

static void read_output(void)
{
	struct pollfd ready = {.fd = out_fd, .events = POLLIN};
	ssize_t n;

	if (paused || out_fd < 0 || out_is_file)
		return;
	while (n_output < OUTPUT_MAX && poll(&ready, 1, 0) > 0) {
		n = read(out_fd, output + n_output, OUTPUT_MAX - n_output);
		if (n <= 0)
			return;
		n_output += (size_t)n;
	}
}

static size_t copy_from_file(int fd, size_t from, void *bytes, size_t length)
{
	ssize_t n = pread(fd, bytes, length, (off_t)from);

	return n > 0 ? (size_t)n : 0;
}

size_t host_console_output(size_t from, void *bytes, size_t length)
{
	if (out_is_file)
		return copy_from_file(out_fd, from, bytes, length);
	read_output();
	if (from >= n_output)
		return 0;
	if (length > n_output - from)
		length = n_output - from;
	memcpy(bytes, output + from, length);
	return length;
}

size_t host_console_log(size_t from, void *bytes, size_t length)
{
	return copy_from_file(STDERR_FILENO, from, bytes, length);
}

bool host_console_pause(bool pause)
{
	paused = pause;
	read_output();
	return !out_is_file;
}

bool host_console_gone(void)
{
	read_output();
	close(out_fd);
	out_fd = -1;
	return true;
}

/* Strings live as long as the program, and leak checkers see that. */
static struct kept {
	struct kept *next;
	char *text;
} * kept;

const char *host_format(const char *format, ...)
{
	struct kept *keep = malloc(sizeof(*keep));
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || keep == NULL)
		abort();
	*keep = (struct kept){kept, text};
	kept = keep;
	return text;
}

/* The directory that this process made, because no runner did. */
static const char *own_scratch;

static int remove_left(const char *path, const struct stat *stat, int type,
		       struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

static void remove_own_scratch(void)
{
	nftw(own_scratch, remove_left, 16, FTW_DEPTH | FTW_PHYS);
}

static bool make_scratch(struct conf_fixture *fixture)
{
	char template[] = "/tmp/mirage-conformance.XXXXXX";

	if (fixture->scratch != NULL)
		return true;
	if (mkdtemp(template) == NULL)
		return false;
	fixture->scratch = own_scratch = host_format("%s", template);
	return atexit(remove_own_scratch) == 0;
}

const char *host_file(struct conf_fixture *fixture, const char *name,
		      size_t size_bytes, int value)
{
	const char *path;
	char *content;
	FILE *file;
	size_t n;

	if (!make_scratch(fixture))
		return NULL;
	path = host_format("%s/%s", fixture->scratch, name);
	file = fopen(path, "w");
	content = malloc(size_bytes + 1);
	if (file == NULL || content == NULL)
		return NULL;
	memset(content, value, size_bytes);
	n = fwrite(content, 1, size_bytes, file);
	free(content);
	return fclose(file) == 0 && n == size_bytes ? path : NULL;
}

const char *host_directory(struct conf_fixture *fixture, const char *name)
{
	const char *path;

	if (!make_scratch(fixture))
		return NULL;
	path = host_format("%s/%s", fixture->scratch, name);
	return mkdir(path, 0777) == 0 ? path : NULL;
}
