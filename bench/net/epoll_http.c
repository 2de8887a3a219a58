/* SPDX-License-Identifier: ISC */
/*
 * epoll_http PORT: the least there is to an HTTP server on Linux: one process, epoll,
 * a page of 128 bytes for whatever is asked. The floor of http_tap and http_host.
 * Says "ready"; ends with its standard input.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, FILES = 1024, PIPELINED = 16 };

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Content-Type: text/html\r\n"
			     "Content-Length: 128\r\n\r\n"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "0123456\n";
static unsigned
	matched[FILES]; /* of the end of a header, for each connection */

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int listen_at(uint16_t port)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	must(fd >= 0, "socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0,
	     "SO_REUSEADDR");
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "bind");
	must(listen(fd, 128) == 0, "listen");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void take(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;

	if (fd < 0)
		return;
	must(fd < FILES, "too many connections");
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0,
	     "TCP_NODELAY");
	matched[fd] = 0;
	watch(epoll, fd);
}

/** How many headers end in these bytes. */
static unsigned requests(int fd, const char *bytes, size_t length)
{
	static const char end[] = "\r\n\r\n";
	unsigned n = 0;

	for (size_t i = 0; i < length; i++) {
		matched[fd] = bytes[i] == end[matched[fd]] ? matched[fd] + 1
			      : bytes[i] == '\r'	   ? 1
							   : 0;
		if (matched[fd] < 4)
			continue;
		matched[fd] = 0;
		n++;
	}
	return n;
}

static void serve(int fd)
{
	char bytes[4096];
	ssize_t got = read(fd, bytes, sizeof(bytes)), length;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			close(fd);
		return;
	}
	length = (ssize_t)sizeof(answer) - 1;
	for (unsigned n = requests(fd, bytes, (size_t)got); n > 0; n--)
		if (write(fd, answer, sizeof(answer) - 1) != length) {
			close(fd); /* who does not read is not served */
			return;
		}
}

int main(int argc, char *argv[])
{
	int listener, epoll = epoll_create1(0);

	if (argc != 2)
		return 2;
	listener = listen_at((uint16_t)atoi(argv[1]));
	watch(epoll, listener);
	watch(epoll, 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == 0)
				return 0;
			if (events[i].data.fd == listener)
				take(epoll, listener);
			else
				serve(events[i].data.fd);
		}
	}
}
