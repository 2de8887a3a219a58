/* SPDX-License-Identifier: ISC */
/* What dom0 can do to devices that Linux's own netback and blkback serve. */
#define _GNU_SOURCE
#include "backend.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *kind(enum world_device device)
{
	return device <= WORLD_NET_B ? "vif" : "vbd";
}

static unsigned handle(enum world_device device)
{
	return device <= WORLD_NET_B ? device : WORLD_VBD_HANDLE(device);
}

static void directory(char path[64], uint32_t domid, enum world_device device)
{
	snprintf(path, 64, "/local/domain/0/backend/%s/%u/%u", kind(device),
		 domid, handle(device));
}

bool linux_suspend(uint32_t domid)
{
	char path[64], *name;
	unsigned job;
	bool good;

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	name = store_read(path, "name");
	good = name != NULL && sscanf(name, "lab-%u", &job) == 1;
	free(name);
	if (!good)
		return false;
	snprintf(path, sizeof(path), "%u", job);
	signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
	if (fork() == 0) {
		close(STDOUT_FILENO);
		execl("/sbin/guest-suspend", "guest-suspend", path, NULL);
		_exit(1);
	}
	return true;
}

bool linux_set_link(uint32_t domid, enum world_device device, bool up)
{
	char path[64];

	directory(path, domid, device);
	return store_write(path, "carrier", "%d", up);
}

#define INSIST_TRIES 400
#define INSIST_US 5000

/* blkback may say Connected once more, with the first request after its disk has
 * another size, and what was written to its state is gone. So it is written until
 * one of both moves. */
static void insist(const char *path)
{
	char *frontend = store_read(path, "frontend");

	for (unsigned i = 0; i < INSIST_TRIES && frontend != NULL; i++) {
		uint64_t state = store_number(path, "state", 0);

		if (state == XenbusStateConnected)
			store_write(path, "state", "%d", XenbusStateClosing);
		else if (state != XenbusStateClosing)
			break;
		if (store_number(frontend, "state", 0) != XenbusStateConnected)
			break;
		usleep(INSIST_US);
	}
	free(frontend);
}

/* As a driver domain that restarts. Linux closes the device when it is told to and
 * the guest has let go; as it stays `online` the guest begins again at once, and
 * nothing is left to do to give it back. (Were it not online, Linux would forget the
 * device, and the one that is made anew could meet what is left of the old one.) */
bool linux_lose(uint32_t domid, enum world_device device, bool lost)
{
	char path[64];

	directory(path, domid, device);
	if (!lost)
		return true;
	if (!store_write(path, "state", "%d", XenbusStateClosing))
		return false;
	signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
	if (fork() != 0)
		return true;
	/* The guest stands still until it has its answer. */
	close(STDOUT_FILENO);
	store_open();
	insist(path);
	_exit(0);
}

/* The loop device takes the new size of its file; blkback sees it with the next
 * request, or is told by the toolstack, which is what this does. */
bool linux_resize(uint32_t domid, enum world_device device, uint64_t size_bytes)
{
	char path[64], *node, *file;
	int fd;
	bool good;

	directory(path, domid, device);
	node = store_read(path, "node");
	file = store_read(path, "params");
	fd = node != NULL ? open(node, O_RDWR) : -1;
	good = fd >= 0 && file != NULL &&
	       truncate(file, (off_t)size_bytes) == 0 &&
	       ioctl(fd, LOOP_SET_CAPACITY, 0) == 0 &&
	       store_write(path, "sectors", "%llu",
			   (unsigned long long)(size_bytes / 512)) &&
	       store_write(path, "state", "%d", XenbusStateConnected);
	if (fd >= 0)
		close(fd);
	free(node);
	free(file);
	return good;
}
