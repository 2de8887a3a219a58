/* SPDX-License-Identifier: ISC */
/* What is said of a backend whose tables are broken. */
#include "fake.h"

#include <stdio.h>

static struct mirage_backend broken;
static struct mirage_ambient broken_ambient;
static struct mirage_console_ops broken_console;
static struct mirage_clock_ops broken_clock;
static struct mirage_time_ops broken_time;

static void copy_tables(void)
{
	core.program = "test";
	broken = mirage_backend;
	broken_ambient = *broken.ambient;
	broken_console = *broken_ambient.console;
	broken_clock = *broken_ambient.clock;
	broken_time = *broken_ambient.time;
	broken.ambient = &broken_ambient;
	broken_ambient.console = &broken_console;
	broken_ambient.clock = &broken_clock;
	broken_ambient.time = &broken_time;
}

static void break_nothing(void)
{
}

static void break_run(void)
{
	broken.run = NULL;
}

static void break_size(void)
{
	broken.size = offsetof(struct mirage_backend, run);
}

static void break_size_zero(void)
{
	broken.size = 0;
}

static void break_write(void)
{
	broken_console.write = NULL;
}

static void break_log(void)
{
	broken_console.size = offsetof(struct mirage_console_ops, log);
}

static void break_clock(void)
{
	broken_ambient.clock = NULL;
}

static void break_wall(void)
{
	broken_clock.wall_ns = NULL;
}

static void break_wake_at(void)
{
	broken_time.size = 4;
}

static const struct {
	void (*damage)(void);
	const char *what;
} damages[] = {
	{break_run, "the fake backend has no run"},
	{break_size, "the fake backend has no run"},
	{break_size_zero, "the linked backend has no name"},
	{break_write, "the fake backend has no console.write"},
	{break_log, "the fake backend has no console.log"},
	{break_clock, "the fake backend has no clock"},
	{break_wall, "the fake backend has no clock.wall_ns"},
	{break_wake_at, "the fake backend has no time.wake_at"},
};
static void (*damage)(void);

static void run_validation(void)
{
	copy_tables();
	damage();
	core_validate_backend(&broken);
}

START_TEST(a_broken_table)
{
	char message[200];

	damage = damages[_i].damage;
	snprintf(message, sizeof message,
		 "test: error: broken contract [LAW-10]: %s (or a table that "
		 "is too short for it)\n",
		 damages[_i].what);
	fake_must_abort(run_validation, message);
}
END_TEST

START_TEST(sound_tables)
{
	damage = break_nothing;
	run_validation();
}
END_TEST

static struct mirage_block_ops short_ops;

static void run_short_block(void)
{
	struct mirage_block block = {.ops = &short_ops};

	core.program = "test";
	short_ops.size = sizeof short_ops.size;
	core_validate_block(&block);
}

START_TEST(a_block_without_submit)
{
	fake_must_abort(run_short_block, "the fake backend has no block.submit "
					 "(or a table that is too short");
}
END_TEST

TCase *core_case_validation(void)
{
	TCase *tcase = tcase_create("validation");

	tcase_add_loop_test(tcase, a_broken_table, 0,
			    sizeof damages / sizeof *damages);
	tcase_add_test(tcase, sound_tables);
	tcase_add_test(tcase, a_block_without_submit);
	return tcase;
}
