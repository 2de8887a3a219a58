/* SPDX-License-Identifier: ISC */
/* Key-value stores: what is set is there, what is removed is not. */
#include "kv_case.h"

#include <mirage-kv.h>

#define MANY 16u
#define VALUE_BYTES 40000u

static struct kv_io io, reads[MANY], sets[MANY];
static struct kv_listed listed;
static uint8_t *written, *got;

static void memory(void)
{
	written = conf_memory(MANY * VALUE_BYTES);
	got = conf_memory(MANY * VALUE_BYTES);
}

KV_WRITE_CASE(kv, set_and_get, "KVS-13 KVS-15 KVS-10")
{
	static const uint32_t lengths[] = {5, 40000, 0, 4096, 1};
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		conf_fill(written, lengths[i], 50 + i);
		KV_IO_IS(io, SET, "deep/er/value", written, lengths[i], 0, 0);
		CHECK(conf_filled(written, lengths[i], 50 + i));
		CLAIM("KVS-15");
		conf_set(got, VALUE_BYTES, 0xa5);
		KV_IO_IS(io, READ, "deep/er/value", got, VALUE_BYTES, 0,
			 (int)lengths[i]);
		CLAIM("KVS-13");
		CHECK_BYTES(got, written, lengths[i]);
		CHECK(conf_all(got + lengths[i], VALUE_BYTES - lengths[i],
			       0xa5));
		CLAIM("KVS-10");
		KV_IO_IS(io, STAT, "deep/er/value", NULL, 0, 0, 0);
		CHECK_EQ(io.request.value.size_bytes, lengths[i]);
	}
	CASE_END;
}

KV_WRITE_CASE(kv, set_vectors, "KVS-13")
{
	static struct mirage_vector vectors[5];

	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	conf_fill(written, 20000, 9);
	vectors[0] = (struct mirage_vector){written, 1};
	vectors[1] = (struct mirage_vector){written + 1, 0};
	vectors[2] = (struct mirage_vector){written + 1, 4999};
	vectors[3] = (struct mirage_vector){written + 5000, 15000};
	vectors[4] = (struct mirage_vector){NULL, 0};
	conf_set(&io, sizeof(io), 0);
	io.request.op = MIRAGE_KV_SET;
	io.request.key = "v";
	io.request.vectors = vectors;
	io.request.n_vectors = 5;
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	KV_IO_IS(io, READ, "v", got, VALUE_BYTES, 0, 20000);
	CHECK_BYTES(got, written, 20000);
	/* No vectors at all are a value too. */
	conf_set(&io, sizeof(io), 0);
	io.request.op = MIRAGE_KV_SET;
	io.request.key = "v";
	kv_submit(&io);
	AWAIT(io.done.count == 1);
	CHECK_RESULT(io.done.result, 0);
	KV_IO_IS(io, READ, "v", got, VALUE_BYTES, 0, 0);
	CASE_END;
}

KV_WRITE_CASE(kv, remove, "KVS-14 KVS-08")
{
	CASE_BEGIN;
	KV_OPEN(kind);
	memory();
	KV_IO_IS(io, REMOVE, "a/c/d", NULL, 0, 0, 0);
	CLAIM("KVS-14");
	KV_IO_IS(io, STAT, "a/c/d", NULL, 0, 0, MIRAGE_ENOENT);
	CLAIM("KVS-08");
	KV_IO_IS(io, REMOVE, "a/c/d", NULL, 0, 0, MIRAGE_ENOENT);
	CLAIM("KVS-14");
	kv_send_list(&io, "a/", &listed);
	AWAIT(io.done.count == 1);
	CHECK_EQ(listed.n, 1);
	CHECK(conf_same(listed.keys[0], "a/b", 4));
	/* What had keys below it may become a key. */
	KV_IO_IS(io, SET, "a/c", written, 7, 0, 0);
	KV_IO_IS(io, STAT, "a/c", NULL, 0, 0, 0);
	KV_IO_IS(io, REMOVE, "a/c", NULL, 0, 0, 0);
	KV_IO_IS(io, REMOVE, "a/b", NULL, 0, 0, 0);
	KV_IO_IS(io, SET, "a", written, 9, 0, 0);
	kv_send_list(&io, "a", &listed);
	AWAIT(io.done.count == 1);
	CHECK_EQ(listed.n, 4);
	CHECK(conf_same(listed.keys[0], "a", 2));
	CASE_END;
}

/* Odd, and allowed. */
static const char *const odd_keys[] = {
	"...", ".a",	 "a..b",      "-",    " ",	  "a b",
	"~",   "\\",	 "n\xc3\xa9", "\x01", "\xff\xfe", "*?[",
	"a:b", "%2e%2e", "CON",	      "a.",   "a\n"};

#define N_ODD (sizeof(odd_keys) / sizeof(odd_keys[0]))

/* 255 bytes, in names that a file system has room for. */
static const char *longest_key(void)
{
	static char key[256];

	for (unsigned i = 0; i < 255; i++)
		key[i] = i % 128 == 127 ? '/' : (char)('a' + i % 26);
	return key;
}

KV_WRITE_CASE(kv, keys, "KVS-01")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	for (i = 0; i < N_ODD; i++) {
		conf_fill(written, 10, i);
		KV_IO_IS(io, SET, odd_keys[i], written, 10, 0, 0);
	}
	for (i = 0; i < N_ODD; i++) {
		conf_fill(written, 10, i);
		KV_IO_IS(io, READ, odd_keys[i], got, 100, 0, 10);
		CHECK_BYTES(got, written, 10);
	}
	KV_IO_IS(io, SET, longest_key(), written, 10, 0, 0);
	KV_IO_IS(io, STAT, longest_key(), NULL, 0, 0, 0);
	kv_send_list(&io, "", &listed);
	AWAIT(io.done.count == 1);
	CHECK_EQ(listed.n, N_ODD + 1);
	CASE_END;
}

/* Values of one length, one after the other. */
KV_WRITE_CASE(kv, versions, "KVS-03")
{
	static uint8_t versions[MANY][16];
	static unsigned i, j;

	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	for (i = 0; i < MANY; i++) {
		conf_fill(written, 64, i);
		KV_IO_IS(io, SET, "v", written, 64, 0, 0);
		KV_IO_IS(io, READ, "v", got, 64, 0, 64);
		CHECK_BYTES(got, written, 64);
		conf_copy(versions[i], io.request.value.version, 16);
		for (j = 0; j < i; j++)
			CHECK(!conf_same(versions[i], versions[j], 16));
	}
	CASE_END;
}

/* The first half of a value tells the second. */
static void send_race(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		uint8_t *value = written + (size_t)i * VALUE_BYTES;
		size_t length = VALUE_BYTES - i * 1000u;

		conf_set(value, length, (uint8_t)(i + 1));
		kv_send(&sets[i], MIRAGE_KV_SET, "race", value, length, 0);
		kv_send(&reads[i], MIRAGE_KV_READ, "race",
			got + (size_t)i * VALUE_BYTES, VALUE_BYTES, 0);
	}
}

static bool raced(void)
{
	for (unsigned i = 0; i < MANY; i++)
		if (sets[i].done.count == 0 || reads[i].done.count == 0)
			return false;
	return true;
}

/* Whether `value` is all of one that was set: its bytes tell which. */
static bool whole(const uint8_t *value, int length)
{
	uint8_t which = value[0];

	return which >= 1 && which <= MANY &&
	       length == (int)(VALUE_BYTES - (which - 1) * 1000u) &&
	       conf_all(value, (size_t)length, which);
}

KV_WRITE_CASE(kv, all_or_nothing, "KVS-13")
{
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	conf_set(written, VALUE_BYTES, 1);
	KV_IO_IS(io, SET, "race", written, VALUE_BYTES, 0, 0);
	send_race();
	AWAIT(raced());
	for (i = 0; i < MANY; i++) {
		CHECK_RESULT(sets[i].done.result, 0);
		CHECK(whole(got + (size_t)i * VALUE_BYTES,
			    reads[i].done.result));
		CHECK_EQ(reads[i].request.value.size_bytes,
			 reads[i].done.result);
	}
	KV_IO(io, READ, "race", got, VALUE_BYTES, 0);
	CHECK(whole(got, io.done.result));
	CASE_END;
}

KV_WRITE_CASE(kv, too_large, "KVS-09")
{
	CASE_BEGIN;
	KV_OPEN_EMPTY(kind);
	memory();
	if (conf_kv(CONF_KV)->info->max_value_bytes >= SIZE_MAX)
		SKIP("no value is too large");
	KV_IO_IS(io, SET, "v", written, 3, 0, 0);
	/* Nobody looks at the bytes of what is refused. */
	KV_IO_IS(io, SET, "v", written,
		 (size_t)conf_kv(CONF_KV)->info->max_value_bytes + 1, 0,
		 MIRAGE_ERANGE);
	KV_IO_IS(io, READ, "v", got, 10, 0, 3);
	CASE_END;
}

CASE(kv, full_memory, "KVS-13")
{
	static unsigned i, n;
	static char key[] = "key 00";

	CASE_BEGIN;
	KV_OPEN_EMPTY(KV_MEMORY);
	memory();
	for (n = 0; n < 100; n++) {
		key[4] = (char)('0' + n / 10);
		key[5] = (char)('0' + n % 10);
		conf_fill(written, VALUE_BYTES, n);
		KV_IO(io, SET, key, written, VALUE_BYTES, 0);
		if (io.done.result < 0)
			break;
	}
	CHECK_RESULT(io.done.result, MIRAGE_ENOSPC);
	/* The limit, and what a key costs. */
	CHECK_EQ(n, KV_LIMIT_BYTES /
			    (VALUE_BYTES + 6 + MIRAGE_KV_MEMORY_ENTRY_BYTES));
	KV_IO_IS(io, STAT, key, NULL, 0, 0, MIRAGE_ENOENT);
	KV_IO_IS(io, SET, "key 00", written, VALUE_BYTES * 2, 0, MIRAGE_ENOSPC);
	for (i = 0; i < n; i++) {
		key[4] = (char)('0' + i / 10);
		key[5] = (char)('0' + i % 10);
		conf_fill(written, VALUE_BYTES, i);
		KV_IO_IS(io, READ, key, got, VALUE_BYTES, 0, VALUE_BYTES);
		CHECK_BYTES(got, written, VALUE_BYTES);
	}
	/* In the place of another there is room. */
	KV_IO_IS(io, SET, "key 00", written, VALUE_BYTES, 0, 0);
	KV_IO_IS(io, REMOVE, "key 01", NULL, 0, 0, 0);
	KV_IO_IS(io, SET, "key 98", written, VALUE_BYTES, 0, 0);
	CASE_END;
}

/* Keys come and go while they are listed. */
static void change_inside(void *arg, const char *key,
			  const struct mirage_kv_value *value)
{
	unsigned i = listed.n++;

	(void)value;
	if (i >= MANY)
		return;
	conf_copy(listed.keys[i], key, conf_length(key) + 1);
	kv_send(&sets[i], MIRAGE_KV_REMOVE, listed.keys[i], NULL, 0, 0);
}

KV_WRITE_CASE(kv, change_while_listed, "KVS-12 LAW-04")
{
	static struct conf_done done;
	static unsigned i;

	CASE_BEGIN;
	KV_OPEN(kind);
	memory();
	conf_set(&listed, sizeof(listed), 0);
	conf_set(sets, sizeof(sets), 0);
	conf_set(&io, sizeof(io), 0);
	done = (struct conf_done){0};
	io.request.op = MIRAGE_KV_LIST;
	io.request.key = "";
	io.request.on_key = change_inside;
	io.request.done = conf_count;
	io.request.arg = &done;
	mirage_kv_submit(conf_kv(CONF_KV), &io.request);
	AWAIT(done.count == 1);
	CHECK_RESULT(done.result, 0);
	CHECK_EQ(listed.n, KV_SAMPLES);
	for (i = 0; i < KV_SAMPLES; i++) {
		AWAIT(sets[i].done.count == 1);
		CHECK_RESULT(sets[i].done.result, 0);
	}
	kv_send_list(&io, "", &listed);
	AWAIT(io.done.count == 1);
	CHECK_EQ(listed.n, 0);
	CASE_END;
}

CASES(kv_change) = {KV_WRITE_CASES(set_and_get),
		    KV_WRITE_CASES(set_vectors),
		    KV_WRITE_CASES(remove),
		    KV_WRITE_CASES(keys),
		    KV_WRITE_CASES(versions),
		    KV_WRITE_CASES(all_or_nothing),
		    KV_WRITE_CASES(too_large),
		    &kv_full_memory,
		    KV_WRITE_CASES(change_while_listed),
		    NULL};
