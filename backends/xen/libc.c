/* SPDX-License-Identifier: ISC */
/*
 * The system calls of an unmodified musl libc.a. What the libc needs to live is
 * answered; everything else gets ENOSYS and is counted, never a false success.
 */
#include "machine.h"

#include "xen.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define MSR_FS_BASE 0xc0000100
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084

#define STACK_BYTES (256u * 1024)
#define ARGS_MAX 64

uint8_t xen_syscall_stack[16384] __attribute__((aligned(4096)));
uint64_t xen_syscall_user_stack;
uint64_t xen_syscall_unknown;

extern char xen_syscall_entry[];
void xen_enter_application(void *stack, void *argument, void (*entry)(long *))
	__attribute__((noreturn));
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*ld)(void));
int main(int argc, char *argv[]);

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32)));
}

/* --------------------------------------------------------------- Memory -- */

static size_t pages(size_t bytes)
{
	return (bytes + XEN_PAGE_BYTES - 1) / XEN_PAGE_BYTES;
}

/** Anonymous memory only. It stays accessible whatever `protection` says: the
 *  pool's pages are never executable, and PROT_NONE is a hint of malloc's. */
static long do_mmap(size_t length, long flags)
{
	void *memory;

	if ((flags & MAP_ANONYMOUS) == 0 || (flags & MAP_FIXED) != 0)
		return -ENODEV;
	if (length == 0 || length > SIZE_MAX / 2)
		return -EINVAL;
	memory = xen_pages_alloc(pages(length));
	return memory != NULL ? (long)memory : -ENOMEM;
}

static long do_munmap(uintptr_t address, size_t length)
{
	if (address % XEN_PAGE_BYTES != 0 || length == 0)
		return -EINVAL;
	xen_pages_free((void *)address, pages(length));
	return 0;
}

/* --------------------------------------------------------------- Output -- */

static long do_writev(int fd, const struct iovec *parts, long n)
{
	long total = 0;

	if (fd != 1 && fd != 2)
		return -EBADF;
	for (long i = 0; i < n; i++) {
		xen_console_write_all(parts[i].iov_base, parts[i].iov_len);
		total += (long)parts[i].iov_len;
	}
	return total;
}

static long do_write(int fd, const void *bytes, size_t length)
{
	struct iovec one = {(void *)(uintptr_t)bytes, length};

	return do_writev(fd, &one, 1);
}

static long do_clock(clockid_t clock, struct timespec *out)
{
	uint64_t ns = clock == CLOCK_REALTIME
			      ? (uint64_t)xen_clock_ops.wall_ns()
			      : xen_clock_ops.monotonic_ns();

	out->tv_sec = (time_t)(ns / 1000000000);
	out->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

static long do_random(void *bytes, size_t length)
{
	return xen_random_ops.fill(bytes, length) < 0 ? -EIO : (long)length;
}

static void do_exit(int status) __attribute__((noreturn));
static void do_exit(int status)
{
	xen_exit(status);
}

static void do_abort(void) __attribute__((noreturn));
static void do_abort(void)
{
	xen_console_drain();
	xen_crash("aborted");
}

long xen_syscall(long number, long a, long b, long c, long d, long e);
long xen_syscall(long number, long a, long b, long c, long d, long e)
{
	switch (number) {
	case SYS_arch_prctl:
		if (a != 0x1002) /* ARCH_SET_FS */
			return -EINVAL;
		write_msr(MSR_FS_BASE, (uint64_t)b);
		return 0;
	case SYS_mmap:
		return do_mmap((size_t)b, d);
	case SYS_munmap:
		return do_munmap((uintptr_t)a, (size_t)b);
	case SYS_mprotect:
	case SYS_madvise:
		return 0;
	case SYS_brk:
		return 0; /* none: malloc then maps */
	case SYS_write:
		return do_write((int)a, (const void *)b, (size_t)c);
	case SYS_writev:
		return do_writev((int)a, (const void *)b, c);
	case SYS_ioctl:
		return -ENOTTY;
	case SYS_clock_gettime:
		return do_clock((clockid_t)a, (struct timespec *)b);
	case SYS_getrandom:
		return do_random((void *)a, (size_t)b);
	case SYS_set_tid_address:
	case SYS_gettid:
	case SYS_getpid:
		return 1;
	case SYS_rt_sigprocmask:
	case SYS_rt_sigaction:
		return 0; /* there are no signals */
	case SYS_tkill:	  /* abort() */
	case SYS_kill:
		do_abort();
	case SYS_exit:
	case SYS_exit_group:
		do_exit((int)a);
	default:
		xen_syscall_unknown++;
		return -ENOSYS;
	}
}

/* ---------------------------------------------------------------- Start -- */

static char *arguments[ARGS_MAX + 2];

/** Splits the command line in place: blanks separate, '…' and "…" keep them. */
static int split(char *line)
{
	int n = 0;

	for (;;) {
		char *to, quote = 0;

		while (*line == ' ')
			line++;
		if (*line == '\0' || n == ARGS_MAX)
			break;
		arguments[n++] = to = line;
		for (; *line != '\0' && (quote != 0 || *line != ' '); line++) {
			if (quote != 0 ? *line == quote
				       : *line == '\'' || *line == '"')
				quote = quote != 0 ? 0 : *line;
			else
				*to++ = *line;
		}
		if (*line != '\0')
			line++;
		*to = '\0';
	}
	arguments[n] = NULL;
	return n;
}

static void application(long *stack)
{
	char **argv = (char **)(stack + 1);

	__libc_start_main((int (*)(int, char **, char **))(void (*)(void))main,
			  (int)stack[0], argv, NULL, NULL, NULL);
	__builtin_unreachable();
}

/** Lays argc, argv, an empty environment and the auxiliary vector out as the
 *  System V ABI says, and returns their address. */
static long *lay_out(uint8_t *top, int argc)
{
	static uint64_t random[2];
	long aux[] = {AT_PAGESZ,    XEN_PAGE_BYTES, AT_RANDOM,
		      (long)random, AT_NULL,	    0};
	size_t words = 1 + (size_t)argc + 1 + 1 + 6;
	long *at = (long *)(((uintptr_t)top - words * 8) & -16ull), *stack = at;

	(void)xen_random_ops.fill(random, sizeof random);
	*at++ = argc;
	memcpy(at, arguments, ((size_t)argc + 1) * sizeof *arguments);
	at += argc + 1;
	*at++ = 0;
	memcpy(at, aux, sizeof aux);
	return stack;
}

void xen_libc_start(void)
{
	uint8_t *stack = xen_pages_alloc(STACK_BYTES / XEN_PAGE_BYTES + 1);
	int argc = split(xen_command_line);
	long *top;

	if (stack == NULL)
		xen_crash("no memory for the stack");
	if (argc == 0) {
		arguments[0] = (char *)(uintptr_t) "mirage";
		argc = 1;
	}
	xen_unmap(stack); /* the guard */
	write_msr(MSR_STAR, 8ull << 32);
	write_msr(MSR_LSTAR, (uintptr_t)xen_syscall_entry);
	write_msr(MSR_SFMASK, 0x700); /* no trap, interrupt, direction */
	top = lay_out(stack + STACK_BYTES + XEN_PAGE_BYTES, argc);
	xen_enter_application(top, top, application);
}
