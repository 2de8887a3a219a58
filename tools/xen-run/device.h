/* SPDX-License-Identifier: ISC */
/**
 * @file The guest's networks and disks: the nodes through which frontend and
 * backend find each other, and what dom0 has for each. The backends are Linux's.
 */
#ifndef XEN_RUN_DEVICE_H
#define XEN_RUN_DEVICE_H

#include "guest.h"

/** Looks whether files, bridges and scripts are there; 0, or a status. */
bool devices_check(const struct options *options);

/** Writes all nodes, so that the backends begin to work. */
bool devices_create(const struct guest *guest, const struct options *options);

/** Waits for the backends of the networks and plugs their interfaces in. */
bool devices_plug(const struct guest *guest, const struct options *options);

/** Takes all devices of a paused or dead guest away. */
void devices_remove(const struct guest *guest);

/** The Ethernet address of a network: what was asked for, or one made from
 *  the names of host, guest and network, the same in each run. */
void device_mac(const struct net_option *net, const char *guest, char text[18]);

/** Opens `file` as a block device, by a loop device if it is not one. The
 *  descriptor keeps the loop device alive; -1 after a complaint. */
int disk_attach(const struct disk_option *disk, unsigned *major,
		unsigned *minor);
bool disk_check(const struct disk_option *disk);

/** Sets `interface` up and makes it a port of `bridge`, if not NULL. */
bool bridge_plug(const char *interface, const char *bridge, unsigned mtu_bytes);
bool bridge_is(const char *name);

#endif
