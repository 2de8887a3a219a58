/* SPDX-License-Identifier: ISC */
/*
 * The last words of a guest: to Xen's log through the debug port 0xE9, and to the
 * console ring. Nothing is allocated and no libc is used, so that it works when
 * little else does.
 */
#include "machine.h"

#include "symbols.h"
#include "xen.h"

#include <string.h>

#include <xen/sched.h>

#define CALLERS_MAX 16
#define SCAN_WORDS 256
#define CALL_RELATIVE 0xe8
#define CALL_RELATIVE_BYTES 5

extern char image_start[], text_end[];

static bool crashing;

static void put(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		__asm__ volatile("outb %0, $0xe9" : : "a"(text[i]));
	xen_console_write_all(text, length);
}

void xen_report(const char *text)
{
	put(text, strlen(text));
}

void xen_report_hex(uint64_t value)
{
	char digits[16];

	for (int i = 15; i >= 0; i--, value >>= 4)
		digits[i] = "0123456789abcdef"[value & 15];
	put(digits, sizeof digits);
}

void xen_report_address(uint64_t address)
{
	uint64_t start = (uintptr_t)image_start;
	uint32_t offset;
	const char *name;

	xen_report_hex(address);
	if (address < start || address >= (uintptr_t)text_end)
		return;
	name = symbols_find(symbols_table,
			    (size_t)(symbols_table_end - symbols_table),
			    (uint32_t)(address - start), &offset);
	if (name == NULL)
		return;
	xen_report(" ");
	xen_report(name);
}

static bool is_text(uint64_t address)
{
	return address >= (uintptr_t)image_start &&
	       address < (uintptr_t)text_end;
}

void xen_report_callers(uint64_t frame)
{
	for (int depth = 0; depth < CALLERS_MAX; depth++) {
		const uint64_t *words = (const uint64_t *)frame;

		if (frame % 8 != 0 || !xen_is_mapped(frame) ||
		    !xen_is_mapped(frame + 15) || !is_text(words[1]))
			return;
		xen_report("\n  by ");
		/* What is returned to is behind the call. */
		xen_report_address(words[1] - 1);
		if (words[0] <= frame)
			return;
		frame = words[0];
	}
}

/** Whether `address` is behind a direct call: where one returns to. */
static bool is_return(uint64_t address)
{
	return is_text(address) && is_text(address - CALL_RELATIVE_BYTES) &&
	       *(const uint8_t *)(address - CALL_RELATIVE_BYTES) ==
		       CALL_RELATIVE;
}

void xen_report_stack(uint64_t stack)
{
	int callers = 0;

	for (int i = 0; i < SCAN_WORDS && callers < CALLERS_MAX; i++) {
		const uint64_t *word = (const uint64_t *)stack + i;

		if (!xen_is_mapped((uintptr_t)word))
			return;
		if (!is_return(*word))
			continue;
		xen_report("\n  perhaps by ");
		xen_report_address(*word - 1);
		callers++;
	}
}

void xen_crash(const char *reason)
{
	/* A crash on the way to a crash: be quick. */
	if (!crashing) {
		crashing = true;
		xen_report("mirage: crashed: ");
		xen_report(reason);
		xen_report("\n");
		xen_console_drain();
	}
	for (;;)
		xen_shutdown(SHUTDOWN_crash);
}
