/* SPDX-License-Identifier: ISC */
/*
 * runner_case.c: runs one case, `--case ID`, as the program that it is, where there
 * are no processes to run it in, such as in a guest. Prints TAP and ends as the
 * case does: whoever starts it judges that (tests/xen-conformance/run.py). `--list`
 * prints the names of the cases, and the tag that each one's abort names.
 *
 * In JavaScript mirage_run returns at once: there the loader calls conf_case_over
 * (tests/js/conformance).
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static const struct conf_case *test;
static struct conf_fixture *fixture;
static struct conf_result result;
static bool ran;

#ifdef __EMSCRIPTEN__
#define RETURNS_AT_ONCE true
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define RETURNS_AT_ONCE false
#define EXPORT(name)
#endif

EXPORT(conf_case_over) int conf_case_over(int status);
EXPORT(conf_case_verdict) int conf_case_verdict(void);

static void on_end(void)
{
	mirage_exit(0);
}

static int start(int argc, char *argv[])
{
	conf_begin(test, fixture, &result, on_end);
	return test->start != NULL ? test->start(argc, argv) : 0;
}

static const struct conf_case *find(const char *id)
{
	for (unsigned i = 0; conf_classes[i] != NULL; i++)
		for (unsigned j = 0; conf_classes[i][j] != NULL; j++)
			if (strcmp(conf_classes[i][j]->id, id) == 0)
				return conf_classes[i][j];
	return NULL;
}

/* The fixture's arguments, the command line's without `--case ID`, the case's. */
static int make_argv(char *all[], int argc, char *argv[])
{
	const char *const *more;
	int n = 0;

	all[n++] = argv[0];
	for (more = fixture->argv; *more != NULL; more++)
		all[n++] = (char *)(uintptr_t)*more;
	for (int i = 1; i < argc && n < CONF_ARGV_MAX * 2; i++) {
		if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
			test = find(argv[++i]);
		else
			all[n++] = argv[i];
	}
	more = test != NULL ? test->argv : NULL;
	for (; more != NULL && *more != NULL; more++)
		all[n++] = (char *)(uintptr_t)*more;
	all[n] = NULL;
	return n;
}

/* As runner_check.c does. */
static void after(int status)
{
	int expected =
		test->exits && result.verdict < CONF_FAILED ? test->status : 0;
	char text[80];

	if (status != expected) {
		snprintf(text, sizeof(text),
			 "mirage_run returned %d, expected %d", status,
			 expected);
		conf_blame(&result, text);
	} else if (test->aborts != NULL && result.verdict == CONF_PASSED) {
		conf_blame(&result, "the broken contract went unnoticed");
	} else if (test->exits && result.verdict < CONF_FAILED) {
		conf_reopen(test, fixture, &result);
		if (test->after != NULL)
			test->after();
		conf_pass();
	} else if (result.verdict == CONF_NONE) {
		conf_blame(&result, "the program ended before the case did");
	}
}

static void print_sentences(void)
{
	const char *tags = result.tag[0] != '\0' ? result.tag : test->tags;
	char tag[8];

	while ((tags = conf_next_tag(tags, tag)) != NULL)
		printf("# [%s] %s\n", tag, conf_sentence(tag));
}

static int report(int status)
{
	bool failed = result.verdict == CONF_FAILED;

	printf("\n%s 1 - %s", failed ? "not ok" : "ok", test->id);
	if (result.verdict == CONF_SKIPPED)
		printf(" # SKIP %s", result.text);
	printf("\n# status %d\n", status);
	if (failed) {
		printf("# %s\n# %s:%d\n", result.text,
		       result.file != NULL ? result.file : test->file,
		       result.line);
		print_sentences();
	}
	fflush(stdout);
	return status;
}

static void skip(const char *why)
{
	snprintf(result.text, sizeof(result.text), "%s", why);
	result.verdict = CONF_SKIPPED;
}

/* The program has ended with `status`. */
int conf_case_over(int status)
{
	if (ran)
		after(status);
	return report(status);
}

/* Enum conf_verdict: for a program that has died. */
int conf_case_verdict(void)
{
	return (int)result.verdict;
}

static int list(void)
{
	for (unsigned i = 0; conf_classes[i] != NULL; i++)
		for (unsigned j = 0; conf_classes[i][j] != NULL; j++)
			printf("%s %s\n", conf_classes[i][j]->id,
			       conf_classes[i][j]->aborts != NULL
				       ? conf_classes[i][j]->aborts
				       : "-");
	fflush(stdout);
	return 0;
}

static int run(int argc, char *argv[])
{
	if (test->aborts != NULL) {
		printf("# aborts %s\n", test->aborts);
		fflush(stdout);
	}
	if (test->before != NULL)
		test->before();
	ran = true;
	return mirage_run(argc, argv, start);
}

int main(int argc, char *argv[])
{
	static char *all[CONF_ARGV_MAX * 4];
	const char *why = NULL;
	int n, status = 0;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	fixture = conf_fixtures[0];
	if (fixture->setup != NULL)
		why = fixture->setup(fixture, true);
	n = make_argv(all, argc, argv);
	if (test == NULL) {
		fprintf(stderr, "%s: give --case ID\n", argv[0]);
		return 2;
	}
	if (why == NULL)
		why = conf_unmet(test, fixture, true);
	if (why != NULL)
		skip(why);
	else
		status = run(n, all);
	return RETURNS_AT_ONCE ? status : conf_case_over(status);
}
