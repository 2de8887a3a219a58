/* SPDX-License-Identifier: ISC */
/* recovery.h: losses repaired by selective acknowledgements; see recovery.c. */
#ifndef MIRAGE_TCPIP_RECOVERY_H
#define MIRAGE_TCPIP_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/tcp.h"

struct tcp_hdr;

/** Of a connection; zero at first. */
struct tcpip_recovery {
	bool on;
	bool marked;	/* some segments, since the timer ran last */
	uint32_t point; /* what was sent when it began */
	uint64_t repaired_bytes;
};

/** Looks at a segment before lwIP does: LWIP_HOOK_TCP_INPACKET_PCB. */
err_t tcpip_recovery_input(struct tcp_pcb *pcb, struct tcp_hdr *header,
			   u16_t n_options, u16_t n_first, u8_t *second);

/** The state that belongs to `pcb`, or NULL. */
struct tcpip_recovery *tcpip_recovery_of(struct tcp_pcb *pcb);

#endif /* MIRAGE_TCPIP_RECOVERY_H */
