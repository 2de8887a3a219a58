/* SPDX-License-Identifier: ISC */
/* The options that every backend has, and a backend's own. */
#include "shim.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GIVEN_MAX 64

/** An option that was given: for devices `name` is the part before `=`. */
struct given {
	const char *option;
	const char *name;
	size_t name_length;
	const char *value;
	bool used;
};

static struct given given[GIVEN_MAX];
static unsigned n_given;

static const struct mirage_option common[] = {
	{"net", "NAME=URI", "the network that the program calls NAME"},
	{"block", "NAME=URI", "the disk that the program calls NAME"},
	{"kv", "NAME=URI", "the key-value store that the program calls NAME"},
	{"trace", "NAME[=FILE]",
	 "log what device NAME does, or record its frames in pcap FILE"},
	{"fault", "NAME=PLAN",
	 "make device NAME fail: fail=N, delay=D, drop=N, reorder=N, …"},
	{"log", "LEVEL", "error, warn (default), info or debug"},
	{"verbose", NULL, "more log: -v for info, -v -v for debug"},
	{"help", NULL, "print this and exit"},
	{"version", NULL, "print the version and exit"},
	{0},
};

/* ------------------------------------------------------------ Looking -- */

static bool is(const struct given *g, const char *option, const char *name)
{
	return strcmp(g->option, option) == 0 &&
	       strlen(name) == g->name_length &&
	       memcmp(g->name, name, g->name_length) == 0;
}

const char *core_option_shim(const char *option, const char *name)
{
	for (unsigned i = 0; i < n_given; i++) {
		if (!is(&given[i], option, name))
			continue;
		given[i].used = true;
		return given[i].value;
	}
	return NULL;
}

void core_options_end(void)
{
	for (unsigned i = 0; i < n_given; i++) {
		const struct given *g = &given[i];

		if (!g->used && (strcmp(g->option, "trace") == 0 ||
				 strcmp(g->option, "fault") == 0))
			mirage_log(MIRAGE_LOG_WARN,
				   "--%s %.*s: no device of that name was "
				   "opened",
				   g->option, (int)g->name_length, g->name);
	}
}

const char *core_option_device(uint32_t kind, const char *name, bool *any_given)
{
	static const char *const options[] = {"net", "block", "kv", "net"};
	const char *option = options[kind];

	*any_given = false;
	for (unsigned i = 0; i < n_given; i++)
		*any_given |= strcmp(given[i].option, option) == 0;
	return core_option_shim(option, name);
}

bool mirage_core_is_host(const char *name)
{
	bool any_given;
	const char *uri = core_option_device(MIRAGE_OPEN_NET, name, &any_given);

	/* `--net host` is for every name. */
	if (uri == NULL)
		uri = core_option_shim("net", "");
	return uri != NULL && strcmp(uri, "host:") == 0;
}

const char *mirage_core_option(const char *name)
{
	return core_option_shim(name, "");
}

/* ------------------------------------------------------------ Parsing -- */

static enum core_parse wrong(const char *option, const char *expected,
			     const char *got)
{
	core_print(STDERR_FILENO,
		   "%s: --%s: expected %s, got '%s'; see --help\n",
		   core.program, option, expected, got);
	return CORE_PARSE_WRONG;
}

static enum core_parse add(const char *option, const char *name,
			   size_t name_length, const char *value)
{
	if (n_given == GIVEN_MAX)
		return wrong(option, "at most 64 options", name);
	for (unsigned i = 0; i < n_given; i++)
		if (strcmp(given[i].option, option) == 0 &&
		    given[i].name_length == name_length &&
		    memcmp(given[i].name, name, name_length) == 0) {
			core_print(STDERR_FILENO,
				   "%s: --%s: '%.*s' is given twice\n",
				   core.program, option, (int)name_length,
				   name);
			return CORE_PARSE_WRONG;
		}
	given[n_given++] =
		(struct given){option, name, name_length, value, false};
	return CORE_PARSE_RUN;
}

/** Whether `--fault NAME=PLAN` has a plan that can be read. */
static enum core_parse check_plan(const char *plan)
{
	struct core_fault_plan parsed;
	const char *mistake = core_fault_plan_parse(&parsed, plan);

	if (mistake == NULL)
		return CORE_PARSE_RUN;
	core_print(STDERR_FILENO, "%s: --fault: %s; see --help\n", core.program,
		   mistake);
	return CORE_PARSE_WRONG;
}

static bool is_device(const char *option)
{
	return strcmp(option, "net") == 0 || strcmp(option, "block") == 0 ||
	       strcmp(option, "kv") == 0;
}

static enum core_parse add_named(const char *option, const char *value)
{
	const char *equals = strchr(value, '=');

	if (equals == NULL && strcmp(option, "trace") == 0 && *value != '\0')
		return add(option, value, strlen(value), "");
	if (strcmp(option, "net") == 0 && strcmp(value, "host") == 0)
		return add(option, "", 0, "host:");
	if (equals == NULL || equals == value || equals[1] == '\0')
		return wrong(option,
			     strcmp(option, "net") == 0 ? "NAME=URI or host"
			     : is_device(option)	? "NAME=URI"
							: "NAME=VALUE",
			     value);
	if (strcmp(option, "fault") == 0 &&
	    check_plan(equals + 1) != CORE_PARSE_RUN)
		return CORE_PARSE_WRONG;
	return add(option, value, (size_t)(equals - value), equals + 1);
}

static enum core_parse set_log_level(const char *value)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};

	for (uint32_t i = 0; i < 4; i++) {
		if (strcmp(value, levels[i]) == 0) {
			core.log_level = i;
			return CORE_PARSE_RUN;
		}
	}
	return wrong("log", "error, warn, info or debug", value);
}

static void print_options(const struct mirage_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		char head[40];

		snprintf(head, sizeof head, "--%s%s%s", options->name,
			 options->value_name != NULL ? " " : "",
			 options->value_name != NULL ? options->value_name
						     : "");
		core_print(STDOUT_FILENO, "  %-22s %s\n", head, options->help);
	}
}

static enum core_parse print_help(void)
{
	core_print(STDOUT_FILENO,
		   "usage: %s [OPTION...] [--] [ARGUMENT...]\n\n"
		   "Options of Mirage's %s backend; the arguments are the "
		   "program's.\n\n",
		   core.program, mirage_backend.name);
	print_options(common);
	if (MIRAGE_HAS(&mirage_backend, options))
		print_options(mirage_backend.options);
	if (MIRAGE_HAS(&mirage_backend, usage)) {
		core_put(STDOUT_FILENO, "\n");
		core_put(STDOUT_FILENO, mirage_backend.usage);
	}
	return CORE_PARSE_DONE;
}

static enum core_parse print_version(void)
{
	core_print(STDOUT_FILENO, "%s (Mirage for C %s, %s backend)\n",
		   core.program, MIRAGE_VERSION, mirage_backend.name);
	return CORE_PARSE_DONE;
}

static enum core_parse take(const struct mirage_option *option,
			    const char *value)
{
	const char *name = option->name;

	if (strcmp(name, "help") == 0)
		return print_help();
	if (strcmp(name, "version") == 0)
		return print_version();
	if (strcmp(name, "log") == 0)
		return set_log_level(value);
	if (strcmp(name, "verbose") == 0) {
		core.log_level += core.log_level < MIRAGE_LOG_DEBUG;
		return CORE_PARSE_RUN;
	}
	if (option->value_name != NULL &&
	    (strncmp(option->value_name, "NAME=", 5) == 0 ||
	     strncmp(option->value_name, "NAME[", 5) == 0))
		return add_named(name, value);
	return add(name, "", 0, value);
}

/** The option that `arg` (without its dashes) names; sets `*value` to what
 *  follows `=`, or NULL. */
static const struct mirage_option *find(const struct mirage_option *options,
					const char *arg, const char **value)
{
	size_t length = strcspn(arg, "=");

	*value = arg[length] == '=' ? arg + length + 1 : NULL;
	for (; options != NULL && options->name != NULL; options++)
		if (strlen(options->name) == length &&
		    memcmp(options->name, arg, length) == 0)
			return options;
	return NULL;
}

static const struct mirage_option *find_any(const char *arg, const char **value)
{
	const struct mirage_option *option;

	if (strcmp(arg, "-v") == 0)
		arg = "--verbose";
	if (strncmp(arg, "--", 2) != 0)
		return NULL;
	option = find(common, arg + 2, value);
	if (option == NULL && MIRAGE_HAS(&mirage_backend, options))
		option = find(mirage_backend.options, arg + 2, value);
	return option;
}

/** Takes the option at `argv[*at]`, if it is one of ours, or keeps the argument
 *  for the application. */
static enum core_parse step(int argc, char *argv[], int *at, int *kept)
{
	const struct mirage_option *option;
	const char *value = NULL;

	option = find_any(argv[*at], &value);
	if (option == NULL) {
		argv[(*kept)++] = argv[*at];
		return CORE_PARSE_RUN;
	}
	if (option->value_name == NULL)
		return value == NULL ? take(option, "")
				     : wrong(option->name, "no value", value);
	if (value == NULL && ++*at < argc)
		value = argv[*at];
	if (value == NULL)
		return wrong(option->name, option->value_name, "nothing");
	return take(option, value);
}

enum core_parse core_options_parse(int *argc, char *argv[])
{
	enum core_parse result = CORE_PARSE_RUN;
	int kept = 1, at = 1;

	for (; at < *argc && result == CORE_PARSE_RUN; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		result = step(*argc, argv, &at, &kept);
	}
	for (; at < *argc; at++)
		argv[kept++] = argv[at];
	if (*argc > 0) {
		*argc = kept;
		argv[kept] = NULL;
	}
	return result;
}
