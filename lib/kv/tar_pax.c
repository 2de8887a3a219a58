/* SPDX-License-Identifier: ISC */
/*
 * Pax headers (POSIX.1-2017, pax, "pax Extended Header"): records "LENGTH KEY=VALUE
 * newline", where LENGTH is decimal and counts all of the record.
 */
#include "tar.h"

#include <string.h>

enum { PAX_LENGTH = 0, PAX_KEY = 1, PAX_VALUE = 2, PAX_BROKEN = 3 };

#define NS_PER_S 1000000000

void tar_pax_begin(struct tar_pax *pax)
{
	memset(pax, 0, sizeof *pax);
}

bool tar_pax_end(const struct tar_pax *pax)
{
	return pax->state == PAX_LENGTH && pax->record_bytes == 0 &&
	       pax->key_bytes == 0;
}

void tar_name_take(struct tar_more *more, const char *bytes, size_t length)
{
	if (length > TAR_NAME_MAX - more->name_bytes ||
	    more->name_bytes > TAR_NAME_MAX) {
		more->name_bytes = TAR_NAME_MAX + 1;
		return;
	}
	memcpy(more->name + more->name_bytes, bytes, length);
	more->name_bytes += length;
}

/* ---------------------------------------------------------------- Values -- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Reads decimal digits up to `end`; `*at` is left behind them. */
static bool decimal(const char **at, const char *end, uint64_t *number)
{
	const char *from = *at;

	for (*number = 0; *at < end && digit(**at); ++*at) {
		if (*number > (INT64_MAX - 9) / 10)
			return false;
		*number = *number * 10 + (uint64_t)(**at - '0');
	}
	return *at > from;
}

/** Seconds with a fraction, perhaps negative; digits below the nanosecond and a
 *  value cut short by its buffer make no difference. */
static bool seconds(const char *at, const char *end, int64_t *time_ns)
{
	bool negative = at < end && *at == '-';
	int64_t fraction = 0, unit = NS_PER_S / 10;
	uint64_t whole;

	at += negative;
	if (!decimal(&at, end, &whole) || whole > INT64_MAX / NS_PER_S - 1)
		return false;
	if (at < end && *at == '.')
		for (at++; at < end && digit(*at); at++, unit /= 10)
			fraction += unit * (*at - '0');
	*time_ns = (int64_t)whole * NS_PER_S + fraction;
	if (negative)
		*time_ns = -*time_ns;
	return at == end;
}

static bool is_key(const struct tar_pax *pax, const char *key)
{
	return pax->key_bytes == strlen(key) &&
	       memcmp(pax->key, key, pax->key_bytes) == 0;
}

/** The record has ended: what it says. */
static void pax_record(struct tar_pax *pax, struct tar_more *more)
{
	const char *value = pax->value, *end = value + pax->value_bytes;

	if (is_key(pax, "size")) {
		more->has_size =
			decimal(&value, end, &more->size_bytes) && value == end;
		more->bad |= !more->has_size;
	} else if (is_key(pax, "mtime")) {
		more->has_time = seconds(value, end, &more->modified_ns);
	}
	pax->key_bytes = pax->value_bytes = 0;
	pax->record_bytes = 0;
	pax->state = PAX_LENGTH;
}

/* ---------------------------------------------------------------- Pieces -- */

static uint32_t pax_length(struct tar_pax *pax, char c)
{
	/* The digits are counted too: key_bytes is their number here. */
	if (digit(c) && pax->key_bytes < 10) {
		pax->record_bytes =
			pax->record_bytes * 10 + (uint64_t)(c - '0');
		pax->key_bytes++;
		return PAX_LENGTH;
	}
	if (c != ' ' || pax->record_bytes < pax->key_bytes + 4)
		return PAX_BROKEN;
	pax->record_bytes -= pax->key_bytes + 1;
	pax->key_bytes = 0;
	return PAX_KEY;
}

static uint32_t pax_key(struct tar_pax *pax, struct tar_more *more, char c)
{
	if (--pax->record_bytes == 0)
		return PAX_BROKEN;
	if (c != '=') {
		if (pax->key_bytes < sizeof pax->key)
			pax->key[pax->key_bytes++] = c;
		return PAX_KEY;
	}
	if (is_key(pax, "path")) {
		more->has_name = true;
		more->name_bytes = 0;
	} else if (pax->key_bytes > 11 &&
		   memcmp(pax->key, "GNU.sparse.", 11) == 0) {
		more->sparse = true;
	}
	return PAX_VALUE;
}

/** Takes what there is of a value, and returns how much that was. */
static size_t pax_value(struct tar_pax *pax, struct tar_more *more,
			const char *bytes, size_t length)
{
	size_t n = length, kept;

	if (n > pax->record_bytes - 1)
		n = (size_t)(pax->record_bytes - 1);
	if (is_key(pax, "path"))
		tar_name_take(more, bytes, n);
	kept = sizeof pax->value - pax->value_bytes;
	kept = n < kept ? n : kept;
	memcpy(pax->value + pax->value_bytes, bytes, kept);
	pax->value_bytes += kept;
	pax->record_bytes -= n;
	if (n == length)
		return n;
	if (bytes[n] != '\n')
		pax->state = PAX_BROKEN;
	else
		pax_record(pax, more);
	return n + 1;
}

void tar_pax_take(struct tar_pax *pax, struct tar_more *more,
		  const uint8_t *bytes, size_t length)
{
	const char *at = (const char *)bytes, *end = at + length;

	while (at < end && pax->state != PAX_BROKEN) {
		if (pax->state == PAX_LENGTH)
			pax->state = pax_length(pax, *at++);
		else if (pax->state == PAX_KEY)
			pax->state = pax_key(pax, more, *at++);
		else
			at += pax_value(pax, more, at, (size_t)(end - at));
	}
}
