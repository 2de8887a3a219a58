/* SPDX-License-Identifier: ISC */
/*
 * net.h: what the networks of the unix backend share besides unix.h.
 */
#ifndef MIRAGE_UNIX_NET_H
#define MIRAGE_UNIX_NET_H

#include "unix.h"

#define UNIX_ETHERNET_HEADER_BYTES 14u

#endif /* MIRAGE_UNIX_NET_H */
