/* SPDX-License-Identifier: ISC */
/* UDP ports: datagrams are received in batches into memory that all of them share,
 * because it is lent for the call only. */
#define _GNU_SOURCE
#include "stack.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define BATCH 16
#define DATAGRAM_BYTES 65536

/* Which of our addresses a datagram was sent to, or is to be sent from. */
union control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static struct unix_udp *udp_of(struct mirage_udp *udp)
{
	return (struct unix_udp *)udp;
}

/* ------------------------------------------------------------ Receiving -- */

static struct {
	uint8_t *bytes;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	union unix_address from[BATCH];
	union control control[BATCH];
} rx;

static bool rx_memory(void)
{
	if (rx.bytes == NULL)
		rx.bytes = malloc(BATCH * DATAGRAM_BYTES);
	return rx.bytes != NULL;
}

static void rx_prepare(void)
{
	for (size_t i = 0; i < BATCH; i++) {
		rx.vectors[i] = (struct iovec){rx.bytes + i * DATAGRAM_BYTES,
					       DATAGRAM_BYTES};
		rx.messages[i].msg_hdr = (struct msghdr){
			.msg_name = &rx.from[i],
			.msg_namelen = sizeof(rx.from[i]),
			.msg_iov = &rx.vectors[i],
			.msg_iovlen = 1,
			.msg_control = &rx.control[i],
			.msg_controllen = sizeof(rx.control[i])};
	}
}

/* The address that a datagram was sent to. */
static void sent_to(const struct unix_udp *u, struct msghdr *message,
		    struct mirage_endpoint *to)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	union unix_address address = {.any.sa_family = AF_UNSPEC};

	if (c != NULL && c->cmsg_type == IP_PKTINFO && u->family == AF_INET) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		address.v4.sin_family = AF_INET;
		address.v4.sin_addr = info.ipi_addr;
		unix_endpoint_of(to, &address);
	} else if (c != NULL && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						   .sin6_addr = info.ipi6_addr};
		if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			address.v6.sin6_scope_id = info.ipi6_ifindex;
		unix_endpoint_of(to, &address);
	} else {
		*to = (struct mirage_endpoint){.port = 0};
	}
	to->port = u->udp.local.port;
}

static void deliver(struct unix_udp *u, struct mmsghdr *message, size_t i)
{
	struct mirage_endpoint from, to;

	unix_endpoint_of(&from, &rx.from[i]);
	sent_to(u, &message->msg_hdr, &to);
	mirage_core_udp_received(&u->udp, &from, &to,
				 rx.bytes + i * DATAGRAM_BYTES,
				 message->msg_len);
}

/* One batch. What comes then has its turn when the others have had theirs. */
static void receive(struct unix_udp *u)
{
	int n;

	rx_prepare();
	n = recvmmsg(u->sock.fd, rx.messages, BATCH, 0, NULL);
	for (int i = 0; i < n && u->sock.fd >= 0; i++)
		deliver(u, &rx.messages[i], (size_t)i);
	if (u->sock.fd >= 0 && (n == BATCH || (n < 0 && errno != EAGAIN)))
		unix_kick(&u->kick);
}

static void udp_ready(struct unix_sock *sock, uint32_t events)
{
	if ((events & (EPOLLIN | EPOLLERR)) != 0)
		receive(UNIX_HOLDER(struct unix_udp, sock, sock));
}

static void udp_turn(struct unix_kick *kick)
{
	receive(UNIX_HOLDER(struct unix_udp, kick, kick));
}

/* -------------------------------------------------------------- Sending -- */

/* Says in `message` from which of our addresses it goes. */
static bool send_from(const struct unix_udp *u, struct msghdr *message,
		      union control *control,
		      const struct mirage_endpoint *from)
{
	union unix_address address;

	*control = (union control){.bytes = {0}};
	if (unix_address_of(&address, u->family, from) == 0)
		return false;
	message->msg_control = control;
	if (u->family == AF_INET) {
		struct in_pktinfo info = {.ipi_spec_dst = address.v4.sin_addr};

		message->msg_controllen = CMSG_SPACE(sizeof(info));
		control->header.cmsg_level = IPPROTO_IP;
		control->header.cmsg_type = IP_PKTINFO;
		control->header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control->header), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_addr = address.v6.sin6_addr,
					   .ipi6_ifindex =
						   address.v6.sin6_scope_id};

		message->msg_controllen = CMSG_SPACE(sizeof(info));
		control->header.cmsg_level = IPPROTO_IPV6;
		control->header.cmsg_type = IPV6_PKTINFO;
		control->header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control->header), &info, sizeof(info));
	}
	return true;
}

static bool has_address(const struct mirage_endpoint *at)
{
	static const uint8_t none[sizeof(at->ip.bytes)];

	return at != NULL && memcmp(at->ip.bytes, none, sizeof(none)) != 0;
}

/* Vectors are the kernel's own. */
_Static_assert(offsetof(struct mirage_vector, base) ==
			       offsetof(struct iovec, iov_base) &&
		       offsetof(struct mirage_vector, length_bytes) ==
			       offsetof(struct iovec, iov_len) &&
		       sizeof(struct mirage_vector) == sizeof(struct iovec),
	       "a vector is not an iovec");

static int send_error(int error)
{
	return error == ENOBUFS || error == EINTR ? MIRAGE_EAGAIN
						  : unix_sock_error(error);
}

int unix_udp_send(struct mirage_udp *udp, const struct mirage_endpoint *from,
		  const struct mirage_endpoint *to,
		  const struct mirage_vector vectors[], size_t n)
{
	struct unix_udp *u = udp_of(udp);
	union unix_address address;
	union control control;
	struct msghdr message = {.msg_name = &address,
				 .msg_iov = (struct iovec *)(uintptr_t)vectors,
				 .msg_iovlen = n};

	message.msg_namelen = unix_address_of(&address, u->family, to);
	if (message.msg_namelen == 0)
		return MIRAGE_EUNREACH;
	if (n > IOV_MAX)
		return MIRAGE_EMSGSIZE;
	if (has_address(from) && !send_from(u, &message, &control, from))
		return MIRAGE_EUNREACH;
	return sendmsg(u->sock.fd, &message, MSG_NOSIGNAL) < 0
		       ? send_error(errno)
		       : 0;
}

/* ---------------------------------------------------- Opening and closing -- */

static int udp_open(struct unix_udp *u, const struct mirage_endpoint *at)
{
	socklen_t length = sizeof(u->family);
	int on = 1;
	int error = unix_sock_bind(&u->sock, SOCK_DGRAM, at, &u->udp.local);

	if (error < 0)
		return error;
	getsockopt(u->sock.fd, SOL_SOCKET, SO_DOMAIN, &u->family, &length);
	setsockopt(u->sock.fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	if (u->family == AF_INET)
		setsockopt(u->sock.fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	else
		setsockopt(u->sock.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
			   sizeof(on));
	return rx_memory() ? unix_sock_watch(&u->sock) : MIRAGE_ENOMEM;
}

int unix_udp_open(struct mirage_stack *stack, const struct mirage_endpoint *at,
		  struct mirage_udp **udp)
{
	struct unix_udp *u = calloc(1, sizeof(*u));
	int error;

	if (u == NULL)
		return MIRAGE_ENOMEM;
	error = udp_open(u, at);
	if (error < 0) {
		unix_sock_close(&u->sock);
		free(u);
		return error;
	}
	u->sock.on_ready = udp_ready;
	u->kick.run = udp_turn;
	u->stack = (struct unix_stack *)stack;
	LIST_INSERT_HEAD(&u->stack->udps, u, of_stack);
	*udp = &u->udp;
	return 0;
}

static void udp_free(struct unix_kick *kick)
{
	free(UNIX_HOLDER(struct unix_udp, kick, kick));
}

void unix_udp_close(struct mirage_udp *udp)
{
	struct unix_udp *u = udp_of(udp);

	LIST_REMOVE(u, of_stack);
	unix_sock_close(&u->sock);
	unix_tcp_descriptor();
	u->kick.run = udp_free;
	unix_kick(&u->kick);
}

static void udp_gone(struct unix_kick *kick)
{
}

void unix_udp_doom(struct unix_udp *u)
{
	unix_sock_close(&u->sock);
	u->kick.run = udp_gone;
}
