/* SPDX-License-Identifier: ISC */
/* Blocks: what is written is what is read, and nothing else changes. */
#include "block_case.h"

static struct block_io io;
static uint8_t *written, *got;

DISK_CASE(block, info, "BLK-05 BLK-06", 0, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	const struct mirage_block_info *i;
	const struct mirage_block *block;

	CASE_BEGIN;
	OPEN(role);
	block = conf_block(role);
	i = block->info;
	CHECK(i->size >= sizeof(*i));
	CHECK(block->counters->size >= sizeof(*block->counters));
	CHECK(conf_same(block->name, conf_name(role),
			conf_length(conf_name(role)) + 1));
	CLAIM("BLK-06");
	CHECK(i->sector_bytes >= 512);
	CHECK((i->sector_bytes & (i->sector_bytes - 1)) == 0);
	CHECK_EQ(i->sector_bytes, role == CONF_DISK_512 ? 512 : 4096);
	CHECK(i->physical_sector_bytes >= i->sector_bytes);
	CLAIM("BLK-05");
	CHECK(i->size_bytes >= 1u << 20);
	CHECK(i->size_bytes % i->sector_bytes == 0);
	CHECK(i->buffer_align_bytes >= 1 && i->buffer_align_bytes <= 4096);
	CHECK((i->buffer_align_bytes & (i->buffer_align_bytes - 1)) == 0);
	CHECK(i->max_vectors >= 8);
	CHECK(i->max_transfer_bytes >= 32u << 10);
	CHECK(i->queue_depth >= 1);
	CHECK((i->caps & (MIRAGE_BLOCK_CAP_DISCARD |
			  MIRAGE_BLOCK_CAP_WRITE_ZEROES)) == 0 ||
	      i->max_discard_bytes >= i->sector_bytes);
	CASE_END;
}

/* ----------------------------------------------------------- Read, write -- */

/* Lengths in sectors, each once at the start and once at the end. */
static const unsigned lengths[] = {1, 2, 12};

DISK_CASE(block, read_back, "BLK-01 BLK-03 BLK-25", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i;
	static uint64_t bytes, offset;

	CASE_BEGIN;
	OPEN(role);
	written = conf_memory(12 * block_sector(role));
	got = conf_memory(12 * block_sector(role));
	for (i = 0; i < 6; i++) {
		bytes = (uint64_t)lengths[i / 2] * block_sector(role);
		if (bytes > conf_block(role)->info->max_transfer_bytes)
			bytes = 32u << 10;
		offset = i % 2 != 0 ? block_size(role) - bytes : 0;
		conf_fill(written, bytes, i);
		IO_IS(io, role, WRITE, offset, written, bytes, 0);
		conf_set(got, bytes, 0xa5);
		IO_IS(io, role, READ, offset, got, bytes, 0);
		CHECK_BYTES(got, written, bytes);
	}
	CHECK(conf_guards_hold());
	CASE_END;
}

DISK_CASE(block, neighbours, "BLK-04 BLK-25", 0, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t unit;

	CASE_BEGIN;
	OPEN(role);
	unit = block_unit(role);
	written = conf_memory(8 * unit);
	got = conf_memory(8 * unit);
	conf_fill(written, 8 * unit, 1);
	IO_IS(io, role, WRITE, 16 * unit, written, 8 * unit, 0);
	conf_fill(written + 3 * unit, 2 * unit, 2);
	IO_IS(io, role, WRITE, 19 * unit, written + 3 * unit, 2 * unit, 0);
	IO_IS(io, role, READ, 16 * unit, got, 8 * unit, 0);
	CHECK_BYTES(got, written, 8 * unit);
	CASE_END;
}

DISK_CASE(block, overwrite, "BLK-01", 0, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static unsigned i;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	written = conf_memory(sector);
	got = conf_memory(sector);
	for (i = 0; i < 20; i++) {
		conf_fill(written, sector, 100 + i);
		IO_IS(io, role, WRITE, 5 * sector, written, sector, 0);
		IO_IS(io, role, READ, 5 * sector, got, sector, 0);
		CHECK_BYTES(got, written, sector);
	}
	CASE_END;
}

DISK_CASE(block, largest_transfer, "BLK-03 BLK-20", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint64_t bytes;

	CASE_BEGIN;
	OPEN(role);
	bytes = conf_block(role)->info->max_transfer_bytes;
	bytes -= bytes % block_sector(role);
	if (bytes > block_size(role))
		bytes = block_size(role);
	if (bytes > 3u << 20)
		bytes = 3u << 20;
	written = conf_memory(bytes);
	got = conf_memory(bytes);
	conf_fill(written, bytes, 9);
	IO_IS(io, role, WRITE, 0, written, bytes, 0);
	IO_IS(io, role, READ, 0, got, bytes, 0);
	CHECK_BYTES(got, written, bytes);
	CHECK(conf_guards_hold());
	CASE_END;
}

/* --------------------------------------------------------------- Vectors -- */

#define PIECES 6u

/* In units; of writing, and of reading the same range. */
static const unsigned out_pieces[PIECES] = {1, 2, 1, 2, 1, 1};
static const unsigned in_pieces[PIECES] = {2, 1, 1, 1, 2, 1};

static struct mirage_vector vectors[PIECES];

/* Scatters the pieces over `base`, the later ones at lower addresses, with a
 * unit of 0xa5 around each. */
static void scatter(uint8_t *base, uint32_t unit, const unsigned *pieces)
{
	uint8_t *at = base + 14 * unit;

	for (unsigned i = 0; i < PIECES; i++) {
		at -= (pieces[i] + 1) * unit;
		vectors[i].base = at;
		vectors[i].length_bytes = pieces[i] * unit;
	}
}

/* Copies between the pieces and one flat run of bytes. */
static void gather(uint8_t *flat, bool out)
{
	for (unsigned i = 0; i < PIECES; i++) {
		size_t length = vectors[i].length_bytes;

		if (out)
			conf_copy(vectors[i].base, flat, length);
		else
			conf_copy(flat, vectors[i].base, length);
		flat += length;
	}
}

static bool gaps_hold(uint8_t *base, uint32_t unit)
{
	uint8_t *end = base + 14 * unit;

	for (unsigned i = 0; i < PIECES; i++) {
		uint8_t *at = vectors[i].base;

		if (!conf_all(at + vectors[i].length_bytes,
			      (size_t)(end - at) - vectors[i].length_bytes,
			      0xa5))
			return false;
		end = at;
	}
	return conf_all(base, (size_t)(end - base), 0xa5);
}

static void send_vectors(enum conf_role role, uint32_t op, uint64_t offset)
{
	block_prepare(&io, op, offset, NULL, 0);
	io.request.vectors = vectors;
	io.request.n_vectors = PIECES;
	block_send(role, &io);
}

DISK_CASE(block, vectors, "BLK-25 BLK-09 BLK-08", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t unit;
	static uint8_t *flat;

	CASE_BEGIN;
	OPEN(role);
	unit = block_unit(role);
	written = conf_memory(14 * unit);
	flat = conf_memory(16 * unit);
	conf_fill(flat, 8 * unit, 3);
	conf_set(written, 14 * unit, 0xa5);
	scatter(written, unit, out_pieces);
	gather(flat, true);
	send_vectors(role, MIRAGE_BLOCK_WRITE, 7 * unit);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	CHECK(gaps_hold(written, unit));
	CLAIM("BLK-25");
	IO_IS(io, role, READ, 7 * unit, flat + 8 * unit, 8 * unit, 0);
	CHECK_BYTES(flat + 8 * unit, flat, 8 * unit);
	conf_set(written, 14 * unit, 0xa5);
	scatter(written, unit, in_pieces);
	send_vectors(role, MIRAGE_BLOCK_READ, 7 * unit);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	gather(flat + 8 * unit, false);
	CHECK_BYTES(flat + 8 * unit, flat, 8 * unit);
	CLAIM("BLK-09");
	CHECK(gaps_hold(written, unit));
	CHECK(conf_guards_hold());
	CASE_END;
}

DISK_CASE(block, read_stays_inside, "BLK-09", 0, .caps = 0)
{
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	got = conf_memory(9 * 4096);
	conf_set(got, 9 * 4096, 0xa5);
	IO_IS(io, role, READ, 0, got + 4096, sector, 0);
	CHECK(conf_all(got, 4096, 0xa5));
	CHECK(conf_all(got + 4096 + sector, 8 * 4096 - sector, 0xa5));
	IO_IS(io, role, READ, sector, got + 4096, 3 * sector, 0);
	CHECK(conf_all(got, 4096, 0xa5));
	CHECK(conf_all(got + 4096 + 3 * sector, 8 * 4096 - 3 * sector, 0xa5));
	CHECK(conf_guards_hold());
	CASE_END;
}

DISK_CASE(block, write_only_reads, "BLK-08 BLK-09", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t bytes;
	static struct mirage_vector before;

	CASE_BEGIN;
	OPEN(role);
	bytes = 4 * block_sector(role);
	written = conf_memory(bytes);
	conf_fill(written, bytes, 8);
	block_prepare(&io, MIRAGE_BLOCK_WRITE, 0, written, bytes);
	before = io.vector;
	block_send(role, &io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	CHECK(conf_filled(written, bytes, 8));
	CHECK(conf_guards_hold());
	CHECK(io.vector.base == before.base);
	CHECK_EQ(io.vector.length_bytes, before.length_bytes);
	CHECK_EQ(io.request.length_bytes, bytes);
	CASE_END;
}

/* ----------------------------------------------------- Discard and zeroes -- */

/* Eight sectors of 0xb6, from the eighth on. */
#define FILL_SAMPLE(role, sector)                                           \
	do {                                                                \
		written = conf_memory(8 * (sector));                        \
		got = conf_memory(8 * (sector));                            \
		conf_set(written, 8 * (sector), 0xb6);                      \
		IO_IS(io, role, WRITE, 8 * (sector), written, 8 * (sector), \
		      0);                                                   \
	} while (0)

DISK_CASE(block, write_zeroes, "BLK-26 BLK-28", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_WRITE_ZEROES)
{
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	FILL_SAMPLE(role, sector);
	IO_IS(io, role, WRITE_ZEROES, 11 * sector, NULL, 3 * sector, 0);
	IO_IS(io, role, READ, 8 * sector, got, 8 * sector, 0);
	CLAIM("BLK-26");
	CHECK(conf_all(got + 3 * sector, 3 * sector, 0));
	CLAIM("BLK-28");
	CHECK(conf_all(got, 3 * sector, 0xb6));
	CHECK(conf_all(got + 6 * sector, 2 * sector, 0xb6));
	CASE_END;
}

DISK_CASE(block, discard, "BLK-27 BLK-28", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_DISCARD)
{
	static uint32_t sector;
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	FILL_SAMPLE(role, sector);
	IO_IS(io, role, DISCARD, 11 * sector, NULL, 3 * sector, 0);
	IO_IS(io, role, READ, 8 * sector, written, 8 * sector, 0);
	CLAIM("BLK-28");
	CHECK(conf_all(written, 3 * sector, 0xb6));
	CHECK(conf_all(written + 6 * sector, 2 * sector, 0xb6));
	CLAIM("BLK-27");
	for (i = 0; i < 3; i++) {
		IO_IS(io, role, READ, 8 * sector, got, 8 * sector, 0);
		CHECK_BYTES(got, written, 8 * sector);
	}
	CASE_END;
}

DISK_CASE(block, write_after_discard, "BLK-27 BLK-01", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_DISCARD)
{
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	FILL_SAMPLE(role, sector);
	IO_IS(io, role, DISCARD, 8 * sector, NULL, 8 * sector, 0);
	conf_fill(written, 4 * sector, 6);
	IO_IS(io, role, WRITE, 12 * sector, written, 4 * sector, 0);
	IO_IS(io, role, READ, 12 * sector, got, 4 * sector, 0);
	CHECK_BYTES(got, written, 4 * sector);
	CASE_END;
}

/* -------------------------------------------------------------- Counters -- */

DISK_CASE(block, counters, "BLK-07", 0, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static const struct mirage_block_counters *c;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	c = conf_block(role)->counters;
	sector = block_sector(role);
	got = conf_memory(8 * sector);
	CHECK_EQ(c->reads + c->writes + c->read_bytes + c->written_bytes, 0);
	IO_IS(io, role, WRITE, 0, got, 3 * sector, 0);
	IO_IS(io, role, WRITE, 0, got, sector, 0);
	IO_IS(io, role, READ, 0, got, 8 * sector, 0);
	IO_IS(io, role, READ, block_size(role), got, sector, MIRAGE_ERANGE);
	IO_IS(io, role, WRITE, 1, got, sector, MIRAGE_EALIGN);
	CHECK_EQ(c->reads, 1);
	CHECK_EQ(c->read_bytes, 8 * sector);
	CHECK_EQ(c->writes, 2);
	CHECK_EQ(c->written_bytes, 4 * sector);
	CHECK_EQ(c->refused, 2);
	CHECK_EQ(c->errors, 0);
	CHECK_EQ(c->flushes + c->discards + c->write_zeroes, 0);
	CASE_END;
}

DISK_CASE(block, counters_of_changes, "BLK-07", 0,
	  .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH |
		  MIRAGE_BLOCK_CAP_DISCARD | MIRAGE_BLOCK_CAP_WRITE_ZEROES)
{
	static const struct mirage_block_counters *c;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	c = conf_block(role)->counters;
	sector = block_sector(role);
	IO_IS(io, role, FLUSH, 0, NULL, 0, 0);
	/* FLUSH ignores offset and length. */
	IO_IS(io, role, FLUSH, UINT64_MAX, NULL, 3, 0);
	IO_IS(io, role, DISCARD, 0, NULL, sector, 0);
	IO_IS(io, role, WRITE_ZEROES, 0, NULL, sector, 0);
	CHECK_EQ(c->flushes, 2);
	CHECK_EQ(c->discards, 1);
	CHECK_EQ(c->write_zeroes, 1);
	CHECK_EQ(c->reads + c->writes + c->refused + c->errors, 0);
	CASE_END;
}

CASES(block) = {
	DISK_CASES(info),
	DISK_CASES(read_back),
	DISK_CASES(neighbours),
	DISK_CASES(overwrite),
	DISK_CASES(largest_transfer),
	DISK_CASES(vectors),
	DISK_CASES(read_stays_inside),
	DISK_CASES(write_only_reads),
	DISK_CASES(write_zeroes),
	DISK_CASES(discard),
	DISK_CASES(write_after_discard),
	DISK_CASES(counters),
	DISK_CASES(counters_of_changes),
	NULL,
};
