/* SPDX-License-Identifier: ISC */
/*
 * The way in. Xen starts a PVH guest in 32-bit protected mode without paging, with
 * the physical address of its hvm_start_info in %ebx (docs/misc/pvh.pandoc). Here
 * it gets to long mode on boot page tables that map the first 4 GiB to
 * themselves; start.c replaces them.
 */
#define ELFNOTE_PHYS32_ENTRY 18

#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define CR4_OSFXSR (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define MSR_EFER 0xc0000080
#define EFER_SCE (1 << 0)
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)

#define PAGE_PRESENT_WRITE 3
#define PAGE_LARGE (1 << 7)

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long boot_entry

	.section .text.boot, "ax"
	.code32
	.global boot_entry
boot_entry:
	cld
	movl $boot_stack_top, %esp
	rdtsc
	movl %eax, boot_tsc
	movl %edx, boot_tsc + 4

	/* Four page directories of 2 MiB pages, and what points to them. */
	movl $boot_directories, %edi
	movl $(PAGE_PRESENT_WRITE | PAGE_LARGE), %eax
	movl $(4 * 512), %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
	movl $boot_directories + PAGE_PRESENT_WRITE, %eax
	movl $boot_pointers, %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 2b
	movl $boot_pointers + PAGE_PRESENT_WRITE, boot_level4

	movl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
	movl %eax, %cr4
	movl $boot_level4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_SCE | EFER_LME | EFER_NXE), %eax
	wrmsr
	movl $(CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG), %eax
	movl %eax, %cr0
	lgdt boot_gdt_pointer
	ljmp $8, $3f

	.code64
3:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	/* After a reset the x87 unit has short precision and no exception masked. */
	fninit
	ldmxcsr boot_mxcsr
	movl %ebx, %edi
	movq boot_tsc, %rsi
	xorl %ebp, %ebp
	call xen_start
	ud2

	.section .rodata
	.balign 8
boot_mxcsr:
	.long 0x1f80	/* all exceptions masked, round to nearest */
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 8: code, 64 bits */
	.quad 0x00cf93000000ffff	/* 16: data */
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.quad boot_gdt

	.bss
	.balign 4096
boot_level4:
	.skip 4096
boot_pointers:
	.skip 4096
boot_directories:
	.skip 4 * 4096
boot_tsc:
	.skip 8
	.balign 4096
boot_stack:
	.skip 8192
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
