/* SPDX-License-Identifier: ISC */
/* The fixture of the selftest. The bug comes by the environment, because the
 * runner's options are its own. */
#include "../fixture_host.h"
#include "selftest.h"

#include <stdlib.h>

static const char *setup(struct conf_fixture *fixture, bool own_process)
{
	const char *bug = getenv("MIRAGE_SELFTEST_BUG");
	unsigned i = 0;

	(void)own_process;
	while (fixture->argv[i] != NULL)
		i++;
	if (bug != NULL) {
		fixture->argv[i] = "--bug";
		fixture->argv[i + 1] = bug;
	}
	return NULL;
}

#define COMMON                                                              \
	.size = sizeof(struct conf_fixture),                                \
	.devices = {"left", "right", "small", "large", "fixed"},            \
	.setup = setup, .net_link = selftest_net_link,                      \
	.net_pause = selftest_net_pause, .net_inject = selftest_net_inject, \
	.block_lose = selftest_block_lose,                                  \
	.block_resize = selftest_block_resize,                              \
	.block_power_loss = selftest_block_power_loss,                      \
	.block_drop_caps = selftest_block_drop_caps,                        \
	.block_fail_next = selftest_block_fail_next,                        \
	.shutdown = selftest_shutdown, .suspend = selftest_suspend,         \
	.console_input = selftest_console_input,                            \
	.console_output = selftest_console_output,                          \
	.console_log = host_console_log,                                    \
	.console_pause = selftest_console_pause,                            \
	.console_gone = selftest_console_gone

static struct conf_fixture full = {.name = "full", COMMON};
static struct conf_fixture plain = {
	.name = "plain", .argv = {"--plain"}, COMMON};

struct conf_fixture *const conf_fixtures[] = {&full, &plain, NULL};
