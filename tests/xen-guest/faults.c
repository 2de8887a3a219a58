/* SPDX-License-Identifier: ISC */
/*
 * faults.c: breaks the machine in the way that its argument names. A Xen guest that
 * gets to its end instead of crashing says "survived".
 */
#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char rodata[64] = "read-only";
static uint8_t data[64];

static void write_to(const volatile void *address)
{
	*(volatile uint8_t *)(uintptr_t)address = 1;
}

static void write_text(void)
{
	write_to((const void *)(uintptr_t)write_text);
}

static void write_rodata(void)
{
	write_to(rodata);
}

static void run_data(void)
{
	void (*code)(void) = (void (*)(void))(uintptr_t)data;

	data[0] = 0xc3; /* ret */
	code();
}

static void run_heap(void)
{
	uint8_t *memory = malloc(64);
	void (*code)(void) = (void (*)(void))(uintptr_t)memory;

	memory[0] = 0xc3;
	code();
}

static void read_null(void)
{
	volatile const uint8_t *null = NULL;

	__asm__ volatile("" : "+r"(null));
	printf("%d\n", *null);
}

static unsigned recurse(unsigned depth)
{
	volatile uint8_t frame[512];

	memset((void *)(uintptr_t)frame, (int)depth, sizeof frame);
	return depth == 0 ? 0 : recurse(depth - 1) + frame[depth % 512];
}

static void overflow_stack(void)
{
	printf("%u\n", recurse(100000));
}

static void divide_by_zero(void)
{
	volatile int zero = 0, some = 17;

	printf("%d\n", some / zero);
}

static void touch_protected(void)
{
	uint8_t *memory =
		mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	write_to(memory);
}

static void write_read_only(void)
{
	uint8_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memory[0] = 1;
	mprotect(memory, 4096, PROT_READ);
	printf("still %d\n", memory[0]);
	write_to(memory);
}

static void trap(void)
{
	__builtin_trap();
}

static void break_contract(void)
{
	struct mirage_timer timer;

	memset(&timer, 0, sizeof timer);
	mirage_timer_start(&timer, 0, NULL, NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} faults[] = {
	{"write-text", write_text},
	{"write-rodata", write_rodata},
	{"run-data", run_data},
	{"run-heap", run_heap},
	{"read-null", read_null},
	{"overflow-stack", overflow_stack},
	{"divide-by-zero", divide_by_zero},
	{"touch-protected", touch_protected},
	{"use-read-only", write_read_only},
	{"trap", trap},
	{"abort", abort},
	{"break-contract", break_contract},
};

static int start(int argc, char *argv[])
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (argc != 2 || strcmp(argv[1], faults[i].name) != 0)
			continue;
		printf("about to %s\n", faults[i].name);
		faults[i].run();
		printf("survived\n");
		return 1;
	}
	printf("no such fault\n");
	return 2;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
