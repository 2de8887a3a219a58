/* SPDX-License-Identifier: ISC */
/* echo: writes what it reads, and at the end of the input "end". */
#include <mirage.h>

static void on_read(void *arg, const void *bytes, size_t length)
{
	if (length > 0)
		mirage_console_write(bytes, length);
	else
		mirage_console_write("end\n", 4);
}

static int start(int argc, char *argv[])
{
	return mirage_console_read(on_read, NULL);
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
