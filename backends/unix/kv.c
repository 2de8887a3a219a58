/* SPDX-License-Identifier: ISC */
/* kv.c: finds the file for a store URI's scheme. */
#include "unix.h"

#include <string.h>

static void unix_kv_nothing(struct mirage_open *open)
{
	mirage_open_refuse(open, MIRAGE_ENODEV,
			   open->any_given
				   ? "no --kv option has this name; add --kv "
				     "%s=dir:PATH"
				   : "no store was given; add --kv %s=dir:PATH",
			   open->name);
}

void unix_kv_open(struct mirage_open *open)
{
	struct mirage_uri uri;
	const char *wrong;

	if (open->uri == NULL) {
		unix_kv_nothing(open);
		return;
	}
	wrong = mirage_uri_parse(&uri, open->uri);
	if (wrong != NULL)
		mirage_open_refuse(open, MIRAGE_EINVAL, "%s", wrong);
	else if (strcmp(uri.scheme, "dir") == 0)
		unix_kv_dir_open(open, &uri);
	else
		mirage_open_refuse(open, MIRAGE_EINVAL,
				   "unknown scheme '%s:'; stores are dir:PATH",
				   uri.scheme);
}
