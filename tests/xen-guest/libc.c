/* SPDX-License-Identifier: ISC */
/* What libc must do in a Xen guest, in TAP. With the argument "random" it only says
 * what random numbers come to. */
#define _GNU_SOURCE
#include <mirage.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static int n_cases, n_failed;

static void check(bool ok, const char *what)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++n_cases, what);
	n_failed += !ok;
}

static uint8_t *map(size_t length, int protection)
{
	return mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static bool fails_with(int result, int error)
{
	return result == -1 && errno == error;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void check_mappings(void)
{
	uint8_t *memory = map(4 * PAGE, PROT_READ | PROT_WRITE);

	check(memory != MAP_FAILED && is_zero(memory, 4 * PAGE),
	      "mapped memory is zero");
	check(map(0, PROT_READ) == MAP_FAILED && errno == EINVAL,
	      "a mapping of no length is EINVAL");
	check(map(SIZE_MAX - PAGE, PROT_READ) == MAP_FAILED && errno == ENOMEM,
	      "a mapping of all lengths is ENOMEM");
	check(map(PAGE, PROT_READ | PROT_EXEC) == MAP_FAILED && errno == EACCES,
	      "executable memory is EACCES");
	check(fails_with(mprotect(memory, PAGE, PROT_EXEC), EACCES),
	      "making memory executable is EACCES");
	check(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 3, 0) == MAP_FAILED &&
		      errno == ENODEV,
	      "mapping a file is ENODEV");
	memory[PAGE] = memory[3 * PAGE] = 7;
	check(munmap(memory + PAGE, PAGE) == 0 && memory[3 * PAGE] == 7,
	      "a part is unmapped and the rest stays");
	check(fails_with(munmap(memory + PAGE, PAGE), EINVAL),
	      "unmapping it again is EINVAL");
	check(fails_with(munmap(memory, 4 * PAGE), EINVAL),
	      "unmapping across the hole is EINVAL");
	check(fails_with(munmap(memory + 1, PAGE), EINVAL),
	      "unmapping from the middle of a page is EINVAL");
	check(fails_with(munmap((void *)(uintptr_t)check, PAGE), EINVAL),
	      "unmapping the program is EINVAL");
	check(fails_with(mprotect(memory + PAGE, PAGE, PROT_READ), ENOMEM),
	      "protecting what is not mapped is ENOMEM");
}

static void check_protection(void)
{
	uint8_t *memory = map(2 * PAGE, PROT_NONE), *again;

	check(mprotect(memory, PAGE, PROT_READ | PROT_WRITE) == 0,
	      "memory without access gets it");
	memory[0] = 1;
	check(munmap(memory, 2 * PAGE) == 0,
	      "memory without access is unmapped");
	again = map(2 * PAGE, PROT_READ | PROT_WRITE);
	again[PAGE] = 1;
	check(again == memory && again[0] == 0,
	      "and comes back with access, and zero");
	munmap(again, 2 * PAGE);
}

static void check_malloc(void)
{
	uint8_t *memory = malloc(300000);
	void *all[64];
	int n = 0;

	memset(memory, 5, 300000);
	memory = realloc(memory, 900000);
	check(memory != NULL && memory[299999] == 5, "realloc grows and keeps");
	memory = realloc(memory, 100);
	check(memory != NULL && memory[99] == 5, "realloc shrinks and keeps");
	free(memory);
	errno = 0;
	check(malloc(SIZE_MAX / 4) == NULL && errno == ENOMEM,
	      "malloc of too much is ENOMEM");
	while (n < 64 && (all[n] = malloc(1 << 20)) != NULL)
		n++;
	check(n > 2 && n < 64, "memory comes to an end, which is told");
	while (n > 0)
		free(all[--n]);
	memory = malloc(1 << 20);
	check(memory != NULL, "and there is some again when it was freed");
	free(memory);
}

static void check_files(void)
{
	errno = 0;
	check(fopen("/etc/passwd", "r") == NULL && errno == ENOENT,
	      "there is no file to read");
	check(fopen("/tmp/new", "w") == NULL && errno == EROFS,
	      "and none can be made");
	check(fails_with((int)write(7, "x", 1), EBADF), "writing to nothing");
	check(fails_with((int)syscall(999), ENOSYS),
	      "an unknown call is ENOSYS");
	check(isatty(1), "standard output is a terminal");
}

static void check_clocks(void)
{
	struct timespec a, b;
	int64_t wall = mirage_clock_wall_ns() / 1000000000;

	check(llabs((long long)(time(NULL) - wall)) <= 1 && wall > 1700000000,
	      "time() is the wall clock");
	clock_gettime(CLOCK_MONOTONIC, &a);
	clock_gettime(CLOCK_MONOTONIC, &b);
	check(b.tv_sec > a.tv_sec ||
		      (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec),
	      "the monotonic clock does not go back");
	check(a.tv_nsec < 1000000000 &&
		      fails_with(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a),
				 EINVAL),
	      "a clock that is not there is EINVAL");
}

static void check_arithmetic(void)
{
	volatile double third = 3, zero = 0;
	volatile long double big = 18446744073709551615.0L;
	char text[64];

	snprintf(text, sizeof text, "%.17g %.3Lf", 1 / third, big);
	check(strcmp(text, "0.33333333333333331 18446744073709551615.000") == 0,
	      "floating point has its full precision");
	check(isinf(1 / zero) && isnan(zero / zero),
	      "dividing by zero is no exception");
	check(lrint(2.5) == 2 && lrint(-1.5) == -2, "rounding is to even");
}

static void check_random(void)
{
	uint8_t a[32] = {0}, b[32] = {0};

	check(getrandom(a, sizeof a, 0) == sizeof a &&
		      getentropy(b, sizeof b) == 0 &&
		      memcmp(a, b, sizeof a) != 0 && !is_zero(a, 8),
	      "getrandom fills");
}

static void say_random(void)
{
	uint8_t bytes[16];
	int error;

	memset(bytes, 0xa5, sizeof bytes);
	error = mirage_random_fill(bytes, sizeof bytes);
	printf("%s %s\n", mirage_error_name(error),
	       is_zero(bytes, sizeof bytes) ? "zero" : "filled");
}

static int start(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "random") == 0) {
		say_random();
		return 0;
	}
	check_mappings();
	check_protection();
	check_malloc();
	check_files();
	check_clocks();
	check_arithmetic();
	check_random();
	/* In the order in which they were written. */
	printf("# one\n");
	mirage_console_write("# two\n", 6);
	printf("# three\n");
	printf("1..%d\n", n_cases);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
