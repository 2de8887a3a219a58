/* SPDX-License-Identifier: ISC */
/* Names, values and numbers of fields. */
#include "http.h"

#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool http_same_n(const char *a, size_t n, const char *b)
{
	for (; n > 0 && *b != '\0' && lower(*a) == lower(*b); n--)
		a++, b++;
	return n == 0 && *b == '\0';
}

bool http_same(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b))
		a++, b++;
	return *a == '\0' && *b == '\0';
}

/** The bytes of a token (RFC 9110, 5.6.2), one bit each. */
static const uint32_t token_bits[8] = {
	0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0,
};

bool http_token_byte(uint8_t c)
{
	return (token_bits[c >> 5] >> (c & 31) & 1) != 0;
}

bool http_is_token(const char *text)
{
	const char *at = text;

	while (http_token_byte((uint8_t)*at))
		at++;
	return at > text && *at == '\0';
}

const char *mirage_http_find(const struct mirage_http_header *headers, size_t n,
			     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (http_same(headers[i].name, name))
			return headers[i].value;
	return NULL;
}

bool http_number(const char *text, size_t n, uint64_t *value)
{
	uint64_t sum = 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(uint8_t)text[i] - '0';

		if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

char *http_put(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

char *http_put_number(char *to, uint64_t value, unsigned base)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = "0123456789abcdef"[value % base];
	while ((value /= base) > 0);
	return http_put(to, at, (size_t)(digits + sizeof(digits) - at));
}

/* ------------------------------------------------------------ Encodings -- */

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/** Reads `;q=…` in thousandths and moves to the end of the element. */
static uint32_t quality(const char **at)
{
	const char *q = skip_blanks(*at);
	uint32_t value = 1000, unit = 100;

	*at += strcspn(*at, ",");
	if (*q != ';')
		return value;
	q = skip_blanks(q + 1);
	if (lower(q[0]) != 'q' || q[1] != '=' || (q[2] != '0' && q[2] != '1'))
		return value;
	value = q[2] == '1' ? 1000 : 0;
	if (value == 0 && q[3] == '.')
		for (q += 4; *q >= '0' && *q <= '9'; q++, unit /= 10)
			value += (uint32_t)(*q - '0') * unit;
	return value;
}

uint32_t http_accepts(const char *value, const char *coding)
{
	uint32_t any = 0;

	while (value != NULL && *value != '\0') {
		const char *name = value + strspn(value, " \t,");
		size_t n = strcspn(name, " \t,;");
		uint32_t q;

		value = name + n;
		q = quality(&value);
		if (http_same_n(name, n, coding))
			return q;
		if (n == 1 && *name == '*')
			any = q;
	}
	return any;
}

/* -------------------------------------------------------------- Reasons -- */

static const struct reason {
	uint16_t status;
	const char *text;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{203, "Non-Authoritative Information"},
	{204, "No Content"},
	{205, "Reset Content"},
	{206, "Partial Content"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *mirage_http_reason(uint32_t status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}
