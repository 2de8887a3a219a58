/* SPDX-License-Identifier: ISC */
/*
 * Hypercalls, through the page that Xen fills in (xen/include/public/xen.h). The
 * number selects an entry of 32 bytes; arguments go in %rdi, %rsi, %rdx, %r10. All
 * are counted: under an emulated hypervisor only counts can be compared.
 */
#ifndef MIRAGE_XEN_HYPERCALL_H
#define MIRAGE_XEN_HYPERCALL_H

#include <stdint.h>

#include <xen/xen.h>

extern uint8_t *xen_hypercall_page;
extern uint64_t xen_hypercall_count;

static inline long xen_hypercall(unsigned number, uintptr_t a, uintptr_t b,
				 uintptr_t c)
{
	register uintptr_t rdi __asm__("rdi") = a;
	register uintptr_t rsi __asm__("rsi") = b;
	register uintptr_t rdx __asm__("rdx") = c;
	uint8_t *entry = xen_hypercall_page + number * 32;
	long result;

	xen_hypercall_count++;
	/* A call pushes: not below the red zone, this file is built without. */
	__asm__ volatile("call *%[entry]"
			 : "=a"(result), "+r"(rdi), "+r"(rsi), "+r"(rdx)
			 : [entry] "r"(entry)
			 : "r8", "r9", "r10", "r11", "rcx", "memory");
	return result;
}

#endif /* MIRAGE_XEN_HYPERCALL_H */
