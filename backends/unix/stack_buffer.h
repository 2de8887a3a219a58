/* SPDX-License-Identifier: ISC */
/*
 * stack_buffer.h: the memory that connections read into, lent to the reader until
 * its next read. There is one bounded pool; who finds it empty stands in line.
 */
#ifndef MIRAGE_UNIX_STACK_BUFFER_H
#define MIRAGE_UNIX_STACK_BUFFER_H

#include "stack.h"

#define UNIX_BUFFER_BYTES 65536
#define UNIX_BUFFERS_MAX 1024

/** Puts a buffer into `f->lent`. False, and `f` stands in line, when there is none:
 *  its kick comes when there is. */
bool unix_buffer_lend(struct unix_flow *f);

/** Takes the buffer back from `f`, if it has one, and `f` out of the line. */
void unix_buffer_return(struct unix_flow *f);

#endif /* MIRAGE_UNIX_STACK_BUFFER_H */
