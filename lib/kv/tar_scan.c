/* SPDX-License-Identifier: ISC */
/*
 * The blocks of a tar archive: ustar (POSIX.1-2017, pax, "ustar Interchange
 * Format"), pax headers, and GNU tar's long names and sparse files (tar's manual,
 * "Basic Tar Format"). Nothing in an archive is believed before it was checked.
 */
#include "tar.h"

#include <string.h>

enum { SCAN_HEADER = 0, SCAN_PAX = 1, SCAN_NAME = 2, SCAN_SPARSE = 3 };

/* Where the fields of a header are. */
enum {
	NAME_AT = 0,
	NAME_BYTES = 100,
	SIZE_AT = 124,
	TIME_AT = 136,
	NUMBER_BYTES = 12,
	SUM_AT = 148,
	SUM_BYTES = 8,
	TYPE_AT = 156,
	MAGIC_AT = 257,
	PREFIX_AT = 345,
	PREFIX_BYTES = 155,
	SPARSE_MORE_AT = 482, /* GNU: a block of maps follows */
	SPARSE_AGAIN_AT = 504 /* in that block: another one */
};

/* A longer header of more than this is no header. */
#define PAYLOAD_MAX (1u << 20)

#define NS_PER_S 1000000000

static enum tar_verdict damaged(struct tar_scan *scan, const char *what)
{
	scan->report.damage = what;
	return TAR_END;
}

static uint64_t whole_blocks(uint64_t bytes)
{
	return (bytes + TAR_BLOCK_BYTES - 1) & ~(uint64_t)(TAR_BLOCK_BYTES - 1);
}

/** Moves on to the block at `to_bytes`, where a header MUST be. */
static enum tar_verdict move_on(struct tar_scan *scan, uint64_t to_bytes,
				enum tar_verdict verdict)
{
	scan->at_bytes = to_bytes;
	scan->state = SCAN_HEADER;
	return verdict;
}

/* --------------------------------------------------------------- Numbers -- */

/** Octal digits, with spaces or zeroes around them. */
static bool octal(const uint8_t *field, size_t length, uint64_t *number)
{
	size_t i = 0;

	while (i < length && field[i] == ' ')
		i++;
	for (*number = 0; i < length && field[i] >= '0' && field[i] <= '7'; i++)
		*number = *number << 3 | (uint64_t)(field[i] - '0');
	return i == length || field[i] == ' ' || field[i] == '\0';
}

/** A number of 12 bytes: octal, or where the highest bit is set the rest in base
 *  256, as GNU tar does with what does not fit. */
static bool number(const uint8_t *field, int64_t *value)
{
	bool negative = field[0] == 0xff;
	uint64_t bits = 0;

	if ((field[0] & 0x80) == 0) {
		if (!octal(field, NUMBER_BYTES, &bits))
			return false;
		*value = (int64_t)bits; /* 36 bits at most */
		return true;
	}
	for (unsigned i = 1; i < NUMBER_BYTES; i++) {
		if (i < 4 && field[i] != (negative ? 0xff : 0))
			return false;
		if (i >= 4)
			bits = bits << 8 | field[i];
	}
	*value = (int64_t)bits;
	return (field[0] == 0x80 || negative) && (*value < 0) == negative;
}

/** The sum of the header's bytes, its own field counted as spaces. Old programs
 *  took the bytes as signed. */
static bool sum_holds(const uint8_t *header, uint32_t *sum)
{
	uint64_t said;
	int64_t plus = 0, sign = 0;

	for (unsigned i = 0; i < TAR_BLOCK_BYTES; i++) {
		bool own = i >= SUM_AT && i < SUM_AT + SUM_BYTES;

		plus += own ? ' ' : header[i];
		sign += own ? ' ' : (int8_t)header[i];
	}
	*sum = (uint32_t)plus;
	return octal(header + SUM_AT, SUM_BYTES, &said) &&
	       ((int64_t)said == plus || (int64_t)said == sign);
}

/* ----------------------------------------------------------------- Names -- */

static size_t field_length(const uint8_t *field, size_t length)
{
	const uint8_t *end = memchr(field, 0, length);

	return end != NULL ? (size_t)(end - field) : length;
}

/** The name that the header itself has, unless a longer one came before it. */
static void take_name(struct tar_scan *scan, const uint8_t *header)
{
	struct tar_more *more = &scan->more;
	const char *name = (const char *)header + NAME_AT;
	const char *prefix = (const char *)header + PREFIX_AT;
	size_t length = field_length(header + PREFIX_AT, PREFIX_BYTES);

	if (more->has_name)
		return;
	more->name_bytes = 0;
	/* GNU tar's own magic has a space there, and other things in `prefix`. */
	if (memcmp(header + MAGIC_AT, "ustar", 6) == 0 && length > 0) {
		tar_name_take(more, prefix, length);
		tar_name_take(more, "/", 1);
	}
	tar_name_take(more, name, field_length(header + NAME_AT, NAME_BYTES));
}

/** Appends the part of a name to the key. */
static bool take_part(struct tar_scan *scan, size_t *used, const char *part,
		      size_t length)
{
	bool between = *used > 0;

	if ((length == 2 && part[0] == '.' && part[1] == '.') ||
	    memchr(part, 0, length) != NULL ||
	    *used + between + length > MIRAGE_KV_KEY_MAX)
		return false;
	if (between)
		scan->key[(*used)++] = '/';
	memcpy(scan->key + *used, part, length);
	*used += length;
	return true;
}

/** Makes a key of the name: what is between slashes, without "." and nothing. */
static bool make_key(struct tar_scan *scan)
{
	const char *at = scan->more.name;
	const char *end = at + scan->more.name_bytes;
	size_t used = 0;

	if (scan->more.name_bytes > TAR_NAME_MAX)
		return false;
	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t length = (size_t)((slash != NULL ? slash : end) - at);

		if (length > 0 && !(length == 1 && *at == '.') &&
		    !take_part(scan, &used, at, length))
			return false;
		at += length + 1;
	}
	scan->key[used] = '\0';
	return used > 0;
}

/* --------------------------------------------------------------- Entries -- */

/** What follows the header, which ends at `from_bytes`. */
struct content {
	uint64_t from_bytes, size_bytes, next_bytes;
};

/** Whether the content is on the disk, all of it. */
static bool content_fits(const struct tar_scan *scan, uint64_t size_bytes,
			 struct content *content)
{
	content->from_bytes = scan->at_bytes + TAR_BLOCK_BYTES;
	content->size_bytes = size_bytes;
	if (content->from_bytes > scan->disk_bytes ||
	    size_bytes > scan->disk_bytes - content->from_bytes)
		return false;
	content->next_bytes = content->from_bytes + whole_blocks(size_bytes);
	return true;
}

static enum tar_verdict begin_payload(struct tar_scan *scan, uint32_t state,
				      const struct content *content)
{
	if (content->size_bytes > PAYLOAD_MAX)
		return damaged(scan, "a longer header is too long");
	if (state == SCAN_NAME) {
		scan->more.has_name = true;
		scan->more.name_bytes = 0;
	}
	tar_pax_begin(&scan->pax);
	scan->at_bytes = content->from_bytes;
	scan->payload_bytes = content->size_bytes;
	if (content->size_bytes > 0)
		scan->state = state;
	return TAR_MORE;
}

static enum tar_verdict leave_out(struct tar_scan *scan, uint32_t *counter,
				  uint64_t next_bytes)
{
	++*counter;
	memset(&scan->more, 0, sizeof scan->more);
	return move_on(scan, next_bytes, TAR_MORE);
}

static bool is_folder(const struct tar_more *more)
{
	return more->name_bytes > 0 && more->name_bytes <= TAR_NAME_MAX &&
	       more->name[more->name_bytes - 1] == '/';
}

static enum tar_verdict take_file(struct tar_scan *scan,
				  const struct content *content,
				  int64_t modified_s, uint32_t sum)
{
	const struct tar_more *more = &scan->more;
	uint32_t ignored = 0;

	if (is_folder(more)) /* before ustar these were files */
		return leave_out(scan, &ignored, content->next_bytes);
	if (!make_key(scan))
		return leave_out(scan, &scan->report.names,
				 content->next_bytes);
	if (modified_s > INT64_MAX / NS_PER_S ||
	    modified_s < INT64_MIN / NS_PER_S)
		modified_s = 0;
	scan->found = (struct tar_found){
		.key = scan->key,
		.at_bytes = content->from_bytes,
		.size_bytes = content->size_bytes,
		.modified_ns = more->has_time ? more->modified_ns
					      : modified_s * NS_PER_S,
		.checksum = sum,
	};
	scan->report.files++;
	memset(&scan->more, 0, sizeof scan->more);
	return move_on(scan, content->next_bytes, TAR_FILE);
}

/** GNU's sparse files: blocks of maps may lie before the content. */
static enum tar_verdict leave_out_sparse(struct tar_scan *scan,
					 const uint8_t *header,
					 const struct content *content)
{
	enum tar_verdict verdict =
		leave_out(scan, &scan->report.others, content->next_bytes);

	if (header[SPARSE_MORE_AT] == 0)
		return verdict;
	scan->next_bytes = content->next_bytes;
	scan->at_bytes = content->from_bytes;
	scan->state = SCAN_SPARSE;
	return TAR_MORE;
}

/** By the type of the entry. Of links, folders and devices no content follows,
 *  whatever their size says. */
static enum tar_verdict take_entry(struct tar_scan *scan, const uint8_t *header,
				   const struct content *content,
				   int64_t modified_s, uint32_t sum)
{
	uint32_t ignored = 0;

	switch (header[TYPE_AT]) {
	case '1':
	case '2':
		return leave_out(scan, &scan->report.links,
				 content->from_bytes);
	case '3':
	case '4':
	case '6':
		return leave_out(scan, &scan->report.others,
				 content->from_bytes);
	case '5':
		return leave_out(scan, &ignored, content->from_bytes);
	case 'S':
		return leave_out_sparse(scan, header, content);
	case '\0':
	case '0':
	case '7':
		if (!scan->more.sparse)
			return take_file(scan, content, modified_s, sum);
		break;
	}
	return leave_out(scan, &scan->report.others, content->next_bytes);
}

static bool has_content(uint8_t type)
{
	return type < '1' || type > '6';
}

static enum tar_verdict take_header(struct tar_scan *scan,
				    const uint8_t *header)
{
	uint8_t type = header[TYPE_AT];
	struct content content;
	int64_t size, modified_s;
	uint32_t sum, ignored = 0;

	if (!sum_holds(header, &sum))
		return damaged(scan, "the checksum of a header is wrong");
	scan->any = true;
	if (!number(header + TIME_AT, &modified_s))
		modified_s = 0;
	if (!number(header + SIZE_AT, &size) || size < 0 || scan->more.bad)
		return damaged(scan, "a size is no number");
	/* Longer headers have a size of their own. */
	if (scan->more.has_size && strchr("xgXLK", type) == NULL)
		size = (int64_t)scan->more.size_bytes;
	if (!content_fits(scan, has_content(type) ? (uint64_t)size : 0,
			  &content))
		return damaged(scan, "a file goes past the end of the disk");
	if (type == 'x' || type == 'X')
		return begin_payload(scan, SCAN_PAX, &content);
	if (type == 'L')
		return begin_payload(scan, SCAN_NAME, &content);
	if (type == 'g' || type == 'K' || type == 'V') {
		scan->at_bytes = content.next_bytes;
		return TAR_MORE;
	}
	take_name(scan, header);
	if (type == '\0' || type >= '0')
		return take_entry(scan, header, &content, modified_s, sum);
	return leave_out(scan, &ignored, content.next_bytes);
}

/* ---------------------------------------------------------------- Blocks -- */

static enum tar_verdict take_payload(struct tar_scan *scan,
				     const uint8_t *block)
{
	size_t n = TAR_BLOCK_BYTES;

	if (n > scan->payload_bytes)
		n = (size_t)scan->payload_bytes;
	if (scan->state == SCAN_PAX)
		tar_pax_take(&scan->pax, &scan->more, block, n);
	else
		tar_name_take(&scan->more, (const char *)block,
			      field_length(block, n));
	scan->payload_bytes -= n;
	scan->at_bytes += TAR_BLOCK_BYTES;
	if (scan->payload_bytes > 0)
		return TAR_MORE;
	if (scan->state == SCAN_PAX && !tar_pax_end(&scan->pax))
		return damaged(scan, "a pax header is malformed");
	scan->state = SCAN_HEADER;
	return TAR_MORE;
}

static enum tar_verdict take_sparse_map(struct tar_scan *scan,
					const uint8_t *block)
{
	/* The content, of which the header told the size, comes after them. */
	scan->next_bytes += TAR_BLOCK_BYTES;
	scan->at_bytes += TAR_BLOCK_BYTES;
	if (block[SPARSE_AGAIN_AT] == 0)
		move_on(scan, scan->next_bytes, TAR_MORE);
	return TAR_MORE;
}

static bool is_zero(const uint8_t *block)
{
	for (unsigned i = 0; i < TAR_BLOCK_BYTES; i++)
		if (block[i] != 0)
			return false;
	return true;
}

static enum tar_verdict take_block(struct tar_scan *scan, const uint8_t *block)
{
	switch (scan->state) {
	case SCAN_PAX:
	case SCAN_NAME:
		return take_payload(scan, block);
	case SCAN_SPARSE:
		return take_sparse_map(scan, block);
	}
	/* Two such blocks end an archive; some programs write one. */
	return is_zero(block) ? TAR_END : take_header(scan, block);
}

enum tar_verdict tar_scan_block(struct tar_scan *scan,
				const uint8_t block[TAR_BLOCK_BYTES])
{
	enum tar_verdict verdict = take_block(scan, block);

	/* A file whose content ends with the disk is there, its successor not. */
	if (verdict != TAR_END &&
	    (scan->at_bytes > scan->disk_bytes ||
	     scan->disk_bytes - scan->at_bytes < TAR_BLOCK_BYTES)) {
		scan->report.damage = "its end mark is missing";
		scan->at_bytes = scan->disk_bytes;
	}
	return verdict;
}
