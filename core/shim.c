/* SPDX-License-Identifier: ISC */
/* Which shims a device gets, and what they have in common. */
#include "shim.h"

#include "pcap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- Choosing -- */

/** Reads the plan for the device, if there is one: 1, or 0 for none. */
static int find_plan(const struct mirage_open *open,
		     struct core_fault_plan *plan)
{
	const char *text = core_option_shim("fault", open->name);
	const char *wrong;

	if (text == NULL)
		return 0;
	wrong = core_fault_plan_parse(plan, text);
	if (wrong == NULL)
		wrong = core_fault_plan_misfit(plan,
					       open->kind == MIRAGE_OPEN_NET);
	if (wrong == NULL)
		return 1;
	mirage_core_open_error(open, "--fault %s=%s: %s", open->name, text,
			       wrong);
	return MIRAGE_EINVAL;
}

static int wrap_trace_net(struct mirage_net **net,
			  const struct mirage_open *open, const char *path)
{
	struct core_pcap *pcap = NULL;
	struct mirage_net *outer;

	if (path[0] != '\0') {
		pcap = core_pcap_open(path);
		if (pcap == NULL) {
			mirage_core_open_error(open, "cannot record to %s: %s",
					       path, strerror(errno));
			return MIRAGE_EIO;
		}
	}
	outer = core_shim_trace_net(*net, pcap);
	if (outer != NULL)
		*net = outer;
	return outer != NULL ? 0 : MIRAGE_ENOMEM;
}

static int wrap_fault_net(struct mirage_net **net,
			  const struct core_fault_plan *plan)
{
	struct mirage_net *outer = core_shim_fault_net(*net, plan);

	if (outer != NULL)
		*net = outer;
	return outer != NULL ? 0 : MIRAGE_ENOMEM;
}

int core_shim_net(struct mirage_net **net, const struct mirage_open *open)
{
	const char *trace = core_option_shim("trace", open->name);
	struct core_fault_plan plan;
	int result = find_plan(open, &plan);

	if (result > 0)
		result = wrap_fault_net(net, &plan);
	if (result == 0 && open->record_path[0] != '\0')
		result = wrap_trace_net(net, open, open->record_path);
	if (result == 0 && trace != NULL)
		result = wrap_trace_net(net, open, trace);
	return result;
}

static int wrap_fault_block(struct mirage_block **block,
			    const struct core_fault_plan *plan)
{
	struct mirage_block *outer = core_shim_fault_block(*block, plan);

	if (outer != NULL)
		*block = outer;
	return outer != NULL ? 0 : MIRAGE_ENOMEM;
}

static int wrap_trace_block(struct mirage_block **block,
			    const struct mirage_open *open, const char *path)
{
	struct mirage_block *outer;

	if (path[0] != '\0') {
		mirage_core_open_error(open,
				       "--trace %s=%s: a block is traced in "
				       "the log; use --trace %s",
				       open->name, path, open->name);
		return MIRAGE_EINVAL;
	}
	outer = core_shim_trace_block(*block);
	if (outer != NULL)
		*block = outer;
	return outer != NULL ? 0 : MIRAGE_ENOMEM;
}

int core_shim_block(struct mirage_block **block, const struct mirage_open *open)
{
	const char *trace = core_option_shim("trace", open->name);
	struct core_fault_plan plan;
	int result = find_plan(open, &plan);

	if (result > 0)
		result = wrap_fault_block(block, &plan);
	if (result == 0 && trace != NULL)
		result = wrap_trace_block(block, open, trace);
	return result;
}

/* -------------------------------------------------------- Passing things on */

void core_shim_adopt_net(struct mirage_net *inner,
			 mirage_net_receive_fn *on_receive,
			 mirage_event_fn *on_event, void *arg)
{
	inner->state = CORE_OPEN | CORE_SHIMMED;
	inner->on_receive = on_receive;
	inner->receive_arg = arg;
	inner->on_event = on_event;
	inner->event_arg = arg;
}

void core_shim_adopt_block(struct mirage_block *inner,
			   mirage_event_fn *on_event, void *arg)
{
	inner->state = CORE_OPEN | CORE_SHIMMED;
	inner->on_event = on_event;
	inner->event_arg = arg;
}

size_t core_shim_send(struct mirage_net *inner,
		      struct mirage_packet *const packets[], size_t n)
{
	int taken = inner->ops->send(inner, packets, n);

	core_must(taken >= 0 && (size_t)taken <= n, "NET-19",
		  "the backend took more frames than there were");
	return (size_t)taken;
}

void core_shim_event_net(struct mirage_net *net, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		mirage_core_net_closed(net);
	else
		mirage_core_net_event(net, event);
}

void core_shim_event_block(struct mirage_block *block, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		mirage_core_block_closed(block);
	else
		mirage_core_block_event(block, event);
}

void core_shim_dispose_net(struct mirage_net *inner)
{
	if (MIRAGE_HAS(inner->ops, dispose))
		inner->ops->dispose(inner);
}

void core_shim_dispose_block(struct mirage_block *inner)
{
	if (MIRAGE_HAS(inner->ops, dispose))
		inner->ops->dispose(inner);
}

/* ---------------------------------------------------------------- Slots -- */

struct core_shim_slot *core_shim_slots(const struct mirage_block *inner,
				       mirage_done_fn *done, void *shim)
{
	uint32_t n = inner->info->queue_depth;
	struct core_shim_slot *slots = calloc(n, sizeof *slots);

	for (uint32_t i = 0; slots != NULL && i < n; i++) {
		slots[i].shim = shim;
		slots[i].request.done = done;
		slots[i].request.arg = &slots[i];
		slots[i].next = i + 1 < n ? &slots[i + 1] : NULL;
	}
	return slots;
}

struct core_shim_slot *core_shim_slot_get(struct core_shim_slot **free,
					  struct mirage_block *inner,
					  struct mirage_block_request *outer)
{
	struct core_shim_slot *slot = *free;
	struct mirage_block_request *request = &slot->request;

	*free = slot->next;
	slot->outer = outer;
	request->op = outer->op;
	request->n_vectors = outer->n_vectors;
	request->vectors = outer->vectors;
	request->offset_bytes = outer->offset_bytes;
	request->length_bytes = outer->length_bytes;
	request->block = inner;
	memset(request->backend, 0, sizeof request->backend);
	return slot;
}

struct mirage_block_request *core_shim_slot_put(struct core_shim_slot **free,
						struct core_shim_slot *slot)
{
	slot->next = *free;
	*free = slot;
	return slot->outer;
}

/* ---------------------------------------------------------------- Lines -- */

void core_shim_line(const char *name, const char *format, ...)
{
	uint64_t now_ns = mirage_clock_monotonic_ns();
	char line[256];
	va_list args;
	int head, body;

	head = snprintf(line, sizeof line, "trace %llu.%09llu %s: ",
			(unsigned long long)(now_ns / 1000000000),
			(unsigned long long)(now_ns % 1000000000), name);
	va_start(args, format);
	body = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
	va_end(args);
	if (body >= (int)sizeof line - head)
		body = (int)sizeof line - head - 1;
	core_log_line(MIRAGE_LOG_INFO, line, (size_t)(head + body));
}

const char *core_shim_event_name(uint32_t event)
{
	static const char *const names[] = {
		[MIRAGE_EVENT_WRITABLE] = "writable",
		[MIRAGE_EVENT_LINK] = "link",
		[MIRAGE_EVENT_RESIZED] = "resized",
		[MIRAGE_EVENT_CAPS] = "caps",
		[MIRAGE_EVENT_LOST] = "lost",
		[MIRAGE_EVENT_BACK] = "back",
		[MIRAGE_EVENT_CLOSED] = "closed",
	};

	return event >= MIRAGE_EVENT_WRITABLE && event <= MIRAGE_EVENT_CLOSED
		       ? names[event]
		       : "?";
}
