/* SPDX-License-Identifier: ISC */
#include "sock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX 256

/* ------------------------------------------------------------ Readiness -- */

static int socks_fd = -1;
static uv_poll_t socks_poll;

static void socks_ready(uv_poll_t *poll, int status, int events)
{
	static struct epoll_event ready[EVENTS_MAX];
	int n = epoll_wait(socks_fd, ready, EVENTS_MAX, 0);

	for (int i = 0; i < n && !mirage_core_ended(); i++) {
		struct unix_sock *sock = ready[i].data.ptr;

		if (sock->fd >= 0)
			sock->on_ready(sock, ready[i].events);
	}
}

static void socks_open(void)
{
	socks_fd = epoll_create1(EPOLL_CLOEXEC);
	unix_must(socks_fd < 0 ? -errno : 0, "epoll");
	unix_must(uv_poll_init(unix_loop(), &socks_poll, socks_fd), "sockets");
	uv_poll_start(&socks_poll, UV_READABLE, socks_ready);
}

int unix_sock_watch(struct unix_sock *sock)
{
	struct epoll_event wanted = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | (uint32_t)EPOLLET,
		.data.ptr = sock,
	};

	if (socks_fd < 0)
		socks_open();
	return epoll_ctl(socks_fd, EPOLL_CTL_ADD, sock->fd, &wanted) < 0
		       ? unix_sock_error(errno)
		       : 0;
}

void unix_sock_close(struct unix_sock *sock)
{
	if (sock->fd >= 0)
		close(sock->fd);
	sock->fd = -1;
}

/* --------------------------------------------------------------- Errors -- */

int unix_sock_error(int error)
{
	switch (error) {
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
		return MIRAGE_ERESET;
	case ECONNREFUSED:
		return MIRAGE_EREFUSED;
	case EADDRINUSE:
		return MIRAGE_EBUSY;
	case EADDRNOTAVAIL: /* to connect: no address of ours for that way */
	case EAFNOSUPPORT:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
		return MIRAGE_EUNREACH;
	case ENOSPC: /* of epoll: too many watches */
		return MIRAGE_ENOMEM;
	default:
		return unix_error(error);
	}
}

/* ------------------------------------------------------------ Addresses -- */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static socklen_t address4(struct sockaddr_in *v4,
			  const struct mirage_endpoint *at)
{
	if (at->ip.version == 6)
		return 0;
	*v4 = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_port = htons(at->port)};
	memcpy(&v4->sin_addr, at->ip.bytes, 4);
	return sizeof(*v4);
}

/* IPv4 is within IPv6 in mapped addresses, RFC 4291 2.5.5.2; the number of an
 * interface is the host's own. */
static socklen_t address6(struct sockaddr_in6 *v6,
			  const struct mirage_endpoint *at)
{
	*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
				    .sin6_port = htons(at->port),
				    .sin6_scope_id = at->ip.interface};
	if (at->ip.version == 4) {
		memcpy(&v6->sin6_addr, mapped, 12);
		memcpy((uint8_t *)&v6->sin6_addr + 12, at->ip.bytes, 4);
	} else {
		memcpy(&v6->sin6_addr, at->ip.bytes, 16);
	}
	return sizeof(*v6);
}

socklen_t unix_address_of(union unix_address *address, int family,
			  const struct mirage_endpoint *at)
{
	return family == AF_INET ? address4(&address->v4, at)
				 : address6(&address->v6, at);
}

void unix_endpoint_of(struct mirage_endpoint *at,
		      const union unix_address *address)
{
	const uint8_t *bytes = (const uint8_t *)&address->v6.sin6_addr;

	*at = (struct mirage_endpoint){.port = ntohs(address->v4.sin_port)};
	if (address->any.sa_family == AF_INET) {
		at->ip.version = 4;
		memcpy(at->ip.bytes, &address->v4.sin_addr, 4);
	} else if (memcmp(bytes, mapped, 12) == 0) {
		at->ip.version = 4;
		memcpy(at->ip.bytes, bytes + 12, 4);
	} else {
		at->ip.version = 6;
		if (address->v6.sin6_scope_id <= UINT8_MAX)
			at->ip.interface = (uint8_t)address->v6.sin6_scope_id;
		memcpy(at->ip.bytes, bytes, 16);
	}
}

bool unix_sock_local(int fd, struct mirage_endpoint *at)
{
	union unix_address address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, &address.any, &length) < 0)
		return false;
	unix_endpoint_of(at, &address);
	return true;
}

/* -------------------------------------------------------------- Binding -- */

static void say_denied(const struct mirage_endpoint *at)
{
	char text[MIRAGE_IP_TEXT_MAX];

	mirage_log(MIRAGE_LOG_ERROR,
		   "%s of the host: permission denied; take a port from 1024 "
		   "on, or, as root, allow it: sysctl "
		   "net.ipv4.ip_unprivileged_port_start=%u",
		   mirage_endpoint_print(at, text), at->port);
}

static int bind_error(const struct mirage_endpoint *at, int error)
{
	if (error == EACCES)
		say_denied(at);
	/* Not an address of ours is the caller's mistake here. */
	return error == EADDRNOTAVAIL || error == EAFNOSUPPORT
		       ? MIRAGE_EINVAL
		       : unix_sock_error(error);
}

/* One socket hears both versions. A host without IPv6 has one version only. */
static int make(struct unix_sock *sock, int type, int version, int *family)
{
	*family = version == 4 ? AF_INET : AF_INET6;
	type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
	sock->fd = socket(*family, type, 0);
	if (sock->fd < 0 && errno == EAFNOSUPPORT && version == 0) {
		*family = AF_INET;
		sock->fd = socket(AF_INET, type, 0);
	}
	return sock->fd < 0 ? errno : 0;
}

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

int unix_sock_bind(struct unix_sock *sock, int type,
		   const struct mirage_endpoint *at,
		   struct mirage_endpoint *local)
{
	union unix_address address;
	socklen_t length;
	int family, error = make(sock, type, at->ip.version, &family);

	if (error != 0)
		return bind_error(at, error);
	if (family == AF_INET6)
		set(sock->fd, IPPROTO_IPV6, IPV6_V6ONLY, at->ip.version == 6);
	/* What is left of closed connections does not keep the port. */
	if (type == SOCK_STREAM)
		set(sock->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	length = unix_address_of(&address, family, at);
	if (bind(sock->fd, &address.any, length) < 0)
		error = bind_error(at, errno);
	else if (!unix_sock_local(sock->fd, local))
		error = unix_sock_error(errno);
	if (error != 0)
		unix_sock_close(sock);
	else
		local->ip = at->ip;
	return error;
}
