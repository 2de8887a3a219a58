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
static struct gate idt[32] __attribute__((aligned(16)));
static struct tss tss;
static uint64_t gdt[5] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};
/* The first page is the guard. */
static uint8_t stack[XEN_PAGE_BYTES + 8192] __attribute__((aligned(4096)));

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

/* Error bits of a page fault. */
#define FAULT_WRITE 2
#define FAULT_FETCH 16

static const char *name_of(uint64_t vector)
{
	return vector < 32 && names[vector] != NULL ? names[vector]
						    : "exception";
}

static void report_registers(const struct frame *frame)
{
	static const char *const labels[] = {
		"\n  r15 ", " r14 ", " r13 ", " r12 ", " r11 ",
		"\n  r10 ", " r9 ",  " r8 ",  " rbp ", " rdi ",
		"\n  rsi ", " rdx ", " rcx ", " rbx ", " rax ",
	};
	const uint64_t *values = &frame->r15;

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		xen_report(labels[i]);
		xen_report_hex(values[i]);
	}
	xen_report("\n  rsp ");
	xen_report_hex(frame->rsp);
	xen_report(" rflags ");
	xen_report_hex(frame->rflags);
	xen_report(" error ");
	xen_report_hex(frame->error);
}

static void report_fault(const struct frame *frame, uint64_t address)
{
	xen_report((frame->error & FAULT_FETCH) != 0   ? ": execution of "
		   : (frame->error & FAULT_WRITE) != 0 ? ": write to "
						       : ": read from ");
	xen_report_hex(address);
	xen_report(", ");
	xen_report(xen_memory_kind(address, (frame->error & FAULT_FETCH) != 0));
}

void xen_exception(const struct frame *frame);
void xen_exception(const struct frame *frame)
{
	static bool again;
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	if (again)
		xen_crash("another exception while one was reported");
	again = true;
	xen_report("\nmirage: ");
	xen_report(name_of(frame->vector));
	if (frame->vector == 14)
		report_fault(frame, cr2);
	report_registers(frame);
	xen_report("\n  at ");
	xen_report_address(frame->rip);
	xen_report_callers(frame->rbp);
	xen_report("\n");
	xen_crash(name_of(frame->vector));
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

void xen_exceptions_guard(void)
{
	xen_guard(stack);
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
