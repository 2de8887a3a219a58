/* SPDX-License-Identifier: ISC */
/* netapp.h: the modes of the test program netapp, one network each. */
#ifndef NETAPP_H
#define NETAPP_H

#include <mirage.h>

/* Bytes of headers. */
enum { ETHER = 14, IP = 20, ARP = 28 };

struct netapp_mode {
	const char *name;
	/** The network is open: `netapp_net`. */
	void (*opened)(int argc, char *argv[]);
	mirage_net_receive_fn *receive; /* NULL: nobody listens */
	mirage_event_fn *event;		/* NULL: events are printed */
};

extern struct mirage_net *netapp_net;
extern const struct netapp_mode netapp_watch, netapp_deaf, netapp_hold,
	netapp_send, netapp_exchange, netapp_dhcp, netapp_echo, netapp_ping;

/** Prints a line on the console. */
void netapp_say(const char *format, ...) MIRAGE_PRINTF(1, 2);

/** Prints all counters, closes the network, and ends the program when that is
 *  done. */
void netapp_end(void);

/** Sends a copy of a frame. False when the device is full. */
bool netapp_send_bytes(const void *bytes, uint32_t length);

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/** The Internet checksum (RFC 1071): 0 over bytes that hold their own. */
uint32_t netapp_checksum(const uint8_t *at, uint32_t n);

/** Puts the headers of an IPv4 datagram before `length` bytes of payload; returns
 *  the length of the frame. */
uint32_t netapp_ip(uint8_t *frame, const uint8_t to_mac[6],
		   const uint8_t from[4], const uint8_t to[4], uint8_t protocol,
		   uint32_t length);

#endif /* NETAPP_H */
