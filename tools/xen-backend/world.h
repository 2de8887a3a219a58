/* SPDX-License-Identifier: ISC */
/*
 * world.h: how a guest under test asks dom0 to change the world around it. The
 * guest's image has a `struct world` at the symbol `conf_world`; dom0 maps those
 * pages, which needs nothing that is under test: no store, no grant, no event.
 */
#ifndef MIRAGE_XEN_WORLD_H
#define MIRAGE_XEN_WORLD_H

#include <stdint.h>

#define WORLD_MAGIC 0x57a61d05u
#define WORLD_PAGES 8
#define WORLD_BYTES (WORLD_PAGES * 4096 - 64)

/** The devices, by role as in conformance.h; the store's handles follow. */
enum world_device {
	WORLD_NET_A = 0,
	WORLD_NET_B = 1,
	WORLD_DISK_512 = 2,
	WORLD_DISK_4096 = 3,
	WORLD_DISK_RO = 4,
	WORLD_DEVICES = 5
};
#define WORLD_VBD_HANDLE(device) (51712u + 16 * ((device)-WORLD_DISK_512))

enum world_op {
	WORLD_LINK = 1,	  /* argument: up */
	WORLD_PAUSE = 2,  /* argument: paused */
	WORLD_LOSE = 3,	  /* argument: lost */
	WORLD_INJECT = 4, /* bytes: a frame */
	WORLD_RESIZE = 5, /* argument: bytes */
	WORLD_POWER_LOSS = 6,
	WORLD_DROP_CAPS = 7, /* argument: enum mirage_block_cap */
	WORLD_FAIL_NEXT = 8, /* argument: how many requests */
	WORLD_BREACH = 9,    /* argument: enum world_breach */
	WORLD_SHUTDOWN = 10,
	WORLD_INPUT = 11,  /* bytes: typed */
	WORLD_OUTPUT = 12, /* argument: from; bytes: what the console wrote */
	WORLD_PAUSE_CONSOLE = 13, /* argument: paused */
	WORLD_SUSPEND = 14,	  /* and resumed, as another domain */
	WORLD_LOG = 15 /* as WORLD_OUTPUT, of the log where that is apart */
};

/** How a played backend breaks its protocol, once. It does so when the guest next
 *  sends it two requests at once; with the store, immediately. */
enum world_breach {
	WORLD_WRONG_ID = 1,    /* answers what was never asked */
	WORLD_TWICE = 2,       /* answers one request twice, another never */
	WORLD_INDEX_JUMPS = 3, /* more responses than requests */
	WORLD_INDEX_BACK = 4,  /* fewer responses than before */
	WORLD_STATUS = 5,      /* answers with a status that is none */
	WORLD_SILENT = 6,      /* no response any more */
	WORLD_NONSENSE = 7,  /* states and numbers in the store that are none */
	WORLD_REFUSE = 8,    /* disks: no flush any more, unannounced */
	WORLD_LONG = 9,	     /* networks: a frame longer than its page */
	WORLD_RX_JUMPS = 10, /* networks: more frames than pages */
	WORLD_KEEPS = 11     /* networks: answers, keeps the page mapped */
};

struct world {
	uint32_t magic;
	uint32_t played;	  /* the guest wants dom0 to play its devices */
	uint32_t ready;		  /* dom0 is there, and so are the devices */
	uint32_t asked, answered; /* numbers of the latest, equal when idle */
	uint32_t op, device;
	int32_t result;
	uint64_t argument;
	uint32_t length; /* of `bytes` */
	uint32_t unused[5];
	uint8_t bytes[WORLD_BYTES];
};

_Static_assert(sizeof(struct world) == WORLD_PAGES * 4096, "pages");

#endif /* MIRAGE_XEN_WORLD_H */
