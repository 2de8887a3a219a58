/* SPDX-License-Identifier: ISC */
/* Checks a backend's tables once, so that nobody else has to. */
#include "core.h"

#include <stdlib.h>
#include <unistd.h>

/* The console may be what is broken: standard error is all there is to trust. */
static void missing(const char *backend, const char *what)
{
	core_print(STDERR_FILENO,
		   "%s: error: broken contract [LAW-10]: the %s backend has no "
		   "%s (or a table that is too short for it)\n",
		   mirage_core_program(), backend, what);
	abort();
}

#define MUST_HAVE(table, member, what)          \
	do {                                    \
		if (!MIRAGE_HAS(table, member)) \
			missing(name, what);    \
	} while (0)

static void validate_ambient(const char *name,
			     const struct mirage_ambient *ambient)
{
	MUST_HAVE(ambient, console, "console");
	MUST_HAVE(ambient->console, write, "console.write");
	MUST_HAVE(ambient->console, log, "console.log");
	MUST_HAVE(ambient, clock, "clock");
	MUST_HAVE(ambient->clock, monotonic_ns, "clock.monotonic_ns");
	MUST_HAVE(ambient->clock, wall_ns, "clock.wall_ns");
	MUST_HAVE(ambient->clock, info, "clock.info");
	MUST_HAVE(ambient, time, "time");
	MUST_HAVE(ambient->time, wake_at, "time.wake_at");
}

void core_validate_backend(const struct mirage_backend *backend)
{
	const char *name = MIRAGE_HAS(backend, name) ? backend->name : "linked";

	MUST_HAVE(backend, name, "name");
	MUST_HAVE(backend, ambient, "ambient devices");
	MUST_HAVE(backend, run, "run");
	validate_ambient(name, backend->ambient);
}

void core_validate_net(const struct mirage_net *net)
{
	const char *name = mirage_backend.name;

	MUST_HAVE(net->ops, reserve, "net.reserve");
	MUST_HAVE(net->ops, send, "net.send");
	MUST_HAVE(net->ops, close, "net.close");
	core_must(net->info != NULL && net->counters != NULL, "LAW-10",
		  "a network without info or counters");
	core_must(net->info->mtu_bytes >= 68 && net->info->max_fragments >= 1 &&
			  net->info->pool_frames >= 16 &&
			  (net->info->mac[0] & 1) == 0,
		  "LAW-10", "a network whose info breaks its bounds");
}

static bool power_of_two(uint32_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

void core_validate_block(const struct mirage_block *block)
{
	const struct mirage_block_info *info = block->info;
	const char *name = mirage_backend.name;

	MUST_HAVE(block->ops, submit, "block.submit");
	MUST_HAVE(block->ops, close, "block.close");
	core_must(info != NULL && block->counters != NULL, "LAW-10",
		  "a block without info or counters");
	core_must(power_of_two(info->sector_bytes) &&
			  info->sector_bytes >= 512 &&
			  info->size_bytes % info->sector_bytes == 0 &&
			  power_of_two(info->buffer_align_bytes) &&
			  info->physical_sector_bytes >= info->sector_bytes &&
			  info->max_vectors >= 8 && info->queue_depth >= 1 &&
			  info->max_transfer_bytes >= 32768,
		  "LAW-10", "a block whose info breaks its bounds");
}

void core_validate_kv(const struct mirage_kv *kv)
{
	const char *name = mirage_backend.name;

	MUST_HAVE(kv->ops, submit, "kv.submit");
	MUST_HAVE(kv->ops, close, "kv.close");
	core_must(kv->info != NULL, "LAW-10", "a store without info");
	core_must((kv->info->caps & MIRAGE_KV_CAP_VIEW) == 0 ||
			  MIRAGE_HAS(kv->ops, view),
		  "LAW-10", "a store that says CAP_VIEW and has no view");
}

void core_validate_stack(const struct mirage_stack *stack)
{
	const char *name = mirage_backend.name;

	MUST_HAVE(stack->ops, connect, "stack.connect");
	MUST_HAVE(stack->ops, cancel, "stack.cancel");
	MUST_HAVE(stack->ops, listen, "stack.listen");
	MUST_HAVE(stack->ops, accept, "stack.accept");
	MUST_HAVE(stack->ops, unlisten, "stack.unlisten");
	MUST_HAVE(stack->ops, udp_open, "stack.udp_open");
	MUST_HAVE(stack->ops, udp_send, "stack.udp_send");
	MUST_HAVE(stack->ops, udp_close, "stack.udp_close");
	MUST_HAVE(stack->ops, resolve, "stack.resolve");
	MUST_HAVE(stack->ops, resolve_cancel, "stack.resolve_cancel");
	MUST_HAVE(stack->ops, close, "stack.close");
	core_must(stack->info != NULL && stack->counters != NULL, "LAW-10",
		  "a stack without info or counters");
}
