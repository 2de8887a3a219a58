/* SPDX-License-Identifier: ISC */
/* Answers: their heads, and what handlers call. */
#include "http.h"

#include <string.h>

/** Status line, date, framing and connection, at most. */
#define FIXED_BYTES 256
/** A body as short as this is copied: that costs less than a vector of its own. */
#define JOINED_BYTES 1024

static struct http_exchange *of(struct mirage_http_request *request)
{
	return (struct http_exchange *)request;
}

/* ---------------------------------------------------------------- Checks -- */

/** Whether the server says this itself. */
static bool reserved(const char *name)
{
	switch (name[0] | 0x20) {
	case 'c':
		return http_same(name, "connection") ||
		       http_same(name, "content-length");
	case 'd':
		return http_same(name, "date");
	case 't':
		return http_same(name, "transfer-encoding");
	default:
		return false;
	}
}

static void check_response(const struct mirage_http_response *response)
{
	const char *wrong = NULL;

	if (response->status < 200 || response->status > 599)
		wrong = "an answer with a status outside of 200 to 599";
	else if (response->n_body > MIRAGE_HTTP_VECTORS_MAX)
		wrong = "an answer with too many vectors";
	for (uint32_t i = 0; i < response->n_headers; i++)
		if (!http_is_token(response->headers[i].name) ||
		    reserved(response->headers[i].name))
			wrong = "an answer with a field that is no token, or "
				"the server's";
	if (wrong != NULL)
		mirage_core_broken("LAW-05", wrong);
}

static bool value_good(const char *value)
{
	for (; *value != '\0'; value++)
		if (((uint8_t)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

/** The bytes of all fields, or an error for those that cannot be sent. */
static int fields_bytes(const struct mirage_http_response *response)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < response->n_headers; i++) {
		const struct mirage_http_header *field = &response->headers[i];

		if (!value_good(field->value))
			return MIRAGE_EINVAL;
		bytes += strlen(field->name) + strlen(field->value) + 4;
		if (bytes > HTTP_ANSWER_HEAD_BYTES)
			return MIRAGE_ERANGE;
	}
	return (int)bytes;
}

/* ------------------------------------------------------------------ Head -- */

static char *put_text(char *to, const char *text)
{
	return http_put(to, text, strlen(text));
}

static char *put_status_line(char *to, uint32_t status)
{
	if (status == 200)
		return http_put(to, "HTTP/1.1 200 OK\r\n", 17);
	to = put_text(to, "HTTP/1.1 ");
	to = http_put_number(to, status, 10);
	to = put_text(to, " ");
	to = put_text(to, mirage_http_reason(status));
	return put_text(to, "\r\n");
}

static char *put_fields(char *to, const struct mirage_http_response *response)
{
	for (uint32_t i = 0; i < response->n_headers; i++) {
		to = put_text(to, response->headers[i].name);
		to = http_put(to, ": ", 2);
		to = put_text(to, response->headers[i].value);
		to = http_put(to, "\r\n", 2);
	}
	return to;
}

static char *put_framing(char *to, const struct http_exchange *x,
			 uint32_t status, uint64_t bytes)
{
	if (x->out.chunked)
		return put_text(to, "Transfer-Encoding: chunked\r\n");
	if (bytes == MIRAGE_HTTP_CHUNKED || status == 204 ||
	    (status == 304 && bytes == 0))
		return to;
	to = http_put(to, "Content-Length: ", 16);
	to = http_put_number(to, bytes, 10);
	return http_put(to, "\r\n", 2);
}

static char *put_connection(char *to, const struct http_exchange *x)
{
	if (!x->keep)
		return put_text(to, "Connection: close\r\n");
	if (x->request.minor_version == 0)
		return put_text(to, "Connection: keep-alive\r\n");
	return to;
}

static char *put_head(char *to, const struct http_exchange *x,
		      const struct mirage_http_response *response,
		      uint64_t bytes)
{
	to = put_status_line(to, response->status);
	to = http_put(to, http_date_line(), HTTP_DATE_LINE_BYTES);
	to = put_connection(to, x);
	to = put_fields(to, response);
	to = put_framing(to, x, response->status, bytes);
	return http_put(to, "\r\n", 2);
}

/** How the body is to go, and what becomes of the connection. */
static void decide(struct http_exchange *x,
		   const struct mirage_http_response *response, uint64_t bytes)
{
	uint32_t status = response->status;
	bool unknown = bytes == MIRAGE_HTTP_CHUNKED;

	x->status = status;
	x->out.left = bytes;
	x->out.silent = x->head_only || status == 204 || status == 304;
	x->out.chunked = unknown && x->request.minor_version > 0 &&
			 status != 204 && status != 304;
	/* Who still waits for 100 may send its body, or the next request. */
	if (response->close || x->expects || *x->closing ||
	    (unknown && !x->out.chunked && !x->out.silent))
		x->keep = false;
}

/** Puts a short body behind its head. Returns the end. */
static char *put_body(char *to, const struct mirage_http_response *response)
{
	for (uint32_t i = 0; i < response->n_body; i++)
		if (response->body[i].length_bytes > 0)
			to = http_put(to, response->body[i].base,
				      response->body[i].length_bytes);
	return to;
}

static uint64_t body_bytes(const struct mirage_http_response *response)
{
	uint64_t bytes = 0;

	if (response->n_body == 0)
		return response->body_bytes;
	for (uint32_t i = 0; i < response->n_body; i++)
		bytes += response->body[i].length_bytes;
	return bytes;
}

static int start(struct http_exchange *x,
		 const struct mirage_http_response *response)
{
	uint64_t bytes = body_bytes(response);
	bool joined = response->n_body > 0 && bytes <= JOINED_BYTES;
	int fields = fields_bytes(response);
	char *head, *end;

	if (fields < 0)
		return fields;
	if (!http_arena_room(&x->arena,
			     (size_t)fields + FIXED_BYTES +
				     (joined ? (size_t)bytes : 0),
			     0))
		return MIRAGE_ERANGE;
	decide(x, response, bytes);
	head = x->arena.at;
	end = put_head(head, x, response, bytes);
	if (joined) {
		x->out.left = 0;
		if (!x->out.silent)
			end = put_body(end, response);
	}
	x->arena.at = end;
	http_out_start(x, head, (size_t)(end - head), response->body,
		       joined ? 0 : response->n_body);
	if (joined && !x->out.silent)
		x->out.sent = bytes;
	http_link_kick(x->link);
	return 0;
}

/* --------------------------------------------------------------- Answers -- */

int mirage_http_respond(struct mirage_http_request *request,
			const struct mirage_http_response *response)
{
	struct http_exchange *x = of(request);
	int error;

	check_response(response);
	if (x->told || x->refused)
		return 0; /* it is over */
	if (x->out.state != HTTP_OUT_NONE)
		mirage_core_broken("LAW-05", "a request was answered twice");
	error = start(x, response);
	if (error < 0)
		http_refuse(x, 500);
	return error;
}

int mirage_http_reply(struct mirage_http_request *request, uint32_t status,
		      const char *type, const void *body, size_t body_bytes)
{
	const struct mirage_http_header header = {"Content-Type", type};
	const struct mirage_vector vector = {(void *)(uintptr_t)body,
					     body_bytes};
	const struct mirage_http_response response = {
		.status = status,
		.n_headers = type != NULL,
		.headers = &header,
		.body = &vector,
		.n_body = body_bytes > 0,
	};

	return mirage_http_respond(request, &response);
}

/** Makes the page of a status in the arena. Returns its length, 0 for none. */
static size_t page(struct http_exchange *x, uint32_t status, char **text)
{
	const char *reason = mirage_http_reason(status);
	char *end;

	if (status == 204 || status == 304)
		return 0;
	*text = http_arena_alloc(&x->arena, strlen(reason) + 8);
	if (*text == NULL)
		return 0;
	end = http_put_number(*text, status, 10);
	end = put_text(put_text(end, " "), reason);
	end = put_text(end, "\n");
	return (size_t)(end - *text);
}

static int reply_status(struct http_exchange *x, uint32_t status,
			const char *value)
{
	char *text = NULL;
	size_t bytes = page(x, status, &text);
	struct mirage_http_header headers[2] = {
		{"Content-Type", "text/plain"},
		{status == 405 ? "Allow" : "Location", value},
	};
	const struct mirage_vector body = {text, bytes};
	const struct mirage_http_response response = {
		.status = status,
		.n_headers = (bytes > 0) + (value != NULL),
		.headers = bytes > 0 ? headers : headers + 1,
		.body = &body,
		.n_body = bytes > 0,
	};

	return start(x, &response);
}

int mirage_http_reply_status(struct mirage_http_request *request,
			     uint32_t status, const char *value)
{
	struct http_exchange *x = of(request);
	int error;

	if (x->told || x->refused)
		return 0;
	if (x->out.state != HTTP_OUT_NONE)
		mirage_core_broken("LAW-05", "a request was answered twice");
	error = reply_status(x, status, value);
	if (error < 0)
		http_refuse(x, 500);
	return error;
}

void http_refuse(struct http_exchange *x, uint32_t status)
{
	x->refused = true;
	x->keep = false;
	if (reply_status(x, status, NULL) < 0)
		http_out_break(x);
}

/* ------------------------------------------------------------------ Rest -- */

void mirage_http_read(struct mirage_http_request *request,
		      mirage_flow_read_fn *done, void *arg)
{
	struct http_exchange *x = of(request);

	if (x->expects)
		http_out_continue(x);
	http_in_read(x, done, arg);
}

void mirage_http_write(struct mirage_http_request *request,
		       struct mirage_http_write *write)
{
	http_out_write(of(request), write);
}

void mirage_http_end(struct mirage_http_request *request, bool abort)
{
	http_out_end(of(request), abort);
}

void *mirage_http_alloc(struct mirage_http_request *request, size_t bytes)
{
	void *memory = http_arena_alloc(&of(request)->arena, bytes);

	return memory == NULL ? NULL : memset(memory, 0, bytes);
}
