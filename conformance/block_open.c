/* SPDX-License-Identifier: ISC */
/* Blocks: names, opening, closing, and what the world does to a disk. */
#include "block_case.h"

#define MANY 64u

static struct block_io io, ios[MANY];
static uint8_t *memory;

struct opening {
	struct mirage_block *block;
	unsigned count;
	int result;
	bool closed;
};

static void on_own_event(void *arg, uint32_t event)
{
	struct opening *opening = arg;

	opening->closed |= event == MIRAGE_EVENT_CLOSED;
	conf_wake();
}

static void on_opened(void *arg, int result, struct mirage_block *block)
{
	struct opening *opening = arg;

	opening->count++;
	opening->result = result;
	opening->block = block;
	if (block != NULL)
		mirage_block_on_event(block, on_own_event, opening);
	conf_wake();
}

/* --------------------------------------------------------------- Opening -- */

static const char *const bad_names[] = {
	"",    "a b",	     "a/b", "file:x",
	"a.b", "n\xc3\xa9t", "a\n", "12345678901234567890123456789012",
};

#define N_BAD (sizeof(bad_names) / sizeof(bad_names[0]))

CASE(block, bad_names, "BLK-10 LAW-02")
{
	static struct opening openings[N_BAD];
	static unsigned i;

	CASE_BEGIN;
	for (i = 0; i < N_BAD; i++) {
		mirage_block_open(bad_names[i], on_opened, &openings[i]);
		CLAIM("LAW-02");
		CHECK_EQ(openings[i].count, 0);
		CLAIM("BLK-10");
		AWAIT(openings[i].count == 1);
		CHECK_RESULT(openings[i].result, MIRAGE_EINVAL);
		CHECK(openings[i].block == NULL);
	}
	CASE_END;
}

CASE(block, unknown_name, "BLK-11", .needs = CONF_DISK)
{
	static struct opening short_name, long_name;

	CASE_BEGIN;
	mirage_block_open("no-such", on_opened, &short_name);
	mirage_block_open("No_Such-Block-Device-Of-31-Char", on_opened,
			  &long_name);
	AWAIT(short_name.count == 1 && long_name.count == 1);
	if (short_name.result == MIRAGE_ENOSYS)
		SKIP("not implemented by this backend (ENOSYS)");
	CHECK_RESULT(short_name.result, MIRAGE_ENODEV);
	CHECK_RESULT(long_name.result, MIRAGE_ENODEV);
	CHECK(short_name.block == NULL && long_name.block == NULL);
	CASE_END;
}

CASE(block, open_twice, "BLK-12 LAW-01", .needs = CONF_DISK)
{
	static struct opening again, together[2];

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	mirage_block_open(conf_name(CONF_DISK_512), on_opened, &again);
	AWAIT(again.count == 1);
	CHECK_RESULT(again.result, MIRAGE_EBUSY);
	CHECK(again.block == NULL);
	CLOSE(CONF_DISK_512);
	/* An open under way occupies the name too. */
	mirage_block_open(conf_name(CONF_DISK_512), on_opened, &together[0]);
	mirage_block_open(conf_name(CONF_DISK_512), on_opened, &together[1]);
	CHECK_EQ(together[0].count, 0);
	AWAIT(together[0].count == 1 && together[1].count == 1);
	CHECK_RESULT(together[0].result, MIRAGE_OK);
	CHECK_RESULT(together[1].result, MIRAGE_EBUSY);
	mirage_block_close(together[0].block);
	AWAIT(together[0].closed);
	CHECK_EQ(together[0].count, 1);
	CASE_END;
}

/* --------------------------------------------------------------- Closing -- */

static void send_more_writes(enum conf_role role, unsigned from, unsigned to)
{
	uint32_t unit = block_unit(role), sector = block_sector(role);

	for (unsigned i = from; i < to; i++) {
		conf_fill(memory + (size_t)i * unit, sector, 300 + i);
		block_prepare(&ios[i], MIRAGE_BLOCK_WRITE, (uint64_t)i * sector,
			      memory + (size_t)i * unit, sector);
		block_send(role, &ios[i]);
	}
}

static void send_writes(enum conf_role role, unsigned n)
{
	memory = conf_memory((size_t)MANY * block_unit(role));
	conf_set(ios, sizeof(ios), 0);
	send_more_writes(role, 0, n);
}

static unsigned completed(unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += ios[i].done.count;
	return count;
}

static unsigned at_closed;

static void note_closed(void *arg, uint32_t event)
{
	(void)arg;
	if (event == MIRAGE_EVENT_CLOSED)
		at_closed = completed(MANY);
}

DISK_CASE(block, close_in_flight, "BLK-13 BLK-15 LAW-01", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	conf_on_event(role, note_closed, NULL);
	at_closed = 0;
	send_writes(role, MANY);
	conf_close(role);
	CLAIM("BLK-13");
	CHECK_EQ(completed(MANY), 0);
	AWAIT(conf_is_closed(role));
	/* Not even one after CLOSED. */
	CHECK_EQ(at_closed, MANY);
	CHECK_EQ(completed(MANY), MANY);
	for (i = 0; i < MANY; i++)
		CHECK_RESULT(ios[i].done.result, 0);
	CASE_END;
}

DISK_CASE(block, submit_after_close, "BLK-14 LAW-02", 0, .caps = 0)
{
	static struct mirage_block *block;
	static unsigned i;
	static struct mirage_block_request *requests[1] = {&io.request};

	CASE_BEGIN;
	OPEN(role);
	block = conf_block(role);
	memory = conf_memory(block_unit(role));
	conf_close(role);
	/* While it closes and when it is closed. */
	for (i = 0; i < 2; i++) {
		block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory,
			      i == 0 ? 512 : 4096);
		mirage_block_submit(block, requests, 1);
		CHECK_EQ(io.done.count, 0);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_EGONE);
		AWAIT(conf_is_closed(role));
	}
	CASE_END;
}

DISK_CASE(block, closed_once, "BLK-15 LAW-01", 0, .caps = 0)
{
	CASE_BEGIN;
	OPEN(role);
	conf_close(role);
	CHECK_EQ(conf_events(role, MIRAGE_EVENT_CLOSED), 0);
	AWAIT(conf_is_closed(role));
	REST_NS(10000000);
	CHECK_EQ(conf_events(role, MIRAGE_EVENT_CLOSED), 1);
	CASE_END;
}

DISK_CASE(block, close_twice, "BLK-17", 0, .caps = 0)
{
	static struct mirage_block *block;

	CASE_BEGIN;
	OPEN(role);
	block = conf_block(role);
	conf_close(role);
	mirage_block_close(block);
	AWAIT(conf_is_closed(role));
	mirage_block_close(block);
	REST_NS(10000000);
	CHECK_EQ(conf_events(role, MIRAGE_EVENT_CLOSED), 1);
	CASE_END;
}

DISK_CASE(block, reopen, "BLK-16 BLK-07", 0, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i;

	CASE_BEGIN;
	memory = conf_memory(4096);
	for (i = 0; i < 5; i++) {
		OPEN(role);
		CLAIM("BLK-07");
		CHECK_EQ(conf_block(role)->counters->reads, 0);
		CHECK_EQ(conf_block(role)->counters->writes, 0);
		CLAIM("BLK-16");
		conf_fill(memory, block_sector(role), i);
		IO_IS(io, role, WRITE, 0, memory, block_sector(role), 0);
		CLOSE(role);
	}
	CASE_END;
}

DISK_CASE(block, kept_when_closed, "BLK-01 BLK-02 BLK-16", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH)
{
	static unsigned i;

	CASE_BEGIN;
	memory = conf_memory(4096);
	for (i = 0; i < 3; i++) {
		OPEN(role);
		if (i > 0) {
			IO_IS(io, role, READ, 0, memory, block_sector(role), 0);
			CHECK(conf_filled(memory, block_sector(role), i - 1));
		}
		conf_fill(memory, block_sector(role), i);
		IO_IS(io, role, WRITE, 0, memory, block_sector(role), 0);
		IO_IS(io, role, FLUSH, 0, NULL, 0, 0);
		CLOSE(role);
	}
	CASE_END;
}

/* ----------------------------------------------------------------- World -- */

DISK_CASE(block, flush_survives, "BLK-02", CONF_POWER,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH)
{
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	memory = conf_memory(4 * sector);
	conf_fill(memory, 4 * sector, 1);
	IO_IS(io, role, WRITE, 9 * sector, memory, 4 * sector, 0);
	IO_IS(io, role, FLUSH, 0, NULL, 0, 0);
	conf_fill(memory, sector, 2);
	IO_IS(io, role, WRITE, 0, memory, sector, 0);
	WORLD(conf_power_loss(role));
	conf_set(memory, 4 * sector, 0);
	IO_IS(io, role, READ, 9 * sector, memory, 4 * sector, 0);
	CHECK(conf_filled(memory, 4 * sector, 1));
	CASE_END;
}

static uint64_t size_at_event;
static uint32_t caps_at_event;

static void note_info(void *arg, uint32_t event)
{
	const struct mirage_block *block = arg;

	if (event == MIRAGE_EVENT_RESIZED)
		size_at_event = block->info->size_bytes;
	if (event == MIRAGE_EVENT_CAPS)
		caps_at_event = block->info->caps;
}

DISK_CASE(block, resized, "EVT-01 BLK-05 BLK-20", CONF_RESIZE,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_RESIZE)
{
	static uint64_t before, after;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	memory = conf_memory(sector);
	before = block_size(role);
	after = before + 64ull * sector;
	conf_on_event(role, note_info, conf_block(role));
	IO_IS(io, role, READ, before, memory, sector, MIRAGE_ERANGE);
	WORLD(conf_resize(role, after));
	AWAIT(conf_events(role, MIRAGE_EVENT_RESIZED) == 1);
	CLAIM("EVT-01");
	CHECK(size_at_event == after);
	CHECK(block_size(role) == after);
	CLAIM("BLK-20");
	IO_IS(io, role, WRITE, before, memory, sector, 0);
	IO_IS(io, role, READ, after, memory, sector, MIRAGE_ERANGE);
	WORLD(conf_resize(role, before));
	AWAIT(conf_events(role, MIRAGE_EVENT_RESIZED) == 2);
	CHECK(size_at_event == before);
	IO_IS(io, role, READ, before, memory, sector, MIRAGE_ERANGE);
	CASE_END;
}

DISK_CASE(block, lost_and_back, "LAW-01 EVT-01", CONF_DISK_LOSE,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i, before;

	CASE_BEGIN;
	OPEN(role);
	send_writes(role, MANY / 2);
	WORLD(conf_lose(role, true));
	AWAIT(conf_events(role, MIRAGE_EVENT_LOST) == 1);
	before = completed(MANY);
	send_more_writes(role, MANY / 2, MANY);
	REST_NS(5000000);
	/* Requests wait, those in flight too. */
	CHECK_EQ(completed(MANY), before);
	WORLD(conf_lose(role, false));
	AWAIT(conf_events(role, MIRAGE_EVENT_BACK) == 1);
	AWAIT(completed(MANY) == MANY);
	for (i = 0; i < MANY; i++)
		CHECK_RESULT(ios[i].done.result, 0);
	CASE_END;
}

DISK_CASE(block, lost_and_closed, "BLK-13 BLK-15", CONF_DISK_LOSE,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	conf_on_event(role, note_closed, NULL);
	at_closed = 0;
	send_writes(role, MANY / 2);
	WORLD(conf_lose(role, true));
	AWAIT(conf_events(role, MIRAGE_EVENT_LOST) == 1);
	/* What the disk already had may have been done. */
	for (i = MANY / 2; i < MANY; i++) {
		block_prepare(&ios[i], MIRAGE_BLOCK_READ, 0, memory,
			      block_sector(role));
		block_send(role, &ios[i]);
	}
	conf_close(role);
	CLAIM("BLK-13");
	AWAIT(conf_is_closed(role));
	CHECK_EQ(at_closed, MANY);
	for (i = MANY / 2; i < MANY; i++)
		CHECK_RESULT(ios[i].done.result, MIRAGE_EGONE);
	CASE_END;
}

DISK_CASE(block, fails, "BLK-03 BLK-07 LAW-01", CONF_FAIL,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t sector;
	static bool full;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	memory = conf_memory(sector);
	WORLD(conf_fail_next(role, 1, MIRAGE_EIO));
	IO_IS(io, role, READ, 0, memory, sector, MIRAGE_EIO);
	CHECK_EQ(conf_block(role)->counters->errors, 1);
	CHECK_EQ(conf_block(role)->counters->reads, 0);
	IO_IS(io, role, READ, 0, memory, sector, 0);
	/* Some protocols have one error only. */
	full = conf_fail_next(role, 1, MIRAGE_ENOSPC);
	IO_IS(io, role, WRITE, 0, memory, sector, full ? MIRAGE_ENOSPC : 0);
	CHECK_EQ(conf_block(role)->counters->errors, full ? 2 : 1);
	IO_IS(io, role, WRITE, 0, memory, sector, 0);
	CHECK_EQ(conf_block(role)->counters->writes, full ? 1 : 2);
	CASE_END;
}

DISK_CASE(block, capability_lost, "BLK-23 EVT-01 LAW-07", CONF_DROP_CAPS,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static const uint32_t bits[] = {MIRAGE_BLOCK_CAP_FLUSH,
					MIRAGE_BLOCK_CAP_DISCARD,
					MIRAGE_BLOCK_CAP_WRITE_ZEROES};
	static unsigned i, events;

	CASE_BEGIN;
	OPEN(role);
	conf_on_event(role, note_info, conf_block(role));
	events = 0;
	for (i = 0; i < 3; i++) {
		if ((conf_block(role)->info->caps & bits[i]) == 0)
			continue;
		caps_at_event = UINT32_MAX;
		if (!conf_drop_caps(role, bits[i]))
			continue;
		events++;
		AWAIT(conf_events(role, MIRAGE_EVENT_CAPS) == events);
		CLAIM("EVT-01");
		CHECK((caps_at_event & bits[i]) == 0);
		CLAIM("BLK-23");
		block_prepare(&io, MIRAGE_BLOCK_FLUSH + i, 0, NULL,
			      block_sector(role));
		block_send(role, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_ENOTSUP);
	}
	if (events == 0)
		SKIP("the fixture could not drop any capability");
	CASE_END;
}

CASES(block_open) = {
	&block_bad_names,
	&block_unknown_name,
	&block_open_twice,
	DISK_CASES(close_in_flight),
	DISK_CASES(submit_after_close),
	DISK_CASES(closed_once),
	DISK_CASES(close_twice),
	DISK_CASES(reopen),
	DISK_CASES(kept_when_closed),
	DISK_CASES(flush_survives),
	DISK_CASES(resized),
	DISK_CASES(lost_and_back),
	DISK_CASES(lost_and_closed),
	DISK_CASES(fails),
	/* The last one: what it takes away does not come back. */
	DISK_CASES(capability_lost),
	NULL,
};
