/* SPDX-License-Identifier: ISC */
/*
 * homepage: serves a small site by HTTP. The files are in the program, in a tar image
 * on a disk, or where the backend keeps files.
 *
 *	homepage --net service=host:
 *	homepage --site tar --block site=file:site.tar
 *	homepage --site kv --kv site=dir:examples/homepage/site
 */
#include "../common/arguments.h"
#include "../common/store.h"
#include "status.h"

#include <stdio.h>

enum { PORT = 80, PORT_OF_HOST = 8080 }; /* that needs no privileges */
#define GRACE_NS (UINT64_C(5) * 1000000000)

extern const struct mirage_kv_crunched homepage_site;

static struct mirage_stack_config config = {.size = sizeof(config)};
static struct mirage_stack *stack;
static struct mirage_http_server *server;
static struct mirage_http_files files = {.not_found = "404.html"};
static struct store store;
static uint16_t port;
static bool quiet, closing;
static uint64_t start_ns;

/* -------------------------------------------------------------- Serving -- */

static void on_request(void *arg, struct mirage_http_request *request)
{
	if (status_is_for(request))
		status_reply(request, mirage_http_server_counters(server),
			     mirage_clock_monotonic_ns() - start_ns);
	else
		mirage_http_files_serve(&files, request);
}

/** Says where the pages are, for people to click on. */
static void say_address(const struct mirage_ip *ip, uint16_t at)
{
	struct mirage_endpoint endpoint = {*ip, at};
	char text[MIRAGE_IP_TEXT_MAX], line[2 * MIRAGE_IP_TEXT_MAX];
	int length;

	if (ip->version == 0)
		return;
	length =
		at == PORT && ip->version == 4
			? snprintf(line, sizeof(line), "homepage: http://%s/\n",
				   mirage_ip_print(ip, text))
			: snprintf(line, sizeof(line), "homepage: http://%s/\n",
				   mirage_endpoint_print(&endpoint, text));
	mirage_console_write(line, (size_t)length);
}

static void say_addresses(uint16_t at)
{
	static const struct mirage_ip here = {.bytes = {127, 0, 0, 1},
					      .version = 4};
	const struct mirage_stack_info *info = stack->info;

	if (info->n_interfaces == 0)
		say_address(&here, at);
	for (uint32_t i = 0; i < info->n_interfaces; i++) {
		const struct mirage_interface_info *one = &info->interfaces[i];

		say_address(&one->ipv4, at);
		/* The first is link-local: of no use in a browser. */
		for (uint8_t n = 1; n < one->n_ipv6; n++)
			say_address(&one->ipv6[n], at);
	}
}

static int serve(void)
{
	const struct mirage_http_config how = {
		.size = sizeof(how),
		.on_request = on_request,
		.on_access = quiet ? NULL : mirage_http_log_common,
	};
	struct mirage_endpoint at = {.port = port};
	int result = mirage_http_server_open(&how, &server);

	if (at.port == 0)
		at.port = stack->info->n_interfaces > 0 ? PORT : PORT_OF_HOST;
	if (result == 0)
		result = mirage_http_server_listen(server, stack, &at);
	if (result < 0)
		mirage_log(MIRAGE_LOG_ERROR,
			   "port %u: %s; choose another with --port", at.port,
			   mirage_strerror(result));
	else
		say_addresses(at.port);
	return result;
}

/* -------------------------------------------------- Beginning and ending -- */

static void on_closed(void *arg, int result)
{
	store_close(&store);
	mirage_stack_close(stack);
}

static void on_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_SHUTDOWN || closing)
		return;
	closing = true;
	if (server == NULL) /* no address has come yet */
		mirage_exit(0);
	else
		mirage_http_server_close(server, GRACE_NS, on_closed, NULL);
}

static void on_stack(void *arg, int result, struct mirage_stack *opened)
{
	stack = opened;
	if (result < 0 || serve() < 0)
		mirage_exit(1);
}

static void on_store(void *arg, int result, struct mirage_kv *kv)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	files.kv = kv;
	mirage_stack_open(&config, on_stack, NULL);
}

static int start(int argc, char *argv[])
{
	int result = mirage_stack_arguments(&config, &argc, argv);
	const char *from;

	if (result < 0 || !argument_port(&argc, argv, &port))
		return 2;
	quiet = argument_flag(&argc, argv, "--quiet");
	from = argument_value(&argc, argv, "--site", "builtin");
	if (from == NULL || !argument_count(argc, argv, 0, ""))
		return 2;
	if (!store_open(&store, from, "site", &homepage_site, on_store, NULL))
		return 2;
	start_ns = mirage_clock_monotonic_ns();
	mirage_on_event(on_event, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
