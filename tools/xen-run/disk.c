/* SPDX-License-Identifier: ISC */
/*
 * Files become block devices by loop devices, which are bound in one step, so
 * that no two programs get the same one, and clear themselves when the last
 * user has closed them: even a tool that was killed leaves none behind.
 */
#include "device.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/loop.h>

#define TRIES 100 /* others look for free devices as well */

static bool wrong(const struct disk_option *disk, const char *what)
{
	complain("--disk %s=%s: %s", disk->name, disk->file, what);
	return false;
}

bool disk_check(const struct disk_option *disk)
{
	struct stat stat_;

	if (stat(disk->file, &stat_) != 0)
		return wrong(disk, errno == ENOENT
					   ? "no such file; make one with "
					     "'truncate -s 64M FILE'"
					   : strerror(errno));
	if (S_ISBLK(stat_.st_mode))
		return true;
	if (!S_ISREG(stat_.st_mode))
		return wrong(disk, "neither a file nor a block device");
	if (stat_.st_size == 0)
		return wrong(disk, "it is empty; make it larger with "
				   "'truncate -s 64M FILE'");
	if (stat_.st_size % 512 != 0)
		return wrong(disk, "its size is not a multiple of 512 bytes; "
				   "mend it with 'truncate -s %512 FILE'");
	return true;
}

/** Binds `file` to a free loop device. */
static int bind_loop(int control, int file, const struct disk_option *disk)
{
	struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR |
				 (disk->read_only ? LO_FLAGS_READ_ONLY : 0u),
	};

	snprintf((char *)config.info.lo_file_name,
		 sizeof config.info.lo_file_name, "%s", disk->file);
	for (int i = 0; i < TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), loop;
		char path[32];

		if (number < 0)
			return -1;
		snprintf(path, sizeof path, "/dev/loop%d", number);
		loop = open(path,
			    (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (loop < 0)
			return -1;
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return loop;
		close(loop);
		if (errno != EBUSY)
			return -1;
	}
	return -1;
}

static int loop_for(int file, const struct disk_option *disk)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), loop = -1;

	if (control < 0) {
		wrong(disk, "no /dev/loop-control; 'modprobe loop' makes it");
	} else {
		loop = bind_loop(control, file, disk);
		if (loop < 0)
			wrong(disk, strerror(errno));
		close(control);
	}
	close(file);
	return loop;
}

int disk_attach(const struct disk_option *disk, unsigned *major_,
		unsigned *minor_)
{
	int flags = (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	struct stat stat_;
	int fd;

	/* A block device: not while it is mounted. */
	if (stat(disk->file, &stat_) == 0 && S_ISBLK(stat_.st_mode) &&
	    !disk->read_only)
		flags |= O_EXCL;
	fd = open(disk->file, flags);
	if (fd < 0) {
		wrong(disk, errno == EBUSY ? "the system uses this block "
					     "device; unmount it, or add ,ro"
					   : strerror(errno));
		return -1;
	}
	/* The same lock as the processes of the unix backend take. The loop
	 * device shares the open file, so the lock lives as long as it does. */
	if (flock(fd, (disk->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 &&
	    errno == EWOULDBLOCK) {
		wrong(disk, "in use by another program; two may share it if "
			    "both say ro");
		close(fd);
		return -1;
	}
	if (fstat(fd, &stat_) == 0 && S_ISREG(stat_.st_mode)) {
		fd = loop_for(fd, disk);
		if (fd < 0 || fstat(fd, &stat_) != 0)
			return -1;
	}
	*major_ = major(stat_.st_rdev);
	*minor_ = minor(stat_.st_rdev);
	return fd;
}
