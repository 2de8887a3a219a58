/* SPDX-License-Identifier: ISC */
/*
 * Memory: one range of RAM that begins with the image, mapped to itself in pages
 * of 4 KiB. Text is executable and not writable, data the other way round, page
 * zero and the guards are not there at all. Pages are given out by a bitmap.
 */
#include "machine.h"

#include <string.h>

#include <xen/arch-x86/hvm/start_info.h>

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

extern char image_start[], text_end[], rodata_end[], image_end[];

static uint64_t level4[512] __attribute__((aligned(4096)));

static uint64_t ram_end;
static uintptr_t pool_start; /* first page that is given out */
static size_t pool_pages, pool_free, next_search;
static uint64_t *taken; /* a bit for each page of the pool */

/* ---------------------------------------------------------------- Pages -- */

static bool is_taken(size_t page)
{
	return (taken[page / 64] >> (page % 64) & 1) != 0;
}

static void mark(size_t from, size_t n, bool take)
{
	for (size_t i = from; i < from + n; i++) {
		uint64_t bit = 1ull << (i % 64);

		if (take)
			taken[i / 64] |= bit;
		else
			taken[i / 64] &= ~bit;
	}
	pool_free += take ? -n : n;
}

/** The first of `n` free pages in a row at or after `from`, or SIZE_MAX. */
static size_t find(size_t from, size_t n)
{
	size_t run = 0;

	for (size_t i = from; i < pool_pages; i++) {
		if (i % 64 == 0 && taken[i / 64] == UINT64_MAX) {
			i += 63;
			run = 0;
			continue;
		}
		run = is_taken(i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return SIZE_MAX;
}

void *xen_pages_alloc(size_t n)
{
	size_t page = find(next_search, n);
	void *memory;

	if (page == SIZE_MAX)
		page = find(0, n);
	if (page == SIZE_MAX || n == 0)
		return NULL;
	mark(page, n, true);
	next_search = page + n;
	memory = (void *)(pool_start + page * XEN_PAGE_BYTES);
	return memset(memory, 0, n * XEN_PAGE_BYTES);
}

void xen_pages_free(void *pages, size_t n)
{
	size_t page = ((uintptr_t)pages - pool_start) / XEN_PAGE_BYTES;

	mark(page, n, false);
	if (page < next_search)
		next_search = page;
}

size_t xen_pages_free_count(void)
{
	return pool_free;
}

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

static uint64_t flags(enum xen_protection protection)
{
	switch (protection) {
	case XEN_MAP_RX:
		return PTE_PRESENT;
	case XEN_MAP_RW:
		return PTE_PRESENT | PTE_WRITE | PTE_NX;
	default:
		return PTE_PRESENT | PTE_NX;
	}
}

static void map_range(uint64_t from, uint64_t to,
		      enum xen_protection protection)
{
	for (; from < to; from += XEN_PAGE_BYTES)
		*entry_of(from) = from | flags(protection);
}

static void flush(const void *page)
{
	__asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
}

void *xen_map(uint64_t physical, enum xen_protection protection)
{
	*entry_of(physical) = physical | flags(protection);
	flush((void *)physical);
	return (void *)physical;
}

void xen_unmap(void *page)
{
	*entry_of((uintptr_t)page) = 0;
	flush(page);
}

/* ----------------------------------------------------------------- Init -- */

/** Finds the RAM that the image is in. */
static void find_ram(const struct hvm_start_info *info)
{
	const struct hvm_memmap_table_entry *entry =
		(const void *)info->memmap_paddr;

	for (uint32_t i = 0; i < info->memmap_entries; i++, entry++)
		if (entry->type == XEN_HVM_MEMMAP_TYPE_RAM &&
		    entry->addr <= (uintptr_t)image_start &&
		    entry->addr + entry->size >= (uintptr_t)image_end)
			ram_end = entry->addr + entry->size;
	/* The boot page tables reach 4 GiB. */
	if (ram_end > 1ull << 32)
		ram_end = 1ull << 32;
	ram_end &= PTE_ADDRESS;
}

void xen_memory_init(const struct hvm_start_info *info)
{
	size_t bitmap_bytes;

	find_ram(info);
	if (ram_end == 0)
		xen_crash("the memory map does not have the image in it");
	taken = (uint64_t *)image_end;
	pool_pages = (ram_end - (uintptr_t)image_end) / XEN_PAGE_BYTES;
	bitmap_bytes = (pool_pages / 64 + 1) * 8;
	bitmap_bytes = (bitmap_bytes + XEN_PAGE_BYTES - 1) & -4096ull;
	memset(taken, 0, bitmap_bytes);
	pool_start = (uintptr_t)image_end;
	pool_free = pool_pages;
	mark(0, bitmap_bytes / XEN_PAGE_BYTES, true);

	map_range((uintptr_t)image_start, (uintptr_t)text_end, XEN_MAP_RX);
	map_range((uintptr_t)text_end, (uintptr_t)rodata_end, XEN_MAP_R);
	map_range((uintptr_t)rodata_end, ram_end, XEN_MAP_RW);
	__asm__ volatile("mov %0, %%cr3" : : "r"(level4) : "memory");
}
