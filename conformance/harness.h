/* SPDX-License-Identifier: ISC */
/*
 * harness.h: between the harness and its runners. Not installed.
 */
#ifndef MIRAGE_CONFORMANCE_HARNESS_H
#define MIRAGE_CONFORMANCE_HARNESS_H

#include "fixture.h"

enum conf_verdict {
	CONF_NONE = 0, /* not over */
	CONF_PASSED,
	CONF_FAILED,
	CONF_SKIPPED
};

struct conf_result {
	enum conf_verdict verdict;
	const char *file; /* of a failure; NULL when nobody knows */
	int line;
	char tag[8]; /* claimed, or empty */
	char text[512];
};

/** Every list of cases, by class, ending in NULL (cases.c). */
extern const struct conf_case *const *const conf_classes[];

/** Why `fixture` cannot run the case, or NULL: a static string. */
const char *conf_unmet(const struct conf_case *test,
		       const struct conf_fixture *fixture, bool own_process);

/**
 * Runs a case from a callback of the application. `on_end` is called from the loop
 * once it has its verdict and its devices are closed; for a case that exits
 * only if it failed or skipped.
 */
void conf_begin(const struct conf_case *test, struct conf_fixture *fixture,
		struct conf_result *result, void (*on_end)(void));

/** Makes CHECKs count again after the program has ended, for `.after`, or though
 *  it never started. */
void conf_reopen(const struct conf_case *test, struct conf_fixture *fixture,
		 struct conf_result *result);

/** Puts a failure without a place into `result`, unless it has one already. */
void conf_blame(struct conf_result *result, const char *text);

/** Whether `id` matches `pattern`: `*` and `?`. */
bool conf_glob(const char *pattern, const char *id);

/** What mirage.h says under `tag` (as many characters as a tag has), or NULL. */
const char *conf_sentence(const char *tag);

/** Copies the next tag of a list to `tag`; returns what follows, NULL at the
 *  end. */
const char *conf_next_tag(const char *tags, char tag[8]);

/* The harness's parts. */
struct conf_fixture *conf_fixture(void);
void conf_memory_reset(void);
/** Whether the case has dropped a link. */
bool conf_world_link_down(void);
/** Mends what the case did to the world. */
void conf_world_mend(void);

/** Text in a buffer, cut where it is full, always ending in NUL. */
struct conf_text {
	char *at, *end;
};
void conf_put(struct conf_text *text, const char *what);
void conf_put_number(struct conf_text *text, int64_t number);

#endif /* MIRAGE_CONFORMANCE_HARNESS_H */
