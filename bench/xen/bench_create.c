/* SPDX-License-Identifier: ISC */
/*
 * bench_create ROUNDS OURS... -- THEIRS...: how long two commands take from their
 * start to the first byte that they print, in turns. Each makes a guest and relays
 * its console. Prints the figure `create_to_output` (bench.h).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench.h"

static void become(char *words[], int out)
{
	int none = open("/dev/null", O_RDWR);

	dup2(none, 0);
	dup2(out, 1);
	execvp(words[0], words);
	perror(words[0]);
	_exit(127);
}

/** Milliseconds to the first byte; then waits for the end. */
static double time_of(char *words[])
{
	char bytes[4096];
	int ends[2], status;
	uint64_t start = bench_now_ns();
	double ms;
	pid_t child;

	bench_must(pipe(ends) == 0, "pipe");
	child = fork();
	bench_must(child >= 0, "fork");
	if (child == 0) {
		close(ends[0]);
		become(words, ends[1]);
	}
	close(ends[1]);
	bench_must(read(ends[0], bytes, sizeof bytes) > 0, words[0]);
	ms = (double)(bench_now_ns() - start) / 1e6;
	while (read(ends[0], bytes, sizeof bytes) > 0)
		continue;
	close(ends[0]);
	waitpid(child, &status, 0);
	return ms;
}

int main(int argc, char *argv[])
{
	struct bench bench = {.name = "create_to_output",
			      .unit = "ms",
			      .against = "xl create -c"};
	char **ours = argv + 2, **theirs = ours;
	int rounds = argc > 4 ? atoi(argv[1]) : 0;

	while (*theirs != NULL && strcmp(*theirs, "--") != 0)
		theirs++;
	if (rounds < 1 || rounds > BENCH_ROUNDS_MAX || *theirs == NULL) {
		fprintf(stderr, "usage: bench_create ROUNDS OURS... -- "
				"THEIRS...\n");
		return 2;
	}
	*theirs++ = NULL;
	for (int i = 0; i <= rounds; i++) {
		double mine = time_of(ours), his = time_of(theirs);

		usleep(500000); /* until xl's guest is gone */
		if (i > 0)
			bench_round(&bench, mine, his);
	}
	bench_print(&bench);
	return 0;
}
