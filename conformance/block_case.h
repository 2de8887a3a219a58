/* SPDX-License-Identifier: ISC */
/*
 * block_case.h: what the cases of blocks share. A DISK_CASE is two cases, one for
 * each size of sector; its body finds the disk in `role`.
 */
#ifndef MIRAGE_BLOCK_CASE_H
#define MIRAGE_BLOCK_CASE_H

#include "conformance.h"

/* The body is called again at each AWAIT, so that both cases share its static
 * variables: it gives them their first values itself. */
#define DISK_CASE(class_, name, tags_, more_needs, ...)                    \
	static void class_##_##name##_body(enum conf_role role);           \
	CASE(class_, name##_512, tags_, .needs = CONF_DISK | (more_needs), \
	     __VA_ARGS__)                                                  \
	{                                                                  \
		class_##_##name##_body(CONF_DISK_512);                     \
	}                                                                  \
	CASE(class_, name##_4096, tags_,                                   \
	     .needs = CONF_DISK_LARGE | (more_needs), __VA_ARGS__)         \
	{                                                                  \
		class_##_##name##_body(CONF_DISK_4096);                    \
	}                                                                  \
	static void class_##_##name##_body(enum conf_role role)

#define DISK_CASES(name) &block_##name##_512, &block_##name##_4096

/** A request of one vector with its completion. */
struct block_io {
	struct mirage_block_request request;
	struct mirage_vector vector;
	struct conf_done done;
};

static inline void block_prepare(struct block_io *io, uint32_t op,
				 uint64_t offset, void *base, uint64_t length)
{
	conf_set(io, sizeof(*io), 0);
	io->vector.base = base;
	io->vector.length_bytes = (size_t)length;
	io->request.op = op;
	io->request.offset_bytes = offset;
	io->request.length_bytes = length;
	if (op == MIRAGE_BLOCK_READ || op == MIRAGE_BLOCK_WRITE) {
		io->request.vectors = &io->vector;
		io->request.n_vectors = 1;
	}
	io->request.done = conf_count;
	io->request.arg = &io->done;
}

static inline void block_send(enum conf_role role, struct block_io *io)
{
	struct mirage_block_request *requests[1] = {&io->request};

	mirage_block_submit(conf_block(role), requests, 1);
}

/** Submits one request and waits for it. */
#define IO(io, role, op, offset, base, length)                            \
	do {                                                              \
		block_prepare(&(io), MIRAGE_BLOCK_##op, (offset), (base), \
			      (length));                                  \
		block_send((role), &(io));                                \
		AWAIT((io).done.count == 1);                              \
	} while (0)

/** The same, and the result MUST be `expected`. */
#define IO_IS(io, role, op, offset, base, length, expected) \
	do {                                                \
		IO(io, role, op, offset, base, length);     \
		CHECK_RESULT((io).done.result, (expected)); \
	} while (0)

static inline uint64_t block_size(enum conf_role role)
{
	return conf_block(role)->info->size_bytes;
}

static inline uint32_t block_sector(enum conf_role role)
{
	return conf_block(role)->info->sector_bytes;
}

/** What both the sector and the alignment of buffers divide. */
static inline uint32_t block_unit(enum conf_role role)
{
	uint32_t align = conf_block(role)->info->buffer_align_bytes;

	return align > block_sector(role) ? align : block_sector(role);
}

#endif /* MIRAGE_BLOCK_CASE_H */
