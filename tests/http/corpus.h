/* SPDX-License-Identifier: ISC */
/* corpus.h: the cases of corpus/, see the README there. */
#ifndef CORPUS_H
#define CORPUS_H

#include <stdbool.h>
#include <stddef.h>

#define CORPUS_STATUSES_MAX 16

struct corpus_case {
	char name[96]; /* FILE/NAME */
	char section[32];
	int statuses[CORPUS_STATUSES_MAX];
	unsigned n_statuses;
	bool close, eof, empty;
	char has[80], has_not[80];
	char *bytes; /* to be sent */
	size_t length;
};

/** Reads the files of `folder`, in the order of their names, and returns how many
 *  cases there are in `*cases`, which is allocated. Aborts on a mistake in them. */
size_t corpus_read(const char *folder, struct corpus_case **cases);

/** What a server has sent, taken apart: responses, and whether the last is whole. */
struct corpus_answer {
	int statuses[CORPUS_STATUSES_MAX];
	unsigned n;
	size_t last, last_body; /* where the last response and its body begin */
	bool partial;		/* there is the beginning of one more */
	const char *wrong;	/* NULL, or what is not HTTP about it */
};

/** `closed`: the stream has ended, and with it a body without a length. */
void corpus_parse(struct corpus_answer *answer, const char *bytes, size_t n,
		  const char *request, bool closed);

/** NULL if `answer` is what the case expects, else what is not. */
const char *corpus_judge(const struct corpus_case *c,
			 const struct corpus_answer *answer, const char *bytes,
			 size_t n, bool closed);

#endif /* CORPUS_H */
