/* SPDX-License-Identifier: ISC */
/*
 * kvapp.c: a store at the hands of the tests. `kvapp KIND COMMAND [ARGUMENT]...`:
 *
 *	KIND      named (--kv s=…), tar (--block d=…), crunched or memory
 *	list P    each key that begins with P: size, time, version, type, key
 *	sums      each key with a checksum of its value, several READs at once
 *	cat K     the value
 *	set K N   sets N bytes that follow from their position
 *	remove K  removes
 *	torture K sets ever new values, and says after each which
 *	check K   whether the value is whole, and which of torture's
 *	report    what the opening of a tar image has found
 *	type K    the content type of a suffix; needs no store
 *
 * A command that fails prints the name of its error.
 */
#include <mirage-kv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READERS 24u
#define TORTURE_BYTES (1u << 20)

extern const struct mirage_kv_crunched test_site;

static struct mirage_kv *kv;
static struct mirage_block *block;
static char **command;
static int n_left;

static void next(void);

static void fail(const char *what, int result)
{
	printf("%s: %s\n", what, mirage_error_name(result));
	fflush(stdout);
	mirage_exit(1);
}

static void on_simple(void *arg, int result)
{
	if (result < 0)
		fail(arg, result);
	else
		next();
}

/* ------------------------------------------------------------------ List -- */

static struct mirage_kv_request request;
static struct mirage_vector vector;

static void on_key(void *arg, const char *key,
		   const struct mirage_kv_value *value)
{
	printf("%llu %lld ", (unsigned long long)value->size_bytes,
	       (long long)value->modified_ns);
	for (unsigned i = 0; i < sizeof value->version; i++)
		printf("%02x", value->version[i]);
	printf(" %s %s\n",
	       value->content_type != NULL ? value->content_type : "-", key);
}

static void submit(uint32_t op, const char *key, mirage_done_fn *done,
		   void *arg)
{
	request.op = op;
	request.key = key;
	request.vectors = &vector;
	request.n_vectors = 1;
	request.done = done;
	request.arg = arg;
	mirage_kv_submit(kv, &request);
}

static void do_list(const char *prefix)
{
	static char what[] = "list";

	request.on_key = on_key;
	submit(MIRAGE_KV_LIST, prefix, on_simple, what);
}

/* ------------------------------------------------------------------ Sums -- */

/* Values are read in pieces that no sector likes. */
#define PIECE_BYTES 50001u

static struct reader {
	struct mirage_kv_request request;
	struct mirage_vector vectors[2];
	uint64_t sum;
	char *key;
	uint8_t bytes[PIECE_BYTES];
} readers[READERS];

static char **keys;
static size_t n_keys, room, n_begun, n_ended;

static void keep_key(void *arg, const char *key,
		     const struct mirage_kv_value *value)
{
	if (n_keys == room) {
		room = room == 0 ? 64 : room * 2;
		keys = realloc(keys, room * sizeof keys[0]);
	}
	keys[n_keys++] = strdup(key);
}

static void reader_begin(struct reader *reader);

static void reader_read(struct reader *reader)
{
	reader->vectors[0] = (struct mirage_vector){reader->bytes, 333};
	reader->vectors[1] =
		(struct mirage_vector){reader->bytes + 333, PIECE_BYTES - 333};
	mirage_kv_submit(kv, &reader->request);
}

/* FNV-1a of 64 bits. */
static void reader_done(void *arg, int result)
{
	struct reader *reader = arg;

	if (result < 0) {
		fail(reader->key, result);
		return;
	}
	for (int i = 0; i < result; i++)
		reader->sum = (reader->sum ^ reader->bytes[i]) *
			      UINT64_C(0x100000001b3);
	reader->request.offset_bytes += (uint64_t)result;
	if (result == PIECE_BYTES) {
		reader_read(reader);
		return;
	}
	printf("%016llx %s\n", (unsigned long long)reader->sum, reader->key);
	free(reader->key);
	n_ended++;
	reader_begin(reader);
}

static void reader_begin(struct reader *reader)
{
	if (n_begun == n_keys) {
		if (n_ended == n_keys) {
			n_ended = SIZE_MAX; /* once */
			free(keys);
			next();
		}
		return;
	}
	reader->key = keys[n_begun++];
	reader->sum = UINT64_C(0xcbf29ce484222325);
	reader->request = (struct mirage_kv_request){
		.op = MIRAGE_KV_READ,
		.key = reader->key,
		.vectors = reader->vectors,
		.n_vectors = 2,
		.done = reader_done,
		.arg = reader,
	};
	reader_read(reader);
}

static void on_listed(void *arg, int result)
{
	if (result < 0) {
		fail("sums", result);
		return;
	}
	for (unsigned i = 0; i < READERS; i++)
		reader_begin(&readers[i]);
}

static void do_sums(void)
{
	request.on_key = keep_key;
	submit(MIRAGE_KV_LIST, "", on_listed, NULL);
}

/* --------------------------------------------------------------- One key -- */

static uint8_t value[TORTURE_BYTES + 1];

static void on_cat(void *arg, int result)
{
	if (result < 0) {
		fail(arg, result);
		return;
	}
	fwrite(value, 1, (size_t)result, stdout);
	next();
}

static void do_cat(char *key)
{
	vector = (struct mirage_vector){value, sizeof value};
	submit(MIRAGE_KV_READ, key, on_cat, key);
}

static void do_set(char *key, size_t length)
{
	for (size_t i = 0; i < length && i < sizeof value; i++)
		value[i] = (uint8_t)(i * 7 + i / 256);
	vector = (struct mirage_vector){value, length};
	submit(MIRAGE_KV_SET, key, on_simple, key);
}

/** The n-th value: its number, over and over, and a length of its own. */
static size_t fill(uint32_t n)
{
	for (size_t i = 0; i < TORTURE_BYTES; i += sizeof n)
		memcpy(value + i, &n, sizeof n);
	return TORTURE_BYTES - n % 1000 * 4;
}

static void torture(void *arg, int result)
{
	static uint32_t n;

	if (result < 0) {
		fail(arg, result);
		return;
	}
	if (n > 0) {
		printf("%u\n", n);
		fflush(stdout);
	}
	vector = (struct mirage_vector){value, fill(++n)};
	submit(MIRAGE_KV_SET, arg, torture, arg);
}

static void on_check(void *arg, int result)
{
	static uint8_t got[sizeof value];
	uint32_t n;

	if (result < 0) {
		fail(arg, result);
		return;
	}
	memcpy(got, value, sizeof got);
	memcpy(&n, got, sizeof n);
	if ((size_t)result == fill(n) &&
	    memcmp(got, value, (size_t)result) == 0)
		printf("whole %u\n", n);
	else
		printf("a mix of %u and another, %d bytes\n", n, result);
	next();
}

static void do_report(void)
{
	const struct mirage_kv_tar_report *report = mirage_kv_tar_report(kv);

	printf("files=%u duplicates=%u links=%u others=%u names=%u damage=%s\n",
	       report->files, report->duplicates, report->links, report->others,
	       report->names, report->damage != NULL ? report->damage : "-");
	next();
}

/* -------------------------------------------------------------- Commands -- */

static char *argument(void)
{
	static char none[16];

	if (n_left == 0)
		return none;
	n_left--;
	return *command++;
}

static void on_event(void *arg, uint32_t event)
{
	if (block != NULL)
		mirage_block_close(block);
}

static void next(void)
{
	const char *verb = argument();
	char *key;

	if (*verb == '\0') {
		fflush(stdout);
		mirage_kv_on_event(kv, on_event, NULL);
		mirage_kv_close(kv);
		return;
	}
	if (strcmp(verb, "sums") == 0) {
		do_sums();
		return;
	}
	if (strcmp(verb, "report") == 0) {
		do_report();
		return;
	}
	key = argument();
	vector = (struct mirage_vector){value, sizeof value};
	if (strcmp(verb, "list") == 0)
		do_list(key);
	else if (strcmp(verb, "cat") == 0)
		do_cat(key);
	else if (strcmp(verb, "set") == 0)
		do_set(key, strtoul(argument(), NULL, 10));
	else if (strcmp(verb, "remove") == 0)
		submit(MIRAGE_KV_REMOVE, key, on_simple, key);
	else if (strcmp(verb, "torture") == 0)
		torture(key, 0);
	else if (strcmp(verb, "check") == 0)
		submit(MIRAGE_KV_READ, key, on_check, key);
	else
		fail(verb, MIRAGE_EINVAL);
}

static void opened(void *arg, int result, struct mirage_kv *store)
{
	kv = store;
	if (result < 0)
		fail("open", result);
	else
		next();
}

static void block_opened(void *arg, int result, struct mirage_block *opened_)
{
	block = opened_;
	if (result < 0)
		fail("block", result);
	else
		mirage_kv_tar_open(block, opened, NULL);
}

static int start(int argc, char *argv[])
{
	struct mirage_kv *store = NULL;
	const char *kind = argc > 1 ? argv[1] : "";
	int result = 0;

	command = argv + 2;
	n_left = argc - 2;
	if (strcmp(kind, "type") == 0) {
		const char *type = mirage_kv_content_type(argument());

		printf("%s\n", type != NULL ? type : "-");
		return 0;
	}
	if (strcmp(kind, "named") == 0)
		mirage_kv_open("s", opened, NULL);
	else if (strcmp(kind, "tar") == 0)
		mirage_block_open("d", block_opened, NULL);
	else if (strcmp(kind, "crunched") == 0)
		result = mirage_kv_crunched_open(&test_site, &store);
	else if (strcmp(kind, "memory") == 0)
		result = mirage_kv_memory_open(1u << 24, &store);
	else
		return 2;
	if (store != NULL || result < 0)
		opened(NULL, result, store);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
