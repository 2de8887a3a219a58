/* SPDX-License-Identifier: ISC */
#include "routes.h"

#include <mirage-kv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_BYTES = 1 << 16, CONTENT_BYTES = 1000, BIG_BYTES = 1000000 };
enum { SOURCE_BYTES = 100000 };

/* Sunday, 6 November 1994, 08:49:37 GMT, as in the examples of RFC 9110. */
#define MODIFIED_NS (INT64_C(784111777) * 1000000000)

static uint8_t pattern[PATTERN_BYTES];
static uint8_t *big;
static struct mirage_http_files files = {.mount = "/files"};
static struct mirage_http_files stored = {.mount = "/stored"};
unsigned routes_busy;

uint8_t routes_byte(uint64_t offset)
{
	return (uint8_t)(offset % 251);
}

static uint64_t number_of(const struct mirage_http_request *request)
{
	return request->query == NULL ? 0 : strtoull(request->query, NULL, 10);
}

static void on_done(void *arg, int result)
{
	routes_busy--;
}

static void watch(struct mirage_http_request *request)
{
	routes_busy++;
	request->done = on_done;
}

/* ---------------------------------------------------------------- Simple -- */

static void serve_path(struct mirage_http_request *request)
{
	size_t n = strlen(request->path) + 1;
	char *text = mirage_http_alloc(request, n + 1);

	if (text == NULL) {
		mirage_http_reply_status(request, 500, NULL);
		return;
	}
	memcpy(text, request->path, n - 1);
	text[n - 1] = '\n';
	mirage_http_reply(request, 200, "text/plain", text, n);
}

static void serve_page(struct mirage_http_request *request)
{
	mirage_http_reply(request, 200, "application/octet-stream", pattern,
			  128);
}

static void serve_fields(struct mirage_http_request *request)
{
	size_t room = 2000, used = 0;
	char *text = mirage_http_alloc(request, room);

	for (uint32_t i = 0; i < request->n_headers && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s=%s\n",
					 request->headers[i].name,
					 request->headers[i].value);
	mirage_http_reply(request, 200, "text/plain", text,
			  used < room ? used : room - 1);
}

static void serve_status(struct mirage_http_request *request)
{
	uint64_t status = number_of(request);

	if (status < 200 || status > 599)
		status = 400;
	mirage_http_reply_status(request, (uint32_t)status,
				 status == 405	     ? "PUT"
				 : status / 100 == 3 ? "/page"
						     : NULL);
}

/* ---------------------------------------------------------------- Bodies -- */

/** A request whose body is read, or whose answer is written. */
struct stream {
	struct mirage_http_request *request;
	uint64_t bytes, sum, left;
	bool echo;
	unsigned in_flight;
	struct mirage_http_write write;
	struct mirage_vector vector;
	struct mirage_timer timer;
	char text[64];
};

static struct stream *stream_of(struct mirage_http_request *request)
{
	struct stream *s = mirage_http_alloc(request, sizeof(*s));

	if (s == NULL)
		mirage_http_reply_status(request, 500, NULL);
	else
		s->request = request;
	return s;
}

static void on_sunk(void *arg, int result, const void *bytes)
{
	struct stream *s = (struct stream *)arg;

	if (result < 0)
		return;
	for (int i = 0; i < result; i++)
		s->sum += ((const uint8_t *)bytes)[i];
	s->bytes += (uint64_t)result;
	if (result > 0) {
		mirage_http_read(s->request, on_sunk, s);
		return;
	}
	snprintf(s->text, sizeof(s->text), "%llu %llu\n",
		 (unsigned long long)s->bytes, (unsigned long long)s->sum);
	mirage_http_reply(s->request, 200, "text/plain", s->text,
			  strlen(s->text));
}

static void serve_sink(struct mirage_http_request *request)
{
	struct stream *s = stream_of(request);

	if (s != NULL)
		mirage_http_read(request, on_sunk, s);
}

static void on_echo(void *arg, int result, const void *bytes);

static void on_echoed(void *arg, int result)
{
	struct stream *s = (struct stream *)arg;

	if (result == 0)
		mirage_http_read(s->request, on_echo, s);
}

static void on_echo(void *arg, int result, const void *bytes)
{
	struct stream *s = (struct stream *)arg;

	if (result == 0)
		mirage_http_end(s->request, false);
	if (result <= 0)
		return;
	s->vector = (struct mirage_vector){(void *)(uintptr_t)bytes,
					   (size_t)result};
	s->write = (struct mirage_http_write){
		.vectors = &s->vector,
		.n_vectors = 1,
		.done = on_echoed,
		.arg = s,
	};
	mirage_http_write(s->request, &s->write);
}

static void serve_echo(struct mirage_http_request *request)
{
	const struct mirage_http_response response = {
		.status = 200,
		.body_bytes = request->body_bytes,
	};
	struct stream *s = stream_of(request);

	if (s == NULL)
		return;
	mirage_http_respond(request, &response);
	if (request->body_bytes > 0)
		mirage_http_read(request, on_echo, s);
}

static void on_pattern(void *arg, int result);

static void write_pattern(struct stream *s)
{
	/* Whole rounds of the pattern, so that its beginning is right. */
	uint64_t most = PATTERN_BYTES / 251 * 251;
	uint64_t bytes = s->left < most ? s->left : most;

	if (bytes == 0) {
		mirage_http_end(s->request, false);
		return;
	}
	s->vector = (struct mirage_vector){pattern, (size_t)bytes};
	s->left -= bytes;
	s->write = (struct mirage_http_write){
		.vectors = &s->vector,
		.n_vectors = 1,
		.done = on_pattern,
		.arg = s,
	};
	mirage_http_write(s->request, &s->write);
}

static void on_pattern(void *arg, int result)
{
	if (result == 0)
		write_pattern((struct stream *)arg);
}

static void serve_bytes(struct mirage_http_request *request, bool chunked,
			bool cut)
{
	uint64_t n = number_of(request);
	const struct mirage_http_response response = {
		.status = 200,
		.body_bytes = chunked ? MIRAGE_HTTP_CHUNKED : n,
	};
	struct stream *s = stream_of(request);

	if (s == NULL)
		return;
	s->left = cut ? n / 2 : n;
	mirage_http_respond(request, &response);
	if (n > 0 || chunked)
		write_pattern(s);
}

static void on_late(void *arg)
{
	struct stream *s = (struct stream *)arg;

	mirage_http_reply(s->request, 200, "text/plain", "late\n", 5);
}

static void serve_late(struct mirage_http_request *request)
{
	struct stream *s = stream_of(request);

	if (s != NULL)
		mirage_timer_start(&s->timer,
				   mirage_clock_monotonic_ns() +
					   number_of(request) * 1000000,
				   on_late, s);
}

/* -------------------------------------------------------------- Contents -- */

static void serve_content(struct mirage_http_request *request, bool large)
{
	const struct mirage_http_content content = {
		.size_bytes = large ? BIG_BYTES : CONTENT_BYTES,
		.bytes = big,
		.type = "application/octet-stream",
		.etag = large ? "\"big\"" : "\"abc\"",
		.modified_ns = MODIFIED_NS,
	};

	mirage_http_send(request, &content);
}

/** A reading of the source, which takes a turn of the loop. */
struct source {
	struct mirage_timer timer;
	mirage_done_fn *done;
	void *arg;
	int result;
};

static void on_source(void *arg)
{
	struct source *source = (struct source *)arg;

	source->done(source->arg, source->result);
}

static void read_source(void *at, uint64_t offset_bytes, void *to,
			size_t length, mirage_done_fn *done, void *arg)
{
	struct source *source = (struct source *)at;

	for (size_t i = 0; i < length; i++)
		((uint8_t *)to)[i] = routes_byte(offset_bytes + i);
	source->done = done;
	source->arg = arg;
	source->result = (int)length;
	mirage_timer_start(&source->timer, 0, on_source, source);
}

static void serve_source(struct mirage_http_request *request)
{
	struct source *source = mirage_http_alloc(request, sizeof(*source));
	const struct mirage_http_content content = {
		.size_bytes = SOURCE_BYTES,
		.read = read_source,
		.source = source,
		.etag = "\"source\"",
	};

	if (source == NULL)
		mirage_http_reply_status(request, 500, NULL);
	else
		mirage_http_send(request, &content);
}

/* ---------------------------------------------------------------- Routes -- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void serve_deaf(struct mirage_http_request *request)
{
	mirage_http_reply_status(request, 403, NULL);
}

static const struct route {
	const char *path;
	void (*serve)(struct mirage_http_request *request);
} routes[] = {
	{"/page", serve_page},	   {"/fields", serve_fields},
	{"/status", serve_status}, {"/sink", serve_sink},
	{"/echo", serve_echo},	   {"/deaf", serve_deaf},
	{"/late", serve_late},	   {"/source", serve_source},
};

void routes_serve(void *arg, struct mirage_http_request *request)
{
	const char *path = request->path;

	watch(request);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(path, routes[i].path) == 0) {
			routes[i].serve(request);
			return;
		}
	if (strcmp(path, "/bytes") == 0 || strcmp(path, "/chunks") == 0)
		serve_bytes(request, path[1] == 'c', false);
	else if (strcmp(path, "/cut") == 0)
		serve_bytes(request, false, true);
	else if (strcmp(path, "/content") == 0 || strcmp(path, "/big") == 0)
		serve_content(request, path[1] == 'b');
	else if (begins(path, "/files"))
		mirage_http_files_serve(&files, request);
	else if (begins(path, "/stored"))
		mirage_http_files_serve(&stored, request);
	else
		serve_path(request);
}

/* ----------------------------------------------------------------- Store -- */

static const char long_page[] =
	"<!doctype html><title>long</title><p>This page is there in three "
	"forms, each with a text of its own.\n";
static const struct file {
	const char *key, *text;
} site[] = {
	{"index.html", "<!doctype html><title>home</title>\n"},
	{"missing.html", "<!doctype html><title>not here</title>\n"},
	{"a/index.html", "<!doctype html><title>a</title>\n"},
	{"a/b c.txt", "a name with a blank\n"},
	{"style.css", "body { color: black }\n"},
	{"empty.txt", ""},
	{"long.html", long_page},
	{"long.html.gz", "this stands for gzip\n"},
	{"long.html.br", "this stands for brotli\n"},
	{"only.js.gz", "compressed only\n"},
};
enum { SITE_FILES = sizeof(site) / sizeof(site[0]) };

static struct mirage_kv_crunched_file crunched_files[SITE_FILES];
static struct mirage_kv_crunched crunched = {
	sizeof(crunched),
	SITE_FILES,
	crunched_files,
};
static struct mirage_kv_request sets[SITE_FILES];
static struct mirage_vector vectors[SITE_FILES];
static unsigned sets_left;
static mirage_done_fn *open_done;
static void *open_arg;

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct mirage_kv_crunched_file *)a)->key,
		      ((const struct mirage_kv_crunched_file *)b)->key);
}

static void crunch(void)
{
	for (size_t i = 0; i < SITE_FILES; i++)
		crunched_files[i] = (struct mirage_kv_crunched_file){
			.key = site[i].key,
			.bytes = site[i].text,
			.length_bytes = strlen(site[i].text),
			.modified_ns = MODIFIED_NS,
			.version = {(uint8_t)(i + 1)},
		};
	qsort(crunched_files, SITE_FILES, sizeof(crunched_files[0]), by_key);
}

static void on_set(void *arg, int result)
{
	if (result < 0)
		open_done(open_arg, result);
	else if (--sets_left == 0)
		open_done(open_arg, 0);
}

/** A store that is written has no view. */
static void fill(struct mirage_kv *kv)
{
	sets_left = SITE_FILES;
	for (size_t i = 0; i < SITE_FILES; i++) {
		vectors[i] = (struct mirage_vector){
			(void *)(uintptr_t)site[i].text, strlen(site[i].text)};
		sets[i] = (struct mirage_kv_request){
			.op = MIRAGE_KV_SET,
			.n_vectors = 1,
			.key = site[i].key,
			.vectors = &vectors[i],
			.done = on_set,
		};
		mirage_kv_submit(kv, &sets[i]);
	}
}

void routes_open(mirage_done_fn *done, void *arg)
{
	for (size_t i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = routes_byte(i);
	big = malloc(BIG_BYTES);
	for (size_t i = 0; big != NULL && i < BIG_BYTES; i++)
		big[i] = routes_byte(i);
	crunch();
	open_done = done;
	open_arg = arg;
	files.not_found = stored.not_found = "missing.html";
	if (big == NULL || mirage_kv_crunched_open(&crunched, &files.kv) < 0 ||
	    mirage_kv_memory_open(1 << 20, &stored.kv) < 0)
		mirage_exit(1);
	else
		fill(stored.kv);
}
