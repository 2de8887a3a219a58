/* SPDX-License-Identifier: ISC */
/* Finds the network for a URI, and what all networks need. */
#include "net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_ALIGN_BYTES 64u
#define POOL_FRAMES 256u
/* Of jumbo frames fewer: 64 of them are 4 MiB, touched when used. */
#define POOL_FRAMES_JUMBO 64u
#define JUMBO_BYTES 10240u

static const struct unix_net_scheme {
	const char *name;
	void (*open)(struct mirage_open *open, struct mirage_uri *uri);
} unix_net_schemes[] = {
	{"slirp", unix_net_slirp_open},
	{"tap", unix_net_tap_open},
	{"unix", unix_net_stream_open},
	{"pair", unix_net_pair_open},
};

void unix_net_refuse(struct mirage_open *open, int error, const char *format,
		     ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	mirage_core_open_error(open, "%s", message);
	mirage_core_net_opened(open, error, NULL);
}

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
	unix_net_refuse(open, MIRAGE_EINVAL,
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
		unix_net_refuse(open, MIRAGE_ENODEV,
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
		unix_net_refuse(open, MIRAGE_EINVAL, "%s", wrong);
	else
		unix_net_dispatch(open, &uri);
}

/* ------------------------------------------------------------- Options -- */

static int unix_net_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool unix_net_mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t any = 0;

	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = unix_net_hex(text[0]), low = unix_net_hex(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		any |= mac[i];
	}
	return any != 0 && (mac[0] & 1) == 0;
}

/* The hash is FNV-1a: any that spreads names over 16 bits would do. */
static void unix_net_mac_derive(const char *name, uint32_t salt, uint8_t mac[6])
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	mac[0] = 0x02;
	mac[1] = (uint8_t)(hash >> 24 ^ hash >> 8);
	mac[2] = (uint8_t)(hash >> 16 ^ hash);
	mac[3] = (uint8_t)(salt >> 16);
	mac[4] = (uint8_t)(salt >> 8);
	mac[5] = (uint8_t)salt;
}

bool unix_net_options(struct mirage_open *open, struct mirage_uri *uri,
		      uint32_t salt, struct mirage_net_info *info)
{
	const char *mtu = mirage_uri_option(uri, "mtu");
	const char *mac = mirage_uri_option(uri, "mac");
	uint64_t bytes = UNIX_NET_MTU_DEFAULT_BYTES;

	if (mtu != NULL &&
	    (!mirage_uri_bytes(mtu, &bytes) || bytes < UNIX_NET_MTU_MIN_BYTES ||
	     bytes > UNIX_NET_MTU_MAX_BYTES)) {
		unix_net_refuse(open, MIRAGE_EINVAL,
				"mtu=%s is no number of bytes from %u to %u",
				mtu, UNIX_NET_MTU_MIN_BYTES,
				UNIX_NET_MTU_MAX_BYTES);
		return false;
	}
	info->mtu_bytes = (uint32_t)bytes;
	if (mac == NULL) {
		unix_net_mac_derive(open->name, salt, info->mac);
	} else if (!unix_net_mac_parse(mac, info->mac)) {
		unix_net_refuse(open, MIRAGE_EINVAL,
				"mac=%s is no unicast address such as "
				"02:00:00:00:00:01",
				mac);
		return false;
	}
	return true;
}

bool unix_open_unused(struct mirage_open *open, const struct mirage_uri *uri)
{
	const char *unused = mirage_uri_unused(uri);

	if (unused == NULL)
		return true;
	mirage_core_open_error(open,
			       "%s: has no option '%s'; --help lists them",
			       uri->scheme, unused);
	if (open->is_net)
		mirage_core_net_opened(open, MIRAGE_EINVAL, NULL);
	else
		mirage_core_block_opened(open, MIRAGE_EINVAL, NULL);
	return false;
}

/* --------------------------------------------------------------- Pools -- */

uint32_t unix_net_pool_frames(uint32_t frame_bytes)
{
	return frame_bytes > JUMBO_BYTES ? POOL_FRAMES_JUMBO : POOL_FRAMES;
}

struct mirage_pool *unix_net_pool_new(uint32_t n, uint32_t frame_bytes,
				      struct mirage_net *net)
{
	uint32_t stride =
		(UNIX_NET_HEADROOM_BYTES + frame_bytes + POOL_ALIGN_BYTES - 1) &
		~(POOL_ALIGN_BYTES - 1);
	size_t head = sizeof(struct mirage_pool) +
		      n * sizeof(struct mirage_packet) + POOL_ALIGN_BYTES;
	struct mirage_pool *pool = calloc(1, head + (size_t)n * stride);
	uintptr_t memory;

	if (pool == NULL)
		return NULL;
	memory = (uintptr_t)pool + head;
	memory &= ~(uintptr_t)(POOL_ALIGN_BYTES - 1);
	mirage_pool_init(pool, (struct mirage_packet *)(pool + 1),
			 (void *)memory, n, stride, UNIX_NET_HEADROOM_BYTES,
			 net);
	return pool;
}

static void unix_net_pool_empty(struct mirage_pool *pool)
{
	free(pool);
}

void unix_net_pool_free(struct mirage_pool *pool)
{
	if (pool != NULL)
		mirage_pool_abandon(pool, unix_net_pool_empty);
}

void unix_net_copy(uint8_t *to, const struct mirage_packet *frame)
{
	for (; frame != NULL; frame = frame->next) {
		memcpy(to, frame->data, frame->length_bytes);
		to += frame->length_bytes;
	}
}
