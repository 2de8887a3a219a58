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

#define CALLBACK_VECTOR 0xf3

uint8_t *xen_hypercall_page;
uint64_t xen_hypercall_count;
char xen_command_line[1024];
uint64_t xen_entry_tsc;
const struct shared_info *xen_shared_info;

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

/** Has Xen write its hypercall page, which fits this processor. */
static void fill_hypercall_page(void)
{
	uint32_t base = find_xen(), out[4];
	uint64_t page = (uintptr_t)xen_hypercall_page;

	if (base == 0)
		__builtin_trap(); /* nobody to tell, nothing to tell it with */
	cpuid(base + 2, out);
	__asm__ volatile("wrmsr"
			 :
			 : "c"(out[1]), "a"((uint32_t)page),
			   "d"((uint32_t)(page >> 32))
			 : "memory");
}

static void init_hypercalls(void)
{
	xen_hypercall_page = xen_pages_alloc(1);
	if (xen_hypercall_page == NULL)
		__builtin_trap();
	fill_hypercall_page();
	xen_map((uintptr_t)xen_hypercall_page, XEN_MAP_RX);
}

bool xen_shutdown(unsigned reason)
{
	struct sched_shutdown how = {.reason = reason};

	return xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown,
			     (uintptr_t)&how, 0) == 1;
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

static void place_shared_info(void)
{
	struct xen_add_to_physmap add = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_shared_info,
		.gpfn = XEN_SHARED_INFO_ADDRESS / XEN_PAGE_BYTES,
	};

	if (xen_hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap,
			  (uintptr_t)&add, 0) != 0)
		xen_crash("Xen does not map the shared info page");
	xen_shared_info = xen_map(XEN_SHARED_INFO_ADDRESS, XEN_MAP_RW);
}

uint64_t xen_hvm_param(uint32_t index)
{
	struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};

	if (xen_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param,
			  (uintptr_t)&param, 0) != 0)
		return 0;
	return param.value;
}

/** An upcall that never comes, because interrupts stay off. But Xen's toolstack
 *  takes it as a sign that the guest can tell a canceled suspension. */
static void set_callback(void)
{
	struct xen_hvm_param param = {
		.domid = DOMID_SELF,
		.index = HVM_PARAM_CALLBACK_IRQ,
		.value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 |
			 CALLBACK_VECTOR,
	};

	(void)xen_hypercall(__HYPERVISOR_hvm_op, HVMOP_set_param,
			    (uintptr_t)&param, 0);
}

void xen_machine_resume(void)
{
	fill_hypercall_page();
	place_shared_info();
	set_callback();
}

void xen_start(uintptr_t start_info, uint64_t tsc)
{
	const struct hvm_start_info *info = (const void *)start_info;

	xen_entry_tsc = tsc;
	xen_exceptions_init();
	if (info->magic != XEN_HVM_START_MAGIC_VALUE || info->version < 1)
		xen_crash("not started as a PVH guest");
	if (info->cmdline_paddr != 0)
		strncpy(xen_command_line, (const char *)info->cmdline_paddr,
			sizeof xen_command_line - 1);
	xen_memory_init(info);
	xen_exceptions_guard();
	init_hypercalls();
	place_shared_info();
	set_callback();
	xen_console_init();
	xen_libc_start();
}
