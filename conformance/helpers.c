/* SPDX-License-Identifier: ISC */
/*
 * helpers.c: what the cases and the harness would take from libc, if there were
 * one everywhere.
 */
#include "harness.h"

#define MEMORY_BYTES (8u << 20)
#define PAGE_BYTES 4096u
#define CANARY 0xc5

static _Alignas(PAGE_BYTES) uint8_t memory[MEMORY_BYTES + PAGE_BYTES];
static size_t used_bytes = PAGE_BYTES;
static bool guards_hold = true;

/*
 * Each piece ends at a page's end only if its length is one's multiple, so the
 * canary that follows it goes up to the next page, and one page more.
 */
static struct {
	size_t from, to;
} guards[64];
static unsigned n_guards;

void conf_memory_reset(void)
{
	conf_set(memory, used_bytes, 0);
	used_bytes = PAGE_BYTES;
	n_guards = 0;
	guards_hold = true;
	conf_set(memory, PAGE_BYTES, CANARY);
}

void *conf_memory(size_t length)
{
	size_t from = used_bytes;
	size_t to = (from + length + PAGE_BYTES) & ~(size_t)(PAGE_BYTES - 1);

	to += PAGE_BYTES;
	if (n_guards == sizeof(guards) / sizeof(guards[0]) ||
	    length > MEMORY_BYTES || to > MEMORY_BYTES) {
		conf_failed(__FILE__, __LINE__, "room in conf_memory");
		return memory;
	}
	conf_set(memory + from + length, to - from - length, CANARY);
	guards[n_guards].from = from + length;
	guards[n_guards++].to = to;
	used_bytes = to;
	return memory + from;
}

bool conf_guards_hold(void)
{
	unsigned i;

	guards_hold = conf_all(memory, PAGE_BYTES, CANARY);
	for (i = 0; i < n_guards && guards_hold; i++)
		guards_hold = conf_all(memory + guards[i].from,
				       guards[i].to - guards[i].from, CANARY);
	return guards_hold;
}

static uint8_t filler(size_t i, uint32_t seed)
{
	uint32_t word = ((uint32_t)i / 4 + 1) * 2654435761u ^ seed * 40503u;

	return (uint8_t)(word >> 8 * (i % 4));
}

void conf_fill(void *bytes, size_t length, uint32_t seed)
{
	uint8_t *to = bytes;
	size_t i;

	for (i = 0; i < length; i++)
		to[i] = filler(i, seed);
}

bool conf_filled(const void *bytes, size_t length, uint32_t seed)
{
	const uint8_t *from = bytes;
	size_t i;

	for (i = 0; i < length && from[i] == filler(i, seed); i++)
		;
	return i == length;
}

bool conf_all(const void *bytes, size_t length, uint8_t value)
{
	const uint8_t *from = bytes;
	size_t i;

	for (i = 0; i < length && from[i] == value; i++)
		;
	return i == length;
}

void conf_set(void *bytes, size_t length, uint8_t value)
{
	uint8_t *to = bytes;

	while (length-- > 0)
		*to++ = value;
}

void conf_copy(void *to, const void *from, size_t length)
{
	const uint8_t *source = from;
	uint8_t *target = to;

	while (length-- > 0)
		*target++ = *source++;
}

bool conf_same(const void *a, const void *b, size_t length)
{
	const uint8_t *x = a, *y = b;

	while (length > 0 && *x == *y) {
		length--;
		x++;
		y++;
	}
	return length == 0;
}

size_t conf_length(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

bool conf_contains(const void *bytes, size_t length, const char *text)
{
	const uint8_t *at = bytes;
	size_t sought = conf_length(text);

	for (; length >= sought; length--, at++)
		if (conf_same(at, text, sought))
			return true;
	return false;
}

bool conf_glob(const char *pattern, const char *id)
{
	for (; *pattern != '\0'; pattern++, id++) {
		if (*pattern == '*') {
			for (; *id != '\0'; id++)
				if (conf_glob(pattern + 1, id))
					return true;
			return conf_glob(pattern + 1, id);
		}
		if (*id == '\0' || (*pattern != '?' && *pattern != *id))
			return false;
	}
	return *id == '\0';
}

const char *conf_next_tag(const char *tags, char tag[8])
{
	unsigned n = 0;

	while (*tags == ' ')
		tags++;
	for (; *tags != '\0' && *tags != ' ' && n < 7; tags++)
		tag[n++] = *tags;
	conf_set(tag + n, 8 - n, 0);
	return n > 0 ? tags : NULL;
}

void conf_put(struct conf_text *text, const char *what)
{
	while (*what != '\0' && text->at < text->end)
		*text->at++ = *what++;
	*text->at = '\0';
}

void conf_put_number(struct conf_text *text, int64_t number)
{
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (number < 0)
		*--at = '-';
	conf_put(text, at);
}
