/* SPDX-License-Identifier: ISC */
#include <mirage-backend.h>

#include <string.h>

/**
 * Ends the piece that begins at `piece` and returns where the next one begins, or
 * NULL after the last. A doubled comma becomes one and does not end the piece.
 */
static char *end_piece(char *piece)
{
	char *to = piece;

	for (; *piece != '\0'; *to++ = *piece++) {
		if (*piece != ',')
			continue;
		if (piece[1] != ',') {
			*to = '\0';
			return piece + 1;
		}
		piece++;
	}
	*to = '\0';
	return NULL;
}

static const char *add_option(struct mirage_uri *uri, char *piece)
{
	struct mirage_uri_option *option = &uri->options[uri->n_options];
	char *equals;

	if (uri->n_options == MIRAGE_URI_OPTIONS_MAX)
		return "too many options (16 at most)";
	equals = strchr(piece, '=');
	if (*piece == '\0' || equals == piece)
		return "an option without a name (write a comma in a path as "
		       ",,)";
	option->key = piece;
	option->value = "";
	option->used = false;
	if (equals != NULL) {
		*equals = '\0';
		option->value = equals + 1;
	}
	for (unsigned i = 0; i < uri->n_options; i++)
		if (strcmp(uri->options[i].key, option->key) == 0)
			return "the same option twice";
	uri->n_options++;
	return NULL;
}

const char *mirage_uri_parse(struct mirage_uri *uri, const char *text)
{
	const char *wrong = NULL;
	char *colon, *piece;

	memset(uri, 0, sizeof *uri);
	if (strlen(text) > MIRAGE_URI_TEXT_MAX)
		return "longer than 1023 bytes";
	memcpy(uri->text, text, strlen(text) + 1);
	colon = strchr(uri->text, ':');
	if (colon == NULL || colon == uri->text)
		return "no scheme: expected SCHEME:PATH[,OPTION...]";
	*colon = '\0';
	uri->scheme = uri->text;
	uri->path = colon + 1;
	piece = end_piece(colon + 1);
	while (piece != NULL && wrong == NULL) {
		char *next = end_piece(piece);

		wrong = add_option(uri, piece);
		piece = next;
	}
	return wrong;
}

const char *mirage_uri_option(struct mirage_uri *uri, const char *key)
{
	for (unsigned i = 0; i < uri->n_options; i++) {
		if (strcmp(uri->options[i].key, key) != 0)
			continue;
		uri->options[i].used = true;
		return uri->options[i].value;
	}
	return NULL;
}

const char *mirage_uri_unused(const struct mirage_uri *uri)
{
	for (unsigned i = 0; i < uri->n_options; i++)
		if (!uri->options[i].used)
			return uri->options[i].key;
	return NULL;
}

/** How far a suffix shifts, or -1. */
static int suffix_shift(const char *suffix)
{
	static const char suffixes[] = "KMGT";
	const char *at;

	if (*suffix == '\0')
		return 0;
	at = strchr(suffixes, *suffix);
	if (at == NULL || suffix[1] != '\0')
		return -1;
	return 10 * (int)(at - suffixes + 1);
}

bool mirage_uri_bytes(const char *text, uint64_t *bytes)
{
	uint64_t value = 0;
	int shift;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	shift = suffix_shift(text);
	if (shift < 0 || value > UINT64_MAX >> shift)
		return false;
	*bytes = value << shift;
	return true;
}
