/* SPDX-License-Identifier: ISC */
/* Key-value stores: what is in one is found, read and listed; keys; closing. */
#include "kv_case.h"

#define MANY 24u

static struct kv_io io, ios[MANY];
static struct kv_listed listed;
static uint8_t *got;

/* --------------------------------------------------------- Stat and read -- */

static bool content_type_fits(const struct mirage_kv_value *value,
			      const struct kv_sample *sample)
{
	const char *expected = sample->content_type;

	if (value->content_type == NULL)
		return true;
	return expected != NULL && conf_same(value->content_type, expected,
					     conf_length(expected) + 1);
}

KV_CASE(kv, stat, "KVS-10")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	for (i = 0; i < KV_SAMPLES; i++) {
		KV_IO_IS(io, STAT, kv_samples[i].key, NULL, 0, 0, 0);
		CHECK_EQ(io.request.value.size_bytes, kv_samples[i].length);
		CHECK(content_type_fits(&io.request.value, &kv_samples[i]));
		CHECK(io.request.value.modified_ns >= 0);
	}
	CASE_END;
}

KV_CASE(kv, read, "KVS-11")
{
	static unsigned i;
	static uint32_t length;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(80000);
	for (i = 0; i < KV_SAMPLES; i++) {
		length = kv_samples[i].length;
		conf_set(got, 80000, 0xa5);
		KV_IO_IS(io, READ, kv_samples[i].key, got, 80000, 0,
			 (int)length);
		CHECK_BYTES(got, kv_bytes(i), length);
		CHECK(conf_all(got + length, 80000 - length, 0xa5));
		CHECK_EQ(io.request.value.size_bytes, length);
	}
	CHECK(conf_guards_hold());
	CASE_END;
}

/* Where sectors begin and end, and where they do not. */
static const struct {
	uint32_t from, length;
} pieces[] = {
	{0, 1},	       {1, 1},	     {0, 512},	   {512, 512},	   {511, 2},
	{1, 4095},     {3, 65000},   {4096, 8192}, {69999, 2},	   {70000, 1},
	{40000, 1024}, {512, 69489}, {1023, 4097}, {16384, 16384}, {100, 32768},
};

#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

KV_CASE(kv, read_pieces, "KVS-11")
{
	static unsigned i;
	static uint32_t skew;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(80000);
	for (i = 0; i < 2 * N_PIECES; i++) {
		/* To an address that no disk likes, and to one that all do. */
		skew = i % 2 != 0 ? 1 + i : 0;
		conf_set(got, 80000, 0xa5);
		KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got + skew,
			 pieces[i / 2].length, pieces[i / 2].from,
			 (int)pieces[i / 2].length);
		CHECK_BYTES(got + skew, kv_bytes(KV_LARGE) + pieces[i / 2].from,
			    pieces[i / 2].length);
		CHECK(conf_all(got, skew, 0xa5));
		CHECK(conf_all(got + skew + pieces[i / 2].length,
			       80000 - skew - pieces[i / 2].length, 0xa5));
	}
	CASE_END;
}

KV_CASE(kv, read_to_the_end, "KVS-11")
{
	static uint32_t length;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(80000);
	length = kv_samples[KV_LARGE].length;
	conf_set(got, 80000, 0xa5);
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 5000, length - 700,
		 700);
	CHECK_BYTES(got, kv_bytes(KV_LARGE) + length - 700, 700);
	CHECK(conf_all(got + 700, 4300, 0xa5));
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 10, length - 1, 1);
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 10, length, 0);
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 10, length + 1, 0);
	CHECK_EQ(io.request.value.size_bytes, length);
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 10, UINT64_MAX, 0);
	KV_IO_IS(io, READ, "empty", got, 10, 0, 0);
	KV_IO_IS(io, READ, kv_samples[KV_LARGE].key, got, 0, 0, 0);
	CASE_END;
}

#define N_VECTORS 7u

/* Of all lengths, with nothing in one. */
static const uint32_t vector_lengths[N_VECTORS] = {1,	  511, 0,   4096,
						   12345, 3,   9000};
static struct mirage_vector vectors[N_VECTORS];

/* Scatters them over `base`, a byte apart, and returns how much they hold. */
static int scatter(uint8_t *base)
{
	uint8_t *at = base + 1;
	int sum = 0;

	for (unsigned i = 0; i < N_VECTORS; i++) {
		vectors[i].base = at;
		vectors[i].length_bytes = vector_lengths[i];
		at += vector_lengths[i] + 1;
		sum += (int)vector_lengths[i];
	}
	return sum;
}

static bool scattered_well(const uint8_t *expected)
{
	for (unsigned i = 0; i < N_VECTORS; i++) {
		const uint8_t *base = vectors[i].base;

		if (base[-1] != 0xa5 ||
		    !conf_same(base, expected, vector_lengths[i]))
			return false;
		expected += vector_lengths[i];
	}
	return true;
}

KV_CASE(kv, read_vectors, "KVS-11")
{
	static int bytes;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(40000);
	conf_set(got, 40000, 0xa5);
	bytes = scatter(got);
	conf_set(&io, sizeof(io), 0);
	io.request.op = MIRAGE_KV_READ;
	io.request.key = kv_samples[KV_LARGE].key;
	io.request.vectors = vectors;
	io.request.n_vectors = N_VECTORS;
	io.request.offset_bytes = 777;
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, bytes);
	CHECK(scattered_well(kv_bytes(KV_LARGE) + 777));
	CHECK(conf_all(got + 1 + bytes + N_VECTORS,
		       40000 - 1 - (size_t)bytes - N_VECTORS, 0xa5));
	io.request.n_vectors = 0;
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	CASE_END;
}

#define MANY_BYTES 3001u

static unsigned completed(unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += ios[i].done.count;
	return count;
}

static void send_many(unsigned n)
{
	conf_set(ios, sizeof(ios), 0);
	for (unsigned i = 0; i < n; i++)
		kv_send(&ios[i], MIRAGE_KV_READ, kv_samples[KV_LARGE].key,
			got + (size_t)i * MANY_BYTES, MANY_BYTES,
			(uint64_t)i * 1001);
}

static bool many_are_right(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ios[i].done.count != 1 ||
		    ios[i].done.result != (int)MANY_BYTES ||
		    !conf_same(got + (size_t)i * MANY_BYTES,
			       kv_bytes(KV_LARGE) + (size_t)i * 1001,
			       MANY_BYTES))
			return false;
	return true;
}

KV_CASE(kv, in_flight, "LAW-01 LAW-02 KVS-11")
{
	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(MANY * MANY_BYTES);
	send_many(MANY);
	CLAIM("LAW-02");
	CHECK_EQ(completed(MANY), 0);
	CLAIM("LAW-01");
	AWAIT(completed(MANY) == MANY);
	CHECK(many_are_right(MANY));
	REST_NS(5000000);
	CHECK_EQ(completed(MANY), MANY);
	CASE_END;
}

/* ------------------------------------------------------------------ List -- */

/* The samples from the `first` on, `n` of them, are what was listed. */
static bool listed_are(unsigned first, unsigned n)
{
	if (listed.n != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct kv_sample *sample = &kv_samples[first + i];

		if (!conf_same(listed.keys[i], sample->key,
			       conf_length(sample->key) + 1) ||
		    listed.values[i].size_bytes != sample->length)
			return false;
	}
	return true;
}

static const struct {
	const char *prefix;
	unsigned first, n;
} lists[] = {
	{"", 0, KV_SAMPLES}, {"a", 1, 5},     {"a/", 3, 2},    {"a/c", 4, 1},
	{"a/c/", 4, 1},	     {"a/c/d", 4, 1}, {"a/b/", 0, 0},  {"Z", 0, 1},
	{"index", 7, 1},     {"no", 0, 0},    {"\xc3", 10, 1}, {"zz/z/", 0, 0},
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

KV_CASE(kv, list, "KVS-12")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	for (i = 0; i < N_LISTS; i++) {
		kv_send_list(&io, lists[i].prefix, &listed);
		CHECK_EQ(listed.n, 0);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, 0);
		CHECK(listed_are(lists[i].first, lists[i].n));
	}
	CASE_END;
}

/* ------------------------------------------------------------------ Keys -- */

static const char *const absent[] = {"a",	  "a/c",	 "a/b/c", "b",
				     "index.htm", "index.html2", "EMPTY"};

KV_CASE(kv, not_there, "KVS-08")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(16);
	conf_set(got, 16, 0xa5);
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		KV_IO_IS(io, STAT, absent[i], NULL, 0, 0, MIRAGE_ENOENT);
		KV_IO_IS(io, READ, absent[i], got, 16, 0, MIRAGE_ENOENT);
	}
	CHECK(conf_all(got, 16, 0xa5));
	CASE_END;
}

static const char *const no_keys[] = {"",     "/",     "/a",	 "a/",	 "a//b",
				      ".",    "..",    "./a",	 "../a", "a/.",
				      "a/..", "a/./b", "a/../b", "a/b//"};

#define N_NO_KEYS (sizeof(no_keys) / sizeof(no_keys[0]))

/* A key of `length` bytes, with a name that no file system has too long. */
static const char *long_key(unsigned length)
{
	static char key[300];

	for (unsigned i = 0; i < length; i++)
		key[i] = i % 100 == 99 ? '/' : 'k';
	key[length] = '\0';
	return key;
}

KV_CASE(kv, no_keys, "KVS-01 KVS-07")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	for (i = 0; i < N_NO_KEYS; i++) {
		KV_IO_IS(io, STAT, no_keys[i], NULL, 0, 0, MIRAGE_EINVAL);
		KV_IO_IS(io, READ, no_keys[i], NULL, 0, 0, MIRAGE_EINVAL);
	}
	KV_IO_IS(io, STAT, long_key(256), NULL, 0, 0, MIRAGE_EINVAL);
	KV_IO_IS(io, STAT, long_key(255), NULL, 0, 0, MIRAGE_ENOENT);
	for (i = 1; i < N_NO_KEYS; i++) {
		if (conf_same(no_keys[i], "a/", 3))
			continue;
		kv_send_list(&io, no_keys[i], &listed);
		AWAIT(io.done.count == 1);
		CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	}
	CLAIM("KVS-07");
	conf_set(&io, sizeof(io), 0);
	io.request.key = "a0";
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	io.request.op = MIRAGE_KV_REMOVE + 1;
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, MIRAGE_EINVAL);
	CASE_END;
}

/* -------------------------------------------------------------- Read-only -- */

KV_READ_CASE(kv, read_only, "KVS-02")
{
	CASE_BEGIN;
	KV_OPEN(kind);
	CHECK_EQ(conf_kv(CONF_KV)->info->caps & MIRAGE_KV_CAP_WRITE, 0);
	KV_IO_IS(io, SET, "a0", "new", 3, 0, MIRAGE_EROFS);
	KV_IO_IS(io, SET, "new", "new", 3, 0, MIRAGE_EROFS);
	KV_IO_IS(io, REMOVE, "a0", NULL, 0, 0, MIRAGE_EROFS);
	KV_IO_IS(io, STAT, "new", NULL, 0, 0, MIRAGE_ENOENT);
	KV_IO_IS(io, STAT, "a0", NULL, 0, 0, 0);
	CHECK_EQ(io.request.value.size_bytes, 1000);
	CASE_END;
}

/* ---------------------------------------------------------------- Values -- */

KV_CASE(kv, versions_of_keys, "KVS-03")
{
	static uint8_t versions[KV_SAMPLES][16];
	static unsigned i, j;

	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(16);
	for (i = 0; i < KV_SAMPLES; i++) {
		KV_IO_IS(io, STAT, kv_samples[i].key, NULL, 0, 0, 0);
		conf_copy(versions[i], io.request.value.version, 16);
		for (j = 0; j < i; j++)
			CHECK(!conf_same(versions[i], versions[j], 16));
	}
	/* The same by any way, and again. */
	KV_IO(io, READ, "a0", got, 16, 0);
	CHECK(conf_same(io.request.value.version, versions[5], 16));
	kv_send_list(&io, "a0", &listed);
	AWAIT(io.done.count == 1);
	CHECK(conf_same(listed.values[0].version, versions[5], 16));
	CASE_END;
}

KV_CASE(kv, view, "KVS-16")
{
	static struct mirage_kv_value value;
	static const void *bytes;
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	CHECK(mirage_kv_view(conf_kv(CONF_KV), "b", &value) == NULL);
	CHECK(mirage_kv_view(conf_kv(CONF_KV), "a//b", &value) == NULL);
	for (i = 0; i < KV_SAMPLES; i++) {
		bytes = mirage_kv_view(conf_kv(CONF_KV), kv_samples[i].key,
				       &value);
		if ((conf_kv(CONF_KV)->info->caps & MIRAGE_KV_CAP_VIEW) == 0) {
			CHECK(bytes == NULL);
			continue;
		}
		CHECK(bytes != NULL);
		CHECK_EQ(value.size_bytes, kv_samples[i].length);
		CHECK_BYTES(bytes, kv_bytes(i), kv_samples[i].length);
		KV_IO_IS(io, STAT, kv_samples[i].key, NULL, 0, 0, 0);
		CHECK(conf_same(io.request.value.version, value.version, 16));
		CHECK(mirage_kv_view(conf_kv(CONF_KV), kv_samples[i].key,
				     &value) == bytes);
	}
	CASE_END;
}

/* --------------------------------------------------------------- Closing -- */

static unsigned at_closed;

static void note_closed(void *arg, uint32_t event)
{
	(void)arg;
	if (event == MIRAGE_EVENT_CLOSED)
		at_closed = completed(MANY);
}

KV_CASE(kv, close_in_flight, "KVS-04 KVS-05 KVS-06")
{
	CASE_BEGIN;
	KV_OPEN(kind);
	got = conf_memory(MANY * MANY_BYTES);
	at_closed = 0;
	conf_on_event(CONF_KV, note_closed, NULL);
	send_many(MANY - 1);
	conf_close(CONF_KV);
	mirage_kv_close(conf_kv(CONF_KV));
	CLAIM("KVS-05");
	kv_send(&ios[MANY - 1], MIRAGE_KV_STAT, "a0", NULL, 0, 0);
	CHECK_EQ(completed(MANY), 0);
	CHECK(mirage_kv_view(conf_kv(CONF_KV), "a0", &ios[0].request.value) ==
	      NULL);
	AWAIT(conf_is_closed(CONF_KV));
	CHECK_RESULT(ios[MANY - 1].done.result, MIRAGE_EGONE);
	CLAIM("KVS-04");
	CHECK_EQ(at_closed, MANY);
	CHECK(many_are_right(MANY - 1));
	CLAIM("KVS-06");
	REST_NS(2000000);
	CHECK_EQ(conf_events(CONF_KV, MIRAGE_EVENT_CLOSED), 1);
	CHECK_EQ(completed(MANY), MANY);
	CASE_END;
}

CASES(kv) = {KV_CASES(stat),
	     KV_CASES(read),
	     KV_CASES(read_pieces),
	     KV_CASES(read_to_the_end),
	     KV_CASES(read_vectors),
	     KV_CASES(in_flight),
	     KV_CASES(list),
	     KV_CASES(not_there),
	     KV_CASES(no_keys),
	     KV_READ_CASES(read_only),
	     KV_CASES(versions_of_keys),
	     KV_CASES(view),
	     KV_CASES(close_in_flight),
	     NULL};
