/* SPDX-License-Identifier: ISC */
/* The opening of a tar image: brings the blocks of headers that the scan asks
 * for, and keeps what it finds. */
#include "tar.h"

#include <stdlib.h>
#include <string.h>

/* Headers of small files lie together, those of large ones far apart: the more of
 * what was read was used, the more is read at once. */
#define WINDOW_MIN_BYTES 4096u
#define WINDOW_MAX_BYTES 65536u

#define FILES_A_LINE 65536u /* of the log */

struct tar_opening {
	struct mirage_block *block;
	mirage_kv_open_fn *done;
	void *arg;
	struct tar_scan scan;
	struct tar_index index;

	uint8_t *window;
	void *window_memory;
	uint64_t window_at_bytes; /* on the disk */
	uint32_t window_bytes;	  /* there */
	uint32_t next_bytes;	  /* how much is to be read next */

	struct mirage_block_request request;
	struct mirage_vector vector;
	struct mirage_timer later; /* to fail */
	int error;
};

/* -------------------------------------------------------------- The end -- */

static void opening_log(const struct tar_opening *opening)
{
	const struct mirage_kv_tar_report *report = &opening->scan.report;
	const char *name = opening->block->name;

	mirage_log(MIRAGE_LOG_INFO,
		   "tar image '%s': %lu files; left out: %lu replaced later, "
		   "%lu links, %lu special files, %lu names that are no keys",
		   name, (unsigned long)report->files,
		   (unsigned long)report->duplicates,
		   (unsigned long)report->links, (unsigned long)report->others,
		   (unsigned long)report->names);
	if (report->damage != NULL)
		mirage_log(MIRAGE_LOG_WARN,
			   "tar image '%s': %s, at byte %llu; what comes "
			   "before it is there",
			   name, report->damage,
			   (unsigned long long)opening->scan.at_bytes);
	else if (report->files == 0)
		mirage_log(MIRAGE_LOG_WARN, "tar image '%s': has no files",
			   name);
}

static void opening_complain(const struct tar_opening *opening, int error)
{
	const char *name = opening->block->name;

	if (error == MIRAGE_EINVAL)
		mirage_log(MIRAGE_LOG_ERROR,
			   "tar image '%s': the disk does not begin with a tar "
			   "archive; write one: tar -cf DISK -C FOLDER .",
			   name);
	else
		mirage_log(MIRAGE_LOG_ERROR, "tar image '%s': %s", name,
			   mirage_strerror(error));
}

static void opening_end(struct tar_opening *opening, int result)
{
	mirage_kv_open_fn *done = opening->done;
	void *arg = opening->arg;
	struct mirage_kv *kv = NULL;

	if (result == 0) {
		struct mirage_kv_tar_report *report = &opening->scan.report;

		report->duplicates = tar_index_sort(&opening->index);
		report->files -= report->duplicates;
		result = tar_store_new(opening->block, &opening->index, report,
				       &kv);
	}
	if (result < 0)
		opening_complain(opening, result);
	else
		opening_log(opening);
	tar_index_free(&opening->index);
	free(opening->window_memory);
	free(opening);
	done(arg, result, kv);
}

/* -------------------------------------------------------------- Scanning -- */

static void opening_progress(const struct tar_opening *opening)
{
	const struct tar_scan *scan = &opening->scan;

	if (scan->report.files % FILES_A_LINE == 0)
		mirage_log(MIRAGE_LOG_INFO,
			   "tar image '%s': %lu files so far, at %u %% of the "
			   "disk",
			   opening->block->name,
			   (unsigned long)scan->report.files,
			   (unsigned)(scan->at_bytes /
				      (scan->disk_bytes / 100 + 1)));
}

/** The block that the scan wants, or NULL: it is to be read. */
static const uint8_t *opening_block(const struct tar_opening *opening)
{
	uint64_t at = opening->scan.at_bytes;

	if (at < opening->window_at_bytes ||
	    at - opening->window_at_bytes >= opening->window_bytes)
		return NULL;
	return opening->window + (at - opening->window_at_bytes);
}

/** Goes through the window. Returns 1 when more is to be read, 0 at the end, or an
 *  error. */
static int opening_scan(struct tar_opening *opening)
{
	const uint8_t *block;
	enum tar_verdict verdict;
	int error;

	while ((block = opening_block(opening)) != NULL) {
		verdict = tar_scan_block(&opening->scan, block);
		if (verdict == TAR_FILE) {
			error = tar_index_add(&opening->index,
					      &opening->scan.found);
			if (error < 0)
				return error;
			opening_progress(opening);
		}
		if (verdict == TAR_END ||
		    opening->scan.at_bytes >= opening->scan.disk_bytes)
			return opening->scan.any ||
					       opening->scan.report.damage ==
						       NULL
				       ? 0
				       : MIRAGE_EINVAL;
	}
	return 1;
}

static void opening_read(struct tar_opening *opening);

static void opening_done(void *arg, int result)
{
	struct tar_opening *opening = arg;

	if (result == 0) {
		opening->window_bytes = (uint32_t)opening->vector.length_bytes;
		result = opening_scan(opening);
	}
	if (result == 1)
		opening_read(opening);
	else
		opening_end(opening, result);
}

static void opening_read(struct tar_opening *opening)
{
	const struct mirage_block_info *info = opening->block->info;
	struct mirage_block_request *request = &opening->request;
	uint64_t from =
		opening->scan.at_bytes & ~(uint64_t)(info->sector_bytes - 1);
	uint64_t left = opening->scan.disk_bytes - from;
	bool onward = from == opening->window_at_bytes + opening->window_bytes;

	opening->next_bytes =
		onward ? opening->next_bytes * 2 : WINDOW_MIN_BYTES;
	if (opening->next_bytes < info->sector_bytes)
		opening->next_bytes = info->sector_bytes;
	if (opening->next_bytes > WINDOW_MAX_BYTES)
		opening->next_bytes = WINDOW_MAX_BYTES;
	if (opening->next_bytes > info->max_transfer_bytes)
		opening->next_bytes =
			info->max_transfer_bytes & ~(info->sector_bytes - 1);
	opening->window_at_bytes = from;
	opening->window_bytes = 0;
	opening->vector.base = opening->window;
	opening->vector.length_bytes =
		left < opening->next_bytes ? (size_t)left : opening->next_bytes;
	request->op = MIRAGE_BLOCK_READ;
	request->offset_bytes = from;
	request->vectors = &opening->vector;
	request->n_vectors = 1;
	request->done = opening_done;
	request->arg = opening;
	mirage_block_submit(opening->block, &request, 1);
}

/* --------------------------------------------------------------- Opening -- */

static void opening_fail(void *arg)
{
	struct tar_opening *opening = arg;

	opening_end(opening, opening->error);
}

/* To say that there is no memory for an opening, one opening's is kept. */
static struct {
	struct mirage_timer later;
	mirage_kv_open_fn *done;
	void *arg;
} spare;

static void spare_fail(void *arg)
{
	spare.done(spare.arg, MIRAGE_ENOMEM, NULL);
}

static void spare_use(mirage_kv_open_fn *done, void *arg)
{
	if (mirage_timer_armed(&spare.later))
		mirage_core_broken("LAW-05", "opens without end or memory");
	spare.done = done;
	spare.arg = arg;
	mirage_timer_start(&spare.later, 0, spare_fail, NULL);
}

void mirage_kv_tar_open(struct mirage_block *block, mirage_kv_open_fn *done,
			void *arg)
{
	struct tar_opening *opening = calloc(1, sizeof *opening);

	if (done == NULL)
		mirage_core_broken("LAW-05", "an open without a completion");
	if (opening == NULL) {
		spare_use(done, arg);
		return;
	}
	opening->block = block;
	opening->done = done;
	opening->arg = arg;
	opening->scan.disk_bytes = block->info->size_bytes;
	if (block->info->sector_bytes > WINDOW_MAX_BYTES ||
	    block->info->sector_bytes > block->info->max_transfer_bytes)
		opening->error = MIRAGE_ENOTSUP;
	else if ((opening->window = tar_buffer(block, WINDOW_MAX_BYTES,
					       &opening->window_memory)) ==
		 NULL)
		opening->error = MIRAGE_ENOMEM;
	if (opening->error < 0)
		mirage_timer_start(&opening->later, 0, opening_fail, opening);
	else
		opening_read(opening);
}
