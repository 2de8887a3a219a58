/* SPDX-License-Identifier: ISC */
/**
 * @file Domains. libxenctrl and libxenguest, whose interfaces change with each
 * release of Xen, are used behind these functions and nowhere else.
 */
#ifndef XEN_RUN_XC_H
#define XEN_RUN_XC_H

#include "guest.h"

enum domain_state {
	DOMAIN_LIVES,
	DOMAIN_SHUT_DOWN,
	DOMAIN_GONE,
};

/* All of these complain themselves, and return false. */

bool domain_open(void);
void domain_close(void);

/** A paused PVH domain with one CPU; sets `domid` and the event channels. */
bool domain_create(struct guest *guest, unsigned memory_mib);

/** Memory, image, command line, boot state; sets the rings' frames. */
bool domain_build(struct guest *guest, const char *image, unsigned memory_mib);

bool domain_unpause(const struct guest *guest);

/** `reason` is one of Xen's SHUTDOWN_*, set with DOMAIN_SHUT_DOWN. */
enum domain_state domain_look(const struct guest *guest, unsigned *reason);

/** Finds the domain by its UUID, and sets `domid`. */
bool domain_find(struct guest *guest);

void domain_pause(const struct guest *guest);
void domain_destroy(const struct guest *guest);

#endif
