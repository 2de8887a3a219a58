/* SPDX-License-Identifier: ISC */
/*
 * disk_test.h: a program with one disk, "d", for the tests of simulated disks.
 */
#ifndef DISK_TEST_H
#define DISK_TEST_H

#include "sim_test.h"

#define DISK "--block d=disk:1M"

extern struct mirage_block *disk;
extern struct io io[64];
extern uint32_t events[16]; /* how many there were of each */
extern unsigned n_done;

/** Opens the disk as given in `line` and calls `then`. Returns the status of the
 *  program. */
int run_disk(void (*then)(void), const char *line);

/** The same for programs that fail: what it wrote to the standard error. */
const char *run_disk_stderr(void (*then)(void), const char *line, int *status);

/** Writes 4 KiB of `byte`, or reads 4 KiB. */
void put(struct io *one, uint64_t offset, uint8_t byte, void (*then)(void));
void get(struct io *one, uint64_t offset, void (*then)(void));

/** Asserts that 4 KiB of `byte` were read. */
void expect_all(const struct io *one, uint8_t byte);

void count_done(void);

#endif /* DISK_TEST_H */
