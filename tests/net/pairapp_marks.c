/* SPDX-License-Identifier: ISC */
/* Checksums and segmentation, left to the other end or not. */
#include "pairapp.h"

#include <string.h>

#define GSO_CAPS (MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6)

/* A UDP datagram from 10.0.0.1:7 to 10.0.0.2:7, its checksum left blank: the
 * field holds the sum of the pseudo-header. */
enum { UDP_START = 34, UDP_FIELD = 6, UDP_LENGTH = 13, PSEUDO = 0x1421 };

static uint8_t datagram[UDP_START + UDP_LENGTH] = {
	[12] = 8,	   [14] = 0x45,	       [23] = 17,
	[34] = 0,	   [35] = 7,	       [37] = 7,
	[39] = UDP_LENGTH, [40] = PSEUDO >> 8, [41] = PSEUDO & 0xff,
	[42] = 'h',	   [43] = 'e',	       [44] = 'l',
	[45] = 'l',	   [46] = 'o',
};

static const struct mirage_packet blank = {
	.csum = MIRAGE_CSUM_BLANK,
	.csum_start_bytes = UDP_START,
	.csum_offset_bytes = UDP_FIELD,
};

static const struct mirage_packet large = {
	.csum = MIRAGE_CSUM_BLANK,
	.csum_start_bytes = UDP_START,
	.csum_offset_bytes = 16,
	.gso = MIRAGE_GSO_TCPV4,
	.gso_size_bytes = 1448,
};

/* The sum over pseudo-header and datagram, folded: 0xffff when it is right. */
static uint32_t udp_sum(const uint8_t *frame, uint32_t pseudo)
{
	uint32_t sum = pseudo;

	for (uint32_t i = 0; i < UDP_LENGTH; i++)
		sum += (uint32_t)frame[UDP_START + i] << (i % 2 == 0 ? 8 : 0);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void open_plain(void)
{
	end_open(&a, 0);
	end_open(&b, 0);
}

static bool nobody_segments(void)
{
	return a.result == 0 && b.result == 0 && a.net->info->link_up &&
	       (a.net->info->caps & GSO_CAPS) == 0 &&
	       (b.net->info->caps & GSO_CAPS) == 0 &&
	       a.net->info->gso_max_bytes == 0 &&
	       (a.events & 1u << MIRAGE_EVENT_CAPS) != 0 &&
	       (b.events & 1u << MIRAGE_EVENT_CAPS) == 0;
}

static void send_blank(void)
{
	end_send(&a, datagram, sizeof(datagram), &blank);
}

static bool checksum_is_filled_in(void)
{
	const struct mirage_packet *got = b.got;

	return got != NULL && got->length_bytes == sizeof(datagram) &&
	       got->csum == MIRAGE_CSUM_NONE && got->csum_start_bytes == 0 &&
	       udp_sum(got->data, PSEUDO) == 0xffff;
}

/* Chosen so that the sum of everything is 0xffff and the checksum zero. */
static void send_zero(void)
{
	uint32_t rest;

	memset(datagram + 42, 0, 5);
	rest = 0xffff - udp_sum(datagram, 0);
	datagram[42] = (uint8_t)(rest >> 8);
	datagram[43] = (uint8_t)rest;
	send_blank();
}

static bool zero_is_written_as_ones(void)
{
	return b.got != NULL && b.got->data[40] == 0xff &&
	       b.got->data[41] == 0xff;
}

static void send_gso_refused(void)
{
	b.result = end_send(&b, NULL, 1000, &large);
}

static bool gso_is_refused(void)
{
	return b.result == MIRAGE_ENOTSUP;
}

static void close_b(void)
{
	end_close(&b);
}

static bool b_is_closed(void)
{
	return b.net == NULL;
}

static void open_b_accepting(void)
{
	end_open(&b, MIRAGE_NET_ACCEPT_ALL);
}

static bool caps_do_not_come_back(void)
{
	return b.result == 0 && a.net->info->link_up &&
	       (a.net->info->caps & GSO_CAPS) == 0 &&
	       (b.net->info->caps & GSO_CAPS) == 0;
}

static bool checksum_is_handed_on(void)
{
	const struct mirage_packet *got = b.got;

	return got != NULL && got->csum == MIRAGE_CSUM_BLANK &&
	       got->csum_start_bytes == UDP_START &&
	       got->csum_offset_bytes == UDP_FIELD &&
	       memcmp(got->data, datagram, sizeof(datagram)) == 0;
}

static void close_both(void)
{
	end_close(&a);
	end_close(&b);
}

static bool both_are_closed(void)
{
	return a.net == NULL && b.net == NULL;
}

static void open_segmenting(void)
{
	end_open(&a, MIRAGE_NET_ACCEPT_ALL);
	end_open(&b, MIRAGE_NET_CAP_RX_CSUM | MIRAGE_NET_CAP_RX_GSO4);
}

static bool a_segments_for_four_only(void)
{
	return a.result == 0 && b.result == 0 && a.net->info->link_up &&
	       (a.net->info->caps & GSO_CAPS) == MIRAGE_NET_CAP_TX_GSO4 &&
	       (b.net->info->caps & GSO_CAPS) == GSO_CAPS &&
	       a.net->info->gso_max_bytes == 65549;
}

static void send_large(void)
{
	end_send(&a, NULL, 65549, &large);
}

static bool large_arrives(void)
{
	return end_got(&b, 65549) && b.got->gso == MIRAGE_GSO_TCPV4 &&
	       b.got->gso_size_bytes == 1448 &&
	       b.got->csum == MIRAGE_CSUM_BLANK;
}

static void open_without_checksum(void)
{
	end_open(&a, MIRAGE_NET_CAP_RX_GSO4);
	end_open(&b, 0);
}

static bool no_gso_without_checksum(void)
{
	return a.result == 0 && b.result == 0 &&
	       (a.net->info->caps & MIRAGE_NET_CAP_RX_GSO4) == 0 &&
	       (b.net->info->caps & GSO_CAPS) == 0;
}

const struct step mark_steps[] = {
	{"without a taker nobody segments", open_plain, nobody_segments},
	{"a blank checksum is filled in", send_blank, checksum_is_filled_in},
	{"a checksum of zero is written as ones", send_zero,
	 zero_is_written_as_ones},
	{"segmentation is refused", send_gso_refused, gso_is_refused},
	{"one end closes", close_b, b_is_closed},
	{"capabilities do not come back", open_b_accepting,
	 caps_do_not_come_back},
	{"a blank checksum is handed on", send_blank, checksum_is_handed_on},
	{"both close again", close_both, both_are_closed},
	{"each end takes what it takes", open_segmenting,
	 a_segments_for_four_only},
	{"a large frame arrives with its marks", send_large, large_arrives},
	{"both close once more", close_both, both_are_closed},
	{"no segmentation without checksums", open_without_checksum,
	 no_gso_without_checksum},
	{"and close", close_both, both_are_closed},
};
const uint32_t n_mark_steps = sizeof(mark_steps) / sizeof(mark_steps[0]);
