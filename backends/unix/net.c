/* SPDX-License-Identifier: ISC */
/* Finds the network for a URI, and what all networks need. */
#include "net.h"

#include <stdio.h>
#include <string.h>

static const struct unix_net_scheme {
	const char *name;
	void (*open)(struct mirage_open *open, struct mirage_uri *uri);
} unix_net_schemes[] = {
	{"slirp", unix_net_slirp_open},
	{"tap", unix_net_tap_open},
	{"unix", unix_net_stream_open},
	{"pair", unix_net_pair_open},
};

/* `pcap=FILE` goes with every scheme. False when it has refused the open. */
static bool unix_net_record(struct mirage_open *open, struct mirage_uri *uri)
{
	const char *path = mirage_uri_option(uri, "pcap");

	if (path == NULL || mirage_core_open_record(open, path))
		return true;
	mirage_core_net_opened(open, MIRAGE_EINVAL, NULL);
	return false;
}

static void unix_net_dispatch(struct mirage_open *open, struct mirage_uri *uri)
{
	for (size_t i = 0;
	     i < sizeof(unix_net_schemes) / sizeof(unix_net_schemes[0]); i++) {
		if (strcmp(uri->scheme, unix_net_schemes[i].name) != 0)
			continue;
		if (unix_net_record(open, uri))
			unix_net_schemes[i].open(open, uri);
		return;
	}
	mirage_open_refuse(open, MIRAGE_EINVAL,
			   "unknown scheme '%s:'; there are slirp:, tap:IFACE, "
			   "unix:PATH and pair:LAN",
			   uri->scheme);
}

void unix_net_open(struct mirage_open *open)
{
	const char *text = open->uri != NULL ? open->uri : "slirp:";
	char with_path[MIRAGE_URI_TEXT_MAX + 2];
	struct mirage_uri uri;
	const char *wrong;

	if (open->uri == NULL && open->any_given) {
		mirage_open_refuse(open, MIRAGE_ENODEV,
				   "nobody gave it; start the program with "
				   "--net %s=URI, such as --net %s=slirp:",
				   open->name, open->name);
		return;
	}
	/* slirp: has no path: its first option may follow at once. */
	if (strncmp(text, "slirp:", 6) == 0 && text[6] != '\0' &&
	    text[6] != ',') {
		snprintf(with_path, sizeof(with_path), "slirp:,%s", text + 6);
		text = with_path;
	}
	wrong = mirage_uri_parse(&uri, text);
	if (wrong != NULL)
		mirage_open_refuse(open, MIRAGE_EINVAL, "%s", wrong);
	else
		unix_net_dispatch(open, &uri);
}
