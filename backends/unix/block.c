/* SPDX-License-Identifier: ISC */
/* block.c: finds the file for a block URI's scheme, and what they share. */
#include "block.h"

#include <inttypes.h>
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

bool unix_block_sector(struct mirage_open *open, struct mirage_uri *uri,
		       uint32_t *sector_bytes)
{
	const char *value = mirage_uri_option(uri, "sector");

	if (value == NULL)
		return true;
	if (strcmp(value, "512") == 0) {
		*sector_bytes = 512;
		return true;
	}
	if (strcmp(value, "4096") == 0) {
		*sector_bytes = 4096;
		return true;
	}
	mirage_core_open_error(open,
			       "sector=%s: a sector has 512 or 4096 bytes; "
			       "write sector=512 or sector=4096",
			       value);
	unix_block_refuse(open, MIRAGE_EINVAL);
	return false;
}

bool unix_block_size(struct mirage_open *open, uint64_t size_bytes,
		     uint32_t sector_bytes, const char *path)
{
	bool less = size_bytes < sector_bytes;
	const char *remedy = "give another size, such as 64M";

	if (!less && size_bytes % sector_bytes == 0)
		return true;
	if (path != NULL)
		remedy = less ? "make it longer with: truncate -s 64M "
			      : "round it up with: truncate -s %4096 ";
	mirage_core_open_error(open,
			       "its %" PRIu64 " bytes are %s %" PRIu32 "; %s%s",
			       size_bytes,
			       less ? "less than one sector of"
				    : "not a multiple of the sector,",
			       sector_bytes, remedy, path != NULL ? path : "");
	unix_block_refuse(open, MIRAGE_EINVAL);
	return false;
}
