/* SPDX-License-Identifier: ISC */
/*
 * bench_start.c: the time from starting a process to its first line, against a
 * static program on a bare libuv; and how big the program is, on disk and in
 * memory. The two programs, start_mirage and start_libuv, are in its own directory.
 */
#include "bench.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 9
#define STARTS 40

extern char **environ;

static struct bench times = {
	.name = "start",
	.unit = "ns",
	.against = "an empty static libuv program",
};
static double resident_bytes;

/** What of its memory the process has in RAM, now. */
static double read_resident(pid_t pid)
{
	char path[64];
	unsigned long total, resident;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	file = fopen(path, "r");
	bench_must(file != NULL, path);
	bench_must(fscanf(file, "%lu %lu", &total, &resident) == 2, path);
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static pid_t spawn(char *program, const int in[2], const int out[2])
{
	char *argv[] = {program, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	for (int i = 0; i < 2; i++) {
		posix_spawn_file_actions_addclose(&actions, in[i]);
		posix_spawn_file_actions_addclose(&actions, out[i]);
	}
	bench_must(posix_spawn(&pid, program, &actions, NULL, argv, environ) ==
			   0,
		   program);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static double start_once(char *program)
{
	int in[2], out[2], status;
	char line[16];
	uint64_t start_ns;
	double ns;
	pid_t pid;

	bench_must(pipe(in) == 0 && pipe(out) == 0, "pipe");
	start_ns = bench_now_ns();
	pid = spawn(program, in, out);
	bench_must(read(out[0], line, sizeof line) > 0, program);
	ns = (double)(bench_now_ns() - start_ns);
	resident_bytes = read_resident(pid);
	for (int i = 0; i < 2; i++) {
		close(in[1 - i]);
		close(out[i]);
	}
	bench_must(waitpid(pid, &status, 0) == pid && status == 0, program);
	return ns;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_size(const char *name, const char *path)
{
	struct stat info;

	bench_must(stat(path, &info) == 0, path);
	bench_print_lone(name, (double)info.st_size, "bytes");
}

/** The path of `name` in the directory that `self` is in. */
static void beside(const char *self, const char *name, char *path, size_t size)
{
	const char *slash = strrchr(self, '/');
	int length = slash != NULL ? (int)(slash - self) + 1 : 0;

	snprintf(path, size, "%.*s%s", length, self, name);
}

int main(int argc, char *argv[])
{
	double mirage[STARTS], raw[STARTS];
	char mirage_path[4096], raw_path[4096];

	beside(argv[0], "start_mirage", mirage_path, sizeof mirage_path);
	beside(argv[0], "start_libuv", raw_path, sizeof raw_path);
	while (times.n < ROUNDS) {
		for (unsigned i = 0; i < STARTS; i++) {
			raw[i] = start_once(raw_path);
			mirage[i] = start_once(mirage_path);
		}
		qsort(mirage, STARTS, sizeof mirage[0], by_size);
		qsort(raw, STARTS, sizeof raw[0], by_size);
		bench_round(&times, mirage[STARTS / 2], raw[STARTS / 2]);
	}
	bench_print(&times);
	print_size("image_size", mirage_path);
	bench_print_lone("resident_memory", resident_bytes, "bytes");
	return 0;
}
