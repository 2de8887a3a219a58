/* SPDX-License-Identifier: ISC */
/* The console of the simulation. */
#include "sim_test.h"

#include <stdio.h>
#include <unistd.h>

static char heard[16];
static size_t n_heard;
static bool input_ended;

static void on_read(void *arg, const void *bytes, size_t length)
{
	ck_assert(!input_ended);
	input_ended = length == 0;
	ck_assert_uint_le(n_heard + length, sizeof heard);
	memcpy(heard + n_heard, bytes, length);
	n_heard += length;
}

static int read_typed(int argc, char *argv[])
{
	mirage_sim_console_input("one ", 4);
	ck_assert_int_eq(mirage_console_read(on_read, NULL), 0);
	mirage_sim_console_input("two", 3);
	mirage_sim_console_end();
	return 0;
}

START_TEST(what_is_typed_is_read)
{
	ck_assert_int_eq(run(read_typed, ""), 0);
	ck_assert(input_ended);
	ck_assert_uint_eq(n_heard, 7);
	ck_assert_mem_eq(heard, "one two", 7);
}
END_TEST

static int read_only(int argc, char *argv[])
{
	ck_assert_int_eq(mirage_console_read(on_read, NULL), 0);
	return 0;
}

START_TEST(input_comes_from_a_file)
{
	char path[] = "/tmp/sim-input-XXXXXX", line[64];
	int fd = mkstemp(path);

	ck_assert_int_eq(write(fd, "script\n", 7), 7);
	close(fd);
	snprintf(line, sizeof line, "--input %s", path);
	ck_assert_int_eq(run(read_only, line), 0);
	unlink(path);
	ck_assert(input_ended);
	ck_assert_mem_eq(heard, "script\n", 7);
}
END_TEST

START_TEST(a_reader_without_input_is_a_deadlock)
{
	int status;
	const char *text = run_stderr(read_only, "", &status);

	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(text, "the console is read, and nobody "
					   "types; give --input FILE\n"));
}
END_TEST

static bool console_event;
static char block[40000];

static void on_console(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_CONSOLE);
	console_event = true;
	ck_assert_int_eq(mirage_console_write("x", 1), 1);
}

static void go_on(void *arg)
{
	ck_assert(!console_event);
	mirage_sim_console_pause(false);
}

static int write_much(int argc, char *argv[])
{
	mirage_on_event(on_console, NULL);
	mirage_sim_console_pause(true);
	ck_assert_int_eq(mirage_console_write(block, 40000), 40000);
	ck_assert_int_eq(mirage_console_write(block, 40000), 25536);
	ck_assert_int_eq(mirage_console_write(block, 1), 0);
	mirage_sim_at(SECOND, go_on, NULL);
	return 0;
}

START_TEST(a_paused_console_pushes_back_and_loses_nothing)
{
	FILE *file = tmpfile();

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	ck_assert_int_eq(run(write_much, ""), 0);
	ck_assert(console_event);
	ck_assert_int_eq(lseek(fileno(file), 0, SEEK_END), 65537);
}
END_TEST

static int fill_paused(int argc, char *argv[])
{
	mirage_sim_console_pause(true);
	while (mirage_console_write(block, 1000) == 1000)
		continue;
	return 0;
}

START_TEST(a_console_that_stays_paused_is_a_deadlock)
{
	FILE *file = tmpfile();
	const char *text;
	int status;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	text = run_stderr(fill_paused, "", &status);
	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(text, "test: error: the console is paused "
					   "and has taken 65536 bytes\n"));
}
END_TEST

static int end_paused(int argc, char *argv[])
{
	mirage_sim_console_pause(true);
	ck_assert_int_eq(mirage_console_write("last", 4), 4);
	mirage_exit(0);
	return 0;
}

START_TEST(what_was_taken_is_written_at_the_end)
{
	FILE *file = tmpfile();

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	ck_assert_int_eq(run(end_paused, ""), 0);
	ck_assert_int_eq(lseek(fileno(file), 0, SEEK_END), 4);
}
END_TEST

static int write_to_nobody(int argc, char *argv[])
{
	ck_assert_int_eq(mirage_console_write("a\n", 2), 2);
	mirage_sim_console_hang_up();
	ck_assert_int_eq(mirage_console_write("b\n", 2), MIRAGE_EGONE);
	return 0;
}

START_TEST(a_console_without_reader_is_gone)
{
	ck_assert_int_eq(run(write_to_nobody, ""), 0);
}
END_TEST

static int write_to_pipe(int argc, char *argv[])
{
	ck_assert_int_eq(mirage_console_write("a\n", 2), MIRAGE_EGONE);
	return 0;
}

START_TEST(a_broken_pipe_is_no_death)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fflush(stdout);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
	ck_assert_int_eq(run(write_to_pipe, ""), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_typed_is_read,
		input_comes_from_a_file,
		a_reader_without_input_is_a_deadlock,
		a_paused_console_pushes_back_and_loses_nothing,
		a_console_that_stays_paused_is_a_deadlock,
		what_was_taken_is_written_at_the_end,
		a_console_without_reader_is_gone,
		a_broken_pipe_is_no_death,
	};

	return run_suite("sim-console", tests, sizeof tests / sizeof tests[0]);
}
