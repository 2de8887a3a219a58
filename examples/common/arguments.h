/* SPDX-License-Identifier: ISC */
/* What is left of the command line when the backend and the stack have taken
 * theirs. */
#ifndef EXAMPLES_ARGUMENTS_H
#define EXAMPLES_ARGUMENTS_H

#include <mirage.h>

/** Takes the flag `name`, such as "--head", from `argv`; false when it is not
 *  there. */
bool argument_flag(int *argc, char *argv[], const char *name);

/** Takes `name` and its value, `--site tar` or `--site=tar`, from `argv`: the value,
 *  or `otherwise` when it is not there. NULL after a line in the log when the value
 *  is missing. */
const char *argument_value(int *argc, char *argv[], const char *name,
			   const char *otherwise);

/** Takes `--port NUMBER`; `port` stays as it is without it. False after a line in
 *  the log. */
bool argument_port(int *argc, char *argv[], uint16_t *port);

/** Whether exactly `count` arguments are left; false after a line in the log, which
 *  shows `usage` when there are fewer. */
bool argument_count(int argc, char *argv[], int count, const char *usage);

#endif /* EXAMPLES_ARGUMENTS_H */
