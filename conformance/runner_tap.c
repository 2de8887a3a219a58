/* SPDX-License-Identifier: ISC */
/*
 * runner_tap.c: runs the suite anywhere, all cases in one program one after the
 * other, and prints TAP on the console. Arguments of the application are globs
 * that choose the cases. The status says nothing: the lines do.
 */
#include "harness.h"

#define PENDING_BYTES 65536u

static char pending[PENDING_BYTES];
static size_t n_pending, written;
static struct mirage_timer again;

static struct {
	struct conf_fixture *fixture;
	const char *why_not;
	int argc;
	char **argv;
	unsigned class_, at;
	unsigned number;
	unsigned verdicts[CONF_SKIPPED + 1];
} runner;

static const struct conf_case *test;
static struct conf_result result;

static void next_case(void *arg);

/* -------------------------------------------------------------- Console -- */

static void print(const char *text)
{
	struct conf_text rest = {pending + n_pending,
				 pending + sizeof(pending) - 1};

	conf_put(&rest, text);
	n_pending = (size_t)(rest.at - pending);
}

static void print_number(int64_t number)
{
	struct conf_text rest = {pending + n_pending,
				 pending + sizeof(pending) - 1};

	conf_put_number(&rest, number);
	n_pending = (size_t)(rest.at - pending);
}

/* The harness owns mirage_on_event between cases only, so a full console is
 * asked again later instead of waited for. */
static void flush_then(mirage_timer_fn *then)
{
	int taken =
		mirage_console_write(pending + written, n_pending - written);

	if (taken > 0)
		written += (size_t)taken;
	if (taken >= 0 && written < n_pending) {
		mirage_timer_start(&again,
				   mirage_clock_monotonic_ns() + 1000000, then,
				   NULL);
		return;
	}
	written = n_pending = 0;
	mirage_timer_start(&again, 0, then, NULL);
}

static void go_on(void *arg)
{
	if (n_pending > 0)
		flush_then(go_on);
	else
		next_case(NULL);
}

/* -------------------------------------------------------------- Results -- */

static void print_failure(void)
{
	const char *tags = result.tag[0] != '\0' ? result.tag : test->tags;
	char tag[8];

	print("# ");
	print(result.text);
	if (result.file != NULL) {
		print("\n# ");
		print(result.file);
		print(":");
		print_number(result.line);
	}
	print("\n");
	while ((tags = conf_next_tag(tags, tag)) != NULL) {
		print("# [");
		print(tag);
		print("] ");
		print(conf_sentence(tag));
		print("\n");
	}
}

static void print_result(void)
{
	print(result.verdict == CONF_FAILED ? "not ok " : "ok ");
	print_number(++runner.number);
	print(" - ");
	print(test->id);
	if (result.verdict == CONF_SKIPPED) {
		print(" # SKIP ");
		print(result.text);
	}
	print("\n");
	if (result.verdict == CONF_FAILED)
		print_failure();
	runner.verdicts[result.verdict]++;
	flush_then(go_on);
}

static void print_total(void)
{
	print("# ");
	print(runner.fixture->name);
	print(": ");
	print_number(runner.verdicts[CONF_PASSED]);
	print(" passed, ");
	print_number(runner.verdicts[CONF_FAILED]);
	print(" failed, ");
	print_number(runner.verdicts[CONF_SKIPPED]);
	print(" skipped\n");
}

/* ---------------------------------------------------------------- Cases -- */

static bool chosen(const struct conf_case *candidate)
{
	int i;

	for (i = 1; i < runner.argc; i++)
		if (conf_glob(runner.argv[i], candidate->id))
			return true;
	return runner.argc <= 1;
}

/* The next chosen case from the present place on, or NULL. */
static const struct conf_case *advance(void)
{
	const struct conf_case *candidate;

	while (conf_classes[runner.class_] != NULL) {
		candidate = conf_classes[runner.class_][runner.at++];
		if (candidate == NULL) {
			runner.class_++;
			runner.at = 0;
		} else if (chosen(candidate)) {
			return candidate;
		}
	}
	return NULL;
}

static unsigned count(void)
{
	unsigned n = 0;

	while (advance() != NULL)
		n++;
	runner.class_ = runner.at = 0;
	return n;
}

static void end(void *arg)
{
	if (n_pending > 0)
		flush_then(end);
	else
		mirage_exit(0);
}

static void next_case(void *arg)
{
	struct conf_text text = {result.text,
				 result.text + sizeof(result.text) - 1};
	const char *why;

	test = advance();
	if (test == NULL) {
		print_total();
		flush_then(end);
		return;
	}
	conf_set(&result, sizeof(result), 0);
	why = runner.why_not != NULL ? runner.why_not
				     : conf_unmet(test, runner.fixture, false);
	if (why == NULL) {
		conf_begin(test, runner.fixture, &result, print_result);
		return;
	}
	conf_put(&text, why);
	result.verdict = CONF_SKIPPED;
	print_result();
}

static int start(int argc, char *argv[])
{
	runner.argc = argc;
	runner.argv = argv;
	print("TAP version 13\n1..");
	print_number(count());
	print("\n");
	flush_then(go_on);
	return 0;
}

int main(int argc, char *argv[])
{
	char *all[CONF_ARGV_MAX * 2 + 2];
	const char *const *option;
	int n = 0, i;

	runner.fixture = conf_fixtures[0];
	if (runner.fixture->setup != NULL)
		runner.why_not = runner.fixture->setup(runner.fixture, false);
	all[n++] = argc > 0 ? argv[0] : (char[]){"conformance"};
	for (option = runner.fixture->argv; *option != NULL; option++)
		all[n++] = (char *)(uintptr_t)*option;
	for (i = 1; i < argc && n <= CONF_ARGV_MAX * 2; i++)
		all[n++] = argv[i];
	all[n] = NULL;
	return mirage_run(n, all, start);
}
