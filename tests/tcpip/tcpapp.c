/* SPDX-License-Identifier: ISC */
/*
 * tcpapp [ARGUMENT OF THE STACK]...: opens a stack, says "ready", serves
 *
 *	TCP  7	echo
 *	     9	sink: at the end of the stream answers "BYTES good" or "BYTES bad"
 *	    10	sink that does not read before `release`
 *	    11	reads once and aborts
 *	    12	ends its own stream at once, then is a sink that says so on the console
 *	    19	source: answers "BYTES\n" with so many bytes of the pattern
 *	UDP  7	echo
 *
 * and obeys standard input, line by line:
 *
 *	info | counters | flows | release
 *	connect IP PORT BYTES TIMEOUT_MS   sends the pattern and reads it
 *	cancel                             the connect in flight
 *	resolve NAME VERSION
 *	udp IP PORT BYTES                  sends the pattern, says what comes back
 *
 * At the end of the input it closes the stack and ends.
 */
#include "tcpapp.h"
#include "pattern.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct mirage_stack *tcpapp_stack;

void tcpapp_say(const char *format, ...)
{
	char text[2048];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text) - 1, format, list);
	va_end(list);
	if (length > (int)sizeof(text) - 2)
		length = (int)sizeof(text) - 2;
	text[length++] = '\n';
	mirage_console_write(text, (size_t)length);
}

static void say_interface(const struct mirage_interface_info *i)
{
	char ip[MIRAGE_IP_TEXT_MAX], gateway[MIRAGE_IP_TEXT_MAX],
		gateway6[MIRAGE_IP_TEXT_MAX], server[MIRAGE_IP_TEXT_MAX],
		six[MIRAGE_IPV6_MAX][MIRAGE_IP_TEXT_MAX] = {"", "", "", ""};
	uint64_t now_ns = mirage_clock_monotonic_ns(), left_ns = 0;

	for (unsigned n = 0; n < i->n_ipv6 && n < MIRAGE_IPV6_MAX; n++)
		mirage_ip_print(&i->ipv6[n], six[n]);
	if (i->lease_end_ns > now_ns)
		left_ns = i->lease_end_ns - now_ns;
	tcpapp_say("interface name=%s mtu=%u link=%d ipv4=%s/%u gateway4=%s "
		   "gateway6=%s server=%s lease_ms=%" PRIu64
		   " ipv6=%s,%s,%s,%s",
		   i->name, i->mtu_bytes, i->link_up,
		   mirage_ip_print(&i->ipv4, ip), i->ipv4_prefix_bits,
		   mirage_ip_print(&i->gateway4, gateway),
		   mirage_ip_print(&i->gateway6, gateway6),
		   mirage_ip_print(&i->dhcp_server, server), left_ns / 1000000,
		   six[0], six[1], six[2], six[3]);
}

static void do_info(void)
{
	const struct mirage_stack_info *info = tcpapp_stack->info;
	char dns[MIRAGE_DNS_MAX][MIRAGE_IP_TEXT_MAX] = {"", "", ""};

	for (unsigned i = 0; i < info->n_interfaces; i++)
		say_interface(&info->interfaces[i]);
	for (unsigned i = 0; i < info->n_dns; i++)
		mirage_ip_print(&info->dns[i], dns[i]);
	tcpapp_say("info interfaces=%u dns=%s,%s,%s", info->n_interfaces,
		   dns[0], dns[1], dns[2]);
}

static void do_counters(void)
{
	const struct mirage_stack_counters *c = tcpapp_stack->counters;

#define COUNTER(name) " " #name "=%" PRIu64
	tcpapp_say("counters" COUNTER(rx_dropped_memory) COUNTER(
			   rx_dropped_checksum) COUNTER(rx_dropped_invalid)
			   COUNTER(rx_dropped_nobody) COUNTER(tx_dropped_memory)
				   COUNTER(tx_dropped_full) COUNTER(
					   tcp_accepted) COUNTER(tcp_connected)
					   COUNTER(tcp_dropped_backlog)
						   COUNTER(tcp_retransmitted),
		   c->rx_dropped_memory, c->rx_dropped_checksum,
		   c->rx_dropped_invalid, c->rx_dropped_nobody,
		   c->tx_dropped_memory, c->tx_dropped_full, c->tcp_accepted,
		   c->tcp_connected, c->tcp_dropped_backlog,
		   c->tcp_retransmitted);
}

static void do_line(const char *line)
{
	if (strcmp(line, "info") == 0)
		do_info();
	else if (strcmp(line, "counters") == 0)
		do_counters();
	else if (strcmp(line, "flows") == 0)
		tcpapp_say("flows open=%u", tcpapp_connections());
	else if (strcmp(line, "release") == 0)
		tcpapp_release();
	else if (strncmp(line, "connect ", 8) == 0)
		tcpapp_connect(line + 8);
	else if (strncmp(line, "cancel", 6) == 0)
		tcpapp_cancel(line + 6);
	else if (strncmp(line, "resolve ", 8) == 0)
		tcpapp_resolve(line + 8);
	else if (strncmp(line, "udp ", 4) == 0)
		tcpapp_udp(line + 4);
	else
		tcpapp_say("what?");
}

static void on_input(void *arg, const void *bytes, size_t length)
{
	static char line[512];
	static size_t n;
	const char *text = bytes;

	if (length == 0 && tcpapp_stack == NULL)
		mirage_exit(0);
	else if (length == 0)
		mirage_stack_close(tcpapp_stack);
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n') {
			if (n < sizeof(line) - 1)
				line[n++] = text[i];
			continue;
		}
		line[n] = '\0';
		n = 0;
		if (tcpapp_stack != NULL)
			do_line(line);
		else
			tcpapp_say("not yet");
	}
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_ADDRESS)
		tcpapp_say("event address");
	else if (event == MIRAGE_EVENT_LINK)
		tcpapp_say("event link");
	else if (event == MIRAGE_EVENT_CLOSED)
		mirage_exit(0);
}

static void on_open(void *arg, int result, struct mirage_stack *opened)
{
	int error;

	if (result < 0) {
		tcpapp_say("open %s", mirage_error_name(result));
		mirage_exit(1);
		return;
	}
	tcpapp_stack = opened;
	mirage_stack_on_event(opened, on_event, NULL);
	error = tcpapp_serve();
	tcpapp_say("ready %s", mirage_error_name(error));
}

static int start(int argc, char *argv[])
{
	struct mirage_stack_config config = {.size = sizeof(config)};
	int error = mirage_stack_arguments(&config, &argc, argv);

	if (error < 0)
		return 2;
	if (argc > 1) {
		mirage_log(MIRAGE_LOG_ERROR, "tcpapp: unknown argument '%s'",
			   argv[1]);
		return 2;
	}
	pattern_init();
	mirage_stack_open(&config, on_open, NULL);
	return mirage_console_read(on_input, NULL);
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
