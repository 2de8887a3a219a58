/* SPDX-License-Identifier: ISC */
/* Addresses and their texts: RFC 4291, 2.2 and 2.3, RFC 4007, 11, RFC 5952. */
#include "conformance.h"

static const struct mirage_ip untouched = {
	.bytes = {1, 2, 3}, .version = 9, .interface = 7};

static bool is_untouched(const struct mirage_ip *ip)
{
	return conf_same(ip, &untouched, sizeof(*ip));
}

/* --------------------------------------------------------------- Reading -- */

static const struct {
	const char *text;
	uint8_t bytes[16];
	uint8_t version, interface;
} good[] = {
	{"0.0.0.0", {0}, 4, 0},
	{"10.0.0.2", {10, 0, 0, 2}, 4, 0},
	{"255.255.255.255", {255, 255, 255, 255}, 4, 0},
	{"192.0.2.33", {192, 0, 2, 33}, 4, 0},
	{"::", {0}, 6, 0},
	{"::1", {[15] = 1}, 6, 0},
	{"1::", {[1] = 1}, 6, 0},
	{"2001:DB8:0:0:8:800:200C:417A",
	 {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a},
	 6,
	 0},
	{"2001:db8::8:800:200c:417a",
	 {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a},
	 6,
	 0},
	{"FF01::101", {0xff, 1, [14] = 1, 1}, 6, 0},
	{"1:2:3:4:5:6:7::",
	 {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0},
	 6,
	 0},
	{"::2:3:4:5:6:7:8",
	 {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8},
	 6,
	 0},
	{"1:2:3:4:5:6:7:8",
	 {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8},
	 6,
	 0},
	{"0001:0:0::0", {0, 1}, 6, 0},
	{"::13.1.68.3", {[12] = 13, 1, 68, 3}, 6, 0},
	{"::FFFF:129.144.52.38", {[10] = 255, 255, 129, 144, 52, 38}, 6, 0},
	{"64:ff9b::192.0.2.33",
	 {0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33},
	 6,
	 0},
	{"1:2:3:4:5:6:7.8.9.10",
	 {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7, 8, 9, 10},
	 6,
	 0},
	{"fe80::1%3", {0xfe, 0x80, [15] = 1}, 6, 3},
	{"fe80::1%255", {0xfe, 0x80, [15] = 1}, 6, 255},
};

static const char *const bad[] = {
	"",
	" ",
	"1",
	"1.2.3",
	"1.2.3.",
	".1.2.3",
	"1..2.3",
	"1.2.3.4.",
	"1.2.3.4.5",
	"1.2.3.256",
	"1.2.3.1000",
	"1.2.3.4294967300",
	"01.2.3.4",
	"1.2.3.00",
	"1.2.3.-4",
	"+1.2.3.4",
	"0x1.2.3.4",
	"1.2.3.4 ",
	" 1.2.3.4",
	"1.2.3.4%1",
	"1.2.3.4:80",
	"1.2.3.4/8",
	":",
	":1",
	"1:",
	":::",
	"1:::2",
	"::1::",
	"1::2::3",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8:",
	":1:2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8::",
	"::1:2:3:4:5:6:7:8",
	"12345::",
	"g::",
	"1:2:3:4:5:6:7:1.2.3.4",
	"1:2:3:4:5:6:7::1.2.3.4",
	"::1.2.3",
	"::1.2.3.4:5",
	"::1.2.3.256",
	"::1 ",
	" ::1",
	"[::1]",
	"::1/64",
	"fe80::1%",
	"fe80::1%256",
	"fe80::1%-1",
	"fe80::1%01",
	"fe80::1%1 ",
	"fe80::1%eth0",
	"localhost",
};

CASE(ip, reads, "IPA-01")
{
	static struct mirage_ip ip;

	CASE_BEGIN;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ip = untouched;
		CHECK(mirage_ip_parse(&ip, good[i].text));
		CHECK_EQ(ip.version, good[i].version);
		CHECK_EQ(ip.interface, good[i].interface);
		CHECK_BYTES(ip.bytes, good[i].bytes, 16);
	}
	CASE_END;
}

CASE(ip, reads_nothing_else, "IPA-01")
{
	static struct mirage_ip ip;

	CASE_BEGIN;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ip = untouched;
		if (mirage_ip_parse(&ip, bad[i]))
			conf_failed(__FILE__, __LINE__, bad[i]);
		CHECK(is_untouched(&ip));
	}
	CASE_END;
}

CASE(ip, reads_prefixes, "IPA-02")
{
	static const char *const wrong[] = {
		"10.0.0.1",    "10.0.0.1/",    "10.0.0.1/33",	"10.0.0.1/-1",
		"10.0.0.1/08", "10.0.0.1/8 ",  "10.0.0/8",	"/8",
		"fd00::1",     "fd00::1/129",  "fd00::/1000",	"::/",
		"10.0.0.1 /8", "10.0.0.1/0x8", "::/4294967297",
	};
	static struct mirage_ip ip;
	static uint8_t bits;

	CASE_BEGIN;
	CHECK(mirage_ip_parse_prefix(&ip, &bits, "10.0.0.1/8"));
	CHECK_EQ(ip.version, 4);
	CHECK_EQ(ip.bytes[3], 1);
	CHECK_EQ(bits, 8);
	CHECK(mirage_ip_parse_prefix(&ip, &bits, "0.0.0.0/0"));
	CHECK_EQ(bits, 0);
	CHECK(mirage_ip_parse_prefix(&ip, &bits, "10.0.0.1/32"));
	CHECK_EQ(bits, 32);
	CHECK(mirage_ip_parse_prefix(&ip, &bits, "fd00::1/128"));
	CHECK_EQ(ip.version, 6);
	CHECK_EQ(bits, 128);
	CHECK(mirage_ip_parse_prefix(&ip, &bits, "fe80::1%2/64"));
	CHECK_EQ(ip.interface, 2);
	CHECK_EQ(bits, 64);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ip = untouched;
		bits = 77;
		if (mirage_ip_parse_prefix(&ip, &bits, wrong[i]))
			conf_failed(__FILE__, __LINE__, wrong[i]);
		CHECK(is_untouched(&ip));
		CHECK_EQ(bits, 77);
	}
	CASE_END;
}

/* -------------------------------------------------------------- Printing -- */

/* What is read, and the one way to write it. */
static const char *const canonical[][2] = {
	{"10.0.0.2", "10.0.0.2"},
	{"255.255.255.255", "255.255.255.255"},
	{"::", "::"},
	{"0:0:0:0:0:0:0:1", "::1"},
	{"1:0:0:0:0:0:0:0", "1::"},
	{"2001:0db8::0001", "2001:db8::1"},
	{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	{"2001:DB8::ABCD", "2001:db8::abcd"},
	{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	{"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
	{"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
	{"::ffff:0a00:0002", "::ffff:10.0.0.2"},
	{"fe80::1%3", "fe80::1%3"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%255",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%255"},
};

static bool same_text(const char *a, const char *b)
{
	return conf_same(a, b, conf_length(b) + 1);
}

CASE(ip, prints, "IPA-03")
{
	static char text[MIRAGE_IP_TEXT_MAX];
	static struct mirage_ip ip;

	CASE_BEGIN;
	for (unsigned i = 0; i < sizeof(canonical) / sizeof(canonical[0]);
	     i++) {
		CHECK(mirage_ip_parse(&ip, canonical[i][0]));
		conf_set(text, sizeof(text), 'x');
		CHECK(mirage_ip_print(&ip, text) == text);
		CHECK_BYTES(text, canonical[i][1],
			    conf_length(canonical[i][1]) + 1);
	}
	ip = (struct mirage_ip){.version = 0};
	CHECK(same_text(mirage_ip_print(&ip, text), "-"));
	CASE_END;
}

CASE(ip, prints_ports, "IPA-04")
{
	static char text[MIRAGE_IP_TEXT_MAX];
	static struct mirage_endpoint at;

	CASE_BEGIN;
	at.port = 80;
	CHECK(mirage_ip_parse(&at.ip, "10.0.0.2"));
	CHECK(same_text(mirage_endpoint_print(&at, text), "10.0.0.2:80"));
	CHECK(mirage_ip_parse(&at.ip, "2001:db8::1"));
	CHECK(same_text(mirage_endpoint_print(&at, text), "[2001:db8::1]:80"));
	CHECK(mirage_ip_parse(&at.ip,
			      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%255"));
	at.port = 65535;
	CHECK(mirage_endpoint_print(&at, text) == text);
	CHECK(same_text(text,
			"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%255]:65535"));
	CASE_END;
}

CASE(ip, equal, "IPA-05")
{
	static struct mirage_ip a, b;

	CASE_BEGIN;
	CHECK(mirage_ip_equal(&a, &b));
	CHECK(mirage_ip_parse(&a, "fe80::1%3"));
	b = a;
	CHECK(mirage_ip_equal(&a, &b));
	for (unsigned i = 0; i < 16; i++) {
		b.bytes[i] ^= 1;
		CHECK(!mirage_ip_equal(&a, &b));
		b = a;
	}
	b.interface = 4;
	CHECK(!mirage_ip_equal(&a, &b));
	b = a;
	b.version = 4;
	CHECK(!mirage_ip_equal(&a, &b));
	CASE_END;
}

CASES(ip) = {
	&ip_reads,  &ip_reads_nothing_else, &ip_reads_prefixes,
	&ip_prints, &ip_prints_ports,	    &ip_equal,
	NULL,
};
