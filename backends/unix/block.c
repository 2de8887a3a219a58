/* SPDX-License-Identifier: ISC */
/* block.c: finds the file for a block URI's scheme, and what they share. */
#include "block.h"

#include <string.h>

static const struct unix_block_scheme {
	const char *name;
	void (*open)(struct mirage_open *open, struct mirage_uri *uri);
} unix_block_schemes[] = {
	{"file", unix_block_file_open},
	{"mem", unix_block_mem_open},
};

static void unix_block_refuse(struct mirage_open *open, int result)
{
	mirage_core_block_opened(open, result, NULL);
}

static void unix_block_nothing(struct mirage_open *open)
{
	if (open->any_given)
		mirage_core_open_error(open,
				       "no --block option has this name; "
				       "add --block %s=file:PATH",
				       open->name);
	else
		mirage_core_open_error(open,
				       "no disk was given; add "
				       "--block %s=file:PATH or "
				       "--block %s=mem:64M",
				       open->name, open->name);
	unix_block_refuse(open, MIRAGE_ENODEV);
}

static void unix_block_dispatch(struct mirage_open *open,
				struct mirage_uri *uri)
{
	for (size_t i = 0;
	     i < sizeof(unix_block_schemes) / sizeof(unix_block_schemes[0]);
	     i++) {
		if (strcmp(uri->scheme, unix_block_schemes[i].name) != 0)
			continue;
		unix_block_schemes[i].open(open, uri);
		return;
	}
	mirage_core_open_error(open,
			       "unknown scheme '%s:'; disks are file:PATH and "
			       "mem:SIZE",
			       uri->scheme);
	unix_block_refuse(open, MIRAGE_EINVAL);
}

void unix_block_open(struct mirage_open *open)
{
	struct mirage_uri uri;
	const char *wrong;

	if (open->uri == NULL) {
		unix_block_nothing(open);
		return;
	}
	wrong = mirage_uri_parse(&uri, open->uri);
	if (wrong != NULL) {
		mirage_core_open_error(open, "%s", wrong);
		unix_block_refuse(open, MIRAGE_EINVAL);
	} else {
		unix_block_dispatch(open, &uri);
	}
}
