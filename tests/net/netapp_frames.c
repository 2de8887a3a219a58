/* SPDX-License-Identifier: ISC */
/* Modes that count frames: watch, deaf, hold, send, exchange. */
#include "netapp.h"

#include <stdlib.h>
#include <string.h>

/* Keeps the program running: a deaf network alone does not. */
static struct mirage_timer idle;

static void tick(void *arg)
{
	mirage_timer_start(&idle, mirage_clock_monotonic_ns() + 50000000, tick,
			   NULL);
}

static void wait(int argc, char *argv[])
{
	tick(NULL);
}

/* Prints the length, the first byte and the last byte of each frame. */
static void print_frames(void *arg, struct mirage_packet *const packets[],
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mirage_packet *p = packets[i];

		netapp_say("frame %u %02x %02x", p->length_bytes, p->data[0],
			   p->data[p->length_bytes - 1]);
		mirage_packet_release(packets[i]);
	}
}

static void keep_frames(void *arg, struct mirage_packet *const packets[],
			size_t n)
{
}

const struct netapp_mode netapp_watch = {"watch", wait, print_frames, NULL};
const struct netapp_mode netapp_deaf = {"deaf", wait, NULL, NULL};
const struct netapp_mode netapp_hold = {"hold", wait, keep_frames, NULL};

/* ---------------------------------------------------------- Numbered frames */

enum { SHORTEST = 60, LONGEST = 1514 };

static uint32_t to_send, n_sent, n_received, n_expected, n_wrong;

static uint32_t next_random(uint32_t seed)
{
	return seed * 1664525u + 1013904223u;
}

/* What frame `number` is: its length and all of its bytes follow from it. */
static uint32_t fill(uint8_t *frame, uint32_t number)
{
	uint32_t random = next_random(number + 1);
	uint32_t length = SHORTEST + (random >> 8) % (LONGEST - SHORTEST + 1);

	for (uint32_t i = 0; i < length; i++) {
		frame[i] = (uint8_t)(random >> 24);
		random = next_random(random);
	}
	memcpy(frame, &number, 4);
	return length;
}

static void check(const struct mirage_packet *packet)
{
	uint8_t frame[LONGEST];
	uint32_t length = fill(frame, n_received++);

	if (packet->length_bytes != length ||
	    memcmp(packet->data, frame, length) != 0)
		n_wrong++;
}

static void send_more(void)
{
	uint8_t frame[LONGEST];

	while (n_sent < to_send &&
	       netapp_send_bytes(frame, fill(frame, n_sent)))
		n_sent++;
	if (n_sent == to_send && to_send != 0) {
		netapp_say("sent %u", n_sent);
		to_send = 0;
	}
}

static void on_writable(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_WRITABLE || event == MIRAGE_EVENT_LINK)
		send_more();
}

static void begin_send(int argc, char *argv[])
{
	to_send = argc > 0 ? (uint32_t)strtoul(argv[0], NULL, 10) : 0;
	send_more();
	tick(NULL);
}

/* Says when all have come, and goes on: the other side may not be done. */
static void check_frames(void *arg, struct mirage_packet *const packets[],
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		check(packets[i]);
		mirage_packet_release(packets[i]);
	}
	if (n_received >= n_expected && n_expected != 0)
		netapp_say("received %u wrong %u", n_received, n_wrong);
}

static void on_exchange(void *arg, uint32_t event)
{
	if (netapp_net->info->link_up)
		on_writable(arg, event);
}

static void begin_exchange(int argc, char *argv[])
{
	to_send = n_expected =
		argc > 0 ? (uint32_t)strtoul(argv[0], NULL, 10) : 0;
	if (netapp_net->info->link_up)
		send_more();
}

const struct netapp_mode netapp_send = {"send", begin_send, NULL, on_writable};
const struct netapp_mode netapp_exchange = {"exchange", begin_exchange,
					    check_frames, on_exchange};
