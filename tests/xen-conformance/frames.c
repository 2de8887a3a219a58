/* SPDX-License-Identifier: ISC */
/*
 * frames.c: a guest that sends 10,000 frames to dom0 and gets 10,000 back, none of
 * them lost, changed or out of order; each side prints the sum of what it got.
 */
#include <mirage.h>

#include "traffic.h"

#include <stdio.h>
#include <string.h>

static struct mirage_net *net;
static struct mirage_timer again, patience;
static uint8_t peer[6] = {255, 255, 255, 255, 255, 255};
static uint32_t sent, acknowledged, received;
static uint64_t sum = TRAFFIC_SUM_START;
static bool met, told;

static void fail(const char *why, uint32_t number)
{
	printf("not ok: %s, frame %u\n", why, number);
	mirage_exit(1);
}

static bool send_one(uint8_t kind, uint32_t number, uint32_t length)
{
	struct mirage_packet *packet;
	uint8_t *frame;

	if (mirage_net_reserve(net, length, &packet, 1) != 1)
		return false;
	frame = mirage_packet_append(packet, length);
	traffic_head(frame, peer, net->info->mac, kind, number);
	if (kind == TRAFFIC_DATA)
		traffic_fill(frame + TRAFFIC_HEADER, length - TRAFFIC_HEADER,
			     number);
	if (mirage_net_send(net, &packet, 1) == 1)
		return true;
	mirage_packet_release(packet);
	return false;
}

static void send_on(void)
{
	while (met && sent < TRAFFIC_FRAMES &&
	       sent - acknowledged < TRAFFIC_WINDOW &&
	       send_one(TRAFFIC_DATA, sent, traffic_length(sent)))
		sent++;
	if (!told && acknowledged == TRAFFIC_FRAMES &&
	    received == TRAFFIC_FRAMES && send_one(TRAFFIC_SUM, received, 64)) {
		told = true;
		printf("sum %016llx\n", (unsigned long long)sum);
		mirage_net_close(net);
		mirage_timer_cancel(&patience);
		mirage_timer_cancel(&again);
	}
}

static void data(const uint8_t *frame, uint32_t length)
{
	static uint8_t expected[1600];
	uint32_t number = traffic_get(frame + 16);

	if (number != received)
		fail("another than the next", number);
	traffic_fill(expected, length - TRAFFIC_HEADER, number + 0x10000);
	if (length != traffic_length(number) ||
	    memcmp(frame + TRAFFIC_HEADER, expected, length - TRAFFIC_HEADER) !=
		    0)
		fail("changed", number);
	sum = traffic_sum(sum, frame + TRAFFIC_HEADER, length - TRAFFIC_HEADER);
	received++;
	if (received % (TRAFFIC_WINDOW / 4) == 0 &&
	    !send_one(TRAFFIC_ACK, received, 64))
		fail("no packet to acknowledge", number);
}

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *frame = packets[i]->data;
		uint32_t length = packets[i]->length_bytes;

		if (length >= 64 && frame[12] == TRAFFIC_TYPE >> 8 &&
		    frame[13] == (TRAFFIC_TYPE & 255)) {
			memcpy(peer, frame + 6, 6);
			met = true;
			if (traffic_kind(frame) == TRAFFIC_DATA)
				data(frame, length);
			else if (traffic_kind(frame) == TRAFFIC_ACK)
				acknowledged = traffic_get(frame + 16);
		}
		mirage_packet_release(packets[i]);
	}
	if (net != NULL)
		send_on();
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_WRITABLE)
		send_on();
}

static void say_hello(void *arg)
{
	if (!met)
		send_one(TRAFFIC_HELLO, 0, 64);
	else
		send_on();
	mirage_timer_start(&again, mirage_clock_monotonic_ns() + 200000000,
			   say_hello, NULL);
}

static void give_up(void *arg)
{
	printf("sent %u, acknowledged %u, received %u\n", sent, acknowledged,
	       received);
	fail("waited too long", received);
}

static void on_open(void *arg, int result, struct mirage_net *opened)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	net = opened;
	mirage_net_on_receive(net, on_receive, NULL);
	mirage_net_on_event(net, on_event, NULL);
	mirage_timer_start(&patience,
			   mirage_clock_monotonic_ns() + 120000000000, give_up,
			   NULL);
	say_hello(NULL);
}

static int start(int argc, char *argv[])
{
	mirage_net_open("net", 0, on_open, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
