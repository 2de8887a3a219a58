/* SPDX-License-Identifier: ISC */
/* Device URIs and byte sizes: whatever is accepted survives being written out and
 * read again. */
#include <mirage-backend.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void check_inside(const struct mirage_uri *uri, const char *piece)
{
	assert(piece >= uri->text &&
	       piece + strlen(piece) + 1 <= uri->text + sizeof uri->text);
}

/** Appends `piece` with its commas doubled. */
static char *put(char *to, const char *piece)
{
	for (; *piece != '\0'; piece++) {
		if (*piece == ',')
			*to++ = ',';
		*to++ = *piece;
	}
	return to;
}

static void write_out(const struct mirage_uri *uri, char *to)
{
	to = stpcpy(to, uri->scheme);
	*to++ = ':';
	to = put(to, uri->path);
	for (unsigned i = 0; i < uri->n_options; i++) {
		*to++ = ',';
		to = put(to, uri->options[i].key);
		if (uri->options[i].value[0] == '\0')
			continue;
		*to++ = '=';
		to = put(to, uri->options[i].value);
	}
	*to = '\0';
}

static void check_same(const struct mirage_uri *a, const struct mirage_uri *b)
{
	assert(strcmp(a->scheme, b->scheme) == 0);
	assert(strcmp(a->path, b->path) == 0);
	assert(a->n_options == b->n_options);
	for (unsigned i = 0; i < a->n_options; i++) {
		assert(strcmp(a->options[i].key, b->options[i].key) == 0);
		assert(strcmp(a->options[i].value, b->options[i].value) == 0);
	}
}

static void check_options(struct mirage_uri *uri)
{
	for (unsigned i = 0; i < uri->n_options; i++) {
		const char *key = uri->options[i].key;

		assert(*key != '\0');
		check_inside(uri, key);
		if (uri->options[i].value[0] != '\0')
			check_inside(uri, uri->options[i].value);
		assert(strcmp(mirage_uri_unused(uri), key) == 0);
		assert(mirage_uri_option(uri, key) == uri->options[i].value);
	}
	assert(mirage_uri_unused(uri) == NULL);
}

static void check_bytes(const char *text)
{
	static const char suffixes[] = "KMGT";
	unsigned __int128 value = 0;
	const char *at = text, *suffix;
	uint64_t bytes = 0;
	bool good = *at >= '0' && *at <= '9';

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (unsigned)(*at - '0');
		good &= value <= UINT64_MAX;
		value = good ? value : 0;
	}
	suffix = *at != '\0' ? strchr(suffixes, *at) : NULL;
	good &= *at == '\0' || (suffix != NULL && at[1] == '\0');
	if (good && suffix != NULL)
		value <<= 10 * (suffix - suffixes + 1);
	good &= value <= UINT64_MAX;
	assert(mirage_uri_bytes(text, &bytes) == good);
	assert(!good || bytes == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mirage_uri uri, again;
	static char written[4 * MIRAGE_URI_TEXT_MAX];
	char *text = calloc(1, size + 1);

	memcpy(text, data, size);
	check_bytes(text);
	if (mirage_uri_parse(&uri, text) == NULL) {
		assert(strlen(text) <= MIRAGE_URI_TEXT_MAX);
		check_inside(&uri, uri.scheme);
		check_inside(&uri, uri.path);
		write_out(&uri, written);
		/* "k=" is written as "k", so that it may only get shorter. */
		assert(strlen(written) <= strlen(text));
		assert(mirage_uri_parse(&again, written) == NULL);
		check_same(&uri, &again);
		check_options(&uri);
		check_bytes(uri.path);
	}
	free(text);
	return 0;
}
