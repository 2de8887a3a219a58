/* SPDX-License-Identifier: ISC */
/*
 * runner_check.c: runs the suite on a host with Check, each case in a process of
 * its own. Check knows pass and fail only: so each case is one run of Check, and
 * the verdict is what the case left in shared memory, together with how its
 * process ended.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <check.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CASE_TIMEOUT_S 60

static struct {
	struct conf_fixture *fixture;
	const char *program;
	const char *filter;
	char scratch[64];
	FILE *json;
	bool list, verbose, own_process;
	int log_fd;
	unsigned passed, failed, skipped;
} runner = {.filter = "*", .own_process = true, .log_fd = -1};

/* The case under way; `result` is shared with its process. */
static const struct conf_case *test;
static struct conf_result *result;

static void wrong(const char *what, const char *value)
{
	fprintf(stderr, "%s: %s '%s', see --help\n", runner.program, what,
		value);
	exit(2);
}

/* ------------------------------------------------------- In the process -- */

static void on_end(void)
{
	mirage_exit(0);
}

static int start(int argc, char *argv[])
{
	conf_begin(test, runner.fixture, result, on_end);
	if (test->start != NULL)
		return test->start(argc, argv);
	return 0;
}

static int make_argv(const char *argv[], int max)
{
	const char *const *more;
	int argc = 0;

	argv[argc++] = runner.program;
	for (more = runner.fixture->argv; *more != NULL; more++)
		argv[argc++] = *more;
	for (more = test->argv; more != NULL && *more != NULL; more++)
		if (argc < max)
			argv[argc++] = *more;
	argv[argc] = NULL;
	return argc;
}

/* What the end of the program says about the case. */
static void after(int status)
{
	int expected =
		test->exits && result->verdict < CONF_FAILED ? test->status : 0;
	char text[80];

	if (status != expected) {
		snprintf(text, sizeof(text),
			 "mirage_run returned %d, expected %d", status,
			 expected);
		conf_blame(result, text);
	}
	if (!test->exits || result->verdict >= CONF_FAILED)
		return;
	conf_reopen(test, runner.fixture, result);
	if (test->after != NULL)
		test->after();
	conf_pass();
}

START_TEST(run_case)
{
	const char *argv[CONF_ARGV_MAX * 2 + 2];
	const char *why = NULL;
	int argc;

	if (runner.log_fd >= 0)
		dup2(runner.log_fd, STDERR_FILENO);
	if (runner.fixture->setup != NULL)
		why = runner.fixture->setup(runner.fixture, runner.own_process);
	if (why != NULL) {
		result->verdict = CONF_SKIPPED;
		snprintf(result->text, sizeof(result->text), "%s", why);
		return;
	}
	if (test->before != NULL)
		test->before();
	argc = make_argv(argv, CONF_ARGV_MAX * 2 + 1);
	after(mirage_run(argc, (char **)argv, start));
}
END_TEST

/* -------------------------------------------------------- In the runner -- */

static int remove_left(const char *path, const struct stat *stat, int type,
		       struct FTW *at)
{
	(void)stat;
	(void)type;
	if (at->level > 0)
		remove(path);
	return 0;
}

/* Removes what the case left in the scratch directory. */
static void empty_scratch(void)
{
	nftw(runner.scratch, remove_left, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_scratch(void)
{
	const char *in = getenv("TMPDIR");

	snprintf(runner.scratch, sizeof(runner.scratch),
		 "%.30s/mirage-conformance.XXXXXX", in != NULL ? in : "/tmp");
	if (mkdtemp(runner.scratch) == NULL)
		wrong("cannot make the directory", runner.scratch);
	runner.fixture->scratch = runner.scratch;
}

/* What the process wrote to its log; to be freed. */
static char *read_log(void)
{
	off_t length = lseek(runner.log_fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)length + 1);

	if (text == NULL || pread(runner.log_fd, text, (size_t)length, 0) < 0)
		abort();
	return text;
}

/* Judges by how the process ended. */
static void judge(SRunner *check, const char *log)
{
	TestResult **results = srunner_results(check);
	enum test_result how = tr_rtype(results[0]);
	char wanted[48];

	if (test->aborts != NULL && result->verdict == CONF_NONE) {
		snprintf(wanted, sizeof(wanted), "broken contract [%s]",
			 test->aborts);
		if (how != CK_PASS)
			conf_blame(result, tr_msg(results[0]));
		else if (strstr(log, wanted) == NULL)
			conf_blame(result,
				   "aborted without naming the sentence");
		else
			result->verdict = CONF_PASSED;
	} else if (test->aborts != NULL && result->verdict == CONF_PASSED) {
		conf_blame(result, "the broken contract went unnoticed");
	} else if (test->aborts == NULL && how != CK_PASS) {
		conf_blame(result, tr_msg(results[0]));
	} else if (result->verdict == CONF_NONE) {
		conf_blame(result, "the program ended before the case did");
	}
	free(results);
}

static void check_case(void)
{
	Suite *suite = suite_create("conformance");
	TCase *tcase = tcase_create(test->id);
	SRunner *check;
	char *log;

	if (test->aborts != NULL)
		tcase_add_test_raise_signal(tcase, run_case, SIGABRT);
	else
		tcase_add_test(tcase, run_case);
	tcase_set_timeout(tcase, CASE_TIMEOUT_S);
	suite_add_tcase(suite, tcase);
	check = srunner_create(suite);
	if (!runner.own_process)
		srunner_set_fork_status(check, CK_NOFORK);
	if (ftruncate(runner.log_fd, 0) < 0)
		abort();
	lseek(runner.log_fd, 0, SEEK_SET);
	srunner_run_all(check, CK_SILENT);
	log = read_log();
	judge(check, log);
	if (runner.verbose || result->verdict == CONF_FAILED)
		fputs(log, stderr);
	free(log);
	srunner_free(check);
	if (runner.fixture->teardown != NULL)
		runner.fixture->teardown(runner.fixture);
	empty_scratch();
}

static void print_sentences(void)
{
	const char *tags = result->tag[0] != '\0' ? result->tag : test->tags;
	char tag[8];

	while ((tags = conf_next_tag(tags, tag)) != NULL)
		printf("      [%s] %s\n", tag, conf_sentence(tag));
}

static void print_json_string(const char *text)
{
	fputc('"', runner.json);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', runner.json);
		if ((unsigned char)*text >= ' ')
			fputc(*text, runner.json);
	}
	fputc('"', runner.json);
}

static void print_json(const char *verdict)
{
	if (runner.json == NULL)
		return;
	fprintf(runner.json,
		"{\"fixture\":\"%s\",\"case\":\"%s\",\"tags\":\"%s\","
		"\"verdict\":\"%s\",\"claimed\":\"%s\",\"text\":",
		runner.fixture->name, test->id, test->tags, verdict,
		result->tag);
	print_json_string(result->text);
	fputs("}\n", runner.json);
	fflush(runner.json);
}

static void print_result(void)
{
	switch (result->verdict) {
	case CONF_PASSED:
		printf("pass  %s\n", test->id);
		runner.passed++;
		print_json("pass");
		break;
	case CONF_SKIPPED:
		printf("skip  %s: %s\n", test->id, result->text);
		runner.skipped++;
		print_json("skip");
		break;
	default:
		printf("FAIL  %s: %s\n", test->id, result->text);
		if (result->file != NULL)
			printf("      %s:%d\n", result->file, result->line);
		print_sentences();
		runner.failed++;
		print_json("fail");
	}
	fflush(stdout);
}

static void run_one(const struct conf_case *next)
{
	const char *why;

	test = next;
	memset(result, 0, sizeof(*result));
	why = conf_unmet(test, runner.fixture, runner.own_process);
	if (runner.list) {
		printf("%s [%s]%s%s\n", test->id, test->tags,
		       why != NULL ? " skip: " : "", why != NULL ? why : "");
		return;
	}
	if (why != NULL) {
		result->verdict = CONF_SKIPPED;
		snprintf(result->text, sizeof(result->text), "%s", why);
	} else {
		check_case();
	}
	print_result();
}

static unsigned run_all(bool really)
{
	unsigned class_, i, n = 0;

	for (class_ = 0; conf_classes[class_] != NULL; class_++) {
		for (i = 0; conf_classes[class_][i] != NULL; i++) {
			if (!conf_glob(runner.filter,
				       conf_classes[class_][i]->id))
				continue;
			n++;
			if (really)
				run_one(conf_classes[class_][i]);
		}
	}
	return n;
}

/* -------------------------------------------------------------- Options -- */

static void usage(void)
{
	unsigned i;

	printf("usage: %s [--fixture NAME] [--filter GLOB] [--list] "
	       "[--json FILE] [--verbose]\n\n"
	       "Runs the conformance suite of mirage.h, each case in its own "
	       "process.\nWith CK_FORK=no in the environment, for a debugger, "
	       "exactly one case.\n\nfixtures:",
	       runner.program);
	for (i = 0; conf_fixtures[i] != NULL; i++)
		printf(" %s", conf_fixtures[i]->name);
	printf("\n");
}

static void choose_fixture(const char *name)
{
	unsigned i;

	for (i = 0; conf_fixtures[i] != NULL; i++)
		if (strcmp(conf_fixtures[i]->name, name) == 0)
			runner.fixture = conf_fixtures[i];
	if (runner.fixture == NULL)
		wrong("no such fixture", name);
}

static void take_value(const char *option, const char *value)
{
	bool fixture = strcmp(option, "--fixture") == 0;
	bool filter = strcmp(option, "--filter") == 0;
	bool json = strcmp(option, "--json") == 0;

	if (!fixture && !filter && !json)
		wrong("unknown option", option);
	if (value == NULL)
		wrong("a value is missing after", option);
	if (fixture)
		choose_fixture(value);
	if (filter)
		runner.filter = value;
	if (json && (runner.json = fopen(value, "w")) == NULL)
		wrong("cannot write to", value);
}

static void take_options(int argc, char *argv[])
{
	int i;

	runner.program = argv[0];
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0) {
			runner.list = true;
		} else if (strcmp(argv[i], "--verbose") == 0) {
			runner.verbose = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			usage();
			exit(0);
		} else {
			take_value(argv[i], argv[i + 1]);
			i++;
		}
	}
	if (runner.fixture == NULL)
		runner.fixture = conf_fixtures[0];
}

int main(int argc, char *argv[])
{
	const char *fork_ = getenv("CK_FORK");
	unsigned n;

	take_options(argc, argv);
	runner.own_process = fork_ == NULL || strcmp(fork_, "no") != 0;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	runner.log_fd = memfd_create("log", MFD_CLOEXEC);
	if (result == MAP_FAILED || runner.log_fd < 0)
		wrong("no memory to share for", "results");
	n = run_all(false);
	if (n == 0)
		wrong("no case matches", runner.filter);
	if (!runner.own_process && n > 1 && !runner.list)
		wrong("CK_FORK=no runs one case; several match", runner.filter);
	if (!runner.list)
		make_scratch();
	run_all(true);
	if (runner.list)
		return 0;
	rmdir(runner.scratch);
	printf("%s: %u passed, %u failed, %u skipped\n", runner.fixture->name,
	       runner.passed, runner.failed, runner.skipped);
	if (runner.json != NULL)
		fclose(runner.json);
	/* Meson's way to say that a test was skipped. */
	if (runner.failed == 0 && runner.passed == 0)
		return 77;
	return runner.failed > 0;
}
