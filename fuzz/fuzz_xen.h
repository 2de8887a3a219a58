/* SPDX-License-Identifier: ISC */
/*
 * fuzz_xen.h: what the harnesses of the Xen drivers share. The input is a program:
 * bytes that say what the backend, the store and the application do next.
 */
#ifndef FUZZ_XEN_H
#define FUZZ_XEN_H

#include "fake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#define STEPS_MAX 400

struct input {
	const uint8_t *at, *end;
};

static inline uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static inline uint16_t word(struct input *in)
{
	uint8_t low = byte(in);

	return (uint16_t)(low | byte(in) << 8);
}

static inline uint32_t number(struct input *in)
{
	uint16_t low = word(in);

	return low | (uint32_t)word(in) << 16;
}

/** A value for a node: often a sensible one. */
static inline const char *value(struct input *in)
{
	static const char *const values[] = {
		"0",
		"1",
		"2",
		"4",
		"6",
		"11",
		"512",
		"4096",
		"9000",
		"65535",
		"4294967295",
		"4294967296",
		"18446744073709551616",
		"99999999999999999999999",
		"-1",
		"",
		" 1",
		"1x",
		"00:16:3e:00:00:01",
		"01:16:3e:00:00:01",
		"00:16:3e:00:00:0",
		"/local/domain/0/backend/x",
		"%s%n",
		"\x01\xff",
	};
	static char text[256];
	uint8_t which = byte(in);

	if (which < sizeof values / sizeof *values)
		return values[which];
	if (which < 128) {
		snprintf(text, sizeof text, "%u", which - 64u);
		return text;
	}
	memset(text, which, which);
	text[which] = '\0';
	return text;
}

/** Changes the node `path` in one of the ways there are. */
static inline void change(struct input *in, const char *path)
{
	switch (byte(in) % 4) {
	case 0:
		fake_set(path, NULL);
		break;
	case 1: {
		char first[256];

		snprintf(first, sizeof first, "%s", value(in));
		fake_flip(path, first, value(in));
		break;
	}
	default:
		fake_set(path, value(in));
	}
}

/** What leaks by design, because a backend holds it, is bounded: harnesses run for
 *  long. */
static inline bool may_hold(void)
{
	static unsigned left = 150;

	return left > 0 && left-- > 0;
}

/** A device that is closed has given back all but what its backend holds. */
static inline void assert_nothing_left(void)
{
	assert(fake_ports_open() == 1 && fake_watches() == 0);
	assert(xen_grants_in_use == xen_grants_leaked);
	if (xen_grants_leaked == 0)
		assert(fake.pages_in_use == 0);
	fake_unmap_all();
	fake.pages_in_use = 0;
}

#endif /* FUZZ_XEN_H */
