/* SPDX-License-Identifier: ISC */
/*
 * The end of a connection that was let go of. A socket that is closed with bytes
 * unread, or before the peer's last, answers with a reset, and the peer may lose
 * what we sent. So we go on reading to the end of the peer's stream, for a while.
 */
#include "stack.h"

#include <errno.h>
#include <unistd.h>

/* How long the peer may go on sending. */
#define LINGER_NS 10000000000u
/* Reads in a row, before others get their turn. */
#define DISCARDS_MAX 8

static struct unix_flows lingering = TAILQ_HEAD_INITIALIZER(lingering);
static struct mirage_timer linger_timer;

static void linger_step(struct unix_flow *f)
{
	static uint8_t waste[65536];
	ssize_t n = 1;

	for (int i = 0; i < DISCARDS_MAX && n > 0; i++)
		n = recv(f->sock.fd, waste, sizeof waste, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 0 || (n < 0 && errno != EINTR)) {
		unix_sock_close(&f->sock);
		unix_tcp_descriptor();
	}
	unix_kick(&f->kick);
}

static void linger_ready(struct unix_sock *sock, uint32_t events)
{
	linger_step(UNIX_HOLDER(struct unix_flow, sock, sock));
}

static void linger_turn(struct unix_kick *kick)
{
	struct unix_flow *f = UNIX_HOLDER(struct unix_flow, kick, kick);

	if (f->sock.fd >= 0)
		linger_step(f);
	else
		unix_flow_free(f);
}

static void linger_timed_out(void *arg)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();
	struct unix_flow *f, *next;

	for (f = TAILQ_FIRST(&lingering); f != NULL; f = next) {
		next = TAILQ_NEXT(f, in_line);
		if (f->linger_until_ns > now_ns) {
			mirage_timer_start(&linger_timer, f->linger_until_ns,
					   linger_timed_out, NULL);
			return;
		}
		unix_sock_close(&f->sock);
		unix_tcp_descriptor();
		unix_kick(&f->kick);
	}
}

void unix_linger(struct unix_flow *f)
{
	f->sock.on_ready = linger_ready;
	f->kick.run = linger_turn;
	f->line = &lingering;
	TAILQ_INSERT_TAIL(&lingering, f, in_line);
	f->linger_until_ns = mirage_clock_monotonic_ns() + LINGER_NS;
	if (!mirage_timer_armed(&linger_timer))
		mirage_timer_start(&linger_timer, f->linger_until_ns,
				   linger_timed_out, NULL);
	linger_step(f);
}

void unix_linger_end(struct unix_flow *f)
{
	TAILQ_REMOVE(&lingering, f, in_line);
	f->line = NULL;
	if (TAILQ_EMPTY(&lingering))
		mirage_timer_cancel(&linger_timer);
}
