/* SPDX-License-Identifier: ISC */
/* client_cases.h: what the client is asked for, and what bad servers say to it. */
#ifndef CLIENT_CASES_H
#define CLIENT_CASES_H

#include <mirage.h>

/** What a fetch is to be, and to become. */
static const struct fetch_case {
	const char *url, *method;
	const char *body;  /* sent whole, or in pieces: */
	uint64_t streamed; /* bytes of the pattern, in pieces */
	bool chunked, expect;
	uint32_t redirects_max;
	int result;
	uint32_t status;
	size_t bytes; /* of the response */
	const char *text;
} good[] = {
	{.url = "http://a/page", .status = 200, .bytes = 128},
	{.url = "http://a", .status = 200, .bytes = 2, .text = "/\n"},
	{.url = "http://a?x", .status = 200, .bytes = 2, .text = "/\n"},
	{.url = "http://a/bytes?60000", .status = 200, .bytes = 60000},
	{.url = "http://a/chunks?60000", .status = 200, .bytes = 60000},
	{.url = "http://a/page", .method = "HEAD", .status = 200},
	{.url = "http://a/status?204", .status = 204},
	{.url = "http://a/status?304", .status = 304},
	{.url = "http://a/status?404", .status = 404, .bytes = 14},
	{.url = "http://a/sink",
	 .method = "POST",
	 .body = "hello",
	 .status = 200,
	 .bytes = 6,
	 .text = "5 532\n"},
	{.url = "http://a/sink",
	 .method = "POST",
	 .status = 200,
	 .bytes = 4,
	 .text = "0 0\n"},
	{.url = "http://a/sink",
	 .method = "POST",
	 .body = "hello",
	 .expect = true,
	 .status = 200,
	 .bytes = 6,
	 .text = "5 532\n"},
	{.url = "http://a/sink",
	 .method = "PUT",
	 .streamed = 30000,
	 .status = 200,
	 .bytes = 8},
	{.url = "http://a/sink",
	 .method = "POST",
	 .streamed = 30000,
	 .chunked = true,
	 .status = 200,
	 .bytes = 8},
	{.url = "http://a/sink",
	 .method = "POST",
	 .streamed = 30000,
	 .chunked = true,
	 .expect = true,
	 .status = 200,
	 .bytes = 8},
	{.url = "http://a/deaf",
	 .method = "POST",
	 .streamed = 300000,
	 .status = 403,
	 .bytes = 14},
	{.url = "http://a/deaf",
	 .method = "POST",
	 .body = "hello",
	 .expect = true,
	 .status = 403,
	 .bytes = 14},
	{.url = "http://a/status?301", .status = 301, .bytes = 22},
	{.url = "http://a/status?301",
	 .redirects_max = 1,
	 .status = 200,
	 .bytes = 128},
	{.url = "http://a/status?303",
	 .method = "POST",
	 .body = "hello",
	 .redirects_max = 1,
	 .status = 200,
	 .bytes = 128},
	{.url = "http://a/late?100", .status = 200, .bytes = 5},
	{.url = "http://a/cut?1000", .result = MIRAGE_ERESET, .status = 200},
	{.url = "https://a/", .result = MIRAGE_EINVAL},
	{.url = "nonsense", .result = MIRAGE_EINVAL},
};

enum { HEAD = 1, STAYS = 2 }; /* the method; the connection stays open */

/** What a server says to a GET, and what comes of it. */
static const struct script {
	const char *says;
	int result;
	uint32_t status;
	const char *text;
	unsigned flags;
} scripts[] = {
	{"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi", 0, 200,
	 "hi", 0},
	{"HTTP/1.1 200\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi", 0, 200, "hi",
	 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\n\r\nto the end", 0, 200, "to the end",
	 0},
	{"HTTP/1.0 200 OK\r\nDate: x\r\n\r\nold", 0, 200, "old", 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	 "2\r\nhi\r\n0\r\nX: y\r\n\r\n",
	 0, 200, "hi", 0},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n"
	 "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi",
	 0, 200, "hi", 0},
	{"HTTP/1.1 204 No\r\nDate: x\r\nContent-Length: 5\r\n\r\n", 0, 204, "",
	 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\n", 0, 200, "",
	 HEAD},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
	 200, "", HEAD},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhi",
	 MIRAGE_ERESET, 200, "hi", 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	 "2\r\nhi\r\n",
	 MIRAGE_ERESET, 200, "hi", 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\nzz",
	 MIRAGE_EIO, 200, "", 0},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	 MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
	 MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
	 MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nhi", MIRAGE_EIO,
	 0, "", 0},
	{"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", MIRAGE_EIO, 0, "",
	 0},
	{"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi", MIRAGE_EIO, 0, "", 0},
	{"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi", MIRAGE_EIO, 0, "",
	 0},
	{"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	 MIRAGE_EIO, 0, "", 0},
	{"SSH-2.0-OpenSSH\r\n", MIRAGE_EIO, 0, "", 0},
	{"", MIRAGE_ERESET, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nDate", MIRAGE_ERESET, 0, "", 0},
	{"HTTP/1.1 200 OK\r\nDate", MIRAGE_ETIMEDOUT, 0, "", STAYS},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhi",
	 MIRAGE_ETIMEDOUT, 200, "hi", STAYS},
	{"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi extra", 0,
	 200, "hi", STAYS},
};

#endif /* CLIENT_CASES_H */
