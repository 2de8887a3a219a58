/* SPDX-License-Identifier: ISC */
/* The backend of the harnesses: there is none, but the core wants a symbol. */
#include <mirage-backend.h>

static const struct mirage_option options[] = {
	{"seed", "NUMBER", "an option of the backend"},
	{"quiet", NULL, "a flag of the backend"},
	{0},
};

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "fuzz",
	.options = options,
};
