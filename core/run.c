/* SPDX-License-Identifier: ISC */
#include "core.h"

const char *mirage_core_program(void)
{
	return core.program;
}

/** The last part of a path, so that messages read "disk: …". */
static const char *base_name(const char *path)
{
	const char *base = path;

	for (; *path != '\0'; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

int mirage_run(int argc, char *argv[], mirage_start_fn *start)
{
	const struct mirage_ambient *ambient = mirage_backend.ambient;

	core.program = argc > 0 ? base_name(argv[0]) : "mirage";
	core_validate_backend(&mirage_backend);
	core.ambient.size = sizeof core.ambient;
	core.ambient.console = ambient->console;
	core.ambient.clock = ambient->clock;
	core.ambient.time = ambient->time;
	core.ambient.random =
		MIRAGE_HAS(ambient, random) ? ambient->random : NULL;
	switch (core_options_parse(&argc, argv)) {
	case CORE_PARSE_DONE:
		return 0;
	case CORE_PARSE_WRONG:
		return 2;
	case CORE_PARSE_RUN:
		break;
	}
	core.start = start;
	core.argc = argc;
	core.argv = argv;
	core.running = true;
	return mirage_backend.run();
}
