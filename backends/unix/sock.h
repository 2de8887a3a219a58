/* SPDX-License-Identifier: ISC */
/*
 * sock.h: sockets of the host in the loop, and its words for addresses and errors.
 *
 * All of them are in one epoll of their own, which the loop polls. Each is
 * registered once, edge-triggered, for as long as it lives: a request over a
 * connection costs a read and a write, and no word to epoll.
 */
#ifndef MIRAGE_UNIX_SOCK_H
#define MIRAGE_UNIX_SOCK_H

#include "unix.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/** A socket. After unix_sock_close its memory must last until the next kick: news
 *  of it may have been fetched already, and are then thrown away. */
struct unix_sock {
	int fd; /* non-blocking; -1 for none */
	void (*on_ready)(struct unix_sock *sock, uint32_t events);
};

/** Has `on_ready` called, from the loop, when `sock` has become ready for more:
 *  EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR. Returns 0 or an error. */
int unix_sock_watch(struct unix_sock *sock);

/** Closes the file. Nothing for one that is closed. */
void unix_sock_close(struct unix_sock *sock);

/** The mirage error that says what errno value `error` says of a socket. */
int unix_sock_error(int error);

/** An address in the host's words. */
union unix_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/** Says `at` to sockets of `family`. Returns the length, or 0 where those cannot
 *  have that address. */
socklen_t unix_address_of(union unix_address *address, int family,
			  const struct mirage_endpoint *at);
void unix_endpoint_of(struct mirage_endpoint *at,
		      const union unix_address *address);
/** The address of our end of `fd`; false when it has none any more. */
bool unix_sock_local(int fd, struct mirage_endpoint *at);

/**
 * Makes `sock` a socket of `type` that is bound to `at`, of IPv6 and IPv4 where
 * that has no version; fills `local`. Returns 0 or an error: EBUSY, EACCES (the log
 * names the remedy), EINVAL (not an address of this host), ENOMEM.
 */
int unix_sock_bind(struct unix_sock *sock, int type,
		   const struct mirage_endpoint *at,
		   struct mirage_endpoint *local);

#endif /* MIRAGE_UNIX_SOCK_H */
