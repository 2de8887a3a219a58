/* SPDX-License-Identifier: ISC */
/* Making connections: by connecting, and by accepting them in batches. */
#define _GNU_SOURCE
#include "stack.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* Connections accepted in a row, before others have their turn. */
#define ACCEPTS_MAX 64
/* Without descriptors: how long until the next try, should nobody give one back. */
#define WANTING_NS 100000000u

static struct unix_stack *stack_of(struct mirage_stack *stack)
{
	return (struct unix_stack *)stack;
}

static void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ----------------------------------------------------------- Connecting -- */

/* A socket that was connected to itself: a free port of ours was the one that
 * nobody listens on. */
static bool is_own(const struct mirage_flow *flow)
{
	return flow->local.port == flow->peer.port &&
	       mirage_ip_equal(&flow->local.ip, &flow->peer.ip);
}

static void connect_answer(struct unix_flow *f)
{
	struct mirage_tcp_connect *connect = f->connect;
	int result = f->connected;

	f->connect = NULL;
	f->flow.peer = connect->to;
	if (result == 0 &&
	    (!unix_sock_local(f->sock.fd, &f->flow.local) || is_own(&f->flow)))
		result = MIRAGE_EREFUSED;
	if (result == 0) {
		f->stack->counters.tcp_connected++;
		unix_flow_begin(f);
		mirage_core_tcp_connected(connect, 0, &f->flow);
		return;
	}
	unix_flow_free(f);
	mirage_core_tcp_connected(connect, result, NULL);
}

static void connect_turn(struct unix_kick *kick)
{
	connect_answer(UNIX_HOLDER(struct unix_flow, kick, kick));
}

static void connect_ended(struct unix_flow *f, int result)
{
	mirage_timer_cancel(&f->patience);
	f->connected = result;
	unix_kick(&f->kick);
}

static void connect_ready(struct unix_sock *sock, uint32_t events)
{
	struct unix_flow *f = UNIX_HOLDER(struct unix_flow, sock, sock);
	socklen_t length = sizeof(int);
	int error = 0;

	/* What comes with it, or before anybody has heard, is news for the flow. */
	f->readable |= (events & (EPOLLIN | EPOLLRDHUP)) != 0;
	f->hung_up |= (events & EPOLLRDHUP) != 0;
	if (f->connected <= 0 ||
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return;
	getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	connect_ended(f, unix_sock_error(error));
}

void unix_tcp_give_up(struct unix_flow *f, int error)
{
	unix_sock_close(&f->sock);
	unix_tcp_descriptor();
	connect_ended(f, error);
}

static void connect_timed_out(void *arg)
{
	unix_tcp_give_up(arg, MIRAGE_ETIMEDOUT);
}

/* An address of ours to connect from. */
static int connect_bind(int fd, int family, const struct mirage_endpoint *from)
{
	union unix_address address;
	socklen_t length = unix_address_of(&address, family, from);

	if (from->ip.version == 0 && from->port == 0)
		return 0;
	if (length == 0)
		return MIRAGE_EINVAL;
	if (bind(fd, &address.any, length) == 0)
		return 0;
	return errno == EADDRNOTAVAIL ? MIRAGE_EINVAL : unix_sock_error(errno);
}

/* Returns 0 once connected, 1 while it is being connected, or an error. */
static int connect_start(struct unix_flow *f, struct mirage_tcp_connect *asked)
{
	int family = asked->to.ip.version == 4 ? AF_INET : AF_INET6;
	union unix_address address;
	socklen_t length = unix_address_of(&address, family, &asked->to);
	int error;

	f->sock.fd =
		socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->sock.fd < 0)
		return unix_sock_error(errno);
	set_nodelay(f->sock.fd);
	error = connect_bind(f->sock.fd, family, &asked->from);
	if (error < 0)
		return error;
	if (connect(f->sock.fd, &address.any, length) == 0)
		return unix_sock_watch(&f->sock);
	if (errno != EINPROGRESS)
		return unix_sock_error(errno);
	error = unix_sock_watch(&f->sock);
	return error < 0 ? error : 1;
}

/* Connects for which there was no memory, until they are told. */
static struct mirage_tcp_connect *failed;

static void tell_failed(struct unix_kick *kick)
{
	struct mirage_tcp_connect *list = failed, *next;

	failed = NULL;
	for (; list != NULL; list = next) {
		next = list->next;
		mirage_core_tcp_connected(list, MIRAGE_ENOMEM, NULL);
	}
}

static struct unix_kick failed_kick = {.run = tell_failed};

static struct unix_flow *connecting(const struct mirage_tcp_connect *connect)
{
	return (struct unix_flow *)(uintptr_t)connect->implementation[0];
}

void unix_tcp_connect(struct mirage_stack *stack,
		      struct mirage_tcp_connect *connect)
{
	struct unix_flow *f = unix_flow_new(stack_of(stack));

	connect->implementation[0] = (uint64_t)(uintptr_t)f;
	if (f == NULL) {
		connect->next = failed;
		failed = connect;
		unix_kick(&failed_kick);
		return;
	}
	f->connect = connect;
	f->sock.on_ready = connect_ready;
	f->kick.run = connect_turn;
	f->connected = connect_start(f, connect);
	if (f->connected <= 0)
		unix_kick(&f->kick);
	else if (connect->timeout_ns != 0)
		mirage_timer_start(&f->patience,
				   mirage_clock_monotonic_ns() +
					   connect->timeout_ns,
				   connect_timed_out, f);
}

void unix_tcp_cancel(struct mirage_tcp_connect *connect)
{
	if (connecting(connect) != NULL)
		unix_tcp_give_up(connecting(connect), MIRAGE_ECANCELED);
}

/* ------------------------------------------------------------ Accepting -- */

static struct unix_listener *listener_of(struct mirage_listener *listener)
{
	return (struct unix_listener *)listener;
}

/* Without descriptors connections wait in the kernel's queue. */
static struct mirage_timer wanting_timer;
static LIST_HEAD(, unix_listener) wanting = LIST_HEAD_INITIALIZER(wanting);

static void stop_wanting(struct unix_listener *l)
{
	if (!l->wanting)
		return;
	l->wanting = false;
	LIST_REMOVE(l, of_wanting);
	if (LIST_EMPTY(&wanting))
		mirage_timer_cancel(&wanting_timer);
}

void unix_tcp_descriptor(void)
{
	struct unix_listener *l = LIST_FIRST(&wanting);

	if (l == NULL)
		return;
	stop_wanting(l);
	unix_kick(&l->kick);
}

static void wanted_long(void *arg)
{
	while (!LIST_EMPTY(&wanting))
		unix_tcp_descriptor();
}

static void want(struct unix_listener *l, int error)
{
	static bool said;
	char text[MIRAGE_IP_TEXT_MAX];

	if (!said)
		mirage_log(MIRAGE_LOG_WARN,
			   "%s of the host: connections wait: %s; start the "
			   "program with more (ulimit -n)",
			   mirage_endpoint_print(&l->listener.local, text),
			   strerror(error));
	said = true;
	l->stack->counters.rx_dropped_memory++;
	l->wanting = true;
	LIST_INSERT_HEAD(&wanting, l, of_wanting);
	mirage_timer_start(&wanting_timer,
			   mirage_clock_monotonic_ns() + WANTING_NS,
			   wanted_long, NULL);
}

/* Takes a connection into `f`. Returns 0, or what errno says. */
static int take(struct unix_listener *l, struct unix_flow *f)
{
	union unix_address peer;
	socklen_t length = sizeof(peer);

	f->sock.fd = accept4(l->sock.fd, &peer.any, &length,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (f->sock.fd < 0)
		return errno;
	unix_endpoint_of(&f->flow.peer, &peer);
	f->flow.local = l->listener.local;
	if (l->any && !unix_sock_local(f->sock.fd, &f->flow.local))
		return ECONNABORTED;
	unix_flow_begin(f);
	return unix_sock_watch(&f->sock) < 0 ? ENOMEM : 0;
}

/* What a connection that could not be taken means: whether the next is tried. */
static bool accept_failed(struct unix_listener *l, int error)
{
	switch (error) {
	case EAGAIN:
		l->readable = false;
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		want(l, error);
		return false;
	default: /* it is gone already, with an error of its own */
		return true;
	}
}

/* Returns whether there may be more. */
static bool accept_one(struct unix_listener *l)
{
	struct unix_flow *f = unix_flow_new(l->stack);
	int error = f != NULL ? take(l, f) : ENOMEM;

	if (error == 0) {
		l->stack->counters.tcp_accepted++;
		mirage_core_tcp_accepted(&l->listener, 0, &f->flow);
		return true;
	}
	if (f != NULL)
		unix_flow_free(f);
	return accept_failed(l, error);
}

static bool can_accept(const struct unix_listener *l)
{
	return l->sock.fd >= 0 && l->readable && !l->wanting &&
	       mirage_core_tcp_accepting(&l->listener);
}

static void accept_all(struct unix_listener *l)
{
	for (int i = 0; i < ACCEPTS_MAX && can_accept(l); i++)
		if (!accept_one(l))
			break;
	if (can_accept(l))
		unix_kick(&l->kick);
}

static void listener_ready(struct unix_sock *sock, uint32_t events)
{
	struct unix_listener *l = UNIX_HOLDER(struct unix_listener, sock, sock);

	l->readable = true;
	accept_all(l);
}

static void listener_turn(struct unix_kick *kick)
{
	accept_all(UNIX_HOLDER(struct unix_listener, kick, kick));
}

void unix_tcp_accept(struct mirage_listener *listener)
{
	struct unix_listener *l = listener_of(listener);

	if (can_accept(l) || l->ended)
		unix_kick(&l->kick);
}

/* ------------------------------------------------------------ Listening -- */

static int listener_open(struct unix_listener *l,
			 const struct mirage_endpoint *at, uint32_t backlog)
{
	static const struct mirage_ip any;
	int error =
		unix_sock_bind(&l->sock, SOCK_STREAM, at, &l->listener.local);

	if (error < 0)
		return error;
	l->any = memcmp(at->ip.bytes, any.bytes, sizeof(any.bytes)) == 0;
	/* What is accepted inherits it. */
	set_nodelay(l->sock.fd);
	/* The kernel's queue holds one more than it is told. */
	if (listen(l->sock.fd,
		   backlog < SOMAXCONN ? (int)backlog - 1 : SOMAXCONN) < 0)
		return unix_sock_error(errno);
	return unix_sock_watch(&l->sock);
}

int unix_tcp_listen(struct mirage_stack *stack,
		    const struct mirage_endpoint *at, uint32_t backlog,
		    struct mirage_listener **listener)
{
	struct unix_listener *l = calloc(1, sizeof(*l));
	int error;

	if (l == NULL)
		return MIRAGE_ENOMEM;
	error = listener_open(l, at, backlog);
	if (error < 0) {
		unix_sock_close(&l->sock);
		free(l);
		return error;
	}
	l->sock.on_ready = listener_ready;
	l->kick.run = listener_turn;
	l->stack = stack_of(stack);
	LIST_INSERT_HEAD(&l->stack->listeners, l, of_stack);
	*listener = &l->listener;
	return 0;
}

static void listener_end(struct unix_listener *l,
			 void (*run)(struct unix_kick *kick))
{
	stop_wanting(l);
	unix_sock_close(&l->sock);
	unix_tcp_descriptor();
	l->ended = true;
	l->kick.run = run;
	unix_kick(&l->kick);
}

static void listener_canceled(struct unix_kick *kick)
{
	struct unix_listener *l = UNIX_HOLDER(struct unix_listener, kick, kick);

	mirage_core_tcp_accepted(&l->listener, MIRAGE_ECANCELED, NULL);
	free(l);
}

void unix_tcp_unlisten(struct mirage_listener *listener)
{
	struct unix_listener *l = listener_of(listener);

	LIST_REMOVE(l, of_stack);
	listener_end(l, listener_canceled);
}

static void listener_gone(struct unix_kick *kick)
{
	struct unix_listener *l = UNIX_HOLDER(struct unix_listener, kick, kick);

	mirage_core_tcp_accepted(&l->listener, MIRAGE_EGONE, NULL);
}

void unix_tcp_doom(struct unix_listener *l)
{
	listener_end(l, listener_gone);
}
