/* SPDX-License-Identifier: ISC */
/*
 * What a server says to the client. Byte 0: in pieces of how many bytes; byte 1: how
 * the request is. Whatever comes, the fetch ends once and leaves nothing.
 */
#include "http_world.h"
#include "memory.h"

#include <assert.h>
#include <mirage-http.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct mirage_http_client *client;
static struct mirage_http_fetch fetch;
static struct mirage_vector body = {(void *)(uintptr_t) "hello", 5};
static const uint8_t *said;
static size_t n_said, split;
static bool ends;
static unsigned done;
static struct memory_flow *flows[32];
static unsigned n_flows;

static int on_connect(const struct mirage_endpoint *to,
		      struct memory_flow *theirs)
{
	/* The other end is ours alone: the pair is taken apart. */
	struct memory_flow *ours = theirs->other;

	if (n_flows == 32)
		return MIRAGE_EREFUSED;
	ours->other = theirs->other = NULL;
	memory_free(theirs);
	ours->owned = false;
	ours->split = split;
	ours->in_ended = ends;
	flows[n_flows++] = ours;
	memory_send(ours, said, n_said);
	return 0;
}

static void on_piece(void *arg, int result, const void *bytes)
{
	assert(done == 0);
	if (result > 0)
		mirage_http_fetch_read(&fetch, on_piece, NULL);
}

static void on_response(void *arg, struct mirage_http_fetch *answered)
{
	assert(done == 0);
	for (uint32_t i = 0; i < fetch.n_response_headers; i++)
		assert(strlen(fetch.response_headers[i].name) > 0 &&
		       strpbrk(fetch.response_headers[i].value, "\r\n") ==
			       NULL);
	mirage_http_fetch_read(&fetch, on_piece, NULL);
}

static void on_done(void *arg, int result)
{
	assert(result <= 0);
	done++;
}

static int start(int argc, char *argv[])
{
	static const struct mirage_http_client_config config = {
		.size = sizeof(config),
		.head_bytes_max = 2000,
	};

	memory_on_connect = on_connect;
	return mirage_http_client_open(&memory_stack, &config, &client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (client == NULL)
		http_world_start(start);
	if (size < 2 || size > 20000)
		return 0;
	split = data[0];
	ends = (data[1] & 1) != 0;
	said = data + 2;
	n_said = size - 2;
	done = n_flows = 0;
	fetch = (struct mirage_http_fetch){
		.url = "http://a/b/c",
		.method = (data[1] & 2) != 0   ? "HEAD"
			  : (data[1] & 4) != 0 ? "POST"
					       : NULL,
		.body = &body,
		.n_body = (data[1] & 4) != 0,
		.expect_continue = (data[1] & 8) != 0,
		.redirects_max = (data[1] & 16) != 0 ? 3 : 0,
		.on_response = (data[1] & 32) != 0 ? NULL : on_response,
		.done = on_done,
	};
	mirage_http_fetch(client, &fetch);
	http_world_run(10000 * SECOND);
	assert(done == 1);
	for (unsigned i = 0; i < n_flows; i++) {
		assert(memory_quiet(flows[i]));
		memory_free(flows[i]);
	}
	return 0;
}
