/* SPDX-License-Identifier: ISC */
/**
 * fixture.h: what a backend tells the conformance suite about itself.
 *
 * A fixture is one C file. It defines `conf_fixtures`, links against
 * libmirage-conformance and the backend, and is a program that runs the suite.
 * It may use libc and whatever its backend offers inside. A second entry is a
 * variation (other devices, same backend), chosen by `--fixture NAME`.
 *
 *	static struct conf_fixture plain = {
 *		.size = sizeof(plain),
 *		.name = "mine",
 *		.devices = {[CONF_DISK_512] = "small"},
 *		.argv = {"--block", "small=ram:1M"},
 *	};
 *	struct conf_fixture *const conf_fixtures[] = {&plain, NULL};
 */
#ifndef MIRAGE_FIXTURE_H
#define MIRAGE_FIXTURE_H

#include "conformance.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CONF_ARGV_MAX 32

/**
 * A fixture. Whatever is NULL does not exist: the cases that need it are skipped,
 * with the reason. The functions that change the world get the name of a device,
 * are called from a callback of the application, and return whether they could;
 * what they set going happens soon after, in the loop.
 */
struct conf_fixture {
	uint32_t size;
	const char *name;
	/** The name of each device, by role; see enum conf_role for what each one
	 *  must be like. */
	const char *devices[CONF_ROLES];
	/** The backend's options that make these devices, ending in NULL. `setup`
	 *  may fill them in. */
	const char *argv[CONF_ARGV_MAX + 1];

	/** An empty directory for the case's files, which the Check runner makes
	 *  and removes; NULL under the TAP runner. */
	const char *scratch;

	/**
	 * Called before the program starts; returns NULL, or why nothing can be
	 * tested here. With `own_process` it is called in each case's process and
	 * may put something else in the place of standard input and output;
	 * without, it is called once and must leave them alone.
	 */
	const char *(*setup)(struct conf_fixture *fixture, bool own_process);
	/** Called after the program has ended, also when it crashed or hung; may
	 *  be in another process than `setup`. */
	void (*teardown)(struct conf_fixture *fixture);

	bool (*net_link)(const char *name, bool up);
	bool (*net_pause)(const char *name, bool paused);
	bool (*net_lose)(const char *name, bool lost);
	bool (*net_inject)(const char *name, const void *bytes, size_t length);
	bool (*block_lose)(const char *name, bool lost);
	bool (*block_resize)(const char *name, uint64_t size_bytes);
	bool (*block_power_loss)(const char *name);
	bool (*block_drop_caps)(const char *name, uint32_t caps);
	bool (*block_fail_next)(const char *name, unsigned n, int error);
	bool (*shutdown)(void);
	bool (*suspend)(void);
	bool (*console_input)(const void *bytes, size_t length);
	size_t (*console_output)(size_t from, void *bytes, size_t length);
	size_t (*console_log)(size_t from, void *bytes, size_t length);
	bool (*console_pause)(bool paused);
	bool (*console_gone)(void);
};

/** The fixtures of this program, the default first, ending in NULL. */
extern struct conf_fixture *const conf_fixtures[];

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_FIXTURE_H */
