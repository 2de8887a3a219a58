/* SPDX-License-Identifier: ISC */
/* http_world.h: a core that runs, whose time passes when nothing else is to be done. */
#ifndef HTTP_WORLD_H
#define HTTP_WORLD_H

#include <mirage-backend.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Starts the program once. */
void http_world_start(mirage_start_fn *start);
/** Lets up to `ns` pass, or all that happens before. */
void http_world_run(uint64_t ns);

#endif /* HTTP_WORLD_H */
