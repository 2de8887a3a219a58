/* SPDX-License-Identifier: ISC */
/*
 * Power losses, over a thousand seeds: what a flush has covered is always there,
 * anything else is kept, lost or torn, and never by less than a sector.
 */
#include "sim_test.h"

#include <stdio.h>

#define SECTORS 8u
#define SECTOR 512u
#define BYTES (SECTORS * SECTOR)
#define SEEDS 1000u

enum { FLUSHED, OVERWRITTEN, UNFLUSHED, IN_FLIGHT, AREAS };
enum fate { KEPT, LOST, TORN, FATES };

/* What became of each area: counted over all seeds. */
static uint32_t (*fates)[FATES];

static struct mirage_block *disk;
static struct io first[3], second[3], flush, back[AREAS];
static unsigned to_go;
static uint32_t lost, back_again;

/** The byte that fills an area: first what was flushed, then what was not. */
static uint8_t old_byte(unsigned area)
{
	return area <= OVERWRITTEN ? (uint8_t)(0x10 + area) : 0;
}

static uint8_t new_byte(unsigned area)
{
	return area == FLUSHED ? old_byte(area) : (uint8_t)(0x20 + area);
}

static enum fate judge(unsigned area)
{
	const uint8_t *bytes = back[area].bytes;
	unsigned n_new = 0;

	for (unsigned s = 0; s < SECTORS; s++) {
		uint8_t byte = bytes[s * SECTOR], whole[SECTOR];

		ck_assert(byte == old_byte(area) || byte == new_byte(area));
		memset(whole, byte, SECTOR);
		ck_assert_mem_eq(bytes + s * SECTOR, whole, SECTOR);
		n_new += byte == new_byte(area);
	}
	return n_new == SECTORS ? KEPT : n_new == 0 ? LOST : TORN;
}

static void one_read(void)
{
	if (--to_go > 0)
		return;
	ck_assert_uint_eq(lost, 1);
	ck_assert_int_eq(second[2].result, MIRAGE_EIO);
	for (unsigned area = 0; area < AREAS; area++) {
		ck_assert_int_eq(back[area].result, 0);
		fates[area][judge(area)]++;
	}
}

static void on_event(void *arg, uint32_t event)
{
	lost += event == MIRAGE_EVENT_LOST;
	back_again += event == MIRAGE_EVENT_BACK;
	if (event != MIRAGE_EVENT_BACK)
		return;
	to_go = AREAS;
	for (unsigned area = 0; area < AREAS; area++)
		submit(&back[area], disk, MIRAGE_BLOCK_READ, area * BYTES,
		       BYTES, one_read);
}

static void put(struct io *io, unsigned area, uint8_t byte, void (*then)(void))
{
	memset(io->bytes, byte, BYTES);
	submit(io, disk, MIRAGE_BLOCK_WRITE, area * BYTES, BYTES, then);
}

/* A disk that is away does not keep a program running. */
static void wait_for_back(void)
{
}

static void lose_power(void)
{
	after(2 * MS, wait_for_back);
	ck_assert(!second[2].done);
	ck_assert_int_eq(mirage_sim_block_power_loss("d", MS), 0);
}

static void second_written(void)
{
	if (--to_go > 0)
		return;
	put(&second[2], IN_FLIGHT, new_byte(IN_FLIGHT), NULL);
	after(US, lose_power);
}

static void flushed(void)
{
	to_go = 2;
	put(&second[0], OVERWRITTEN, new_byte(OVERWRITTEN), second_written);
	put(&second[1], UNFLUSHED, new_byte(UNFLUSHED), second_written);
}

static void first_written(void)
{
	if (--to_go == 0)
		submit(&flush, disk, MIRAGE_BLOCK_FLUSH, 0, 0, flushed);
}

static void opened(void)
{
	mirage_block_on_event(disk, on_event, NULL);
	to_go = 2;
	put(&first[0], FLUSHED, old_byte(FLUSHED), first_written);
	put(&first[1], OVERWRITTEN, old_byte(OVERWRITTEN), first_written);
}

static int lose_and_look(int argc, char *argv[])
{
	open_disk("d", &disk, opened);
	return 0;
}

static uint32_t sum(const uint32_t counts[FATES])
{
	return counts[KEPT] + counts[LOST] + counts[TORN];
}

START_TEST(only_what_was_flushed_is_safe)
{
	char line[64];

	fates = shared(AREAS * sizeof *fates);
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		snprintf(line, sizeof line, "--seed %u --block d=disk:1M",
			 seed);
		ck_assert_int_eq(run_apart(lose_and_look, line), 0);
	}
	ck_assert_uint_eq(fates[FLUSHED][KEPT], SEEDS);
	for (unsigned area = OVERWRITTEN; area < AREAS; area++) {
		ck_assert_uint_eq(sum(fates[area]), SEEDS);
		for (enum fate fate = KEPT; fate < FATES; fate++)
			ck_assert_uint_ge(fates[area][fate], SEEDS / 4);
	}
}
END_TEST

START_TEST(without_a_cache_every_write_is_safe)
{
	char line[64];

	fates = shared(AREAS * sizeof *fates);
	for (unsigned seed = 1; seed <= 50; seed++) {
		snprintf(line, sizeof line,
			 "--seed %u --block d=disk:1M,cache=0", seed);
		ck_assert_int_eq(run_apart(lose_and_look, line), 0);
	}
	for (unsigned area = FLUSHED; area < AREAS; area++)
		ck_assert_uint_eq(fates[area][KEPT], 50);
}
END_TEST

/* A flush covers what had completed when it was submitted, and no more. */

static void read_late(void)
{
	fates[0][judge(UNFLUSHED)]++;
}

static void late_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_BACK)
		submit(&back[UNFLUSHED], disk, MIRAGE_BLOCK_READ,
		       UNFLUSHED * BYTES, BYTES, read_late);
}

static void late_done(void)
{
	if (--to_go > 0)
		return;
	after(2 * MS, wait_for_back);
	ck_assert_int_eq(mirage_sim_block_power_loss("d", MS), 0);
}

static void late_opened(void)
{
	mirage_block_on_event(disk, late_event, NULL);
	to_go = 2;
	put(&second[0], UNFLUSHED, new_byte(UNFLUSHED), late_done);
	submit(&flush, disk, MIRAGE_BLOCK_FLUSH, 0, 0, late_done);
}

static int flush_too_early(int argc, char *argv[])
{
	open_disk("d", &disk, late_opened);
	return 0;
}

START_TEST(a_flush_does_not_cover_what_was_in_flight)
{
	char line[64];

	fates = shared(sizeof *fates);
	for (unsigned seed = 1; seed <= 300; seed++) {
		snprintf(line, sizeof line, "--seed %u --block d=disk:1M",
			 seed);
		ck_assert_int_eq(run_apart(flush_too_early, line), 0);
	}
	ck_assert_uint_eq(sum(fates[0]), 300);
	for (enum fate fate = KEPT; fate < FATES; fate++)
		ck_assert_uint_ge(fates[0][fate], 60);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_what_was_flushed_is_safe,
		without_a_cache_every_write_is_safe,
		a_flush_does_not_cover_what_was_in_flight,
	};

	return run_suite("sim-power", tests, sizeof tests / sizeof tests[0]);
}
