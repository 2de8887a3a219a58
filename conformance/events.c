/* SPDX-License-Identifier: ISC */
/*
 * events.c: what happens of itself. The events of one class of devices are with
 * that class.
 */
#include "conformance.h"

/* What the device said of itself when its event arrived. */
static struct {
	unsigned link, resized, caps;
	bool link_up;
	uint64_t size_bytes;
	uint32_t block_caps;
} seen;

static void look_afresh(void)
{
	conf_set(&seen, sizeof(seen), 0);
}

static void look_at_net(void *arg, uint32_t event)
{
	const struct mirage_net *net = arg;

	if (event != MIRAGE_EVENT_LINK)
		return;
	seen.link++;
	seen.link_up = net->info->link_up;
}

static void look_at_block(void *arg, uint32_t event)
{
	const struct mirage_block *block = arg;

	if (event == MIRAGE_EVENT_RESIZED) {
		seen.resized++;
		seen.size_bytes = block->info->size_bytes;
	} else if (event == MIRAGE_EVENT_CAPS) {
		seen.caps++;
		seen.block_caps = block->info->caps;
	}
}

CASE(events, link_state_first, "EVT-01", .needs = CONF_PAIR | CONF_LINK,
     .caps = MIRAGE_NET_CAP_LINK)
{
	CASE_BEGIN;
	look_afresh();
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	AWAIT(conf_net(CONF_NET_A)->info->link_up);
	REST_NS(2000000);
	conf_on_event(CONF_NET_A, look_at_net, conf_net(CONF_NET_A));
	WORLD(conf_link(CONF_NET_A, false));
	AWAIT(seen.link == 1);
	CHECK(!seen.link_up);
	WORLD(conf_link(CONF_NET_A, true));
	AWAIT(seen.link == 2);
	CHECK(seen.link_up);
	CASE_END;
}

CASE(events, size_first, "EVT-01", .needs = CONF_DISK | CONF_RESIZE,
     .caps = MIRAGE_BLOCK_CAP_RESIZE)
{
	static uint64_t size_bytes;

	CASE_BEGIN;
	look_afresh();
	OPEN(CONF_DISK_512);
	conf_on_event(CONF_DISK_512, look_at_block, conf_block(CONF_DISK_512));
	size_bytes = conf_block(CONF_DISK_512)->info->size_bytes + 65536;
	WORLD(conf_resize(CONF_DISK_512, size_bytes));
	AWAIT(seen.resized > 0);
	CHECK_EQ(seen.size_bytes, size_bytes);
	WORLD(conf_resize(CONF_DISK_512, size_bytes - 65536));
	AWAIT(seen.size_bytes == size_bytes - 65536);
	CASE_END;
}

CASE(events, caps_first, "EVT-01", .needs = CONF_DISK | CONF_DROP_CAPS,
     .caps = MIRAGE_BLOCK_CAP_DISCARD)
{
	CASE_BEGIN;
	look_afresh();
	OPEN(CONF_DISK_512);
	conf_on_event(CONF_DISK_512, look_at_block, conf_block(CONF_DISK_512));
	WORLD(conf_drop_caps(CONF_DISK_512, MIRAGE_BLOCK_CAP_DISCARD));
	AWAIT(seen.caps == 1);
	CHECK((seen.block_caps & MIRAGE_BLOCK_CAP_DISCARD) == 0);
	CASE_END;
}

/* -------------------------------------------------------------- Shutdown -- */

static unsigned shutdowns, others;

static void on_shutdown(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_SHUTDOWN)
		shutdowns++;
	else
		others++;
	conf_wake();
}

/* The case goes on for ever unless the request ends the program. */
CASE(events, shutdown_ends, "EVT-02", .needs = CONF_SHUTDOWN, .exits = true)
{
	CASE_BEGIN;
	REST_NS(1000000);
	WORLD(conf_shutdown());
	AWAIT(false);
	CASE_END;
}

CASE(events, removed_handler_ends, "EVT-02", .needs = CONF_SHUTDOWN,
     .exits = true)
{
	CASE_BEGIN;
	mirage_on_event(on_shutdown, NULL);
	REST_NS(1000000);
	mirage_on_event(NULL, NULL);
	WORLD(conf_shutdown());
	AWAIT(false);
	CASE_END;
}

CASE(events, shutdown_handled, "EVT-03", .needs = CONF_SHUTDOWN)
{
	CASE_BEGIN;
	mirage_on_event(on_shutdown, NULL);
	WORLD(conf_shutdown());
	AWAIT(shutdowns == 1);
	REST_NS(20000000);
	CHECK_EQ(shutdowns, 1);
	CHECK_EQ(others, 0);
	mirage_on_event(NULL, NULL);
	CASE_END;
}

/* ----------------------------------------------------------- Suspension -- */

static struct {
	unsigned resumed;
	uint64_t monotonic_ns;
} woken;

static void on_resumed(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_RESUMED)
		return;
	woken.resumed++;
	woken.monotonic_ns = mirage_clock_monotonic_ns();
	conf_wake();
}

CASE(events, resumed, "EVT-01 CLK-01", .needs = CONF_SUSPEND)
{
	static uint64_t before_ns;

	CASE_BEGIN;
	mirage_on_event(on_resumed, NULL);
	before_ns = mirage_clock_monotonic_ns();
	WORLD(conf_suspend());
	AWAIT(woken.resumed == 1);
	CHECK(woken.monotonic_ns >= before_ns);
	mirage_on_event(NULL, NULL);
	CASE_END;
}

CASES(events) = {
	&events_link_state_first,
	&events_size_first,
	&events_caps_first,
	&events_shutdown_ends,
	&events_removed_handler_ends,
	&events_shutdown_handled,
	&events_resumed,
	NULL,
};
