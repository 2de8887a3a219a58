/* SPDX-License-Identifier: ISC */
/** @file A guest of ours, and what there is of it in Xen and in the store. */
#ifndef XEN_RUN_GUEST_H
#define XEN_RUN_GUEST_H

#include "options.h"

#define UUID_BYTES 16
#define UUID_TEXT 37

struct guest {
	uint8_t uuid[UUID_BYTES];
	char uuid_text[UUID_TEXT];
	uint32_t domid;
	char id[12];	 /* the same as text; `ID` in a dry run */
	char home[40];	 /* its directory in the store */
	char record[96]; /* ours, which outlives this process */
	char *cmdline;
	uint32_t store_port, console_port, log_port; /* the guest's ends */
	uint64_t store_gfn, console_gfn;
};

/** Gives `guest` its identity and its command line. */
void guest_init(struct guest *guest, const struct options *options);

/**
 * Creates the domain, paused, with its nodes in the store. False after a
 * complaint; what there is by then is for guest_remove().
 */
bool guest_create(struct guest *guest, const struct options *options);

/** Loads the image and tells xenstored about the guest. */
bool guest_build(struct guest *guest, const struct options *options);

/** Fills in a guest that was started before. False if `name` is not one. */
bool guest_find(struct guest *guest, const char *name);

/** Asks it to power off. */
void guest_ask_poweroff(const struct guest *guest);

/** The exit status that it left in the store, or -1. */
int guest_exit_status(const struct guest *guest);

/** Ends it if it runs, its devices, and all nodes. */
void guest_remove(const struct guest *guest);

#endif
