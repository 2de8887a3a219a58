/* SPDX-License-Identifier: ISC */
/* From the boot page tables to libc's start. */
#include "machine.h"

#include "hypercall.h"
#include "xen.h"

#include <string.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

/* Addresses without RAM behind them, below the pages that Xen's toolstack puts
 * at 0xfeff8000. grants.c has the rest of this hole. */
#define SHARED_INFO_ADDRESS 0xf0000000ull

uint8_t *xen_hypercall_page;
uint64_t xen_hypercall_count;
char xen_command_line[1024];
const struct shared_info *xen_shared_info;

/* ---------------------------------------------------------------- Debug -- */

static void debug_byte(char byte)
{
	__asm__ volatile("outb %0, $0xe9" : : "a"(byte));
}

void xen_debug(const char *text)
{
	while (*text != '\0')
		debug_byte(*text++);
}

void xen_debug_hex(uint64_t value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		debug_byte("0123456789abcdef"[value >> shift & 15]);
}

static void shutdown(unsigned reason) __attribute__((noreturn));
static void shutdown(unsigned reason)
{
	struct sched_shutdown how = {.reason = reason};

	for (;;)
		xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown,
			      (uintptr_t)&how, 0);
}

void xen_crash(const char *reason)
{
	xen_debug("mirage: ");
	xen_debug(reason);
	xen_debug("\n");
	shutdown(SHUTDOWN_crash);
}

void xen_poweroff(void)
{
	shutdown(xen_control_reboot ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
}

/* ------------------------------------------------------------ Hypervisor -- */

static void cpuid(uint32_t leaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]),
			   "=d"(out[3])
			 : "a"(leaf), "c"(0));
}

/** Xen's leaves are at 0x40000000, or higher when it speaks Viridian too. */
static uint32_t find_xen(void)
{
	uint32_t out[4];

	for (uint32_t base = XEN_CPUID_FIRST_LEAF; base < 0x40010000;
	     base += 0x100) {
		cpuid(base, out);
		if (out[1] == XEN_CPUID_SIGNATURE_EBX &&
		    out[2] == XEN_CPUID_SIGNATURE_ECX &&
		    out[3] == XEN_CPUID_SIGNATURE_EDX)
			return base;
	}
	return 0;
}

static void init_hypercalls(void)
{
	uint32_t base = find_xen(), out[4];
	uint64_t page;

	xen_hypercall_page = xen_pages_alloc(1);
	if (base == 0 || xen_hypercall_page == NULL)
		__builtin_trap(); /* nobody to tell, nothing to tell it with */
	page = (uintptr_t)xen_hypercall_page;
	cpuid(base + 2, out);
	__asm__ volatile("wrmsr"
			 :
			 : "c"(out[1]), "a"((uint32_t)page),
			   "d"((uint32_t)(page >> 32))
			 : "memory");
	xen_map(page, XEN_MAP_RX);
}

struct xenstore_domain_interface *xen_store_ring(uint32_t *port,
						 void (*on_event)(void *arg))
{
	uint64_t pfn = xen_hvm_param(HVM_PARAM_STORE_PFN);

	if (pfn == 0)
		xen_crash("no xenstore ring");
	*port = (uint32_t)xen_hvm_param(HVM_PARAM_STORE_EVTCHN);
	xen_event_bind(*port, on_event, NULL);
	return xen_map(pfn * XEN_PAGE_BYTES, XEN_MAP_RW);
}

static void init_shared_info(void)
{
	struct xen_add_to_physmap add = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_shared_info,
		.gpfn = SHARED_INFO_ADDRESS / XEN_PAGE_BYTES,
	};

	if (xen_hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap,
			  (uintptr_t)&add, 0) != 0)
		xen_crash("Xen does not map the shared info page");
	xen_shared_info = xen_map(SHARED_INFO_ADDRESS, XEN_MAP_RW);
}

uint64_t xen_hvm_param(uint32_t index)
{
	struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};

	if (xen_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param,
			  (uintptr_t)&param, 0) != 0)
		return 0;
	return param.value;
}

void xen_start(uintptr_t start_info)
{
	const struct hvm_start_info *info = (const void *)start_info;

	if (info->magic != XEN_HVM_START_MAGIC_VALUE || info->version < 1)
		xen_crash("not started as a PVH guest");
	if (info->cmdline_paddr != 0)
		strncpy(xen_command_line, (const char *)info->cmdline_paddr,
			sizeof xen_command_line - 1);
	xen_memory_init(info);
	xen_exceptions_init();
	init_hypercalls();
	init_shared_info();
	xen_console_init();
	xen_libc_start();
}
