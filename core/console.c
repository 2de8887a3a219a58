/* SPDX-License-Identifier: ISC */
#include "core.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int mirage_console_write(const void *bytes, size_t length)
{
	int taken;

	if (length == 0)
		return 0;
	if (length > INT_MAX)
		length = INT_MAX;
	taken = core.ambient.console->write(bytes, length);
	if (taken >= 0 && (size_t)taken < length && !core.console_short) {
		core.console_short = true;
		core.keeping++;
	}
	return taken;
}

int mirage_console_read(mirage_console_read_fn *on_read, void *arg)
{
	const struct mirage_console_ops *console = core.ambient.console;

	if (!MIRAGE_HAS(console, read_enable))
		return MIRAGE_ENOTSUP;
	if ((on_read != NULL) != (core.on_read != NULL)) {
		core.keeping += on_read != NULL ? 1 : -1;
		core_wake();
	}
	core.on_read = on_read;
	core.read_arg = arg;
	console->read_enable(on_read != NULL);
	return 0;
}

void mirage_core_console_input(const void *bytes, size_t length)
{
	mirage_console_read_fn *on_read = core.on_read;

	if (core.ended || on_read == NULL)
		return;
	if (length == 0) {
		core.on_read = NULL;
		core.keeping--;
		core.ambient.console->read_enable(false);
	}
	core_enter();
	on_read(core.read_arg, bytes, length);
	core_leave();
	core_wake();
}

void core_put(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

void core_print(int fd, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	core_put(fd, text);
}

static const char *level_word(uint32_t level)
{
	switch (level) {
	case MIRAGE_LOG_ERROR:
		return "error: ";
	case MIRAGE_LOG_WARN:
		return "warning: ";
	case MIRAGE_LOG_DEBUG:
		return "debug: ";
	default:
		return "";
	}
}

void core_log_line(uint32_t level, const char *line, size_t length)
{
	const struct mirage_console_ops *console = core.ambient.console;

	if (MIRAGE_HAS(console, log))
		console->log(level, line, length);
}

void mirage_log(uint32_t level, const char *format, ...)
{
	char line[1024];
	va_list args;
	int head, body;

	if (level > core.log_level)
		return;
	head = snprintf(line, sizeof line, "%s: %s", mirage_core_program(),
			level_word(level));
	if (head < 0 || (size_t)head >= sizeof line)
		head = 0;
	va_start(args, format);
	body = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
	va_end(args);
	if (body < 0)
		return;
	if ((size_t)(head + body) >= sizeof line)
		body = (int)sizeof line - 1 - head;
	core_log_line(level, line, (size_t)(head + body));
}
