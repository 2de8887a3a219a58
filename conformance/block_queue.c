/* SPDX-License-Identifier: ISC */
/* Blocks: completions, deep queues, order, requests that belong to the device. */
#include "block_case.h"

#define DEEP_MAX 1024u

/* One request of a deep queue; they complete in any order. */
struct deep {
	struct block_io io;
	unsigned index;
};

static struct deep deep[DEEP_MAX];
static struct block_io io;
static uint8_t *memory;

static struct {
	unsigned n, completed, twice, failed;
	unsigned too_early; /* completed before its turn could have come */
	bool inside_submit, submitting;
	unsigned depth, nested;
} run;

/*
 * Request k can start only when at most queue_depth - 1 earlier ones are still
 * being worked on: so at least k + 1 - queue_depth have completed before it.
 */
static void judge_order(const struct deep *d, unsigned queue_depth)
{
	unsigned before = 0;

	for (unsigned i = 0; i < d->index; i++)
		before += deep[i].io.done.count != 0;
	run.too_early += before + queue_depth < d->index + 1;
}

static void on_deep(void *arg, int result)
{
	struct deep *d = arg;

	run.inside_submit |= run.submitting;
	run.nested += run.depth++ != 0;
	run.twice += d->io.done.count != 0;
	d->io.done.count++;
	d->io.done.result = result;
	run.failed += result != 0;
	run.completed++;
	judge_order(d, d->io.request.block->info->queue_depth);
	run.depth--;
	conf_wake();
}

static unsigned deep_count(enum conf_role role)
{
	uint64_t n = 10ull * conf_block(role)->info->queue_depth;

	return n < DEEP_MAX ? (unsigned)n : DEEP_MAX;
}

static void deep_prepare(unsigned i, uint32_t op, uint64_t offset, void *base,
			 uint64_t length)
{
	block_prepare(&deep[i].io, op, offset, base, length);
	deep[i].index = i;
	deep[i].io.request.done = on_deep;
	deep[i].io.request.arg = &deep[i];
}

/* Submits requests `from` to `to` in one call. */
static void deep_submit(enum conf_role role, unsigned from, unsigned to)
{
	static struct mirage_block_request *requests[DEEP_MAX];

	for (unsigned i = from; i < to; i++)
		requests[i - from] = &deep[i].io.request;
	run.submitting = true;
	mirage_block_submit(conf_block(role), requests, to - from);
	run.submitting = false;
}

/* Writes as many distinct sectors as fit, one request each. */
static void deep_write(enum conf_role role, unsigned n)
{
	uint32_t unit = block_unit(role), sector = block_sector(role);

	conf_set(&run, sizeof(run), 0);
	run.n = n;
	memory = conf_memory((size_t)n * unit);
	for (unsigned i = 0; i < n; i++) {
		conf_fill(memory + (size_t)i * unit, sector, i);
		deep_prepare(i, MIRAGE_BLOCK_WRITE, (uint64_t)i * sector,
			     memory + (size_t)i * unit, sector);
	}
	deep_submit(role, 0, n);
}

static void deep_read(enum conf_role role)
{
	uint32_t unit = block_unit(role), sector = block_sector(role);
	unsigned n = run.n;

	conf_set(&run, sizeof(run), 0);
	run.n = n;
	conf_set(memory, (size_t)n * unit, 0);
	for (unsigned i = 0; i < n; i++)
		deep_prepare(i, MIRAGE_BLOCK_READ, (uint64_t)i * sector,
			     memory + (size_t)i * unit, sector);
	deep_submit(role, 0, n);
}

static unsigned deep_fitting(enum conf_role role)
{
	uint64_t n = deep_count(role), most = block_size(role);

	most /= block_sector(role);
	if (n > most)
		n = most;
	most = (6u << 20) / block_unit(role);
	return (unsigned)(n < most ? n : most);
}

DISK_CASE(block, deep_queue, "BLK-18 BLK-03 LAW-01 LAW-02 LAW-03", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	CASE_BEGIN;
	OPEN(role);
	deep_write(role, deep_fitting(role));
	CLAIM("LAW-02");
	CHECK_EQ(run.completed, 0);
	CLAIM("LAW-01");
	AWAIT(run.completed >= run.n);
	CHECK_EQ(run.failed, 0);
	deep_read(role);
	CHECK_EQ(run.completed, 0);
	AWAIT(run.completed >= run.n);
	CHECK_EQ(run.failed, 0);
	CLAIM("BLK-03");
	for (unsigned i = 0; i < run.n; i++)
		CHECK(conf_filled(memory + (size_t)i * block_unit(role),
				  block_sector(role), i));
	REST_NS(5000000);
	CLAIM("LAW-01");
	CHECK_EQ(run.completed, run.n);
	CHECK_EQ(run.twice, 0);
	CLAIM("LAW-03");
	CHECK_EQ(run.nested, 0);
	CLAIM("LAW-02");
	CHECK(!run.inside_submit);
	CHECK_EQ(conf_block(role)->counters->reads, run.n);
	CHECK_EQ(conf_block(role)->counters->writes, run.n);
	CASE_END;
}

DISK_CASE(block, first_come, "BLK-18", 0, .caps = 0)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	conf_set(&run, sizeof(run), 0);
	run.n = deep_count(role);
	memory = conf_memory(block_unit(role));
	for (i = 0; i < run.n; i++)
		deep_prepare(i, MIRAGE_BLOCK_READ, 0, memory,
			     block_sector(role));
	/* Half of them in one call, the rest one by one. */
	deep_submit(role, 0, run.n / 2);
	for (i = run.n / 2; i < run.n; i++)
		deep_submit(role, i, i + 1);
	AWAIT(run.completed >= run.n);
	CHECK_EQ(run.too_early, 0);
	CHECK_EQ(run.failed, 0);
	CASE_END;
}

DISK_CASE(block, completes_once, "LAW-01 LAW-02", 0, .caps = 0)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	memory = conf_memory(block_unit(role));
	/* Done work, refused work and no work at all. */
	for (i = 0; i < 3; i++) {
		block_prepare(&io, MIRAGE_BLOCK_READ,
			      i == 1 ? block_size(role) : 0, memory,
			      i == 2 ? 0 : block_sector(role));
		block_send(role, &io);
		CLAIM("LAW-02");
		CHECK_EQ(io.done.count, 0);
		CLAIM("LAW-01");
		AWAIT(io.done.count > 0);
		REST_NS(5000000);
		CHECK_EQ(io.done.count, 1);
		CHECK_RESULT(io.done.result, i == 1 ? MIRAGE_ERANGE : 0);
	}
	CASE_END;
}

DISK_CASE(block, submit_none, "BLK-18", 0, .caps = 0)
{
	CASE_BEGIN;
	OPEN(role);
	mirage_block_submit(conf_block(role), NULL, 0);
	memory = conf_memory(block_unit(role));
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory, block_sector(role));
	block_send(role, &io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	CHECK_EQ(conf_block(role)->counters->reads, 1);
	CASE_END;
}

/* ---------------------------------------------------- Inside a completion -- */

static struct {
	enum conf_role role;
	unsigned left, count, failed, depth, nested;
} chain;

static void on_link_of_chain(void *arg, int result)
{
	struct block_io *link = arg;

	chain.nested += chain.depth++ != 0;
	chain.count++;
	chain.failed += result != 0;
	if (chain.left > 0) {
		chain.left--;
		/* Zeroed and used anew: it is free for any use. */
		block_prepare(link, MIRAGE_BLOCK_READ, 0, memory,
			      block_sector(chain.role));
		link->request.done = on_link_of_chain;
		link->request.arg = link;
		block_send(chain.role, link);
	}
	chain.depth--;
	conf_wake();
}

DISK_CASE(block, resubmit_inside, "LAW-04 LAW-06 LAW-03", 0, .caps = 0)
{
	CASE_BEGIN;
	OPEN(role);
	conf_set(&chain, sizeof(chain), 0);
	chain.role = role;
	chain.left = 199;
	memory = conf_memory(block_unit(role));
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory, block_sector(role));
	io.request.done = on_link_of_chain;
	io.request.arg = &io;
	block_send(role, &io);
	CLAIM("LAW-06");
	AWAIT(chain.count == 200);
	CHECK_EQ(chain.failed, 0);
	CLAIM("LAW-03");
	CHECK_EQ(chain.nested, 0);
	CLAIM("LAW-04");
	CHECK_EQ(conf_block(role)->counters->reads, 200);
	CASE_END;
}

static void close_in_done(void *arg, int result)
{
	mirage_block_close(conf_block(chain.role));
	conf_count(arg, result);
}

DISK_CASE(block, close_inside, "LAW-04 BLK-13", 0, .caps = 0)
{
	CASE_BEGIN;
	OPEN(role);
	conf_set(&run, sizeof(run), 0);
	chain.role = role;
	memory = conf_memory(block_unit(role));
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory, block_sector(role));
	io.request.done = close_in_done;
	block_send(role, &io);
	for (unsigned i = 0; i < 20; i++)
		deep_prepare(i, MIRAGE_BLOCK_READ, 0, memory,
			     block_sector(role));
	deep_submit(role, 0, 20);
	CLAIM("LAW-04");
	AWAIT(conf_is_closed(role));
	CLAIM("BLK-13");
	CHECK_EQ(io.done.count, 1);
	CHECK_EQ(run.completed, 20);
	CHECK_EQ(run.failed, 0);
	CASE_END;
}

/* ----------------------------------------------------------- Overlapping -- */

DISK_CASE(block, overlapping, "LAW-01 BLK-03", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t sector;
	static uint8_t *got;

	CASE_BEGIN;
	OPEN(role);
	conf_set(&run, sizeof(run), 0);
	sector = block_sector(role);
	memory = conf_memory(8 * sector);
	got = conf_memory(6 * sector);
	conf_set(memory, 4 * sector, 0x11);
	conf_set(memory + 4 * sector, 4 * sector, 0x22);
	deep_prepare(0, MIRAGE_BLOCK_WRITE, 0, memory, 4 * sector);
	deep_prepare(1, MIRAGE_BLOCK_WRITE, 2 * sector, memory + 4 * sector,
		     4 * sector);
	deep_submit(role, 0, 2);
	AWAIT(run.completed == 2);
	CHECK_EQ(run.failed, 0);
	IO_IS(io, role, READ, 0, got, 6 * sector, 0);
	CHECK(conf_all(got, 2 * sector, 0x11));
	CHECK(conf_all(got + 4 * sector, 2 * sector, 0x22));
	/* Unordered: where they overlap either may have won. */
	for (unsigned i = 2 * sector; i < 4 * sector; i++)
		CHECK(got[i] == 0x11 || got[i] == 0x22);
	CASE_END;
}

/* --------------------------------------------------------- Broken contracts -- */

CASE(block, no_completion, "LAW-05", .needs = CONF_DISK, .aborts = "LAW-05")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	memory = conf_memory(512);
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory, 512);
	io.request.done = NULL;
	block_send(CONF_DISK_512, &io);
	CASE_END;
}

CASE(block, submitted_twice, "LAW-05", .needs = CONF_DISK, .aborts = "LAW-05")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	memory = conf_memory(512);
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, memory, 512);
	block_send(CONF_DISK_512, &io);
	block_send(CONF_DISK_512, &io);
	CASE_END;
}

CASES(block_queue) = {
	DISK_CASES(deep_queue),	     DISK_CASES(first_come),
	DISK_CASES(completes_once),  DISK_CASES(submit_none),
	DISK_CASES(resubmit_inside), DISK_CASES(close_inside),
	DISK_CASES(overlapping),     &block_no_completion,
	&block_submitted_twice,	     NULL,
};
