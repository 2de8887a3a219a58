/* SPDX-License-Identifier: ISC */
/* The lines of a head (RFC 9112, 2.2 to 5), strictly. */
#include "http.h"

#include <string.h>

enum scan_state {
	SCAN_BLANK,    /* before the start line */
	SCAN_BLANK_LF, /* after the CR of an empty line there */
	SCAN_METHOD,
	SCAN_TARGET,
	SCAN_VERSION,
	SCAN_STATUS, /* the start line of a response: llhttp reads it */
	SCAN_START_LF,
	SCAN_FIRST, /* the first byte of the first line of fields */
	SCAN_LINE,  /* the first byte of another */
	SCAN_FIELD,
	SCAN_FIELD_LF,
	SCAN_END_LF,
	SCAN_ENDED,
	SCAN_BAD
};

/* A client may send an empty line after a body (RFC 9112, 2.2); a few. */
enum { BLANK_LINES_MAX = 4, METHOD_MAX_BYTES = 32 };

static const char version[] = "HTTP/1.1\r";

void http_scan_start(struct http_scan *scan, bool response)
{
	memset(scan, 0, sizeof(*scan));
	scan->response = response;
	scan->state = response ? SCAN_STATUS : SCAN_BLANK;
}

void http_scan_trailer(struct http_scan *scan)
{
	scan->state = SCAN_LINE;
}

bool http_scan_ended(const struct http_scan *scan)
{
	return scan->state == SCAN_ENDED;
}

bool http_scan_started(const struct http_scan *scan)
{
	return scan->state >= SCAN_FIRST;
}

static void bad(struct http_scan *scan, uint32_t status)
{
	scan->state = SCAN_BAD;
	scan->status = status;
}

/** Goes to `next` if `holds`; else the head is bad. */
static void go_if(struct http_scan *scan, bool holds, enum scan_state next)
{
	if (holds)
		scan->state = (uint8_t)next;
	else
		bad(scan, 400);
}

static void scan_method(struct http_scan *scan, uint8_t c)
{
	if (c == ' ')
		go_if(scan, scan->method_bytes > 0, SCAN_TARGET);
	else if (!http_token_byte(c))
		bad(scan, 400);
	else if (++scan->method_bytes > METHOD_MAX_BYTES)
		bad(scan, 501);
}

static void scan_blank(struct http_scan *scan, uint8_t c)
{
	if (c == '\r') {
		go_if(scan, scan->blank_lines++ < BLANK_LINES_MAX,
		      SCAN_BLANK_LF);
		return;
	}
	scan->state = SCAN_METHOD;
	scan_method(scan, c);
}

static void scan_target(struct http_scan *scan,
			const struct http_limits *limits, uint8_t c)
{
	if (c == ' ')
		go_if(scan, scan->target_bytes > 0, SCAN_VERSION);
	else if (c < '!' || c > '~')
		bad(scan, 400);
	else if (++scan->target_bytes > limits->target_bytes)
		bad(scan, 414);
}

/** HTTP/ and two digits with a dot between, then CR. */
static void scan_version(struct http_scan *scan, uint8_t c)
{
	bool digit = c >= '0' && c <= '9';

	switch (scan->text++) {
	case 5:
		scan->major = c - '0';
		go_if(scan, digit, SCAN_VERSION);
		break;
	case 7:
		scan->minor = c - '0';
		go_if(scan, digit, SCAN_VERSION);
		break;
	case 8:
		go_if(scan, c == '\r', SCAN_START_LF);
		if (c == '\r' && scan->major != 1)
			bad(scan, 505);
		break;
	default:
		go_if(scan, c == (uint8_t)version[scan->text - 1],
		      SCAN_VERSION);
	}
}

/** A control character in a line: CR ends it, HT is a blank. */
static void scan_text(struct http_scan *scan, uint8_t c, enum scan_state after)
{
	if (c == '\r')
		scan->state = (uint8_t)after;
	else if ((c < ' ' && c != '\t') || c == 0x7f)
		bad(scan, 400);
}

static void scan_line(struct http_scan *scan, uint8_t c)
{
	/* A line that begins with a blank goes on with the value before it
	 * (obs-fold), or hides behind the start line: both are refused. */
	if (c == '\r')
		scan->state = SCAN_END_LF;
	else
		go_if(scan, http_token_byte(c), SCAN_FIELD);
}

static void scan_byte(struct http_scan *scan, const struct http_limits *limits,
		      uint8_t c)
{
	switch (scan->state) {
	case SCAN_BLANK:
		scan_blank(scan, c);
		break;
	case SCAN_BLANK_LF:
		go_if(scan, c == '\n', SCAN_BLANK);
		break;
	case SCAN_METHOD:
		scan_method(scan, c);
		break;
	case SCAN_TARGET:
		scan_target(scan, limits, c);
		break;
	case SCAN_VERSION:
		scan_version(scan, c);
		break;
	case SCAN_STATUS:
		scan_text(scan, c, SCAN_START_LF);
		break;
	case SCAN_START_LF:
		go_if(scan, c == '\n', SCAN_FIRST);
		break;
	case SCAN_FIRST:
	case SCAN_LINE:
		scan_line(scan, c);
		break;
	case SCAN_FIELD:
		scan_text(scan, c, SCAN_FIELD_LF);
		break;
	case SCAN_FIELD_LF:
		go_if(scan, c == '\n', SCAN_LINE);
		break;
	default: /* SCAN_END_LF */
		go_if(scan, c == '\n', SCAN_ENDED);
	}
}

/** The bytes up to the next that is below a blank, or DEL: eight at a time. */
static size_t plain_bytes(const char *bytes, size_t n)
{
	const uint64_t ones = 0x0101010101010101, tops = ones << 7;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t word, low, del;

		memcpy(&word, bytes + i, 8);
		low = (word - ones * ' ') & ~word & tops;
		del = word ^ ones * 0x7f;
		del = (del - ones) & ~del & tops;
		if ((low | del) != 0)
			break;
	}
	while (i < n && (uint8_t)bytes[i] >= ' ' && bytes[i] != 0x7f)
		i++;
	return i;
}

size_t http_scan(struct http_scan *scan, const struct http_limits *limits,
		 const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && scan->state < SCAN_ENDED) {
		size_t plain = 0;

		if (scan->head_bytes > limits->head_bytes) {
			bad(scan, 431);
			break;
		}
		if (scan->state == SCAN_FIELD)
			plain = plain_bytes(bytes + i, n - i);
		if (plain == 0) {
			scan_byte(scan, limits, (uint8_t)bytes[i]);
			plain = 1;
		}
		i += plain;
		scan->head_bytes += (uint32_t)plain;
	}
	return i;
}
