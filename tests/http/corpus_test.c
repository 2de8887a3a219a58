/* SPDX-License-Identifier: ISC */
/* The corpus in memory: whole, and cut into pieces of every small length. */
#include "corpus.h"
#include "http_test.h"

#include <stdio.h>
#include <string.h>

static struct corpus_case *cases;
static size_t n_cases, at, n_bad;
static size_t split;
static struct memory_flow *flow;

static void next(void);

/** A case that should leave the connection open is judged before it is idle for too
 *  long, one that should end it after all patience. */
static void judge(void)
{
	const struct corpus_case *c = &cases[at];
	struct corpus_answer answer;
	const char *wrong;

	flow->out[flow->n_out] = '\0';
	corpus_parse(&answer, (char *)flow->out, flow->n_out, c->bytes,
		     flow->out_ended);
	wrong = corpus_judge(c, &answer, (char *)flow->out, flow->n_out,
			     flow->out_ended);
	if (wrong != NULL) {
		fprintf(stderr, "%s (RFC %s), pieces of %zu: %s:\n%.600s\n",
			c->name, c->section, split, wrong, (char *)flow->out);
		n_bad++;
	}
	flow->in_ended = true;
	memory_kick(flow);
	at++;
	http_test_after(3000, next);
}

static void next(void)
{
	const struct corpus_case *c = &cases[at];

	if (flow != NULL) {
		ck_assert_msg(memory_quiet(flow), "%s is still there",
			      cases[at - 1].name);
		memory_free(flow);
		flow = NULL;
	}
	if (at == n_cases) {
		http_test_end();
		return;
	}
	flow = memory_flow_new();
	flow->split = split;
	c->bytes[c->length] = '\0';
	ck_assert_int_eq(mirage_http_server_flow(http_test_server, &flow->flow),
			 0);
	flow->in_ended = c->eof;
	memory_send(flow, c->bytes, c->length);
	http_test_after(c->close ? 5000 : 200, judge);
}

static void run_corpus(size_t pieces)
{
	n_cases = corpus_read(HTTP_CORPUS, &cases);
	ck_assert_uint_ge(n_cases, 150);
	split = pieces;
	http_test_run(next);
	ck_assert_msg(n_bad == 0, "%zu of %zu cases", n_bad, n_cases);
}

static const size_t pieces[] = {0, 1, 2, 3, 7, 64};

START_TEST(test_corpus)
{
	run_corpus(pieces[_i]);
}
END_TEST

TCase *http_case_corpus(void)
{
	TCase *tcase = tcase_create("corpus");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_corpus, 0, 6);
	return tcase;
}
