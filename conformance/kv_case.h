/* SPDX-License-Identifier: ISC */
/*
 * kv_case.h: what the cases of key-value stores share. A KV_CASE is a case for each
 * kind of store, a KV_WRITE_CASE for each that can be written; its body finds the
 * store in the role CONF_KV, whoever made it.
 */
#ifndef MIRAGE_KV_CASE_H
#define MIRAGE_KV_CASE_H

#include "conformance.h"

enum kv_kind {
	KV_MEMORY,   /* of lib/kv */
	KV_CRUNCHED, /* of lib/kv: a small fixed site */
	KV_TAR,	     /* of lib/kv, on CONF_DISK_512 */
	KV_NAMED     /* the backend's own */
};

/** What a store in memory is given. */
#define KV_LIMIT_BYTES 1000000u

/* As for DISK_CASE: the body gives its static variables their first values. */
#define KV_VARIANT(class_, name, suffix, kind, tags_, ...) \
	CASE(class_, name##_##suffix, tags_, __VA_ARGS__)  \
	{                                                  \
		class_##_##name##_body(kind);              \
	}

#define KV_WRITE_VARIANTS(class_, name, tags_)                                \
	static void class_##_##name##_body(enum kv_kind kind);                \
	KV_VARIANT(class_, name, memory, KV_MEMORY, tags_, .needs = 0)        \
	KV_VARIANT(class_, name, named, KV_NAMED, tags_, .needs = CONF_STORE, \
		   .caps = MIRAGE_KV_CAP_WRITE)

#define KV_READ_VARIANTS(class_, name, tags_)                              \
	static void class_##_##name##_body(enum kv_kind kind);             \
	KV_VARIANT(class_, name, crunched, KV_CRUNCHED, tags_, .needs = 0) \
	KV_VARIANT(class_, name, tar, KV_TAR, tags_, .needs = CONF_DISK,   \
		   .caps = MIRAGE_BLOCK_CAP_WRITE)

#define KV_CASE(class_, name, tags_)           \
	KV_WRITE_VARIANTS(class_, name, tags_) \
	KV_READ_VARIANTS(class_, name, tags_)  \
	static void class_##_##name##_body(enum kv_kind kind)

#define KV_WRITE_CASE(class_, name, tags_)     \
	KV_WRITE_VARIANTS(class_, name, tags_) \
	static void class_##_##name##_body(enum kv_kind kind)

#define KV_READ_CASE(class_, name, tags_)     \
	KV_READ_VARIANTS(class_, name, tags_) \
	static void class_##_##name##_body(enum kv_kind kind)

#define KV_WRITE_CASES(name) &kv_##name##_memory, &kv_##name##_named
#define KV_READ_CASES(name) &kv_##name##_crunched, &kv_##name##_tar
#define KV_CASES(name) KV_WRITE_CASES(name), KV_READ_CASES(name)

/* --------------------------------------------------------------- Samples -- */

/** What every kind of store has in it after KV_OPEN, in the order of the keys;
 *  the bytes of the i-th are those of conf_fill with the seed i + 1. */
struct kv_sample {
	const char *key;
	uint32_t length;
	const char *content_type; /* or NULL is found there */
};

#define KV_SAMPLES 11u
#define KV_LARGE 8u /* the longest one, with sectors to spare */
extern const struct kv_sample kv_samples[KV_SAMPLES];

/** The bytes of a sample, in memory that lasts as long as the case. */
const uint8_t *kv_bytes(unsigned i);

/** Opens a store of `kind` with nothing in it, if it can be written, or with the
 *  samples. kv_ready sees to what is to be done, and says when all is. */
void kv_prepare(enum kv_kind kind, bool samples);
bool kv_ready(void);

#define KV_OPEN(kind) KV_OPEN_AS(kind, true)
#define KV_OPEN_EMPTY(kind) KV_OPEN_AS(kind, false)
#define KV_OPEN_AS(kind, samples)          \
	do {                               \
		kv_prepare(kind, samples); \
		AWAIT(kv_ready());         \
		if (conf_over())           \
			return;            \
	} while (0)

/* -------------------------------------------------------------- Requests -- */

/** A request of one vector with its completion. */
struct kv_io {
	struct mirage_kv_request request;
	struct mirage_vector vector;
	struct conf_done done;
};

/** Keys that a LIST has told, in their order. */
#define KV_LISTED_MAX 32u
struct kv_listed {
	unsigned n; /* may be more than there is room for */
	char keys[KV_LISTED_MAX][MIRAGE_KV_KEY_MAX + 1];
	struct mirage_kv_value values[KV_LISTED_MAX];
};

void kv_send(struct kv_io *io, uint32_t op, const char *key, void *base,
	     size_t length, uint64_t offset);
void kv_send_list(struct kv_io *io, const char *prefix,
		  struct kv_listed *listed);
/** Submits what is in `io->request`, and counts its completion. */
void kv_submit(struct kv_io *io);

/** Submits one request and waits for it. */
#define KV_IO(io, op, key, base, length, offset)                        \
	do {                                                            \
		kv_send(&(io), MIRAGE_KV_##op, (key), (base), (length), \
			(offset));                                      \
		AWAIT((io).done.count == 1);                            \
	} while (0)

/** The same, and the result MUST be `expected`. */
#define KV_IO_IS(io, op, key, base, length, offset, expected) \
	do {                                                  \
		KV_IO(io, op, key, base, length, offset);     \
		CHECK_RESULT((io).done.result, (expected));   \
	} while (0)

#endif /* MIRAGE_KV_CASE_H */
