/* SPDX-License-Identifier: ISC */
#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 };

bool status_is_for(const struct mirage_http_request *request)
{
	return strcmp(request->path, "/status") == 0;
}

static int print(char *text, const struct mirage_http_counters *c,
		 uint64_t uptime_ns)
{
	return snprintf(text, TEXT_MAX,
			"{\"backend\":\"%s\",\"version\":\"%s\","
			"\"uptime_s\":%" PRIu64 ",\"requests\":%" PRIu64
			",\"connections\":%" PRIu32 ",\"accepted\":%" PRIu64
			",\"refused\":%" PRIu64 ",\"timed_out\":%" PRIu64
			",\"aborted\":%" PRIu64 "}\n",
			mirage_backend.name, MIRAGE_VERSION,
			uptime_ns / 1000000000, c->answered, c->connections,
			c->accepted, c->refused, c->timed_out, c->aborted);
}

void status_reply(struct mirage_http_request *request,
		  const struct mirage_http_counters *counters,
		  uint64_t uptime_ns)
{
	static const struct mirage_http_header headers[] = {
		{"Content-Type", "application/json"},
		{"Cache-Control", "no-store"},
	};
	struct mirage_vector *body =
		mirage_http_alloc(request, sizeof(*body) + TEXT_MAX);
	struct mirage_http_response response = {
		.status = 200,
		.headers = headers,
		.n_headers = 2,
		.n_body = 1,
		.body = body,
	};

	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0) {
		mirage_http_reply_status(request, 405, "GET, HEAD");
		return;
	}
	if (body == NULL) {
		mirage_http_reply_status(request, 503, NULL);
		return;
	}
	body->base = body + 1;
	body->length_bytes = (size_t)print(body->base, counters, uptime_ns);
	mirage_http_respond(request, &response);
}
