/* SPDX-License-Identifier: ISC */
/*
 * block.h: what the files of the simulated disks share. block_store.c holds
 * bytes, block_disk.c knows which of them are durable, block.c is the device,
 * block_open.c its URI, block_control.c what tests ask for.
 */
#ifndef MIRAGE_SIM_BLOCK_H
#define MIRAGE_SIM_BLOCK_H

#include "sim.h"

/* --------------------------------------------------------- block_store.c -- */

#define SIM_EXTENT_BYTES 65536u
#define SIM_STORE_FAN 16384u
#define SIM_STORE_MAX_BYTES \
	((uint64_t)SIM_EXTENT_BYTES * SIM_STORE_FAN * SIM_STORE_FAN)

/** Sparse bytes, 16 TiB of them. What was never written shows the store `below`,
 *  or zeroes where there is none. */
struct sim_store {
	const struct sim_store *below;
	uint8_t **leaves[SIM_STORE_FAN]; /* of SIM_STORE_FAN extents each */
};

void sim_store_read(const struct sim_store *store, uint64_t offset, void *to,
		    uint64_t length);

/** Writes zeroes where `from` is NULL. */
void sim_store_write(struct sim_store *store, uint64_t offset, const void *from,
		     uint64_t length);

/** Forgets whatever was written. */
void sim_store_clear(struct sim_store *store);

/* ---------------------------------------------------------- block_disk.c -- */

/** A write that is visible and not yet durable. */
struct sim_write {
	struct sim_write *next;
	uint64_t order, offset, length;
	bool zeroes;
	uint8_t bytes[]; /* unless zeroes */
};

/**
 * What is behind a name, for as long as the program runs: it outlives closing and
 * opening again, as real disks do.
 */
struct sim_disk {
	struct sim_disk *next;
	char name[32];
	struct sim_block *block; /* while open */
	struct mirage_block_info info;
	uint64_t latency_ns, jitter_ns;
	struct sim_random random;

	/* Content. */
	struct sim_store durable, visible;
	struct sim_write *first, **last; /* in the order of completion */
	uint64_t last_order;
	uint64_t cached_bytes, most_cached_bytes;

	/* What the world does to it. */
	uint64_t fail_in, stall_in; /* requests to go; 0 means never */
	int fail_error;
	bool full, lost;
	struct sim_event back;
};

/** A new write of `length` bytes, to be filled in. */
struct sim_write *sim_write_new(uint64_t offset, uint64_t length, bool zeroes);

/** Makes `write` visible and takes it over. */
void sim_disk_write(struct sim_disk *disk, struct sim_write *write);

/** Makes writes up to `order` durable. */
void sim_disk_flush(struct sim_disk *disk, uint64_t order);

/** Draws what becomes of each write that is not durable. */
void sim_disk_power_loss(struct sim_disk *disk);

/* --------------------------------------------------------------- block.c -- */

/** A request in flight. */
struct sim_job {
	struct sim_event completion;
	struct sim_block *block;
	struct mirage_block_request *request; /* NULL: the job is free */
	uint64_t order;			      /* of the last write before it */
	int fate; /* 0, or the error planned for it */
	bool stalled;
};

struct sim_block {
	struct mirage_block block; /* first */
	struct mirage_block_counters counters;
	struct sim_disk *disk;
	struct sim_job jobs[]; /* info.queue_depth */
};

extern struct sim_disk *sim_disks;
extern const struct mirage_block_ops sim_block_ops;

/** Lets a job go on that stands still. */
void sim_job_plan(struct sim_job *job);
void sim_job_complete(struct sim_job *job, int result);

/** The write that `job` asks for, or NULL if it asks for none. */
struct sim_write *sim_job_write(const struct sim_job *job);

#endif /* MIRAGE_SIM_BLOCK_H */
