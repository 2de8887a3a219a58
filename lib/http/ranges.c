/* SPDX-License-Identifier: ISC */
/* Range requests (RFC 9110, 14). */
#include "http.h"

#include <string.h>

/** Reads digits, which MAY be none: then `*has` is false. */
static const char *read_position(const char *at, uint64_t *value, bool *has)
{
	size_t n = strspn(at, "0123456789");

	*has = n > 0;
	/* What is beyond all numbers is beyond all contents too. */
	if (n > 0 && !http_number(at, n, value))
		*value = UINT64_MAX;
	return at + n;
}

/** Reads one range. Returns what follows it, or NULL for none. `*fits` says whether
 *  a content of `size` bytes has any of it. */
static const char *read_range(const char *at, uint64_t size,
			      struct http_range *range, bool *fits)
{
	uint64_t first = 0, last = 0;
	bool has_first, has_last;

	at = read_position(at, &first, &has_first);
	if (*at != '-')
		return NULL;
	at = read_position(at + 1, &last, &has_last);
	if (!has_first && !has_last)
		return NULL;
	if (has_first && has_last && last < first)
		return NULL;
	if (has_first) {
		*fits = first < size;
	} else { /* the last so many */
		*fits = last > 0 && size > 0;
		first = last < size ? size - last : 0;
		has_last = false;
	}
	range->first = first;
	range->last = has_last && last < size ? last : size - 1;
	return at;
}

int http_ranges(const char *value, uint64_t size,
		struct http_range ranges[HTTP_RANGES_MAX])
{
	uint64_t sum = 0;
	int n = 0;

	if (value == NULL ||
	    !http_same_n(value, strcspn(value, "="), "bytes") ||
	    value[5] != '=')
		return 0;
	for (value += 6;;) {
		struct http_range range;
		bool fits;

		value = read_range(value + strspn(value, " \t,"), size, &range,
				   &fits);
		if (value == NULL)
			return 0;
		value += strspn(value, " \t");
		if (fits && n == HTTP_RANGES_MAX)
			return 0;
		if (fits) {
			ranges[n++] = range;
			sum += range.last - range.first + 1;
		}
		if (value[strspn(value, " \t,")] == '\0')
			break;
		if (*value != ',')
			return 0;
	}
	/* Who asks for more than there is wants to do harm (14.2). */
	if (n > 1 && sum > size)
		return 0;
	return n > 0 ? n : -1;
}
