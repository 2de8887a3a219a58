/* SPDX-License-Identifier: ISC */
/*
 * block_resize.c: notices that somebody changed the size of the file. inotify
 * tells that the file was modified, and so does each of our own writes: after one
 * event the watch is gone (IN_ONESHOT) and rests a while, so that a device that
 * writes a lot pays for a glance at the size a few times a second, and one that
 * is quiet never wakes.
 */
#define _GNU_SOURCE
#include "block.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define UNIX_RESIZE_REST_MS 20

void unix_block_resize_check(struct unix_block_file *file)
{
	uint64_t host_bytes, size_bytes;

	errno = 0;
	host_bytes = unix_block_host_bytes(file);
	if (errno != 0 || host_bytes == file->resize.host_bytes)
		return;
	file->resize.host_bytes = host_bytes;
	size_bytes = host_bytes - host_bytes % file->info.sector_bytes;
	if (size_bytes != host_bytes)
		mirage_log(MIRAGE_LOG_WARN,
			   "block '%s': its %" PRIu64 " bytes are not a "
			   "multiple of the sector, %" PRIu32
			   "; the last %" PRIu64 " are left out",
			   file->block.name, host_bytes,
			   file->info.sector_bytes, host_bytes - size_bytes);
	if (size_bytes == file->info.size_bytes)
		return;
	file->info.size_bytes = size_bytes;
	mirage_core_block_event(&file->block, MIRAGE_EVENT_RESIZED);
}

static bool unix_resize_arm(struct unix_block_file *file)
{
	char path[32];

	/* Whatever has become of its name. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	return inotify_add_watch(file->resize.inotify_fd, path,
				 IN_MODIFY | IN_ONESHOT) >= 0;
}

static void unix_resize_rested(uv_timer_t *timer)
{
	struct unix_block_file *file = timer->data;

	/* In this order nothing is missed in between. */
	unix_resize_arm(file);
	unix_block_resize_check(file);
}

static void unix_resize_ready(uv_poll_t *poll, int status, int events)
{
	struct unix_block_file *file = poll->data;
	_Alignas(struct inotify_event) char drained[512];

	while (read(file->resize.inotify_fd, drained, sizeof(drained)) > 0)
		continue;
	unix_block_resize_check(file);
	if (!uv_is_active((uv_handle_t *)&file->resize.rest))
		uv_timer_start(&file->resize.rest, unix_resize_rested,
			       UNIX_RESIZE_REST_MS, 0);
}

bool unix_block_resize_init(struct unix_block_file *file)
{
	struct unix_block_resize *resize = &file->resize;

	resize->host_bytes = file->info.size_bytes;
	resize->inotify_fd =
		file->is_device ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (resize->inotify_fd < 0)
		return false;
	if (!unix_resize_arm(file) ||
	    uv_poll_init(unix_loop(), &resize->poll, resize->inotify_fd) < 0) {
		close(resize->inotify_fd);
		resize->inotify_fd = -1;
		return false;
	}
	uv_timer_init(unix_loop(), &resize->rest);
	resize->poll.data = file;
	resize->rest.data = file;
	file->handles += 2;
	uv_poll_start(&resize->poll, UV_READABLE, unix_resize_ready);
	return true;
}

void unix_block_resize_fini(struct unix_block_file *file)
{
	struct unix_block_resize *resize = &file->resize;

	if (resize->inotify_fd < 0)
		return;
	uv_close((uv_handle_t *)&resize->poll, unix_block_handle_closed);
	uv_close((uv_handle_t *)&resize->rest, unix_block_handle_closed);
	close(resize->inotify_fd);
	resize->inotify_fd = -1;
}
