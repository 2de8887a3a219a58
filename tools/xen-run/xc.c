/* SPDX-License-Identifier: ISC */
#include "xc.h"

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* This one comes first: it makes the others declare what tools see. */
#include <xenctrl.h>

#include <xen/hvm/e820.h>
#include <xen/hvm/params.h>
#include <xenguest.h>

#define EVENT_PORTS_MAX 1023
/* Beyond the guest's RAM: the pages of the rings and of the boot information. */
#define SLACK_KIB 1024
/* Devices of a PC begin at its local APIC, RAM ends before. */
#define LAPIC_ADDRESS 0xfee00000ull
#define SPECIAL_ADDRESS                                                    \
	((uint64_t)(X86_HVM_END_SPECIAL_REGION - X86_HVM_NR_SPECIAL_PAGES) \
	 << XC_PAGE_SHIFT)

static xc_interface *xc;

/* ------------------------------------------------------------- Messages -- */

/** What the libraries said last when something failed. */
static char said[256];

static void keep(struct xentoollog_logger *logger, xentoollog_level level,
		 int error, const char *context, const char *format,
		 va_list args)
{
	if (level < XTL_ERROR)
		return;
	vsnprintf(said, sizeof said, format, args);
}

static void no_progress(struct xentoollog_logger *logger, const char *context,
			const char *doing, int percent, unsigned long done,
			unsigned long total)
{
}

static void no_destroy(struct xentoollog_logger *logger)
{
}

static struct xentoollog_logger logger = {
	.vmessage = keep,
	.progress = no_progress,
	.destroy = no_destroy,
};

static bool failed(const char *what)
{
	if (said[0] != '\0')
		complain("%s: %s", what, said);
	else
		complain("%s: %s", what, strerror(errno));
	return false;
}

bool domain_open(void)
{
	xc = xc_interface_open(&logger, &logger, 0);
	if (xc != NULL)
		return true;
	complain("cannot reach Xen (%s); this must run as root in dom0",
		 strerror(errno));
	return false;
}

void domain_close(void)
{
	if (xc != NULL)
		xc_interface_close(xc);
	xc = NULL;
}

/* ------------------------------------------------------------- Creation -- */

static bool set_limits(const struct guest *guest, unsigned memory_mib)
{
	/* The page tables of the second level, and a little for each MiB. */
	uint64_t paging_bytes = (1024ull + 8ull * memory_mib) << 10;

	if (xc_domain_max_vcpus(xc, guest->domid, 1) != 0)
		return failed("the CPU");
	if (xc_domain_setmaxmem(xc, guest->domid,
				memory_mib * 1024ull + SLACK_KIB) != 0)
		return failed("--memory");
	if (xc_set_paging_mempool_size(xc, guest->domid,
				       (paging_bytes + 4095) & -4096ull) != 0)
		return failed("memory for Xen's page tables");
	if (xc_cpuid_apply_policy(xc, guest->domid, false, NULL, 0, true, false,
				  false, NULL, NULL) != 0)
		return failed("features of the CPU");
	return true;
}

static bool make_channels(struct guest *guest)
{
	int store = xc_evtchn_alloc_unbound(xc, guest->domid, 0);
	int console = xc_evtchn_alloc_unbound(xc, guest->domid, 0);
	int log = xc_evtchn_alloc_unbound(xc, guest->domid, 0);

	if (store < 0 || console < 0 || log < 0)
		return failed("event channels");
	guest->store_port = (uint32_t)store;
	guest->console_port = (uint32_t)console;
	guest->log_port = (uint32_t)log;
	return true;
}

bool domain_create(struct guest *guest, unsigned memory_mib)
{
	struct xen_domctl_createdomain config = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
		.max_vcpus = 1,
		.max_evtchn_port = EVENT_PORTS_MAX,
		.max_grant_frames = -1, /* as many as Xen gives to all */
		.max_maptrack_frames = -1,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
		.arch = {.emulation_flags = XEN_X86_EMU_LAPIC},
	};

	said[0] = '\0';
	memcpy(config.handle, guest->uuid, sizeof config.handle);
	guest->domid = 0;
	if (xc_domain_create(xc, &guest->domid, &config) != 0) {
		guest->domid = 0;
		return failed("cannot create a domain");
	}
	return set_limits(guest, memory_mib) && make_channels(guest);
}

/* ------------------------------------------------------------- Building -- */

/** What a PVH guest has: RAM from 0, and a few pages of its toolstack's. */
static bool make_memory_map(struct xc_dom_image *image, uint64_t bytes)
{
	struct e820entry *map = xc_dom_malloc(image, 2 * sizeof *map);

	if (map == NULL)
		return false;
	map[0] = (struct e820entry){0, bytes, E820_RAM};
	map[1] = (struct e820entry){SPECIAL_ADDRESS,
				    X86_HVM_NR_SPECIAL_PAGES << XC_PAGE_SHIFT,
				    E820_RESERVED};
	image->e820 = map;
	image->e820_entries = 2;
	image->target_pages = bytes >> XC_PAGE_SHIFT;
	image->mmio_start = LAPIC_ADDRESS;
	image->mmio_size = (1ull << 32) - LAPIC_ADDRESS;
	image->lowmem_end = bytes;
	return xc_domain_set_memory_map(xc, image->guest_domid, map, 2) == 0;
}

static bool set_params(const struct guest *guest)
{
	return xc_hvm_param_set(xc, guest->domid, HVM_PARAM_STORE_EVTCHN,
				guest->store_port) == 0 &&
	       xc_hvm_param_set(xc, guest->domid, HVM_PARAM_CONSOLE_EVTCHN,
				guest->console_port) == 0;
}

static bool build(struct xc_dom_image *image, struct guest *guest,
		  const char *file, unsigned memory_mib)
{
	image->container_type = XC_DOM_HVM_CONTAINER;
	image->max_vcpus = 1;
	image->xenstore_evtchn = guest->store_port;
	image->console_evtchn = guest->console_port;
	if (xc_dom_kernel_file(image, file) != 0 ||
	    xc_dom_boot_xen_init(image, xc, guest->domid) != 0 ||
	    !make_memory_map(image, (uint64_t)memory_mib << 20) ||
	    xc_dom_parse_image(image) != 0 ||
	    xc_dom_mem_init(image, memory_mib) != 0 ||
	    xc_dom_boot_mem_init(image) != 0 ||
	    xc_dom_build_image(image) != 0 || xc_dom_boot_image(image) != 0 ||
	    !set_params(guest) || xc_dom_gnttab_init(image) != 0)
		return failed(file);
	guest->store_gfn = image->xenstore_pfn;
	guest->console_gfn = image->console_pfn;
	return true;
}

bool domain_build(struct guest *guest, const char *file, unsigned memory_mib)
{
	struct xc_dom_image *image;
	bool ok;

	said[0] = '\0';
	image = xc_dom_allocate(xc, guest->cmdline, NULL);
	if (image == NULL)
		return failed(file);
	ok = build(image, guest, file, memory_mib);
	xc_dom_release(image);
	return ok;
}

/* ----------------------------------------------------------------- Life -- */

bool domain_unpause(const struct guest *guest)
{
	if (xc_domain_unpause(xc, guest->domid) == 0)
		return true;
	return failed("cannot start the domain");
}

enum domain_state domain_look(const struct guest *guest, unsigned *reason)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(xc, guest->domid, 1, &info) != 1 ||
	    info.domid != guest->domid || info.dying ||
	    memcmp(info.handle, guest->uuid, UUID_BYTES) != 0)
		return DOMAIN_GONE;
	/* The library says crashed instead of shut down. */
	if (!info.shutdown && !info.crashed)
		return DOMAIN_LIVES;
	*reason = info.shutdown_reason;
	return DOMAIN_SHUT_DOWN;
}

bool domain_find(struct guest *guest)
{
	xc_dominfo_t info;

	for (uint32_t at = 1; xc_domain_getinfo(xc, at, 1, &info) == 1;
	     at = info.domid + 1) {
		if (memcmp(info.handle, guest->uuid, UUID_BYTES) == 0) {
			guest->domid = info.domid;
			return true;
		}
	}
	return false;
}

void domain_pause(const struct guest *guest)
{
	(void)xc_domain_pause(xc, guest->domid);
}

void domain_destroy(const struct guest *guest)
{
	said[0] = '\0';
	if (xc_domain_destroy(xc, guest->domid) != 0 && errno != ESRCH)
		(void)failed("cannot destroy the domain");
}
