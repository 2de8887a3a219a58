/* SPDX-License-Identifier: ISC */
/*
 * fixture_skeleton.c: a backend in which nothing works yet. It names its devices
 * although they do not open: what is not implemented is skipped, not failed.
 */
#include "fixture.h"

static struct conf_fixture skeleton = {
	.size = sizeof(skeleton),
	.name = "skeleton",
	.devices = {[CONF_NET_A] = "a",
		    [CONF_NET_B] = "b",
		    [CONF_DISK_512] = "small",
		    [CONF_DISK_4096] = "large",
		    [CONF_DISK_RO] = "fixed"},
};

struct conf_fixture *const conf_fixtures[] = {&skeleton, NULL};
