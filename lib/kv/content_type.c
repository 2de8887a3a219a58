/* SPDX-License-Identifier: ISC */
/* Content types by the suffix of a key. */
#include "content_types.h"
#include "mirage-kv.h"

#include <string.h>

static const struct {
	const char *suffix, *type;
} types[] = {
#define ELEMENT(suffix, type) {suffix, type},
	CONTENT_TYPES(ELEMENT)
#undef ELEMENT
};

/** Whether `text` is `lower`, whatever the case of its ASCII letters. */
static bool same_suffix(const char *text, const char *lower)
{
	for (; *lower != '\0'; text++, lower++) {
		char c = *text;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != *lower)
			return false;
	}
	return *text == '\0';
}

const char *mirage_kv_content_type(const char *key)
{
	const char *dot = strrchr(key, '.');

	if (dot == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (same_suffix(dot + 1, types[i].suffix))
			return types[i].type;
	return NULL;
}
