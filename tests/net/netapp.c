/* SPDX-License-Identifier: ISC */
/*
 * netapp: what the tests of networks run. `netapp MODE [ARGUMENT...]` opens the
 * network "wire", prints what happens, and on a request to shut down prints its
 * counters and closes it.
 */
#include "netapp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct mirage_net *netapp_net;

static const struct netapp_mode *const modes[] = {
	&netapp_watch,	  &netapp_deaf, &netapp_hold, &netapp_send,
	&netapp_exchange, &netapp_dhcp, &netapp_echo, &netapp_ping,
};
static const struct netapp_mode *mode;
static int arguments;
static char **argument;

void netapp_say(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[n] = '\n';
	mirage_console_write(line, (size_t)n + 1);
}

bool netapp_send_bytes(const void *bytes, uint32_t length)
{
	struct mirage_packet *packet;

	if (mirage_net_reserve(netapp_net, length, &packet, 1) != 1)
		return false;
	memcpy(mirage_packet_append(packet, length), bytes, length);
	if (mirage_net_send(netapp_net, &packet, 1) == 1)
		return true;
	mirage_packet_release(packet);
	return false;
}

uint32_t netapp_checksum(const uint8_t *at, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

uint32_t netapp_ip(uint8_t *frame, const uint8_t to_mac[6],
		   const uint8_t from[4], const uint8_t to[4], uint8_t protocol,
		   uint32_t length)
{
	uint8_t *ip = frame + ETHER;

	memcpy(frame, to_mac, 6);
	memcpy(frame + 6, netapp_net->info->mac, 6);
	put16(frame + 12, 0x0800);
	memset(ip, 0, IP);
	ip[0] = 0x45;
	put16(ip + 2, IP + length);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, from, 4);
	memcpy(ip + 16, to, 4);
	put16(ip + 10, netapp_checksum(ip, IP));
	return ETHER + IP + length;
}

static void print_counters(void)
{
	const struct mirage_net_counters *c = netapp_net->counters;

	netapp_say("counters rx=%llu tx=%llu nobody=%llu memory=%llu size=%llu "
		   "invalid=%llu tx_link=%llu tx_error=%llu refused=%llu",
		   (unsigned long long)c->rx_frames,
		   (unsigned long long)c->tx_frames,
		   (unsigned long long)c->rx_dropped_nobody,
		   (unsigned long long)c->rx_dropped_memory,
		   (unsigned long long)c->rx_dropped_size,
		   (unsigned long long)c->rx_dropped_invalid,
		   (unsigned long long)c->tx_dropped_link,
		   (unsigned long long)c->tx_dropped_error,
		   (unsigned long long)c->tx_refused);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_LINK)
		netapp_say("link %s",
			   netapp_net->info->link_up ? "up" : "down");
	if (event == MIRAGE_EVENT_LOST)
		netapp_say("lost");
	if (event == MIRAGE_EVENT_BACK)
		netapp_say("back");
	if (event == MIRAGE_EVENT_CLOSED) {
		print_counters();
		netapp_say("closed");
		mirage_exit(0);
	} else if (mode->event != NULL) {
		mode->event(arg, event);
	}
}

void netapp_end(void)
{
	mirage_net_close(netapp_net);
}

static void on_program(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	if (netapp_net == NULL)
		mirage_exit(1);
	else
		netapp_end();
}

static void opened(void *arg, int result, struct mirage_net *net)
{
	if (result < 0) {
		netapp_say("open %s", mirage_error_name(result));
		mirage_exit(1);
		return;
	}
	netapp_net = net;
	mirage_net_on_event(net, on_event, NULL);
	if (mode->receive != NULL)
		mirage_net_on_receive(net, mode->receive, NULL);
	netapp_say("open mtu=%u mac=%02x:%02x:%02x:%02x:%02x:%02x link=%s",
		   net->info->mtu_bytes, net->info->mac[0], net->info->mac[1],
		   net->info->mac[2], net->info->mac[3], net->info->mac[4],
		   net->info->mac[5], net->info->link_up ? "up" : "down");
	mode->opened(arguments, argument);
}

static int start(int argc, char *argv[])
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc > 1 && strcmp(argv[1], modes[i]->name) == 0)
			mode = modes[i];
	if (mode == NULL)
		return MIRAGE_EINVAL;
	arguments = argc - 2;
	argument = argv + 2;
	mirage_on_event(on_program, NULL);
	mirage_net_open("wire", 0, opened, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
