/* SPDX-License-Identifier: ISC */
/*
 * kv_dir.c: a store in a directory, `dir:PATH[,ro]`: opening, closing, and the way
 * of a request to a thread and back.
 */
#define _GNU_SOURCE
#include "kv_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct unix_kv_dir *unix_kv_of(struct mirage_kv *kv)
{
	return (struct unix_kv_dir *)kv;
}

/* -------------------------------------------------------------- Requests -- */

static bool unix_kv_changes(const struct mirage_kv_request *request)
{
	return request->op == MIRAGE_KV_SET || request->op == MIRAGE_KV_REMOVE;
}

/** What a request hears; the host's own words go to the log. */
static int unix_kv_result(const struct unix_kv_work *work)
{
	const struct mirage_kv_request *request = work->request;
	int result = work->result;

	if (result >= 0)
		return result;
	switch (-result) {
	case ENOENT:
		return MIRAGE_ENOENT;
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENXIO:
		if (request->op != MIRAGE_KV_SET)
			return MIRAGE_ENOENT;
		mirage_log(MIRAGE_LOG_WARN,
			   "store '%s': '%s' cannot be set: a name in it is a "
			   "key or a link, or it is the folder of other keys",
			   work->dir->kv.name, request->key);
		return MIRAGE_EINVAL;
	case EINVAL:
	case ENOMEM:
		break;
	default:
		mirage_log(MIRAGE_LOG_WARN, "store '%s': '%s': %s",
			   work->dir->kv.name, request->key, strerror(-result));
	}
	return unix_error(-result);
}

static void unix_kv_run(uv_work_t *uv)
{
	struct unix_kv_work *work = uv->data;

	switch (work->request->op) {
	case MIRAGE_KV_STAT:
		work->result = unix_kv_stat(work);
		break;
	case MIRAGE_KV_READ:
		work->result = unix_kv_read(work);
		break;
	case MIRAGE_KV_LIST:
		work->result = unix_kv_list_some(work);
		break;
	case MIRAGE_KV_SET:
		work->result = unix_kv_set(work);
		break;
	default:
		work->result = unix_kv_remove(work);
	}
}

static void unix_kv_start(struct unix_kv_work *work,
			  struct mirage_kv_request *request);

/** The work is free again: for who has waited longest. */
static void unix_kv_next(struct unix_kv_work *work)
{
	struct unix_kv_dir *dir = work->dir;
	struct mirage_kv_request *request = dir->waiting;

	if (request == NULL) {
		work->next = dir->free_work;
		dir->free_work = work;
		return;
	}
	dir->waiting = request->next;
	if (dir->waiting == NULL)
		dir->waiting_end = &dir->waiting;
	unix_kv_start(work, request);
}

static void unix_kv_ran(uv_work_t *uv, int status)
{
	struct unix_kv_work *work = uv->data;

	if (work->listing != NULL) {
		if (!unix_kv_list_tell(work))
			return;
		if (work->result == 1) {
			uv_queue_work(unix_loop(), &work->work, unix_kv_run,
				      unix_kv_ran);
			return;
		}
		unix_kv_listing_free(work->listing);
		work->listing = NULL;
	}
	mirage_core_kv_complete(work->request, unix_kv_result(work));
	unix_kv_next(work);
}

/** Times that differ tell versions apart, also where the kernel's clock for files
 *  is coarse. */
static int64_t unix_kv_stamp(struct unix_kv_dir *dir)
{
	int64_t now_ns = unix_clock_ops.wall_ns();

	if (now_ns <= dir->last_stamp_ns)
		now_ns = dir->last_stamp_ns + 1;
	dir->last_stamp_ns = now_ns;
	return now_ns;
}

static void unix_kv_start(struct unix_kv_work *work,
			  struct mirage_kv_request *request)
{
	work->request = request;
	if (unix_kv_changes(request))
		work->stamp_ns = unix_kv_stamp(work->dir);
	if (request->op == MIRAGE_KV_LIST) {
		work->listing = unix_kv_listing_new();
		if (work->listing == NULL) {
			mirage_core_kv_complete(request, MIRAGE_ENOMEM);
			unix_kv_next(work);
			return;
		}
	}
	uv_queue_work(unix_loop(), &work->work, unix_kv_run, unix_kv_ran);
}

static void unix_kv_submit(struct mirage_kv *kv,
			   struct mirage_kv_request *request)
{
	struct unix_kv_dir *dir = unix_kv_of(kv);
	struct unix_kv_work *work = dir->free_work;

	if (request->op != MIRAGE_KV_LIST && unix_kv_reserved(request->key)) {
		mirage_core_kv_complete(request, request->op == MIRAGE_KV_SET
							 ? MIRAGE_EINVAL
							 : MIRAGE_ENOENT);
		return;
	}
	if (work != NULL) {
		dir->free_work = work->next;
		unix_kv_start(work, request);
		return;
	}
	request->next = NULL;
	*dir->waiting_end = request;
	dir->waiting_end = &request->next;
}

static void unix_kv_close(struct mirage_kv *kv)
{
	close(unix_kv_of(kv)->fd);
	mirage_core_kv_closed(kv);
}

static void unix_kv_dispose(struct mirage_kv *kv)
{
	free(kv);
}

static const struct mirage_kv_ops unix_kv_ops = {
	.size = sizeof(unix_kv_ops),
	.submit = unix_kv_submit,
	.close = unix_kv_close,
	.dispose = unix_kv_dispose,
};

/* --------------------------------------------------------------- Opening -- */

static bool unix_kv_refuse_host(struct mirage_open *open, const char *path,
				int error)
{
	switch (error) {
	case ENOENT:
		return mirage_open_refuse(open, MIRAGE_ENODEV,
					  "no such directory; make one with: "
					  "mkdir -p %s",
					  path);
	case ENOTDIR:
		return mirage_open_refuse(open, MIRAGE_ENODEV,
					  "is no directory; give the path of "
					  "one");
	case EACCES:
	case EPERM:
		return mirage_open_refuse(open, MIRAGE_EACCES,
					  "permission denied; give the user of "
					  "this program the right to read it");
	default:
		return mirage_open_refuse(open, unix_error(error), "%s",
					  strerror(error));
	}
}

/** Whether files can be made there. */
static bool unix_kv_writable(struct mirage_open *open,
			     const struct unix_kv_dir *dir)
{
	if (faccessat(dir->fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return true;
	return mirage_open_refuse(
		open, unix_error(errno),
		errno == EROFS ? "on a read-only file system; add ,ro"
			       : "permission denied; give the user of this "
				 "program the right to write it, or add ,ro");
}

/** One writer at a time: another would take what we write for left behind. */
static bool unix_kv_lock(struct mirage_open *open,
			 const struct unix_kv_dir *dir)
{
	if (flock(dir->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return mirage_open_refuse(open, MIRAGE_EBUSY,
					  "another store or program writes "
					  "there; close that one, or add ,ro");
	mirage_log(MIRAGE_LOG_WARN,
		   "store '%s': cannot be locked against others: %s",
		   open->name, strerror(errno));
	return true;
}

/** Removes what a program that was killed has left half written. */
static void unix_kv_clean(const struct unix_kv_dir *dir)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (entries == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(entries)) != NULL)
		if (unix_kv_reserved(entry->d_name))
			unlinkat(fd, entry->d_name, 0);
	closedir(entries);
}

static bool unix_kv_dir_find(struct mirage_open *open, struct unix_kv_dir *dir,
			     struct mirage_uri *uri)
{
	bool ro;

	if (!mirage_open_flag(open, uri, "ro", &ro) ||
	    !mirage_open_unused(open, uri))
		return false;
	if (*uri->path == '\0')
		return mirage_open_refuse(open, MIRAGE_EINVAL,
					  "no path; write dir:PATH");
	dir->fd =
		openat(AT_FDCWD, uri->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return unix_kv_refuse_host(open, uri->path, errno);
	if (ro)
		return true;
	dir->info.caps = MIRAGE_KV_CAP_WRITE | MIRAGE_KV_CAP_DURABLE;
	dir->info.max_value_bytes = INT64_MAX;
	if (!unix_kv_writable(open, dir) || !unix_kv_lock(open, dir))
		return false;
	unix_kv_clean(dir);
	return true;
}

static void unix_kv_dir_init(struct unix_kv_dir *dir)
{
	dir->kv.ops = &unix_kv_ops;
	dir->kv.info = &dir->info;
	dir->info.size = sizeof(dir->info);
	dir->waiting_end = &dir->waiting;
	for (unsigned i = 0; i < UNIX_KV_WORKS; i++) {
		struct unix_kv_work *work = &dir->works[i];

		work->work.data = work;
		work->dir = dir;
		snprintf(work->temporary, sizeof(work->temporary),
			 UNIX_KV_TEMPORARY "%u", i);
		work->next = dir->free_work;
		dir->free_work = work;
	}
}

void unix_kv_dir_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct unix_kv_dir *dir = calloc(1, sizeof(*dir));

	if (dir == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "out of memory");
		return;
	}
	dir->fd = -1;
	if (!unix_kv_dir_find(open, dir, uri)) {
		if (dir->fd >= 0)
			close(dir->fd);
		free(dir);
		return;
	}
	unix_kv_dir_init(dir);
	mirage_core_kv_opened(open, 0, &dir->kv);
}
