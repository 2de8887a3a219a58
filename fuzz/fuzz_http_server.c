/* SPDX-License-Identifier: ISC */
/*
 * What a client says to the server of tests/http. Byte 0: in pieces of how many bytes;
 * byte 1: whether its stream ends, and how much it takes at first. Whatever it says,
 * the server answers in HTTP, and in the end nothing of it is left.
 */
#include "corpus.h"
#include "http_world.h"
#include "memory.h"
#include "routes.h"

#include <assert.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct mirage_http_server *server;
static bool ready;

/* The requests that were answered, for the parser of the test. */
static char answered[1 << 17];
static size_t n_answered;

static void on_access(void *arg, const struct mirage_http_access *access)
{
	const char *line = strcmp(access->request->method, "HEAD") == 0
				   ? "HEAD / HTTP/1.1\n"
				   : "GET / HTTP/1.1\n";

	mirage_http_log_common(arg, access);
	if (access->status == 0 || n_answered + 20 > sizeof(answered))
		return;
	strcpy(answered + n_answered, line);
	n_answered += strlen(line);
}

static void on_routes(void *arg, int result)
{
	static const struct mirage_http_config config = {
		.size = sizeof(config),
		.on_request = routes_serve,
		.on_access = on_access,
		.body_bytes_max = 10000,
		.head_bytes_max = 2000,
		.target_bytes_max = 1000,
	};

	assert(mirage_http_server_open(&config, &server) == 0);
	ready = true;
}

static int start(int argc, char *argv[])
{
	routes_open(on_routes, NULL);
	return 0;
}

static void check(const struct memory_flow *flow)
{
	struct corpus_answer answer;

	corpus_parse(&answer, (const char *)flow->out, flow->n_out, answered,
		     true);
	assert(answer.wrong == NULL);
	assert(memory_quiet(flow));
	assert(routes_busy == 0);
	assert(mirage_http_server_counters(server)->connections == 0);
	assert(mirage_http_server_counters(server)->requests == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_flow *flow;

	if (!ready) {
		http_world_start(start);
		http_world_run(SECOND);
	}
	if (size < 2 || size > 20000)
		return 0;
	n_answered = 0;
	answered[0] = '\0';
	flow = memory_flow_new();
	flow->split = data[0];
	flow->in_ended = (data[1] & 1) != 0;
	flow->room = (size_t)(data[1] >> 1) * 100;
	assert(mirage_http_server_flow(server, &flow->flow) == 0);
	memory_send(flow, data + 2, size - 2);
	http_world_run(SECOND);
	flow->room = 100000;
	memory_kick(flow);
	http_world_run(10000 * SECOND);
	check(flow);
	memory_free(flow);
	return 0;
}
