/* SPDX-License-Identifier: ISC */
/*
 * dns-server: an authoritative name server (RFC 1034, RFC 1035) for one zone, by UDP
 * and TCP. The zone is a file in the program; or in a tar image, a folder.
 *
 *	dns-server --net service=host: --port 5300
 *	dns-server --zone tar --block zone=file:zone.tar --file example.org.zone
 *	dns-server --zone kv --kv zone=dir:zones --file example.org.zone
 */
#include "../common/arguments.h"
#include "../common/store.h"
#include "server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 64, ZONE_BYTES_MAX = 16 << 20 };
enum { PORT = 53, PORT_OF_HOST = 5300 }; /* that needs no privileges */

extern const struct mirage_kv_crunched dns_server_zone;

static struct server server;
static struct mirage_stack_config config = {.size = sizeof(config)};
static struct mirage_stack *stack;
static uint16_t port;

static const char *from, *file;
static struct store store;
static struct mirage_kv_request read_zone;
static struct mirage_vector zone_text;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	mirage_console_write(line, (size_t)length);
}

/* -------------------------------------------------------------- Serving -- */

static void on_datagram(void *arg, const struct mirage_endpoint *peer,
			const struct mirage_endpoint *to, const void *bytes,
			size_t length)
{
	static uint8_t answer[DNS_UDP_MAX];
	struct mirage_vector vector = {answer, 0};

	vector.length_bytes = dns_answer(&server.zone, &server.counters, bytes,
					 length, answer, false);
	if (vector.length_bytes > 0 &&
	    mirage_udp_send(server.udp, to, peer, &vector, 1) < 0)
		server.unsent++;
}

static void say_counters(void)
{
	const struct dns_counters *c = &server.counters;

	say("dns-server: %" PRIu64 " queries: %" PRIu64 " found, %" PRIu64
	    " without data, %" PRIu64 " without such a name, %" PRIu64
	    " refused, %" PRIu64 " malformed, %" PRIu64 " ignored\n",
	    c->queries, c->found, c->nodata, c->nxdomain, c->refused,
	    c->malformed, c->ignored);
	say("dns-server: %" PRIu64 " answers truncated, %" PRIu64
	    " not sent; %" PRIu64 " connections, %" PRIu64 " of them broken\n",
	    c->truncated, server.unsent, server.connections, server.broken);
}

static void on_stack_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		dns_zone_free(&server.zone);
}

static void on_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN)
		return;
	if (stack == NULL) { /* not yet: an address has not come */
		mirage_exit(0);
		return;
	}
	say_counters();
	server.listener = NULL;
	mirage_stack_close(stack);
}

static int listen(struct mirage_stack *opened)
{
	struct mirage_endpoint at = {.port = port};
	int result;

	if (at.port == 0)
		at.port = opened->info->n_interfaces > 0 ? PORT : PORT_OF_HOST;
	result = mirage_udp_open(opened, &at, on_datagram, NULL, &server.udp);
	if (result == 0)
		result = mirage_tcp_listen(opened, &at, BACKLOG,
					   &server.listener);
	if (result < 0) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "port %u: %s; choose another with --port", at.port,
			   mirage_strerror(result));
		return result;
	}
	tcp_serve(&server);
	say("dns-server: %zu records, port %u\n", server.zone.n_records,
	    at.port);
	return 0;
}

static void on_stack(void *arg, int result, struct mirage_stack *opened)
{
	if (result < 0 || listen(opened) < 0) {
		mirage_exit(1);
		return;
	}
	stack = opened;
	mirage_stack_on_event(stack, on_stack_event, NULL);
}

/* -------------------------------------------------------------- Loading -- */

static void fail(const char *what)
{
	mirage_log(MIRAGE_LOG_ERROR, "zone '%s': %s", file, what);
	mirage_exit(1);
}

static void on_zone(void *arg, int result)
{
	bool good =
		result >= 0 && dns_zone_load(&server.zone, NULL, zone_text.base,
					     (size_t)result);

	free(zone_text.base);
	store_close(&store);
	if (result < 0)
		fail(mirage_strerror(result));
	else if (!good)
		fail(server.zone.error);
	else
		mirage_stack_open(&config, on_stack, NULL);
}

static void on_size(void *arg, int result)
{
	uint64_t size_bytes = read_zone.value.size_bytes;

	if (result < 0) {
		fail(mirage_strerror(result));
		return;
	}
	zone_text.base =
		size_bytes <= ZONE_BYTES_MAX ? malloc(size_bytes + 1) : NULL;
	if (zone_text.base == NULL) {
		fail("too long: it may have 16 MiB");
		return;
	}
	zone_text.length_bytes = size_bytes;
	read_zone.op = MIRAGE_KV_READ;
	read_zone.vectors = &zone_text;
	read_zone.n_vectors = 1;
	read_zone.done = on_zone;
	mirage_kv_submit(store.kv, &read_zone);
}

static void on_store(void *arg, int result, struct mirage_kv *kv)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	read_zone.op = MIRAGE_KV_STAT;
	read_zone.key = file;
	read_zone.done = on_size;
	mirage_kv_submit(kv, &read_zone);
}

static int start(int argc, char *argv[])
{
	int result = mirage_stack_arguments(&config, &argc, argv);

	if (result < 0 || !argument_port(&argc, argv, &port))
		return 2;
	from = argument_value(&argc, argv, "--zone", "builtin");
	file = argument_value(&argc, argv, "--file", "mirage.example.zone");
	if (from == NULL || file == NULL || !argument_count(argc, argv, 0, ""))
		return 2;
	if (!store_open(&store, from, "zone", &dns_server_zone, on_store, NULL))
		return 2;
	mirage_on_event(on_event, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
