/* SPDX-License-Identifier: ISC */
/*
 * The processor's own generators (Intel SDM, volume 1, 7.3.17): RDSEED for the
 * first key, RDRAND for fresh words with every call. A guest has no other source
 * that the host could not guess.
 */
#include "xen.h"

#include "entropy.h"
#include "machine.h"

#include <string.h>

#define RDRAND_TRIES 100
#define RDSEED_TRIES 10000 /* it runs dry: it is slower than who asks */

static bool rdrand(uint64_t *word)
{
	uint8_t ok = 0;

	for (int i = 0; i < RDRAND_TRIES && ok == 0; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(ok));
	return ok != 0;
}

static bool rdseed(uint64_t *word)
{
	uint8_t ok = 0;

	for (int i = 0; i < RDSEED_TRIES && ok == 0; i++)
		__asm__ volatile("rdseed %0; setc %1; pause"
				 : "=r"(*word), "=qm"(ok));
	return ok != 0;
}

static void cpuid(uint32_t leaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]),
			   "=d"(out[3])
			 : "a"(leaf), "c"(0));
}

static struct entropy entropy;

/** Looks what there is, once: the hypervisor answers `cpuid`, slowly. */
static void find_sources(void)
{
	static bool found;
	uint32_t out[4];

	if (found)
		return;
	found = true;
	cpuid(1, out);
	if ((out[2] >> 30 & 1) != 0)
		entropy.stream = rdrand;
	cpuid(0, out);
	if (out[0] < 7)
		return;
	cpuid(7, out);
	if ((out[1] >> 18 & 1) != 0)
		entropy.seed = rdseed;
}

static void tell_failure(void)
{
	static bool told;

	if (told || !xen_libc_ready)
		return;
	told = true;
	mirage_log(MIRAGE_LOG_ERROR, "random: %s",
		   entropy.failed ? "the processor's generator is broken"
				  : "this processor offers the guest neither "
				    "RDRAND nor RDSEED (cpuid=)");
}

static int fill(void *bytes, size_t length)
{
	find_sources();
	if (entropy_fill(&entropy, bytes, length))
		return 0;
	tell_failure();
	memset(bytes, 0, length);
	return MIRAGE_EIO;
}

const struct mirage_random_ops xen_random_ops = {
	.size = sizeof xen_random_ops,
	.fill = fill,
};
