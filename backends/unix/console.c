/* SPDX-License-Identifier: ISC */
/*
 * stdin, stdout and stderr. They are shared with whoever started us, so their
 * file status flags stay as they are: a terminal or pipe is opened once more for
 * a non-blocking description of our own, a socket is told per call, and what is
 * left is asked by poll before each small write.
 */
#include "unix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum out_kind { OUT_FILE, OUT_NONBLOCKING, OUT_SOCKET, OUT_ASK };

static int out_fd = STDOUT_FILENO;
static enum out_kind out_kind;
static struct unix_watch out_watch;
static bool out_watched;

static struct unix_watch in_watch;
static uv_idle_t in_idle;
static bool in_ready, in_is_file;

/* -------------------------------------------------------------- Output -- */

static bool writable(int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLOUT};

	return poll(&wanted, 1, 0) != 0;
}

static ssize_t write_some(const char *bytes, size_t length)
{
	if (out_kind == OUT_SOCKET)
		return send(out_fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (out_kind == OUT_ASK) {
		if (!writable(out_fd)) {
			errno = EAGAIN;
			return -1;
		}
		/* As much as a pipe that is ready takes without waiting. */
		length = length < PIPE_BUF ? length : PIPE_BUF;
	}
	return write(out_fd, bytes, length);
}

static void on_out_ready(struct unix_watch *watch, uint32_t events)
{
	unix_watch_set(watch, 0);
	mirage_core_event(MIRAGE_EVENT_CONSOLE);
}

static void watch_out(void)
{
	if (!out_watched)
		out_watched = unix_watch_init(&out_watch, out_fd, on_out_ready);
	if (out_watched)
		unix_watch_set(&out_watch, EPOLLOUT);
	else
		mirage_core_event(MIRAGE_EVENT_CONSOLE);
}

static int console_write(const void *bytes, size_t length)
{
	size_t taken = 0;

	while (taken < length) {
		ssize_t n =
			write_some((const char *)bytes + taken, length - taken);

		if (n >= 0) {
			taken += (size_t)n;
		} else if (errno == EAGAIN) {
			watch_out();
			break;
		} else if (errno != EINTR) {
			return taken > 0 ? (int)taken : unix_error(errno);
		}
	}
	return (int)taken;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	struct iovec parts[2] = {{(void *)(uintptr_t)line, length},
				 {(void *)(uintptr_t) "\n", 1}};

	if (writable(STDERR_FILENO))
		(void)!writev(STDERR_FILENO, parts, 2);
}

/* --------------------------------------------------------------- Input -- */

static void read_input(void)
{
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	mirage_core_console_input(bytes, n > 0 ? (size_t)n : 0);
}

static void on_in_ready(struct unix_watch *watch, uint32_t events)
{
	read_input();
}

static void on_in_idle(uv_idle_t *idle)
{
	read_input();
}

static void init_input(void)
{
	in_ready = true;
	in_is_file = !unix_watch_init(&in_watch, STDIN_FILENO, on_in_ready);
	if (in_is_file)
		uv_idle_init(unix_loop(), &in_idle);
}

static void read_enable(bool enable)
{
	if (!in_ready)
		init_input();
	if (!in_is_file)
		unix_watch_set(&in_watch, enable ? EPOLLIN : 0);
	else if (enable)
		uv_idle_start(&in_idle, on_in_idle);
	else
		uv_idle_stop(&in_idle);
}

/* ---------------------------------------------------------------- Init -- */

/** Puts something into the place of a closed standard descriptor that fails in
 *  the same way, so that no device gets its number. */
static void fill_closed(int fd)
{
	if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
		(void)!open("/dev/null",
			    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static void reopen_out(void)
{
	int fd = open("/proc/self/fd/1",
		      O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	out_kind = OUT_ASK;
	if (fd < 0)
		return;
	out_fd = fd;
	out_kind = OUT_NONBLOCKING;
}

void unix_console_init(void)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		fill_closed(fd);
	if (fstat(STDOUT_FILENO, &st) < 0)
		return;
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(1)))
		reopen_out();
	else if (S_ISSOCK(st.st_mode))
		out_kind = OUT_SOCKET;
}

const struct mirage_console_ops unix_console_ops = {
	.size = sizeof unix_console_ops,
	.write = console_write,
	.read_enable = read_enable,
	.log = console_log,
};
