/* SPDX-License-Identifier: ISC */
/*
 * world.c: time, the queue of what will happen, and chance. Time stands still
 * while anything is computed and jumps to the next event when nothing is left to
 * compute.
 */
#include "sim.h"

#include <stdlib.h>

static uint64_t now_ns;
static uint64_t next_order;

/* A binary heap. The entry at place p, counted from 1, is `queue[p - 1]`. */
static struct sim_event **queue;
static size_t n_queued, queue_room;

void *sim_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (memory == NULL) {
		mirage_log(MIRAGE_LOG_ERROR,
			   "the simulation has no memory left; make its disks "
			   "or queues smaller");
		abort();
	}
	return memory;
}

/* ---------------------------------------------------------------- Queue -- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	return a->order < b->order;
}

static void put(struct sim_event *event, size_t place)
{
	queue[place - 1] = event;
	event->place = place;
}

/** Moves `event`, whose place may be wrong, up or down to where it belongs. */
static void settle(struct sim_event *event)
{
	size_t place = event->place;

	while (place > 1 && before(event, queue[place / 2 - 1])) {
		put(queue[place / 2 - 1], place);
		place /= 2;
	}
	while (place * 2 <= n_queued) {
		size_t child = place * 2;

		if (child < n_queued && before(queue[child], queue[child - 1]))
			child++;
		if (!before(queue[child - 1], event))
			break;
		put(queue[child - 1], place);
		place = child;
	}
	put(event, place);
}

static void make_room(void)
{
	if (n_queued < queue_room)
		return;
	queue_room = queue_room == 0 ? 64 : queue_room * 2;
	queue = realloc(queue, queue_room * sizeof *queue);
	if (queue == NULL)
		abort();
}

void sim_plan(struct sim_event *event, uint64_t at_ns,
	      void (*happen)(struct sim_event *event))
{
	event->at_ns = at_ns > now_ns ? at_ns : now_ns;
	event->order = ++next_order;
	event->happen = happen;
	if (event->place == 0) {
		make_room();
		event->place = ++n_queued;
	}
	settle(event);
}

void sim_cancel(struct sim_event *event)
{
	size_t place = event->place;
	struct sim_event *last;

	if (place == 0)
		return;
	event->place = 0;
	last = queue[--n_queued];
	if (last == event)
		return;
	last->place = place;
	settle(last);
}

uint64_t sim_next_ns(void)
{
	return n_queued == 0 ? SIM_NEVER : queue[0]->at_ns;
}

void sim_happen(void)
{
	/* What an event plans for now comes after the application's turn. */
	uint64_t end = next_order;

	while (n_queued > 0 && queue[0]->at_ns <= now_ns &&
	       queue[0]->order <= end && !mirage_core_ended()) {
		struct sim_event *event = queue[0];

		sim_cancel(event);
		event->happen(event);
	}
}

uint64_t sim_now(void)
{
	return now_ns;
}

uint64_t sim_after(uint64_t ns)
{
	return ns > SIM_NEVER - now_ns ? SIM_NEVER : now_ns + ns;
}

void sim_pass(uint64_t ns)
{
	now_ns = sim_after(ns);
}

/* --------------------------------------------------------------- Chance -- */

static uint64_t world_seed = 1;

/** SplitMix64 (Steele, Lea, Flood 2014): small, fast, and any start will do. */
uint64_t sim_random(struct sim_random *random)
{
	uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

void sim_seed(uint64_t seed)
{
	world_seed = seed;
}

/** FNV-1a over a string, its NUL included. */
static uint64_t hash(uint64_t state, const char *text)
{
	do {
		state = (state ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return state;
}

void sim_random_init(struct sim_random *random, const char *kind,
		     const char *name)
{
	uint64_t label = hash(UINT64_C(0xcbf29ce484222325), kind);

	random->state = world_seed;
	random->state = sim_random(random) ^ hash(label, name);
	random->state = sim_random(random);
}

uint64_t sim_random_upto(struct sim_random *random, uint64_t most)
{
	uint64_t drawn = sim_random(random);

	return most == UINT64_MAX ? drawn : drawn % (most + 1);
}

bool sim_chance(struct sim_random *random, uint32_t ppb)
{
	return sim_random(random) % SIM_PPB_ALL < ppb;
}

/* ---------------------------------------------------------------- Plans -- */

struct plan {
	struct sim_event event;
	void (*happen)(void *arg);
	void *arg;
};

static void plan_happens(struct sim_event *event)
{
	struct plan *plan = sim_container(event, struct plan, event);

	plan->happen(plan->arg);
	free(plan);
}

void mirage_sim_at(uint64_t at_ns, void (*happen)(void *arg), void *arg)
{
	struct plan *plan = sim_alloc(sizeof *plan);

	plan->happen = happen;
	plan->arg = arg;
	sim_plan(&plan->event, at_ns, plan_happens);
}
