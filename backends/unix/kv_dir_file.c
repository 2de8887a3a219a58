/* SPDX-License-Identifier: ISC */
/*
 * kv_dir_file.c: what threads do for one key. Files are never changed, but replaced
 * by rename: whoever has one open reads on what it was.
 */
#define _GNU_SOURCE
#include "kv_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define NS_PER_S 1000000000
#define VECTORS_MAX 64u

bool unix_kv_reserved(const char *key)
{
	return strncmp(key, UNIX_KV_TEMPORARY, sizeof(UNIX_KV_TEMPORARY) - 1) ==
	       0;
}

/* ----------------------------------------------------------------- Paths -- */

/** Opens the directory `name` in `at`; with `change` one that can be synchronised,
 *  and makes it. */
static int unix_kv_step(int at, const char *name, bool change)
{
	int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC |
		    (change ? O_RDONLY : O_PATH);
	int fd = openat(at, name, flags);

	if (fd >= 0 || !change || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
		return -errno;
	if (fsync(at) != 0)
		return -errno;
	fd = openat(at, name, flags);
	return fd >= 0 ? fd : -errno;
}

int unix_kv_enter(const struct unix_kv_dir *dir, const char *key, bool change,
		  const char **name)
{
	char part[MIRAGE_KV_KEY_MAX + 1];
	const char *slash;
	int fd = dir->fd;

	for (; (slash = strchr(key, '/')) != NULL; key = slash + 1) {
		size_t length = (size_t)(slash - key);
		int next;

		memcpy(part, key, length);
		part[length] = '\0';
		next = unix_kv_step(fd, part, change);
		unix_kv_leave(dir, fd);
		if (next < 0)
			return next;
		fd = next;
	}
	*name = key;
	return fd;
}

void unix_kv_leave(const struct unix_kv_dir *dir, int fd)
{
	if (fd != dir->fd)
		close(fd);
}

/* --------------------------------------------------------- Stat and read -- */

static int64_t unix_kv_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
}

/** Spreads the differences of a few bits over all of them (Steele, Lea, Flood
 *  2014: splitmix64). */
static uint64_t unix_kv_mix(uint64_t bits)
{
	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return bits ^ bits >> 31;
}

void unix_kv_describe(const struct stat *stat, struct mirage_kv_value *value)
{
	uint64_t rest = unix_kv_mix((uint64_t)unix_kv_ns(&stat->st_ctim));

	rest = unix_kv_mix(rest ^ (uint64_t)stat->st_ino);
	rest = unix_kv_mix(rest ^ (uint64_t)stat->st_size);
	memset(value, 0, sizeof(*value));
	value->size_bytes = (uint64_t)stat->st_size;
	value->modified_ns = unix_kv_ns(&stat->st_mtim);
	memcpy(value->version, &value->modified_ns, 8);
	memcpy(value->version + 8, &rest, 8);
}

int unix_kv_stat(struct unix_kv_work *work)
{
	struct mirage_kv_request *request = work->request;
	const char *name;
	struct stat stat;
	int fd = unix_kv_enter(work->dir, request->key, false, &name);
	int error = 0;

	if (fd < 0)
		return fd;
	if (fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		error = -errno;
	unix_kv_leave(work->dir, fd);
	if (error < 0)
		return error;
	if (!S_ISREG(stat.st_mode))
		return -ENOENT;
	unix_kv_describe(&stat, &request->value);
	return 0;
}

/** Takes the next vectors, less what is `done` of the first of them. */
static int unix_kv_vectors(const struct mirage_kv_request *request,
			   uint32_t first, size_t done,
			   struct iovec out[VECTORS_MAX])
{
	uint32_t n = request->n_vectors - first;

	if (n > VECTORS_MAX)
		n = VECTORS_MAX;
	for (uint32_t i = 0; i < n; i++) {
		out[i].iov_base = request->vectors[first + i].base;
		out[i].iov_len = request->vectors[first + i].length_bytes;
	}
	out[0].iov_base = (char *)out[0].iov_base + done;
	out[0].iov_len -= done;
	return (int)n;
}

/** Moves all vectors from or to `fd`, or as much as there is; returns the count. */
static int64_t unix_kv_move(const struct mirage_kv_request *request, int fd,
			    bool in)
{
	struct iovec out[VECTORS_MAX];
	uint32_t vector = 0;
	size_t done = 0; /* of that vector */
	int64_t sum = 0;

	for (;;) {
		ssize_t n;
		int count;

		while (vector < request->n_vectors &&
		       done == request->vectors[vector].length_bytes) {
			vector++;
			done = 0;
		}
		if (vector == request->n_vectors)
			return sum;
		count = unix_kv_vectors(request, vector, done, out);
		n = in ? preadv(fd, out, count,
				(off_t)(request->offset_bytes + (uint64_t)sum))
		       : writev(fd, out, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? sum : -errno;
		sum += n;
		for (done += (size_t)n;
		     vector < request->n_vectors &&
		     done >= request->vectors[vector].length_bytes && done > 0;
		     vector++)
			done -= request->vectors[vector].length_bytes;
	}
}

static int unix_kv_read_file(struct mirage_kv_request *request, int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -ENOENT;
	unix_kv_describe(&stat, &request->value);
	if (request->offset_bytes >= (uint64_t)stat.st_size)
		return 0;
	return (int)unix_kv_move(request, fd, true);
}

int unix_kv_read(struct unix_kv_work *work)
{
	struct mirage_kv_request *request = work->request;
	const char *name;
	int at = unix_kv_enter(work->dir, request->key, false, &name);
	int fd, result;

	if (at < 0)
		return at;
	/* A pipe must not make the thread wait. */
	fd = openat(at, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	result = fd < 0 ? -errno : 0;
	unix_kv_leave(work->dir, at);
	if (fd < 0)
		return result;
	result = unix_kv_read_file(request, fd);
	close(fd);
	return result;
}

/* --------------------------------------------------------------- Changes -- */

static int unix_kv_write_file(const struct unix_kv_work *work, int fd)
{
	struct timespec times[2];
	int64_t written = unix_kv_move(work->request, fd, false);

	times[0].tv_sec = (time_t)(work->stamp_ns / NS_PER_S);
	times[0].tv_nsec = (long)(work->stamp_ns % NS_PER_S);
	times[1] = times[0];
	if (written < 0)
		return (int)written;
	return futimens(fd, times) == 0 && fsync(fd) == 0 ? 0 : -errno;
}

/** Writes the value to the temporary file. */
static int unix_kv_write(const struct unix_kv_work *work)
{
	int fd = openat(work->dir->fd, work->temporary,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0666);
	int error;

	if (fd < 0)
		return -errno;
	error = unix_kv_write_file(work, fd);
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

/** Puts the temporary file in its place. */
static int unix_kv_place(const struct unix_kv_work *work)
{
	const char *name;
	int at = unix_kv_enter(work->dir, work->request->key, true, &name);
	int error = 0;

	if (at < 0)
		return at;
	if (renameat(work->dir->fd, work->temporary, at, name) != 0)
		error = -errno;
	/* A directory that nothing is in is no key's. */
	if (error == -EISDIR && unlinkat(at, name, AT_REMOVEDIR) == 0)
		error = renameat(work->dir->fd, work->temporary, at, name) == 0
				? 0
				: -errno;
	if (error == 0 && fsync(at) != 0)
		error = -errno;
	unix_kv_leave(work->dir, at);
	return error;
}

/* A REMOVE takes away directories that become empty, perhaps one that we have just
 * made: then once more. */
#define PLACE_TRIES 100

int unix_kv_set(struct unix_kv_work *work)
{
	int error = unix_kv_write(work);

	if (error == 0) {
		error = -ENOENT;
		for (int i = 0; i < PLACE_TRIES && error == -ENOENT; i++)
			error = unix_kv_place(work);
	}
	if (error < 0)
		unlinkat(work->dir->fd, work->temporary, 0);
	return error == -ENOENT ? -EIO : error;
}

/** Removes the directories of `key` that have nothing left in them. */
static void unix_kv_prune(const struct unix_kv_dir *dir, const char *key)
{
	char path[MIRAGE_KV_KEY_MAX + 1], *slash;
	const char *name;
	int at, error = 0;

	strcpy(path, key);
	while (error == 0 && (slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		at = unix_kv_enter(dir, path, false, &name);
		if (at < 0)
			return;
		error = unlinkat(at, name, AT_REMOVEDIR);
		unix_kv_leave(dir, at);
	}
}

int unix_kv_remove(struct unix_kv_work *work)
{
	const char *key = work->request->key, *name;
	struct stat stat;
	int at = unix_kv_enter(work->dir, key, false, &name);
	int error = 0, fd;

	if (at < 0)
		return at;
	if (fstatat(at, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		error = -errno;
	else if (!S_ISREG(stat.st_mode))
		error = -ENOENT;
	else if (unlinkat(at, name, 0) != 0)
		error = -errno;
	if (error == 0) {
		/* What is only a path cannot be synchronised. */
		fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			error = -errno;
		if (fd >= 0)
			close(fd);
	}
	unix_kv_leave(work->dir, at);
	if (error == 0)
		unix_kv_prune(work->dir, key);
	return error;
}
