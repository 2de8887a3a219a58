/* SPDX-License-Identifier: ISC */
/* hello: the smallest application, one line on the console. */
#include <mirage.h>

static int start(int argc, char *argv[])
{
	static const char text[] = "Hello, world!\n";
	int taken;

	if (argc > 1) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "unknown argument '%s'; see --help", argv[1]);
		return 2;
	}
	/* Nothing is left that could call us back: the program ends. */
	taken = mirage_console_write(text, sizeof(text) - 1);
	return taken < 0 ? taken : 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
