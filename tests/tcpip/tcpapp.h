/* SPDX-License-Identifier: ISC */
/*
 * tcpapp.h: what the files of tcpapp share: one program of services, and of
 * commands on standard input, that real peers talk to.
 */
#ifndef TCPAPP_H
#define TCPAPP_H

#include <mirage.h>

extern struct mirage_stack *tcpapp_stack;

/** Prints a line. */
void tcpapp_say(const char *format, ...) MIRAGE_PRINTF(1, 2);

/** Opens the ports. Returns 0 or the first error. */
int tcpapp_serve(void);

/** Lets those who were held read. */
void tcpapp_release(void);

/** Connections that were accepted and are not closed. */
unsigned tcpapp_connections(void);

/* Commands; `text` is what follows the word. Each answers with a line, later. */
void tcpapp_connect(const char *text);
void tcpapp_cancel(const char *text);
void tcpapp_resolve(const char *text);
void tcpapp_udp(const char *text);

#endif /* TCPAPP_H */
