/* SPDX-License-Identifier: ISC */
/*
 * kv_dir_list.c: LIST of a directory. One directory after the other is read and
 * sorted, each name of a directory with a `/` behind it: so the keys come in the
 * order of their bytes, and memory is needed for the directories on the way only.
 */
#define _GNU_SOURCE
#include "kv_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEVELS_MAX 128u	       /* a key has no more names than that */
#define ENTRIES_MAX (1u << 20) /* of one directory */
#define KEYS_AT_ONCE 128u

/** A directory on the way. */
struct level {
	int fd;
	char **names; /* sorted; those of directories end in '/' */
	uint32_t n, room, at;
	size_t path_bytes; /* of the path, with its last '/' */
};

struct unix_kv_listing {
	struct level levels[LEVELS_MAX];
	uint32_t n_levels;
	bool begun;
	char path[MIRAGE_KV_KEY_MAX + 1]; /* of the last level */
	uint32_t n_keys;
	struct found {
		struct mirage_kv_value value;
		char key[MIRAGE_KV_KEY_MAX + 1];
	} keys[KEYS_AT_ONCE];
};

struct unix_kv_listing *unix_kv_listing_new(void)
{
	return calloc(1, sizeof(struct unix_kv_listing));
}

/* ---------------------------------------------------------------- Levels -- */

static void level_fini(struct level *level)
{
	for (uint32_t i = 0; i < level->n; i++)
		free(level->names[i]);
	free(level->names);
	close(level->fd);
}

void unix_kv_listing_free(struct unix_kv_listing *listing)
{
	while (listing->n_levels > 0)
		level_fini(&listing->levels[--listing->n_levels]);
	free(listing);
}

static int level_add(struct level *level, const char *name, bool folder)
{
	size_t length = strlen(name);
	char *copy = malloc(length + 2);

	if (copy == NULL || level->n == ENTRIES_MAX) {
		free(copy);
		return -ENOMEM;
	}
	if (level->n == level->room) {
		uint32_t room = level->room == 0 ? 64 : level->room * 2;
		char **names = realloc(level->names, room * sizeof(names[0]));

		if (names == NULL) {
			free(copy);
			return -ENOMEM;
		}
		level->names = names;
		level->room = room;
	}
	memcpy(copy, name, length);
	copy[length] = '/';
	copy[length + folder] = '\0';
	level->names[level->n++] = copy;
	return 0;
}

static uint8_t kind_of(const struct level *level, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(level->fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return (uint8_t)IFTODT(stat.st_mode);
}

/** Takes an entry of the directory, unless it is no key, nor leads to one that
 *  begins with the path and `prefix`. */
static int level_take(struct level *level, const struct dirent *entry,
		      const char *prefix)
{
	const char *name = entry->d_name;
	uint8_t kind = kind_of(level, entry);
	bool folder = kind == DT_DIR;

	if ((!folder && kind != DT_REG) || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 ||
	    strncmp(name, prefix, strlen(prefix)) != 0 ||
	    (level->path_bytes == 0 && unix_kv_reserved(name)) ||
	    level->path_bytes + strlen(name) > MIRAGE_KV_KEY_MAX)
		return 0;
	return level_add(level, name, folder);
}

static int by_bytes(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/** Reads the directory `fd`, which it closes with the level, or at once when it
 *  fails. */
static int level_read(struct unix_kv_listing *listing, int fd,
		      const char *prefix)
{
	struct level *level = &listing->levels[listing->n_levels];
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), error = 0;
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	*level = (struct level){.fd = fd, .path_bytes = strlen(listing->path)};
	listing->n_levels++;
	if (entries == NULL) {
		error = -errno;
		if (copy >= 0)
			close(copy);
		return error;
	}
	while (error == 0 && (errno = 0, entry = readdir(entries)) != NULL)
		error = level_take(level, entry, prefix);
	if (error == 0 && entry == NULL && errno != 0)
		error = -errno;
	closedir(entries);
	if (level->n > 0)
		qsort(level->names, level->n, sizeof(level->names[0]),
		      by_bytes);
	return error;
}

static int open_folder(int at, const char *name)
{
	int fd = openat(at, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

/** Whether a directory that cannot be opened is merely gone. */
static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

static int enter_folder(struct unix_kv_listing *listing, const char *name)
{
	const struct level *level = &listing->levels[listing->n_levels - 1];
	char part[MIRAGE_KV_KEY_MAX + 2];
	size_t length = strlen(name);
	int fd;

	memcpy(part, name, length);
	part[length - 1] = '\0'; /* without its '/' */
	if (level->path_bytes + length > MIRAGE_KV_KEY_MAX ||
	    listing->n_levels == LEVELS_MAX)
		return 0;
	fd = open_folder(level->fd, part);
	if (fd < 0)
		return is_gone(fd) ? 0 : fd;
	memcpy(listing->path + level->path_bytes, name, length + 1);
	return level_read(listing, fd, "");
}

/* --------------------------------------------------------------- Keys -- */

static void take_key(struct unix_kv_listing *listing, const char *name)
{
	const struct level *level = &listing->levels[listing->n_levels - 1];
	struct found *found = &listing->keys[listing->n_keys];
	struct stat stat;

	if (fstatat(level->fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(stat.st_mode))
		return; /* gone meanwhile */
	memcpy(found->key, listing->path, level->path_bytes);
	strcpy(found->key + level->path_bytes, name);
	unix_kv_describe(&stat, &found->value);
	listing->n_keys++;
}

/** Begins in the directory that the prefix names, with the names that begin with
 *  the rest of it. */
static int begin(struct unix_kv_work *work)
{
	struct unix_kv_listing *listing = work->listing;
	const char *prefix = work->request->key, *rest;
	int at = unix_kv_enter(work->dir, prefix, false, &rest);
	int fd;

	if (at < 0)
		return is_gone(at) ? 0 : at;
	memcpy(listing->path, prefix, (size_t)(rest - prefix));
	fd = open_folder(at, ".");
	unix_kv_leave(work->dir, at);
	if (fd < 0)
		return is_gone(fd) ? 0 : fd;
	return level_read(listing, fd, rest);
}

int unix_kv_list_some(struct unix_kv_work *work)
{
	struct unix_kv_listing *listing = work->listing;
	int error = 0;

	if (!listing->begun)
		error = begin(work);
	listing->begun = true;
	while (error == 0 && listing->n_levels > 0 &&
	       listing->n_keys < KEYS_AT_ONCE) {
		struct level *level = &listing->levels[listing->n_levels - 1];
		const char *name;

		if (level->at == level->n) {
			level_fini(level);
			listing->n_levels--;
			continue;
		}
		name = level->names[level->at++];
		if (name[strlen(name) - 1] == '/')
			error = enter_folder(listing, name);
		else
			take_key(listing, name);
	}
	return error < 0 ? error : listing->n_levels > 0;
}

bool unix_kv_list_tell(struct unix_kv_work *work)
{
	struct unix_kv_listing *listing = work->listing;
	bool on = true;

	for (uint32_t i = 0; i < listing->n_keys && on; i++)
		on = mirage_core_kv_key(work->request, listing->keys[i].key,
					&listing->keys[i].value);
	listing->n_keys = 0;
	return on;
}
