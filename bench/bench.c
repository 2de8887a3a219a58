/* SPDX-License-Identifier: ISC */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_per_second(double count, uint64_t start_ns)
{
	return count * 1e9 / (double)(bench_now_ns() - start_ns);
}

void bench_must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

void bench_round(struct bench *bench, double value, double floor)
{
	if (bench->n == BENCH_ROUNDS_MAX)
		abort();
	bench->value[bench->n] = value;
	bench->floor[bench->n] = floor;
	bench->n++;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double values[], unsigned n)
{
	double sorted[BENCH_ROUNDS_MAX];

	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_size);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

void bench_print(const struct bench *bench)
{
	double value = median(bench->value, bench->n);
	double floor = median(bench->floor, bench->n);
	double ratios[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < bench->n; i++)
		ratios[i] = bench->value[i] / bench->floor[i];
	printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\","
	       "\"against\":\"%s\",\"against_value\":%.6g,\"ratio\":%.3f}\n",
	       bench->name, value, bench->unit, bench->against, floor,
	       median(ratios, bench->n));
	fflush(stdout);
}

void bench_print_lone(const char *name, double value, const char *unit)
{
	printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\","
	       "\"against\":null,\"against_value\":null,\"ratio\":null}\n",
	       name, value, unit);
	fflush(stdout);
}

void bench_skip(const char *name, const char *why)
{
	fprintf(stderr, "%s: skipped: %s\n", name, why);
}
