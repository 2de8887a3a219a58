/* SPDX-License-Identifier: ISC */
/*
 * peer: Linux's TCP at the other end of tcpapp, and in its place.
 *
 *	peer serve                 the services 7, 9 and 19 of tcpapp; says "ready"
 *	peer get IP BYTES          reads the pattern from port 19
 *	peer put IP BYTES          writes it to port 9
 *	peer echo IP BYTES         writes it to port 7, and reads it there
 *	peer rtt IP COUNT          one byte to port 7 and back, the median
 *	peer churn IP COUNT        connections to port 7 one after the other, each
 *	                           for one byte there and back
 *	peer pattern               writes the pattern to standard output
 *
 * What measures prints the nanoseconds. Any failure ends with status 1.
 */
#define _GNU_SOURCE
#include "pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint8_t buffer[1 << 20];

static void must(int ok, const char *what)
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

/** Small messages leave at once; and loss counts, as the usual choice of
 *  distributions has it, where this kernel has another default. */
static void tune(int fd)
{
	int one = 1;

	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0,
	     "TCP_NODELAY");
	must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) == 0 ||
		     errno == ENOENT || errno == EPERM,
	     "TCP_CONGESTION");
}

static void write_all(int fd, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		ssize_t n = write(fd, at, length);

		must(n > 0, "write");
		at += n;
		length -= (size_t)n;
	}
}

static void write_pattern(int fd, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		uint64_t left = bytes - done;
		size_t n = left < PATTERN_PIECE_BYTES ? (size_t)left
						      : PATTERN_PIECE_BYTES;

		write_all(fd, pattern_at(done), n);
		done += n;
	}
}

/** Reads to the end; returns how many there were, or ends the program where they
 *  are not the pattern. */
static uint64_t read_pattern(int fd)
{
	uint64_t bytes = 0;

	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		must(n >= 0, "read");
		if (n == 0)
			return bytes;
		errno = EBADMSG;
		must(pattern_is(bytes, buffer, (size_t)n), "content");
		bytes += (size_t)n;
	}
}

/* --------------------------------------------------------------- Serving -- */

static void serve_echo(int fd)
{
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		write_all(fd, buffer, (size_t)n);
}

static void serve_sink(int fd)
{
	char answer[48];
	int length = snprintf(answer, sizeof(answer), "%llu good\n",
			      (unsigned long long)read_pattern(fd));

	write_all(fd, answer, (size_t)length);
}

static void serve_source(int fd)
{
	char line[32] = "";
	size_t n = 0;

	while (strchr(line, '\n') == NULL && n < sizeof(line) - 1) {
		ssize_t got = read(fd, line + n, sizeof(line) - 1 - n);

		must(got > 0, "request");
		n += (size_t)got;
	}
	write_pattern(fd, strtoull(line, NULL, 10));
}

static int listen_at(uint16_t port)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;

	must(fd >= 0, "socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0,
	     "SO_REUSEADDR");
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "bind");
	must(listen(fd, 128) == 0, "listen");
	return fd;
}

/** One process for each port, and one for each connection. */
static int serve(uint16_t port, void (*service)(int fd), pid_t parent)
{
	int fd = listen_at(port), one;

	if (fork() != 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(0);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		one = accept(fd, NULL, NULL);
		must(one >= 0, "accept");
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			tune(one);
			service(one);
			exit(0);
		}
		close(one);
	}
}

static int serve_all(void)
{
	pid_t self = getpid();
	char end;

	serve(7, serve_echo, self);
	serve(9, serve_sink, self);
	serve(19, serve_source, self);
	puts("ready");
	fflush(stdout);
	/* Until whoever started us is gone. */
	return (int)read(0, &end, 1);
}

/* ---------------------------------------------------------------- Asking -- */

static int connect_to(const char *ip, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
				 .ai_socktype = SOCK_STREAM},
			*found;
	int fd;

	must(getaddrinfo(ip, port, &hints, &found) == 0, "address");
	fd = socket(found->ai_family, SOCK_STREAM, 0);
	must(fd >= 0, "socket");
	must(connect(fd, found->ai_addr, found->ai_addrlen) == 0, "connect");
	freeaddrinfo(found);
	tune(fd);
	return fd;
}

static uint64_t get(const char *ip, uint64_t bytes)
{
	int fd = connect_to(ip, "19");
	uint64_t start_ns = now_ns();

	dprintf(fd, "%llu\n", (unsigned long long)bytes);
	errno = EMSGSIZE;
	must(read_pattern(fd) == bytes, "length");
	return now_ns() - start_ns;
}

static uint64_t put(const char *ip, uint64_t bytes)
{
	int fd = connect_to(ip, "9"), length;
	uint64_t start_ns = now_ns();
	char wanted[48], answer[48] = "";
	ssize_t n, have = 0;

	write_pattern(fd, bytes);
	must(shutdown(fd, SHUT_WR) == 0, "shutdown");
	length = snprintf(wanted, sizeof(wanted), "%llu good\n",
			  (unsigned long long)bytes);
	while (have < length &&
	       (n = read(fd, answer + have,
			 sizeof(answer) - 1 - (size_t)have)) > 0)
		have += n;
	errno = EBADMSG;
	must(strcmp(answer, wanted) == 0, answer);
	return now_ns() - start_ns;
}

static uint64_t echo(const char *ip, uint64_t bytes)
{
	int fd = connect_to(ip, "7");
	uint64_t start_ns = now_ns();

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_pattern(fd, bytes);
		must(shutdown(fd, SHUT_WR) == 0, "shutdown");
		_exit(0);
	}
	errno = EMSGSIZE;
	must(read_pattern(fd) == bytes, "length");
	return now_ns() - start_ns;
}

static void ping(int fd)
{
	char byte = 'x';

	must(write(fd, &byte, 1) == 1, "write");
	must(read(fd, &byte, 1) == 1, "read");
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t rtt(const char *ip, uint64_t count)
{
	int fd = connect_to(ip, "7");
	uint64_t *times = calloc(count, sizeof(*times)), median;

	must(times != NULL && count > 0, "count");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t start_ns = now_ns();

		ping(fd);
		times[i] = now_ns() - start_ns;
	}
	qsort(times, count, sizeof(*times), by_size);
	median = times[count / 2];
	free(times);
	return median;
}

static uint64_t churn(const char *ip, uint64_t count)
{
	uint64_t start_ns = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		int fd = connect_to(ip, "7");

		ping(fd);
		close(fd);
	}
	return now_ns() - start_ns;
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		uint64_t (*ask)(const char *ip, uint64_t n);
	} asks[] = {{"get", get},
		    {"put", put},
		    {"echo", echo},
		    {"rtt", rtt},
		    {"churn", churn}};

	pattern_init();
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve_all();
	if (argc == 2 && strcmp(argv[1], "pattern") == 0) {
		write_pattern(1, PATTERN_BYTES);
		return 0;
	}
	for (size_t i = 0; argc == 4 && i < sizeof(asks) / sizeof(asks[0]); i++)
		if (strcmp(argv[1], asks[i].name) == 0) {
			printf("%llu\n",
			       (unsigned long long)asks[i].ask(
				       argv[2], strtoull(argv[3], NULL, 10)));
			return 0;
		}
	fputs("peer: see the head of peer.c\n", stderr);
	return 2;
}
