/* SPDX-License-Identifier: ISC */
/*
 * A stub resolver (RFC 1035): asks the stack's servers in turn, over UDP, from a port
 * and with identifiers that nobody guesses, for addresses of both versions at once.
 */
#include "tcpip.h"

#include "dns.h"

#include <string.h>

enum { SERVER_PORT = 53, TRIES_MAX = 6, FOUND_MAX = 16 };

#define TRY_NS UINT64_C(1500000000)

/** One question: for addresses of one version. */
struct question {
	uint16_t id;
	uint16_t type; /* 0: not asked */
	bool answered;
	int result;
	uint32_t n_found;
	struct mirage_ip found[FOUND_MAX];
};

struct tcpip_lookup {
	struct tcpip_task task;
	struct tcpip_stack *stack;
	struct tcpip_lookup *next;
	struct mirage_resolve *resolve;
	struct udp_pcb *pcb;
	struct mirage_timer timer;
	struct mirage_ip server; /* asked last */
	uint32_t tries;
	int result;
	struct question questions[2]; /* for version 6, for version 4 */
};

static void lookup_free(struct tcpip_lookup *lookup)
{
	struct tcpip_lookup **at = &lookup->stack->lookups;

	while (*at != lookup)
		at = &(*at)->next;
	*at = lookup->next;
	if (lookup->pcb != NULL)
		udp_remove(lookup->pcb);
	mirage_timer_cancel(&lookup->timer);
	tcpip_task_drop(&lookup->task);
	tcpip_free(lookup);
}

/** Puts the addresses found where they belong; returns their number. */
static int give(struct tcpip_lookup *lookup)
{
	struct mirage_resolve *resolve = lookup->resolve;
	uint32_t n = 0;

	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < lookup->questions[i].n_found; k++)
			if (n < resolve->n_ips)
				resolve->ips[n++] =
					lookup->questions[i].found[k];
	return (int)n;
}

static void lookup_run(struct tcpip_task *task)
{
	struct tcpip_lookup *lookup =
		(struct tcpip_lookup *)((char *)task -
					offsetof(struct tcpip_lookup, task));
	struct mirage_resolve *resolve = lookup->resolve;
	int result = lookup->result;

	if (result == 0)
		result = give(lookup);
	lookup_free(lookup);
	mirage_core_resolved(resolve, result);
}

static void end(struct tcpip_lookup *lookup, int result)
{
	if (lookup->task.queued)
		return;
	lookup->result = result;
	tcpip_task_queue(&lookup->task, lookup_run);
}

/* ---------------------------------------------------------------- Asking -- */

static void send_question(struct tcpip_lookup *lookup,
			  const struct question *question,
			  struct tcpip_interface *interface)
{
	uint8_t message[DNS_MESSAGE_MAX];
	size_t length = dns_ask(message, question->id, question->type,
				lookup->resolve->name);
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (uint16_t)length, PBUF_RAM);
	const ip_addr_t *own;
	ip_addr_t server;

	if (p == NULL)
		return;
	memcpy(p->payload, message, length);
	tcpip_to_lwip(&server, &lookup->server, lookup->stack);
	own = ip_netif_get_local_ip(&interface->netif, &server);
	if (own != NULL)
		udp_sendto_if_src(lookup->pcb, p, &server, SERVER_PORT,
				  &interface->netif, own);
	pbuf_free(p);
}

/** What to say after the last try: what was found, or what went wrong. */
static int conclusion(const struct tcpip_lookup *lookup)
{
	int result = MIRAGE_ETIMEDOUT;

	for (int i = 0; i < 2; i++) {
		if (lookup->questions[i].n_found > 0)
			return 0;
		if (lookup->questions[i].result == MIRAGE_EIO)
			result = MIRAGE_EIO;
	}
	return result;
}

static void ask(void *arg);

static void on_timer(void *arg)
{
	tcpip_enter();
	ask(arg);
	tcpip_leave();
}

/** Asks the next server what is not answered yet. */
static void ask(void *arg)
{
	static const struct mirage_ip none;
	struct tcpip_lookup *lookup = arg;
	const struct mirage_stack_info *info = &lookup->stack->info;
	struct tcpip_interface *interface;

	if (lookup->tries == TRIES_MAX) {
		end(lookup, conclusion(lookup));
		return;
	}
	if (info->n_dns == 0) {
		end(lookup, MIRAGE_EUNREACH);
		return;
	}
	lookup->server = info->dns[lookup->tries++ % info->n_dns];
	interface = tcpip_stack_route(lookup->stack, &none, &lookup->server);
	if (interface == NULL && lookup->tries >= info->n_dns &&
	    lookup->tries < TRIES_MAX && info->n_dns == 1) {
		end(lookup, MIRAGE_EUNREACH);
		return;
	}
	for (int i = 0; i < 2 && interface != NULL; i++)
		if (lookup->questions[i].type != 0 &&
		    !lookup->questions[i].answered)
			send_question(lookup, &lookup->questions[i], interface);
	mirage_timer_start(&lookup->timer,
			   mirage_clock_monotonic_ns() +
				   (interface != NULL ? TRY_NS : 0),
			   on_timer, lookup);
}

/* ------------------------------------------------------------- Answering -- */

static void take_answer(struct tcpip_lookup *lookup, struct question *question,
			const uint8_t *message, size_t length)
{
	struct dns_answer answer = {.room = FOUND_MAX, .ips = question->found};

	switch (dns_read(message, length, question->type, lookup->resolve->name,
			 &answer)) {
	case DNS_ANSWER:
		question->answered = true;
		question->n_found = answer.n;
		break;
	case DNS_NO_SUCH_NAME:
		question->answered = true;
		break;
	case DNS_FAILURE:
		/* Another server may know. */
		question->result = MIRAGE_EIO;
		if (lookup->tries < lookup->stack->info.n_dns)
			mirage_timer_start(&lookup->timer, 0, on_timer, lookup);
		else
			end(lookup, conclusion(lookup));
		return;
	case DNS_NOT_OURS:
		return;
	}
	for (int i = 0; i < 2; i++)
		if (lookup->questions[i].type != 0 &&
		    !lookup->questions[i].answered)
			return;
	end(lookup,
	    lookup->questions[0].n_found > 0 || lookup->questions[1].n_found > 0
		    ? 0
		    : MIRAGE_ENOENT);
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p,
			const ip_addr_t *from, u16_t port)
{
	struct tcpip_lookup *lookup = arg;
	uint8_t message[DNS_MESSAGE_MAX];
	size_t length = pbuf_copy_partial(p, message, sizeof message, 0);
	struct mirage_ip ip;

	pbuf_free(p);
	tcpip_from_lwip(&ip, from, lookup->stack);
	if (port != SERVER_PORT || length < 2 ||
	    !mirage_ip_equal(&ip, &lookup->server))
		return;
	for (int i = 0; i < 2; i++) {
		struct question *question = &lookup->questions[i];

		if (question->type != 0 && !question->answered &&
		    question->id == (message[0] << 8 | message[1])) {
			take_answer(lookup, question, message, length);
			return;
		}
	}
}

/* ------------------------------------------------- What the app asks for -- */

static struct tcpip_lookup *lookup_new(struct tcpip_stack *stack,
				       struct mirage_resolve *resolve)
{
	struct tcpip_lookup *lookup = tcpip_alloc(sizeof *lookup);
	uint32_t random = tcpip_random();

	if (lookup == NULL)
		return NULL;
	lookup->stack = stack;
	lookup->resolve = resolve;
	lookup->questions[0].id = (uint16_t)random;
	lookup->questions[1].id = (uint16_t)(random >> 16);
	if (resolve->version != 4)
		lookup->questions[0].type = DNS_AAAA;
	if (resolve->version != 6)
		lookup->questions[1].type = DNS_A;
	lookup->next = stack->lookups;
	stack->lookups = lookup;
	return lookup;
}

static bool open_port(struct tcpip_lookup *lookup)
{
	struct tcpip_stack *stack = lookup->stack;

	lookup->pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
	if (lookup->pcb == NULL)
		return false;
	for (int tries = 0; tries < 100; tries++) {
		if (udp_bind(lookup->pcb, IP_ANY_TYPE, tcpip_ephemeral()) !=
		    ERR_OK)
			continue;
		if (stack->config.n_interfaces == 1)
			udp_bind_netif(lookup->pcb,
				       &stack->interfaces[0].netif);
		udp_recv(lookup->pcb, on_datagram, lookup);
		return true;
	}
	return false;
}

void tcpip_resolve(struct mirage_stack *mirage_stack,
		   struct mirage_resolve *resolve)
{
	struct tcpip_stack *stack = tcpip_stack_of(mirage_stack);
	struct tcpip_lookup *lookup = lookup_new(stack, resolve);

	resolve->implementation[1] = (uint64_t)(uintptr_t)lookup;
	if (lookup == NULL) {
		resolve->next = stack->no_memory_resolve;
		stack->no_memory_resolve = resolve;
		tcpip_stack_check(stack);
	} else if (!open_port(lookup)) {
		end(lookup, MIRAGE_ENOMEM);
	} else {
		ask(lookup);
	}
	tcpip_touch();
}

void tcpip_resolve_cancel(struct mirage_resolve *resolve)
{
	struct tcpip_lookup *lookup =
		(struct tcpip_lookup *)(uintptr_t)resolve->implementation[1];

	if (lookup == NULL)
		return; /* fails anyway */
	tcpip_task_drop(&lookup->task);
	end(lookup, MIRAGE_ECANCELED);
	tcpip_touch();
}

void tcpip_lookups_close(struct tcpip_stack *stack)
{
	for (struct tcpip_lookup *at = stack->lookups; at != NULL;
	     at = at->next) {
		tcpip_task_drop(&at->task);
		end(at, MIRAGE_EGONE);
	}
}
