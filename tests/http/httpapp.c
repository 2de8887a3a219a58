/* SPDX-License-Identifier: ISC */
/*
 * httpapp: the routes of the tests on a port of a stack.
 *
 *	httpapp --net service=host: [--port N] [--quick] [--accesses] [--most N]
 *
 * `--quick` is a server of little patience, `--most` bounds its connections. It says
 * "ready" when it listens. On a request to end it closes gracefully within 5 s.
 */
#include "routes.h"

#include <mirage-backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

static struct mirage_http_server *server;
static uint16_t port = 8080;
static struct mirage_http_config config = {
	.size = sizeof(config),
	.on_request = routes_serve,
};

static void say(const char *text)
{
	mirage_console_write(text, strlen(text));
}

static void on_closed(void *arg, int result)
{
	say(routes_busy == 0 ? "closed\n" : "closed, but requests are open\n");
	mirage_exit(routes_busy > 0);
}

static void print_counters(void)
{
	const struct mirage_http_counters *c =
		mirage_http_server_counters(server);
	char text[256];

	snprintf(text, sizeof(text),
		 "connections %u accepted %llu answered %llu refused %llu "
		 "timed_out %llu evicted %llu aborted %llu no_memory %llu\n",
		 c->connections, (unsigned long long)c->accepted,
		 (unsigned long long)c->answered,
		 (unsigned long long)c->refused,
		 (unsigned long long)c->timed_out,
		 (unsigned long long)c->evicted, (unsigned long long)c->aborted,
		 (unsigned long long)c->no_memory);
	say(text);
}

static void on_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN || server == NULL)
		return;
	print_counters();
	mirage_http_server_close(server, 5000 * MS, on_closed, NULL);
	server = NULL;
}

static void on_stack(void *arg, int result, struct mirage_stack *stack)
{
	const struct mirage_endpoint at = {.port = port};

	if (result == 0)
		result = mirage_http_server_open(&config, &server);
	if (result == 0)
		result = mirage_http_server_listen(server, stack, &at);
	if (result < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "no server: %s",
			   mirage_strerror(result));
		mirage_exit(1);
		return;
	}
	mirage_on_event(on_event, NULL);
	say("ready\n");
}

static void on_routes(void *arg, int result)
{
	mirage_core_host_open("service", on_stack, NULL);
}

static void be_quick(void)
{
	config.first_byte_ns = 500 * MS;
	config.head_ns = 500 * MS;
	config.body_ns = 500 * MS;
	config.write_ns = 500 * MS;
	config.idle_ns = 500 * MS;
}

static int start(int argc, char *argv[])
{
	config.body_bytes_max = 1 << 26;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
			port = (uint16_t)atoi(argv[++i]);
		else if (strcmp(argv[i], "--most") == 0 && i + 1 < argc)
			config.connections_max = (uint32_t)atoi(argv[++i]);
		else if (strcmp(argv[i], "--quick") == 0)
			be_quick();
		else if (strcmp(argv[i], "--accesses") == 0)
			config.on_access = mirage_http_log_common;
		else
			return 2;
	routes_open(on_routes, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
