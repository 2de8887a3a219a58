/* SPDX-License-Identifier: ISC */
#include "xen.h"

#include <string.h>

#define TRIES 100

static bool hardware_word(uint64_t *word)
{
	uint8_t ok = 0;

	for (int i = 0; i < TRIES && ok == 0; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(ok));
	return ok != 0;
}

static bool present(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (c >> 30 & 1) != 0;
}

static int fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	if (!present())
		return MIRAGE_EIO;
	while (length > 0) {
		size_t n = length < 8 ? length : 8;
		uint64_t word;

		if (!hardware_word(&word))
			return MIRAGE_EIO;
		memcpy(at, &word, n);
		at += n;
		length -= n;
	}
	return 0;
}

const struct mirage_random_ops xen_random_ops = {
	.size = sizeof xen_random_ops,
	.fill = fill,
};
