/* SPDX-License-Identifier: ISC */
#include "corpus.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CASES_MAX = 1000, BYTES_MAX = 1 << 18 };

static void mistake(const char *what, const char *where)
{
	fprintf(stderr, "corpus: %s: %s\n", what, where);
	abort();
}

/* --------------------------------------------------------------- Reading -- */

static void add(struct corpus_case *c, char byte)
{
	if (c->length == BYTES_MAX)
		mistake("too long", c->name);
	c->bytes[c->length++] = byte;
}

static void add_line(struct corpus_case *c, const char *at, const char *end);

/** `{N:TEXT}` */
static const char *add_times(struct corpus_case *c, const char *at)
{
	const char *text = strchr(at, ':'), *end = strchr(at, '}');
	long times = strtol(at + 1, NULL, 10);

	if (text == NULL || end == NULL || text > end)
		mistake("bad repetition", c->name);
	while (times-- > 0)
		add_line(c, text + 1, end);
	return end + 1;
}

static const char *add_escape(struct corpus_case *c, const char *at)
{
	char hex[3] = {0};

	switch (*at) {
	case 'r':
		add(c, '\r');
		break;
	case 'n':
		add(c, '\n');
		break;
	case 't':
		add(c, '\t');
		break;
	case '0':
		add(c, '\0');
		break;
	case '\\':
		add(c, '\\');
		break;
	case 'x':
		memcpy(hex, at + 1, 2);
		add(c, (char)strtol(hex, NULL, 16));
		return at + 3;
	case '{':
		return add_times(c, at);
	default:
		mistake("bad escape", c->name);
	}
	return at + 1;
}

static void add_line(struct corpus_case *c, const char *at, const char *end)
{
	while (at < end)
		if (*at == '\\' && at + 1 < end)
			at = add_escape(c, at + 1);
		else
			add(c, *at++);
}

static void copy_word(char to[80], const char *word)
{
	size_t n = strlen(word);

	if (n >= 80)
		mistake("too long", word);
	for (size_t i = 0; i <= n; i++)
		to[i] = word[i] == '_' ? ' ' : word[i];
}

static void expect(struct corpus_case *c, const char *word)
{
	if (isdigit((unsigned char)word[0]))
		c->statuses[c->n_statuses++] = atoi(word);
	else if (strcmp(word, "close") == 0)
		c->close = true;
	else if (strcmp(word, "eof") == 0)
		c->eof = true;
	else if (strcmp(word, "empty") == 0)
		c->empty = true;
	else if (strncmp(word, "has:", 4) == 0)
		copy_word(c->has, word + 4);
	else if (strncmp(word, "not:", 4) == 0)
		copy_word(c->has_not, word + 4);
	else
		mistake("unknown expectation", word);
}

/** `== NAME | SECTION | EXPECT` */
static void begin_case(struct corpus_case *c, const char *file, char *line)
{
	char *name = strtok(line + 3, "|"), *section = strtok(NULL, "|");
	char *words = strtok(NULL, "\n");

	if (words == NULL)
		mistake("a case without three parts", line);
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s/%.*s", file,
		 (int)strcspn(name, " "), name);
	snprintf(c->section, sizeof(c->section), "%s", section + 1);
	c->bytes = malloc(BYTES_MAX + 1);
	for (char *word = strtok(words, " "); word != NULL;
	     word = strtok(NULL, " "))
		expect(c, word);
}

static size_t read_file(const char *path, struct corpus_case *cases, size_t n)
{
	FILE *file = fopen(path, "r");
	const char *name = strrchr(path, '/') + 1;
	char stem[64], *line = NULL;
	size_t room = 0, first = n;
	ssize_t length;

	if (file == NULL)
		mistake("cannot be read", path);
	snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(name, "."), name);
	while ((length = getline(&line, &room, file)) >= 0) {
		const char *end = line + length - (line[length - 1] == '\n');

		if (strncmp(line, "== ", 3) == 0) {
			if (n == CASES_MAX)
				mistake("too many cases", path);
			begin_case(&cases[n++], stem, line);
		} else if (n > first) {
			bool goes_on = end > line && end[-1] == '\\' &&
				       (end - 1 == line || end[-2] != '\\');

			add_line(&cases[n - 1], line, goes_on ? end - 1 : end);
			if (!goes_on) {
				add(&cases[n - 1], '\r');
				add(&cases[n - 1], '\n');
			}
		}
	}
	free(line);
	fclose(file);
	return n;
}

size_t corpus_read(const char *folder, struct corpus_case **cases)
{
	char pattern[1024];
	glob_t found;
	size_t n = 0;

	*cases = calloc(CASES_MAX, sizeof(**cases));
	snprintf(pattern, sizeof(pattern), "%s/*.http", folder);
	if (glob(pattern, 0, NULL, &found) != 0)
		mistake("no files", folder);
	for (size_t i = 0; i < found.gl_pathc; i++)
		n = read_file(found.gl_pathv[i], *cases, n);
	globfree(&found);
	return n;
}

/* --------------------------------------------------------------- Parsing -- */

static const char *find(const char *bytes, size_t n, const char *text)
{
	return memmem(bytes, n, text, strlen(text));
}

/** The value of a field of the head, or NULL. */
static const char *field(const char *head, size_t n, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = find(head, n, "\r\n"); at != NULL;
	     at = find(at, n - (size_t)(at - head), "\r\n")) {
		at += 2;
		if (strncasecmp(at, name, length) == 0 && at[length] == ':')
			return at + length + 2;
	}
	return NULL;
}

/** The bytes of a chunked body, or -1 when it is not all there, -2 for none. */
static long chunked_bytes(const char *at, size_t n)
{
	size_t used = 0;

	for (;;) {
		const char *line = find(at + used, n - used, "\r\n");
		char *end;
		unsigned long size;

		if (line == NULL)
			return -1;
		size = strtoul(at + used, &end, 16);
		if (end != line || end == at + used)
			return -2;
		used = (size_t)(line + 2 - at) + size + 2;
		if (used > n)
			return -1;
		if (memcmp(at + used - 2, "\r\n", 2) != 0)
			return -2;
		if (size == 0)
			return (long)used;
	}
}

/** The bytes of the body after a head, -1 when it is not all there. */
static long body_bytes(const char *head, size_t head_bytes, size_t n,
		       int status, bool no_body, bool closed)
{
	const char *length = field(head, head_bytes, "Content-Length");
	const char *coding = field(head, head_bytes, "Transfer-Encoding");

	if (no_body || status < 200 || status == 204 || status == 304)
		return 0;
	if (coding != NULL)
		return chunked_bytes(head + head_bytes, n - head_bytes);
	if (length == NULL)
		return closed ? (long)(n - head_bytes) : -1;
	return (size_t)atol(length) <= n - head_bytes ? atol(length) : -1;
}

/** Whether the request that the next response is for is HEAD. */
static bool asks_head(const char **request, int status)
{
	const char *head = strstr(*request, "HEAD /");
	const char *next = strstr(*request, " HTTP/1.");
	bool is = head != NULL && (next == NULL || head < next);

	if (status >= 200 && next != NULL)
		*request = next + 1;
	return is;
}

void corpus_parse(struct corpus_answer *answer, const char *bytes, size_t n,
		  const char *request, bool closed)
{
	size_t at = 0;

	memset(answer, 0, sizeof(*answer));
	while (at < n && answer->n < CORPUS_STATUSES_MAX) {
		const char *end = find(bytes + at, n - at, "\r\n\r\n");
		size_t head_bytes;
		int status;
		long body;

		answer->partial = end == NULL;
		if (end == NULL)
			return;
		head_bytes = (size_t)(end + 4 - bytes) - at;
		if (sscanf(bytes + at, "HTTP/1.1 %3d ", &status) != 1) {
			answer->wrong = "not a status line";
			return;
		}
		body = body_bytes(bytes + at, head_bytes, n - at, status,
				  asks_head(&request, status), closed);
		answer->partial = body == -1;
		if (body == -2)
			answer->wrong = "bad chunks";
		if (body < 0)
			return;
		answer->statuses[answer->n++] = status;
		answer->last = at;
		answer->last_body = at + head_bytes;
		at += head_bytes + (size_t)body;
	}
}

/* --------------------------------------------------------------- Judging -- */

const char *corpus_judge(const struct corpus_case *c,
			 const struct corpus_answer *answer, const char *bytes,
			 size_t n, bool closed)
{
	const char *last = bytes + answer->last;
	size_t left = n - answer->last;

	if (answer->wrong != NULL)
		return answer->wrong;
	if (answer->n != c->n_statuses)
		return "another number of responses";
	for (unsigned i = 0; i < answer->n; i++)
		if (answer->statuses[i] != c->statuses[i])
			return "another status";
	if (answer->partial && !c->close)
		return "a response that is not whole";
	if (closed != c->close)
		return closed ? "closed" : "not closed";
	if (c->has[0] != '\0' && find(last, left, c->has) == NULL)
		return "something missing";
	if (c->has_not[0] != '\0' && find(last, left, c->has_not) != NULL)
		return "something too much";
	if (c->empty && answer->last_body != n)
		return "a body";
	return NULL;
}
