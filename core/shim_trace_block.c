/* SPDX-License-Identifier: ISC */
/*
 * Tells in the log what a disk is asked and what it answers; numbers say which
 * answer belongs to which request:
 *
 *	trace 3.000000000 disk: submit 1 read offset=0 length=4096
 *	trace 3.000200000 disk: done 1 read offset=0 length=4096 result=OK
 */
#include "shim.h"

#include <stdlib.h>

struct trace_block {
	struct mirage_block block;
	struct mirage_block *inner;
	uint64_t n_requests;
	struct core_shim_slot *slots, *free;
};

static const char *op_name(uint32_t op)
{
	static const char *const names[] = {
		[MIRAGE_BLOCK_READ] = "read",
		[MIRAGE_BLOCK_WRITE] = "write",
		[MIRAGE_BLOCK_FLUSH] = "flush",
		[MIRAGE_BLOCK_DISCARD] = "discard",
		[MIRAGE_BLOCK_WRITE_ZEROES] = "write-zeroes",
	};

	return names[op];
}

static void trace_request(const struct trace_block *trace, const char *what,
			  const struct core_shim_slot *slot, const char *result)
{
	const struct mirage_block_request *request = &slot->request;
	bool flush = request->op == MIRAGE_BLOCK_FLUSH;

	core_shim_line(
		trace->block.name, "%s %llu %s offset=%llu length=%llu%s%s",
		what, (unsigned long long)slot->number, op_name(request->op),
		(unsigned long long)(flush ? 0 : request->offset_bytes),
		(unsigned long long)(flush ? 0 : request->length_bytes),
		result != NULL ? " result=" : "", result != NULL ? result : "");
}

static void trace_done(void *arg, int result)
{
	struct core_shim_slot *slot = arg;
	struct trace_block *trace = slot->shim;

	trace_request(trace, "done", slot, mirage_error_name(result));
	mirage_core_block_complete(core_shim_slot_put(&trace->free, slot),
				   result);
}

static void trace_submit(struct mirage_block *block,
			 struct mirage_block_request *const requests[],
			 size_t n)
{
	struct trace_block *trace = (struct trace_block *)block;
	struct mirage_block_request *batch[64];
	size_t filled = 0;

	for (size_t i = 0; i < n; i++) {
		struct core_shim_slot *slot = core_shim_slot_get(
			&trace->free, trace->inner, requests[i]);

		slot->number = ++trace->n_requests;
		trace_request(trace, "submit", slot, NULL);
		batch[filled++] = &slot->request;
		if (filled < sizeof batch / sizeof *batch && i + 1 < n)
			continue;
		trace->inner->ops->submit(trace->inner, batch, filled);
		filled = 0;
	}
}

static void trace_event(void *arg, uint32_t event)
{
	struct trace_block *trace = arg;

	if (event <= MIRAGE_EVENT_CLOSED)
		core_shim_line(trace->block.name, "event %s",
			       core_shim_event_name(event));
	core_shim_event_block(&trace->block, event);
}

static void trace_close(struct mirage_block *block)
{
	struct trace_block *trace = (struct trace_block *)block;

	core_shim_line(block->name, "close");
	trace->inner->ops->close(trace->inner);
}

static void trace_dispose(struct mirage_block *block)
{
	struct trace_block *trace = (struct trace_block *)block;

	core_shim_dispose_block(trace->inner);
	free(trace->slots);
	free(trace);
}

static const struct mirage_block_ops trace_ops = {
	.size = sizeof trace_ops,
	.submit = trace_submit,
	.close = trace_close,
	.dispose = trace_dispose,
};

struct mirage_block *core_shim_trace_block(struct mirage_block *inner)
{
	struct trace_block *trace = calloc(1, sizeof *trace);

	if (trace == NULL)
		return NULL;
	trace->slots = core_shim_slots(inner, trace_done, trace);
	if (trace->slots == NULL) {
		free(trace);
		return NULL;
	}
	trace->free = trace->slots;
	trace->block.ops = &trace_ops;
	trace->block.info = inner->info;
	trace->block.counters = inner->counters;
	trace->block.name = inner->name;
	trace->inner = inner;
	core_shim_adopt_block(inner, trace_event, trace);
	return &trace->block;
}
