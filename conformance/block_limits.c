/* SPDX-License-Identifier: ISC */
/* Blocks: requests that break a limit are refused, and nothing is done. */
#include "block_case.h"

static struct block_io io;
static uint8_t *buffer;

#define RW .caps = MIRAGE_BLOCK_CAP_WRITE
#define WRITE_AND(bit) .caps = MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_##bit

/* Both directions, with the same result. */
#define BOTH_ARE(io, role, offset, base, length, expected)                     \
	do {                                                                   \
		static uint32_t op_;                                           \
		for (op_ = 1; op_ <= 2; op_++) {                               \
			block_prepare(&(io), op_, (offset), (base), (length)); \
			block_send((role), &(io));                             \
			AWAIT((io).done.count == 1);                           \
			CHECK_RESULT((io).done.result, (expected));            \
		}                                                              \
	} while (0)

DISK_CASE(block, past_end, "BLK-20 BLK-04", 0, RW)
{
	static uint64_t size;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	size = block_size(role);
	sector = block_sector(role);
	buffer = conf_memory(12 * sector);
	conf_fill(buffer, 12 * sector, 1);
	IO_IS(io, role, WRITE, size - sector, buffer, sector, 0);
	CLAIM("BLK-20");
	BOTH_ARE(io, role, size, buffer, sector, MIRAGE_ERANGE);
	BOTH_ARE(io, role, size - sector, buffer, 2 * sector, MIRAGE_ERANGE);
	BOTH_ARE(io, role, size - 11 * sector, buffer, 12 * sector,
		 MIRAGE_ERANGE);
	BOTH_ARE(io, role, size + 1000ull * sector, buffer, sector,
		 MIRAGE_ERANGE);
	CHECK(conf_filled(buffer, 12 * sector, 1));
	CLAIM("BLK-04");
	CHECK(block_size(role) == size);
	BOTH_ARE(io, role, size, buffer, sector, MIRAGE_ERANGE);
	CASE_END;
}

DISK_CASE(block, never_grows, "BLK-04", 0, RW)
{
	static uint64_t size;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	size = block_size(role);
	sector = block_sector(role);
	buffer = conf_memory(4 * sector);
	IO(io, role, WRITE, size, buffer, sector);
	CHECK(block_size(role) == size);
	IO(io, role, WRITE, size - sector, buffer, 4 * sector);
	CHECK(block_size(role) == size);
	CLOSE(role);
	OPEN(role);
	CHECK(block_size(role) == size);
	CASE_END;
}

DISK_CASE(block, wraps_around, "BLK-20", 0, RW)
{
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	buffer = conf_memory(4 * sector);
	conf_fill(buffer, 4 * sector, 2);
	BOTH_ARE(io, role, 0ull - sector, buffer, sector, MIRAGE_ERANGE);
	BOTH_ARE(io, role, 0ull - sector, buffer, 4 * sector, MIRAGE_ERANGE);
	BOTH_ARE(io, role, 1ull << 63, buffer, sector, MIRAGE_ERANGE);
	CHECK(conf_filled(buffer, 4 * sector, 2));
	CASE_END;
}

DISK_CASE(block, misaligned, "BLK-21", 0, RW)
{
	static uint32_t sector;
	static uint64_t refused;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	buffer = conf_memory(4 * sector);
	conf_fill(buffer, 4 * sector, 3);
	IO_IS(io, role, WRITE, 0, buffer, 4 * sector, 0);
	BOTH_ARE(io, role, 1, buffer, sector, MIRAGE_EALIGN);
	BOTH_ARE(io, role, sector / 2, buffer, sector, MIRAGE_EALIGN);
	BOTH_ARE(io, role, 0, buffer, sector - 1, MIRAGE_EALIGN);
	BOTH_ARE(io, role, 0, buffer, sector / 2, MIRAGE_EALIGN);
	BOTH_ARE(io, role, 0, buffer, 1, MIRAGE_EALIGN);
	refused = conf_block(role)->counters->refused;
	CHECK_EQ(refused, 10);
	CHECK(conf_filled(buffer, 4 * sector, 3));
	IO_IS(io, role, READ, 0, buffer, 4 * sector, 0);
	CHECK(conf_filled(buffer, 4 * sector, 3));
	CASE_END;
}

DISK_CASE(block, misaligned_vectors, "BLK-21", 0, RW)
{
	static struct mirage_vector pair[2];
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	buffer = conf_memory(4 * sector);
	conf_fill(buffer, 4 * sector, 4);
	/* The sum is aligned; its parts are not. */
	pair[0] = (struct mirage_vector){buffer, sector / 2};
	pair[1] = (struct mirage_vector){buffer + 2 * sector, sector / 2};
	block_prepare(&io, MIRAGE_BLOCK_READ, 0, NULL, 0);
	io.request.vectors = pair;
	io.request.n_vectors = 2;
	block_send(role, &io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, MIRAGE_EALIGN);
	CHECK(conf_filled(buffer, 4 * sector, 4));
	if (conf_block(role)->info->buffer_align_bytes > 1)
		BOTH_ARE(io, role, 0, buffer + 1, sector, MIRAGE_EALIGN);
	CHECK(conf_filled(buffer, 4 * sector, 4));
	CASE_END;
}

/* The device's own alignment is enough, more than that is not needed. */
DISK_CASE(block, least_alignment, "BLK-21 BLK-25", 0, RW)
{
	static uint32_t sector, align;
	static uint8_t *got;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	align = conf_block(role)->info->buffer_align_bytes;
	buffer = conf_memory(4 * sector + align);
	got = conf_memory(4 * sector + align);
	conf_fill(buffer + align, 4 * sector, 5);
	IO_IS(io, role, WRITE, 0, buffer + align, 4 * sector, 0);
	IO_IS(io, role, READ, 0, got + align, 4 * sector, 0);
	CHECK(conf_filled(got + align, 4 * sector, 5));
	CHECK(conf_all(got, align, 0));
	CHECK(conf_guards_hold());
	CASE_END;
}

#define VECTORS_MAX 2048u
static struct mirage_vector many[VECTORS_MAX + 1];

static void send_many(enum conf_role role, uint32_t n)
{
	block_prepare(&io, MIRAGE_BLOCK_WRITE, 0, NULL, 0);
	io.request.vectors = many;
	io.request.n_vectors = n;
	block_send(role, &io);
}

/* One sector more than a transfer may have, from the same memory over and over. */
DISK_CASE(block, transfer_too_large, "BLK-20", 0, RW)
{
	static uint64_t bytes, piece;
	static uint32_t n;

	CASE_BEGIN;
	OPEN(role);
	bytes = conf_block(role)->info->max_transfer_bytes;
	bytes = bytes - bytes % block_sector(role) + block_sector(role);
	n = conf_block(role)->info->max_vectors;
	n = n < VECTORS_MAX ? n : VECTORS_MAX;
	piece = (bytes / n / block_sector(role) + 1) * block_sector(role);
	if (piece > 6u << 20)
		SKIP("larger than the case's memory");
	buffer = conf_memory(piece);
	for (n = 0; bytes > 0; n++, bytes -= piece) {
		piece = piece < bytes ? piece : bytes;
		many[n] = (struct mirage_vector){buffer, (size_t)piece};
	}
	send_many(role, n);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, MIRAGE_ERANGE);
	CHECK_EQ(conf_block(role)->counters->refused, 1);
	CHECK_EQ(conf_block(role)->counters->writes, 0);
	CASE_END;
}

DISK_CASE(block, many_vectors, "BLK-19 BLK-25", 0, RW)
{
	static uint32_t sector, unit, n;
	static uint8_t *got;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	unit = block_unit(role);
	n = conf_block(role)->info->max_vectors;
	if (n > VECTORS_MAX || n * unit > 3u << 20)
		SKIP("more vectors are allowed than the case has");
	buffer = conf_memory((n + 1) * unit);
	for (unsigned i = 0; i <= n; i++)
		many[i] = (struct mirage_vector){buffer + i * unit, sector};
	send_many(role, n + 1);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	if (n * sector > conf_block(role)->info->max_transfer_bytes ||
	    n * sector > block_size(role))
		n = 8;
	conf_fill(buffer, n * unit, 7);
	for (unsigned i = 0; i < n; i++)
		many[i].base = buffer + (n - 1 - i) * unit;
	send_many(role, n);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	got = conf_memory(n * sector);
	IO_IS(io, role, READ, 0, got, n * sector, 0);
	for (unsigned i = 0; i < n; i++)
		CHECK_BYTES(got + i * sector, many[i].base, sector);
	CASE_END;
}

DISK_CASE(block, malformed, "BLK-19", 0, RW)
{
	static const uint32_t ops[] = {0, 6, 7, 255, UINT32_MAX};
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	buffer = conf_memory(block_sector(role));
	for (i = 0; i < 5; i++) {
		block_prepare(&io, ops[i], 0, buffer, block_sector(role));
		io.request.vectors = &io.vector;
		io.request.n_vectors = 1;
		block_send(role, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	}
	for (i = 1; i <= 2; i++) {
		block_prepare(&io, i, 0, buffer, block_sector(role));
		io.request.n_vectors = 0;
		block_send(role, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	}
	CHECK_EQ(conf_block(role)->counters->refused, 7);
	CASE_END;
}

DISK_CASE(block, zero_length, "BLK-24", 0, RW)
{
	static uint32_t sector;
	static unsigned i;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	buffer = conf_memory(sector);
	conf_fill(buffer, sector, 8);
	IO_IS(io, role, WRITE, 0, buffer, sector, 0);
	BOTH_ARE(io, role, 0, buffer, 0, 0);
	BOTH_ARE(io, role, block_size(role), buffer, 0, 0);
	for (i = MIRAGE_BLOCK_DISCARD; i <= MIRAGE_BLOCK_WRITE_ZEROES; i++) {
		uint32_t cap = i == MIRAGE_BLOCK_DISCARD
				       ? MIRAGE_BLOCK_CAP_DISCARD
				       : MIRAGE_BLOCK_CAP_WRITE_ZEROES;

		if ((conf_block(role)->info->caps & cap) == 0)
			continue;
		block_prepare(&io, i, 0, NULL, 0);
		block_send(role, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, 0);
	}
	CHECK(conf_filled(buffer, sector, 8));
	IO_IS(io, role, READ, 0, buffer, sector, 0);
	CHECK(conf_filled(buffer, sector, 8));
	CASE_END;
}

/* ------------------------------------------------------ Discard and zeroes -- */

DISK_CASE(block, discard_limits, "BLK-20 BLK-21 BLK-28", 0, WRITE_AND(DISCARD))
{
	static uint64_t most, size;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	size = block_size(role);
	most = conf_block(role)->info->max_discard_bytes;
	CLAIM("BLK-20");
	IO_IS(io, role, DISCARD, size, NULL, sector, MIRAGE_ERANGE);
	IO_IS(io, role, DISCARD, 0ull - sector, NULL, 2 * sector,
	      MIRAGE_ERANGE);
	IO_IS(io, role, DISCARD, 0, NULL, size + sector, MIRAGE_ERANGE);
	CLAIM("BLK-21");
	IO_IS(io, role, DISCARD, 1, NULL, sector, MIRAGE_EALIGN);
	IO_IS(io, role, DISCARD, 0, NULL, sector - 1, MIRAGE_EALIGN);
	CLAIM("BLK-20");
	most = most < size ? most - most % sector : size;
	IO_IS(io, role, DISCARD, 0, NULL, most + sector, MIRAGE_ERANGE);
	IO_IS(io, role, DISCARD, 0, NULL, most, 0);
	CASE_END;
}

DISK_CASE(block, zeroes_limits, "BLK-20 BLK-21", 0, WRITE_AND(WRITE_ZEROES))
{
	static uint64_t most, size;
	static uint32_t sector;

	CASE_BEGIN;
	OPEN(role);
	sector = block_sector(role);
	size = block_size(role);
	most = conf_block(role)->info->max_discard_bytes;
	CLAIM("BLK-20");
	IO_IS(io, role, WRITE_ZEROES, size, NULL, sector, MIRAGE_ERANGE);
	IO_IS(io, role, WRITE_ZEROES, 0ull - sector, NULL, 2 * sector,
	      MIRAGE_ERANGE);
	IO_IS(io, role, WRITE_ZEROES, 0, NULL, size + sector, MIRAGE_ERANGE);
	CLAIM("BLK-21");
	IO_IS(io, role, WRITE_ZEROES, 1, NULL, sector, MIRAGE_EALIGN);
	IO_IS(io, role, WRITE_ZEROES, 0, NULL, sector - 1, MIRAGE_EALIGN);
	CLAIM("BLK-20");
	most = most < size ? most - most % sector : size;
	IO_IS(io, role, WRITE_ZEROES, 0, NULL, most + sector, MIRAGE_ERANGE);
	IO_IS(io, role, WRITE_ZEROES, 0, NULL, most, 0);
	CASE_END;
}

/* ------------------------------------------------------------ Capabilities -- */

CASE(block, read_only, "BLK-22 LAW-07", .needs = CONF_READ_ONLY,
     .lacks = MIRAGE_BLOCK_CAP_WRITE)
{
	static const uint32_t ops[] = {MIRAGE_BLOCK_WRITE, MIRAGE_BLOCK_FLUSH,
				       MIRAGE_BLOCK_DISCARD,
				       MIRAGE_BLOCK_WRITE_ZEROES};
	static uint32_t sector;
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_DISK_RO);
	sector = block_sector(CONF_DISK_RO);
	buffer = conf_memory(2 * sector);
	conf_fill(buffer, sector, 1);
	for (i = 0; i < 4; i++) {
		block_prepare(&io, ops[i], 0, buffer, sector);
		block_send(CONF_DISK_RO, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_EROFS);
	}
	CHECK_EQ(conf_block(CONF_DISK_RO)->counters->refused, 4);
	IO_IS(io, CONF_DISK_RO, READ, 0, buffer, 2 * sector, 0);
	CHECK(conf_all(buffer, 2 * sector, 0x5a));
	CASE_END;
}

/* A fixture's read-only disk that can be written to would skip the case above. */
CASE(block, read_only_says_so, "BLK-22", .needs = CONF_READ_ONLY)
{
	CASE_BEGIN;
	OPEN(CONF_DISK_RO);
	CHECK((conf_block(CONF_DISK_RO)->info->caps &
	       (MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_DISCARD |
		MIRAGE_BLOCK_CAP_WRITE_ZEROES)) == 0);
	CASE_END;
}

DISK_CASE(block, unsupported, "BLK-23 LAW-07", 0, RW)
{
	static const uint32_t bits[] = {MIRAGE_BLOCK_CAP_FLUSH,
					MIRAGE_BLOCK_CAP_DISCARD,
					MIRAGE_BLOCK_CAP_WRITE_ZEROES};
	static unsigned i, tried;

	CASE_BEGIN;
	OPEN(role);
	tried = 0;
	for (i = 0; i < 3; i++) {
		if ((conf_block(role)->info->caps & bits[i]) != 0)
			continue;
		tried++;
		block_prepare(&io, MIRAGE_BLOCK_FLUSH + i, 0, NULL,
			      block_sector(role));
		block_send(role, &io);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_ENOTSUP);
		CHECK_EQ(conf_block(role)->counters->refused, tried);
	}
	if (tried == 0)
		SKIP("the disk has every capability");
	CASE_END;
}

CASES(block_limits) = {
	DISK_CASES(past_end),		DISK_CASES(never_grows),
	DISK_CASES(wraps_around),	DISK_CASES(misaligned),
	DISK_CASES(misaligned_vectors), DISK_CASES(least_alignment),
	DISK_CASES(transfer_too_large), DISK_CASES(many_vectors),
	DISK_CASES(malformed),		DISK_CASES(zero_length),
	DISK_CASES(discard_limits),	DISK_CASES(zeroes_limits),
	DISK_CASES(unsupported),	&block_read_only,
	&block_read_only_says_so,	NULL,
};
