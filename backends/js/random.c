/* SPDX-License-Identifier: ISC */
/* crypto.getRandomValues, the host's own generator. */
#include "js.h"

#include <string.h>

static int fill(void *bytes, size_t length)
{
	int result = js_random_fill(bytes, length);

	if (result < 0)
		memset(bytes, 0, length);
	return result;
}

const struct mirage_random_ops js_random_ops = {
	.size = sizeof js_random_ops,
	.fill = fill,
};
