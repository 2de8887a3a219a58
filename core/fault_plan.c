/* SPDX-License-Identifier: ISC */
/* The plan of a fault shim, as given with `--fault NAME=PLAN`. */
#include "shim.h"

#include <stdio.h>
#include <string.h>

enum { FOR_NET = 1, FOR_BLOCK = 2 };

static const struct kind {
	const char *name;
	int fit;
	const char *form;
} kinds[] = {
	[CORE_FAULT_FAIL] = {"fail", FOR_BLOCK,
			     "fail=N or fail=N:ERROR "
			     "with N from 1 and ERROR such as EIO"},
	[CORE_FAULT_STALL] = {"stall", FOR_BLOCK, "stall=N with N from 1"},
	[CORE_FAULT_DELAY] = {"delay", FOR_NET | FOR_BLOCK,
			      "delay=TIME or delay=N:TIME with N from 1 and "
			      "TIME in us, ms or s, at most 3600s"},
	[CORE_FAULT_DROP] = {"drop", FOR_NET, "drop=N with N from 1"},
	[CORE_FAULT_REORDER] = {"reorder", FOR_NET, "reorder=N with N from 1"},
	[CORE_FAULT_DUPLICATE] = {"duplicate", FOR_NET,
				  "duplicate=N with N from 1"},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};

/** Reads digits, at least one; returns what follows, or NULL. */
static const char *read_number(const char *text, uint64_t *number)
{
	const char *at = text;

	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (*number > (UINT64_MAX - digit) / 10)
			return NULL;
		*number = *number * 10 + digit;
	}
	return at == text ? NULL : at;
}

/* Years of delay are mistakes, and sums with them would overflow. */
#define DELAY_MAX_NS ((uint64_t)3600 * 1000000000)

static bool read_delay(const char *text, uint64_t *delay_ns)
{
	uint64_t number;

	text = read_number(text, &number);
	for (size_t i = 0; text != NULL && i < sizeof units / sizeof *units;
	     i++)
		if (strcmp(text, units[i].name) == 0 &&
		    number <= DELAY_MAX_NS / units[i].ns) {
			*delay_ns = number * units[i].ns;
			return true;
		}
	return false;
}

static bool read_error(const char *text, int *error)
{
#define ERROR_NAMED(name, value, description) \
	if (strcmp(text, #name) == 0) {       \
		*error = value;               \
		return true;                  \
	}
	MIRAGE_ERROR_MAP(ERROR_NAMED)
#undef ERROR_NAMED
	return false;
}

/** The part after the number: an error, a time, or nothing. */
static bool read_tail(struct core_fault_rule *rule, const char *tail)
{
	bool given = *tail == ':';

	if (!given && *tail != '\0')
		return false;
	switch (rule->kind) {
	case CORE_FAULT_FAIL:
		return !given || read_error(tail + 1, &rule->error);
	case CORE_FAULT_DELAY:
		return given && read_delay(tail + 1, &rule->delay_ns);
	default:
		return !given;
	}
}

static bool read_value(struct core_fault_rule *rule, const char *value)
{
	const char *tail;

	if (rule->kind == CORE_FAULT_DELAY && !rule->every &&
	    read_delay(value, &rule->delay_ns))
		return true;
	tail = read_number(value, &rule->number);
	return tail != NULL && rule->number > 0 && read_tail(rule, tail);
}

/** Cuts `ending` off `text`, if it is there. */
static bool cut_ending(char *text, const char *ending)
{
	size_t length = strlen(text), cut = strlen(ending);

	if (length < cut || strcmp(text + length - cut, ending) != 0)
		return false;
	text[length - cut] = '\0';
	return true;
}

static const struct kind *read_kind(struct core_fault_rule *rule, char *key)
{
	rule->every = cut_ending(key, "-every");
	rule->way = CORE_FAULT_BOTH;
	if (strncmp(key, "rx-", 3) == 0)
		rule->way = CORE_FAULT_RX;
	else if (strncmp(key, "tx-", 3) == 0)
		rule->way = CORE_FAULT_TX;
	if (rule->way != CORE_FAULT_BOTH)
		key += 3;
	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(key, kinds[i].name) == 0 &&
		    (rule->way == CORE_FAULT_BOTH ||
		     (kinds[i].fit & FOR_NET) != 0)) {
			rule->kind = (enum core_fault_kind)i;
			return &kinds[i];
		}
	return NULL;
}

static const char *parse_rule(struct core_fault_plan *plan, char *text)
{
	struct core_fault_rule *rule = &plan->rules[plan->n_rules];
	const struct kind *kind;
	char key[24] = "";
	size_t length = strcspn(text, "=");

	*rule = (struct core_fault_rule){.error = MIRAGE_EIO};
	if (length < sizeof key)
		memcpy(key, text, length);
	kind = read_kind(rule, key);
	if (kind != NULL && text[length] == '=' &&
	    read_value(rule, text + length + 1)) {
		plan->n_rules++;
		return NULL;
	}
	snprintf(plan->message, sizeof plan->message, "'%.64s': expected %s",
		 text,
		 kind != NULL ? kind->form
			      : "fail, stall, delay, drop, reorder or "
				"duplicate, perhaps with rx- or tx- before "
				"it and -every after it");
	return plan->message;
}

const char *core_fault_plan_parse(struct core_fault_plan *plan,
				  const char *text)
{
	plan->n_rules = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		char rule[80];
		const char *wrong;

		if (plan->n_rules == CORE_FAULT_RULES_MAX)
			return "more than 16 faults";
		snprintf(rule, sizeof rule, "%.*s",
			 length < sizeof rule ? (int)length : 64, text);
		wrong = parse_rule(plan, rule);
		if (wrong != NULL)
			return wrong;
		if (text[length] == '\0')
			return NULL;
		text += length + 1;
	}
}

const char *core_fault_plan_misfit(const struct core_fault_plan *plan,
				   bool is_net)
{
	for (unsigned i = 0; i < plan->n_rules; i++) {
		const struct core_fault_rule *rule = &plan->rules[i];

		if (is_net && (kinds[rule->kind].fit & FOR_NET) == 0)
			return "fail and stall are for blocks; a network takes "
			       "delay, drop, reorder and duplicate";
		if (!is_net && ((kinds[rule->kind].fit & FOR_BLOCK) == 0 ||
				rule->way != CORE_FAULT_BOTH))
			return "drop, reorder, duplicate, rx- and tx- are for "
			       "networks; a block takes fail, stall and delay";
	}
	return NULL;
}

const char *core_fault_plan_replace(struct core_fault_plan *plan,
				    const char *text, bool is_net)
{
	static struct core_fault_plan other;
	const char *wrong = core_fault_plan_parse(&other, text);

	if (wrong == NULL)
		wrong = core_fault_plan_misfit(&other, is_net);
	if (wrong == NULL)
		*plan = other;
	return wrong;
}

const struct core_fault_rule *
core_fault_plan_match(const struct core_fault_plan *plan,
		      enum core_fault_kind kind, enum core_fault_way way,
		      uint64_t number)
{
	for (unsigned i = 0; i < plan->n_rules; i++) {
		const struct core_fault_rule *rule = &plan->rules[i];
		bool hit = rule->number == number || rule->number == 0;

		if (rule->every)
			hit = number % rule->number == 0;
		if (hit && rule->kind == kind && (rule->way & way) != 0)
			return rule;
	}
	return NULL;
}
