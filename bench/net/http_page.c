/* SPDX-License-Identifier: ISC */
/* http_page [ARGUMENT OF THE STACK]...: lib/http with a page of 128 bytes at port 80. */
#include <mirage-http.h>
#include <mirage.h>

static const char page[128 + 1] = "0123456789012345678901234567890123456789"
				  "0123456789012345678901234567890123456789"
				  "0123456789012345678901234567890123456789"
				  "0123456\n";

static void on_request(void *arg, struct mirage_http_request *request)
{
	mirage_http_reply(request, 200, "text/html", page, sizeof(page) - 1);
}

static void on_stack(void *arg, int result, struct mirage_stack *stack)
{
	static const struct mirage_http_config config = {
		.size = sizeof(config),
		.on_request = on_request,
	};
	static const struct mirage_endpoint at = {.port = 80};
	struct mirage_http_server *server;

	if (result == 0)
		result = mirage_http_server_open(&config, &server);
	if (result == 0)
		result = mirage_http_server_listen(server, stack, &at);
	if (result < 0)
		mirage_exit(1);
	else
		mirage_console_write("ready\n", 6);
}

static int start(int argc, char *argv[])
{
	struct mirage_stack_config config = {.size = sizeof(config)};

	if (mirage_stack_arguments(&config, &argc, argv) < 0)
		return 2;
	mirage_stack_open(&config, on_stack, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
