/* SPDX-License-Identifier: ISC */
#include "link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** Asks for the present state; the kernel has answered when this returns. */
static int link_ask(const struct unix_link *link)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} ask = {0};

	ask.header.nlmsg_len = sizeof(ask);
	ask.header.nlmsg_type = RTM_GETLINK;
	ask.header.nlmsg_flags = NLM_F_REQUEST;
	ask.info.ifi_index = link->index;
	return send(link->fd, &ask, sizeof(ask), 0) < 0 ? errno : 0;
}

static void link_message(struct unix_link *link, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const unsigned both = IFF_UP | IFF_LOWER_UP;

	if (message->nlmsg_type != RTM_NEWLINK &&
	    message->nlmsg_type != RTM_DELLINK)
		return;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->ifi_index != link->index)
		return;
	/* Other families (a bridge port) tell of their own state. */
	if (info->ifi_family != AF_UNSPEC)
		return;
	link->gone |= message->nlmsg_type == RTM_DELLINK;
	link->up = !link->gone && (info->ifi_flags & both) == both;
}

/** Reads one datagram; returns false when there is none left. */
static bool link_read(struct unix_link *link)
{
	/* What is longer comes of hardware with many functions, not a tap. */
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} buffer;
	struct sockaddr_nl from;
	socklen_t from_length = sizeof(from);
	const struct nlmsghdr *message = &buffer.header;
	ssize_t n = recvfrom(link->fd, &buffer, sizeof(buffer), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_length);
	unsigned left = (unsigned)n;

	if (n < 0 && errno == ENOBUFS)
		return link_ask(link) == 0; /* messages were lost */
	if (n < 0)
		return errno == EINTR;
	if (from.nl_pid != 0)
		return true; /* not the kernel */
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
		link_message(link, message);
	return true;
}

static void link_drain(struct unix_link *link)
{
	while (link_read(link))
		continue;
}

static void link_on_poll(uv_poll_t *poll, int status, int events)
{
	struct unix_link *link = poll->data;
	bool up = link->up, gone = link->gone;

	link_drain(link);
	if (link->up != up || link->gone != gone)
		link->on_change(link);
}

static int link_socket(struct unix_link *link)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK,
				      .nl_groups = RTMGRP_LINK};
	int error;

	link->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  NETLINK_ROUTE);
	if (link->fd < 0)
		return errno;
	if (bind(link->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		error = errno;
	else
		error = link_ask(link);
	if (error != 0)
		close(link->fd);
	return error;
}

int unix_link_open(struct unix_link *link, uv_loop_t *loop, int index,
		   void (*on_change)(struct unix_link *link))
{
	int error;

	memset(link, 0, sizeof(*link));
	link->index = index;
	link->on_change = on_change;
	error = link_socket(link);
	if (error != 0)
		return error;
	link_drain(link);
	error = uv_poll_init(loop, &link->poll, link->fd);
	if (error != 0) {
		close(link->fd);
		return -error;
	}
	link->poll.data = link;
	uv_poll_start(&link->poll, UV_READABLE, link_on_poll);
	return 0;
}

static void link_on_close(uv_handle_t *handle)
{
	struct unix_link *link = handle->data;

	close(link->fd);
	link->on_closed(link);
}

void unix_link_close(struct unix_link *link,
		     void (*on_closed)(struct unix_link *link))
{
	link->on_closed = on_closed;
	uv_close((uv_handle_t *)&link->poll, link_on_close);
}
