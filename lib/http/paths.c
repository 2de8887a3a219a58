/* SPDX-License-Identifier: ISC */
/* From the path of a URL to a key, which never leads upwards (RFC 3986, 5.2.4). */
#include "http.h"

#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** A key that is being made. */
struct key {
	char *text;
	size_t n, least; /* `least` are the prefix: no dots take it away */
	enum http_path kind;
};

static void add(struct key *key, char c)
{
	if (key->n == MIRAGE_KV_KEY_MAX)
		key->kind = HTTP_PATH_NONE;
	else
		key->text[key->n++] = c;
}

/** Decodes the byte at `*at` and goes on to the next. */
static void decode(struct key *key, const char **at)
{
	int high, low, c = (uint8_t) * (*at)++;

	if (c == '%') {
		high = hex(**at);
		low = high < 0 ? -1 : hex((*at)[1]);
		if (low < 0) {
			key->kind = HTTP_PATH_BAD;
			return;
		}
		c = high << 4 | low;
		*at += 2;
		/* A separator that was hidden is not one, and no name has it. */
		if (c == '/')
			key->kind = HTTP_PATH_NONE;
		if (c == '\0')
			key->kind = HTTP_PATH_BAD;
	}
	if (c < ' ' || c == 0x7f)
		key->kind = key->kind == HTTP_PATH_BAD ? HTTP_PATH_BAD
						       : HTTP_PATH_NONE;
	add(key, (char)c);
}

static bool is(const struct key *key, size_t from, const char *name)
{
	size_t n = strlen(name);

	return key->n - from == n && memcmp(key->text + from, name, n) == 0;
}

/** Drops what follows the last `/` before `from`. */
static void up(struct key *key, size_t from)
{
	key->n = from;
	if (key->n > key->least)
		key->n--; /* the slash */
	while (key->n > key->least && key->text[key->n - 1] != '/')
		key->n--;
}

/** One segment, with its slash if it has one. */
static void segment(struct key *key, const char **at)
{
	size_t from = key->n;
	bool slash;

	while (**at != '/' && **at != '\0' && key->kind == HTTP_PATH_KEY)
		decode(key, at);
	slash = **at == '/';
	if (is(key, from, "."))
		key->n = from;
	else if (is(key, from, ".."))
		up(key, from);
	else if (slash && key->n == from)
		key->kind = HTTP_PATH_NONE; /* an empty name */
	else if (slash)
		add(key, '/');
	*at += slash;
}

enum http_path http_path_key(char text[MIRAGE_KV_KEY_MAX + 1],
			     const char *prefix, const char *path)
{
	struct key key = {text, 0, 0, HTTP_PATH_KEY};

	if (prefix != NULL)
		while (*prefix != '\0')
			add(&key, *prefix++);
	key.least = key.n;
	if (*path != '/')
		return HTTP_PATH_NONE;
	for (path++; *path != '\0' && key.kind == HTTP_PATH_KEY;)
		segment(&key, &path);
	text[key.n] = '\0';
	if (key.kind != HTTP_PATH_KEY)
		return key.kind;
	return key.n == key.least || text[key.n - 1] == '/' ? HTTP_PATH_FOLDER
							    : HTTP_PATH_KEY;
}
