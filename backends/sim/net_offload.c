/* SPDX-License-Identifier: ISC */
/*
 * net_offload.c: fills in checksums and cuts long TCP frames into segments, for
 * receivers that did not accept the marks.
 */
#include "net.h"

#include <string.h>

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u
#define TCP_PROTOCOL 6u
#define TCP_CHECKSUM_AT 16u
#define ETHERTYPE_VLAN 0x8100u

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/** The Internet checksum's sum (RFC 1071), to be folded. */
static uint32_t sum(const uint8_t *bytes, size_t n)
{
	uint32_t total = 0;

	for (; n > 1; n -= 2, bytes += 2)
		total += get16(bytes);
	return n == 1 ? total + (uint32_t)(bytes[0] << 8) : total;
}

static uint32_t fold(uint32_t total)
{
	total = (total & 0xffff) + (total >> 16);
	return (total & 0xffff) + (total >> 16);
}

static void fill_checksum(struct sim_frame *frame)
{
	uint8_t *start = frame->bytes + frame->csum_start_bytes;
	uint32_t n = frame->length_bytes - frame->csum_start_bytes;
	uint32_t value = ~fold(sum(start, n)) & 0xffff;

	/* To UDP zero means no checksum; the other zero means the same sum. */
	put16(start + frame->csum_offset_bytes, value == 0 ? 0xffff : value);
	frame->csum = MIRAGE_CSUM_NONE;
	frame->csum_start_bytes = frame->csum_offset_bytes = 0;
}

static struct sim_frame *copy(const struct sim_frame *frame)
{
	struct sim_frame *result = sim_frame_new(frame->length_bytes);

	result->csum = frame->csum;
	result->gso = frame->gso;
	result->gso_size_bytes = frame->gso_size_bytes;
	result->csum_start_bytes = frame->csum_start_bytes;
	result->csum_offset_bytes = frame->csum_offset_bytes;
	memcpy(result->bytes, frame->bytes, frame->length_bytes);
	return result;
}

/* --------------------------------------------------------- Segmentation -- */

/** Where the headers of a TCP frame are. */
struct layout {
	bool v4;
	uint32_t ip, tcp, payload;
};

static bool find_headers(const struct sim_frame *frame, struct layout *at)
{
	const uint8_t *bytes = frame->bytes;
	uint32_t ip_bytes;

	at->v4 = frame->gso == MIRAGE_GSO_TCPV4;
	at->ip = SIM_ETHERNET_HEADER_BYTES;
	if (get16(bytes + 12) == ETHERTYPE_VLAN)
		at->ip += 4;
	at->tcp = frame->csum_start_bytes;
	ip_bytes = at->v4 ? 20 : 40;
	if (at->tcp < at->ip + ip_bytes || at->tcp + 20 > frame->length_bytes ||
	    frame->csum_offset_bytes != TCP_CHECKSUM_AT ||
	    bytes[at->ip] >> 4 != (at->v4 ? 4 : 6))
		return false;
	if (at->v4 && at->ip + (bytes[at->ip] & 15u) * 4 != at->tcp)
		return false;
	at->payload = at->tcp + (bytes[at->tcp + 12] >> 4) * 4u;
	return at->payload >= at->tcp + 20 &&
	       at->payload <= frame->length_bytes;
}

static void fix_ip(struct sim_frame *segment, const struct layout *at,
		   uint32_t index)
{
	uint8_t *ip = segment->bytes + at->ip;

	if (!at->v4) {
		put16(ip + 4, segment->length_bytes - at->ip - 40);
		return;
	}
	put16(ip + 2, segment->length_bytes - at->ip);
	put16(ip + 4, get16(ip + 4) + index);
	put16(ip + 10, 0);
	put16(ip + 10, ~fold(sum(ip, at->tcp - at->ip)));
}

static void fix_tcp(struct sim_frame *segment, const struct layout *at,
		    uint32_t done, bool last)
{
	uint8_t *tcp = segment->bytes + at->tcp, *ip = segment->bytes + at->ip;
	uint32_t sequence = (get16(tcp + 4) << 16 | get16(tcp + 6)) + done;
	uint32_t pseudo = TCP_PROTOCOL + segment->length_bytes - at->tcp;

	put16(tcp + 4, sequence >> 16);
	put16(tcp + 6, sequence);
	if (done > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	pseudo += at->v4 ? sum(ip + 12, 8) : sum(ip + 8, 32);
	put16(tcp + TCP_CHECKSUM_AT, fold(pseudo));
}

static struct sim_frame *segment(const struct sim_frame *frame,
				 const struct layout *at, uint32_t done,
				 uint32_t n)
{
	struct sim_frame *result = sim_frame_new(at->payload + n);
	const uint8_t *payload = frame->bytes + at->payload;

	memcpy(result->bytes, frame->bytes, at->payload);
	memcpy(result->bytes + at->payload, payload + done, n);
	result->csum = MIRAGE_CSUM_BLANK;
	result->csum_start_bytes = frame->csum_start_bytes;
	result->csum_offset_bytes = frame->csum_offset_bytes;
	fix_ip(result, at, done / frame->gso_size_bytes);
	fix_tcp(result, at, done,
		at->payload + done + n == frame->length_bytes);
	return result;
}

static struct sim_frame *cut(const struct sim_frame *frame)
{
	struct sim_frame *list = NULL, **end = &list;
	struct layout at;
	uint32_t done = 0, rest;

	if (!find_headers(frame, &at))
		return NULL;
	rest = frame->length_bytes - at.payload;
	do {
		uint32_t n = rest < frame->gso_size_bytes
				     ? rest
				     : frame->gso_size_bytes;

		*end = segment(frame, &at, done, n);
		end = &(*end)->next;
		done += n;
		rest -= n;
	} while (rest > 0);
	return list;
}

struct sim_frame *sim_frame_fit(const struct sim_frame *frame, uint32_t caps)
{
	static const uint32_t wanted[] = {
		[MIRAGE_GSO_NONE] = 0,
		[MIRAGE_GSO_TCPV4] = MIRAGE_NET_CAP_RX_GSO4,
		[MIRAGE_GSO_TCPV6] = MIRAGE_NET_CAP_RX_GSO6,
	};
	uint32_t needs = wanted[frame->gso];
	struct sim_frame *list;

	list = (caps & needs) == needs ? copy(frame) : cut(frame);
	if ((caps & MIRAGE_NET_CAP_RX_CSUM) != 0)
		return list;
	for (struct sim_frame *f = list; f != NULL; f = f->next)
		if (f->csum == MIRAGE_CSUM_BLANK && f->gso == MIRAGE_GSO_NONE)
			fill_checksum(f);
	return list;
}
