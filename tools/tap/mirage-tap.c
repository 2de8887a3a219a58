/* SPDX-License-Identifier: ISC */
/*
 * mirage-tap: a tap interface as a stream of frames (framing.h) on descriptor 3,
 * for programs that cannot open one themselves, such as those in Node. Given a
 * command it makes the descriptor and runs it; else it was given the descriptor
 * and answers with one line first, as mirage-slirp does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mirage.h>

#include "framing.h"

#define FD 3
#define FRAME_MAX_BYTES 65535u
/* Frames moved one way before the other way gets its turn. */
#define TURN_FRAMES 64u

static bool asked; /* descriptor 3 waits for our first line */
static struct framing rx, tx;

static void fail(int error, const char *format, ...) MIRAGE_PRINTF(2, 3);

static void fail(int error, const char *format, ...)
{
	char message[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (asked)
		dprintf(FD, "%d %s\n", error, message);
	else
		fprintf(stderr, "mirage-tap: %s\n", message);
	exit(1);
}

/* -------------------------------------------------------------- Opening -- */

static void tap_refused(const char *name)
{
	if (errno == EPERM)
		fail(MIRAGE_EACCES,
		     "no permission to attach to '%s'; make it yours: "
		     "ip tuntap del dev %s mode tap && "
		     "ip tuntap add dev %s mode tap user $USER",
		     name, name, name);
	if (errno == EBUSY)
		fail(MIRAGE_EBUSY,
		     "another process is attached to '%s'; end it or use "
		     "another interface",
		     name);
	fail(MIRAGE_EIO, "cannot attach to '%s', is it a tap? (%s)", name,
	     strerror(errno));
}

/* An interface is never made here: a misspelt name would become one. */
static int tap_open(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	if (strlen(name) >= sizeof(request.ifr_name) || name[0] == '\0' ||
	    strchr(name, '%') != NULL)
		fail(MIRAGE_EINVAL, "'%s' is no name of an interface", name);
	if (if_nametoindex(name) == 0)
		fail(MIRAGE_ENODEV,
		     "there is no interface '%s'; make it: "
		     "ip tuntap add dev %s mode tap user $USER && "
		     "ip link set dev %s up",
		     name, name, name);
	memcpy(request.ifr_name, name, strlen(name));
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fail(MIRAGE_EACCES, "cannot open /dev/net/tun: %s",
		     strerror(errno));
	if (ioctl(fd, TUNSETIFF, &request) != 0)
		tap_refused(name);
	/* The interface keeps what its last user asked for. */
	ioctl(fd, TUNSETOFFLOAD, 0ul);
	return fd;
}

/* --------------------------------------------------------------- Moving -- */

/* A queue without room leaves frames to the interface's own, which drops. */
static void from_tap(int tap)
{
	static uint8_t frame[FRAME_MAX_BYTES];

	for (unsigned i = 0; i < TURN_FRAMES; i++) {
		ssize_t n;
		uint8_t *to;

		if (tx.capacity_bytes - framing_bytes(&tx) <
		    tx.capacity_bytes / 2)
			return;
		n = read(tap, frame, sizeof(frame));
		if (n <= 0)
			return;
		to = framing_put(&tx, (uint32_t)n);
		if (to != NULL)
			memcpy(to, frame, (size_t)n);
	}
}

/* Frames that an interface which is down or a full one refuses are lost. */
static bool to_tap(int tap)
{
	const uint8_t *frame;
	uint32_t length;
	enum framing_found found;

	do {
		found = framing_next(&rx, FRAME_MAX_BYTES, &frame, &length);
		if (found == FRAMING_FRAME)
			(void)!write(tap, frame, length);
	} while (found == FRAMING_FRAME || found == FRAMING_SIZE);
	return found != FRAMING_BROKEN;
}

static bool from_peer(int peer, int tap)
{
	uint32_t room;
	uint8_t *at = framing_room(&rx, &room);
	ssize_t n = recv(peer, at, room, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	framing_filled(&rx, (uint32_t)n);
	return n > 0 && to_tap(tap);
}

static bool to_peer(int peer)
{
	ssize_t n;

	if (framing_bytes(&tx) == 0)
		return true;
	n = send(peer, tx.bytes + tx.from, framing_bytes(&tx),
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	framing_written(&tx, (uint32_t)n);
	return true;
}

/* Until either end has gone. */
static void move(int tap, int peer)
{
	static uint8_t buffers[2][FRAMING_BUFFER_BYTES];
	struct pollfd polls[2] = {{.fd = tap}, {.fd = peer}};

	framing_init(&rx, buffers[0], FRAMING_BUFFER_BYTES);
	framing_init(&tx, buffers[1], FRAMING_BUFFER_BYTES);
	for (;;) {
		bool full = framing_bytes(&tx) > tx.capacity_bytes / 2;

		polls[0].events = full ? 0 : POLLIN;
		polls[1].events =
			framing_bytes(&tx) != 0 ? POLLIN | POLLOUT : POLLIN;
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return;
		if ((polls[0].revents & POLLERR) != 0)
			return; /* the interface was removed */
		if (polls[0].revents != 0)
			from_tap(tap);
		if ((polls[1].revents & (POLLIN | POLLHUP)) != 0 &&
		    !from_peer(peer, tap))
			return;
		if (!to_peer(peer))
			return;
	}
}

/* -------------------------------------------------------------- Starting -- */

/* We end with our peer, but not before: a terminal's ^C is for that. */
static void follow(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(const char *name)
{
	int type, tap;
	socklen_t length = sizeof(type);

	if (getsockopt(FD, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
	    type != SOCK_STREAM)
		fail(MIRAGE_EINVAL, "descriptor 3 is no stream socket; give a "
				    "command, see --help");
	asked = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	tap = tap_open(name);
	follow();
	dprintf(FD, "0 ready\n");
	move(tap, FD);
	return 0;
}

/* The command takes our place, so that signals and its status are its own. */
static int run(const char *name, char *command[])
{
	int tap = tap_open(name);
	int fds[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		fail(MIRAGE_EIO, "%s", strerror(errno));
	child = fork();
	if (child < 0)
		fail(MIRAGE_EIO, "%s", strerror(errno));
	if (child == 0) {
		close(fds[1]);
		follow();
		move(tap, fds[0]);
		_exit(0);
	}
	close(fds[0]);
	if (fds[1] == FD)
		fcntl(FD, F_SETFD, 0);
	else if (dup2(fds[1], FD) < 0)
		fail(MIRAGE_EIO, "%s", strerror(errno));
	execvp(command[0], command);
	fprintf(stderr, "mirage-tap: %s: %s\n", command[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

static const char help[] =
	"Usage: mirage-tap INTERFACE COMMAND [ARGUMENT]...\n"
	"Runs COMMAND with a tap interface on its descriptor 3, as a stream "
	"socket\n"
	"with QEMU's framing: for programs in Node, --net NAME=fd:3. The "
	"interface\n"
	"exists already: ip tuntap add dev INTERFACE mode tap user $USER\n"
	"Without COMMAND (mirage-relay does that) descriptor 3 is such a "
	"socket.\n"
	"\n"
	"  --help          this text\n"
	"  --version       the version\n"
	"\n"
	"Exit status: that of COMMAND; 126 or 127 when it does not start.\n";

int main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("mirage-tap " MIRAGE_VERSION);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (argc < 2 || argv[1][0] == '-') {
		fputs(help, stderr);
		return 2;
	}
	return argc == 2 ? serve(argv[1]) : run(argv[1], argv + 2);
}
