/* SPDX-License-Identifier: ISC */
/*
 * fixture_js.c: WebAssembly, in Node and in browsers. Whoever loads the program
 * (tests/js/conformance) makes the devices and does what a case wants done to the
 * world: soon, for nothing may call the program from inside an import.
 */
#include "fixture.h"

/* Bits of enum conf_need: what the loader is able to do. */
uint32_t world_able(void);
bool world_link(const char *name, bool up);
bool world_pause(const char *name, bool paused);
bool world_inject(const char *name, const void *bytes, size_t length);
bool world_resize(const char *name, double size_bytes);
bool world_fail_next(const char *name, unsigned n, int error);
bool world_shutdown(void);
bool world_suspend(void);
bool world_console_input(const void *bytes, size_t length);
size_t world_console_output(size_t from, void *bytes, size_t length);
size_t world_console_log(size_t from, void *bytes, size_t length);
bool world_console_pause(bool paused);
bool world_console_gone(void);

static bool resize(const char *name, uint64_t size_bytes)
{
	return world_resize(name, (double)size_bytes);
}

static const char *setup(struct conf_fixture *fixture, bool own_process)
{
	uint32_t able = world_able();

#define ABILITY(bit, member)     \
	if ((able & (bit)) == 0) \
	fixture->member = NULL
	ABILITY(CONF_LINK, net_link);
	ABILITY(CONF_PAUSE, net_pause);
	ABILITY(CONF_INJECT, net_inject);
	ABILITY(CONF_RESIZE, block_resize);
	ABILITY(CONF_FAIL, block_fail_next);
	ABILITY(CONF_CONSOLE_PAUSE, console_pause);
	ABILITY(CONF_CONSOLE_GONE, console_gone);
#undef ABILITY
	return NULL;
}

static struct conf_fixture js = {
	.size = sizeof(struct conf_fixture),
	.name = "js",
	.devices = {[CONF_NET_A] = "a",
		    [CONF_NET_B] = "b",
		    [CONF_DISK_512] = "small",
		    [CONF_DISK_4096] = "large",
		    [CONF_DISK_RO] = "fixed"},
	.setup = setup,
	.net_link = world_link,
	.net_pause = world_pause,
	.net_inject = world_inject,
	.block_resize = resize,
	.block_fail_next = world_fail_next,
	.shutdown = world_shutdown,
	.suspend = world_suspend,
	.console_input = world_console_input,
	.console_output = world_console_output,
	.console_log = world_console_log,
	.console_pause = world_console_pause,
	.console_gone = world_console_gone,
};

struct conf_fixture *const conf_fixtures[] = {&js, NULL};
