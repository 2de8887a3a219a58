/* SPDX-License-Identifier: ISC */
/* Random bytes that follow from the seed: good for tests and never for keys. */
#include "sim.h"

static bool failing;

void mirage_sim_random_fail(bool fail)
{
	failing = fail;
}

static int sim_random_fill(void *bytes, size_t length)
{
	static struct sim_random stream;
	uint8_t *to = bytes;

	if (failing)
		return MIRAGE_EIO;
	if (stream.state == 0)
		sim_random_init(&stream, "random", "");
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)(sim_random(&stream) >> 56);
	return 0;
}

const struct mirage_random_ops sim_random_ops = {
	.size = sizeof sim_random_ops,
	.fill = sim_random_fill,
};
