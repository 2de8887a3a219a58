/* SPDX-License-Identifier: ISC */
/*
 * first_output TEXT COMMAND [ARGUMENT]...: how long it takes from the start of
 * COMMAND until TEXT is in its output, in nanoseconds on standard output. The
 * command then runs to its end.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/** Reads to the end; when `text` was there, or 0. */
static long long await(int fd, const char *text)
{
	char seen[65536];
	size_t n = 0;
	long long when = 0;
	ssize_t got;

	while ((got = read(fd, seen + n, sizeof seen - 1 - n)) > 0) {
		n += (size_t)got;
		seen[n] = '\0';
		if (when == 0 && strstr(seen, text) != NULL)
			when = now_ns();
	}
	return when;
}

int main(int argc, char *argv[])
{
	posix_spawn_file_actions_t actions;
	long long start, end;
	int ends[2], status;
	pid_t child;

	if (argc < 3 || pipe2(ends, O_CLOEXEC) != 0)
		return 2;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	start = now_ns();
	if (posix_spawnp(&child, argv[2], &actions, NULL, argv + 2, environ) !=
	    0)
		return 2;
	close(ends[1]);
	end = await(ends[0], argv[1]);
	waitpid(child, &status, 0);
	if (end == 0) {
		fprintf(stderr, "first_output: '%s' was not seen\n", argv[1]);
		return 1;
	}
	printf("%lld\n", end - start);
	return 0;
}
