/* SPDX-License-Identifier: ISC */
/*
 * frames_dom0.c INTERFACE: dom0's side of frames.c, on a packet socket. Prints the
 * sum of what it got and of what it sent.
 */
#define _GNU_SOURCE
#include "traffic.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 120

static int fd;
static uint8_t own[6], guest[6];
static uint32_t sent, acknowledged, received;
static uint64_t got_sum = TRAFFIC_SUM_START, sent_sum = TRAFFIC_SUM_START;
static bool met, ended;

static bool open_interface(const char *name)
{
	struct ifreq request = {0};
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(TRAFFIC_TYPE)};

	fd = socket(AF_PACKET, SOCK_RAW, htons(TRAFFIC_TYPE));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return false;
	memcpy(own, request.ifr_hwaddr.sa_data, 6);
	address.sll_ifindex = (int)if_nametoindex(name);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool send_one(uint8_t kind, uint32_t number, uint32_t length)
{
	uint8_t frame[1600] = {0};

	traffic_head(frame, guest, own, kind, number);
	if (kind == TRAFFIC_DATA)
		traffic_fill(frame + TRAFFIC_HEADER, length - TRAFFIC_HEADER,
			     number + 0x10000);
	if (send(fd, frame, length, 0) != (ssize_t)length)
		return false;
	if (kind == TRAFFIC_DATA)
		sent_sum = traffic_sum(sent_sum, frame + TRAFFIC_HEADER,
				       length - TRAFFIC_HEADER);
	return true;
}

static void send_on(void)
{
	while (met && sent < TRAFFIC_FRAMES &&
	       sent - acknowledged < TRAFFIC_WINDOW &&
	       send_one(TRAFFIC_DATA, sent, traffic_length(sent)))
		sent++;
}

/* Returns whether it is the one that was to come, as it was sent. */
static bool data(const uint8_t *frame, uint32_t length)
{
	uint8_t expected[1600];
	uint32_t number = traffic_get(frame + 16);

	traffic_fill(expected, sizeof(expected), number);
	if (number != received || length != traffic_length(number) ||
	    memcmp(frame + TRAFFIC_HEADER, expected, length - TRAFFIC_HEADER) !=
		    0) {
		printf("not ok: frame %u of %u bytes, expected %u\n", number,
		       length, received);
		return false;
	}
	got_sum = traffic_sum(got_sum, frame + TRAFFIC_HEADER,
			      length - TRAFFIC_HEADER);
	received++;
	if (received % (TRAFFIC_WINDOW / 4) == 0)
		send_one(TRAFFIC_ACK, received, 64);
	return true;
}

static bool take(void)
{
	uint8_t frame[2048];
	ssize_t length = recv(fd, frame, sizeof(frame), 0);

	if (length < 64)
		return true;
	memcpy(guest, frame + 6, 6);
	switch (traffic_kind(frame)) {
	case TRAFFIC_HELLO:
		met = true;
		send_one(TRAFFIC_HELLO, 0, 64);
		return true;
	case TRAFFIC_ACK:
		acknowledged = traffic_get(frame + 16);
		return true;
	case TRAFFIC_SUM:
		ended = true;
		return true;
	default:
		return data(frame, (uint32_t)length);
	}
}

int main(int argc, char *argv[])
{
	time_t deadline = time(NULL) + PATIENCE_S;
	struct pollfd ready = {.events = POLLIN};

	if (argc != 2 || !open_interface(argv[1])) {
		perror("frames_dom0 INTERFACE");
		return 2;
	}
	printf("ready\n");
	fflush(stdout);
	ready.fd = fd;
	while (!ended && time(NULL) < deadline) {
		if (poll(&ready, 1, 1000) > 0 && !take())
			return 1;
		send_on();
	}
	printf("received %u sum %016llx\n", received,
	       (unsigned long long)got_sum);
	printf("sent %u sum %016llx\n", sent, (unsigned long long)sent_sum);
	return received == TRAFFIC_FRAMES && acknowledged == TRAFFIC_FRAMES &&
			       ended
		       ? 0
		       : 1;
}
