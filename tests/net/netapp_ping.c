/* SPDX-License-Identifier: ISC */
/*
 * The mode that asks: `ping A B N`, which are the last bytes of two addresses in
 * 10.0.0.0/24, asks from 10.0.0.A who has 10.0.0.B (RFC 826), and then for N echoes
 * (RFC 792) of all lengths, one after the other. What is not answered is asked
 * again.
 */
#include "netapp.h"

#include <stdlib.h>
#include <string.h>

enum { ICMP = 8, PAYLOAD_MAX = 1500 - IP - ICMP };
enum { ECHO = 8, ECHO_REPLY = 0, ICMP_PROTOCOL = 1 };

static struct mirage_timer again;
static uint8_t from[4] = {10, 0, 0}, to[4] = {10, 0, 0}, to_mac[6];
static bool found;
static uint32_t n_wanted, n_answered, n_bad;

static void ask_who_has(void)
{
	static const uint8_t ether_ip[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t frame[ETHER + ARP] = {0};

	memset(frame, 255, 6);
	memcpy(frame + 6, netapp_net->info->mac, 6);
	memcpy(frame + 12, ether_ip, sizeof(ether_ip));
	memcpy(frame + 22, netapp_net->info->mac, 6);
	memcpy(frame + 28, from, 4);
	memcpy(frame + 38, to, 4);
	netapp_send_bytes(frame, sizeof(frame));
}

/* Message `number` of ICMP, a request or its reply; returns its length. */
static uint32_t fill_icmp(uint8_t *icmp, uint8_t type, uint32_t number)
{
	uint32_t payload = number * 97 % (PAYLOAD_MAX + 1);

	memset(icmp, 0, ICMP);
	icmp[0] = type;
	put16(icmp + 6, number);
	for (uint32_t i = 0; i < payload; i++)
		icmp[ICMP + i] = (uint8_t)(number + i);
	put16(icmp + 2, netapp_checksum(icmp, ICMP + payload));
	return ICMP + payload;
}

static void ask(void *arg)
{
	uint8_t frame[1514];
	uint32_t length;

	if (found) {
		length = fill_icmp(frame + ETHER + IP, ECHO, n_answered);
		length = netapp_ip(frame, to_mac, from, to, ICMP_PROTOCOL,
				   length);
		netapp_send_bytes(frame, length);
	} else {
		ask_who_has();
	}
	mirage_timer_start(&again, mirage_clock_monotonic_ns() + 500000000, ask,
			   NULL);
}

static void take_arp(const uint8_t *frame)
{
	if (found || get16(frame + 20) != 2 || memcmp(frame + 28, to, 4) != 0)
		return;
	found = true;
	memcpy(to_mac, frame + 22, 6);
	ask(NULL);
}

/* What answers an earlier request, asked twice, is passed over. */
static void take_icmp(const uint8_t *frame, uint32_t length)
{
	uint8_t wanted[1514];
	uint32_t wanted_length = fill_icmp(wanted, ECHO_REPLY, n_answered);
	const uint8_t *icmp = frame + ETHER + IP;

	if (n_answered == n_wanted || get16(icmp + 6) != n_answered)
		return;
	if (length != ETHER + IP + wanted_length ||
	    memcmp(icmp, wanted, wanted_length) != 0)
		n_bad++;
	if (++n_answered < n_wanted) {
		ask(NULL);
		return;
	}
	mirage_timer_cancel(&again);
	netapp_say("answered %u bad %u", n_answered, n_bad);
}

static void take_frame(const uint8_t *frame, uint32_t length)
{
	if (length < ETHER + ARP ||
	    memcmp(frame, netapp_net->info->mac, 6) != 0)
		return;
	if (get16(frame + 12) == 0x0806)
		take_arp(frame);
	else if (found && length >= ETHER + IP + ICMP &&
		 get16(frame + 12) == 0x0800 && frame[14] == 0x45 &&
		 frame[23] == ICMP_PROTOCOL && memcmp(frame + 26, to, 4) == 0)
		take_icmp(frame, length);
}

static void receive(void *arg, struct mirage_packet *const packets[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		take_frame(packets[i]->data, packets[i]->length_bytes);
		mirage_packet_release(packets[i]);
	}
}

static uint32_t number(int argc, char *argv[], int i)
{
	return i < argc ? (uint32_t)strtoul(argv[i], NULL, 10) : 1;
}

static void begin(int argc, char *argv[])
{
	from[3] = (uint8_t)number(argc, argv, 0);
	to[3] = (uint8_t)number(argc, argv, 1);
	n_wanted = number(argc, argv, 2);
	ask(NULL);
}

const struct netapp_mode netapp_ping = {"ping", begin, receive, NULL};
