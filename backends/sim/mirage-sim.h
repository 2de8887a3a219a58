/* SPDX-License-Identifier: ISC */
/**
 * mirage-sim.h: how a test governs the simulated world.
 *
 * Only for test programs, fixtures and the authors of libraries: an application
 * that includes this file links with the simulation and with nothing else. Any
 * function may be called from any callback and before `mirage_run`, unless said
 * otherwise. What a call causes is heard of later, from the loop, in the way in
 * which any backend would tell it: an event, an error, a frame that is missing.
 *
 * Names are those of devices. Functions that take one return ENODEV while no
 * device of that name and class is open, and 0 when they did their work, unless
 * said otherwise. Probabilities are parts per billion, at most 1,000,000,000.
 */
#ifndef MIRAGE_SIM_H
#define MIRAGE_SIM_H

#include <mirage.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------- World -- */

/** Calls `happen` at `at_ns` of the monotonic clock, or now if that has passed:
 *  a plan of the world, which unlike a timer does not keep the program running
 *  by itself. `happen` runs in the world, not in the application: of mirage.h it
 *  may only read the clocks. */
MIRAGE_API void mirage_sim_at(uint64_t at_ns, void (*happen)(void *arg),
			      void *arg);

/** Asks the program to end: EVENT_SHUTDOWN. */
MIRAGE_API void mirage_sim_shutdown(void);

/** Suspends the program for `length_ns`: both clocks jump, what came due
 *  meanwhile happens after EVENT_RESUMED. */
MIRAGE_API void mirage_sim_suspend(uint64_t length_ns);

/** Sets the wall clock to `wall_ns` since 1970, forward or back. */
MIRAGE_API void mirage_sim_set_wall(int64_t wall_ns);

/** Makes `mirage_random_fill` return EIO, or work again. */
MIRAGE_API void mirage_sim_random_fail(bool fail);

/* --------------------------------------------------------------- Console -- */

/** Types `length` bytes, which are copied, into the console. */
MIRAGE_API void mirage_sim_console_input(const void *bytes, size_t length);

/** Ends the console's input, after what was typed. */
MIRAGE_API void mirage_sim_console_end(void);

/** Whether the console's reader has stopped reading. Then the console takes
 *  64 KiB more, and short counts follow; all of it is written at the end of the
 *  pause or of the program. */
MIRAGE_API void mirage_sim_console_pause(bool paused);

/** The console's reader goes away for good: writes return EGONE. */
MIRAGE_API void mirage_sim_console_hang_up(void);

/* --------------------------------------------------------------- Network -- */

/** What happens to the frames that a device sends, each drawn for itself. */
struct mirage_sim_net_faults {
	uint64_t delay_ns;  /* of every frame */
	uint64_t jitter_ns; /* up to so much more; order is kept */
	uint32_t loss_ppb;
	uint32_t reorder_ppb;	/* held back, so that others overtake it */
	uint32_t duplicate_ppb; /* arrives twice */
	uint32_t corrupt_ppb;	/* one bit flips, after the checksum */
};

/** What happened to the frames that a device sent. */
struct mirage_sim_net_counters {
	/* Also in `tx_dropped_error`: */
	uint64_t lost;	  /* by `loss_ppb` */
	uint64_t unheard; /* nobody on the LAN could be reached */
	/* Delivered all the same: */
	uint64_t reordered, duplicated, corrupted;
	/** Arrivals here while the link was down or the backend away: these are
	 *  in no other counter, for the device never saw them. */
	uint64_t missed;
};

/** Sets the faults of the frames that `name` sends from now on. */
MIRAGE_API int
mirage_sim_net_set_faults(const char *name,
			  const struct mirage_sim_net_faults *faults);

/** Reads the present faults, to change some of them. */
MIRAGE_API int mirage_sim_net_get_faults(const char *name,
					 struct mirage_sim_net_faults *faults);

MIRAGE_API int
mirage_sim_net_get_counters(const char *name,
			    struct mirage_sim_net_counters *counters);

/** Pulls the cable of `name`, or plugs it in: EVENT_LINK. */
MIRAGE_API int mirage_sim_net_set_link(const char *name, bool up);

/** Stops the wire, so that what `name` sends waits in its queue, or lets it run
 *  again. A closed device waits with its EVENT_CLOSED until then. */
MIRAGE_API int mirage_sim_net_pause(const char *name, bool paused);

/** Takes the backend of `name` away, or brings it back: LOST, BACK. Meanwhile
 *  what is sent waits and what arrives is missed. */
MIRAGE_API int mirage_sim_net_lose(const char *name, bool lost);

/** Cuts the connection between two devices of a LAN, or mends it. Both keep
 *  their links and everybody else. The names need not be open yet, so this
 *  never fails. */
MIRAGE_API void mirage_sim_net_partition(const char *a, const char *b,
					 bool cut);

/** Puts a frame of `length_bytes`, any number up to 65,549, onto the wire toward
 *  `name`, as a hostile peer would: it arrives on the loop's next turn. `bytes`
 *  is copied. */
MIRAGE_API int mirage_sim_net_inject(const char *name, const void *bytes,
				     size_t length_bytes);

/* ----------------------------------------------------------------- Block -- */

/**
 * Cuts the power of a disk. Of every write that no flush has covered, and of
 * those in flight, all sectors are kept, none, or some: each of the three
 * equally likely. What was in flight fails with EIO, LOST follows at once and BACK
 * after `back_after_ns`, UINT64_MAX meaning never.
 */
MIRAGE_API int mirage_sim_block_power_loss(const char *name,
					   uint64_t back_after_ns);

/** Takes the backend of a disk away, its content and cache intact: LOST. What is
 *  in flight waits and is carried out after `mirage_sim_block_restore`. */
MIRAGE_API int mirage_sim_block_lose(const char *name);

/** Brings the backend of a disk back: BACK. */
MIRAGE_API int mirage_sim_block_restore(const char *name);

/** Gives a disk another size; returns EALIGN unless `size_bytes` is a multiple of
 *  its sector, ERANGE above 16 TiB. New space reads as zeroes; requests in flight
 *  past the new end fail with EIO. */
MIRAGE_API int mirage_sim_block_resize(const char *name, uint64_t size_bytes);

/** The `n`th request submitted from now on, counting from 1, fails with `error`
 *  and is not carried out. 0 takes the plan back. */
MIRAGE_API int mirage_sim_block_fail_nth(const char *name, uint64_t n,
					 int error);

/** The `n`th request submitted from now on, counting from 1, does not complete
 *  until `mirage_sim_block_unstall`. 0 takes the plan back. */
MIRAGE_API int mirage_sim_block_stall_nth(const char *name, uint64_t n);

/** Lets stalled requests go on. */
MIRAGE_API int mirage_sim_block_unstall(const char *name);

/** No space behind the disk: every write and write of zeroes fails with ENOSPC
 *  until there is some again. */
MIRAGE_API int mirage_sim_block_set_full(const char *name, bool full);

/** Takes capabilities away, bits of `enum mirage_block_cap`: EVENT_CAPS. Requests
 *  in flight that need one fail as if they were submitted afterwards. */
MIRAGE_API int mirage_sim_block_drop_caps(const char *name, uint32_t caps);

#ifdef __cplusplus
}
#endif

#endif /* MIRAGE_SIM_H */
