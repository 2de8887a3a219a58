/* SPDX-License-Identifier: ISC */
/* What the conformance suite needs to know of the tiny backend. */
#include <fixture.h>
#include <mirage-backend.h>

static bool ask_to_end(void)
{
	mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
	return true;
}

static struct conf_fixture tiny = {
	.size = sizeof(tiny),
	.name = "tiny",
	.devices =
		{
			[CONF_NET_A] = "left",
			[CONF_NET_B] = "right",
			[CONF_DISK_512] = "small",
			[CONF_DISK_4096] = "large",
			[CONF_DISK_RO] = "fixed",
		},
	.argv = {"--net", "left=wire:lan", "--net", "right=wire:lan", "--block",
		 "small=ram:1M", "--block", "large=ram:1M,sector=4096",
		 "--block", "fixed=ram:64K,fill=90,ro"},
	.shutdown = ask_to_end,
};

struct conf_fixture *const conf_fixtures[] = {&tiny, NULL};
