/* SPDX-License-Identifier: ISC */
/*
 * net_lan.c: a LAN, a switch with one cable to each of its devices. It knows who
 * has which address; what nobody has, and broadcasts, go to everybody.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

struct sim_frame *sim_frame_new(uint32_t length_bytes)
{
	struct sim_frame *frame = sim_alloc(sizeof *frame + length_bytes);

	frame->length_bytes = length_bytes;
	return frame;
}

/* ------------------------------------------------------------ Partitions -- */

/** A pair of devices that do not reach each other. */
struct cut {
	struct cut *next;
	char a[32], b[32];
};

static struct cut *cuts;

static struct cut **find_cut(const char *a, const char *b)
{
	struct cut **at = &cuts;

	for (; *at != NULL; at = &(*at)->next)
		if ((strcmp((*at)->a, a) == 0 && strcmp((*at)->b, b) == 0) ||
		    (strcmp((*at)->a, b) == 0 && strcmp((*at)->b, a) == 0))
			break;
	return at;
}

void mirage_sim_net_partition(const char *a, const char *b, bool cut)
{
	struct cut **at = find_cut(a, b), *old = *at;

	if (cut && old == NULL) {
		*at = sim_alloc(sizeof **at);
		strncpy((*at)->a, a, sizeof(*at)->a - 1);
		strncpy((*at)->b, b, sizeof(*at)->b - 1);
	} else if (!cut && old != NULL) {
		*at = old->next;
		free(old);
	}
	mirage_log(MIRAGE_LOG_DEBUG, "net %s, net %s: %s", a, b,
		   cut ? "cut apart" : "joined");
}

/* --------------------------------------------------------------- Arrival -- */

static void arrives(struct sim_event *event)
{
	struct sim_frame *frame =
		sim_container(event, struct sim_frame, arrival);
	struct sim_net *net = sim_net_by_id(frame->to);

	if (net != NULL && net->info.link_up && !net->lost) {
		sim_net_receive(net, frame);
		return;
	}
	if (net != NULL)
		net->told.missed++;
	mirage_log(MIRAGE_LOG_DEBUG, "net %s: misses %u bytes",
		   net != NULL ? net->name : "(closed)", frame->length_bytes);
	free(frame);
}

void sim_lan_arrive(struct sim_frame *frame, uint64_t to, uint64_t at_ns)
{
	frame->to = to;
	sim_plan(&frame->arrival, at_ns, arrives);
}

/* ------------------------------------------------------------------ Fate -- */

/** What was drawn for a frame. As much is drawn for each, whatever comes of it:
 *  then a change of one fault moves no other. */
struct fate {
	bool lost, reordered, duplicated, corrupted;
	uint64_t bit; /* the one that flips */
	uint64_t jitter_ns, back_ns, again_ns;
};

static struct fate draw(struct sim_net *net)
{
	const struct mirage_sim_net_faults *faults = &net->faults;
	struct sim_random *random = &net->random;
	uint64_t trip_ns = faults->delay_ns + faults->jitter_ns;
	struct fate fate = {
		.lost = sim_chance(random, faults->loss_ppb),
	};

	fate.reordered = sim_chance(random, faults->reorder_ppb);
	fate.duplicated = sim_chance(random, faults->duplicate_ppb);
	fate.corrupted = sim_chance(random, faults->corrupt_ppb);
	fate.bit = sim_random(random);
	fate.jitter_ns = sim_random_upto(random, faults->jitter_ns);
	/* Held back for up to two trips and a bit: the next frames overtake. */
	fate.back_ns = 1 + sim_random_upto(random, 2 * trip_ns + 100000);
	fate.again_ns = sim_random_upto(random, trip_ns);
	return fate;
}

/** When a frame that departs now arrives. */
static uint64_t arrival_ns(struct sim_net *from, const struct fate *fate)
{
	uint64_t at_ns = sim_after(from->faults.delay_ns + fate->jitter_ns);

	if (fate->reordered)
		return at_ns + fate->back_ns;
	if (at_ns < from->last_arrival_ns)
		at_ns = from->last_arrival_ns;
	from->last_arrival_ns = at_ns;
	return at_ns;
}

/** Returns whether the frame is on its way to `to`. */
static bool carry_to(const struct sim_frame *frame, const struct sim_net *to,
		     const struct fate *fate, uint64_t at_ns)
{
	uint32_t caps = fate->corrupted ? 0 : to->info.caps;
	struct sim_frame *list = sim_frame_fit(frame, caps), *next;
	uint64_t bit;

	if (list == NULL)
		return false;
	if (fate->corrupted) {
		bit = fate->bit % (list->length_bytes * UINT64_C(8));
		list->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (; list != NULL; list = next) {
		next = list->next;
		list->next = NULL;
		sim_lan_arrive(list, to->id, at_ns);
	}
	return true;
}

static bool same_lan(const struct sim_net *a, const struct sim_net *b)
{
	return strcmp(a->lan, b->lan) == 0 && !b->closing;
}

/** The device on the LAN of `from` that has the destination of `frame`, or NULL
 *  when the frame is for everybody. */
static struct sim_net *destination(const struct sim_net *from,
				   const struct sim_frame *frame)
{
	struct sim_net *net = sim_nets;

	/* Not the sender itself: two devices are as if on one cable. */
	while (net != NULL && (net == from || !same_lan(from, net) ||
			       memcmp(net->info.mac, frame->bytes, 6) != 0))
		net = net->next;
	return net;
}

/** Returns whether there was anybody to carry it to. */
static bool carry_all(struct sim_net *from, const struct sim_frame *frame,
		      const struct fate *fate, uint64_t at_ns)
{
	struct sim_net *only = destination(from, frame);
	bool reached = false;

	for (struct sim_net *to = sim_nets; to != NULL; to = to->next)
		if (to != from && same_lan(from, to) &&
		    (only == NULL || only == to) &&
		    *find_cut(from->name, to->name) == NULL)
			reached |= carry_to(frame, to, fate, at_ns);
	return reached;
}

static void tell(const struct sim_net *from, const struct sim_frame *frame,
		 const char *what)
{
	mirage_log(MIRAGE_LOG_DEBUG, "net %s: sends %u bytes%s", from->name,
		   frame->length_bytes, what);
}

/** A frame that was not lost. */
static void deliver(struct sim_net *from, const struct sim_frame *frame,
		    const struct fate *fate)
{
	uint64_t at_ns = arrival_ns(from, fate);

	if (!carry_all(from, frame, fate, at_ns)) {
		from->told.unheard++;
		from->counters.tx_dropped_error++;
		tell(from, frame, ", which nobody hears");
		return;
	}
	tell(from, frame, "");
	if (fate->duplicated)
		carry_all(from, frame, fate, at_ns + fate->again_ns);
	from->told.reordered += fate->reordered;
	from->told.duplicated += fate->duplicated;
	from->told.corrupted += fate->corrupted;
}

void sim_lan_carry(struct sim_net *from, struct sim_frame *frame)
{
	struct fate fate = draw(from);

	if (!from->info.link_up) {
		from->counters.tx_dropped_link++;
		tell(from, frame, " into a pulled cable");
	} else if (fate.lost) {
		from->told.lost++;
		from->counters.tx_dropped_error++;
		tell(from, frame, ", which are lost");
	} else {
		deliver(from, frame, &fate);
	}
	free(frame);
}
