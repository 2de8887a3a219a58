/* SPDX-License-Identifier: ISC */
/*
 * The system calls of an unmodified musl libc.a. What the libc needs to live is
 * answered; everything else gets ENOSYS and is counted, never a false success.
 */
#define _GNU_SOURCE /* mremap's flags */
#include "machine.h"

#include "xen.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
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
#define NS_PER_S INT64_C(1000000000)

/* The first page is the guard; entry.S begins at the end. */
uint8_t xen_syscall_stack[XEN_PAGE_BYTES + 16384]
	__attribute__((aligned(4096)));
uint64_t xen_syscall_user_stack;

bool xen_libc_ready;

static uint64_t unanswered; /* calls */
static long unanswered_first;

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
	return bytes / XEN_PAGE_BYTES + (bytes % XEN_PAGE_BYTES != 0);
}

/** What `prot` comes to here; false for memory that would be executable. */
static bool protection_of(long prot, enum xen_protection *protection)
{
	*protection = (prot & PROT_WRITE) != 0	? XEN_MAP_RW
		      : (prot & PROT_READ) != 0 ? XEN_MAP_R
						: XEN_MAP_NONE;
	return (prot & PROT_EXEC) == 0;
}

/** Anonymous memory only. */
static long do_mmap(size_t length, long prot, long flags)
{
	enum xen_protection protection;
	void *memory;

	if ((flags & MAP_ANONYMOUS) == 0 || (flags & MAP_FIXED) != 0)
		return -ENODEV;
	if (length == 0)
		return -EINVAL;
	if (!protection_of(prot, &protection))
		return -EACCES;
	memory = xen_pages_alloc(pages(length));
	if (memory == NULL)
		return -ENOMEM;
	xen_pages_protect(memory, pages(length), protection);
	return (long)memory;
}

static long do_munmap(uintptr_t address, size_t length)
{
	if (!xen_pages_taken((void *)address, pages(length)))
		return -EINVAL;
	xen_pages_free((void *)address, pages(length));
	return 0;
}

static long do_mprotect(uintptr_t address, size_t length, long prot)
{
	enum xen_protection protection;

	if (!protection_of(prot, &protection))
		return -EACCES;
	if (!xen_pages_taken((void *)address, pages(length)))
		return -ENOMEM;
	xen_pages_protect((void *)address, pages(length), protection);
	return 0;
}

static long do_mremap(uintptr_t from, size_t length, size_t wanted, long flags)
{
	void *to;

	if (wanted == 0 || (flags & ~(long)MREMAP_MAYMOVE) != 0 ||
	    !xen_pages_taken((void *)from, pages(length)))
		return -EINVAL;
	if (pages(wanted) <= pages(length)) {
		xen_pages_free((uint8_t *)from + pages(wanted) * XEN_PAGE_BYTES,
			       pages(length) - pages(wanted));
		return (long)from;
	}
	if ((flags & MREMAP_MAYMOVE) == 0)
		return -ENOMEM;
	to = xen_pages_alloc(pages(wanted));
	if (to == NULL)
		return -ENOMEM;
	memcpy(to, (void *)from, length);
	xen_pages_free((void *)from, pages(length));
	return (long)to;
}

/* --------------------------------------------------------------- Output -- */

/** Standard output and error are the console; this waits for its reader. */
static long do_writev(int fd, const struct iovec *parts, long n)
{
	size_t total = 0;

	if (fd != 1 && fd != 2)
		return -EBADF;
	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	for (long i = 0; i < n; i++) {
		size_t length = parts[i].iov_len,
		       done = xen_console_write_all(parts[i].iov_base, length);

		total += done;
		if (done < length)
			return total > 0 ? (long)total : -EIO;
	}
	return (long)total;
}

static long do_write(int fd, const void *bytes, size_t length)
{
	struct iovec one = {(void *)(uintptr_t)bytes, length};

	return do_writev(fd, &one, 1);
}

/** The console is a terminal of unknown size: so libc ends its buffer with each
 *  line, and what printf writes stays in order with mirage_console_write. */
static long do_ioctl(int fd, long request, struct winsize *size)
{
	if (fd < 0 || fd > 2)
		return -EBADF;
	if (request != TIOCGWINSZ)
		return -ENOTTY;
	memset(size, 0, sizeof *size);
	return 0;
}

/** There are no files. */
static long do_open(long flags)
{
	return (flags & O_CREAT) != 0 ? -EROFS : -ENOENT;
}

static long do_clock(clockid_t clock, struct timespec *out)
{
	int64_t ns;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		ns = xen_clock_ops.wall_ns();
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		ns = (int64_t)xen_clock_ops.monotonic_ns();
		break;
	default:
		return -EINVAL;
	}
	out->tv_sec = (time_t)(ns / NS_PER_S);
	out->tv_nsec = (long)(ns % NS_PER_S);
	return 0;
}

static long do_random(void *bytes, size_t length)
{
	return xen_random_ops.fill(bytes, length) < 0 ? -EIO : (long)length;
}

static void do_abort(void) __attribute__((noreturn));
static void do_abort(void)
{
	xen_report("\nmirage: abort() was called");
	xen_report_stack(xen_syscall_user_stack);
	xen_report("\n");
	xen_crash("abort()");
}

static long do_unknown(long number)
{
	if (unanswered++ == 0)
		unanswered_first = number;
	return -ENOSYS;
}

void xen_libc_summary(void)
{
	if (unanswered > 0)
		mirage_log(MIRAGE_LOG_INFO,
			   "%llu system calls of libc were not answered, the "
			   "first was number %ld",
			   (unsigned long long)unanswered, unanswered_first);
}

/* ------------------------------------------------------------- The calls -- */

static long memory_call(long number, long a, long b, long c, long d)
{
	switch (number) {
	case SYS_mmap:
		return do_mmap((size_t)b, c, d);
	case SYS_munmap:
		return do_munmap((uintptr_t)a, (size_t)b);
	case SYS_mprotect:
		return do_mprotect((uintptr_t)a, (size_t)b, c);
	case SYS_mremap:
		return do_mremap((uintptr_t)a, (size_t)b, (size_t)c, d);
	case SYS_madvise:
		return -EINVAL; /* no advice is taken; libc asks politely */
	default:
		return 0; /* brk: no heap of that kind; malloc then maps */
	}
}

long xen_syscall(long number, long a, long b, long c, long d, long e);
long xen_syscall(long number, long a, long b, long c, long d, long e)
{
	switch (number) {
	case SYS_arch_prctl:
		if (a != 0x1002) /* ARCH_SET_FS */
			return -EINVAL;
		write_msr(MSR_FS_BASE, (uint64_t)b);
		xen_libc_ready = true;
		return 0;
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_mremap:
	case SYS_madvise:
	case SYS_brk:
		return memory_call(number, a, b, c, d);
	case SYS_write:
		return do_write((int)a, (const void *)b, (size_t)c);
	case SYS_writev:
		return do_writev((int)a, (const void *)b, c);
	case SYS_ioctl:
		return do_ioctl((int)a, b, (void *)c);
	case SYS_open:
		return do_open(b);
	case SYS_openat:
		return do_open(c);
	case SYS_read:
	case SYS_readv:
		return -EBADF; /* input is mirage_console_read's */
	case SYS_close:
		return a >= 0 && a <= 2 ? 0 : -EBADF;
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
		xen_exit((int)a);
	default:
		return do_unknown(number);
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
	xen_guard(stack);
	xen_guard(xen_syscall_stack);
	write_msr(MSR_STAR, 8ull << 32);
	write_msr(MSR_LSTAR, (uintptr_t)xen_syscall_entry);
	write_msr(MSR_SFMASK, 0x700); /* no trap, interrupt, direction */
	top = lay_out(stack + STACK_BYTES + XEN_PAGE_BYTES, argc);
	xen_enter_application(top, top, application);
}
