/* SPDX-License-Identifier: ISC */
/* The writes of a flow. Small ones are copied, and complete when they are with lwIP;
 * of others lwIP gets the address, and they complete when the peer has the bytes. */
#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

#include "hooks.h"

enum {
	COPY_MAX_BYTES = 4096,
	/* Of what was copied and is not acknowledged. */
	COPIED_MAX_BYTES = 65536,
	/* With lwIP beyond what it may send now: segments cost memory too. */
	AHEAD_BYTES = 131072
};

/* In `implementation` of a write: where it ends in the stream, whether the peer must
 * have it before it completes, and how far it has come. */
enum { WRITE_END, WRITE_LENT, WRITE_STATE };
enum write_state { WAITING, FED, REFUSED };

void tcpip_flow_write(struct mirage_flow *mirage_flow,
		      struct mirage_flow_write *write)
{
	struct tcpip_flow *flow = (struct tcpip_flow *)mirage_flow;

	*flow->writes_end = write;
	flow->writes_end = &write->next;
	write->implementation[WRITE_LENT] = false;
	write->implementation[WRITE_STATE] = flow->shut ? REFUSED : WAITING;
	if (flow->to_feed == NULL && !flow->shut) {
		flow->to_feed = write;
		flow->feed_vector = 0;
		flow->feed_offset = 0;
	}
}

/** How much more lwIP is to have. */
static uint64_t room(const struct tcpip_flow *flow)
{
	const struct tcp_pcb *pcb = flow->pcb;
	uint64_t window = pcb->cwnd < pcb->snd_wnd ? pcb->cwnd : pcb->snd_wnd;
	uint64_t out = flow->fed - flow->acked;
	uint64_t free =
		window + AHEAD_BYTES > out ? window + AHEAD_BYTES - out : 0;

	return free < tcp_sndbuf(pcb) ? free : tcp_sndbuf(pcb);
}

/** Whether something follows what is being fed, so that nothing need be pushed. */
static bool more_follows(const struct tcpip_flow *flow, size_t left)
{
	return left > 0 || flow->feed_vector + 1 < flow->to_feed->n_vectors ||
	       flow->to_feed->next != NULL;
}

/** Feeds from the present vector. Returns false when lwIP takes no more now. */
static bool feed_some(struct tcpip_flow *flow)
{
	struct mirage_flow_write *write = flow->to_feed;
	const struct mirage_vector *vector = &write->vectors[flow->feed_vector];
	size_t left = vector->length_bytes - flow->feed_offset;
	uint64_t most = room(flow);
	bool copies = write->length_bytes <= COPY_MAX_BYTES &&
		      flow->fed - flow->acked < COPIED_MAX_BYTES;
	uint16_t n;
	uint8_t flags = copies ? TCP_WRITE_FLAG_COPY : 0;

	if (left > most)
		left = most;
	n = (uint16_t)(left < UINT16_MAX ? left : UINT16_MAX);
	if (n == 0)
		return false;
	if (more_follows(flow, vector->length_bytes - flow->feed_offset - n))
		flags |= TCP_WRITE_FLAG_MORE;
	if (tcp_write(flow->pcb, (uint8_t *)vector->base + flow->feed_offset, n,
		      flags) != ERR_OK)
		return false;
	if (!copies)
		write->implementation[WRITE_LENT] = true;
	flow->feed_offset += n;
	flow->fed += n;
	return true;
}

/** Goes on to the next write, unless it came after the end of the stream. */
static void feed_next(struct tcpip_flow *flow)
{
	struct mirage_flow_write *next = flow->to_feed->next;

	flow->feed_vector = 0;
	flow->feed_offset = 0;
	if (next != NULL && next->implementation[WRITE_STATE] == REFUSED)
		next = NULL;
	flow->to_feed = next;
}

/** Gives lwIP what it may have. Returns false when it had no memory for it, and no
 *  acknowledgement will come to try again. */
bool tcpip_flow_feed(struct tcpip_flow *flow)
{
	bool fed_any = false;

	/* RFC 6928. */
	if (flow->fed == 0 && flow->pcb->cwnd < 10u * flow->pcb->mss)
		flow->pcb->cwnd = 10u * flow->pcb->mss;
	while (flow->to_feed != NULL) {
		struct mirage_flow_write *write = flow->to_feed;

		if (flow->feed_vector == write->n_vectors) {
			write->implementation[WRITE_END] = flow->fed;
			write->implementation[WRITE_STATE] = FED;
			feed_next(flow);
			fed_any = true;
		} else if (flow->feed_offset ==
			   write->vectors[flow->feed_vector].length_bytes) {
			flow->feed_vector++;
			flow->feed_offset = 0;
		} else if (!feed_some(flow)) {
			break;
		}
	}
	if (fed_any)
		tcpip_flow_queue(flow);
	return flow->to_feed == NULL || flow->pcb->unacked != NULL ||
	       flow->pcb->unsent != NULL;
}

/** What the oldest write completes with; 1 when it does not yet. */
static int outcome(struct tcpip_flow *flow)
{
	const struct mirage_flow_write *write = flow->writes;
	bool fed = write->implementation[WRITE_STATE] == FED;
	bool lent = write->implementation[WRITE_LENT] != 0;

	if (write->implementation[WRITE_STATE] == REFUSED)
		return MIRAGE_EGONE;

	if (lent && tcpip_lent > 0) {
		tcpip_lent_awaited = true;
		return 1;
	}
	if (fed && (!lent || flow->acked >= write->implementation[WRITE_END]))
		return 0;
	if (flow->error != 0)
		return flow->error;
	return flow->pcb == NULL ? MIRAGE_ERESET : 1;
}

void tcpip_flow_complete(struct tcpip_flow *flow)
{
	while (flow->writes != NULL) {
		struct mirage_flow_write *write = flow->writes;
		int result = outcome(flow);

		if (result > 0)
			return;
		if (flow->to_feed == write)
			feed_next(flow);
		flow->writes = write->next;
		if (flow->writes == NULL)
			flow->writes_end = &flow->writes;
		mirage_core_flow_write_done(write, result);
	}
}

/** Counts the segments that are sent again. */
uint32_t *tcpip_on_segment(const struct pbuf *p, const struct tcp_hdr *header,
			   const struct tcp_pcb *pcb, uint32_t *options)
{
	const struct tcpip_flow *flow =
		pcb != NULL ? tcp_ext_arg_get(pcb, 0) : NULL;

	if (flow != NULL && p->tot_len > TCPH_HDRLEN_BYTES(header) &&
	    TCP_SEQ_LT(lwip_ntohl(header->seqno), pcb->snd_nxt))
		flow->stack->counters.tcp_retransmitted++;
	return options;
}
