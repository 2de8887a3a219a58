/* SPDX-License-Identifier: ISC */
/* netapp.h: the modes of the test program netapp, one network each. */
#ifndef NETAPP_H
#define NETAPP_H

#include <mirage.h>

struct netapp_mode {
	const char *name;
	/** The network is open: `netapp_net`. */
	void (*opened)(int argc, char *argv[]);
	mirage_net_receive_fn *receive; /* NULL: nobody listens */
	mirage_event_fn *event;		/* NULL: events are printed */
};

extern struct mirage_net *netapp_net;
extern const struct netapp_mode netapp_watch, netapp_deaf, netapp_hold,
	netapp_send, netapp_exchange, netapp_dhcp, netapp_echo;

/** Prints a line on the console. */
void netapp_say(const char *format, ...) MIRAGE_PRINTF(1, 2);

/** Prints all counters, closes the network, and ends the program when that is
 *  done. */
void netapp_end(void);

/** Sends a copy of a frame. False when the device is full. */
bool netapp_send_bytes(const void *bytes, uint32_t length);

#endif /* NETAPP_H */
