/* SPDX-License-Identifier: ISC */
/*
 * Sending a content: what of it, and in which pieces. From memory a piece is where it
 * lies; from a source it goes through two buffers, one of which fills while the other
 * is sent.
 */
#include "http.h"

#include <stdio.h>
#include <string.h>

/* Of memory, so much at a time, so that a reader who stands still is noticed. */
enum { PIECE_BYTES = 65536, PIECES = 4, BUFFERS = 2 };
enum { PART_HEAD_BYTES = 256, BOUNDARY_BYTES = 32, FIELDS_MAX = 8 };

/** A text, then a part of the content. */
struct segment {
	const char *text;
	size_t text_bytes;
	uint64_t offset, length;
};

struct piece {
	struct mirage_http_write write;
	struct mirage_vector vectors[2];
	struct sending *sending;
	char *buffer;
	bool busy;
};

struct sending {
	struct http_exchange *x;
	struct mirage_http_content content;
	struct segment segments[HTTP_RANGES_MAX + 1];
	uint32_t n_segments, at;
	struct http_reader *reader;
	struct piece *reading; /* the piece that is being filled, or NULL */
	size_t wanted;
	bool failed;
	struct piece pieces[PIECES];
};

/** Fields of the answer, and room for the text of some. */
struct fields {
	struct mirage_http_header list[FIELDS_MAX];
	uint32_t n;
	char modified[HTTP_DATE_BYTES + 1];
	char range[80];
	char type[48 + BOUNDARY_BYTES];
};

static void add(struct fields *fields, const char *name, const char *value)
{
	if (value != NULL)
		fields->list[fields->n++] =
			(struct mirage_http_header){name, value};
}

static int64_t seconds_of(int64_t ns)
{
	return ns / (int64_t)HTTP_SECOND_NS -
	       (ns % (int64_t)HTTP_SECOND_NS < 0);
}

/** What stands for the content in 200, 206 and 304 alike. */
static void describe(struct fields *fields,
		     const struct mirage_http_content *content)
{
	fields->n = 0;
	add(fields, "ETag", content->etag);
	if (content->modified_ns != 0) {
		http_date_print(fields->modified,
				seconds_of(content->modified_ns));
		add(fields, "Last-Modified", fields->modified);
	}
	add(fields, "Cache-Control", content->cache_control);
	add(fields, "Vary", content->vary);
}

/* --------------------------------------------------------------- Sending -- */

static void send_more(struct sending *sending);

static void release(struct sending *sending)
{
	if (sending->reader != NULL)
		http_reader_give(sending->x->arena.pool, sending->reader);
	sending->reader = NULL;
}

static bool all_sent(const struct sending *sending)
{
	for (uint32_t i = 0; i < PIECES; i++)
		if (sending->pieces[i].busy)
			return false;
	return sending->reading == NULL;
}

static void on_written(void *arg, int result)
{
	struct piece *piece = (struct piece *)arg;
	struct sending *sending = piece->sending;

	piece->busy = false;
	if (result < 0)
		sending->failed = true;
	send_more(sending);
}

/** Hands the text that waits, and `length` bytes at `bytes`, to the flow. */
static void send_piece(struct sending *sending, struct piece *piece,
		       const void *bytes, size_t length)
{
	struct segment *segment = &sending->segments[sending->at];
	struct mirage_vector *v = piece->vectors;

	if (segment->text_bytes > 0)
		*v++ = (struct mirage_vector){(void *)(uintptr_t)segment->text,
					      segment->text_bytes};
	if (length > 0)
		*v++ = (struct mirage_vector){(void *)(uintptr_t)bytes, length};
	segment->text_bytes = 0;
	segment->offset += length;
	segment->length -= length;
	piece->sending = sending;
	piece->busy = true;
	piece->write = (struct mirage_http_write){
		.vectors = piece->vectors,
		.n_vectors = (uint32_t)(v - piece->vectors),
		.done = on_written,
		.arg = piece,
	};
	http_out_write(sending->x, &piece->write);
}

static void on_filled(void *arg, int result)
{
	struct sending *sending = (struct sending *)arg;
	struct piece *piece = sending->reading;

	/* The source's callback: steps are for the next turn. */
	sending->reading = NULL;
	sending->x->holds--;
	http_link_kick(sending->x->link);
	if (result != (int)sending->wanted)
		sending->failed = true;
	else
		send_piece(sending, piece, piece->buffer, sending->wanted);
	send_more(sending);
}

static void fill(struct sending *sending, struct piece *piece)
{
	struct segment *segment = &sending->segments[sending->at];
	const struct mirage_http_content *content = &sending->content;

	sending->wanted = segment->length < HTTP_BUFFER_BYTES
				  ? (size_t)segment->length
				  : HTTP_BUFFER_BYTES;
	piece->buffer = sending->reader->buffers[piece - sending->pieces];
	sending->reading = piece;
	sending->x->holds++;
	content->read(content->source, segment->offset, piece->buffer,
		      sending->wanted, on_filled, sending);
}

/** The next piece, into `piece`. */
static void go_on(struct sending *sending, struct piece *piece)
{
	struct segment *segment = &sending->segments[sending->at];
	size_t length = segment->length < PIECE_BYTES ? (size_t)segment->length
						      : PIECE_BYTES;

	if (sending->content.bytes != NULL)
		send_piece(sending, piece,
			   (const char *)sending->content.bytes +
				   segment->offset,
			   length);
	else if (segment->length == 0)
		send_piece(sending, piece, NULL, 0);
	else
		fill(sending, piece);
}

static struct piece *idle_piece(struct sending *sending)
{
	uint32_t n = sending->content.bytes != NULL ? PIECES : BUFFERS;

	for (uint32_t i = 0; i < n; i++)
		if (!sending->pieces[i].busy)
			return &sending->pieces[i];
	return NULL;
}

static void send_more(struct sending *sending)
{
	while (!sending->failed && sending->reading == NULL &&
	       sending->at < sending->n_segments) {
		const struct segment *segment = &sending->segments[sending->at];
		struct piece *piece = idle_piece(sending);

		if (segment->length == 0 && segment->text_bytes == 0) {
			sending->at++;
			continue;
		}
		if (piece == NULL)
			return;
		go_on(sending, piece);
	}
	if (!all_sent(sending))
		return;
	release(sending);
	http_out_end(sending->x, sending->failed);
}

/* --------------------------------------------------------------- Answers -- */

static uint64_t total(const struct segment segments[], uint32_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += segments[i].text_bytes + segments[i].length;
	return bytes;
}

/** One write is enough for what lies in memory and is short. */
static bool is_short(const struct mirage_http_content *content,
		     const struct segment segments[], uint32_t n)
{
	return n == 1 && segments[0].text_bytes == 0 &&
	       segments[0].length <= PIECE_BYTES && content->bytes != NULL;
}

static int send_short(struct http_exchange *x,
		      const struct mirage_http_content *content,
		      const struct segment *segment, uint32_t status,
		      const struct fields *fields)
{
	const struct mirage_vector body = {(char *)(uintptr_t)content->bytes +
						   segment->offset,
					   (size_t)segment->length};
	const struct mirage_http_response response = {
		.status = status,
		.n_headers = fields->n,
		.headers = fields->list,
		.body = &body,
		.n_body = segment->length > 0,
	};

	return mirage_http_respond(&x->request, &response);
}

static int send_long(struct http_exchange *x,
		     const struct mirage_http_content *content,
		     const struct segment segments[], uint32_t n,
		     uint32_t status, const struct fields *fields)
{
	const struct mirage_http_response response = {
		.status = status,
		.n_headers = fields->n,
		.headers = fields->list,
		.body_bytes = total(segments, n),
	};
	struct sending *sending;
	int error;

	if (x->head_only || response.body_bytes == 0) {
		error = mirage_http_respond(&x->request, &response);
		mirage_http_end(&x->request, false);
		return error;
	}
	sending = mirage_http_alloc(&x->request, sizeof(*sending));
	if (sending == NULL)
		return mirage_http_reply_status(&x->request, 503, NULL);
	sending->x = x;
	sending->content = *content;
	memcpy(sending->segments, segments, n * sizeof(segments[0]));
	sending->n_segments = n;
	if (content->bytes == NULL) {
		sending->reader = http_reader_take(x->arena.pool);
		if (sending->reader == NULL)
			return mirage_http_reply_status(&x->request, 503, NULL);
	}
	error = mirage_http_respond(&x->request, &response);
	if (error < 0 || x->told || x->refused)
		release(sending);
	else
		send_more(sending);
	return error;
}

static int send_segments(struct http_exchange *x,
			 const struct mirage_http_content *content,
			 const struct segment segments[], uint32_t n,
			 uint32_t status, const struct fields *fields)
{
	return is_short(content, segments, n)
		       ? send_short(x, content, segments, status, fields)
		       : send_long(x, content, segments, n, status, fields);
}

static int send_whole(struct http_exchange *x,
		      const struct mirage_http_content *content,
		      uint32_t status, struct fields *fields)
{
	const struct segment segment = {.length = content->size_bytes};

	if (status == 200)
		add(fields, "Accept-Ranges", "bytes");
	return send_segments(x, content, &segment, 1, status, fields);
}

/* ---------------------------------------------------------------- Ranges -- */

static const char *print_range(char to[80], const struct http_range *range,
			       uint64_t size)
{
	char *at = http_put(to, "bytes ", 6);

	if (range == NULL) {
		*at++ = '*';
	} else {
		at = http_put_number(at, range->first, 10);
		*at++ = '-';
		at = http_put_number(at, range->last, 10);
	}
	*at++ = '/';
	at = http_put_number(at, size, 10);
	*at = '\0';
	return to;
}

static int send_range(struct http_exchange *x,
		      const struct mirage_http_content *content,
		      const struct http_range *range, struct fields *fields)
{
	const struct segment segment = {
		.offset = range->first,
		.length = range->last - range->first + 1,
	};

	add(fields, "Content-Range",
	    print_range(fields->range, range, content->size_bytes));
	return send_segments(x, content, &segment, 1, 206, fields);
}

/** A text that nobody who wrote the content could know. */
static void make_boundary(char boundary[BOUNDARY_BYTES + 1])
{
	static uint64_t count;
	uint8_t bytes[BOUNDARY_BYTES / 2];

	if (mirage_random_fill(bytes, sizeof(bytes)) < 0) {
		uint64_t now = mirage_clock_monotonic_ns() ^ ++count << 48;

		memcpy(bytes, &now, sizeof(now));
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		boundary[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		boundary[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	boundary[BOUNDARY_BYTES] = '\0';
}

/** The head of a part (RFC 9110, 14.6). */
static size_t put_part(char to[PART_HEAD_BYTES], bool first,
		       const char *boundary, const char *type,
		       const struct http_range *range, uint64_t size)
{
	char text[80];
	int n = snprintf(to, PART_HEAD_BYTES,
			 "%s--%s\r\nContent-Type: %.100s\r\n"
			 "Content-Range: %s\r\n\r\n",
			 first ? "" : "\r\n", boundary, type,
			 print_range(text, range, size));

	return n < PART_HEAD_BYTES ? (size_t)n : PART_HEAD_BYTES - 1;
}

/** Several ranges, as parts of one body. */
static int send_parts(struct http_exchange *x,
		      const struct mirage_http_content *content,
		      const struct http_range ranges[], uint32_t n,
		      struct fields *fields)
{
	struct segment segments[HTTP_RANGES_MAX + 1];
	const char *type = content->type != NULL ? content->type
						 : "application/octet-stream";
	char boundary[BOUNDARY_BYTES + 1];
	char *text = mirage_http_alloc(&x->request,
				       (n + 1) * (size_t)PART_HEAD_BYTES);

	if (text == NULL)
		return mirage_http_reply_status(&x->request, 503, NULL);
	make_boundary(boundary);
	for (uint32_t i = 0; i < n; i++, text += PART_HEAD_BYTES)
		segments[i] = (struct segment){
			.text = text,
			.text_bytes = put_part(text, i == 0, boundary, type,
					       &ranges[i], content->size_bytes),
			.offset = ranges[i].first,
			.length = ranges[i].last - ranges[i].first + 1,
		};
	segments[n] = (struct segment){
		.text = text,
		.text_bytes = (size_t)snprintf(text, PART_HEAD_BYTES,
					       "\r\n--%s--\r\n", boundary),
	};
	snprintf(fields->type, sizeof(fields->type),
		 "multipart/byteranges; boundary=%s", boundary);
	add(fields, "Content-Type", fields->type);
	return send_segments(x, content, segments, n + 1, 206, fields);
}

static int unsatisfiable(struct http_exchange *x,
			 const struct mirage_http_content *content,
			 struct fields *fields)
{
	static const char text[] = "416 Range Not Satisfiable\n";
	const struct mirage_vector body = {(void *)(uintptr_t)text,
					   sizeof(text) - 1};
	const struct mirage_http_response response = {
		.status = 416,
		.n_headers = 2,
		.headers = fields->list,
		.body = &body,
		.n_body = 1,
	};

	fields->n = 0;
	add(fields, "Content-Type", "text/plain");
	add(fields, "Content-Range",
	    print_range(fields->range, NULL, content->size_bytes));
	return mirage_http_respond(&x->request, &response);
}

static int send_found(struct http_exchange *x,
		      const struct mirage_http_content *content,
		      struct fields *fields)
{
	const struct mirage_http_request *request = &x->request;
	struct http_range ranges[HTTP_RANGES_MAX];
	const char *range =
		mirage_http_find(request->headers, request->n_headers, "range");
	int n = 0;

	if (range != NULL && !x->head_only &&
	    http_if_range(mirage_http_find(request->headers, request->n_headers,
					   "if-range"),
			  content->etag, content->modified_ns))
		n = http_ranges(range, content->size_bytes, ranges);
	if (n < 0)
		return unsatisfiable(x, content, fields);
	add(fields, "Content-Encoding", content->encoding);
	if (n > 1)
		return send_parts(x, content, ranges, (uint32_t)n, fields);
	add(fields, "Content-Type", content->type);
	if (n == 1)
		return send_range(x, content, &ranges[0], fields);
	return send_whole(x, content, 200, fields);
}

int mirage_http_send(struct mirage_http_request *request,
		     const struct mirage_http_content *content)
{
	struct http_exchange *x = (struct http_exchange *)request;
	struct fields fields;
	uint32_t status;

	if (strcmp(request->method, "OPTIONS") == 0)
		return mirage_http_reply_status(request, 204, "GET, HEAD");
	if (strcmp(request->method, "GET") != 0 && !x->head_only)
		return mirage_http_reply_status(request, 405, "GET, HEAD");
	describe(&fields, content);
	if (content->status != 0 && content->status != 200) {
		add(&fields, "Content-Type", content->type);
		add(&fields, "Content-Encoding", content->encoding);
		return send_whole(x, content, content->status, &fields);
	}
	status = mirage_http_precondition(request, true, content->etag,
					  content->modified_ns);
	if (status == 304) {
		const struct mirage_http_response response = {
			.status = 304,
			.n_headers = fields.n,
			.headers = fields.list,
		};

		return mirage_http_respond(request, &response);
	}
	if (status != 0)
		return mirage_http_reply_status(request, status, NULL);
	return send_found(x, content, &fields);
}
