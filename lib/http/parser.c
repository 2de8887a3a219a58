/* SPDX-License-Identifier: ISC */
/*
 * One message. llhttp reads the fields of heads and trailers, which the scanner has
 * let pass, and the framing of chunks; a body with a length needs no parser.
 */
#include "http.h"

#include <string.h>

enum parser_phase {
	PARSE_HEAD,
	PARSE_BODY,
	PARSE_TRAILER,
	PARSE_ENDED,
};

/* Bytes of chunks that are no body: so many, and so many for each byte of it. */
enum { OVERHEAD_BYTES = 16384, OVERHEAD_FOR_BYTE = 16 };

static struct http_parser *of(llhttp_t *llhttp)
{
	return (struct http_parser *)llhttp->data;
}

static int fail(struct http_parser *parser, uint16_t status)
{
	parser->status = status;
	return HPE_USER;
}

/* -------------------------------------------------------------- Strings -- */

/** Adds to the string that is being collected, or begins it. */
static int text_add(llhttp_t *llhttp, const char *at, size_t n)
{
	struct http_parser *parser = of(llhttp);
	struct http_arena *arena = parser->arena;
	size_t has =
		parser->text == NULL ? 0 : (size_t)(arena->at - parser->text);

	if (parser->phase != PARSE_HEAD) /* nobody sees a trailer */
		return 0;
	if (!http_arena_room(arena, n + 1, has))
		return fail(parser, 431);
	parser->text = arena->at - has;
	arena->at = http_put(arena->at, at, n);
	return 0;
}

static const char *text_end(struct http_parser *parser)
{
	const char *text = parser->text;

	if (text == NULL)
		return "";
	*parser->arena->at++ = '\0';
	parser->text = NULL;
	return text;
}

/** Ends a value, without the blanks at its end. */
static const char *value_end(struct http_parser *parser)
{
	struct http_arena *arena = parser->arena;

	while (parser->text != NULL && arena->at > parser->text &&
	       (arena->at[-1] == ' ' || arena->at[-1] == '\t'))
		arena->at--;
	return text_end(parser);
}

/* ------------------------------------------------------------ Callbacks -- */

static int on_url_complete(llhttp_t *llhttp)
{
	of(llhttp)->target = text_end(of(llhttp));
	return 0;
}

/** Room for one more field: first the exchange's, then a large one. */
static bool field_room(struct http_parser *parser)
{
	size_t bytes = parser->limits->headers * sizeof(*parser->headers);
	struct mirage_http_header *more;

	if (parser->n_headers == parser->limits->headers)
		return false;
	if (parser->n_headers < parser->headers_room)
		return true;
	more = http_arena_alloc(parser->arena, bytes);
	if (more == NULL)
		return false;
	memcpy(more, parser->headers,
	       parser->n_headers * sizeof(*parser->headers));
	parser->headers = more;
	parser->headers_room = parser->limits->headers;
	return true;
}

static int on_field_complete(llhttp_t *llhttp)
{
	struct http_parser *parser = of(llhttp);
	const char *name;

	if (parser->phase != PARSE_HEAD)
		return 0;
	name = text_end(parser);
	if (*name == '\0')
		return fail(parser, 400);
	if (!field_room(parser))
		return fail(parser, 431);
	parser->headers[parser->n_headers].name = name;
	parser->headers[parser->n_headers].value = "";
	return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
	struct http_parser *parser = of(llhttp);

	if (parser->phase != PARSE_HEAD)
		return 0;
	parser->headers[parser->n_headers++].value = value_end(parser);
	return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
	of(llhttp)->event = HTTP_EVENT_HEAD;
	llhttp->upgrade = 0; /* to no other protocol */
	return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *llhttp)
{
	struct http_parser *parser = of(llhttp);

	if (llhttp->content_length > 0)
		return 0;
	parser->phase = PARSE_TRAILER;
	http_scan_trailer(&parser->scan);
	return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
	struct http_parser *parser = of(llhttp);

	if (n == 0)
		return 0;
	parser->event = HTTP_EVENT_BODY;
	parser->body = at;
	parser->body_bytes = n;
	return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp)
{
	of(llhttp)->event = HTTP_EVENT_END;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = text_add,
	.on_url_complete = on_url_complete,
	.on_header_field = text_add,
	.on_header_field_complete = on_field_complete,
	.on_header_value = text_add,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void http_parser_start(struct http_parser *parser, bool response)
{
	llhttp_init(&parser->llhttp, response ? HTTP_RESPONSE : HTTP_REQUEST,
		    &settings);
	/* Minor versions to come are ours to judge (RFC 9110, 2.5). */
	parser->llhttp.lenient_flags |= LENIENT_VERSION;
	parser->llhttp.data = parser;
	http_scan_start(&parser->scan, response);
	parser->headers_room = HTTP_HEADERS_SMALL;
	parser->n_headers = 0;
	parser->phase = PARSE_HEAD;
	parser->event = HTTP_EVENT_MORE;
	parser->text = NULL;
	parser->target = "";
}

/* -------------------------------------------------------------- Running -- */

static enum http_event bad(struct http_parser *parser, uint32_t status)
{
	if (parser->status == 0)
		parser->status = (uint16_t)status;
	return HTTP_EVENT_BAD;
}

/** Gives llhttp bytes; returns its error, none for a pause that we asked for, and
 *  how many it took. */
static int feed(struct http_parser *parser, const char *bytes, size_t n,
		size_t *taken)
{
	llhttp_errno_t error;

	parser->event = HTTP_EVENT_MORE;
	error = llhttp_execute(&parser->llhttp, bytes, n);
	*taken = n;
	if (error != HPE_PAUSED)
		return (int)error;
	*taken = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes);
	llhttp_resume(&parser->llhttp);
	return 0;
}

/** What a request is answered that llhttp does not like. */
static uint32_t status_of(const struct http_parser *parser, int error)
{
	if (parser->status != 0)
		return parser->status;
	/* The scanner has seen that the method is a token, then. */
	if (error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT)
		return 501;
	return 400;
}

static void decide_framing(struct http_parser *parser)
{
	const llhttp_t *llhttp = &parser->llhttp;
	bool response = parser->scan.response;
	unsigned status = llhttp->status_code;

	parser->phase = PARSE_BODY;
	parser->framing = HTTP_NONE;
	if (response && (parser->no_body || status / 100 == 1 ||
			 status == 204 || status == 304))
		return;
	if ((llhttp->flags & F_CHUNKED) != 0) {
		parser->framing = HTTP_CHUNKS;
	} else if ((llhttp->flags & F_CONTENT_LENGTH) != 0) {
		parser->framing = HTTP_LENGTH;
		parser->left = llhttp->content_length;
	} else if (response) {
		parser->framing = HTTP_TO_END;
	}
	if (parser->framing == HTTP_LENGTH && parser->left == 0)
		parser->framing = HTTP_NONE;
}

/** The lines of a head or a trailer. */
static enum http_event run_lines(struct http_parser *parser, const char *bytes,
				 size_t n, size_t *used)
{
	struct http_scan *scan = &parser->scan;
	size_t length = http_scan(scan, parser->limits, bytes, n), taken;

	*used = length;
	/* What is wrong with the start line is judged when it is complete, so that
	 * the answer does not depend on how the bytes came. */
	if (parser->failed == 0)
		parser->failed = (int16_t)feed(parser, bytes, length, &taken);
	if (scan->status != 0)
		return bad(parser, scan->status);
	if (parser->failed != 0 && http_scan_started(scan))
		return bad(parser, status_of(parser, parser->failed));
	if (!http_scan_ended(scan))
		return HTTP_EVENT_MORE;
	if (parser->event == HTTP_EVENT_HEAD && parser->phase == PARSE_HEAD)
		decide_framing(parser);
	else if (parser->event == HTTP_EVENT_END)
		parser->phase = PARSE_ENDED;
	else
		return bad(parser, 400);
	return (enum http_event)parser->event;
}

static enum http_event piece(struct http_parser *parser, const char *bytes,
			     size_t n, size_t *used)
{
	*used = n;
	if (n == 0)
		return HTTP_EVENT_MORE;
	parser->body = bytes;
	parser->body_bytes = n;
	parser->received += n;
	return HTTP_EVENT_BODY;
}

static enum http_event run_chunks(struct http_parser *parser, const char *bytes,
				  size_t n, size_t *used)
{
	int error = feed(parser, bytes, n, used);

	if (error != 0)
		return bad(parser, 400);
	parser->overhead += *used;
	if (parser->event == HTTP_EVENT_BODY) {
		parser->overhead -= parser->body_bytes;
		parser->received += parser->body_bytes;
	}
	if (parser->overhead / OVERHEAD_FOR_BYTE >
	    parser->received + OVERHEAD_BYTES / OVERHEAD_FOR_BYTE)
		return bad(parser, 400);
	return (enum http_event)parser->event;
}

static enum http_event run_body(struct http_parser *parser, const char *bytes,
				size_t n, size_t *used)
{
	*used = 0;
	switch (parser->framing) {
	case HTTP_CHUNKS:
		return run_chunks(parser, bytes, n, used);
	case HTTP_TO_END:
		return piece(parser, bytes, n, used);
	default:
		break;
	}
	if (parser->framing == HTTP_NONE || parser->left == 0) {
		parser->phase = PARSE_ENDED;
		return HTTP_EVENT_END;
	}
	if (n > parser->left)
		n = (size_t)parser->left;
	parser->left -= n;
	return piece(parser, bytes, n, used);
}

enum http_event http_parser_run(struct http_parser *parser, const char *bytes,
				size_t n, size_t *used)
{
	enum http_event event = HTTP_EVENT_MORE;
	size_t took;

	*used = 0;
	do {
		if (parser->phase == PARSE_ENDED)
			return HTTP_EVENT_END;
		if (parser->phase == PARSE_BODY)
			event = run_body(parser, bytes + *used, n - *used,
					 &took);
		else
			event = run_lines(parser, bytes + *used, n - *used,
					  &took);
		*used += took;
	} while (event == HTTP_EVENT_MORE && *used < n);
	return event;
}

enum http_event http_parser_end(struct http_parser *parser)
{
	if (parser->phase == PARSE_BODY && parser->framing == HTTP_TO_END) {
		parser->phase = PARSE_ENDED;
		return HTTP_EVENT_END;
	}
	return bad(parser, 400);
}
