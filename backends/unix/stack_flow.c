/* SPDX-License-Identifier: ISC */
/*
 * Connections: what can be read is read, what is to be written is written, whenever
 * the socket or the application says so; then they wait for news of epoll, which is
 * never asked for twice.
 */
#define _GNU_SOURCE
#include "stack_buffer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define VECTORS_MAX 64

static const uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

static struct unix_flow *flow_of(struct mirage_flow *flow)
{
	return (struct unix_flow *)flow;
}

/* -------------------------------------------------------------- Reading -- */

static void flow_drained(struct unix_flow *f, int end)
{
	f->drained = true;
	f->readable = false;
	f->end = end;
}

/* What a read that brought no bytes says. */
static void flow_read_ended(struct unix_flow *f, ssize_t n)
{
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0 && errno == EAGAIN) {
		f->readable = false;
		return;
	}
	if (n < 0 && f->error == 0)
		f->error = unix_sock_error(errno);
	flow_drained(f, f->error);
	mirage_core_flow_read_done(&f->flow, f->end, NULL);
}

static void flow_receive(struct unix_flow *f)
{
	ssize_t n;

	if (!f->readable || !unix_buffer_lend(f))
		return;
	n = read(f->sock.fd, f->lent, UNIX_BUFFER_BYTES);
	if (n <= 0) {
		unix_buffer_return(f);
		flow_read_ended(f, n);
		return;
	}
	/* Less than there was room for is all there was. */
	f->readable = n == UNIX_BUFFER_BYTES || f->hung_up;
	mirage_core_flow_read_done(&f->flow, (int)n, f->lent);
}

/* Answers the read in flight, if it can be answered now. */
static void flow_answer_read(struct unix_flow *f)
{
	if (!mirage_core_flow_reading(&f->flow))
		return;
	if (f->closed)
		mirage_core_flow_read_done(&f->flow, MIRAGE_ECANCELED, NULL);
	else if (f->drained)
		mirage_core_flow_read_done(&f->flow, f->end, NULL);
	else
		flow_receive(f);
}

/* -------------------------------------------------------------- Writing -- */

/* A write keeps how many of its bytes were written, and whether it came after the
 * end of the stream. */
static uint64_t *written(struct mirage_flow_write *write)
{
	return &write->implementation[0];
}

static bool refused(const struct mirage_flow_write *write)
{
	return write->implementation[1] != 0;
}

/* The vectors of the writes from the first on, less what was written. */
static int flow_gather(const struct unix_flow *f, struct iovec to[VECTORS_MAX],
		       size_t *bytes)
{
	int n = 0;

	*bytes = 0;
	for (struct mirage_flow_write *w = f->writes; w != NULL; w = w->next) {
		uint64_t skip = *written(w);

		for (uint32_t i = 0; i < w->n_vectors && !refused(w); i++) {
			const struct mirage_vector *v = &w->vectors[i];

			if (skip >= v->length_bytes) {
				skip -= v->length_bytes;
				continue;
			}
			if (n == VECTORS_MAX)
				return n;
			to[n].iov_base = (uint8_t *)v->base + skip;
			to[n].iov_len = v->length_bytes - (size_t)skip;
			*bytes += to[n++].iov_len;
			skip = 0;
		}
	}
	return n;
}

/* Credits the writes with `n` bytes, from the first on. */
static void flow_credit(struct unix_flow *f, uint64_t n)
{
	for (struct mirage_flow_write *w = f->writes; n > 0; w = w->next) {
		uint64_t left = w->length_bytes - *written(w);
		uint64_t part = n < left ? n : left;

		*written(w) += part;
		n -= part;
	}
}

/* Hands to the socket what it takes. */
static void flow_push(struct unix_flow *f)
{
	struct iovec vectors[VECTORS_MAX];
	size_t bytes;
	int n = flow_gather(f, vectors, &bytes);
	ssize_t taken;

	if (n == 0)
		return;
	taken = n == 1 ? write(f->sock.fd, vectors->iov_base, bytes)
		       : writev(f->sock.fd, vectors, n);
	if (taken >= 0) {
		flow_credit(f, (uint64_t)taken);
		f->blocked = (size_t)taken < bytes;
	} else if (errno == EAGAIN) {
		f->blocked = true;
	} else if (errno != EINTR) {
		f->error = unix_sock_error(errno);
	}
}

/* Whether the write is over, and how. */
static bool flow_settled(const struct unix_flow *f,
			 struct mirage_flow_write *write, int *result)
{
	*result = refused(write) ? MIRAGE_EGONE : f->error;
	return *result != 0 || *written(write) == write->length_bytes;
}

/* Completes the writes that are over: those that were there, since a completion may
 * bring more. */
static void flow_complete(struct unix_flow *f)
{
	struct mirage_flow_write *write;
	unsigned n = 0;
	int result;

	for (write = f->writes; write != NULL; write = write->next)
		n++;
	for (; n > 0 && flow_settled(f, f->writes, &result); n--) {
		write = f->writes;
		f->writes = write->next;
		mirage_core_flow_write_done(write, result);
	}
}

static void flow_send(struct unix_flow *f)
{
	if (f->writes == NULL)
		return;
	if (f->error == 0 && !f->blocked)
		flow_push(f);
	flow_complete(f);
}

/* Ends our stream once everything before the end was written. */
static void flow_send_end(struct unix_flow *f)
{
	if (!f->shut || f->shut_done || f->error != 0 ||
	    (f->writes != NULL && !refused(f->writes)))
		return;
	f->shut_done = true;
	shutdown(f->sock.fd, SHUT_WR);
}

/* -------------------------------------------------------------- Turning -- */

/* Whether there is something to do that no news of epoll will bring. */
static bool flow_due(const struct unix_flow *f)
{
	if (mirage_core_flow_reading(&f->flow) && f->line == NULL &&
	    (f->closed || f->drained || f->readable))
		return true;
	return f->writes == NULL ? f->closed : f->error != 0 || !f->blocked;
}

static void flow_step(struct unix_flow *f)
{
	f->running = true;
	flow_answer_read(f);
	flow_send(f);
	flow_send_end(f);
	f->running = false;
}

static void flow_ready(struct unix_sock *sock, uint32_t events)
{
	struct unix_flow *f = UNIX_HOLDER(struct unix_flow, sock, sock);

	f->hung_up |= (events & end_events) != 0;
	f->readable |= !f->drained && (events & (EPOLLIN | end_events)) != 0;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		f->blocked = false;
	flow_step(f);
	if (flow_due(f))
		unix_kick(&f->kick);
}

static void flow_leave(struct unix_flow *f);

static void flow_turn(struct unix_kick *kick)
{
	struct unix_flow *f = UNIX_HOLDER(struct unix_flow, kick, kick);

	flow_step(f);
	if (kick->queued)
		return;
	if (f->closed && f->writes == NULL &&
	    !mirage_core_flow_reading(&f->flow))
		flow_leave(f);
	else if (flow_due(f))
		unix_kick(kick);
}

/* Its own step ends with a look at what has become due. */
static void flow_kick(struct unix_flow *f)
{
	if (!f->running)
		unix_kick(&f->kick);
}

/* -------------------------------------------------------------- Leaving -- */

/* Nothing is in flight any more. */
static void flow_leave(struct unix_flow *f)
{
	bool open = f->sock.fd >= 0 && f->error == 0 && !f->drained;

	if (open && (f->shut_done || shutdown(f->sock.fd, SHUT_WR) == 0))
		unix_linger(f);
	else
		unix_flow_free(f);
}

/* ------------------------------------------------------------ Operations -- */

static void unix_flow_read(struct mirage_flow *flow)
{
	struct unix_flow *f = flow_of(flow);

	unix_buffer_return(f);
	if (f->readable || f->drained)
		flow_kick(f);
}

static void unix_flow_write(struct mirage_flow *flow,
			    struct mirage_flow_write *write)
{
	struct unix_flow *f = flow_of(flow);

	*written(write) = 0;
	write->implementation[1] = f->shut;
	if (f->writes == NULL)
		f->writes = write;
	else
		f->last_write->next = write;
	f->last_write = write;
	flow_kick(f);
}

static void unix_flow_shutdown(struct mirage_flow *flow)
{
	struct unix_flow *f = flow_of(flow);

	f->shut = true;
	flow_kick(f);
}

static void unix_flow_close(struct mirage_flow *flow)
{
	struct unix_flow *f = flow_of(flow);

	f->closed = true;
	unix_buffer_return(f);
	flow_kick(f);
}

/* Closes without grace: the kernel sends a reset. */
static void flow_reset(struct unix_flow *f)
{
	struct linger now = {.l_onoff = 1};

	if (f->sock.fd < 0)
		return;
	setsockopt(f->sock.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	unix_sock_close(&f->sock);
	unix_tcp_descriptor();
}

static void unix_flow_abort(struct mirage_flow *flow)
{
	struct unix_flow *f = flow_of(flow);

	f->closed = true;
	if (f->error == 0)
		f->error = MIRAGE_ECANCELED;
	unix_buffer_return(f);
	flow_reset(f);
	flow_kick(f);
}

static int flow_set(const struct unix_flow *f, int level, int option, int value)
{
	if (f->sock.fd < 0)
		return f->error;
	return setsockopt(f->sock.fd, level, option, &value, sizeof(value)) < 0
		       ? unix_sock_error(errno)
		       : 0;
}

static int unix_flow_nodelay(struct mirage_flow *flow, bool nodelay)
{
	return flow_set(flow_of(flow), IPPROTO_TCP, TCP_NODELAY, nodelay);
}

/* The kernel counts seconds, up to 32,767, and asks as often again as we say. */
static int unix_flow_keepalive(struct mirage_flow *flow, uint64_t idle_ns)
{
	struct unix_flow *f = flow_of(flow);
	uint64_t s = idle_ns / 1000000000 + (idle_ns % 1000000000 != 0);
	int value = s < INT16_MAX ? (int)s : INT16_MAX;
	int error = flow_set(f, SOL_SOCKET, SO_KEEPALIVE, idle_ns != 0);

	if (error == 0 && idle_ns != 0)
		error = flow_set(f, IPPROTO_TCP, TCP_KEEPIDLE, value);
	if (error == 0 && idle_ns != 0)
		error = flow_set(f, IPPROTO_TCP, TCP_KEEPINTVL, value);
	if (error == 0 && idle_ns != 0)
		error = flow_set(f, IPPROTO_TCP, TCP_KEEPCNT, 3);
	return error;
}

static const struct mirage_flow_ops flow_ops = {
	.size = sizeof(flow_ops),
	.read = unix_flow_read,
	.write = unix_flow_write,
	.shutdown = unix_flow_shutdown,
	.close = unix_flow_close,
	.abort = unix_flow_abort,
	.nodelay = unix_flow_nodelay,
	.keepalive = unix_flow_keepalive,
};

/* ----------------------------------------------------------------- Life -- */

static LIST_HEAD(, unix_flow) spare = LIST_HEAD_INITIALIZER(spare);

struct unix_flow *unix_flow_new(struct unix_stack *stack)
{
	struct unix_flow *f = LIST_FIRST(&spare);

	if (f != NULL)
		LIST_REMOVE(f, of_stack);
	else
		f = malloc(sizeof(*f));
	if (f == NULL)
		return NULL;
	*f = (struct unix_flow){.sock.fd = -1, .stack = stack};
	LIST_INSERT_HEAD(&stack->flows, f, of_stack);
	return f;
}

void unix_flow_begin(struct unix_flow *f)
{
	f->flow.ops = &flow_ops;
	f->sock.on_ready = flow_ready;
	f->kick.run = flow_turn;
}

void unix_flow_free(struct unix_flow *f)
{
	if (f->sock.fd >= 0) {
		unix_sock_close(&f->sock);
		unix_tcp_descriptor();
	}
	unix_buffer_return(f);
	if (f->line != NULL)
		unix_linger_end(f);
	if (f->stack != NULL)
		LIST_REMOVE(f, of_stack);
	LIST_INSERT_HEAD(&spare, f, of_stack);
}

void unix_flow_doom(struct unix_flow *f)
{
	if (f->connect != NULL) {
		unix_tcp_give_up(f, MIRAGE_EGONE);
		return;
	}
	LIST_REMOVE(f, of_stack);
	f->stack = NULL;
	/* What was closed in time leaves with grace: the kernel sees to it. */
	if (f->closed && f->writes == NULL)
		unix_sock_close(&f->sock);
	flow_reset(f);
	if (f->error == 0)
		f->error = MIRAGE_EGONE;
	flow_drained(f, MIRAGE_EGONE);
	unix_kick(&f->kick);
}
