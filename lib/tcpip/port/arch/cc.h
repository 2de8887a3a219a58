/* SPDX-License-Identifier: ISC */
/* What lwIP wants to know of the compiler. */
#ifndef MIRAGE_TCPIP_CC_H
#define MIRAGE_TCPIP_CC_H

#include <stdint.h>

/* The C libraries have these too, some of them. */
#ifndef LITTLE_ENDIAN
#define LITTLE_ENDIAN __ORDER_LITTLE_ENDIAN__
#endif
#ifndef BIG_ENDIAN
#define BIG_ENDIAN __ORDER_BIG_ENDIAN__
#endif
#ifndef BYTE_ORDER
#define BYTE_ORDER __BYTE_ORDER__
#endif

#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#if BYTE_ORDER != LITTLE_ENDIAN
#error "the byte swaps above are for little-endian processors"
#endif

/* lwIP keeps to the law of mirage.h: it does not print. */
#define LWIP_PLATFORM_DIAG(message) ((void)0)
#define LWIP_PLATFORM_ASSERT(message) tcpip_broken(message)
#ifndef TCPIP_ASSERTS
#define LWIP_NOASSERT 1
#endif
void tcpip_broken(const char *message);

uint16_t tcpip_checksum(const void *bytes, int length);

uint32_t tcpip_random(void);
#define LWIP_RAND() tcpip_random()

#endif
