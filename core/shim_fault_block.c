/* SPDX-License-Identifier: ISC */
/*
 * Makes requests of a disk fail, come late, or never end, by their number. A
 * failing request does not reach the device; a late one does at once, and its
 * completion is held back. A stalled one ends with EGONE when the disk is closed.
 */
#include "shim.h"

#include <stdlib.h>

struct fault_block {
	struct mirage_block block;
	struct mirage_block *inner;
	struct core_fault_plan plan;
	uint64_t n_requests;
	uint32_t n_inside; /* taken by the inner device */
	bool lost, closing, close_asked;
	struct core_shim_slot *slots, *free;
};

static void finish(struct core_shim_slot *slot)
{
	struct fault_block *fault = slot->shim;
	int result = slot->result;

	mirage_core_block_complete(core_shim_slot_put(&fault->free, slot),
				   result);
}

static void on_time(void *arg)
{
	finish(arg);
}

/** Ends the request with `result`, late if the plan says so. */
static void end(struct core_shim_slot *slot, int result)
{
	struct fault_block *fault = slot->shim;
	const struct core_fault_rule *delay = core_fault_plan_match(
		&fault->plan, CORE_FAULT_DELAY, CORE_FAULT_BOTH, slot->number);

	slot->result = result;
	if (delay == NULL || fault->closing)
		finish(slot);
	else
		mirage_timer_start(&slot->timer,
				   mirage_clock_monotonic_ns() +
					   delay->delay_ns,
				   on_time, slot);
}

/** The inner device is closed as the front would close it. */
static void close_if_drained(struct fault_block *fault)
{
	if (!fault->closing || fault->close_asked ||
	    (fault->n_inside != 0 && !fault->lost))
		return;
	fault->close_asked = true;
	fault->inner->ops->close(fault->inner);
}

static void fault_done(void *arg, int result)
{
	struct core_shim_slot *slot = arg;
	struct fault_block *fault = slot->shim;

	fault->n_inside--;
	end(slot, result);
	close_if_drained(fault);
}

/** Keeps the request from the device, if the plan says so. */
static bool strike(struct fault_block *fault, struct core_shim_slot *slot)
{
	const struct core_fault_rule *rule;

	rule = core_fault_plan_match(&fault->plan, CORE_FAULT_STALL,
				     CORE_FAULT_BOTH, slot->number);
	if (rule != NULL) {
		slot->stalled = true;
		mirage_core_block_event(&fault->block, CORE_EVENT_STALLED);
		return true;
	}
	rule = core_fault_plan_match(&fault->plan, CORE_FAULT_FAIL,
				     CORE_FAULT_BOTH, slot->number);
	if (rule != NULL)
		end(slot, rule->error);
	return rule != NULL;
}

static void fault_submit(struct mirage_block *block,
			 struct mirage_block_request *const requests[],
			 size_t n)
{
	struct fault_block *fault = (struct fault_block *)block;

	for (size_t i = 0; i < n; i++) {
		struct core_shim_slot *slot = core_shim_slot_get(
			&fault->free, fault->inner, requests[i]);
		struct mirage_block_request *request = &slot->request;

		slot->number = ++fault->n_requests;
		if (fault->closing) { /* by a stall in this very batch */
			end(slot, MIRAGE_EGONE);
			continue;
		}
		if (strike(fault, slot))
			continue;
		fault->n_inside++;
		fault->inner->ops->submit(fault->inner, &request, 1);
	}
}

static void fault_event(void *arg, uint32_t event)
{
	struct fault_block *fault = arg;

	if (event == MIRAGE_EVENT_LOST || event == MIRAGE_EVENT_BACK)
		fault->lost = event == MIRAGE_EVENT_LOST;
	core_shim_event_block(&fault->block, event);
	close_if_drained(fault);
}

/** Called with requests in flight when one of them is stalled, or the device is
 *  lost: what only waits here ends at once, the rest when the device answers. */
static void fault_close(struct mirage_block *block)
{
	struct fault_block *fault = (struct fault_block *)block;
	uint32_t n = block->info->queue_depth;

	fault->closing = true;
	for (uint32_t i = 0; i < n; i++) {
		struct core_shim_slot *slot = &fault->slots[i];

		if (mirage_timer_cancel(&slot->timer)) {
			finish(slot);
		} else if (slot->stalled) {
			slot->stalled = false;
			slot->result = MIRAGE_EGONE;
			finish(slot);
		}
	}
	close_if_drained(fault);
}

static void fault_dispose(struct mirage_block *block)
{
	struct fault_block *fault = (struct fault_block *)block;

	core_shim_dispose_block(fault->inner);
	free(fault->slots);
	free(fault);
}

static const struct mirage_block_ops fault_ops = {
	.size = sizeof fault_ops,
	.submit = fault_submit,
	.close = fault_close,
	.dispose = fault_dispose,
};

struct mirage_block *core_shim_fault_block(struct mirage_block *inner,
					   const struct core_fault_plan *plan)
{
	struct fault_block *fault = calloc(1, sizeof *fault);

	if (fault == NULL)
		return NULL;
	fault->slots = core_shim_slots(inner, fault_done, fault);
	if (fault->slots == NULL) {
		free(fault);
		return NULL;
	}
	fault->free = fault->slots;
	fault->plan = *plan;
	fault->block.ops = &fault_ops;
	fault->block.info = inner->info;
	fault->block.counters = inner->counters;
	fault->block.name = inner->name;
	fault->inner = inner;
	core_shim_adopt_block(inner, fault_event, fault);
	return &fault->block;
}

const char *mirage_core_block_fault(struct mirage_block *block,
				    const char *plan)
{
	struct fault_block *fault = block->event_arg;
	const char *wrong;

	if (block->on_event != fault_event)
		return CORE_FAULT_NONE;
	wrong = core_fault_plan_replace(&fault->plan, plan, false);
	if (wrong == NULL)
		fault->n_requests = 0;
	return wrong;
}
