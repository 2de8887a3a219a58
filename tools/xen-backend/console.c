/* SPDX-License-Identifier: ISC */
/* The other side of a guest's console: what xenconsoled has written down, or whoever
 * started mirage-xen-run, and the terminal at which somebody types. */
#define _GNU_SOURCE
#include "backend.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void console_add(struct console *console, uint32_t domid)
{
	*console = (struct console){.domid = domid, .tty = -1};
}

void console_remove(struct console *console)
{
	if (console->tty >= 0)
		close(console->tty);
	free(console->typed);
}

static void open_tty(struct console *console)
{
	char directory[64], *path;

	snprintf(directory, sizeof(directory), "/local/domain/%u/console",
		 console->domid);
	path = store_read(directory, "tty");
	if (path == NULL)
		return;
	console->tty = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
	free(path);
}

bool console_type(struct console *console, const void *bytes, size_t length)
{
	uint8_t *typed;

	if (console->tty < 0)
		open_tty(console);
	typed = realloc(console->typed, console->n_typed + length + 1);
	if (console->tty < 0 || typed == NULL)
		return false;
	memcpy(typed + console->n_typed, bytes, length);
	console->typed = typed;
	console->n_typed += length;
	console_serve(console);
	return true;
}

void console_serve(struct console *console)
{
	ssize_t n;

	if (console->n_typed == 0)
		return;
	n = write(console->tty, console->typed, console->n_typed);
	if (n <= 0)
		return;
	console->n_typed -= (size_t)n;
	memmove(console->typed, console->typed + n, console->n_typed);
}

size_t console_output(const struct console *console, bool log, uint64_t from,
		      void *bytes, size_t length)
{
	char path[128], directory[64], *name;
	ssize_t n;
	int fd;

	snprintf(directory, sizeof(directory), "/local/domain/%u",
		 console->domid);
	name = store_read(directory, "name");
	if (name == NULL)
		return 0;
	snprintf(path, sizeof(path), "/lab/console/guest-%s.err", name);
	fd = log ? open(path, O_RDONLY) : -1;
	snprintf(path, sizeof(path), "/lab/console/guest-%s.log", name);
	if (fd < 0)
		fd = open(path, O_RDONLY);
	free(name);
	if (fd < 0)
		return 0;
	n = pread(fd, bytes, length, (off_t)from);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* ---------------------------------------------------------------- Readers -- */

static bool is_reader(const char *pid)
{
	char path[288], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "xenconsoled\n") == 0 ||
	       strcmp(name, "mirage-xen-run\n") == 0;
}

/* Nobody reads a console while those who read them are stopped. */
bool console_pause(bool paused)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    is_reader(entry->d_name))
			found |= kill(atoi(entry->d_name),
				      paused ? SIGSTOP : SIGCONT) == 0;
	if (directory != NULL)
		closedir(directory);
	return found;
}
