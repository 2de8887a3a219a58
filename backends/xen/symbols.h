/* SPDX-License-Identifier: ISC */
/*
 * symbols.h: names of functions for backtraces. The linker script leaves room in
 * the read-only data and link/ld fills it after linking: for each function, in the
 * order of addresses, the distance to the one before as a number of 7 bits a byte,
 * lowest first, the highest bit set in all but the last byte; then the name and a
 * NUL. An empty name ends the table.
 */
#ifndef MIRAGE_XEN_SYMBOLS_H
#define MIRAGE_XEN_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t symbols_table[], symbols_table_end[];

/** The name of the function that begins at or before `address`, an offset from the
 *  start of the image, and how far into it that is; or NULL. */
const char *symbols_find(const uint8_t *table, size_t bytes, uint32_t address,
			 uint32_t *offset);

#endif /* MIRAGE_XEN_SYMBOLS_H */
