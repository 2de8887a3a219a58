/* SPDX-License-Identifier: ISC */
/*
 * half_open.c: against floods of connections that nobody means (RFC 4987, 3.4). In
 * lwIP a connection that has only been asked for holds one of its listener's places
 * for half a minute. Here the oldest of them gives its place up to the next one: who
 * means it has answered long before.
 */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

#include "hooks.h"

/** The oldest half-open connection of a listener that has `n` of them. lwIP puts new
 *  connections in front. */
static struct tcp_pcb *oldest(const struct tcp_pcb_listen *listener, uint32_t n)
{
	struct tcp_pcb *found = NULL;

	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && n > 0;
	     pcb = pcb->next)
		if (pcb->state == SYN_RCVD && pcb->listener == listener) {
			found = pcb;
			n--;
		}
	return found;
}

void tcpip_half_open_input(struct tcp_pcb_listen *pcb,
			   const struct tcp_hdr *header)
{
	struct tcpip_listener *listener = pcb->callback_arg;
	struct tcp_pcb *victim;

	if ((TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN ||
	    pcb->accepts_pending < pcb->backlog || listener == NULL)
		return;
	/* Those that wait to be accepted are not half open any more. */
	victim = oldest(pcb, pcb->accepts_pending - listener->n_waiting);
	listener->stack->counters.tcp_dropped_backlog++;
	if (victim != NULL)
		tcp_abandon(victim, 0);
}
