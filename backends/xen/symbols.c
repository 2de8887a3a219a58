/* SPDX-License-Identifier: ISC */
#include "symbols.h"

#include <string.h>

const char *symbols_find(const uint8_t *table, size_t bytes, uint32_t address,
			 uint32_t *offset)
{
	const uint8_t *end = table + bytes;
	const char *found = NULL;
	uint32_t at = 0;

	while (table < end) {
		uint32_t delta = 0;
		const uint8_t *nul;

		for (unsigned shift = 0; shift < 32; shift += 7) {
			delta |= (uint32_t)(*table & 127) << shift;
			if ((*table++ & 128) == 0 || table == end)
				break;
		}
		nul = table < end ? memchr(table, 0, (size_t)(end - table))
				  : NULL;
		at += delta;
		if (nul == NULL || nul == table || at > address)
			break;
		found = (const char *)table;
		*offset = address - at;
		table = nul + 1;
	}
	return found;
}
