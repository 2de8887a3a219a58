/* SPDX-License-Identifier: ISC */
/* Addresses and prefixes: what the C library reads is read, alike; whatever is read
 * is written in one way, which reads the same. */
#include <mirage.h>

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The C library knows interfaces by name, or not at all. */
static void check_library(const char *text, bool read,
			  const struct mirage_ip *ip)
{
	uint8_t bytes[16] = {0};
	int version = inet_pton(AF_INET, text, bytes) == 1 ? 4 : 0;

	if (strchr(text, '%') != NULL)
		return;
	if (version == 0 && inet_pton(AF_INET6, text, bytes) == 1)
		version = 6;
	assert(read == (version != 0));
	if (read)
		assert(ip->version == version &&
		       memcmp(ip->bytes, bytes, 16) == 0);
}

static void check_written(const struct mirage_ip *ip)
{
	struct mirage_endpoint at = {.ip = *ip, .port = 65535};
	char text[MIRAGE_IP_TEXT_MAX], again[MIRAGE_IP_TEXT_MAX];
	struct mirage_ip read;

	assert(mirage_ip_print(ip, text) == text);
	assert(strlen(text) < MIRAGE_IP_TEXT_MAX);
	assert(mirage_ip_parse(&read, text));
	assert(mirage_ip_equal(&read, ip));
	assert(strcmp(mirage_ip_print(&read, again), text) == 0);
	assert(strlen(mirage_endpoint_print(&at, again)) < MIRAGE_IP_TEXT_MAX);
}

static void check_prefix(const char *text)
{
	struct mirage_ip ip = {.version = 9}, same = ip;
	uint8_t bits = 200;

	if (!mirage_ip_parse_prefix(&ip, &bits, text)) {
		assert(bits == 200 && memcmp(&ip, &same, sizeof ip) == 0);
		return;
	}
	assert(ip.version == 4 ? bits <= 32 : ip.version == 6 && bits <= 128);
	check_written(&ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mirage_ip ip = {.version = 9}, same = ip;
	char *text = calloc(1, size + 1);
	bool read;

	memcpy(text, data, size);
	read = mirage_ip_parse(&ip, text);
	check_library(text, read, &ip);
	if (read)
		check_written(&ip);
	else
		assert(memcmp(&ip, &same, sizeof ip) == 0);
	check_prefix(text);
	free(text);
	return 0;
}
