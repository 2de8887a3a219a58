/* SPDX-License-Identifier: ISC */
/* The DNS server: whatever is asked, the answer is one that it can send, and short
 * enough; and zone files by whoever likes. The first byte says which. */
#include "dns.h"

#include <mirage.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char zone_text[] =
	"$ORIGIN a.example.\n$TTL 1h\n"
	"@ SOA ns h ( 1 2 3 4 5 )\n NS ns\n NS b.sub\n MX 1 m\n"
	"ns A 192.0.2.1\n AAAA 2001:db8::1\nm A 192.0.2.2\n"
	"c CNAME d\nd CNAME e\ne CNAME c\nf CNAME g.example.\n"
	"*.w TXT \"x\" \"y\"\n*.v CNAME x.w\n_s._tcp SRV 1 2 3 m\n"
	"sub NS b.sub\nb.sub A 192.0.2.3\n";

static const struct dns_zone *fixed_zone(void)
{
	static struct dns_zone zone;

	if (zone.n_records == 0)
		assert(dns_zone_load(&zone, NULL, zone_text,
				     sizeof(zone_text) - 1));
	return &zone;
}

/** Passes over a name of our own, which may end in a pointer to what is before. */
static size_t skip_name(const uint8_t *bytes, size_t n, size_t at)
{
	for (;;) {
		assert(at < n);
		if (bytes[at] >= 0xc0) {
			assert(at + 2 <= n);
			assert(((bytes[at] & 0x3fu) << 8 | bytes[at + 1]) < at);
			return at + 2;
		}
		assert(bytes[at] < 64);
		if (bytes[at] == 0)
			return at + 1;
		at += bytes[at] + 1u;
	}
}

static size_t get16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/** An answer is whole: its records fill it to its end. */
static void check_answer(const uint8_t *bytes, size_t n)
{
	size_t at = DNS_HEADER_BYTES, records;

	assert(n >= DNS_HEADER_BYTES && (get16(bytes + 2) & DNS_QR) != 0);
	assert(get16(bytes + 4) <= 1);
	if (get16(bytes + 4) == 1)
		at = skip_name(bytes, n, at) + 4;
	records = get16(bytes + 6) + get16(bytes + 8) + get16(bytes + 10);
	for (; records > 0; records--) {
		at = skip_name(bytes, n, at);
		assert(at + 10 <= n);
		at += 10 + get16(bytes + at + 8);
	}
	assert(at == n);
}

static void ask(const struct dns_zone *zone, const uint8_t *query, size_t bytes)
{
	static struct dns_counters counters;
	static uint8_t answer[DNS_TCP_MAX];
	size_t n = dns_answer(zone, &counters, query, bytes, answer, false);

	assert(n <= DNS_UDP_MAX);
	if (n > 0)
		check_answer(answer, n);
	n = dns_answer(zone, &counters, query, bytes, answer, true);
	if (n > 0)
		check_answer(answer, n);
	assert(counters.queries ==
	       counters.found + counters.nodata + counters.nxdomain +
		       counters.refused + counters.malformed +
		       counters.ignored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t query[] = "\0\0\0\0\0\1\0\0\0\0\0\0\1a\7example\0"
				       "\0\xff\0\1";
	struct dns_zone zone;
	uint8_t *copy;

	if (size == 0)
		return 0;
	/* Up to the end of the memory, where the sanitizer looks. */
	copy = malloc(size);
	memcpy(copy + 1, data + 1, size - 1);
	if (data[0] % 2 == 0) {
		ask(fixed_zone(), copy + 1, size - 1);
	} else {
		if (dns_zone_load(&zone, "a.example", (char *)copy + 1,
				  size - 1))
			ask(&zone, query, sizeof(query) - 1);
		else
			assert(zone.error[0] != '\0');
		dns_zone_free(&zone);
	}
	free(copy);
	return 0;
}
