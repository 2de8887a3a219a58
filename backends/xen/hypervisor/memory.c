/* SPDX-License-Identifier: ISC */
/*
 * Memory: one range of RAM that begins with the image, mapped to itself in pages
 * of 4 KiB. Text is executable and not writable, data the other way round, page
 * zero and the guards are not there at all.
 */
#include "machine.h"

#include "pages.h"

#include <mirage-backend.h>

#include <string.h>

#include <xen/arch-x86/hvm/start_info.h>

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

extern char image_start[], text_end[], rodata_end[], image_end[];

static uint64_t level4[512] __attribute__((aligned(4096)));

static struct pages pool; /* from image_end on, its own bitmap first */
static uintptr_t ram_end;
static bool mapped; /* level4 is in use */
static uintptr_t guards[4];

/* -------------------------------------------------------------- Mapping -- */

/** The next level of table behind `entry`, made if it is not there. */
static uint64_t *table(uint64_t *entry)
{
	if ((*entry & PTE_PRESENT) == 0) {
		void *page = xen_pages_alloc(1);

		if (page == NULL)
			xen_crash("no memory for page tables");
		*entry = (uintptr_t)page | PTE_PRESENT | PTE_WRITE;
	}
	return (uint64_t *)(*entry & PTE_ADDRESS);
}

static uint64_t *entry_of(uint64_t address)
{
	uint64_t *level3 = table(&level4[address >> 39 & 511]);
	uint64_t *level2 = table(&level3[address >> 30 & 511]);
	uint64_t *level1 = table(&level2[address >> 21 & 511]);

	return &level1[address >> 12 & 511];
}

bool xen_is_mapped(uint64_t address)
{
	const uint64_t *entries = level4;

	if (address >> 47 != 0)
		return false;
	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry = entries[address >> shift & 511];

		if ((entry & PTE_PRESENT) == 0)
			return false;
		entries = (const uint64_t *)(entry & PTE_ADDRESS);
	}
	return true;
}

static uint64_t flags(enum xen_protection protection)
{
	switch (protection) {
	case XEN_MAP_NONE:
		return 0;
	case XEN_MAP_RX:
		return PTE_PRESENT;
	case XEN_MAP_RW:
		return PTE_PRESENT | PTE_WRITE | PTE_NX;
	default:
		return PTE_PRESENT | PTE_NX;
	}
}

static void map_page(uint64_t address, enum xen_protection protection)
{
	uint64_t *entry = entry_of(address), old = *entry,
		 new = flags(protection) != 0 ? address | flags(protection) : 0;

	if ((old & ~(PTE_ACCESSED | PTE_DIRTY)) == new)
		return;
	*entry = new;
	if ((old & PTE_PRESENT) != 0)
		__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static void map_range(uint64_t from, uint64_t to,
		      enum xen_protection protection)
{
	for (; from < to; from += XEN_PAGE_BYTES)
		map_page(from, protection);
}

void *xen_map(uint64_t physical, enum xen_protection protection)
{
	map_page(physical, protection);
	return (void *)physical;
}

void xen_guard(void *page)
{
	static unsigned n;

	guards[n++] = (uintptr_t)page;
	map_page((uintptr_t)page, XEN_MAP_NONE);
}

/* ---------------------------------------------------------------- Pages -- */

static size_t page_of(const void *address)
{
	return ((uintptr_t)address - (uintptr_t)image_end) / XEN_PAGE_BYTES;
}

static void tell_shortage(size_t n)
{
	static bool told;

	if (told || !xen_libc_ready)
		return;
	told = true;
	mirage_log(MIRAGE_LOG_WARN,
		   "out of memory: no %zu KiB in a row, %zu KiB free of "
		   "%zu; give the guest more (memory=)",
		   n * 4, pool.n_free * 4, pool.n * 4);
}

void *xen_pages_alloc(size_t n)
{
	size_t first = pages_take(&pool, n);

	if (first == PAGES_NONE) {
		tell_shortage(n);
		return NULL;
	}
	return memset(image_end + first * XEN_PAGE_BYTES, 0,
		      n * XEN_PAGE_BYTES);
}

bool xen_pages_taken(const void *pages, size_t n)
{
	return (uintptr_t)pages % XEN_PAGE_BYTES == 0 &&
	       (uintptr_t)pages >= (uintptr_t)image_end &&
	       pages_are_taken(&pool, page_of(pages), n);
}

void xen_pages_protect(void *pages, size_t n, enum xen_protection protection)
{
	uintptr_t from = (uintptr_t)pages;

	map_range(from, from + n * XEN_PAGE_BYTES, protection);
}

void xen_pages_free(void *pages, size_t n)
{
	if (n == 0)
		return;
	if (!xen_pages_taken(pages, n))
		xen_crash("pages were given back that nobody had taken");
	/* The next one to take them gets them as they were. */
	if (mapped)
		xen_pages_protect(pages, n, XEN_MAP_RW);
	pages_give(&pool, page_of(pages), n);
}

size_t xen_pages_free_count(void)
{
	return pool.n_free;
}

const char *xen_memory_kind(uint64_t address, bool fetch)
{
	for (size_t i = 0; i < sizeof guards / sizeof *guards; i++)
		if (guards[i] != 0 && address - guards[i] < XEN_PAGE_BYTES)
			return "the guard of a stack: it has overflowed";
	if (address < XEN_PAGE_BYTES)
		return "page zero: a null pointer";
	if (address < (uintptr_t)image_start || address >= ram_end)
		return "no memory of this guest";
	if (address < (uintptr_t)text_end)
		return "text, which is not writable";
	if (address < (uintptr_t)rodata_end)
		return "read-only data";
	if (fetch)
		return "data, which is not executable";
	return "memory that the program has protected";
}

/* ----------------------------------------------------------------- Init -- */

uint64_t xen_memory_find_end(const struct hvm_memmap_table_entry *entries,
			     uint32_t n, uint64_t from, uint64_t to)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < n; i++)
		if (entries[i].type == XEN_HVM_MEMMAP_TYPE_RAM &&
		    entries[i].addr <= from && entries[i].size >= to - from &&
		    entries[i].addr + entries[i].size >= to)
			end = entries[i].addr + entries[i].size;
	/* From there on are our own windows, see machine.h. */
	return end > XEN_WINDOWS ? XEN_WINDOWS : end & PTE_ADDRESS;
}

void xen_memory_init(const struct hvm_start_info *info)
{
	uint64_t *bitmap = (uint64_t *)image_end;
	size_t n, bitmap_pages;

	ram_end = xen_memory_find_end(
		(const void *)info->memmap_paddr, info->memmap_entries,
		(uintptr_t)image_start, (uintptr_t)image_end);
	if (ram_end == 0)
		xen_crash("the memory map does not have the image in it");
	n = (ram_end - (uintptr_t)image_end) / XEN_PAGE_BYTES;
	bitmap_pages = (pages_words(n) * 8 + 4095) / XEN_PAGE_BYTES;
	if (n <= bitmap_pages)
		xen_crash("no memory beyond the image");
	/* Nothing that Xen left above the image is looked at after this. */
	pages_init(&pool, bitmap, n);
	pages_take(&pool, bitmap_pages);

	map_range((uintptr_t)image_start, (uintptr_t)text_end, XEN_MAP_RX);
	map_range((uintptr_t)text_end, (uintptr_t)rodata_end, XEN_MAP_R);
	map_range((uintptr_t)rodata_end, ram_end, XEN_MAP_RW);
	__asm__ volatile("mov %0, %%cr3" : : "r"(level4) : "memory");
	mapped = true;
}
