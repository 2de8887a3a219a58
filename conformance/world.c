/* SPDX-License-Identifier: ISC */
/*
 * world.c: passes what a case does to the world on to the fixture, and undoes
 * afterwards what would disturb the next case.
 */
#include "harness.h"

static struct {
	bool link_down[CONF_ROLES], paused[CONF_ROLES], lost[CONF_ROLES];
	bool console_paused;
} done;

bool conf_link(enum conf_role role, bool up)
{
	done.link_down[role] = !up;
	return conf_fixture()->net_link(conf_name(role), up);
}

bool conf_pause(enum conf_role role, bool paused)
{
	done.paused[role] = paused;
	return conf_fixture()->net_pause(conf_name(role), paused);
}

bool conf_lose(enum conf_role role, bool lost)
{
	struct conf_fixture *fixture = conf_fixture();

	done.lost[role] = lost;
	return role <= CONF_NET_B ? fixture->net_lose(conf_name(role), lost)
				  : fixture->block_lose(conf_name(role), lost);
}

bool conf_resize(enum conf_role role, uint64_t size_bytes)
{
	return conf_fixture()->block_resize(conf_name(role), size_bytes);
}

bool conf_power_loss(enum conf_role role)
{
	return conf_fixture()->block_power_loss(conf_name(role));
}

bool conf_drop_caps(enum conf_role role, uint32_t caps)
{
	return conf_fixture()->block_drop_caps(conf_name(role), caps);
}

bool conf_fail_next(enum conf_role role, unsigned n, int error)
{
	return conf_fixture()->block_fail_next(conf_name(role), n, error);
}

bool conf_inject(enum conf_role role, const void *bytes, size_t length)
{
	return conf_fixture()->net_inject(conf_name(role), bytes, length);
}

bool conf_shutdown(void)
{
	return conf_fixture()->shutdown();
}

bool conf_suspend(void)
{
	return conf_fixture()->suspend();
}

bool conf_console_input(const void *bytes, size_t length)
{
	return conf_fixture()->console_input(bytes, length);
}

size_t conf_console_output(size_t from, void *bytes, size_t length)
{
	return conf_fixture()->console_output(from, bytes, length);
}

size_t conf_console_log(size_t from, void *bytes, size_t length)
{
	return conf_fixture()->console_log(from, bytes, length);
}

bool conf_console_pause(bool paused)
{
	done.console_paused = paused;
	return conf_fixture()->console_pause(paused);
}

bool conf_console_gone(void)
{
	return conf_fixture()->console_gone();
}

bool conf_world_link_down(void)
{
	return done.link_down[CONF_NET_A] || done.link_down[CONF_NET_B];
}

void conf_world_mend(void)
{
	unsigned i;

	for (i = 0; i < CONF_ROLES; i++) {
		if (done.link_down[i])
			conf_link((enum conf_role)i, true);
		if (done.paused[i])
			conf_pause((enum conf_role)i, false);
		if (done.lost[i])
			conf_lose((enum conf_role)i, false);
	}
	if (done.console_paused)
		conf_console_pause(false);
}

/* What each bit of enum conf_need says, in the words of a skip. */
static const struct {
	uint32_t need;
	const char *without, *with;
} reasons[] = {
	{CONF_NET, "no network", "there is a network"},
	{1u << CONF_NET_B, "no second network", "there is a second network"},
	{CONF_DISK, "no disk with 512-byte sectors", "there is a disk"},
	{CONF_DISK_LARGE, "no disk with 4096-byte sectors", "there is a disk"},
	{CONF_READ_ONLY, "no read-only disk", "there is a read-only disk"},
	{CONF_STORE, "no store of the backend's own", "there is a store"},
	{CONF_SOCKETS_4, "no sockets of the host", "the host has sockets"},
	{CONF_SOCKETS_6, "no sockets of the host with IPv6",
	 "the host has sockets with IPv6"},
	{CONF_SOCKETS_NAMES, "the host asks others for names",
	 "the host asks us for names"},
#define ABILITY(bit, what)                                               \
	{                                                                \
		bit, "the fixture cannot " what, "the fixture can " what \
	}
	ABILITY(CONF_LINK, "drop the link"),
	ABILITY(CONF_PAUSE, "pause the other end of a network"),
	ABILITY(CONF_NET_LOSE, "take a network's backend away"),
	ABILITY(CONF_DISK_LOSE, "take a disk's backend away"),
	ABILITY(CONF_RESIZE, "resize a disk"),
	ABILITY(CONF_POWER, "cut a disk's power"),
	ABILITY(CONF_DROP_CAPS, "drop a disk's capability"),
	ABILITY(CONF_FAIL, "make a disk fail"),
	ABILITY(CONF_SHUTDOWN, "ask for a shutdown"),
	ABILITY(CONF_SUSPEND, "suspend the program"),
	ABILITY(CONF_INPUT, "type on the console"),
	ABILITY(CONF_OUTPUT, "see what the console writes"),
	ABILITY(CONF_CONSOLE_PAUSE, "stop reading the console"),
	ABILITY(CONF_CONSOLE_GONE, "close the console's reader"),
	ABILITY(CONF_LOG, "see the log"),
	ABILITY(CONF_INJECT, "inject frames"),
#undef ABILITY
};

static uint32_t abilities(const struct conf_fixture *fixture)
{
	uint32_t bits = 0;
	unsigned role;

	for (role = 0; role < CONF_ROLES; role++)
		if (fixture->devices[role] != NULL)
			bits |= 1u << role;
#define ABILITY(bit, member)         \
	if (fixture->member != NULL) \
	bits |= bit
	ABILITY(CONF_LINK, net_link);
	ABILITY(CONF_PAUSE, net_pause);
	ABILITY(CONF_NET_LOSE, net_lose);
	ABILITY(CONF_DISK_LOSE, block_lose);
	ABILITY(CONF_RESIZE, block_resize);
	ABILITY(CONF_POWER, block_power_loss);
	ABILITY(CONF_DROP_CAPS, block_drop_caps);
	ABILITY(CONF_FAIL, block_fail_next);
	ABILITY(CONF_SHUTDOWN, shutdown);
	ABILITY(CONF_SUSPEND, suspend);
	ABILITY(CONF_INPUT, console_input);
	ABILITY(CONF_OUTPUT, console_output);
	ABILITY(CONF_CONSOLE_PAUSE, console_pause);
	ABILITY(CONF_CONSOLE_GONE, console_gone);
	ABILITY(CONF_LOG, console_log);
	ABILITY(CONF_INJECT, net_inject);
#undef ABILITY
	return bits;
}

const char *conf_unmet(const struct conf_case *test,
		       const struct conf_fixture *fixture, bool own_process)
{
	uint32_t able = abilities(fixture);
	unsigned i;

	if (!own_process && (test->exits || test->aborts != NULL ||
			     test->argv != NULL || test->before != NULL))
		return "needs a process of its own";
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if ((test->needs & reasons[i].need & ~able) != 0)
			return reasons[i].without;
		if ((test->excludes & reasons[i].need & able) != 0)
			return reasons[i].with;
	}
	return NULL;
}
