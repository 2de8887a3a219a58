/* SPDX-License-Identifier: ISC */
/*
 * Where the processor comes in after boot: exceptions, and musl's `syscall`
 * instructions, which trap here in the same ring. Neither may touch the stack of
 * the application: libc.a keeps data in the 128 bytes below its stack pointer.
 */
	.text

/* ---------------------------------------------------------- Exceptions -- */

/* A stub of 16 bytes for each vector; it leaves vector and error code on the
 * exception stack. Vectors 8, 10 to 14, 17 and 21 come with an error code. */
	.macro stub vector
	.balign 16
	.if !((1 << \vector) & 0x227d00)
	pushq $0
	.endif
	pushq $\vector
	jmp exception_common
	.endm

	.balign 16
	.global xen_exception_stubs
xen_exception_stubs:
	.irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	stub \vector
	.endr

exception_common:
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %rdi
	call xen_exception
	ud2

/* -------------------------------------------------------- System calls -- */

/* rax: number; rdi, rsi, rdx, r10, r8: arguments; rcx: return address; r11: flags.
 * All registers but rax, rcx and r11 are kept. */
	.balign 16
	.global xen_syscall_entry
xen_syscall_entry:
	movq %rsp, xen_syscall_user_stack
	movq $xen_syscall_stack + 4096 + 16384, %rsp
	pushq %rcx
	pushq %r11
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %r10
	pushq %r8
	pushq %r9
	/* The C function takes the number first. */
	movq %r8, %r9
	movq %r10, %r8
	movq %rdx, %rcx
	movq %rsi, %rdx
	movq %rdi, %rsi
	movq %rax, %rdi
	call xen_syscall
	popq %r9
	popq %r8
	popq %r10
	popq %rdx
	popq %rsi
	popq %rdi
	popfq
	popq %rcx
	movq xen_syscall_user_stack, %rsp
	jmp *%rcx

/* Puts the application's stack in place and goes to libc. */
	.global xen_enter_application
xen_enter_application:
	movq %rdi, %rsp
	xorl %ebp, %ebp
	movq %rsi, %rdi
	call *%rdx
	ud2

	.section .note.GNU-stack, "", @progbits
