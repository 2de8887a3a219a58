/* SPDX-License-Identifier: ISC */
#include "core.h"

#include <stdlib.h>

void mirage_core_broken(const char *tag, const char *what)
{
	mirage_log(MIRAGE_LOG_ERROR, "broken contract [%s]: %s", tag, what);
	abort();
}
