/* SPDX-License-Identifier: ISC */
/*
 * backend_tables.c: cases about the tables of a backend, which need backends with
 * wrong ones. So this is a backend of its own, the smallest that runs, whose
 * tables each case changes before the program starts, and the fixture for it.
 */
#define _GNU_SOURCE
/* The backend symbol is constant to everybody but this file. */
#define mirage_backend mirage_backend_type
#include <mirage-backend.h>
#undef mirage_backend

#include "harness.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* --------------------------------------------------------- The backend -- */

static uint64_t wanted_ns;

static int console_write(const void *bytes, size_t length)
{
	return (int)write(STDOUT_FILENO, bytes, length);
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	fprintf(stderr, "%.*s\n", (int)length, line);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t wall_ns(void)
{
	return 1600000000000000000;
}

static void wake_at(uint64_t deadline_ns)
{
	wanted_ns = deadline_ns;
}

static int run(void)
{
	struct timespec nap = {.tv_nsec = 100000};

	while (!mirage_core_ended()) {
		mirage_core_turn();
		if (wanted_ns > monotonic_ns())
			nanosleep(&nap, NULL);
	}
	return mirage_core_status();
}

static struct mirage_clock_info clock_info = {
	.size = sizeof(clock_info),
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

static struct mirage_console_ops console_ops = {.size = sizeof(console_ops),
						.write = console_write,
						.log = console_log};
static struct mirage_clock_ops clock_ops = {.size = sizeof(clock_ops),
					    .monotonic_ns = monotonic_ns,
					    .wall_ns = wall_ns,
					    .info = &clock_info};
static struct mirage_time_ops time_ops = {.size = sizeof(time_ops),
					  .wake_at = wake_at};
static struct mirage_ambient ambient = {.size = sizeof(ambient),
					.console = &console_ops,
					.clock = &clock_ops,
					.time = &time_ops};

extern MIRAGE_API struct mirage_backend_type mirage_backend;
struct mirage_backend_type mirage_backend = {.size = sizeof(mirage_backend),
					     .name = "tables",
					     .ambient = &ambient,
					     .run = run};

/* --------------------------------------------------------------- A disk -- */

static struct mirage_block_info disk_info = {.size = sizeof(disk_info),
					     .caps = MIRAGE_BLOCK_CAP_WRITE,
					     .size_bytes = 1 << 20,
					     .sector_bytes = 512,
					     .physical_sector_bytes = 512,
					     .buffer_align_bytes = 1,
					     .max_vectors = 8,
					     .max_transfer_bytes = 32768,
					     .queue_depth = 1,
					     .max_discard_bytes = 0};
static struct mirage_block_counters disk_counters;
static struct mirage_block disk;
static struct mirage_open *opening;
static unsigned disposed;

static void disk_submit(struct mirage_block *block,
			struct mirage_block_request *const requests[], size_t n)
{
	while (n > 0)
		mirage_core_block_complete(requests[--n], MIRAGE_EIO);
}

static void disk_close(struct mirage_block *block)
{
	mirage_core_block_closed(block);
}

static void disk_dispose(struct mirage_block *block)
{
	disposed++;
}

static struct mirage_block_ops disk_ops = {.size = sizeof(disk_ops),
					   .submit = disk_submit,
					   .close = disk_close,
					   .dispose = disk_dispose};

static void answer(struct mirage_open *open)
{
	disk = (struct mirage_block){.ops = &disk_ops,
				     .info = &disk_info,
				     .counters = &disk_counters};
	mirage_core_block_opened(open, MIRAGE_OK, &disk);
}

static void answer_later(struct mirage_open *open)
{
	opening = open;
}

/* ------------------------------------------------------ The check at start -- */

static int go(int argc, char *argv[])
{
	return 0;
}

#define WITHOUT(name, what)              \
	static void without_##name(void) \
	{                                \
		what;                    \
	}
#define REFUSED(name) .before = without_##name, .start = go, .aborts = "LAW-10"

WITHOUT(ambient, mirage_backend.ambient = NULL)
WITHOUT(run, mirage_backend.run = NULL)
WITHOUT(length, mirage_backend.size = offsetof(struct mirage_backend_type, run))
WITHOUT(size, mirage_backend.size = 0)
WITHOUT(console, ambient.console = NULL)
WITHOUT(console_write, console_ops.write = NULL)
WITHOUT(clock, ambient.clock = NULL)
WITHOUT(clock_info, clock_ops.info = NULL)
WITHOUT(clock_length, clock_ops.size = offsetof(struct mirage_clock_ops, info))
WITHOUT(time, ambient.time = NULL)
WITHOUT(wake_at, time_ops.wake_at = NULL)

CASE(backend, no_ambient, "LAW-10", REFUSED(ambient))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_run, "LAW-10", REFUSED(run))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, too_short, "LAW-10 LAW-08", REFUSED(length))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, size_zero, "LAW-10", REFUSED(size))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_console, "LAW-10", REFUSED(console))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_console_write, "LAW-10", REFUSED(console_write))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_clock, "LAW-10", REFUSED(clock))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_clock_info, "LAW-10", REFUSED(clock_info))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, short_clock, "LAW-10 LAW-08", REFUSED(clock_length))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_time, "LAW-10", REFUSED(time))
{
	CASE_BEGIN;
	CASE_END;
}

CASE(backend, no_wake_at, "LAW-10", REFUSED(wake_at))
{
	CASE_BEGIN;
	CASE_END;
}

/* ------------------------------------------------- What may be missing -- */

static void shorten(void)
{
	mirage_backend.size = offsetof(struct mirage_backend_type, net_open);
	mirage_backend.block_open = answer;
	ambient.size = offsetof(struct mirage_ambient, random);
}

static void opened(void *arg, int result, struct mirage_block *block)
{
	conf_count(arg, result);
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	conf_count(arg, result);
}

/* Opens both kinds of devices, neither of which the backend has. */
CASE(backend, no_opens, "LAW-11")
{
	static struct conf_done net, block;

	CASE_BEGIN;
	mirage_net_open("any", 0, net_opened, &net);
	mirage_block_open("any", opened, &block);
	CHECK_EQ(net.count + block.count, 0);
	AWAIT(net.count == 1 && block.count == 1);
	CHECK_RESULT(net.result, MIRAGE_ENOSYS);
	CHECK_RESULT(block.result, MIRAGE_ENOSYS);
	CASE_END;
}

CASE(backend, short_is_absent, "LAW-08 LAW-11 RND-01", .before = shorten)
{
	static struct conf_done done;
	static uint8_t byte;

	CASE_BEGIN;
	mirage_block_open("any", opened, &done);
	AWAIT(done.count == 1);
	CHECK_RESULT(done.result, MIRAGE_ENOSYS);
	byte = 1;
	CHECK_RESULT(mirage_random_fill(&byte, 1), MIRAGE_ENOSYS);
	CHECK_EQ(byte, 0);
	CASE_END;
}

static void with_disk(void)
{
	mirage_backend.block_open = answer;
}

static void with_slow_disk(void)
{
	mirage_backend.block_open = answer_later;
}

CASE(backend, answers_at_once, "LAW-11 LAW-02", .before = with_disk)
{
	CASE_BEGIN;
	conf_open(CONF_DISK_512, 0);
	CHECK(conf_block(CONF_DISK_512) == NULL);
	AWAIT(conf_is_open(CONF_DISK_512));
	CHECK(conf_block(CONF_DISK_512) == &disk);
	CASE_END;
}

CASE(backend, answers_later, "LAW-11", .before = with_slow_disk)
{
	CASE_BEGIN;
	conf_open(CONF_DISK_512, 0);
	REST_NS(3000000);
	CHECK(!conf_is_open(CONF_DISK_512));
	answer(opening);
	AWAIT(conf_is_open(CONF_DISK_512));
	CHECK(conf_block(CONF_DISK_512) == &disk);
	CASE_END;
}

/* `dispose` is called, once, when the name is opened again; a table that ends
 * before it has none. */
CASE(backend, disposes, "LAW-08", .before = with_disk)
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	CLOSE(CONF_DISK_512);
	CHECK_EQ(disposed, 0);
	OPEN(CONF_DISK_512);
	CHECK_EQ(disposed, 1);
	CLOSE(CONF_DISK_512);
	disk_ops.size = offsetof(struct mirage_block_ops, dispose);
	OPEN(CONF_DISK_512);
	CHECK_EQ(disposed, 1);
	CASE_END;
}

static void no_submit(void)
{
	with_disk();
	disk_ops.submit = NULL;
}

static void odd_sector(void)
{
	with_disk();
	disk_info.sector_bytes = 520;
}

CASE(backend, disk_without_submit, "LAW-10", .before = no_submit,
     .aborts = "LAW-10")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	CASE_END;
}

CASE(backend, disk_with_odd_sector, "LAW-10 BLK-06", .before = odd_sector,
     .aborts = "LAW-10")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	CASE_END;
}

/* Read-only and no flush: what the device cannot do it is never asked. */
CASE(backend, no_capability, "LAW-07", .before = with_disk)
{
	static struct mirage_block_request request;
	static struct conf_done done;
	static uint32_t op;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	for (op = MIRAGE_BLOCK_FLUSH; op <= MIRAGE_BLOCK_WRITE_ZEROES; op++) {
		done.count = 0;
		request = (struct mirage_block_request){
			.op = op, .done = conf_count, .arg = &done};
		mirage_block_submit(
			&disk, (struct mirage_block_request *[]){&request}, 1);
		AWAIT(done.count == 1);
		CHECK_RESULT(done.result, MIRAGE_ENOTSUP);
	}
	CHECK_EQ(disk_counters.errors, 0);
	CASE_END;
}

CASES(backend) = {
	&backend_no_ambient,
	&backend_no_run,
	&backend_too_short,
	&backend_size_zero,
	&backend_no_console,
	&backend_no_console_write,
	&backend_no_clock,
	&backend_no_clock_info,
	&backend_short_clock,
	&backend_no_time,
	&backend_no_wake_at,
	&backend_no_opens,
	&backend_short_is_absent,
	&backend_answers_at_once,
	&backend_answers_later,
	&backend_disposes,
	&backend_disk_without_submit,
	&backend_disk_with_odd_sector,
	&backend_no_capability,
	NULL,
};

/* In the place of the list in cases.c. */
const struct conf_case *const *const conf_classes[] = {conf_backend_cases,
						       NULL};

static struct conf_fixture tables = {.size = sizeof(tables),
				     .name = "tables",
				     .devices = {[CONF_DISK_512] = "disk"}};

struct conf_fixture *const conf_fixtures[] = {&tables, NULL};
