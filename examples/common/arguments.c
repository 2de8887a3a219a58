/* SPDX-License-Identifier: ISC */
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

static void take(int *argc, char *argv[], int at, int n)
{
	for (; at + n <= *argc; at++)
		argv[at] = argv[at + n]; /* the NULL at the end too */
	*argc -= n;
}

bool argument_flag(int *argc, char *argv[], const char *name)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], name) != 0)
			continue;
		take(argc, argv, i, 1);
		return true;
	}
	return false;
}

const char *argument_value(int *argc, char *argv[], const char *name,
			   const char *otherwise)
{
	size_t length = strlen(name);

	for (int i = 1; i < *argc; i++) {
		const char *value = argv[i] + length;
		int n = 1;

		if (strncmp(argv[i], name, length) != 0 ||
		    (*value != '=' && *value != '\0'))
			continue;
		if (*value == '=') {
			value++;
		} else if (i + 1 < *argc) {
			value = argv[i + 1];
			n = 2;
		} else {
			mirage_log(MIRAGE_LOG_ERROR, "%s: it needs a value",
				   name);
			return NULL;
		}
		take(argc, argv, i, n);
		return value;
	}
	return otherwise;
}

bool argument_port(int *argc, char *argv[], uint16_t *port)
{
	const char *text = argument_value(argc, argv, "--port", "");
	unsigned long number;
	char *end;

	if (text == NULL)
		return false;
	if (*text == '\0')
		return true;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || number < 1 ||
	    number > UINT16_MAX) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "--port: expected a number from 1 to 65535, "
			   "got '%s'",
			   text);
		return false;
	}
	*port = (uint16_t)number;
	return true;
}

bool argument_count(int argc, char *argv[], int count, const char *usage)
{
	if (argc == count + 1)
		return true;
	if (argc > count + 1)
		mirage_log(MIRAGE_LOG_ERROR,
			   "unknown argument '%s'; see --help",
			   argv[count + 1]);
	else
		mirage_log(MIRAGE_LOG_ERROR, "usage: %s %s", argv[0], usage);
	return false;
}
