/* SPDX-License-Identifier: ISC */
/*
 * unix:PATH, a socket in the file system with QEMU's stream framing: QEMU
 * (-netdev stream), passt and other Mirage processes are its peers, one at a
 * time. Whoever comes first listens, who comes second connects, and each keeps
 * its part: the one connects again, the other accepts again.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A dot and a process id, see socket_listen. */
#define SUFFIX_BYTES 9u
#define PATH_MAX_BYTES \
	(sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - SUFFIX_BYTES)
/* Others may come and go at the same path while we try. */
#define TRIES 8u

enum socket_part { PART_EITHER, PART_CONNECT, PART_LISTEN };

struct unix_socket {
	struct unix_stream stream;
	int listen_fd;
	uv_poll_t *listen_poll;
	struct stat file; /* the socket file that is ours */
	bool told;	  /* about a second peer */
	char path[PATH_MAX_BYTES + 1];
};

static void socket_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strlen(path));
}

static int socket_new(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---------------------------------------------------------- Connecting -- */

/* Returns 0 with `*fd` connected, or what errno says. */
static int socket_connect(const char *path, int *fd)
{
	struct sockaddr_un address;
	int error;

	*fd = socket_new();
	if (*fd < 0)
		return errno;
	socket_address(&address, path);
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	error = errno;
	close(*fd);
	return error;
}

static void socket_reconnect(struct unix_socket *s)
{
	int fd, error = socket_connect(s->path, &fd);

	if (error == 0 && unix_stream_attach(&s->stream, fd))
		return;
	mirage_log(MIRAGE_LOG_DEBUG, "network '%s': %s: %s, trying again",
		   s->stream.net.name, s->path, strerror(error));
	unix_stream_retry(&s->stream);
}

/* ----------------------------------------------------------- Listening -- */

static void socket_incoming(uv_poll_t *poll, int status, int events);

/* Without descriptors left, pauses: the peer would be announced for ever. */
static int socket_accept(struct unix_socket *s)
{
	int fd =
		accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED &&
	    errno != EINTR) {
		mirage_log(MIRAGE_LOG_WARN, "network '%s': %s: no peer: %s",
			   s->stream.net.name, s->path, strerror(errno));
		uv_poll_stop(s->listen_poll);
		unix_stream_retry(&s->stream);
	}
	return fd;
}

static void unix_socket_retry(struct unix_stream *stream)
{
	struct unix_socket *s = (struct unix_socket *)stream;

	if (s->listen_poll != NULL)
		uv_poll_start(s->listen_poll, UV_READABLE, socket_incoming);
	else
		socket_reconnect(s);
}

static void socket_refuse(struct unix_socket *s)
{
	int fd = socket_accept(s);

	if (fd < 0)
		return;
	close(fd);
	if (!s->told)
		mirage_log(MIRAGE_LOG_WARN,
			   "network '%s': %s: refused a second peer, there is "
			   "room for one",
			   s->stream.net.name, s->path);
	s->told = true;
}

static bool socket_peer_left(const struct unix_socket *s)
{
	struct pollfd peer = {.fd = s->stream.fd, .events = POLLRDHUP};

	return poll(&peer, 1, 0) > 0 &&
	       (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void socket_incoming(uv_poll_t *poll, int status, int events)
{
	struct unix_socket *s = poll->data;
	int fd;

	if (s->stream.fd >= 0) {
		/* A peer that left is found out soon; the next one waits. */
		if (socket_peer_left(s))
			uv_poll_stop(poll);
		else
			socket_refuse(s);
		return;
	}
	fd = socket_accept(s);
	s->told = false;
	if (fd >= 0)
		unix_stream_attach(&s->stream, fd);
}

/* Whether `path` is still the socket file that `file` was. Numbers of files are
 * used again, hence the time. */
static bool socket_is(const char *path, const struct stat *file)
{
	struct stat now;

	return lstat(path, &now) == 0 && S_ISSOCK(now.st_mode) &&
	       now.st_dev == file->st_dev && now.st_ino == file->st_ino &&
	       now.st_mtim.tv_sec == file->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == file->st_mtim.tv_nsec;
}

/* Gives the socket at `temporary` the name `path`, in the place of the socket
 * `dead` unless that is NULL. Others may be at it too, so the two change places
 * at once, and back if it was not the dead one. What is left at `temporary` may
 * be removed. Returns 0, EEXIST when somebody was faster, or another errno. */
static int socket_name(const char *temporary, const char *path,
		       const struct stat *dead)
{
	if (dead == NULL)
		return link(temporary, path) < 0 ? errno : 0;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE) < 0)
		return errno == ENOENT ? EEXIST : errno;
	if (socket_is(temporary, dead))
		return 0;
	renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE);
	return EEXIST;
}

/* Binds to `temporary`, listens, and only then takes the name: a socket file that
 * refuses is a dead one, never one that is being made. */
static int socket_bind(struct unix_socket *s, const char *temporary,
		       const struct stat *dead)
{
	struct sockaddr_un address;

	socket_address(&address, temporary);
	unlink(temporary);
	if (bind(s->listen_fd, (struct sockaddr *)&address, sizeof(address)) <
		    0 ||
	    listen(s->listen_fd, 4) < 0 || lstat(temporary, &s->file) < 0)
		return errno;
	return socket_name(temporary, s->path, dead);
}

static int socket_listen(struct unix_socket *s, const struct stat *dead)
{
	char temporary[sizeof(s->path) + SUFFIX_BYTES];
	int error;

	s->listen_fd = socket_new();
	if (s->listen_fd < 0)
		return errno;
	snprintf(temporary, sizeof(temporary), "%s.%d", s->path, (int)getpid());
	error = socket_bind(s, temporary, dead);
	unlink(temporary);
	if (error == 0)
		s->listen_poll = unix_poll_new(s->listen_fd, s);
	if (error == 0 && s->listen_poll != NULL) {
		uv_poll_start(s->listen_poll, UV_READABLE, socket_incoming);
		return 0;
	}
	close(s->listen_fd);
	return error != 0 ? error : ENOMEM;
}

static void unix_socket_gone(struct unix_stream *stream, const char *why)
{
	struct unix_socket *s = (struct unix_socket *)stream;

	mirage_log(MIRAGE_LOG_INFO, "network '%s': %s: the peer has gone: %s",
		   stream->net.name, s->path, why);
	if (s->listen_poll != NULL)
		uv_poll_start(s->listen_poll, UV_READABLE, socket_incoming);
	else
		unix_stream_retry(stream);
}

static void unix_socket_closing(struct unix_stream *stream)
{
	struct unix_socket *s = (struct unix_socket *)stream;

	if (s->listen_poll == NULL)
		return;
	unix_poll_free(s->listen_poll);
	s->listen_poll = NULL;
	close(s->listen_fd);
	if (socket_is(s->path, &s->file))
		unlink(s->path);
}

static const struct unix_stream_owner unix_socket_owner = {
	.gone = unix_socket_gone,
	.retry = unix_socket_retry,
	.closing = unix_socket_closing,
};

/* ------------------------------------------------------------- Opening -- */

/* One try to meet the peer. Returns EEXIST to be tried again. */
static int socket_meet(struct unix_socket *s, enum socket_part part)
{
	struct stat file;
	bool exists = lstat(s->path, &file) == 0;
	int fd, error;

	if (exists && !S_ISSOCK(file.st_mode))
		return ENOTSOCK;
	error = socket_connect(s->path, &fd);
	if (error == 0 && part != PART_LISTEN)
		return unix_stream_attach(&s->stream, fd) ? 0 : ENOMEM;
	if (error == 0)
		close(fd);
	if (error == 0 || (error == EAGAIN && part == PART_LISTEN))
		return EADDRINUSE;
	if (error != ECONNREFUSED && error != ENOENT && error != EAGAIN)
		return error;
	if (part == PART_CONNECT || error == EAGAIN) {
		unix_stream_retry(&s->stream);
		return 0;
	}
	return socket_listen(s, exists ? &file : NULL);
}

static void socket_failed(struct mirage_open *open, const char *path, int error)
{
	switch (error) {
	case ENOTSOCK:
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "%s is no socket; remove it or give another "
				   "path",
				   path);
		return;
	case EPROTOTYPE:
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "%s is no stream socket; give another path",
				   path);
		return;
	case EADDRINUSE:
		mirage_open_refuse(open, MIRAGE_EIO,
				   "somebody listens at %s already; leave out "
				   "'listen' to connect to it",
				   path);
		return;
	case ENOENT:
	case ENOTDIR:
		mirage_open_refuse(
			open, MIRAGE_ENODEV,
			"the directory of %s does not exist; make it "
			"first",
			path);
		return;
	case EACCES:
	case EPERM:
		mirage_open_refuse(open, MIRAGE_EACCES,
				   "no permission for %s; give a path in a "
				   "directory of yours, or become the owner's "
				   "user",
				   path);
		return;
	default:
		mirage_open_refuse(open, unix_error(error), "%s: %s", path,
				   strerror(error));
	}
}

/* Reads the URI into `s`. False when it has refused the open. */
static bool socket_options(struct mirage_open *open, struct mirage_uri *uri,
			   struct unix_socket *s, enum socket_part *part)
{
	bool listens = mirage_uri_option(uri, "listen") != NULL;
	bool connects = mirage_uri_option(uri, "connect") != NULL;
	size_t length = strlen(uri->path);
	uint32_t salt = (uint32_t)getpid();

	/* Random, so that two with the same name have different addresses. */
	uv_random(NULL, NULL, &salt, sizeof(salt), 0, NULL);
	if (length == 0 || length > PATH_MAX_BYTES) {
		mirage_open_refuse(
			open, MIRAGE_EINVAL,
			"the path of the socket has %zu bytes; give 1 "
			"to %zu, such as unix:/tmp/wire",
			length, PATH_MAX_BYTES);
		return false;
	}
	if (listens && connects) {
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "'listen' and 'connect' exclude each other; "
				   "leave one out, or both");
		return false;
	}
	memcpy(s->path, uri->path, length + 1);
	*part = listens ? PART_LISTEN : connects ? PART_CONNECT : PART_EITHER;
	return mirage_open_net_options(open, uri, salt, &s->stream.info) &&
	       mirage_open_unused(open, uri);
}

void unix_net_stream_open(struct mirage_open *open, struct mirage_uri *uri)
{
	struct unix_socket *s = calloc(1, sizeof(*s));
	enum socket_part part;
	int error = ENOMEM;

	if (s == NULL) {
		mirage_open_refuse(open, MIRAGE_ENOMEM, "out of memory");
		return;
	}
	if (!socket_options(open, uri, s, &part)) {
		free(s);
		return;
	}
	if (unix_stream_init(&s->stream, &unix_socket_owner))
		for (unsigned i = 0; i == 0 || (error == EEXIST && i < TRIES);
		     i++)
			error = socket_meet(s, part);
	if (error == 0) {
		mirage_core_net_opened(open, 0, &s->stream.net);
		return;
	}
	socket_failed(open, s->path, error);
	unix_stream_discard(&s->stream);
}
