/* SPDX-License-Identifier: ISC */
#include "unix.h"

#include <errno.h>
#include <sys/random.h>

/* Without GRND_NONBLOCK it would wait on a machine that has just started. */
static int fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length > 0) {
		ssize_t n = getrandom(at, length, GRND_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			mirage_log(MIRAGE_LOG_ERROR,
				   "random: the kernel has no entropy yet");
			return MIRAGE_EIO;
		}
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

const struct mirage_random_ops unix_random_ops = {
	.size = sizeof unix_random_ops,
	.fill = fill,
};
