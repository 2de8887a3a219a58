/* SPDX-License-Identifier: ISC */
/*
 * recovery.c: repairs losses by what the peer says has arrived (RFC 2018, RFC 6675).
 * lwIP sends selective acknowledgements and does not read them: it repairs one
 * loss and waits for the timer if there was another. This looks at every segment
 * before lwIP does, moves what is lost from its list of unacknowledged segments
 * back to the unsent ones, and sets the congestion window so that no more is on its
 * way than may be. A peer without the option is left to lwIP.
 */
#include "recovery.h"

#include "tcpip.h"

#include "lwip/priv/tcp_priv.h"

/* Marks in the flags of a segment that lwIP does not use. */
enum { SACKED = 0x40, REPAIRED = 0x80 };
enum { KIND_END = 0, KIND_NOP = 1, KIND_SACK = 5 };

/** What is on its way: see RFC 6675, 4. */
struct survey {
	uint32_t sacked; /* bytes that have arrived */
	uint32_t pipe;	 /* bytes that have not, and are not lost */
};

static uint32_t first_of(const struct tcp_seg *seg)
{
	return lwip_ntohl(seg->tcphdr->seqno);
}

static uint32_t end_of(const struct tcp_seg *seg)
{
	return first_of(seg) + TCP_TCPLEN(seg);
}

/* --------------------------------------------------------------- Options -- */

/** A header's options, which may lie in two pieces. */
struct options {
	const uint8_t *first, *second;
	uint32_t n_first, n;
};

static uint8_t option_byte(const struct options *o, uint32_t i)
{
	return i < o->n_first ? o->first[i] : o->second[i - o->n_first];
}

static uint32_t option_word(const struct options *o, uint32_t i)
{
	return (uint32_t)option_byte(o, i) << 24 |
	       (uint32_t)option_byte(o, i + 1) << 16 |
	       (uint32_t)option_byte(o, i + 2) << 8 | option_byte(o, i + 3);
}

/** Marks the segments between `left` and `right`; returns whether one is new. */
static bool mark_block(struct tcp_pcb *pcb, uint32_t left, uint32_t right)
{
	bool marked = false;

	/* Not of this window: old, or made up. */
	if (!TCP_SEQ_LT(left, right) || TCP_SEQ_LT(left, pcb->lastack) ||
	    TCP_SEQ_GT(right, pcb->snd_nxt))
		return false;
	for (struct tcp_seg *seg = pcb->unacked; seg != NULL; seg = seg->next) {
		if (TCP_SEQ_GEQ(first_of(seg), right))
			break;
		if (TCP_SEQ_LT(first_of(seg), left) ||
		    TCP_SEQ_GT(end_of(seg), right) || (seg->flags & SACKED))
			continue;
		seg->flags |= SACKED;
		marked = true;
	}
	return marked;
}

/** Marks what the option says has arrived; returns whether any of it is news. */
static bool mark(struct tcp_pcb *pcb, const struct options *o)
{
	bool marked = false;

	for (uint32_t i = 0, length; i < o->n; i += length) {
		uint8_t kind = option_byte(o, i);

		length = 1;
		if (kind == KIND_END)
			break;
		if (kind == KIND_NOP)
			continue;
		if (i + 1 >= o->n)
			break;
		length = option_byte(o, i + 1);
		if (length < 2 || i + length > o->n)
			break;
		for (uint32_t at = i + 2;
		     kind == KIND_SACK && at + 8 <= i + length; at += 8)
			marked |= mark_block(pcb, option_word(o, at),
					     option_word(o, at + 4));
	}
	return marked;
}

/* -------------------------------------------------------------- Recovery -- */

/** Whether a segment is lost that has `above` bytes arrived after it. */
static bool is_lost(const struct tcp_pcb *pcb, const struct tcp_seg *seg,
		    uint32_t above, bool is_first)
{
	if ((seg->flags & (SACKED | REPAIRED)) != 0 || above == 0)
		return false;
	return is_first || above > 2u * pcb->mss;
}

static struct survey survey(const struct tcp_pcb *pcb, uint32_t ack)
{
	struct survey s = {0, 0};
	const struct tcp_seg *seg = pcb->unacked;
	uint32_t above;
	bool is_first = true;

	for (; seg != NULL; seg = seg->next)
		if ((seg->flags & SACKED) && TCP_SEQ_GT(end_of(seg), ack))
			s.sacked += TCP_TCPLEN(seg);
	above = s.sacked;
	for (seg = pcb->unacked; seg != NULL; seg = seg->next) {
		if (TCP_SEQ_LEQ(end_of(seg), ack))
			continue;
		if (seg->flags & SACKED)
			above -= TCP_TCPLEN(seg);
		else if (!is_lost(pcb, seg, above, is_first))
			s.pipe += TCP_TCPLEN(seg);
		is_first = false;
	}
	return s;
}

/** Puts `seg` into the list of what is to be sent, which is in order. */
static void to_unsent(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
	struct tcp_seg **at = &pcb->unsent;

	while (*at != NULL && TCP_SEQ_LT(first_of(*at), first_of(seg)))
		at = &(*at)->next;
	seg->next = *at;
	*at = seg;
}

/** Sends again what is lost, as far as there is room on the way; the first in any
 *  case when it is `urgent`. Returns how many bytes. */
static uint32_t repair(struct tcp_pcb *pcb, uint32_t ack, struct survey *s,
		       bool urgent)
{
	struct tcp_seg **at = &pcb->unacked, *seg;
	uint32_t above = s->sacked, bytes = 0;
	bool is_first = true;

	while ((seg = *at) != NULL && above > 0) {
		uint32_t length = TCP_TCPLEN(seg);
		bool lost = TCP_SEQ_GT(end_of(seg), ack) &&
			    is_lost(pcb, seg, above, is_first);

		if (TCP_SEQ_GT(end_of(seg), ack)) {
			is_first = false;
			if (seg->flags & SACKED)
				above -= length;
		}
		/* What a network still holds cannot be sent again yet. */
		if (!lost || seg->p->ref != 1 ||
		    (!urgent && s->pipe + length > pcb->ssthresh)) {
			at = &seg->next;
			continue;
		}
		*at = seg->next;
		to_unsent(pcb, seg);
		seg->flags |= REPAIRED;
		s->pipe += length;
		bytes += length;
		urgent = false;
	}
	return bytes;
}

static void unmark(struct tcp_pcb *pcb)
{
	for (struct tcp_seg *seg = pcb->unacked; seg != NULL; seg = seg->next)
		seg->flags &= (u8_t) ~(SACKED | REPAIRED);
	for (struct tcp_seg *seg = pcb->unsent; seg != NULL; seg = seg->next)
		seg->flags &= (u8_t) ~(SACKED | REPAIRED);
}

/** Halves the speed, once for all losses up to what is sent by now. */
static void begin(struct tcp_pcb *pcb, struct tcpip_recovery *recovery)
{
	uint32_t window = LWIP_MIN(pcb->cwnd, pcb->snd_wnd);

	if ((pcb->flags & TF_INFR) == 0) /* lwIP has not done so */
		pcb->ssthresh = LWIP_MAX(window / 2, 2u * pcb->mss);
	tcp_clear_flags(pcb, TF_INFR);
	recovery->on = true;
	recovery->point = pcb->snd_nxt;
}

static void end(struct tcp_pcb *pcb, struct tcpip_recovery *recovery)
{
	recovery->on = false;
	pcb->cwnd = pcb->ssthresh;
	pcb->bytes_acked = 0;
}

/** Repairs, and lets new data go where the way has room for it. */
static uint32_t go_on(struct tcp_pcb *pcb, uint32_t ack, bool urgent)
{
	struct survey s = survey(pcb, ack);
	uint32_t bytes = repair(pcb, ack, &s, urgent);

	pcb->cwnd = pcb->snd_nxt - ack;
	if (s.pipe < pcb->ssthresh)
		pcb->cwnd += pcb->ssthresh - s.pipe;
	pcb->bytes_acked = 0;
	/* lwIP's own way of noticing losses, which halves once more. */
	pcb->dupacks = 0;
	if (bytes > 0) {
		pcb->rttest = 0; /* not to be told from its repetition */
		pcb->rtime = 0;
	}
	return bytes;
}

static uint32_t recover(struct tcp_pcb *pcb, struct tcpip_recovery *recovery,
			uint32_t ack, const struct options *o)
{
	if (pcb->flags & TF_RTO) {
		/* The timer was faster: lwIP sends everything again. */
		if (recovery->marked)
			unmark(pcb);
		recovery->marked = recovery->on = false;
		return 0;
	}
	recovery->marked |= mark(pcb, o);
	if (recovery->on && TCP_SEQ_GEQ(ack, recovery->point))
		end(pcb, recovery);
	if (recovery->on)
		return go_on(pcb, ack, TCP_SEQ_GT(ack, pcb->lastack));
	if (!recovery->marked || survey(pcb, ack).sacked <= 2u * pcb->mss)
		return 0;
	begin(pcb, recovery);
	return go_on(pcb, ack, true);
}

err_t tcpip_recovery_input(struct tcp_pcb *pcb, struct tcp_hdr *header,
			   u16_t n_options, u16_t n_first, u8_t *second)
{
	const struct options options = {
		.first = (const uint8_t *)(header + 1),
		.second = second,
		.n_first = n_first,
		.n = n_options,
	};
	struct tcpip_recovery *recovery;
	uint32_t ack = header->ackno;

	if (pcb->state == LISTEN)
		tcpip_half_open_input((struct tcp_pcb_listen *)pcb, header);
	if (pcb->state < ESTABLISHED || pcb->state >= TIME_WAIT ||
	    (pcb->flags & TF_SACK) == 0 || pcb->unacked == NULL ||
	    (TCPH_FLAGS(header) & (TCP_ACK | TCP_RST | TCP_SYN)) != TCP_ACK ||
	    TCP_SEQ_LT(ack, pcb->lastack) || TCP_SEQ_GT(ack, pcb->snd_nxt))
		return ERR_OK;
	recovery = tcpip_recovery_of(pcb);
	if (recovery != NULL)
		recovery->repaired_bytes +=
			recover(pcb, recovery, ack, &options);
	return ERR_OK;
}
