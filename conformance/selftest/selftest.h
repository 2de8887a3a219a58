/* SPDX-License-Identifier: ISC */
/*
 * selftest.h: a small backend in memory with a bug to order. Without one it keeps
 * every sentence of mirage.h; with `--bug NAME` it breaks one, and the suite must
 * notice.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <mirage-backend.h>

#include "bugs.h"

enum selftest_bug {
#define SELFTEST_BUG_ENUM(name, text, tag, cases) BUG_##name,
	SELFTEST_BUGS(SELFTEST_BUG_ENUM)
#undef SELFTEST_BUG_ENUM
		BUG_COUNT
};

/** Whether `bug` is the one that was ordered. */
bool planted(enum selftest_bug bug);

/* Each class has a poll, which moves what is under way and returns whether
 * anything was, and what the fixture passes on, see fixture.h. */

/* backend.c */
bool selftest_suspend(void);
bool selftest_shutdown(void);

/* console.c */
extern const struct mirage_console_ops selftest_console_ops;
bool selftest_console_poll(void);
void selftest_console_end(void);
bool selftest_console_input(const void *bytes, size_t length);
size_t selftest_console_output(size_t from, void *bytes, size_t length);
bool selftest_console_pause(bool pause);
bool selftest_console_gone(void);

/* net.c */
void selftest_net_open(struct mirage_open *open);
bool selftest_net_poll(void);
bool selftest_net_link(const char *name, bool up);
bool selftest_net_pause(const char *name, bool paused);
bool selftest_net_inject(const char *name, const void *bytes, size_t length);

/* block.c */
void selftest_block_open(struct mirage_open *open);
bool selftest_block_poll(void);
bool selftest_block_lose(const char *name, bool lost);
bool selftest_block_resize(const char *name, uint64_t size_bytes);
bool selftest_block_power_loss(const char *name);
bool selftest_block_drop_caps(const char *name, uint32_t caps);
bool selftest_block_fail_next(const char *name, unsigned n, int error);
/** What the disk still holds fails: for a close that does not wait. */
void selftest_block_doom(struct mirage_block *block);

#endif /* SELFTEST_H */
