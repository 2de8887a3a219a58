/* SPDX-License-Identifier: ISC */
/* Sending a message: the head goes with the first of the body in one write. */
#include "http.h"

#include <string.h>

/* So much is to leave in one measure of patience. */
enum { PATIENCE_BYTES = 65536 };

static const char last_chunk[] = "0\r\n\r\n";
static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* --------------------------------------------------------------- Writing -- */

static void submit(struct http_exchange *x, struct mirage_flow_write *write,
		   uint64_t bytes)
{
	if (x->out.in_flight++ == 0)
		x->out.progress_ns = mirage_clock_monotonic_ns();
	x->out.waiting += bytes;
	http_link_write(x->link, write);
}

/** A write has ended, of `bytes`. */
static void written(struct http_exchange *x, int result, uint64_t bytes)
{
	struct http_link *link = x->link;

	x->out.in_flight--;
	x->out.waiting -= bytes;
	if (x->out.in_flight > 0)
		x->out.progress_ns = mirage_clock_monotonic_ns();
	link->writes--;
	/* A server that does not read on may have answered: the client looks. */
	if (result < 0 && x->fetch != NULL)
		x->told = true;
	else if (result < 0 && link->error == 0)
		link->error = result;
}

static void on_own_write(struct http_exchange *x, int result,
			 const struct mirage_flow_write *write)
{
	http_enter();
	written(x, result, write->length_bytes);
	http_link_kick(x->link);
	http_leave();
}

static void on_head(void *arg, int result)
{
	struct http_exchange *x = (struct http_exchange *)arg;

	on_own_write(x, result, &x->out.head);
}

static void on_interim(void *arg, int result)
{
	struct http_exchange *x = (struct http_exchange *)arg;

	on_own_write(x, result, &x->out.interim);
}

static void on_end(void *arg, int result)
{
	struct http_exchange *x = (struct http_exchange *)arg;

	on_own_write(x, result, &x->out.end);
}

static uint64_t sum(const struct mirage_vector vectors[], uint32_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += vectors[i].length_bytes;
	return bytes;
}

/** Whether writes can go anywhere. */
static bool passes(const struct http_exchange *x)
{
	return x->link->error == 0 && x->link->flow != NULL &&
	       (!x->told || x->refused);
}

/** Sends the head with what is there of the body. */
static void send_head(struct http_exchange *x)
{
	struct http_out *out = &x->out;

	out->head_waits = false;
	if (!passes(x))
		return;
	out->head = (struct mirage_flow_write){
		.vectors = out->vectors,
		.n_vectors = out->n_vectors,
		.done = on_head,
		.arg = x,
	};
	submit(x, &out->head, sum(out->vectors, out->n_vectors));
}

void http_out_start(struct http_exchange *x, const char *head,
		    size_t head_bytes, const struct mirage_vector *body,
		    uint32_t n_body)
{
	struct http_out *out = &x->out;

	out->state = HTTP_OUT_BODY;
	out->vectors[0] =
		(struct mirage_vector){(void *)(uintptr_t)head, head_bytes};
	out->n_vectors = 1;
	out->head_waits = true;
	if (n_body == 0 && (out->left > 0 && !out->silent))
		return; /* for the first piece */
	for (uint32_t i = 0; i < n_body && !out->silent; i++)
		out->vectors[out->n_vectors++] = body[i];
	out->sent = out->silent ? 0 : sum(body, n_body);
	if (n_body == 0 && out->left > 0)
		return; /* its pieces are to be passed over */
	out->left = 0;
	out->state = HTTP_OUT_ENDED;
	send_head(x);
}

void http_out_continue(struct http_exchange *x)
{
	struct http_out *out = &x->out;

	x->expects = false;
	if (out->state != HTTP_OUT_NONE || !passes(x))
		return;
	out->interim_vector = (struct mirage_vector){(void *)(uintptr_t)go_on,
						     sizeof(go_on) - 1};
	out->interim = (struct mirage_flow_write){
		.vectors = &out->interim_vector,
		.n_vectors = 1,
		.done = on_interim,
		.arg = x,
	};
	submit(x, &out->interim, sizeof(go_on) - 1);
}

/* ---------------------------------------------------------------- Pieces -- */

static void on_piece(void *arg, int result)
{
	struct mirage_http_write *write = (struct mirage_http_write *)arg;
	struct http_exchange *x = (struct http_exchange *)write->exchange;

	http_enter();
	written(x, result, write->flow_write.length_bytes);
	write->exchange = NULL;
	if (result < 0)
		x->told = true;
	http_link_kick(x->link);
	write->done(write->arg, result);
	http_leave();
}

static void append(struct mirage_http_write ***end,
		   struct mirage_http_write *write)
{
	write->next = NULL;
	**end = write;
	*end = &write->next;
}

/** Puts `write` among those that end without having been sent. */
static void skip(struct http_exchange *x, struct mirage_http_write *write,
		 int result)
{
	write->result = result;
	append(&x->out.skipped_end, write);
	http_link_kick(x->link);
}

/** The vectors of a piece, after a head that waits and between the lines of a
 *  chunk. */
static void frame(struct http_exchange *x, struct mirage_http_write *write,
		  uint64_t bytes)
{
	struct mirage_vector *to = write->framed;
	struct http_out *out = &x->out;
	char *line = write->chunk;

	if (out->head_waits)
		*to++ = out->vectors[0];
	out->head_waits = false;
	if (out->chunked) {
		line = http_put_number(line, bytes, 16);
		line = http_put(line, "\r\n", 2);
		*to++ = (struct mirage_vector){write->chunk,
					       (size_t)(line - write->chunk)};
	}
	for (uint32_t i = 0; i < write->n_vectors; i++)
		*to++ = write->vectors[i];
	if (out->chunked)
		*to++ = (struct mirage_vector){(void *)(uintptr_t) "\r\n", 2};
	write->flow_write = (struct mirage_flow_write){
		.vectors = write->framed,
		.n_vectors = (uint32_t)(to - write->framed),
		.done = on_piece,
		.arg = write,
	};
}

static void check_write(const struct http_exchange *x,
			const struct mirage_http_write *write, uint64_t bytes)
{
	const char *wrong = NULL;

	if (write->done == NULL)
		wrong = "a write of a body without a completion";
	else if (write->exchange != NULL)
		wrong = "a write of a body was submitted while in flight";
	else if (write->n_vectors > MIRAGE_HTTP_VECTORS_MAX)
		wrong = "a write of a body with too many vectors";
	else if (x->out.state == HTTP_OUT_NONE)
		wrong = "a body was written before its head";
	else if (x->out.state == HTTP_OUT_ENDED && !x->told && !x->out.silent)
		wrong = "a body was written after its end";
	else if (bytes > x->out.left && !x->told)
		wrong = "more of a body was written than was promised";
	if (wrong != NULL)
		mirage_core_broken("LAW-05", wrong);
}

static void transmit(struct http_exchange *x, struct mirage_http_write *write,
		     uint64_t bytes)
{
	frame(x, write, bytes);
	submit(x, &write->flow_write,
	       sum(write->framed, write->flow_write.n_vectors));
}

void http_out_write(struct http_exchange *x, struct mirage_http_write *write)
{
	struct http_out *out = &x->out;
	uint64_t bytes = sum(write->vectors, write->n_vectors);

	check_write(x, write, bytes);
	write->exchange = x;
	if (x->told || (!passes(x) && !out->hold)) {
		skip(x, write,
		     x->link->error != 0 ? x->link->error : MIRAGE_ECANCELED);
		return;
	}
	if (out->left != MIRAGE_HTTP_CHUNKED)
		out->left -= bytes;
	if (out->silent) {
		/* Whoever has much to say is told at once that nobody listens. */
		out->state = HTTP_OUT_ENDED;
		if (out->head_waits)
			send_head(x);
		skip(x, write, MIRAGE_ECANCELED);
		return;
	}
	if (bytes == 0) {
		skip(x, write, 0);
		return;
	}
	out->sent += bytes;
	if (out->hold)
		append(&out->held_end, write);
	else
		transmit(x, write, bytes);
}

/* ------------------------------------------------------------------- End -- */

static void send_last_chunk(struct http_exchange *x)
{
	struct http_out *out = &x->out;

	if (out->head_waits) { /* both in one */
		out->vectors[1] = (struct mirage_vector){
			(void *)(uintptr_t)last_chunk, sizeof(last_chunk) - 1};
		out->n_vectors = 2;
		send_head(x);
		return;
	}
	out->end_vector = (struct mirage_vector){(void *)(uintptr_t)last_chunk,
						 sizeof(last_chunk) - 1};
	out->end = (struct mirage_flow_write){
		.vectors = &out->end_vector,
		.n_vectors = 1,
		.done = on_end,
		.arg = x,
	};
	submit(x, &out->end, sizeof(last_chunk) - 1);
}

void http_out_break(struct http_exchange *x)
{
	x->out.state = HTTP_OUT_ENDED;
	x->out.head_waits = false;
	x->out.broken = true;
}

void http_out_end(struct http_exchange *x, bool abort)
{
	struct http_out *out = &x->out;

	if (out->state == HTTP_OUT_ENDED)
		return;
	out->state = HTTP_OUT_ENDED;
	http_link_kick(x->link);
	if (out->hold || !passes(x) || out->silent)
		return; /* a head that waits goes with the step */
	if (abort || (out->left > 0 && out->left != MIRAGE_HTTP_CHUNKED))
		http_out_break(x);
	else if (out->chunked)
		send_last_chunk(x);
}

/* ------------------------------------------------------------------ Hold -- */

void http_out_hold(struct http_exchange *x, uint64_t left)
{
	x->out.hold = true;
	x->out.state = HTTP_OUT_BODY;
	x->out.left = left;
	x->out.chunked = left == MIRAGE_HTTP_CHUNKED;
}

void http_out_ask(struct http_exchange *x, const char *head, size_t head_bytes,
		  const struct mirage_vector *body, uint32_t n_body)
{
	struct http_out *out = &x->out;

	out->vectors[0] =
		(struct mirage_vector){(void *)(uintptr_t)head, head_bytes};
	out->n_vectors = 1;
	out->head_waits = true;
	for (uint32_t i = 0; i < n_body; i++)
		out->vectors[1 + i] = body[i];
	out->n_body = (uint8_t)n_body;
	if (x->expects)
		send_head(x);
	else
		http_out_release(x);
}

/** The whole body, with the head or after it. */
static void send_rest(struct http_exchange *x)
{
	struct http_out *out = &x->out;

	out->state = HTTP_OUT_ENDED;
	out->sent = sum(out->vectors + 1, out->n_body);
	if (out->head_waits) {
		out->n_vectors = (uint8_t)(1 + out->n_body);
		send_head(x);
	} else if (out->n_body > 0) {
		out->end = (struct mirage_flow_write){
			.vectors = out->vectors + 1,
			.n_vectors = out->n_body,
			.done = on_end,
			.arg = x,
		};
		submit(x, &out->end, out->sent);
	}
}

void http_out_release(struct http_exchange *x)
{
	struct http_out *out = &x->out;
	struct mirage_http_write *write;

	if (!out->hold)
		return;
	out->hold = false;
	x->expects = false;
	while ((write = out->held) != NULL) {
		out->held = write->next;
		transmit(x, write, sum(write->vectors, write->n_vectors));
	}
	out->held_end = &out->held;
	if (out->n_body > 0 || out->left == 0)
		send_rest(x);
	else if (out->state == HTTP_OUT_ENDED && out->chunked)
		send_last_chunk(x);
	else if (out->state == HTTP_OUT_ENDED)
		http_out_break(x);
}

void http_out_drop(struct http_exchange *x, int error)
{
	struct http_out *out = &x->out;
	struct mirage_http_write *write;

	out->hold = false;
	while ((write = out->held) != NULL) {
		out->held = write->next;
		skip(x, write, error);
	}
	out->held_end = &out->held;
	http_out_break(x);
}

/* ------------------------------------------------------------------ Step -- */

bool http_out_step(struct http_exchange *x)
{
	struct http_out *out = &x->out;
	struct mirage_http_write *write = out->skipped;

	if (write != NULL) {
		out->skipped = write->next;
		if (out->skipped == NULL)
			out->skipped_end = &out->skipped;
		write->exchange = NULL;
		if (write->result < 0)
			x->told = true;
		write->done(write->arg, write->result);
		return true;
	}
	if (!out->head_waits)
		return false;
	send_head(x);
	return true;
}

bool http_out_over(const struct http_exchange *x)
{
	return x->out.state == HTTP_OUT_ENDED && x->out.in_flight == 0 &&
	       x->out.skipped == NULL && !x->out.head_waits && x->holds == 0;
}

uint64_t http_out_deadline_ns(const struct http_exchange *x, uint64_t patience)
{
	uint64_t times = 1 + x->out.waiting / PATIENCE_BYTES;

	if (x->out.in_flight == 0)
		return HTTP_NEVER;
	if (times > (HTTP_NEVER - x->out.progress_ns) / patience)
		return HTTP_NEVER;
	return x->out.progress_ns + times * patience;
}
