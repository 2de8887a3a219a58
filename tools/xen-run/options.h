/* SPDX-License-Identifier: ISC */
/** @file The command line. */
#ifndef XEN_RUN_OPTIONS_H
#define XEN_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define NETS_MAX 8
#define DISKS_MAX 16 /* xvda to xvdp */

/** Statuses of our own; all others are the guest's. */
enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_TIMEOUT = 124,
	STATUS_NOT_AN_IMAGE = 126,
	STATUS_NO_IMAGE = 127,
	STATUS_CRASHED = 134,
};

struct net_option {
	char *name, *bridge, *script; /* the last two may be NULL */
	uint8_t mac[6];
	bool has_mac;
	unsigned mtu_bytes; /* 0: what netback takes by itself */
};

struct disk_option {
	char *name, *file;
	bool read_only;
};

struct options {
	char *image; /* absolute, once image_check() has seen it */
	char **args; /* the guest's, NULL at the end */
	char *name;
	unsigned memory_mib;
	unsigned timeout_s; /* 0 for none */
	bool detach;
	char *destroy;
	char *write_xl, *write_libvirt;
	struct net_option nets[NETS_MAX];
	unsigned n_nets;
	struct disk_option disks[DISKS_MAX];
	unsigned n_disks;
};

/** Reads the command line; a line of complaint and an exit if it is wrong. */
void options_read(struct options *options, int argc, char *argv[]);

/** Whether `name` can be a guest's: letters, digits, `.`, `_` and `-`. */
bool options_name_ok(const char *name);

#endif
