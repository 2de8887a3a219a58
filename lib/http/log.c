/* SPDX-License-Identifier: ISC */
/* The common log format: who, when, what, with which result, and how much. */
#include "http.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 1024, TARGET_BYTES = 700 };

/* What the console did not take of a line: it goes before the next one. */
static char rest[LINE_BYTES];
static size_t n_rest;
static uint64_t lost;

/** Copies `text` so that it can stand between quotes. */
static char *put_quoted(char *to, const char *text, size_t most)
{
	for (; *text != '\0' && most > 0; text++, most--) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	return to;
}

static char *put_when(char *to, size_t room)
{
	struct http_civil at;
	int64_t ns = mirage_clock_wall_ns();

	http_civil(&at, ns / (int64_t)HTTP_SECOND_NS -
				(ns % (int64_t)HTTP_SECOND_NS < 0));
	return to + snprintf(to, room,
			     " - - [%02u/%s/%04u:%02u:%02u:%02u +0000] \"",
			     at.day, http_months[at.month],
			     (unsigned)at.year % 10000, at.hour, at.minute,
			     at.second);
}

static char *put_request(char *to, const struct mirage_http_request *request)
{
	if (request->method[0] == '\0') {
		*to++ = '-';
		return to;
	}
	to = http_put(to, request->method, strlen(request->method));
	*to++ = ' ';
	to = put_quoted(to, request->target, TARGET_BYTES / 2);
	to = http_put(to, " HTTP/1.", 8);
	*to++ = request->minor_version > 0 ? '1' : '0';
	return to;
}

static size_t print(char line[LINE_BYTES],
		    const struct mirage_http_access *access)
{
	char peer[MIRAGE_IP_TEXT_MAX];
	char *at = line;

	mirage_ip_print(&access->request->peer->ip, peer);
	at = http_put(at, peer, strlen(peer));
	at = put_when(at, 64);
	at = put_request(at, access->request);
	at = http_put(at, "\" ", 2);
	at = http_put_number(at, access->status, 10);
	*at++ = ' ';
	if (access->sent_bytes == 0)
		*at++ = '-';
	else
		at = http_put_number(at, access->sent_bytes, 10);
	*at++ = '\n';
	return (size_t)(at - line);
}

/** Writes what is left of an earlier line. Returns whether the console is free. */
static bool flush(void)
{
	int taken = 0;

	if (n_rest > 0)
		taken = mirage_console_write(rest, n_rest);
	if (taken > 0) {
		n_rest -= (size_t)taken;
		memmove(rest, rest + taken, n_rest);
	}
	return n_rest == 0;
}

/** Returns whether the console has begun with the line. */
static bool put_line(const char *line, size_t n)
{
	int taken = mirage_console_write(line, n);

	if (taken <= 0)
		return false;
	n_rest = n - (size_t)taken;
	memcpy(rest, line + taken, n_rest);
	return true;
}

/** Says how many lines were lost. Returns whether there is room for more. */
static bool put_lost(void)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "# %llu lines lost here\n",
			 (unsigned long long)lost);

	if (!put_line(line, (size_t)n))
		return false;
	lost = 0;
	return n_rest == 0;
}

void mirage_http_log_common(void *arg, const struct mirage_http_access *access)
{
	char line[LINE_BYTES];

	if (!flush() || (lost > 0 && !put_lost()) ||
	    !put_line(line, print(line, access)))
		lost++;
}
