/* SPDX-License-Identifier: ISC */
/* Addresses, as the C library reads and writes them; the tables of the RFCs are with
 * the conformance suite. */
#include "fake.h"

#include <arpa/inet.h>
#include <string.h>

#define TEXTS 200000

static uint32_t seed = 1;

static unsigned draw(unsigned limit)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % limit;
}

static void check_read(const char *text)
{
	struct mirage_ip ip = {.version = 9};
	uint8_t bytes[16] = {0};
	int version = inet_pton(AF_INET, text, bytes) == 1 ? 4 : 0;

	if (version == 0 && inet_pton(AF_INET6, text, bytes) == 1)
		version = 6;
	ck_assert_msg(mirage_ip_parse(&ip, text) == (version != 0), "'%s'",
		      text);
	if (version == 0)
		return;
	ck_assert_msg(ip.version == version, "'%s'", text);
	ck_assert_msg(memcmp(ip.bytes, bytes, 16) == 0, "'%s'", text);
}

/* Texts that are nearly addresses: pieces of them, one after the other. */
START_TEST(reads_what_the_c_library_reads)
{
	static const char *const pieces[] = {
		"0",	 "1",  "01", "255",	"256",		"f",	  "F",
		"ab12",	 "::", ":",  ".",	"10.0.0.1",	"1.2.3.", "0:",
		"fffff", "g",  "%",  "::ffff:", "1:2:3:4:5:6:", "7:8",	  " ",
		"-",
	};

	for (int i = 0; i < TEXTS; i++) {
		char text[128] = "";

		for (unsigned n = draw(10); n > 0; n--)
			strcat(text,
			       pieces[draw(sizeof pieces / sizeof *pieces)]);
		if (strchr(text, '%') == NULL)
			check_read(text);
	}
}
END_TEST

static void draw_address(uint8_t bytes[16])
{
	for (int i = 0; i < 8; i++) {
		/* Zeroes are what makes it difficult. */
		unsigned value = draw(2) == 0 ? 0 : draw(65536) >> draw(16);

		bytes[2 * i] = (uint8_t)(value >> 8);
		bytes[2 * i + 1] = (uint8_t)value;
	}
}

START_TEST(writes_what_the_c_library_writes)
{
	static const uint8_t zeroes[12];

	for (int i = 0; i < TEXTS; i++) {
		struct mirage_ip ip = {.version = 6}, again;
		char ours[MIRAGE_IP_TEXT_MAX], theirs[INET6_ADDRSTRLEN];

		draw_address(ip.bytes);
		/* It still writes `::a.b.c.d`, of an old kind of addresses. */
		if (memcmp(ip.bytes, zeroes, 12) == 0)
			continue;
		ck_assert_str_eq(
			mirage_ip_print(&ip, ours),
			inet_ntop(AF_INET6, ip.bytes, theirs, sizeof theirs));
		ck_assert(mirage_ip_parse(&again, ours));
		ck_assert(mirage_ip_equal(&ip, &again));
	}
}
END_TEST

/* What does not end where the text does, and what is too long for any address. */
START_TEST(long_texts)
{
	struct mirage_ip ip;
	char text[1000];

	for (size_t length = 1; length < sizeof text; length++) {
		memset(text, '1', length);
		text[length] = '\0';
		ck_assert(!mirage_ip_parse(&ip, text));
		for (size_t i = 1; i < length; i += 2)
			text[i] = ':';
		ck_assert_int_eq(mirage_ip_parse(&ip, text), length == 15);
		for (size_t i = 1; i < length; i += 2)
			text[i] = '.';
		ck_assert_int_eq(mirage_ip_parse(&ip, text), length == 7);
	}
}
END_TEST

TCase *core_case_ips(void)
{
	TCase *tcase = tcase_create("ips");

	tcase_add_test(tcase, reads_what_the_c_library_reads);
	tcase_add_test(tcase, writes_what_the_c_library_writes);
	tcase_add_test(tcase, long_texts);
	return tcase;
}
