/* SPDX-License-Identifier: ISC */
/*
 * udp-echo: sends every datagram back to where it came from (RFC 862).
 *
 *	udp-echo --net service=host: --port 7007
 *	udp-echo --net service=tap:tap0 --ipv4 10.0.0.2/24
 */
#include "common/arguments.h"

#include <inttypes.h>
#include <stdio.h>

enum { PORT = 7, PORT_OF_HOST = 7007 }; /* that needs no privileges */

static struct mirage_stack_config config = {.size = sizeof(config)};
static struct mirage_stack *stack;
static struct mirage_udp *udp;
static uint16_t port;
static uint64_t echoed, dropped;

static void on_datagram(void *arg, const struct mirage_endpoint *from,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	/* A vector of what is sent is only read. */
	struct mirage_vector vector = {(void *)(uintptr_t)bytes, length};

	/* Two echo servers would never come to an end. */
	if (from->port == udp->local.port ||
	    mirage_udp_send(udp, to, from, &vector, 1) < 0)
		dropped++;
	else
		echoed++;
}

static void on_event(void *arg, uint32_t event)
{
	char line[96];
	int length;

	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	if (stack == NULL) { /* no address has come yet */
		mirage_exit(0);
		return;
	}
	length = snprintf(line, sizeof(line),
			  "udp-echo: %" PRIu64 " echoed, %" PRIu64 " dropped\n",
			  echoed, dropped);
	mirage_console_write(line, (size_t)length);
	mirage_stack_close(stack);
}

static void on_stack(void *arg, int result, struct mirage_stack *opened)
{
	struct mirage_endpoint at = {.port = port};
	char line[32];
	int length;

	if (result < 0) {
		mirage_exit(1);
		return;
	}
	if (port == 0)
		at.port = opened->info->n_interfaces > 0 ? PORT : PORT_OF_HOST;
	result = mirage_udp_open(opened, &at, on_datagram, NULL, &udp);
	if (result < 0) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "port %u: %s; choose another with --port", at.port,
			   mirage_strerror(result));
		mirage_exit(1);
		return;
	}
	stack = opened;
	length = snprintf(line, sizeof(line), "udp-echo: port %u\n", at.port);
	mirage_console_write(line, (size_t)length);
}

static int start(int argc, char *argv[])
{
	int result = mirage_stack_arguments(&config, &argc, argv);

	if (result < 0 || !argument_port(&argc, argv, &port) ||
	    !argument_count(argc, argv, 0, ""))
		return 2;
	mirage_on_event(on_event, NULL);
	mirage_stack_open(&config, on_stack, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
