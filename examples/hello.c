/* SPDX-License-Identifier: ISC */
/* hello: the smallest application, one line on the console. */
#include <mirage.h>

static int start(int argc, char *argv[])
{
	static const char text[] = "Hello, world!\n";
	int taken = mirage_console_write(text, sizeof text - 1);

	/* Nothing is left that could call us back: the program ends. */
	return taken < 0 ? taken : 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
