/* SPDX-License-Identifier: ISC */
/* The program whose start is measured: a line, then wait for the end of input. */
#include <mirage.h>

static void on_read(void *arg, const void *bytes, size_t length)
{
}

static int start(int argc, char *argv[])
{
	mirage_console_write("hello\n", 6);
	return mirage_console_read(on_read, NULL);
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
