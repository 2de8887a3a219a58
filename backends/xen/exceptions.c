/* SPDX-License-Identifier: ISC */
/*
 * Exceptions end the domain, after saying what and where. They run on a stack of
 * their own (IST 1): the application's may be what is broken, and its red zone
 * must not be written to.
 */
#include "machine.h"

#include <string.h>

struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
} __attribute__((packed));

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

#define GATE_INTERRUPT 0x8e
#define TSS_SELECTOR 24

extern uint8_t xen_exception_stubs[];
extern char text_end[], image_start[];

static struct gate idt[32] __attribute__((aligned(16)));
static struct tss tss;
static uint64_t gdt[5] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};
static uint8_t stack[8192] __attribute__((aligned(4096)));

static const char *const names[32] = {
	[0] = "divide error",
	[1] = "debug",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range",
	[6] = "invalid opcode",
	[7] = "no coprocessor",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "no segment",
	[12] = "stack fault",
	[13] = "general protection",
	[14] = "page fault",
	[16] = "floating point",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD floating point",
};

static void print(const char *name, uint64_t value)
{
	xen_debug(name);
	xen_debug_hex(value);
}

static bool is_text(uint64_t address)
{
	return address >= (uintptr_t)image_start &&
	       address < (uintptr_t)text_end;
}

static void backtrace(const struct frame *frame)
{
	const uint64_t *rbp = (const uint64_t *)frame->rbp;

	print("\n  at ", frame->rip);
	for (int depth = 0; depth < 32; depth++) {
		if ((uintptr_t)rbp < (uintptr_t)text_end ||
		    ((uintptr_t)rbp & 7) != 0 || !is_text(rbp[1]))
			break;
		print("\n  by ", rbp[1]);
		if (rbp[0] <= (uintptr_t)rbp)
			break;
		rbp = (const uint64_t *)rbp[0];
	}
	xen_debug("\n");
}

void xen_exception(const struct frame *frame);
void xen_exception(const struct frame *frame)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	xen_debug("mirage: ");
	xen_debug(names[frame->vector & 31] != NULL ? names[frame->vector & 31]
						    : "exception");
	print(" error ", frame->error);
	print(" address ", cr2);
	print("\n  rax ", frame->rax);
	print(" rbx ", frame->rbx);
	print(" rcx ", frame->rcx);
	print(" rdx ", frame->rdx);
	print("\n  rsi ", frame->rsi);
	print(" rdi ", frame->rdi);
	print(" rbp ", frame->rbp);
	print(" rsp ", frame->rsp);
	backtrace(frame);
	xen_crash("an exception");
}

static void set_gate(unsigned vector)
{
	uint64_t stub = (uintptr_t)xen_exception_stubs + vector * 16;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)stub,
		.selector = 8,
		.ist = 1,
		.type = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(stub >> 16),
		.offset_high = (uint32_t)(stub >> 32),
	};
}

static void set_tss(void)
{
	uint64_t base = (uintptr_t)&tss, limit = sizeof tss - 1;

	tss.ist[0] = (uintptr_t)stack + sizeof stack;
	tss.io_map = sizeof tss;
	gdt[3] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
}

void xen_exceptions_init(void)
{
	struct {
		uint16_t limit;
		void *base;
	} __attribute__((packed)) gdtr = {sizeof gdt - 1, gdt},
				  idtr = {sizeof idt - 1, idt};

	for (unsigned vector = 0; vector < 32; vector++)
		set_gate(vector);
	set_tss();
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}
