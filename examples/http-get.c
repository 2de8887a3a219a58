/* SPDX-License-Identifier: ISC */
/*
 * http-get [--head] URL: writes what is there to the console, with --head the header
 * only. Redirects are followed. Ends with 0, with 1 when nothing came, 2 for a wrong
 * argument, 3 for an answer of 400 or more (whose body is written all the same).
 *
 *	http-get --net service=host: http://localhost:8080/
 */
#include "common/arguments.h"

#include <mirage-http.h>

#include <stdio.h>
#include <string.h>

enum { REDIRECTS_MAX = 10, NO_ANSWER = 1, BAD_STATUS = 3 };

static struct mirage_stack_config config = {.size = sizeof(config)};
static struct mirage_stack *stack;
static struct mirage_http_client *client;
static struct mirage_http_fetch fetch;
static bool head;
static uint32_t status; /* of the answer; 0 before it has come */
static int exit_status;

/* What the console has not taken yet. */
static const char *rest;
static size_t rest_bytes;

static void on_piece(void *arg, int result, const void *bytes);

/** Writes on, and reads when all is written: who does not read us slows the server
 *  down. */
static void write_on(void)
{
	while (rest_bytes > 0) {
		int taken = mirage_console_write(rest, rest_bytes);

		if (taken < 0)
			mirage_http_cancel(&fetch);
		if (taken <= 0)
			return; /* EVENT_CONSOLE brings us back */
		rest += taken;
		rest_bytes -= (size_t)taken;
	}
	mirage_http_fetch_read(&fetch, on_piece, NULL);
}

static void on_piece(void *arg, int result, const void *bytes)
{
	if (result <= 0)
		return; /* `done` follows */
	rest = bytes;
	rest_bytes = (size_t)result;
	write_on();
}

static void print(const char *text)
{
	mirage_console_write(text, strlen(text));
}

static void print_head(void)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %s\n", (unsigned)fetch.status,
		 mirage_http_reason(fetch.status));
	print(line);
	for (uint32_t i = 0; i < fetch.n_response_headers; i++) {
		print(fetch.response_headers[i].name);
		print(": ");
		print(fetch.response_headers[i].value);
		print("\n");
	}
}

static void on_response(void *arg, struct mirage_http_fetch *answered)
{
	status = fetch.status;
	if (head)
		print_head();
	mirage_http_fetch_read(&fetch, on_piece, NULL);
}

/* The stack is closed before the end, so that the server is left nothing to wait
 * for. */

static void on_stack_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		mirage_exit(exit_status);
}

static void on_client_closed(void *arg, int result)
{
	mirage_stack_close(stack);
}

static void on_done(void *arg, int result)
{
	if (result < 0)
		mirage_log(MIRAGE_LOG_ERROR, "%s: %s", fetch.url,
			   mirage_strerror(result));
	else if (status >= 400)
		mirage_log(MIRAGE_LOG_WARN, "%s: %u %s", fetch.url,
			   (unsigned)status, mirage_http_reason(status));
	exit_status = result < 0 ? NO_ANSWER : status >= 400 ? BAD_STATUS : 0;
	mirage_http_client_close(client, on_client_closed, NULL);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CONSOLE && rest_bytes > 0)
		write_on();
	else if (event == MIRAGE_EVENT_SHUTDOWN)
		mirage_exit(NO_ANSWER);
}

static void on_stack(void *arg, int result, struct mirage_stack *opened)
{
	static const struct mirage_http_client_config how = {
		.size = sizeof(how),
	};

	if (result == 0)
		result = mirage_http_client_open(opened, &how, &client);
	if (result < 0) {
		mirage_exit(NO_ANSWER);
		return;
	}
	stack = opened;
	mirage_stack_on_event(stack, on_stack_event, NULL);
	fetch.method = head ? "HEAD" : "GET";
	fetch.redirects_max = REDIRECTS_MAX;
	fetch.close = true;
	fetch.on_response = on_response;
	fetch.done = on_done;
	mirage_http_fetch(client, &fetch);
}

static int start(int argc, char *argv[])
{
	int result = mirage_stack_arguments(&config, &argc, argv);

	head = argument_flag(&argc, argv, "--head");
	if (result < 0 || !argument_count(argc, argv, 1, "[--head] URL"))
		return 2;
	fetch.url = argv[1];
	mirage_on_event(on_event, NULL);
	mirage_stack_open(&config, on_stack, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
