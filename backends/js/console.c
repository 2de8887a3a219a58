/* SPDX-License-Identifier: ISC */
#include "js.h"

static int console_write(const void *bytes, size_t length)
{
	return js_console_write(bytes, length);
}

static void on_input(size_t length)
{
	mirage_core_console_input(js_text, length);
}

static void read_enable(bool enable)
{
	js_console_read(enable, on_input);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	js_log(level, line, length);
}

const struct mirage_console_ops js_console_ops = {
	.size = sizeof js_console_ops,
	.write = console_write,
	.read_enable = read_enable,
	.log = console_log,
};
