/* SPDX-License-Identifier: ISC */
/*
 * bench.h: what the benchmarks share. Each is a program that measures Mirage and
 * its floor, the same work done with the raw system interface, in turns within
 * one run, and prints one JSON object a line to its standard output. `run` starts
 * them all, gathers the lines and compares them with the targets.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#define BENCH_ROUNDS_MAX 64

/** One figure: its rounds, and those of its floor. Fill in the strings. */
struct bench {
	const char *name;    /* such as "block_randread_4k_qd1" */
	const char *unit;    /* "ops/s", "MB/s", "ns" */
	const char *against; /* the floor in words; NULL for a lone figure */
	unsigned n;
	double value[BENCH_ROUNDS_MAX];
	double floor[BENCH_ROUNDS_MAX];
};

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t bench_now_ns(void);

/** `count` things in the time since `start_ns`, per second. */
double bench_per_second(double count, uint64_t start_ns);

/** Adds a round; those beyond BENCH_ROUNDS_MAX are an error that ends the program. */
void bench_round(struct bench *bench, double value, double floor);

/** Prints the medians, and the median of the rounds' ratios, value to floor: the
 *  two of a round share what the machine was like at the time. */
void bench_print(const struct bench *bench);

/** Prints a figure that has nothing to be compared with. */
void bench_print_lone(const char *name, double value, const char *unit);

/** Prints to stderr why a figure is missing. */
void bench_skip(const char *name, const char *why);

/** Ends the program with errno's message if `ok` is false. */
void bench_must(int ok, const char *what);

#endif /* BENCH_H */
