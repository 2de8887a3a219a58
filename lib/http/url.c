/* SPDX-License-Identifier: ISC */
/* URLs of the scheme http (RFC 9110, 4.2.1; RFC 3986), and references to them. */
#include "http.h"

#include <string.h>

static bool host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/** Reads the host at `at`; returns what follows, or NULL. */
static const char *read_host(struct http_url *url, const char *at)
{
	bool literal = *at == '[';
	size_t n = 0;

	for (at += literal;
	     literal ? *at != ']' && *at != '\0' : host_byte(*at); at++) {
		if (n == HTTP_HOST_MAX)
			return NULL;
		url->host[n++] =
			*at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
	}
	url->host[n] = '\0';
	if (n == 0 || (literal && *at != ']'))
		return NULL;
	return at + literal;
}

static const char *read_port(struct http_url *url, const char *at)
{
	size_t n = strspn(at, "0123456789");
	uint64_t port = 80;

	if (n > 0 && (!http_number(at, n, &port) || port == 0 || port > 65535))
		return NULL;
	url->port = (uint16_t)port;
	return at + n;
}

/** What may stand in a request line. */
static bool target_good(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

bool http_url_parse(struct http_url *url, const char *text)
{
	const char *at = text;

	if (!http_same_n(at, strcspn(at, ":"), "http") ||
	    strncmp(at + 4, "://", 3) != 0)
		return false;
	text = at + 7;
	at = read_host(url, text);
	url->port = 80;
	if (at != NULL && *at == ':')
		at = read_port(url, at + 1);
	if (at == NULL || strchr("/?#", *at) == NULL ||
	    (size_t)(at - text) >= sizeof(url->authority))
		return false;
	*http_put(url->authority, text, (size_t)(at - text)) = '\0';
	url->target = at;
	url->target_bytes = strcspn(at, "#");
	return target_good(at, url->target_bytes);
}

/* ------------------------------------------------------------ References -- */

/** The path of `base` up to its last slash. */
static size_t folder_bytes(const struct http_url *base)
{
	size_t path = strcspn(base->target, "?#"), n = 0;

	for (size_t i = 0; i < path; i++)
		if (base->target[i] == '/')
			n = i + 1;
	return n;
}

size_t http_url_join(char *to, size_t room, const struct http_url *base,
		     const char *reference)
{
	const char *parts[5] = {"http://", base->authority, "", "", reference};
	size_t lengths[5], n = 0;
	size_t scheme = strcspn(reference, ":/?#");
	size_t folder = folder_bytes(base);

	for (size_t i = 0; i < 5; i++)
		lengths[i] = strlen(parts[i]);
	if (reference[scheme] == ':' && scheme > 0) {
		lengths[0] = lengths[1] = 0;
	} else if (strncmp(reference, "//", 2) == 0) {
		lengths[0] = 5; /* http: */
		lengths[1] = 0;
	} else if (*reference == '?') {
		parts[2] = base->target;
		lengths[2] = strcspn(base->target, "?#");
	} else if (*reference != '/') {
		parts[2] = folder > 0 ? base->target : "/";
		lengths[2] = folder > 0 ? folder : 1;
	}
	for (size_t i = 0; i < 5; i++)
		n += lengths[i];
	if (n >= room)
		return 0;
	for (size_t i = 0; i < 5; i++)
		to = http_put(to, parts[i], lengths[i]);
	*to = '\0';
	return n;
}
