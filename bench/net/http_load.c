/* SPDX-License-Identifier: ISC */
/*
 * http_load IP PORT CONNECTIONS MILLISECONDS: asks for the same page over and over on
 * kept connections, one request at a time on each, checks every answer to be status
 * 200 with the body of the first, and prints the answers per second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 256, ROOM = 8192, BODY = 4096 };

static struct connection {
	int fd;
	size_t have;
	char bytes[ROOM + 1];
} connections[CONNECTIONS];

static char request[256], body[BODY];
static size_t request_length, body_length;
static uint64_t answers;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void ask(const struct connection *c)
{
	must(write(c->fd, request, request_length) == (ssize_t)request_length,
	     "write");
}

static void open_one(struct connection *c, const char *ip, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};
	int one = 1;

	must(inet_pton(AF_INET, ip, &to.sin_addr) == 1, "address");
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	must(c->fd >= 0, "socket");
	must(connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0,
	     "connect");
	must(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ==
		     0,
	     "TCP_NODELAY");
}

/** The length of the body that the header promises. */
static size_t promised(const char *header)
{
	const char *at = strcasestr(header, "\r\nContent-Length:");

	must(strncmp(header, "HTTP/1.1 200 ", 13) == 0, "status");
	must(at != NULL, "Content-Length");
	return strtoul(at + 17, NULL, 10);
}

/** Whether a whole answer is there; the first one tells what all are like. */
static bool complete(struct connection *c)
{
	char *end = strstr(c->bytes, "\r\n\r\n");
	size_t header, length;

	if (end == NULL) {
		must(c->have < ROOM, "header");
		return false;
	}
	header = (size_t)(end + 4 - c->bytes);
	length = promised(c->bytes);
	must(header + length <= ROOM && length <= BODY, "length");
	if (c->have < header + length)
		return false;
	if (answers == 0) {
		body_length = length;
		memcpy(body, end + 4, length);
	}
	must(c->have == header + length && length == body_length &&
		     memcmp(end + 4, body, length) == 0,
	     "content");
	return true;
}

static void answered(struct connection *c)
{
	ssize_t n = read(c->fd, c->bytes + c->have, ROOM - c->have);

	must(n > 0, "read");
	c->have += (size_t)n;
	c->bytes[c->have] = '\0';
	if (!complete(c))
		return;
	answers++;
	c->have = 0;
	ask(c);
}

int main(int argc, char *argv[])
{
	int epoll = epoll_create1(0), n;
	uint64_t start_ns, end_ns;

	must(argc == 5 && atoi(argv[3]) <= CONNECTIONS, "arguments");
	request_length =
		(size_t)snprintf(request, sizeof(request),
				 "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", argv[1]);
	for (n = 0; n < atoi(argv[3]); n++) {
		struct epoll_event event = {.events = EPOLLIN,
					    .data.u32 = (uint32_t)n};

		open_one(&connections[n], argv[1], argv[2]);
		must(epoll_ctl(epoll, EPOLL_CTL_ADD, connections[n].fd,
			       &event) == 0,
		     "epoll_ctl");
	}
	start_ns = now_ns();
	end_ns = start_ns + strtoull(argv[4], NULL, 10) * 1000000u;
	for (int i = 0; i < n; i++)
		ask(&connections[i]);
	while (now_ns() < end_ns) {
		struct epoll_event events[CONNECTIONS];
		int ready = epoll_wait(epoll, events, CONNECTIONS, 10000);

		must(ready > 0, "no answer");
		for (int i = 0; i < ready; i++)
			answered(&connections[events[i].data.u32]);
	}
	printf("%llu\n", (unsigned long long)((double)answers * 1e9 /
					      (double)(now_ns() - start_ns)));
	return 0;
}
