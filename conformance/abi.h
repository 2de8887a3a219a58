/* SPDX-License-Identifier: ISC */
/* abi.h: how a value and a layout are pinned. */
#ifndef MIRAGE_ABI_H
#define MIRAGE_ABI_H

#include <mirage.h>

#include <stdalign.h>

#define LP64 (sizeof(void *) == 8 && sizeof(size_t) == 8)
#define ILP32 (sizeof(void *) == 4 && sizeof(size_t) == 4)

_Static_assert(LP64 || ILP32, "a data model that nobody has thought of");

#define VALUE(name, value) \
	_Static_assert((name) == (value), #name " must stay " #value)

#define SIZE(type, lp64, ilp32)                                          \
	_Static_assert(sizeof(struct type) == (LP64 ? (lp64) : (ilp32)), \
		       "the size of struct " #type " has changed")

#define AT(type, member, lp64, ilp32)                     \
	_Static_assert(offsetof(struct type, member) ==   \
			       (LP64 ? (lp64) : (ilp32)), \
		       #type "." #member " has moved")

#endif /* MIRAGE_ABI_H */
