/* SPDX-License-Identifier: ISC */
/**
 * mirage-kv.h: key-value stores that need no host, for `struct mirage_kv` of
 * mirage.h: files in the program, a tar image on a disk, memory.
 *
 * Stores made here have no name. They are used and closed as those of
 * `mirage_kv_open`, with one difference: after EVENT_CLOSED the store is gone, and
 * its pointer means nothing.
 */
#ifndef MIRAGE_KV_H
#define MIRAGE_KV_H

#include <mirage.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------- Content types -- */

/**
 * The content type that the suffix of `key` stands for, "text/html; charset=utf-8"
 * for "a/index.html", or NULL for a suffix that is not in the table
 * (content_types.h). Upper and lower case are the same. The string is static.
 *
 * The stores of this library fill `value.content_type` with it; one that does not
 * know it (NULL), as a directory of the host, leaves asking here to whoever needs
 * it.
 */
MIRAGE_API const char *mirage_kv_content_type(const char *key);

/* --------------------------------------------------------- Crunched files -- */

/**
 * A file that mirage-crunch(1) has made into data. Where a compressed form is worth
 * its bytes it is a file of its own, with a key that ends in ".gz" (RFC 1952) or
 * ".br" (RFC 7932) after the key of the plain one.
 */
struct mirage_kv_crunched_file {
	const char *key;
	const void *bytes;
	uint64_t length_bytes;
	int64_t modified_ns;
	uint8_t version[16];	  /* of SHA-256 over the bytes, the first 16 */
	const char *content_type; /* NULL: what the suffix stands for */
};

/** A folder that mirage-crunch(1) has made into data: what its C file defines.
 *  The keys ascend in the order of their bytes. */
struct mirage_kv_crunched {
	uint32_t size;
	uint32_t n_files;
	const struct mirage_kv_crunched_file *files;
};

/**
 * Makes a read-only store of `site`, which outlives it. It has CAP_VIEW: the bytes
 * are where the program has them, and nothing is copied but by READ. ENOMEM.
 */
MIRAGE_API int mirage_kv_crunched_open(const struct mirage_kv_crunched *site,
				       struct mirage_kv **kv);

/* ------------------------------------------------------------------ Memory -- */

/**
 * Makes an empty store in memory that can be written and is lost with the program.
 * Keys and values, with MIRAGE_KV_MEMORY_ENTRY_BYTES for each, take `limit_bytes` at
 * most: beyond that a SET completes with ENOSPC; one that replaces a value needs
 * room for the new one only. `info->max_value_bytes` is `limit_bytes`. ENOMEM.
 */
MIRAGE_API int mirage_kv_memory_open(uint64_t limit_bytes,
				     struct mirage_kv **kv);

#define MIRAGE_KV_MEMORY_ENTRY_BYTES 128u

/* --------------------------------------------------------------------- Tar -- */

/** The most files of an image: the bound of its index, of about 100 bytes and the
 *  key for each. */
#define MIRAGE_KV_TAR_FILES_MAX (1u << 20)

/** What opening an image has found, and what it left out, each with a line in the
 *  log at level INFO. */
struct mirage_kv_tar_report {
	uint32_t files;	     /* that are keys now */
	uint32_t duplicates; /* left out for a later entry of the same name */
	uint32_t links;	     /* left out: symbolic and hard links */
	uint32_t others;     /* left out: devices, pipes, sparse files */
	uint32_t names;	     /* left out: what is no key, such as "../x" */
	/** NULL, or why reading ended before the end of the archive: what came
	 *  before is there. A static string. */
	const char *damage;
};

/**
 * Opens the tar archive that begins at the first byte of `block`: POSIX ustar, with
 * pax headers (path, size, mtime) and GNU long names. Reads the headers, not
 * the contents, then calls `done`. `block` stays the caller's, who closes it after
 * the store.
 *
 * "./" and "/" before a name are dropped, folders are not listed; names that then
 * are no keys are left out. Of several files with one name the last one counts.
 * The store is read-only. A READ is one request of the disk, straight into the
 * caller's memory, where offset, length and address allow; several are under way
 * at once, those beyond wait.
 *
 * `version` follows from size, time and place of a file and the checksum of its
 * header, not from its content: an image in which all times are made the same must
 * get another time when a content changes.
 *
 * Errors: EINVAL (there is no archive: the first header is not one), ERANGE (more
 * than MIRAGE_KV_TAR_FILES_MAX files), ENOTSUP (a sector above 64 KiB), ENOMEM, and
 * those of the disk.
 */
MIRAGE_API void mirage_kv_tar_open(struct mirage_block *block,
				   mirage_kv_open_fn *done, void *arg);

/** What the opening of `kv`, by `mirage_kv_tar_open`, has found; lives as long as
 *  the store. */
MIRAGE_API const struct mirage_kv_tar_report *
mirage_kv_tar_report(const struct mirage_kv *kv);

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_KV_H */
