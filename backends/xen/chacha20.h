/* SPDX-License-Identifier: ISC */
#ifndef MIRAGE_XEN_CHACHA20_H
#define MIRAGE_XEN_CHACHA20_H

#include <stdint.h>

/** The ChaCha20 block function of RFC 8439, section 2.3: `in` is the state of 16
 *  words, `out` the block's 64 bytes. */
void chacha20_block(uint8_t out[64], const uint32_t in[16]);

#endif /* MIRAGE_XEN_CHACHA20_H */
