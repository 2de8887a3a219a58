/* SPDX-License-Identifier: ISC */
/*
 * tables.c: tables of other lengths, and ambient devices that are replaced.
 */
#include "conformance.h"

/* ---------------------------------------------------------------- Tables -- */

static unsigned too_far;

static void beyond_the_end(bool enable)
{
	too_far++;
}

static int take_all(const void *bytes, size_t length)
{
	return (int)length;
}

static const struct mirage_console_ops short_console = {
	.size = offsetof(struct mirage_console_ops, read_enable),
	.write = take_all,
	.read_enable = beyond_the_end,
};

static int fill_wrongly(void *bytes, size_t length)
{
	too_far++;
	return 0;
}

static const struct mirage_random_ops stray_random = {
	.size = sizeof(stray_random),
	.fill = fill_wrongly,
};

static const struct mirage_random_ops short_random = {
	.size = offsetof(struct mirage_random_ops, fill),
	.fill = fill_wrongly,
};

static void ignore_input(void *arg, const void *bytes, size_t length)
{
}

CASE(tables, has_member, "LAW-08")
{
	struct mirage_random_ops table = stray_random;

	CASE_BEGIN;
	CHECK(MIRAGE_HAS(&table, fill));
	table.fill = NULL;
	CHECK(!MIRAGE_HAS(&table, fill));
	CHECK(!MIRAGE_HAS(&short_random, fill));
	table = stray_random;
	table.size--;
	CHECK(!MIRAGE_HAS(&table, fill));
	table.size += 100;
	CHECK(MIRAGE_HAS(&table, fill));
	CASE_END;
}

CASE(tables, short_console, "LAW-08 LAW-09", .exits = true)
{
	static struct mirage_ambient with;

	CASE_BEGIN;
	with.size = sizeof(with);
	with.console = &short_console;
	mirage_ambient_replace(&with);
	CHECK_RESULT(mirage_console_write("#", 1), 1);
	CHECK_RESULT(mirage_console_read(ignore_input, NULL), MIRAGE_ENOTSUP);
	mirage_log(MIRAGE_LOG_ERROR, "to nobody");
	CHECK_EQ(too_far, 0);
	CASE_END;
}

CASE(tables, short_ambient, "LAW-08", .exits = true)
{
	static struct mirage_ambient with;
	static uint8_t byte;

	CASE_BEGIN;
	with.size = offsetof(struct mirage_ambient, random);
	with.random = &stray_random;
	mirage_ambient_replace(&with);
	mirage_random_fill(&byte, 1);
	CHECK_EQ(too_far, 0);
	with.size = sizeof(with);
	with.random = &short_random;
	mirage_ambient_replace(&with);
	CHECK_RESULT(mirage_random_fill(&byte, 1), MIRAGE_ENOSYS);
	CHECK_EQ(too_far, 0);
	CASE_END;
}

/* ------------------------------------------------------- Replaced clock -- */

/* Each reading finds a microsecond gone. It starts at one, so that any backend's
 * own clock is ahead of it and need not wait for it. */
#define STEP_NS 1000u
#define DEADLINE_NS 1000000u

static uint64_t fake_ns = 1;

static uint64_t fake_monotonic(void)
{
	return fake_ns += STEP_NS;
}

static int64_t fake_wall(void)
{
	return 1234567890;
}

static const struct mirage_clock_info fake_info = {
	.size = sizeof(fake_info),
	.monotonic_resolution_ns = 7,
	.wall_resolution_ns = 8,
};

static const struct mirage_clock_ops fake_clock = {
	.size = sizeof(fake_clock),
	.monotonic_ns = fake_monotonic,
	.wall_ns = fake_wall,
	.info = &fake_info,
};

static struct conf_done ran;
static uint64_t ran_at_ns;

static void ran_out(void *arg)
{
	ran_at_ns = fake_ns;
	conf_count(arg, 0);
	mirage_exit(0);
}

static void after_the_deadline(void)
{
	CHECK_EQ(ran.count, 1);
	CHECK(ran_at_ns >= DEADLINE_NS);
	CHECK(ran_at_ns < 1000u * DEADLINE_NS);
}

CASE(tables, replaced_clock, "LAW-09", .exits = true,
     .after = after_the_deadline)
{
	static struct mirage_ambient with;
	static struct mirage_timer timer;

	CASE_BEGIN;
	with.size = sizeof(with);
	with.clock = &fake_clock;
	mirage_ambient_replace(&with);
	CHECK(mirage_clock_monotonic_ns() < DEADLINE_NS);
	CHECK_EQ(mirage_clock_wall_ns(), 1234567890);
	CHECK(mirage_clock_info() == &fake_info);
	mirage_timer_start(&timer, DEADLINE_NS, ran_out, &ran);
	CASE_END;
}

CASES(tables) = {
	&tables_has_member,
	&tables_short_console,
	&tables_short_ambient,
	&tables_replaced_clock,
	NULL,
};
