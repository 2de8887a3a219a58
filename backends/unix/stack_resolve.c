/* SPDX-License-Identifier: ISC */
/* Names, by getaddrinfo in a thread of libuv: so as the host is set up. */
#define _GNU_SOURCE
#include "stack.h"

#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

static int resolve_error(int error)
{
	switch (error) {
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_ADDRFAMILY:
		return MIRAGE_ENOENT;
	case UV_EAI_AGAIN:
		return MIRAGE_ETIMEDOUT;
	case UV_EAI_MEMORY:
	case UV_ENOMEM:
		return MIRAGE_ENOMEM;
	case UV_EAI_SERVICE:
	case UV_EINVAL:
		return MIRAGE_EINVAL;
	default:
		mirage_log(MIRAGE_LOG_WARN, "a name of the host: %s",
			   uv_strerror(error));
		return MIRAGE_EIO;
	}
}

/* Puts the addresses of one version into `resolve`, from the `n`th on. */
static uint32_t put(const struct mirage_resolve *resolve, uint32_t n,
		    int family, const struct addrinfo *found)
{
	struct mirage_endpoint at;

	for (; found != NULL && n < resolve->n_ips; found = found->ai_next) {
		if (found->ai_family != family)
			continue;
		unix_endpoint_of(&at, (const union unix_address *)(const void *)
					      found->ai_addr);
		resolve->ips[n++] = at.ip;
	}
	return n;
}

static int put_all(const struct mirage_resolve *resolve,
		   const struct addrinfo *found)
{
	uint32_t n = put(resolve, 0, AF_INET6, found);

	n = put(resolve, n, AF_INET, found);
	return n > 0 ? (int)n : MIRAGE_ENOENT;
}

/*
 * libuv waits for its threads when the process ends, and nothing ends a lookup before
 * its servers have been silent for long enough. So with one under way the process
 * ends without: what else would run at its end is left out.
 */
static unsigned n_running;

static void leave_threads(int status, void *arg)
{
	if (n_running == 0)
		return;
	fflush(NULL);
	_exit(status);
}

static void count_running(struct unix_lookup *l, bool running)
{
	static bool registered;

	if (!registered)
		registered = on_exit(leave_threads, NULL) == 0;
	n_running = running ? n_running + 1 : n_running - 1;
	l->running = running;
}

static void lookup_answer(struct unix_lookup *l, int result)
{
	struct mirage_resolve *resolve = l->resolve;

	if (resolve == NULL)
		return;
	LIST_REMOVE(l, of_stack);
	l->resolve = NULL;
	mirage_core_resolved(resolve, result);
}

static void lookup_done(uv_getaddrinfo_t *request, int status,
			struct addrinfo *found)
{
	struct unix_lookup *l = request->data;

	count_running(l, false);
	/* Whoever has given it up hears of that by the kick. */
	if (l->resolve != NULL && l->result == 0)
		lookup_answer(l, status < 0 ? resolve_error(status)
					    : put_all(l->resolve, found));
	uv_freeaddrinfo(found);
	if (!l->kick.queued)
		free(l);
}

static void lookup_turn(struct unix_kick *kick)
{
	struct unix_lookup *l = UNIX_HOLDER(struct unix_lookup, kick, kick);

	lookup_answer(l, l->result);
	if (!l->running)
		free(l);
}

void unix_resolve_end(struct unix_lookup *l, int error)
{
	l->result = error;
	if (l->running)
		uv_cancel((uv_req_t *)&l->request);
	unix_kick(&l->kick);
}

static int lookup_start(struct unix_lookup *l)
{
	const struct addrinfo hints = {
		.ai_family = l->resolve->version == 4	? AF_INET
			     : l->resolve->version == 6 ? AF_INET6
							: AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	l->request.data = l;
	return uv_getaddrinfo(unix_loop(), &l->request, lookup_done,
			      l->resolve->name, NULL, &hints);
}

/* Lookups for which there was no memory, until they are told. */
static struct mirage_resolve *failed;

static void tell_failed(struct unix_kick *kick)
{
	struct mirage_resolve *list = failed, *next;

	failed = NULL;
	for (; list != NULL; list = next) {
		next = list->next;
		mirage_core_resolved(list, MIRAGE_ENOMEM);
	}
}

static struct unix_kick failed_kick = {.run = tell_failed};

void unix_resolve(struct mirage_stack *stack, struct mirage_resolve *resolve)
{
	struct unix_stack *s = (struct unix_stack *)stack;
	struct unix_lookup *l = calloc(1, sizeof(*l));
	int error;

	resolve->implementation[0] = (uint64_t)(uintptr_t)l;
	if (l == NULL) {
		resolve->next = failed;
		failed = resolve;
		unix_kick(&failed_kick);
		return;
	}
	l->resolve = resolve;
	l->kick.run = lookup_turn;
	LIST_INSERT_HEAD(&s->lookups, l, of_stack);
	error = lookup_start(l);
	if (error == 0)
		count_running(l, true);
	else
		unix_resolve_end(l, resolve_error(error));
}

void unix_resolve_cancel(struct mirage_resolve *resolve)
{
	struct unix_lookup *l =
		(struct unix_lookup *)(uintptr_t)resolve->implementation[0];

	if (l != NULL)
		unix_resolve_end(l, MIRAGE_ECANCELED);
}
