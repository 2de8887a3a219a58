/* SPDX-License-Identifier: ISC */
/*
 * Modes that talk to real networks: `dhcp` gets an address (RFC 2131) and says
 * which; `echo` does, then sends every UDP datagram back.
 */
#include "netapp.h"

#include <stdio.h>
#include <string.h>

enum { UDP = 8, BOOTP = 236 };
enum { PORT_SERVER = 67, PORT_CLIENT = 68 };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5 };

static struct mirage_timer again;
static uint8_t own[4], server[4];
static bool stays, bound;
static uint8_t asked = DISCOVER;

/* Fills in the headers of a UDP datagram with `length` bytes of payload. The UDP
 * checksum stays 0: none. */
static uint32_t udp_headers(uint8_t *frame, const uint8_t to_mac[6],
			    const uint8_t to[4], uint32_t from_port,
			    uint32_t to_port, uint32_t length)
{
	uint8_t *udp = frame + ETHER + IP;

	put16(udp, from_port);
	put16(udp + 2, to_port);
	put16(udp + 4, UDP + length);
	put16(udp + 6, 0);
	return netapp_ip(frame, to_mac, own, to, 17, UDP + length);
}

static uint8_t *option(uint8_t *at, uint8_t code, const void *value, uint8_t n)
{
	at[0] = code;
	at[1] = n;
	memcpy(at + 2, value, n);
	return at + 2 + n;
}

/* Sends a DISCOVER, or a REQUEST for what was offered. */
static void ask(void *arg)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t magic[4] = {99, 130, 83, 99};
	uint8_t frame[ETHER + IP + UDP + 300] = {0}, wanted[4];
	uint8_t *bootp = frame + ETHER + IP + UDP, *at = bootp + BOOTP + 4;

	bootp[0] = bootp[1] = 1;
	bootp[2] = 6;
	memcpy(bootp + 4, "mira", 4);
	bootp[10] = 0x80; /* answer by broadcast */
	memcpy(bootp + 28, netapp_net->info->mac, 6);
	memcpy(bootp + BOOTP, magic, 4);
	at = option(at, 53, &asked, 1);
	memcpy(wanted, own, 4);
	if (asked == REQUEST) {
		at = option(at, 50, wanted, 4);
		at = option(at, 54, server, 4);
	}
	*at = 255;
	memset(own, 0, 4);
	netapp_send_bytes(frame, udp_headers(frame, all, all, PORT_CLIENT,
					     PORT_SERVER, 300));
	memcpy(own, wanted, 4);
	mirage_timer_start(&again, mirage_clock_monotonic_ns() + 500000000, ask,
			   NULL);
}

static const uint8_t *find_option(const uint8_t *at, const uint8_t *end,
				  uint8_t code)
{
	while (at + 1 < end && *at != 255) {
		if (*at == 0) {
			at++;
			continue;
		}
		if (*at == code && at + 2 + at[1] <= end)
			return at + 2;
		at += 2 + at[1];
	}
	return NULL;
}

static void take_answer(const uint8_t *bootp, const uint8_t *end)
{
	const uint8_t *options = bootp + BOOTP + 4, *type, *id;

	if (options > end || memcmp(bootp + 4, "mira", 4) != 0)
		return;
	type = find_option(options, end, 53);
	id = find_option(options, end, 54);
	if (type == NULL || (*type != OFFER && *type != ACK) || bound)
		return;
	memcpy(own, bootp + 16, 4);
	netapp_say("%s %u.%u.%u.%u", *type == OFFER ? "offer" : "ack", own[0],
		   own[1], own[2], own[3]);
	if (*type == OFFER && id != NULL) {
		memcpy(server, id, 4);
		asked = REQUEST;
		ask(NULL);
		return;
	}
	bound = true;
	mirage_timer_cancel(&again);
	if (!stays)
		netapp_end();
}

static void answer_arp(const uint8_t *frame)
{
	uint8_t answer[ETHER + ARP];
	const uint8_t *mac = netapp_net->info->mac;

	if (!bound || get16(frame + 20) != 1 || memcmp(frame + 38, own, 4) != 0)
		return;
	memcpy(answer, frame + 6, 6);
	memcpy(answer + 6, mac, 6);
	memcpy(answer + 12, frame + 12, 8);
	put16(answer + 20, 2);
	memcpy(answer + 22, mac, 6);
	memcpy(answer + 28, own, 4);
	memcpy(answer + 32, frame + 22, 10);
	netapp_send_bytes(answer, sizeof(answer));
}

static void echo(const uint8_t *frame, uint32_t payload)
{
	uint8_t answer[1514];

	memcpy(answer + ETHER + IP + UDP, frame + ETHER + IP + UDP, payload);
	netapp_send_bytes(answer, udp_headers(answer, frame + 6, frame + 26,
					      get16(frame + 36),
					      get16(frame + 34), payload));
}

static void take_frame(const uint8_t *frame, uint32_t length)
{
	uint32_t payload;

	if (length >= ETHER + ARP && get16(frame + 12) == 0x0806)
		answer_arp(frame);
	if (length < ETHER + IP + UDP || get16(frame + 12) != 0x0800 ||
	    frame[14] != 0x45 || frame[23] != 17)
		return;
	payload = get16(frame + 38);
	if (payload < UDP || payload > length - ETHER - IP)
		return;
	payload -= UDP;
	if (get16(frame + 36) == PORT_CLIENT)
		take_answer(frame + ETHER + IP + UDP,
			    frame + ETHER + IP + UDP + payload);
	else if (bound)
		echo(frame, payload);
}

static void receive(void *arg, struct mirage_packet *const packets[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		take_frame(packets[i]->data, packets[i]->length_bytes);
		mirage_packet_release(packets[i]);
	}
}

static void begin_dhcp(int argc, char *argv[])
{
	ask(NULL);
}

static void begin_echo(int argc, char *argv[])
{
	stays = true;
	ask(NULL);
}

const struct netapp_mode netapp_dhcp = {"dhcp", begin_dhcp, receive, NULL};
const struct netapp_mode netapp_echo = {"echo", begin_echo, receive, NULL};
