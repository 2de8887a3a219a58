/* SPDX-License-Identifier: ISC */
#include "unix.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct unix_watch *watch = poll->data;
	struct epoll_event event;

	if (epoll_wait(watch->epoll_fd, &event, 1, 0) == 1)
		watch->on_ready(watch, event.events);
}

bool unix_watch_init(struct unix_watch *watch, int fd,
		     void (*on_ready)(struct unix_watch *, uint32_t))
{
	struct epoll_event none = {.events = 0};

	*watch = (struct unix_watch){.fd = fd, .on_ready = on_ready};
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	unix_must(watch->epoll_fd < 0 ? -errno : 0, "epoll");
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &none) < 0) {
		close(watch->epoll_fd);
		return false;
	}
	unix_must(uv_poll_init(unix_loop(), &watch->poll, watch->epoll_fd),
		  "watch");
	watch->poll.data = watch;
	return true;
}

void unix_watch_set(struct unix_watch *watch, uint32_t events)
{
	struct epoll_event wanted = {.events = events};

	if (watch->events == events)
		return;
	watch->events = events;
	epoll_ctl(watch->epoll_fd, EPOLL_CTL_MOD, watch->fd, &wanted);
	if (events != 0)
		uv_poll_start(&watch->poll, UV_READABLE, on_poll);
	else
		uv_poll_stop(&watch->poll);
}
