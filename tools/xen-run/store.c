/* SPDX-License-Identifier: ISC */
#include "store.h"

#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#define ANSWER_MS 5000

static struct xs_handle *xs;
static bool silent; /* it did not answer */
static char first_failure[STORE_PATH + 80];

bool store_open(void)
{
	xs = xs_open(0);
	if (xs != NULL)
		return true;
	complain("cannot reach xenstored: %s; is it running?", strerror(errno));
	return false;
}

void store_close(void)
{
	if (xs != NULL)
		xs_close(xs);
	xs = NULL;
}

/* In a process of its own: the library would wait for ever. */
static pid_t ask(void)
{
	pid_t child = fork();
	struct xs_handle *own;
	unsigned n;

	if (child != 0)
		return child;
	own = xs_open(0);
	_exit(own != NULL && xs_directory(own, XBT_NULL, "/", &n) != NULL ? 0
									  : 1);
}

bool store_answers(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	pid_t child = silent ? -1 : ask();
	int status = 1;

	if (child < 0)
		return !silent;
	for (int ms = 0; waitpid(child, &status, WNOHANG) == 0; ms++) {
		nanosleep(&pause, NULL);
		if (ms == ANSWER_MS)
			kill(child, SIGKILL);
	}
	silent = status != 0;
	return !silent;
}

static void check(bool done, const char *path)
{
	if (!done && first_failure[0] == '\0')
		snprintf(first_failure, sizeof first_failure,
			 "xenstore: %s: %s", path, strerror(errno));
}

bool store_ok(void)
{
	if (first_failure[0] == '\0')
		return true;
	complain("%s", first_failure);
	first_failure[0] = '\0';
	return false;
}

/* -------------------------------------------------------------- Writing -- */

void store_access(const char *path, enum store_access access, uint32_t domid)
{
	static const char *const names[] = {"dom0 alone", "guest reads",
					    "guest owns"};
	struct xs_permissions all[2] = {{.id = 0, .perms = XS_PERM_NONE},
					{.id = domid, .perms = XS_PERM_READ}};

	if (silent || !step("xenstore: access %s: %s", path, names[access]))
		return;
	if (access == STORE_GUEST_OWNS) {
		all[0].id = domid;
		all[1].id = 0;
	}
	check(xs_set_permissions(xs, XBT_NULL, path, all,
				 access == STORE_TOOLS ? 1 : 2),
	      path);
}

void store_directory(const char *path, enum store_access access, uint32_t domid)
{
	if (!silent && step("xenstore: directory %s", path))
		check(xs_mkdir(xs, XBT_NULL, path), path);
	store_access(path, access, domid);
}

static const char *join(char path[STORE_PATH], const char *directory,
			const char *key)
{
	snprintf(path, STORE_PATH, "%s/%s", directory, key);
	return path;
}

void store_write(const char *directory, const char *key, const char *format,
		 ...)
{
	char path[STORE_PATH], value[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	join(path, directory, key);
	if (!silent && step("xenstore: %s = '%s'", path, value))
		check(xs_write(xs, XBT_NULL, path, value,
			       (unsigned)strlen(value)),
		      path);
}

void store_remove(const char *path)
{
	if (!silent && step("xenstore: remove %s", path))
		check(xs_rm(xs, XBT_NULL, path) || errno == ENOENT, path);
}

void store_introduce(uint32_t domid, uint64_t gfn, uint32_t port)
{
	check(xs_introduce_domain(xs, domid, gfn, port), "introduction");
}

/* -------------------------------------------------------------- Reading -- */

char *store_read(const char *directory, const char *key)
{
	char path[STORE_PATH];
	unsigned n;

	return silent ? NULL
		      : xs_read(xs, XBT_NULL, join(path, directory, key), &n);
}

long store_number(const char *directory, const char *key, long otherwise)
{
	char *text = store_read(directory, key), *end;
	long value = otherwise;

	if (text != NULL && *text != '\0') {
		value = strtol(text, &end, 10);
		if (*end != '\0')
			value = otherwise;
	}
	free(text);
	return value;
}

char **store_list(const char *path, unsigned *n)
{
	char **list = silent ? NULL : xs_directory(xs, XBT_NULL, path, n);

	if (list == NULL)
		*n = 0;
	return list;
}

/* -------------------------------------------------------------- Waiting -- */

bool store_watch_ends(void)
{
	/* It is watched already when the guest is started again. */
	if (xs_watch(xs, "@releaseDomain", "end") || errno == EEXIST)
		return true;
	complain("xenstore: @releaseDomain: %s", strerror(errno));
	return false;
}

int store_fd(void)
{
	return xs_fileno(xs);
}

void store_watch_drain(void)
{
	char **event;

	while ((event = xs_check_watch(xs)) != NULL)
		free(event);
}
