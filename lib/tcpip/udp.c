/* SPDX-License-Identifier: ISC */
/* UDP ports. */
#include "tcpip.h"

#include <string.h>

enum { QUEUE_MAX = 1024, COPY_MAX_BYTES = 256, DATAGRAM_MAX_BYTES = 65535 };
/* lwIP counts the header of IPv6 into the 16 bits of a length. */
enum { IPV6_MAX_BYTES = 65535 - 40 - 8 };

/** What has arrived and waits for lwIP to be left. */
struct tcpip_datagram {
	struct tcpip_datagram *next;
	struct pbuf *p;
	struct mirage_endpoint from, to;
};

static struct tcpip_udp *udp_of(struct mirage_udp *udp)
{
	return (struct tcpip_udp *)udp;
}

/* ------------------------------------------------------------- Receiving -- */

/** The bytes of a datagram in one piece, which those of one pbuf are. */
static const uint8_t *whole(const struct pbuf *p)
{
	static uint8_t *buffer;

	if (p->next == NULL)
		return p->payload;
	if (buffer == NULL)
		buffer = tcpip_alloc(DATAGRAM_MAX_BYTES);
	if (buffer != NULL)
		pbuf_copy_partial(p, buffer, p->tot_len, 0);
	return buffer;
}

static struct tcpip_datagram *take_first(struct tcpip_udp *udp)
{
	struct tcpip_datagram *datagram = udp->first;

	if (datagram == NULL)
		return NULL;
	udp->first = datagram->next;
	if (udp->first == NULL)
		udp->end = &udp->first;
	udp->n_queued--;
	return datagram;
}

static void drop_all(struct tcpip_udp *udp)
{
	struct tcpip_datagram *datagram;

	while ((datagram = take_first(udp)) != NULL) {
		pbuf_free(datagram->p);
		tcpip_free(datagram);
	}
}

static void udp_free(struct tcpip_udp *udp)
{
	struct tcpip_udp **at = &udp->stack->udps;

	while (*at != udp)
		at = &(*at)->next;
	*at = udp->next;
	drop_all(udp);
	tcpip_task_drop(&udp->task);
	tcpip_free(udp);
}

static void udp_run(struct tcpip_task *task)
{
	struct tcpip_udp *udp =
		(struct tcpip_udp *)((char *)task -
				     offsetof(struct tcpip_udp, task));
	struct tcpip_datagram *datagram;

	while (udp->pcb != NULL && (datagram = take_first(udp)) != NULL) {
		const uint8_t *bytes = whole(datagram->p);

		if (bytes != NULL)
			mirage_core_udp_received(&udp->udp, &datagram->from,
						 &datagram->to, bytes,
						 datagram->p->tot_len);
		pbuf_free(datagram->p);
		tcpip_free(datagram);
	}
	if (udp->pcb == NULL)
		udp_free(udp);
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p,
			const ip_addr_t *from, u16_t port)
{
	struct tcpip_udp *udp = arg;
	struct tcpip_datagram *datagram = NULL;

	if (udp->n_queued < QUEUE_MAX)
		datagram = tcpip_alloc(sizeof *datagram);
	if (datagram == NULL) {
		udp->stack->counters.rx_dropped_memory++;
		pbuf_free(p);
		return;
	}
	datagram->p = p;
	tcpip_from_lwip(&datagram->from.ip, from, udp->stack);
	tcpip_from_lwip(&datagram->to.ip, ip_current_dest_addr(), udp->stack);
	datagram->from.port = port;
	datagram->to.port = udp->udp.local.port;
	*udp->end = datagram;
	udp->end = &datagram->next;
	udp->n_queued++;
	tcpip_task_queue(&udp->task, udp_run);
}

/* -------------------------------------------------- Opening and closing -- */

static bool taken(const struct tcpip_stack *stack, const struct mirage_ip *ip,
		  uint16_t port)
{
	for (const struct tcpip_udp *at = stack->udps; at != NULL;
	     at = at->next)
		if (at->pcb != NULL && at->udp.local.port == port &&
		    tcpip_overlap(&at->udp.local.ip, ip))
			return true;
	return false;
}

static int choose_port(const struct tcpip_stack *stack,
		       const struct mirage_endpoint *at, uint16_t *port)
{
	*port = at->port;
	if (*port != 0)
		return taken(stack, &at->ip, *port) ? MIRAGE_EBUSY : 0;
	for (int tries = 0; tries < 1000; tries++) {
		*port = tcpip_ephemeral();
		if (!taken(stack, &at->ip, *port))
			return 0;
	}
	return MIRAGE_EBUSY;
}

static int bind_pcb(struct tcpip_udp *udp)
{
	struct tcpip_stack *stack = udp->stack;
	ip_addr_t local;

	tcpip_to_lwip(&local, &udp->udp.local.ip, stack);
	udp->pcb = udp_new_ip_type(IP_GET_TYPE(&local));
	if (udp->pcb == NULL)
		return MIRAGE_ENOMEM;
	/* Another stack may have the same port: we have looked in ours. */
	ip_set_option(udp->pcb, SOF_REUSEADDR);
	if (udp_bind(udp->pcb, &local, udp->udp.local.port) != ERR_OK) {
		udp_remove(udp->pcb);
		return MIRAGE_EBUSY;
	}
	if (stack->config.n_interfaces == 1)
		udp_bind_netif(udp->pcb, &stack->interfaces[0].netif);
	udp_recv(udp->pcb, on_datagram, udp);
	return 0;
}

int tcpip_udp_open(struct mirage_stack *mirage_stack,
		   const struct mirage_endpoint *at, struct mirage_udp **result)
{
	struct tcpip_stack *stack = tcpip_stack_of(mirage_stack);
	struct tcpip_udp *udp;
	uint16_t port;
	int error;

	if (!tcpip_stack_owns(stack, &at->ip))
		return MIRAGE_EINVAL;
	error = choose_port(stack, at, &port);
	if (error < 0)
		return error;
	udp = tcpip_alloc(sizeof *udp);
	if (udp == NULL)
		return MIRAGE_ENOMEM;
	udp->udp.local = *at;
	udp->udp.local.port = port;
	udp->stack = stack;
	udp->end = &udp->first;
	error = bind_pcb(udp);
	if (error < 0) {
		tcpip_free(udp);
		return error;
	}
	udp->next = stack->udps;
	stack->udps = udp;
	*result = &udp->udp;
	return 0;
}

static void stop(struct tcpip_udp *udp)
{
	if (udp->pcb == NULL)
		return;
	udp_remove(udp->pcb);
	udp->pcb = NULL;
	drop_all(udp);
}

void tcpip_udp_close(struct mirage_udp *mirage_udp)
{
	struct tcpip_udp *udp = udp_of(mirage_udp);

	stop(udp);
	/* Its own callback may be the one that runs. */
	tcpip_task_queue(&udp->task, udp_run);
	tcpip_touch();
}

void tcpip_udps_close(struct tcpip_stack *stack)
{
	for (struct tcpip_udp *at = stack->udps; at != NULL; at = at->next)
		stop(at);
}

void tcpip_udps_free(struct tcpip_stack *stack)
{
	while (stack->udps != NULL)
		udp_free(stack->udps);
}

/* --------------------------------------------------------------- Sending -- */

static size_t length_of(const struct mirage_vector vectors[], size_t n)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
		length += vectors[i].length_bytes;
	return length;
}

/** The datagram as pbufs: a copy when it is small, else references to the vectors. */
static struct pbuf *gather(const struct mirage_vector vectors[], size_t n)
{
	size_t length = length_of(vectors, n);
	struct pbuf *first = pbuf_alloc(
		PBUF_TRANSPORT, length <= COPY_MAX_BYTES ? (uint16_t)length : 0,
		PBUF_RAM);
	if (first == NULL || length <= COPY_MAX_BYTES) {
		uint8_t *to = first != NULL ? first->payload : NULL;

		for (size_t i = 0; to != NULL && i < n; i++) {
			memcpy(to, vectors[i].base, vectors[i].length_bytes);
			to += vectors[i].length_bytes;
		}
		return first;
	}
	for (size_t i = 0; i < n; i++) {
		struct pbuf *p;

		if (vectors[i].length_bytes == 0)
			continue;
		p = pbuf_alloc(PBUF_RAW, (uint16_t)vectors[i].length_bytes,
			       PBUF_REF);
		if (p == NULL) {
			pbuf_free(first);
			return NULL;
		}
		p->payload = vectors[i].base;
		pbuf_cat(first, p);
	}
	return first;
}

static int error_of(err_t error)
{
	switch (error) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return MIRAGE_EAGAIN;
	case ERR_VAL:
	case ERR_RTE:
		return MIRAGE_EUNREACH;
	default:
		return MIRAGE_EIO;
	}
}

int tcpip_udp_send(struct mirage_udp *mirage_udp,
		   const struct mirage_endpoint *from,
		   const struct mirage_endpoint *to,
		   const struct mirage_vector vectors[], size_t n)
{
	static const struct mirage_ip none;
	struct tcpip_udp *udp = udp_of(mirage_udp);
	const struct mirage_ip *source =
		from != NULL && tcpip_stack_owns(udp->stack, &from->ip)
			? &from->ip
			: &none;
	struct tcpip_interface *interface;
	const ip_addr_t *own;
	ip_addr_t target, local;
	struct pbuf *p;
	err_t error;

	if (to->ip.version == 6 && length_of(vectors, n) > IPV6_MAX_BYTES)
		return MIRAGE_EMSGSIZE;
	if (tcpip_is_any(source))
		source = &udp->udp.local.ip;
	interface = tcpip_stack_route(udp->stack, source, &to->ip);
	if (interface == NULL)
		return MIRAGE_EUNREACH;
	tcpip_to_lwip(&target, &to->ip, udp->stack);
	own = ip_netif_get_local_ip(&interface->netif, &target);
	if (own == NULL)
		return MIRAGE_EUNREACH;
	tcpip_to_lwip(&local, source, udp->stack);
	p = gather(vectors, n);
	if (p == NULL) {
		udp->stack->counters.tx_dropped_memory++;
		return MIRAGE_EAGAIN;
	}
	error = udp_sendto_if_src(udp->pcb, p, &target, to->port,
				  &interface->netif,
				  tcpip_is_any(source) ? own : &local);
	pbuf_free(p);
	tcpip_touch();
	return error_of(error);
}
