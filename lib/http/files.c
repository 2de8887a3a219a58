/* SPDX-License-Identifier: ISC */
/*
 * Files of a store. What is asked for may be there under several keys, which are tried
 * in turn: compressed, plain, as a folder to be redirected to, the page for what is
 * not there. A store with a view answers at once, others after a request each.
 */
#include "http.h"

#include <mirage-kv.h>
#include <string.h>

enum step {
	STEP_BR,
	STEP_GZ,
	STEP_PLAIN,
	STEP_FOLDER,
	STEP_MISSING,
	STEP_NONE
};

enum { ETAG_BYTES = 2 + 2 * 16 };

struct search {
	const struct mirage_http_files *files;
	struct http_exchange *x;
	uint8_t step;
	char key[MIRAGE_KV_KEY_MAX + 1];  /* as asked for */
	char name[MIRAGE_KV_KEY_MAX + 1]; /* that is being tried */
	char etag[ETAG_BYTES + 1];
	uint8_t version[16];
	const void *bytes;
	struct mirage_kv_request request;
	struct mirage_vector vector;
	mirage_done_fn *read_done;
	void *read_arg;
};

static bool has_view(const struct search *s)
{
	return (s->files->kv->info->caps & MIRAGE_KV_CAP_VIEW) != 0;
}

/* --------------------------------------------------------------- Reading -- */

static void on_read(void *arg, int result)
{
	struct search *s = (struct search *)arg;

	/* Half of one value and half of the next is neither. */
	if (result >= 0 && memcmp(s->version, s->request.value.version,
				  sizeof(s->version)) != 0)
		result = MIRAGE_EIO;
	s->read_done(s->read_arg, result);
}

static void read_value(void *source, uint64_t offset_bytes, void *to,
		       size_t length, mirage_done_fn *done, void *arg)
{
	struct search *s = (struct search *)source;

	s->read_done = done;
	s->read_arg = arg;
	s->vector = (struct mirage_vector){to, length};
	s->request = (struct mirage_kv_request){
		.op = MIRAGE_KV_READ,
		.n_vectors = 1,
		.key = s->name,
		.vectors = &s->vector,
		.offset_bytes = offset_bytes,
		.done = on_read,
		.arg = s,
	};
	mirage_kv_submit(s->files->kv, &s->request);
}

/* ---------------------------------------------------------------- Found -- */

static void print_etag(char etag[ETAG_BYTES + 1], const uint8_t version[16])
{
	*etag++ = '"';
	for (int i = 0; i < 16; i++) {
		*etag++ = "0123456789abcdef"[version[i] >> 4];
		*etag++ = "0123456789abcdef"[version[i] & 15];
	}
	*etag++ = '"';
	*etag = '\0';
}

/** The type of what is asked for: a compressed form is of the type of the plain. */
static const char *type_of(const struct search *s,
			   const struct mirage_kv_value *value)
{
	const char *type = NULL;

	if (s->step != STEP_BR && s->step != STEP_GZ)
		type = value->content_type;
	if (type == NULL)
		type = mirage_kv_content_type(s->step == STEP_MISSING ? s->name
								      : s->key);
	return type != NULL ? type : "application/octet-stream";
}

static void redirect(struct search *s)
{
	const struct mirage_http_request *request = &s->x->request;
	size_t path = strlen(request->path);
	size_t query = request->query == NULL ? 0 : strlen(request->query) + 1;
	char *to = mirage_http_alloc(&s->x->request, path + query + 2), *end;

	if (to == NULL) {
		mirage_http_reply_status(&s->x->request, 503, NULL);
		return;
	}
	end = http_put(to, request->path, path);
	*end++ = '/';
	if (query > 0) {
		*end++ = '?';
		http_put(end, request->query, query - 1);
	}
	mirage_http_reply_status(&s->x->request, 301, to);
}

static void found(struct search *s, const struct mirage_kv_value *value)
{
	static const char *const codings[] = {"br", "gzip"};
	struct mirage_http_content content = {
		.size_bytes = value->size_bytes,
		.bytes = s->bytes,
		.read = read_value,
		.source = s,
		.type = type_of(s, value),
		.etag = s->etag,
		.modified_ns = value->modified_ns,
		.cache_control = s->files->cache_control,
		.vary = "Accept-Encoding",
	};

	if (s->step == STEP_FOLDER) {
		redirect(s);
		return;
	}
	if (content.cache_control == NULL)
		content.cache_control = "no-cache";
	if (s->step <= STEP_GZ)
		content.encoding = codings[s->step];
	if (s->step == STEP_MISSING)
		content.status = 404;
	memcpy(s->version, value->version, sizeof(s->version));
	print_etag(s->etag, value->version);
	mirage_http_send(&s->x->request, &content);
}

/* ---------------------------------------------------------------- Search -- */

/** Makes `name` of two texts. Returns false when that is too long for a key. */
static bool join(struct search *s, const char *a, const char *b, const char *c)
{
	size_t na = strlen(a), nb = strlen(b), nc = strlen(c);

	if (na + nb + nc > MIRAGE_KV_KEY_MAX)
		return false;
	memcpy(s->name, a, na);
	memcpy(s->name + na, b, nb);
	memcpy(s->name + na + nb, c, nc + 1);
	return true;
}

static const char *index_of(const struct mirage_http_files *files)
{
	return files->index != NULL ? files->index : "index.html";
}

static bool accepts(const struct search *s, const char *coding)
{
	const struct mirage_http_request *request = &s->x->request;

	return http_accepts(mirage_http_find(request->headers,
					     request->n_headers,
					     "accept-encoding"),
			    coding) > 0;
}

/** Makes the name of this step. Returns false when there is none. */
static bool name_step(struct search *s)
{
	switch (s->step) {
	case STEP_BR:
		return accepts(s, "br") && join(s, s->key, ".br", "");
	case STEP_GZ:
		return accepts(s, "gzip") && join(s, s->key, ".gz", "");
	case STEP_PLAIN:
		return join(s, s->key, "", "");
	case STEP_FOLDER:
		return join(s, s->key, "/", index_of(s->files));
	default:
		return s->files->not_found != NULL &&
		       join(s, s->files->not_found, "", "");
	}
}

static void search(struct search *s);

static void on_stat(void *arg, int result)
{
	struct search *s = (struct search *)arg;

	http_enter();
	s->x->holds--;
	http_link_kick(s->x->link);
	if (result == 0) {
		found(s, &s->request.value);
	} else if (result == MIRAGE_ENOENT || result == MIRAGE_EINVAL) {
		s->step++;
		search(s);
	} else {
		mirage_http_reply_status(&s->x->request, 500, NULL);
	}
	http_leave();
}

static void stat_name(struct search *s)
{
	s->request = (struct mirage_kv_request){
		.op = MIRAGE_KV_STAT,
		.key = s->name,
		.done = on_stat,
		.arg = s,
	};
	s->x->holds++;
	mirage_kv_submit(s->files->kv, &s->request);
}

static void search(struct search *s)
{
	struct mirage_kv_value value;

	for (; s->step < STEP_NONE; s->step++) {
		if (!name_step(s))
			continue;
		if (!has_view(s)) {
			stat_name(s);
			return;
		}
		s->bytes = mirage_kv_view(s->files->kv, s->name, &value);
		if (s->bytes != NULL) {
			found(s, &value);
			return;
		}
	}
	mirage_http_reply_status(&s->x->request, 404, NULL);
}

/* ----------------------------------------------------------------- Serve -- */

/** The path without the mount, or NULL for one outside of it. */
static const char *unmount(const struct mirage_http_files *files,
			   const char *path)
{
	size_t n = files->mount == NULL ? 0 : strlen(files->mount);

	if (n > 0 && files->mount[n - 1] == '/')
		n--;
	if (n > 0 && strncmp(path, files->mount, n) != 0)
		return NULL;
	return path[n] == '/' ? path + n : NULL;
}

/** Makes the key. Returns 0, or the status that says why there is none. */
static uint32_t make_key(struct search *s)
{
	const char *path = unmount(s->files, s->x->request.path);
	const char *name = index_of(s->files);
	size_t n;

	if (path == NULL)
		return 404;
	switch (http_path_key(s->key, s->files->prefix, path)) {
	case HTTP_PATH_KEY:
		return 0;
	case HTTP_PATH_FOLDER:
		n = strlen(s->key);
		if (n + strlen(name) > MIRAGE_KV_KEY_MAX)
			return 404;
		strcpy(s->key + n, name);
		return 0;
	case HTTP_PATH_BAD:
		return 400;
	default:
		return 404;
	}
}

void mirage_http_files_serve(void *files, struct mirage_http_request *request)
{
	struct http_exchange *x = (struct http_exchange *)request;
	struct search *s;
	uint32_t status;

	if (strcmp(request->method, "OPTIONS") == 0) {
		mirage_http_reply_status(request, 204, "GET, HEAD");
		return;
	}
	if (strcmp(request->method, "GET") != 0 && !x->head_only) {
		mirage_http_reply_status(request, 405, "GET, HEAD");
		return;
	}
	s = mirage_http_alloc(request, sizeof(*s));
	if (s == NULL) {
		mirage_http_reply_status(request, 503, NULL);
		return;
	}
	s->files = (const struct mirage_http_files *)files;
	s->x = x;
	status = make_key(s);
	if (status == 400)
		mirage_http_reply_status(request, 400, NULL);
	else if (status != 0) {
		s->step = STEP_MISSING;
		search(s);
	} else {
		search(s);
	}
}
