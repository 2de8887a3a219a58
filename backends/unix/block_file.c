/* SPDX-License-Identifier: ISC */
/*
 * block_file.c: a disk in a file or on a block device,
 * `file:PATH[,ro][,sector=512|4096][,direct]`: opening, describing, closing.
 */
#define _GNU_SOURCE
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t unix_block_host_bytes(const struct unix_block_file *file)
{
	struct stat stat;
	uint64_t bytes;

	if (file->is_device)
		return ioctl(file->fd, BLKGETSIZE64, &bytes) == 0 ? bytes : 0;
	return fstat(file->fd, &stat) == 0 ? (uint64_t)stat.st_size : 0;
}

/* --------------------------------------------------------------- Closing -- */

static void unix_file_closed(struct unix_block_file *file)
{
	free(file->ring);
	file->ring = NULL;
	mirage_core_block_closed(&file->block);
}

void unix_block_handle_closed(uv_handle_t *handle)
{
	struct unix_block_file *file = handle->data;

	if (--file->handles == 0)
		unix_file_closed(file);
}

static void unix_file_release(struct unix_block_file *file)
{
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	if (file->fd >= 0)
		close(file->fd);
}

static void unix_file_close(struct mirage_block *block)
{
	struct unix_block_file *file = (struct unix_block_file *)block;

	unix_block_resize_fini(file);
	if (file->ring != NULL)
		unix_block_ring_fini(file);
	unix_file_release(file);
	if (file->handles == 0)
		unix_file_closed(file);
}

static void unix_file_dispose(struct mirage_block *block)
{
	free(block);
}

static const struct mirage_block_ops unix_file_ops = {
	.size = sizeof(unix_file_ops),
	.submit = unix_block_queue_submit,
	.close = unix_file_close,
	.dispose = unix_file_dispose,
};

/* ------------------------------------------------------------ The opening -- */

/** What an open has found out so far. */
struct unix_file_opening {
	struct mirage_open *open;
	const char *path;
	struct unix_block_file *file;
};

static bool unix_file_refuse(struct unix_file_opening *opening, int result)
{
	mirage_core_block_opened(opening->open, result, NULL);
	return false;
}

static bool unix_file_options(struct unix_file_opening *opening,
			      struct mirage_uri *uri)
{
	struct unix_block_file *file = opening->file;

	if (!mirage_open_flag(opening->open, uri, "ro", &file->ro) ||
	    !mirage_open_flag(opening->open, uri, "direct", &file->direct) ||
	    !mirage_open_sector(opening->open, uri, &file->info.sector_bytes) ||
	    !mirage_open_unused(opening->open, uri))
		return false;
	if (*uri->path != '\0')
		return true;
	mirage_core_open_error(opening->open, "no path; write file:PATH");
	return unix_file_refuse(opening, MIRAGE_EINVAL);
}

/** Only files and block devices: opening a pipe could block. */
static bool unix_file_kind(struct unix_file_opening *opening)
{
	struct stat stat_;

	if (stat(opening->path, &stat_) != 0)
		return true; /* open() says why */
	opening->file->is_device = S_ISBLK(stat_.st_mode);
	if (S_ISREG(stat_.st_mode) || S_ISBLK(stat_.st_mode))
		return true;
	mirage_core_open_error(
		opening->open, "is %s; give a file or a block device",
		S_ISDIR(stat_.st_mode) ? "a directory"
				       : "neither a file nor a block device");
	return unix_file_refuse(opening, MIRAGE_EINVAL);
}

static const char *unix_file_remedy(const struct unix_block_file *file,
				    int error)
{
	switch (error) {
	case ENOENT:
		return "no such file; make one with: truncate -s 64M ";
	case EACCES:
	case EPERM:
		return file->ro ? "permission denied; give the user of this "
				  "program the right to read it"
				: "permission denied; give the user of this "
				  "program the right to write it, or add ,ro";
	case EROFS:
		return "on a read-only file system; add ,ro";
	case EINVAL:
		if (file->direct)
			return "direct: this file system cannot do it; leave "
			       "out ,direct";
		break;
	}
	return strerror(error);
}

static bool unix_file_descriptor(struct unix_file_opening *opening)
{
	struct unix_block_file *file = opening->file;
	int flags = O_CLOEXEC | (file->ro ? O_RDONLY : O_RDWR);
	int error;

	if (file->direct)
		flags |= O_DIRECT;
	file->fd = open(opening->path, flags);
	if (file->fd >= 0)
		return true;
	error = errno;
	mirage_core_open_error(opening->open, "%s%s",
			       unix_file_remedy(file, error),
			       error == ENOENT ? opening->path : "");
	return unix_file_refuse(opening, unix_error(error));
}

/** Locks by a descriptor of its own: a ring holds its files for a while after
 *  they are closed, and even after the end of the process. */
static bool unix_file_lock(struct unix_file_opening *opening)
{
	struct unix_block_file *file = opening->file;
	int how = (file->ro ? LOCK_SH : LOCK_EX) | LOCK_NB;
	int flags = O_CLOEXEC | (file->ro ? O_RDONLY : O_RDWR);
	char path[32];

	/* On a block device: not while it is mounted. */
	if (file->is_device && !file->ro)
		flags |= O_EXCL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	file->lock_fd = open(path, flags);
	if (file->lock_fd >= 0 && flock(file->lock_fd, how) == 0)
		return true;
	if (errno == EBUSY) {
		mirage_core_open_error(opening->open,
				       "the system uses this block device; "
				       "unmount it, or add ,ro");
		return unix_file_refuse(opening, MIRAGE_EBUSY);
	}
	/* Some network file systems have no locks. */
	if (errno != EWOULDBLOCK) {
		mirage_log(MIRAGE_LOG_WARN,
			   "block '%s': cannot be locked against others: %s",
			   opening->open->name, strerror(errno));
		return true;
	}
	mirage_core_open_error(opening->open,
			       "in use by another disk or program; close that "
			       "one, or add ,ro to both");
	return unix_file_refuse(opening, MIRAGE_EBUSY);
}

/* ------------------------------------------------------------- Describing -- */

/** What O_DIRECT asks of offsets and addresses; a page when nobody knows. */
static void unix_file_direct_align(const struct unix_block_file *file,
				   uint32_t *offset, uint32_t *address)
{
#ifdef STATX_DIOALIGN
	struct statx statx_;

	if (statx(file->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &statx_) == 0 &&
	    (statx_.stx_mask & STATX_DIOALIGN) != 0 &&
	    statx_.stx_dio_offset_align != 0) {
		*offset = statx_.stx_dio_offset_align;
		*address = statx_.stx_dio_mem_align;
		return;
	}
#endif
	*offset = *address = 4096;
}

static bool unix_file_geometry(struct unix_file_opening *opening)
{
	struct unix_block_file *file = opening->file;
	uint32_t offset = 512, sector = 512;
	int logical;

	file->info.buffer_align_bytes = 1;
	if (file->is_device && ioctl(file->fd, BLKSSZGET, &logical) == 0)
		sector = (uint32_t)logical;
	if (file->direct)
		unix_file_direct_align(file, &offset,
				       &file->info.buffer_align_bytes);
	if (file->info.sector_bytes == 0)
		file->info.sector_bytes = sector > offset ? sector : offset;
	if (file->info.sector_bytes >= offset)
		return true;
	mirage_core_open_error(opening->open,
			       "direct: needs sectors of %u bytes here; leave "
			       "out ,direct or write sector=4096",
			       (unsigned)offset);
	return unix_file_refuse(opening, MIRAGE_EINVAL);
}

static bool unix_file_measure(struct unix_file_opening *opening)
{
	struct unix_block_file *file = opening->file;

	if (!unix_file_geometry(opening))
		return false;
	file->info.size_bytes = unix_block_host_bytes(file);
	return mirage_open_size(opening->open, file->info.size_bytes,
				file->info.sector_bytes,
				file->is_device ? NULL : opening->path);
}

/** Tried behind the end of the file, where there is nothing to lose. */
static bool unix_file_discards(const struct unix_block_file *file)
{
	return file->is_device ||
	       fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)file->info.size_bytes,
			 file->info.sector_bytes) == 0;
}

static uint32_t unix_file_physical(const struct unix_block_file *file)
{
	uint32_t bytes = 4096; /* a page of the cache */
	unsigned physical;

	if (file->is_device && ioctl(file->fd, BLKPBSZGET, &physical) == 0)
		bytes = physical;
	return bytes > file->info.sector_bytes ? bytes
					       : file->info.sector_bytes;
}

static void unix_file_describe(struct unix_block_file *file)
{
	struct mirage_block_info *info = &file->info;

	info->size = sizeof(*info);
	info->physical_sector_bytes = unix_file_physical(file);
	info->max_vectors = UNIX_BLOCK_VECTORS_MAX;
	info->max_transfer_bytes = UNIX_BLOCK_TRANSFER_MAX;
	info->queue_depth = UNIX_BLOCK_DEPTH;
	info->max_discard_bytes = UNIX_BLOCK_DISCARD_MAX;
	if (!file->ro)
		info->caps |= MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH |
			      MIRAGE_BLOCK_CAP_WRITE_ZEROES;
	if (!file->ro && unix_file_discards(file))
		info->caps |= MIRAGE_BLOCK_CAP_DISCARD;
	if (unix_block_resize_init(file))
		info->caps |= MIRAGE_BLOCK_CAP_RESIZE;
	file->counters.size = sizeof(file->counters);
	file->block.ops = &unix_file_ops;
	file->block.info = info;
	file->block.counters = &file->counters;
}

static void unix_file_engine(struct unix_file_opening *opening)
{
	struct unix_block_file *file = opening->file;
	int error = unix_block_ring_init(file);

	if (error == 0)
		mirage_log(MIRAGE_LOG_INFO, "block '%s': by io_uring",
			   opening->open->name);
	else
		mirage_log(MIRAGE_LOG_INFO,
			   "block '%s': no io_uring (%s), by threads instead",
			   opening->open->name, strerror(-error));
	unix_block_queue_init(file);
	unix_block_pool_init(file);
}

/** Answers the open itself unless it returns true. */
static bool unix_file_open(struct unix_file_opening *opening,
			   struct mirage_uri *uri)
{
	return unix_file_options(opening, uri) && unix_file_kind(opening) &&
	       unix_file_descriptor(opening) && unix_file_lock(opening) &&
	       unix_file_measure(opening);
}

void unix_block_file_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct unix_file_opening opening = {.open = open, .path = uri->path};
	struct unix_block_file *file = calloc(1, sizeof(*file));

	if (file == NULL) {
		mirage_core_open_error(open, "out of memory");
		mirage_core_block_opened(open, MIRAGE_ENOMEM, NULL);
		return;
	}
	file->fd = file->lock_fd = -1;
	opening.file = file;
	if (!unix_file_open(&opening, uri)) {
		unix_file_release(file);
		free(file);
		return;
	}
	unix_file_engine(&opening);
	unix_file_describe(file);
	mirage_core_block_opened(open, 0, &file->block);
}
