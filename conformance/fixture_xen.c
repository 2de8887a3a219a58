/* SPDX-License-Identifier: ISC */
/*
 * fixture_xen.c: a Xen guest, with the devices that its toolstack gave it.
 */
#include "fixture.h"

static struct conf_fixture real = {
	.size = sizeof(real),
	.name = "xen",
	.devices = {[CONF_NET_A] = "a",
		    [CONF_NET_B] = "b",
		    [CONF_DISK_512] = "small",
		    [CONF_DISK_4096] = "large",
		    [CONF_DISK_RO] = "fixed"},
};

struct conf_fixture *const conf_fixtures[] = {&real, NULL};
