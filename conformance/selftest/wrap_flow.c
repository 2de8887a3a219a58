/* SPDX-License-Identifier: ISC */
/* wrap_flow.c: bugs of flows, planted between the cases and the core, as in
 * wrap_block.c: they are those of a stack that lib/tcpip is not. */
#include "selftest.h"

#include <string.h>

#define WRITES 2048u
#define LENT_MAX 65536u

void __real_mirage_flow_read(struct mirage_flow *flow,
			     mirage_flow_read_fn *done, void *arg);
void __wrap_mirage_flow_read(struct mirage_flow *flow,
			     mirage_flow_read_fn *done, void *arg);
void __real_mirage_flow_write(struct mirage_flow *flow,
			      struct mirage_flow_write *write);
void __wrap_mirage_flow_write(struct mirage_flow *flow,
			      struct mirage_flow_write *write);
void __real_mirage_flow_shutdown(struct mirage_flow *flow);
void __wrap_mirage_flow_shutdown(struct mirage_flow *flow);
void __real_mirage_flow_close(struct mirage_flow *flow);
void __wrap_mirage_flow_close(struct mirage_flow *flow);
void __real_mirage_flow_abort(struct mirage_flow *flow);
void __wrap_mirage_flow_abort(struct mirage_flow *flow);

static bool any_planted(void)
{
	for (unsigned bug = BUG_FLOW_CORRUPTS; bug <= BUG_FLOW_STACK_ERROR;
	     bug++)
		if (planted((enum selftest_bug)bug))
			return true;
	return false;
}

/* ---------------------------------------------------------------- Reading -- */

/** The read in flight of a flow, as the case asked for it. */
struct flow_read {
	struct mirage_flow *flow;
	mirage_flow_read_fn *done;
	void *arg;
	bool said_end, shut;
};

/* A case has two flows, or a few. */
static struct flow_read *read_of(struct mirage_flow *flow)
{
	static struct flow_read reads[512];
	unsigned i = 0;

	while (i < 511 && reads[i].flow != NULL && reads[i].flow != flow)
		i++;
	reads[i].flow = flow;
	return &reads[i];
}

static const void *spoil_bytes(const void *bytes, int length)
{
	static uint8_t shared[LENT_MAX];

	if (length <= 0 || (unsigned)length > LENT_MAX)
		return bytes;
	if (planted(BUG_FLOW_LENT_CHANGES) || planted(BUG_FLOW_CORRUPTS)) {
		memcpy(shared, bytes, (size_t)length);
		bytes = shared;
	}
	if (planted(BUG_FLOW_CORRUPTS))
		shared[length / 2] ^= 1;
	return bytes;
}

static void on_read(void *arg, int result, const void *bytes)
{
	static bool empty;
	struct flow_read *read = arg;
	mirage_flow_read_fn *done = read->done;

	if (planted(BUG_FLOW_READS_NOTHING) && result > 0 && !empty) {
		empty = true;
		done(read->arg, 0, NULL);
		return;
	}
	if (planted(BUG_FLOW_END_ONCE) && result == 0 && read->said_end)
		return;
	if (planted(BUG_FLOW_SHUT_BOTH) && read->shut && result > 0)
		result = 0;
	if (planted(BUG_FLOW_CLOSE_FORGETS) && result == MIRAGE_ECANCELED)
		return;
	if (planted(BUG_FLOW_STACK_ERROR) && result == MIRAGE_EGONE)
		result = MIRAGE_EIO;
	read->said_end |= result == 0;
	done(read->arg, result, spoil_bytes(bytes, result));
	if (planted(BUG_FLOW_TWICE))
		done(read->arg, result, bytes);
}

void __wrap_mirage_flow_read(struct mirage_flow *flow,
			     mirage_flow_read_fn *done, void *arg)
{
	struct flow_read *read;

	if (planted(BUG_FLOW_READ_TWICE) && flow->on_read != NULL)
		return;
	if (!any_planted() || done == NULL) {
		__real_mirage_flow_read(flow, done, arg);
		return;
	}
	read = read_of(flow);
	read->done = done;
	read->arg = arg;
	if (planted(BUG_FLOW_INSIDE_READ))
		done(arg, MIRAGE_ECANCELED, NULL);
	else
		__real_mirage_flow_read(flow, on_read, read);
}

/* ---------------------------------------------------------------- Writing -- */

/** A write, as the case submitted it. */
struct flow_written {
	struct mirage_flow_write *write;
	mirage_done_fn *done;
	void *arg;
	struct mirage_timer timer;
};

static void tell(struct flow_written *written, int result)
{
	if (planted(BUG_FLOW_AFTER_SHUTDOWN) && result == MIRAGE_EGONE)
		result = 0;
	if (planted(BUG_FLOW_ABORT_LIES) && result == MIRAGE_ECANCELED)
		result = 0;
	written->write->done = written->done;
	written->write->arg = written->arg;
	written->done(written->arg, result);
}

static void on_written(void *arg, int result)
{
	static struct flow_written *held;
	struct flow_written *other = held;

	if (planted(BUG_FLOW_DONE_UNORDERED) && held == NULL) {
		held = arg;
		return;
	}
	held = NULL;
	tell(arg, result);
	if (other != NULL)
		tell(other, result);
}

static void swallowed(void *arg)
{
	tell(arg, 0);
}

/* Two writes change their places. */
static bool reordered(struct mirage_flow *flow, struct mirage_flow_write *write)
{
	static struct mirage_flow_write *held;
	struct mirage_flow_write *first = held;

	if (!planted(BUG_FLOW_WRITES_REORDERED))
		return false;
	held = first == NULL ? write : NULL;
	if (first != NULL) {
		__real_mirage_flow_write(flow, write);
		__real_mirage_flow_write(flow, first);
	}
	return true;
}

static bool is_empty(const struct mirage_flow_write *write)
{
	for (uint32_t i = 0; i < write->n_vectors; i++)
		if (write->vectors[i].length_bytes != 0)
			return false;
	return true;
}

void __wrap_mirage_flow_write(struct mirage_flow *flow,
			      struct mirage_flow_write *write)
{
	static struct flow_written all[WRITES];
	static unsigned n;
	struct flow_written *written = &all[n++ % WRITES];

	if (!any_planted() || write->done == NULL) {
		__real_mirage_flow_write(flow, write);
		return;
	}
	if (planted(BUG_FLOW_INSIDE_WRITE))
		write->done(write->arg, 0);
	if ((planted(BUG_FLOW_EMPTY_FORGOTTEN) && is_empty(write)) ||
	    planted(BUG_FLOW_INSIDE_WRITE))
		return;
	*written = (struct flow_written){write, write->done, write->arg, {0}};
	write->done = on_written;
	write->arg = written;
	if (planted(BUG_FLOW_SWALLOWS))
		mirage_timer_start(&written->timer, 0, swallowed, written);
	else if (!reordered(flow, write))
		__real_mirage_flow_write(flow, write);
}

/* ----------------------------------------------------------------- Ending -- */

void __wrap_mirage_flow_shutdown(struct mirage_flow *flow)
{
	read_of(flow)->shut = true;
	__real_mirage_flow_shutdown(flow);
}

void __wrap_mirage_flow_close(struct mirage_flow *flow)
{
	if (planted(BUG_FLOW_CLOSE_RESETS))
		__real_mirage_flow_abort(flow);
	else
		__real_mirage_flow_close(flow);
}

void __wrap_mirage_flow_abort(struct mirage_flow *flow)
{
	if (planted(BUG_FLOW_ABORT_GENTLE))
		__real_mirage_flow_close(flow);
	else
		__real_mirage_flow_abort(flow);
}
