/* SPDX-License-Identifier: ISC */
/*
 * fixture_xen.c: a Xen guest. Its devices are those that its toolstack gave it, or
 * with FIXTURE_PLAYED those that tools/xen-backend in dom0 plays for it; that
 * program also does what a case wants done to the world.
 */
#include "fixture.h"

#include "machine.h"
#include "xen.h"

#include "../tools/xen-backend/world.h"

#ifndef FIXTURE_PLAYED
#define FIXTURE_PLAYED 0
#endif

#define PATIENCE_NS UINT64_C(10000000000)
#define POLL_NS UINT64_C(200000)
#define SETTLE_NS UINT64_C(200000000)

/* Found by its symbol, by dom0. Not zero, so that it is in the image. */
extern struct world conf_world;
__attribute__((used, aligned(4096))) struct world conf_world = {
	.magic = WORLD_MAGIC,
	.played = FIXTURE_PLAYED,
};

/* --------------------------------------------------------------- Asking -- */

static bool await(const uint32_t *word, uint32_t value, uint64_t patience_ns)
{
	uint64_t now_ns = xen_clock_ops.monotonic_ns();
	uint64_t deadline_ns = now_ns + patience_ns;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
		now_ns = xen_clock_ops.monotonic_ns();
		if (now_ns >= deadline_ns)
			return false;
		xen_events_wait(now_ns + POLL_NS);
	}
	return true;
}

/* Waits for the answer: no callback runs meanwhile. */
static bool ask(enum world_op op, unsigned device, uint64_t argument)
{
	uint32_t number = conf_world.asked + 1;

	conf_world.op = op;
	conf_world.device = device;
	conf_world.argument = argument;
	__atomic_store_n(&conf_world.asked, number, __ATOMIC_RELEASE);
	return await(&conf_world.answered, number, PATIENCE_NS) &&
	       conf_world.result != 0;
}

static void copy(void *to, const void *from, size_t length)
{
	const uint8_t *source = from;
	uint8_t *target = to;

	while (length-- > 0)
		*target++ = *source++;
}

static bool tell(enum world_op op, unsigned device, const void *bytes,
		 size_t length)
{
	if (length > WORLD_BYTES)
		return false;
	copy(conf_world.bytes, bytes, length);
	conf_world.length = (uint32_t)length;
	return ask(op, device, 0);
}

/* --------------------------------------------------------------- Devices -- */

/* By the first letter of the names below. */
static unsigned device_of(const char *name)
{
	static const char letters[] = "abslf";
	unsigned i = 0;

	while (letters[i] != name[0])
		i++;
	return i;
}

static bool set_link(const char *name, bool up)
{
	return ask(WORLD_LINK, device_of(name), up);
}

static bool set_paused(const char *name, bool paused)
{
	return ask(WORLD_PAUSE, device_of(name), paused);
}

static bool lose(const char *name, bool lost)
{
	return ask(WORLD_LOSE, device_of(name), lost);
}

static bool inject(const char *name, const void *bytes, size_t length)
{
	return tell(WORLD_INJECT, device_of(name), bytes, length);
}

static bool resize(const char *name, uint64_t size_bytes)
{
	return ask(WORLD_RESIZE, device_of(name), size_bytes);
}

static bool power_loss(const char *name)
{
	return ask(WORLD_POWER_LOSS, device_of(name), 0);
}

static bool drop_caps(const char *name, uint32_t caps)
{
	return ask(WORLD_DROP_CAPS, device_of(name), caps);
}

/* The protocol has one error. */
static bool fail_next(const char *name, unsigned n, int error)
{
	return error == MIRAGE_EIO && ask(WORLD_FAIL_NEXT, device_of(name), n);
}

/* --------------------------------------------------------------- Ambient -- */

static bool ask_shutdown(void)
{
	return ask(WORLD_SHUTDOWN, 0, 0);
}

static bool suspend(void)
{
	return ask(WORLD_SUSPEND, 0, 0);
}

/* Xen's console has no end of its input. */
static bool console_input(const void *bytes, size_t length)
{
	return length > 0 && tell(WORLD_INPUT, 0, bytes, length);
}

/* Once the program has ended there is no later look: dom0 gets time to write. */
static void settle(void)
{
	static const uint32_t never = 0;

	if (!mirage_core_ended())
		return;
	xen_console_drain();
	await(&never, 1, SETTLE_NS);
}

static size_t read_back(enum world_op op, size_t from, void *bytes,
			size_t length)
{
	uint8_t *to = bytes;
	size_t n = 0;

	settle();
	while (n < length) {
		conf_world.length =
			(uint32_t)(length - n < WORLD_BYTES ? length - n
							    : WORLD_BYTES);
		if (!ask(op, 0, from + n) || conf_world.length == 0)
			break;
		copy(to + n, conf_world.bytes, conf_world.length);
		n += conf_world.length;
	}
	return n;
}

static size_t console_output(size_t from, void *bytes, size_t length)
{
	return read_back(WORLD_OUTPUT, from, bytes, length);
}

/* In the console's stream, unless mirage-xen-run has started the guest. */
static size_t console_log(size_t from, void *bytes, size_t length)
{
	return read_back(WORLD_LOG, from, bytes, length);
}

static bool console_pause(bool paused)
{
	return ask(WORLD_PAUSE_CONSOLE, 0, paused);
}

/* --------------------------------------------------------------- Fixture -- */

static void forget_world(struct conf_fixture *fixture)
{
	fixture->net_link = NULL;
	fixture->net_lose = NULL;
	fixture->block_lose = NULL;
	fixture->block_resize = NULL;
	fixture->shutdown = NULL;
	fixture->suspend = NULL;
}

static void forget_console(struct conf_fixture *fixture)
{
	fixture->console_input = NULL;
	fixture->console_output = NULL;
	fixture->console_log = NULL;
	fixture->console_pause = NULL;
}

/* Several cases in one program have one console and one shutdown only. */
static const char *setup(struct conf_fixture *fixture, bool own_process)
{
	bool world = await(&conf_world.ready, 1, PATIENCE_NS);

	if (!world && FIXTURE_PLAYED)
		return "no xen-backend in dom0";
	if (!world)
		forget_world(fixture);
	if (!world || !own_process)
		forget_console(fixture);
	if (!own_process)
		fixture->suspend = NULL;
	return NULL;
}

#define COMMON(name_)                                                         \
	.size = sizeof(struct conf_fixture), .name = name_,                   \
	.devices = {[CONF_NET_A] = "a",                                       \
		    [CONF_NET_B] = "b",                                       \
		    [CONF_DISK_512] = "small",                                \
		    [CONF_DISK_4096] = "large",                               \
		    [CONF_DISK_RO] = "fixed"},                                \
	.setup = setup, .net_link = set_link, .net_lose = lose,               \
	.block_lose = lose, .block_resize = resize, .shutdown = ask_shutdown, \
	.suspend = suspend, .console_input = console_input,                   \
	.console_output = console_output, .console_log = console_log,         \
	.console_pause = console_pause

static struct conf_fixture real = {
	COMMON("xen"),
};

static struct conf_fixture played = {
	COMMON("xen-played"),
	.argv = {"--net", "a=vif:0", "--net", "b=vif:1", "--block",
		 "small=vbd:xvda", "--block", "large=vbd:xvdb", "--block",
		 "fixed=vbd:xvdc"},
	.net_pause = set_paused,
	.net_inject = inject,
	.block_power_loss = power_loss,
	.block_drop_caps = drop_caps,
	.block_fail_next = fail_next,
};

struct conf_fixture *const conf_fixtures[] = {FIXTURE_PLAYED ? &played : &real,
					      NULL};
