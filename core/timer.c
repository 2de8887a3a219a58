/* SPDX-License-Identifier: ISC */
/*
 * The one timer queue: an intrusive pairing heap (Fredman, Sedgewick, Sleator,
 * Tarjan 1986). Starting is one comparison, cancelling touches the neighbours
 * only, and nothing is allocated, which suits timers that are mostly cancelled.
 *
 * `previous` of a first child is its parent, of any other node its left sibling,
 * of the root NULL. `order` is 0 in an idle timer. Timers that are due are first
 * moved to a list (`batch`), so that one which restarts itself with a deadline in
 * the past cannot keep others from running.
 */
#include "core.h"

#define IN_BATCH ((uint64_t)1 << 63)

static struct mirage_timer *root;
static struct mirage_timer *batch, *batch_last;
static uint64_t order;

static bool before(const struct mirage_timer *a, const struct mirage_timer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

/** Makes the later of two roots the first child of the other. */
static struct mirage_timer *meld(struct mirage_timer *a, struct mirage_timer *b)
{
	if (before(b, a)) {
		struct mirage_timer *swap = a;

		a = b;
		b = swap;
	}
	b->previous = a;
	b->sibling = a->child;
	if (a->child != NULL)
		a->child->previous = b;
	a->child = b;
	return a;
}

/** Melds a list of siblings: in pairs from the left, then all from the right. */
static struct mirage_timer *meld_all(struct mirage_timer *first)
{
	struct mirage_timer *pairs = NULL, *all, *next;

	while (first != NULL) {
		struct mirage_timer *second = first->sibling;

		next = second != NULL ? second->sibling : NULL;
		first->sibling = NULL;
		if (second != NULL) {
			second->sibling = NULL;
			first = meld(first, second);
		}
		first->sibling = pairs;
		pairs = first;
		first = next;
	}
	all = pairs;
	if (all == NULL)
		return NULL;
	pairs = all->sibling;
	all->sibling = NULL;
	for (; pairs != NULL; pairs = next) {
		next = pairs->sibling;
		pairs->sibling = NULL;
		all = meld(all, pairs);
	}
	all->previous = NULL;
	return all;
}

static void heap_remove(struct mirage_timer *timer)
{
	struct mirage_timer *rest = NULL;

	if (timer->child != NULL)
		rest = meld_all(timer->child);
	if (timer == root) {
		root = rest;
	} else {
		if (timer->previous->child == timer)
			timer->previous->child = timer->sibling;
		else
			timer->previous->sibling = timer->sibling;
		if (timer->sibling != NULL)
			timer->sibling->previous = timer->previous;
		if (rest != NULL)
			root = meld(root, rest);
	}
	timer->child = timer->sibling = timer->previous = NULL;
	timer->order = 0;
}

static void batch_remove(struct mirage_timer *timer)
{
	if (timer->previous != NULL)
		timer->previous->sibling = timer->sibling;
	else
		batch = timer->sibling;
	if (timer->sibling != NULL)
		timer->sibling->previous = timer->previous;
	else
		batch_last = timer->previous;
	timer->sibling = timer->previous = NULL;
	timer->order = 0;
}

static void batch_append(struct mirage_timer *timer)
{
	timer->order = IN_BATCH;
	timer->previous = batch_last;
	if (batch_last != NULL)
		batch_last->sibling = timer;
	else
		batch = timer;
	batch_last = timer;
}

bool mirage_timer_cancel(struct mirage_timer *timer)
{
	if (timer->order == 0)
		return false;
	if ((timer->order & IN_BATCH) != 0)
		batch_remove(timer);
	else
		heap_remove(timer);
	return true;
}

bool mirage_timer_armed(const struct mirage_timer *timer)
{
	return timer->order != 0;
}

void mirage_timer_start(struct mirage_timer *timer, uint64_t deadline_ns,
			mirage_timer_fn *on_time, void *arg)
{
	core_must(on_time != NULL, "LAW-05",
		  "a timer was started without a function");
	mirage_timer_cancel(timer);
	timer->deadline_ns = deadline_ns;
	timer->order = ++order;
	timer->on_time = on_time;
	timer->arg = arg;
	timer->child = timer->sibling = timer->previous = NULL;
	root = root == NULL ? timer : meld(root, timer);
	if (root == timer && deadline_ns < core.told_ns)
		core_wake();
}

bool core_timers_armed(void)
{
	return batch != NULL || root != NULL;
}

uint64_t core_timers_next_ns(void)
{
	if (batch != NULL)
		return 0;
	return root != NULL ? root->deadline_ns : UINT64_MAX;
}

bool core_timers_due(void)
{
	return batch != NULL ||
	       (root != NULL &&
		(root->deadline_ns == 0 ||
		 root->deadline_ns <= mirage_clock_monotonic_ns()));
}

static void collect_due(void)
{
	uint64_t now_ns;

	if (root == NULL)
		return;
	now_ns = mirage_clock_monotonic_ns();
	while (root != NULL && root->deadline_ns <= now_ns) {
		struct mirage_timer *timer = root;

		heap_remove(timer);
		batch_append(timer);
	}
}

void core_timers_run(void)
{
	collect_due();
	while (batch != NULL && !core.ended) {
		struct mirage_timer *timer = batch;

		batch_remove(timer);
		core_enter();
		timer->on_time(timer->arg);
		core_leave();
	}
}
