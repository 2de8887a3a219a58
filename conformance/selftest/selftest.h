/* SPDX-License-Identifier: ISC */
/*
 * selftest.h: a small backend in memory with a bug to order. Without one it keeps
 * every sentence of mirage.h; with `--bug NAME` it breaks a single one, and the
 * suite must notice.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <mirage-backend.h>

#include "bugs.h"

enum selftest_bug {
#define SELFTEST_BUG_ENUM(name, text, cases) BUG_##name,
	SELFTEST_BUGS(SELFTEST_BUG_ENUM)
#undef SELFTEST_BUG_ENUM
		BUG_COUNT
};

/** Whether `bug` is the one that was ordered. */
bool planted(enum selftest_bug bug);

/* backend.c */
extern uint64_t selftest_now_ns;
extern const struct mirage_console_ops selftest_console_ops;

/* net.c */
void selftest_net_open(struct mirage_open *open);
/** Moves what is under way; returns whether anything was. */
bool selftest_net_poll(void);
/** Raises or drops the link of the network called `name`. */
void selftest_net_link(const char *name, bool up);

/* block.c */
void selftest_block_open(struct mirage_open *open);
bool selftest_block_poll(void);
/** Loses everything that no flush covered. */
void selftest_block_power_loss(const char *name);
bool selftest_block_resize(const char *name, uint64_t size_bytes);
/** Takes the disk away or gives it back; requests wait meanwhile. */
void selftest_block_present(const char *name, bool present);
/** Takes capabilities from an open disk. */
void selftest_block_drop_caps(const char *name, uint32_t caps);

#endif /* SELFTEST_H */
