/* SPDX-License-Identifier: ISC */
/*
 * tar.h: what the files of the tar store share. tar_scan.c understands the
 * format and knows no disk; tar_index.c keeps what it finds; tar_open.c brings
 * the blocks; tar_read.c reads contents.
 */
#ifndef KV_TAR_H
#define KV_TAR_H

#include "store.h"

#define TAR_BLOCK_BYTES 512u

/* --------------------------------------------------------------- Scanning -- */

/** A name is too long to be a key when it does not fit. */
#define TAR_NAME_MAX 1023u

/** A file that was found. */
struct tar_found {
	const char *key;
	uint64_t at_bytes; /* of the content, from the start of the disk */
	uint64_t size_bytes;
	int64_t modified_ns;
	uint32_t checksum; /* of its header */
};

/** What longer headers say about the entry that follows them. */
struct tar_more {
	bool has_name, has_size, has_time, sparse;
	bool bad; /* it says something that cannot be */
	uint64_t size_bytes;
	int64_t modified_ns;
	size_t name_bytes; /* TAR_NAME_MAX + 1: did not fit */
	char name[TAR_NAME_MAX + 1];
};

/** What is understood of a pax header, which comes in pieces. */
struct tar_pax {
	uint64_t record_bytes; /* what the record's length still covers */
	uint32_t state;
	size_t key_bytes, value_bytes;
	char key[24], value[32];
};

enum tar_verdict {
	TAR_MORE = 0, /* wants the block at `at_bytes` */
	TAR_FILE = 1, /* the same, and `found` is a file */
	TAR_END = 2
};

/** Reads an archive block by block. Set `disk_bytes`, then give it block after
 *  block; begins with the block at 0. */
struct tar_scan {
	uint64_t disk_bytes;
	uint64_t at_bytes; /* the block that it wants next */
	struct tar_found found;
	struct mirage_kv_tar_report
		report; /* `files` counts before duplicates */

	/* Private. */
	uint32_t state;
	uint64_t payload_bytes; /* of a longer header, still to come */
	uint64_t next_bytes;	/* the header after a sparse file's maps */
	bool any;		/* a header was good */
	struct tar_more more;
	struct tar_pax pax;
	char key[MIRAGE_KV_KEY_MAX + 1];
};

enum tar_verdict tar_scan_block(struct tar_scan *scan,
				const uint8_t block[TAR_BLOCK_BYTES]);

/* tar_pax.c */
void tar_pax_begin(struct tar_pax *pax);
/** Takes the next piece of a pax header and notes in `more` what it says. */
void tar_pax_take(struct tar_pax *pax, struct tar_more *more,
		  const uint8_t *bytes, size_t length);
/** The header has ended: whether it ended with a record. */
bool tar_pax_end(const struct tar_pax *pax);

/** Appends to a name in pieces. */
void tar_name_take(struct tar_more *more, const char *bytes, size_t length);

/* ---------------------------------------------------------------- Index -- */

struct tar_entry {
	const char *key;
	uint64_t at_bytes, size_bytes;
	int64_t modified_ns;
	uint32_t checksum;
};

struct tar_text;

/** What was found, in the order of the archive, then in that of the keys. */
struct tar_index {
	struct tar_entry *entries;
	uint32_t n, room;
	struct tar_text *text; /* the keys */
};

/** 0, ENOMEM, or ERANGE: the index is full. */
int tar_index_add(struct tar_index *index, const struct tar_found *found);
/** Sorts, and leaves out earlier files of the same name; returns how many. */
uint32_t tar_index_sort(struct tar_index *index);
void tar_index_free(struct tar_index *index);

/* ---------------------------------------------------------------- Store -- */

#define TAR_JOBS 8u
#define TAR_RUNS 8u /* a disk takes as many vectors at least */

/** A READ under way. Its request covers whole sectors; those that are not wanted
 *  whole, or cannot be put where they belong, come by way of `bounce`. */
struct tar_job {
	struct mirage_block_request request;
	struct mirage_vector vectors[TAR_RUNS];
	struct tar_run {
		size_t length_bytes; /* of the value */
		const uint8_t *from; /* in `bounce`, or NULL: in place */
	} runs[TAR_RUNS];
	uint32_t n_runs;
	uint8_t *bounce;
	struct tar_store *store;
	struct mirage_kv_request *read;
	/* What is left: of the disk, and where in the vectors it goes. */
	uint64_t at_bytes, end_bytes;
	uint32_t vector;
	size_t in_vector_bytes;
	struct tar_job *next; /* idle */
};

struct tar_store {
	struct kv_store store;
	struct mirage_block *block;
	struct tar_index index;
	struct mirage_kv_tar_report report;
	struct tar_job jobs[TAR_JOBS];
	struct tar_job *idle;
	struct mirage_kv_request *waiting, **waiting_end;
	size_t bounce_bytes; /* of each job */
	void *bounces;	     /* all of them */
};

/** Prepares the jobs. ENOMEM, ENOTSUP. */
int tar_read_init(struct tar_store *tar);
void tar_read_fini(struct tar_store *tar);
void tar_read(struct kv_store *store, size_t place,
	      struct mirage_kv_request *request);

/** Memory for `length` bytes at an address that the disk takes; `*memory` is to be
 *  freed. NULL: there is none. */
uint8_t *tar_buffer(const struct mirage_block *block, size_t length,
		    void **memory);

/** Makes a store of what the opening has found, and empties `index`. */
int tar_store_new(struct mirage_block *block, struct tar_index *index,
		  const struct mirage_kv_tar_report *report,
		  struct mirage_kv **kv);

#endif /* KV_TAR_H */
