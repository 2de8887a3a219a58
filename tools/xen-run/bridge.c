/* SPDX-License-Identifier: ISC */
#include "device.h"
#include "report.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

bool bridge_is(const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/sys/class/net/%s/bridge", name);
	return access(path, F_OK) == 0;
}

static bool add_port(int fd, const char *interface, const char *bridge)
{
	struct ifreq request = {.ifr_ifindex = (int)if_nametoindex(interface)};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", bridge);
	return ioctl(fd, SIOCBRADDIF, &request) == 0 || errno == EBUSY;
}

static bool set_up(int fd, const char *interface)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
	if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		return false;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool set_mtu(int fd, const char *interface, unsigned mtu_bytes)
{
	struct ifreq request = {.ifr_mtu = (int)mtu_bytes};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
	return ioctl(fd, SIOCSIFMTU, &request) == 0;
}

bool bridge_plug(const char *interface, const char *bridge, unsigned mtu_bytes)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done = fd >= 0 &&
		    (mtu_bytes == 0 || set_mtu(fd, interface, mtu_bytes)) &&
		    (bridge == NULL || add_port(fd, interface, bridge)) &&
		    set_up(fd, interface);

	if (!done)
		complain("%s: cannot set it up%s%s: %s", interface,
			 bridge != NULL ? " in bridge " : "",
			 bridge != NULL ? bridge : "", strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}
