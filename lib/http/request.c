/* SPDX-License-Identifier: ISC */
/* What the head of a request means, and whether it may (RFC 9110, RFC 9112). */
#include "http.h"

#include <string.h>

/** What a server must know of the fields. */
struct facts {
	const char *host;
	uint32_t n_hosts;
	uint32_t n_codings;
	const char *coding;
	const char *expect;
};

static void look(struct facts *facts, const struct mirage_http_header *field)
{
	switch (field->name[0] | 0x20) {
	case 'h':
		if (http_same(field->name, "host")) {
			facts->host = field->value;
			facts->n_hosts++;
		}
		break;
	case 't':
		if (http_same(field->name, "transfer-encoding")) {
			facts->coding = field->value;
			facts->n_codings++;
		}
		break;
	case 'e':
		if (http_same(field->name, "expect"))
			facts->expect = field->value;
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ Host -- */

static bool host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~%!$&'()*+,;=", c) != NULL);
}

/** [IPv6 or a future form] */
static const char *skip_literal(const char *at)
{
	const char *end = strchr(at, ']');

	for (at++; end != NULL && at < end; at++)
		if (!host_byte(*at) && *at != ':')
			return NULL;
	return end == NULL ? NULL : end + 1;
}

/** uri-host [ ":" port ] (RFC 9110, 7.2) */
static bool host_good(const char *at)
{
	if (*at == '[')
		at = skip_literal(at);
	else
		while (host_byte(*at))
			at++;
	if (at == NULL)
		return false;
	if (*at == ':')
		for (at++; *at >= '0' && *at <= '9';)
			at++;
	return *at == '\0';
}

/* ---------------------------------------------------------------- Target -- */

/** Takes the authority off an absolute URL, which counts instead of Host. */
static uint32_t absolute_form(struct http_exchange *x)
{
	struct mirage_http_request *request = &x->request;
	const char *authority = strstr(request->target, "://");
	size_t n;
	char *host;

	if (authority == NULL)
		return 400;
	if (!http_same_n(request->target, (size_t)(authority - request->target),
			 "http"))
		return 421;
	authority += 3;
	n = strcspn(authority, "/?");
	host = http_arena_alloc(&x->arena, n + 1);
	if (host == NULL)
		return 431;
	*http_put(host, authority, n) = '\0';
	request->host = host;
	request->target = authority + n;
	if (*request->target == '/')
		return *host != '\0' && host_good(host) ? 0 : 400;
	host = http_arena_alloc(&x->arena, strlen(request->target) + 2);
	if (host == NULL)
		return 431;
	*host = '/';
	strcpy(host + 1, request->target);
	request->target = host;
	return *request->host != '\0' && host_good(request->host) ? 0 : 400;
}

static uint32_t read_target(struct http_exchange *x)
{
	struct mirage_http_request *request = &x->request;
	const char *query;
	uint32_t status;
	char *path;

	if (request->target[0] == '*') {
		request->path = request->target;
		return request->target[1] == '\0' &&
				       x->parser.llhttp.method == HTTP_OPTIONS
			       ? 0
			       : 400;
	}
	if (strchr(request->target, '#') != NULL)
		return 400;
	if (request->target[0] != '/') {
		status = absolute_form(x);
		if (status != 0)
			return status;
	}
	request->path = request->target;
	query = strchr(request->target, '?');
	if (query == NULL)
		return 0;
	path = http_arena_alloc(&x->arena,
				(size_t)(query - request->target) + 1);
	if (path == NULL)
		return 431;
	*http_put(path, request->target, (size_t)(query - request->target)) =
		'\0';
	request->path = path;
	request->query = query + 1;
	return 0;
}

/* ------------------------------------------------------------------ Body -- */

static uint32_t read_framing(struct http_exchange *x, const struct facts *facts)
{
	struct http_parser *parser = &x->parser;

	if (facts->n_codings > 0) {
		bool chunked = (parser->llhttp.flags & F_CHUNKED) != 0;

		/* A sender of 1.0 cannot know of it (RFC 9112, 6.1). */
		if (x->request.minor_version == 0 || !chunked)
			return 400;
		if (facts->n_codings > 1 ||
		    !http_same(facts->coding, "chunked"))
			return 501;
	}
	switch (parser->framing) {
	case HTTP_CHUNKS:
		x->request.body_bytes = MIRAGE_HTTP_CHUNKED;
		return 0;
	case HTTP_LENGTH:
		x->request.body_bytes = parser->left;
		return parser->left > x->in.most ? 413 : 0;
	default:
		x->in.complete = true;
		return 0;
	}
}

static uint32_t read_expect(struct http_exchange *x, const char *expect)
{
	if (expect == NULL || x->request.minor_version == 0)
		return 0;
	if (!http_same(expect, "100-continue"))
		return 417;
	x->expects = !x->in.complete;
	return 0;
}

/* ----------------------------------------------------------------- Whole -- */

static bool keeps(const struct http_exchange *x)
{
	uint16_t flags = x->parser.llhttp.flags;

	return x->request.minor_version > 0
		       ? (flags & F_CONNECTION_CLOSE) == 0
		       : (flags & F_CONNECTION_KEEP_ALIVE) != 0 &&
				 (flags & F_CONNECTION_CLOSE) == 0;
}

static uint32_t check_method(uint8_t method)
{
	/* No tunnel here, and nobody is served by an echo of their cookies. */
	return method == HTTP_CONNECT || method == HTTP_TRACE ? 501 : 0;
}

uint32_t http_request_check(struct http_exchange *x)
{
	struct mirage_http_request *request = &x->request;
	struct http_parser *parser = &x->parser;
	struct facts facts = {0};
	uint32_t status;

	request->method =
		llhttp_method_name((llhttp_method_t)parser->llhttp.method);
	request->target = parser->target;
	request->headers = parser->headers;
	request->n_headers = parser->n_headers;
	request->minor_version = parser->scan.minor > 0;
	x->head_only = parser->llhttp.method == HTTP_HEAD;
	for (uint32_t i = 0; i < parser->n_headers; i++)
		look(&facts, &parser->headers[i]);
	if (facts.n_hosts > 1 ||
	    (facts.n_hosts == 0 && request->minor_version > 0) ||
	    (facts.n_hosts > 0 && !host_good(facts.host)))
		return 400;
	if (facts.n_hosts > 0)
		request->host = facts.host;
	status = read_framing(x, &facts);
	if (status == 0)
		status = check_method(parser->llhttp.method);
	if (status == 0)
		status = read_target(x);
	if (status == 0)
		status = read_expect(x, facts.expect);
	x->keep = keeps(x);
	return status;
}
