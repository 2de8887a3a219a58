/* SPDX-License-Identifier: ISC */
/* Command lines, one argument a line, and the fault plans in them. What a command
 * line leaves behind is private to options.c, which is therefore included. */
#include "../core/options.c"

#include <assert.h>
#include <stdlib.h>

#define ARGUMENTS_MAX 80

static void check_rule(const struct core_fault_rule *rule)
{
	assert(rule->kind <= CORE_FAULT_DUPLICATE);
	assert(rule->way >= CORE_FAULT_RX && rule->way <= CORE_FAULT_BOTH);
	assert(rule->number > 0 || rule->kind == CORE_FAULT_DELAY);
	assert(rule->number > 0 || !rule->every);
	assert(rule->error < 0 && rule->delay_ns <= 3600000000000);
}

static void check_fault_plan(const char *text)
{
	struct core_fault_plan plan;
	const char *mistake = core_fault_plan_parse(&plan, text);

	if (mistake != NULL) {
		assert(strlen(mistake) > 0 &&
		       strlen(mistake) < sizeof plan.message);
		return;
	}
	assert(plan.n_rules >= 1 && plan.n_rules <= CORE_FAULT_RULES_MAX);
	for (unsigned i = 0; i < plan.n_rules; i++) {
		const struct core_fault_rule *rule = &plan.rules[i];

		check_rule(rule);
		assert(core_fault_plan_match(&plan, rule->kind, rule->way,
					     rule->number) != NULL ||
		       rule->number == 0);
	}
	core_fault_plan_misfit(&plan, true);
	core_fault_plan_misfit(&plan, false);
}

/** What is left are some of the arguments, in their order. */
static void check_kept(char *const before[], int n, char *const after[],
		       int kept)
{
	int at = 0;

	assert(kept >= 1 && kept <= n && after[kept] == NULL);
	for (int i = 0; i < kept; i++) {
		while (at < n && before[at] != after[i])
			at++;
		assert(at < n);
		at++;
	}
}

static void check_command_line(char *text)
{
	static char program[] = "fuzz";
	char *before[ARGUMENTS_MAX + 2] = {program}, *after[ARGUMENTS_MAX + 2];
	int n = 1, kept;

	for (char *save = NULL, *argument = strtok_r(text, "\n", &save);
	     argument != NULL && n <= ARGUMENTS_MAX;
	     argument = strtok_r(NULL, "\n", &save))
		before[n++] = argument;
	memcpy(after, before, sizeof after);
	kept = n;
	n_given = 0;
	if (core_options_parse(&kept, after) != CORE_PARSE_RUN)
		return;
	check_kept(before, n, after, kept);
	for (unsigned i = 0; i < n_given; i++)
		if (strcmp(given[i].option, "fault") == 0)
			check_fault_plan(given[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	core.program = "fuzz";
	memcpy(text, data, size);
	check_fault_plan(text);
	check_command_line(text);
	free(text);
	return 0;
}
