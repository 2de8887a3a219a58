/* SPDX-License-Identifier: ISC */
/* Conditional requests (RFC 9110, 13). */
#include "http.h"

#include <string.h>

static int64_t seconds_of(int64_t ns)
{
	return ns / (int64_t)HTTP_SECOND_NS -
	       (ns % (int64_t)HTTP_SECOND_NS < 0);
}

static bool is_weak(const char *tag)
{
	return tag[0] == 'W' && tag[1] == '/';
}

/** The length of the entity tag at `at`, or 0 (8.8.3). */
static size_t tag_bytes(const char *at)
{
	const char *opaque = is_weak(at) ? at + 2 : at, *end;

	if (*opaque != '"')
		return 0;
	for (end = opaque + 1; *end != '"'; end++)
		if ((uint8_t)*end <= ' ' || *end == 0x7f)
			return 0;
	return (size_t)(end + 1 - at);
}

/** The two comparisons of 8.8.3.2. */
static bool tags_match(const char *at, size_t n, const char *etag, bool weakly)
{
	if (!weakly && (is_weak(at) || is_weak(etag)))
		return false;
	if (is_weak(at))
		at += 2, n -= 2;
	if (is_weak(etag))
		etag += 2;
	return strlen(etag) == n && memcmp(at, etag, n) == 0;
}

static bool list_has(const char *list, const char *etag, bool weakly)
{
	for (;;) {
		size_t n;

		list += strspn(list, " \t,");
		n = tag_bytes(list);
		if (n == 0)
			return false;
		if (tags_match(list, n, etag, weakly))
			return true;
		list += n;
	}
}

/** What the fields called `name` say: -1 there are none, else whether one of their
 *  tags is `etag`, or they are `*` and there is something. */
static int any_matches(const struct mirage_http_request *request,
		       const char *name, bool exists, const char *etag,
		       bool weakly)
{
	int result = -1;

	for (uint32_t i = 0; i < request->n_headers; i++) {
		const char *value = request->headers[i].value;

		if (!http_same(request->headers[i].name, name))
			continue;
		if (strcmp(value, "*") == 0
			    ? exists
			    : exists && etag != NULL &&
				      list_has(value, etag, weakly))
			return 1;
		result = 0;
	}
	return result;
}

/** Whether a field called `name` is a date, and `modified_ns` is after it: -1 if it
 *  is to be ignored. */
static int is_after(const struct mirage_http_request *request, const char *name,
		    int64_t modified_ns)
{
	const char *value =
		mirage_http_find(request->headers, request->n_headers, name);
	int64_t seconds;

	if (value == NULL || modified_ns == 0 ||
	    !http_date_parse(value, &seconds))
		return -1;
	return seconds_of(modified_ns) > seconds;
}

uint32_t mirage_http_precondition(const struct mirage_http_request *request,
				  bool exists, const char *etag,
				  int64_t modified_ns)
{
	bool reads = strcmp(request->method, "GET") == 0 ||
		     strcmp(request->method, "HEAD") == 0;
	int match = any_matches(request, "if-match", exists, etag, false);

	/* The order of 13.2.2. */
	if (match == 0 || (match < 0 && is_after(request, "if-unmodified-since",
						 modified_ns) > 0))
		return 412;
	match = any_matches(request, "if-none-match", exists, etag, true);
	if (match > 0)
		return reads ? 304 : 412;
	if (match < 0 && reads &&
	    is_after(request, "if-modified-since", modified_ns) == 0)
		return 304;
	return 0;
}

bool http_if_range(const char *value, const char *etag, int64_t modified_ns)
{
	int64_t seconds, now = seconds_of(mirage_clock_wall_ns());

	if (value == NULL)
		return true;
	if (*value == '"' || is_weak(value))
		return etag != NULL &&
		       tags_match(value, strlen(value), etag, false);
	/* A date is a strong validator a second after it (8.8.2.2). */
	return modified_ns != 0 && http_date_parse(value, &seconds) &&
	       seconds == seconds_of(modified_ns) && now > seconds + 1;
}
