/* SPDX-License-Identifier: ISC */
/*
 * tap.h: a tap interface of Linux: attaching to it, and writing to it.
 */
#ifndef MIRAGE_UNIX_TAP_H
#define MIRAGE_UNIX_TAP_H

#include <mirage-backend.h>

#include <net/if.h>
#include <sys/types.h>

#define UNIX_TAP_FRAGMENTS_MAX 64u

struct unix_tap {
	char name[IFNAMSIZ];
	int fd; /* of /dev/net/tun, non-blocking */
	int index;
	uint32_t mtu_bytes;
	uint8_t mac[6];	  /* ours, not the host's */
	uint32_t accept;  /* what the kernel granted of the application's */
	bool header_vnet; /* every frame begins with a virtio header */
};

/** A salt for the addresses derived of names: interfaces have others. */
uint32_t unix_tap_salt(const char *interface_name);

/**
 * Attaches to the interface that `uri` names, with the offloads that `open`
 * accepts. `tap` is zeroed but for `mtu_bytes` and `mac`, what the options of the
 * URI say or stand for. Returns 0, or an error after having logged what to do
 * about it; then nothing is left open.
 */
int unix_tap_attach(struct unix_tap *tap, const struct mirage_open *open,
		    struct mirage_uri *uri);

/** Whether the interface still exists, be it in another namespace. */
bool unix_tap_attached(const struct unix_tap *tap);

/**
 * Writes one frame, and uses the room before its first byte if nobody else holds
 * it. Returns what write(2) does.
 */
ssize_t unix_tap_write(const struct unix_tap *tap, struct mirage_packet *frame);

#endif /* MIRAGE_UNIX_TAP_H */
