/* SPDX-License-Identifier: ISC */
/* The options of URIs that devices of several backends have. */
#include "core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool mirage_open_refuse(struct mirage_open *open, int error, const char *format,
			...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	mirage_core_open_error(open, "%s", message);
	switch (open->kind) {
	case MIRAGE_OPEN_NET:
		mirage_core_net_opened(open, error, NULL);
		break;
	case MIRAGE_OPEN_BLOCK:
		mirage_core_block_opened(open, error, NULL);
		break;
	case MIRAGE_OPEN_KV:
		mirage_core_kv_opened(open, error, NULL);
		break;
	default:
		mirage_core_stack_opened(open, error, NULL);
	}
	return false;
}

bool mirage_open_unused(struct mirage_open *open, const struct mirage_uri *uri)
{
	const char *unused = mirage_uri_unused(uri);

	return unused == NULL ||
	       mirage_open_refuse(open, MIRAGE_EINVAL,
				  "%s: has no option '%s'; --help lists them",
				  uri->scheme, unused);
}

bool mirage_open_flag(struct mirage_open *open, struct mirage_uri *uri,
		      const char *key, bool *flag)
{
	const char *value = mirage_uri_option(uri, key);

	*flag = value != NULL;
	return value == NULL || *value == '\0' ||
	       mirage_open_refuse(open, MIRAGE_EINVAL,
				  "%s=%s: takes no value; write just %s", key,
				  value, key);
}

/* ------------------------------------------------------------ Networks -- */

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool mirage_uri_mac(const char *text, uint8_t mac[6])
{
	uint8_t any = 0;

	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = hex(text[0]), low = hex(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		any |= mac[i];
	}
	return any != 0 && (mac[0] & 1) == 0;
}

/* The hash is FNV-1a: any that spreads names over 16 bits would do. */
static void mac_derive(const char *name, uint32_t salt, uint8_t mac[6])
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

bool mirage_open_net_options(struct mirage_open *open, struct mirage_uri *uri,
			     uint32_t salt, struct mirage_net_info *info)
{
	const char *mtu = mirage_uri_option(uri, "mtu");
	const char *mac = mirage_uri_option(uri, "mac");
	uint64_t bytes = MIRAGE_MTU_DEFAULT_BYTES;

	if (mtu != NULL &&
	    (!mirage_uri_bytes(mtu, &bytes) || bytes < MIRAGE_MTU_MIN_BYTES ||
	     bytes > MIRAGE_MTU_MAX_BYTES))
		return mirage_open_refuse(
			open, MIRAGE_EINVAL,
			"mtu=%s is no number of bytes from %u to %u", mtu,
			MIRAGE_MTU_MIN_BYTES, MIRAGE_MTU_MAX_BYTES);
	info->mtu_bytes = (uint32_t)bytes;
	if (mac == NULL)
		mac_derive(open->name, salt, info->mac);
	else if (!mirage_uri_mac(mac, info->mac))
		return mirage_open_refuse(
			open, MIRAGE_EINVAL,
			"mac=%s is no unicast address such as "
			"02:00:00:00:00:01",
			mac);
	return true;
}

/* -------------------------------------------------------------- Blocks -- */

bool mirage_open_sector(struct mirage_open *open, struct mirage_uri *uri,
			uint32_t *sector_bytes)
{
	const char *value = mirage_uri_option(uri, "sector");

	if (value == NULL)
		return true;
	if (strcmp(value, "512") != 0 && strcmp(value, "4096") != 0)
		return mirage_open_refuse(
			open, MIRAGE_EINVAL,
			"sector=%s: a sector has 512 or 4096 bytes; "
			"write sector=512 or sector=4096",
			value);
	*sector_bytes = value[0] == '5' ? 512 : 4096;
	return true;
}

bool mirage_open_size(struct mirage_open *open, uint64_t size_bytes,
		      uint32_t sector_bytes, const char *path)
{
	bool less = size_bytes < sector_bytes;
	const char *remedy = "give another size, such as 64M";

	if (!less && size_bytes % sector_bytes == 0)
		return true;
	if (path != NULL)
		remedy = less ? "make it longer with: truncate -s 64M "
			      : "round it up with: truncate -s %4096 ";
	return mirage_open_refuse(
		open, MIRAGE_EINVAL, "its %llu bytes are %s %lu; %s%s",
		(unsigned long long)size_bytes,
		less ? "less than one sector of"
		     : "not a multiple of the sector,",
		(unsigned long)sector_bytes, remedy, path != NULL ? path : "");
}
