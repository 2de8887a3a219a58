/* SPDX-License-Identifier: ISC */
/*
 * block_open.c: reads
 * `disk:SIZE[,sector=512|4096][,ro][,latency=D][,jitter=D][,depth=N]`
 * `[,cache=BYTES][,file=PATH][,fail=N][,stall=N][,full]`
 * the first time that a name is opened; later the disk is there already.
 */
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_LATENCY_NS 100000u
#define DEFAULT_JITTER_NS 100000u
#define DEFAULT_DEPTH 32u
#define DEFAULT_CACHE_BYTES (16u << 20)
#define VECTORS_MAX 64u
#define TRANSFER_MAX_BYTES (1u << 20)
#define DISCARD_MAX_BYTES (1u << 20)

/** Fills the disk from its file. Returns 0 or an errno value. */
static int load_from(struct sim_disk *disk, int fd)
{
	static uint8_t chunk[SIM_EXTENT_BYTES];
	uint64_t offset = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) > 0) {
		if ((uint64_t)n > disk->info.size_bytes - offset)
			return EFBIG;
		sim_store_write(&disk->durable, offset, chunk, (uint64_t)n);
		offset += (uint64_t)n;
	}
	return n < 0 ? errno : 0;
}

static void load(struct sim_options *options, struct sim_disk *disk,
		 const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? errno : load_from(disk, fd);

	if (fd >= 0)
		close(fd);
	if (error == 0)
		return;
	mirage_core_open_error(options->open,
			       error == EFBIG ? "option file: %s is longer "
						"than the disk"
					      : "option file: %s: %s",
			       path, strerror(error));
	options->bad = true;
}

static void read_size(struct sim_options *options,
		      struct mirage_block_info *info)
{
	const char *path = options->uri.path;
	struct mirage_open *open = options->open;
	uint64_t *size = &info->size_bytes;

	if (options->bad)
		return;
	options->bad = true;
	if (strcmp(options->uri.scheme, "disk") != 0)
		mirage_core_open_error(open,
				       "unknown scheme '%s:'; there is "
				       "disk:SIZE",
				       options->uri.scheme);
	else if (!mirage_uri_bytes(path, size))
		mirage_core_open_error(
			open, "'%s' is not a size; write disk:64M", path);
	else if (*size == 0 || *size > SIM_STORE_MAX_BYTES)
		mirage_core_open_error(open,
				       "a disk has 1 sector to 16T bytes");
	else if (*size % info->sector_bytes != 0)
		mirage_core_open_error(open,
				       "%" PRIu64 " bytes are not a multiple "
				       "of the sector of %u bytes",
				       *size, info->sector_bytes);
	else
		options->bad = false;
}

static void read_sector(struct sim_options *options,
			struct mirage_block_info *info)
{
	const char *text;

	info->sector_bytes = 512;
	if (options->bad)
		return;
	text = mirage_uri_option(&options->uri, "sector");
	if (text == NULL || strcmp(text, "512") == 0)
		return;
	if (strcmp(text, "4096") == 0) {
		info->sector_bytes = 4096;
		return;
	}
	mirage_core_open_error(options->open,
			       "option sector: '%s' is not a sector; write 512 "
			       "or 4096",
			       text);
	options->bad = true;
}

static void describe(struct mirage_block_info *info, uint64_t depth, bool ro)
{
	info->size = sizeof *info;
	info->caps = MIRAGE_BLOCK_CAP_RESIZE;
	if (!ro)
		info->caps |= MIRAGE_BLOCK_CAP_WRITE | MIRAGE_BLOCK_CAP_FLUSH |
			      MIRAGE_BLOCK_CAP_DISCARD |
			      MIRAGE_BLOCK_CAP_WRITE_ZEROES;
	info->physical_sector_bytes = 4096;
	info->buffer_align_bytes = 1;
	info->max_vectors = VECTORS_MAX;
	info->max_transfer_bytes = TRANSFER_MAX_BYTES;
	info->queue_depth = (uint32_t)depth;
	info->max_discard_bytes = DISCARD_MAX_BYTES;
}

static bool read_uri(struct mirage_open *open, struct sim_disk *disk)
{
	struct sim_options options;
	uint64_t depth = DEFAULT_DEPTH;
	const char *path;

	disk->latency_ns = DEFAULT_LATENCY_NS;
	disk->jitter_ns = DEFAULT_JITTER_NS;
	disk->most_cached_bytes = DEFAULT_CACHE_BYTES;
	disk->fail_error = MIRAGE_EIO;
	sim_options_init(&options, open, NULL);
	read_sector(&options, &disk->info);
	read_size(&options, &disk->info);
	sim_option_duration(&options, "latency", &disk->latency_ns);
	sim_option_duration(&options, "jitter", &disk->jitter_ns);
	sim_option_bytes(&options, "cache", &disk->most_cached_bytes, 0,
			 SIM_STORE_MAX_BYTES);
	sim_option_number(&options, "depth", &depth, 1, 1024);
	sim_option_number(&options, "fail", &disk->fail_in, 1, UINT64_MAX);
	sim_option_number(&options, "stall", &disk->stall_in, 1, UINT64_MAX);
	disk->full = sim_option_flag(&options, "full");
	describe(&disk->info, depth, sim_option_flag(&options, "ro"));
	path = mirage_uri_option(&options.uri, "file");
	if (!sim_options_fine(&options))
		return false;
	if (path != NULL)
		load(&options, disk, path);
	return !options.bad;
}

static struct sim_disk *find(const char *name)
{
	struct sim_disk *disk = sim_disks;

	while (disk != NULL && strcmp(disk->name, name) != 0)
		disk = disk->next;
	return disk;
}

static struct sim_disk *make(struct mirage_open *open)
{
	struct sim_disk *disk = sim_alloc(sizeof *disk), **end = &sim_disks;

	strcpy(disk->name, open->name);
	disk->last = &disk->first;
	disk->visible.below = &disk->durable;
	sim_random_init(&disk->random, "block", disk->name);
	if (!read_uri(open, disk)) {
		sim_store_clear(&disk->durable);
		free(disk);
		return NULL;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = disk;
	return disk;
}

static struct mirage_block *attach(struct sim_disk *disk)
{
	uint32_t depth = disk->info.queue_depth;
	struct sim_block *block =
		sim_alloc(sizeof *block + depth * sizeof block->jobs[0]);

	block->block.ops = &sim_block_ops;
	block->block.info = &disk->info;
	block->block.counters = &block->counters;
	block->counters.size = sizeof block->counters;
	block->disk = disk;
	disk->block = block;
	return &block->block;
}

static int refuse(struct mirage_open *open, const struct sim_disk *disk)
{
	if (disk != NULL && disk->lost) {
		mirage_core_open_error(open, "the disk is lost; restore it "
					     "first");
		return MIRAGE_EIO;
	}
	if (open->uri != NULL)
		return 0;
	if (open->any_given)
		mirage_core_open_error(open,
				       "no --block option has this name; add "
				       "--block %s=disk:64M",
				       open->name);
	else
		mirage_core_open_error(open,
				       "no disk was given; add "
				       "--block %s=disk:64M",
				       open->name);
	return MIRAGE_ENODEV;
}

void sim_block_open(struct mirage_open *open)
{
	struct sim_disk *disk = find(open->name);
	int error = refuse(open, disk);

	if (error == 0 && disk == NULL) {
		disk = make(open);
		error = disk == NULL ? MIRAGE_EINVAL : 0;
	}
	mirage_core_block_opened(open, error, error == 0 ? attach(disk) : NULL);
}
