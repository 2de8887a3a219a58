/* SPDX-License-Identifier: ISC */
/*
 * random.c: bytes fit for keys.
 */
#include "conformance.h"

#define LENGTH 4096u

static unsigned bits_set(const uint8_t *bytes, size_t length)
{
	unsigned n = 0;
	uint8_t rest;

	for (; length > 0; length--, bytes++)
		for (rest = *bytes; rest != 0; rest &= (uint8_t)(rest - 1))
			n++;
	return n;
}

/* A generator that breaks down half-way. */
static int break_down(void *bytes, size_t length)
{
	conf_set(bytes, length / 2, 0xee);
	return MIRAGE_EIO;
}

static const struct mirage_random_ops broken = {
	.size = sizeof(broken),
	.fill = break_down,
};

static const struct mirage_ambient with_broken = {
	.size = sizeof(with_broken),
	.random = &broken,
};

CASE(random, fails_closed, "RND-01 LAW-09", .exits = true)
{
	static uint8_t bytes[LENGTH];

	CASE_BEGIN;
	conf_fill(bytes, LENGTH, 1);
	mirage_ambient_replace(&with_broken);
	CHECK_RESULT(mirage_random_fill(bytes, LENGTH), MIRAGE_EIO);
	CHECK(conf_all(bytes, LENGTH, 0));
	CASE_END;
}

CASE(random, absent_fails_closed, "RND-01")
{
	static uint8_t bytes[LENGTH];
	static int result;

	CASE_BEGIN;
	conf_fill(bytes, LENGTH, 1);
	result = mirage_random_fill(bytes, LENGTH);
	if (result == MIRAGE_OK)
		SKIP("there is a source of randomness");
	CHECK(result == MIRAGE_ENOSYS || result == MIRAGE_EIO);
	CHECK(conf_all(bytes, LENGTH, 0));
	CASE_END;
}

/* Skips where nothing is implemented; a fault fails the case. */
#define FILL(bytes, length)                                              \
	do {                                                             \
		int result_ = mirage_random_fill(bytes, length);         \
		if (result_ == MIRAGE_ENOSYS)                            \
			SKIP("no source of randomness on this backend"); \
		CHECK_RESULT(result_, MIRAGE_OK);                        \
	} while (0)

/*
 * For 32,768 fair bits, 16,384 are set with a standard deviation of 90.5: a good
 * generator leaves the bounds once in 10^27 runs.
 */
static bool balanced(const uint8_t *bytes)
{
	unsigned n = bits_set(bytes, LENGTH);

	return n > 15400 && n < 17368;
}

CASE(random, unrelated, "RND-02")
{
	static uint8_t first[LENGTH], second[LENGTH];
	static unsigned i;

	CASE_BEGIN;
	FILL(first, LENGTH);
	FILL(second, LENGTH);
	CHECK(balanced(first));
	CHECK(balanced(second));
	CHECK(!conf_same(first, second, LENGTH));
	for (i = 0; i < LENGTH; i++)
		first[i] ^= second[i];
	CHECK(balanced(first));
	CASE_END;
}

CASE(random, large, "RND-02")
{
	static uint8_t *bytes;
	static unsigned i;

	CASE_BEGIN;
	/* More than the 256 bytes and the 32 MiB that hosts give at once are
	 * different limits; the first one is the one that people meet. */
	bytes = conf_memory(1u << 20);
	FILL(bytes, 1u << 20);
	for (i = 0; i < 1u << 20; i += LENGTH)
		CHECK(balanced(bytes + i));
	CHECK(conf_guards_hold());
	CASE_END;
}

CASE(random, within_bounds, "RND-03")
{
	static const uint16_t lengths[] = {0,  1,  2,	3,   7,	  8,   9,
					   31, 64, 255, 256, 257, 1021};
	static uint8_t bytes[2048];
	static unsigned i;

	CASE_BEGIN;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		conf_set(bytes, sizeof(bytes), 0xa7);
		FILL(bytes + 511, lengths[i]);
		CHECK(conf_all(bytes, 511, 0xa7));
		CHECK(conf_all(bytes + 511 + lengths[i],
			       sizeof(bytes) - 511 - lengths[i], 0xa7));
	}
	CASE_END;
}

CASES(random) = {&random_fails_closed,	&random_absent_fails_closed,
		 &random_unrelated,	&random_large,
		 &random_within_bounds, NULL};
