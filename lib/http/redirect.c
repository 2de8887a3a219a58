/* SPDX-License-Identifier: ISC */
/* Where a response leads instead (RFC 9110, 15.4). */
#include "client.h"

#include <stdlib.h>
#include <string.h>

static bool is_redirect(uint32_t status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/** Whether the fetch goes on with GET and without a body (RFC 9110, 15.4). */
static bool becomes_get(const struct mirage_http_fetch *fetch, uint32_t status)
{
	const char *method = http_fetch_method(fetch);

	if (status == 303)
		return strcmp(method, "HEAD") != 0;
	return status <= 302 && strcmp(method, "POST") == 0;
}

/** The URL that the response leads to, from malloc, or NULL. */
static char *new_location(const struct mirage_http_fetch *fetch,
			  const char *reference)
{
	const char *from = http_fetch_url(fetch);
	size_t room = strlen(from) + strlen(reference) + 16;
	struct http_url base, url;
	char *to = malloc(room);

	if (to == NULL)
		return NULL;
	if (http_url_parse(&base, from) &&
	    http_url_join(to, room, &base, reference) > 0 &&
	    http_url_parse(&url, to))
		return to;
	free(to);
	return NULL;
}

bool http_fetch_redirect(struct http_exchange *x)
{
	struct mirage_http_fetch *fetch = x->fetch;
	const char *to = mirage_http_find(x->parser.headers,
					  x->parser.n_headers, "location");
	bool get = becomes_get(fetch, fetch->status);
	char *location;

	if (fetch->redirects_max == 0 || to == NULL ||
	    !is_redirect(fetch->status) || (http_fetch_streams(fetch) && !get))
		return false;
	location = new_location(fetch, to);
	if (location == NULL)
		return false;
	free(fetch->location);
	fetch->location = location;
	fetch->as_get = fetch->as_get || get;
	fetch->tries = 0;
	fetch->redirects++;
	x->again = x->discard = true;
	return true;
}
