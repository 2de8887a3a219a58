/* SPDX-License-Identifier: ISC */
/*
 * fixture_sim.c: the simulation, where the world can be made to do everything.
 */
#include "fixture_host.h"

#include <mirage-sim.h>

#define DISK_BYTES "2M"
#define BACK_AFTER_NS 1000000u

static bool set_link(const char *name, bool up)
{
	return mirage_sim_net_set_link(name, up) == MIRAGE_OK;
}

static bool set_paused(const char *name, bool paused)
{
	return mirage_sim_net_pause(name, paused) == MIRAGE_OK;
}

static bool lose_net(const char *name, bool lost)
{
	return mirage_sim_net_lose(name, lost) == MIRAGE_OK;
}

static bool inject(const char *name, const void *bytes, size_t length)
{
	return mirage_sim_net_inject(name, bytes, length) == MIRAGE_OK;
}

static bool lose(const char *name, bool lost)
{
	return (lost ? mirage_sim_block_lose(name)
		     : mirage_sim_block_restore(name)) == MIRAGE_OK;
}

static bool resize(const char *name, uint64_t size_bytes)
{
	return mirage_sim_block_resize(name, size_bytes) == MIRAGE_OK;
}

static bool power_loss(const char *name)
{
	return mirage_sim_block_power_loss(name, BACK_AFTER_NS) == MIRAGE_OK;
}

static bool drop_caps(const char *name, uint32_t caps)
{
	return mirage_sim_block_drop_caps(name, caps) == MIRAGE_OK;
}

static bool fail_next(const char *name, unsigned n, int error)
{
	unsigned i;

	for (i = 1; i <= n; i++)
		if (mirage_sim_block_fail_nth(name, i, error) != MIRAGE_OK)
			return false;
	return true;
}

static bool ask_shutdown(void)
{
	mirage_sim_shutdown();
	return true;
}

static bool suspend(void)
{
	mirage_sim_suspend(3600000000000);
	return true;
}

static bool console_input(const void *bytes, size_t length)
{
	if (length == 0)
		mirage_sim_console_end();
	else
		mirage_sim_console_input(bytes, length);
	return true;
}

static bool console_pause(bool paused)
{
	mirage_sim_console_pause(paused);
	return true;
}

static bool console_gone(void)
{
	mirage_sim_console_hang_up();
	return true;
}

static const char *setup(struct conf_fixture *fixture, bool own_process)
{
	const char *path = host_file(fixture, "fixed", 65536, 0x5a);
	const char *argv[] = {
		"--net",   "a=lan:conf",
		"--net",   "b=lan:conf",
		"--block", "small=disk:" DISK_BYTES,
		"--block", "large=disk:" DISK_BYTES ",sector=4096",
		"--block", host_format("fixed=disk:64K,ro,file=%s", path),
	};
	unsigned i;

	for (i = 0; i < sizeof(argv) / sizeof(argv[0]); i++)
		fixture->argv[i] = argv[i];
	if (!own_process)
		host_no_console(fixture);
	else if (!host_capture(true))
		return "cannot capture the console";
	return NULL;
}

static struct conf_fixture sim = {
	.size = sizeof(sim),
	.name = "sim",
	.devices = {[CONF_NET_A] = "a",
		    [CONF_NET_B] = "b",
		    [CONF_DISK_512] = "small",
		    [CONF_DISK_4096] = "large",
		    [CONF_DISK_RO] = "fixed"},
	.setup = setup,
	.net_link = set_link,
	.net_pause = set_paused,
	.net_lose = lose_net,
	.net_inject = inject,
	.block_lose = lose,
	.block_resize = resize,
	.block_power_loss = power_loss,
	.block_drop_caps = drop_caps,
	.block_fail_next = fail_next,
	.shutdown = ask_shutdown,
	.suspend = suspend,
	.console_input = console_input,
	.console_output = host_console_output,
	.console_log = host_console_log,
	.console_pause = console_pause,
	.console_gone = console_gone,
};

struct conf_fixture *const conf_fixtures[] = {&sim, NULL};
