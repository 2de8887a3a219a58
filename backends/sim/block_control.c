/* SPDX-License-Identifier: ISC */
/* What tests ask of the simulated disks; see mirage-sim.h. */
#include "block.h"

#include <string.h>

static struct sim_disk *find(const char *name)
{
	struct sim_disk *disk = sim_disks;

	while (disk != NULL && strcmp(disk->name, name) != 0)
		disk = disk->next;
	return disk;
}

static void raise(struct sim_disk *disk, uint32_t event, const char *what)
{
	mirage_log(MIRAGE_LOG_DEBUG, "block %s: %s", disk->name, what);
	if (disk->block != NULL)
		mirage_core_block_event(&disk->block->block, event);
}

/** Calls `visit` for every request in flight. */
static void each_job(struct sim_disk *disk, void (*visit)(struct sim_job *job))
{
	for (uint32_t i = 0; disk->block != NULL && i < disk->info.queue_depth;
	     i++)
		if (disk->block->jobs[i].request != NULL)
			visit(&disk->block->jobs[i]);
}

/* --------------------------------------------------- Power and presence -- */

/** To the medium a write in flight is one that no flush has covered. */
static void cut_off(struct sim_job *job)
{
	struct sim_write *write = sim_job_write(job);

	if (write != NULL)
		sim_disk_write(job->block->disk, write);
	sim_job_complete(job, MIRAGE_EIO);
}

static void stand_still(struct sim_job *job)
{
	sim_cancel(&job->completion);
}

static void go_on(struct sim_job *job)
{
	if (!job->stalled)
		sim_job_plan(job);
}

static void comes_back(struct sim_event *event)
{
	struct sim_disk *disk = sim_container(event, struct sim_disk, back);

	disk->lost = false;
	each_job(disk, go_on);
	raise(disk, MIRAGE_EVENT_BACK, "back");
}

int mirage_sim_block_power_loss(const char *name, uint64_t back_after_ns)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	each_job(disk, cut_off);
	sim_disk_power_loss(disk);
	disk->lost = true;
	raise(disk, MIRAGE_EVENT_LOST, "power loss");
	sim_cancel(&disk->back);
	if (back_after_ns != SIM_NEVER)
		sim_plan(&disk->back, sim_after(back_after_ns), comes_back);
	return 0;
}

int mirage_sim_block_lose(const char *name)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	if (disk->lost)
		return 0;
	each_job(disk, stand_still);
	disk->lost = true;
	raise(disk, MIRAGE_EVENT_LOST, "lost");
	return 0;
}

int mirage_sim_block_restore(const char *name)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	if (disk->lost)
		sim_plan(&disk->back, sim_now(), comes_back);
	return 0;
}

/* -------------------------------------------------- Size, caps and space -- */

int mirage_sim_block_resize(const char *name, uint64_t size_bytes)
{
	struct sim_disk *disk = find(name);
	uint64_t old;

	if (disk == NULL)
		return MIRAGE_ENODEV;
	if (size_bytes % disk->info.sector_bytes != 0)
		return MIRAGE_EALIGN;
	if (size_bytes > SIM_STORE_MAX_BYTES)
		return MIRAGE_ERANGE;
	old = disk->info.size_bytes;
	if (size_bytes < old) {
		/* What was cut off is gone; nothing left may reach there. */
		sim_disk_flush(disk, disk->last_order);
		sim_store_write(&disk->durable, size_bytes, NULL,
				old - size_bytes);
	}
	disk->info.size_bytes = size_bytes;
	raise(disk, MIRAGE_EVENT_RESIZED, "resized");
	return 0;
}

int mirage_sim_block_drop_caps(const char *name, uint32_t caps)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	disk->info.caps &= ~caps;
	raise(disk, MIRAGE_EVENT_CAPS, "lost capabilities");
	return 0;
}

int mirage_sim_block_set_full(const char *name, bool full)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	disk->full = full;
	return 0;
}

/* --------------------------------------------------------- Nth requests -- */

int mirage_sim_block_fail_nth(const char *name, uint64_t n, int error)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	disk->fail_in = n;
	disk->fail_error = error;
	return 0;
}

int mirage_sim_block_stall_nth(const char *name, uint64_t n)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	disk->stall_in = n;
	return 0;
}

static void unstall(struct sim_job *job)
{
	if (!job->stalled)
		return;
	job->stalled = false;
	if (!job->block->disk->lost)
		sim_job_plan(job);
}

int mirage_sim_block_unstall(const char *name)
{
	struct sim_disk *disk = find(name);

	if (disk == NULL)
		return MIRAGE_ENODEV;
	each_job(disk, unstall);
	return 0;
}
