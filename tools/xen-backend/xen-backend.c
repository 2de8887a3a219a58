/* SPDX-License-Identifier: ISC */
/*
 * xen-backend PAGE: runs in dom0 beside the guests under test and does to their
 * world what they ask for on `struct world` at guest page number PAGE. For guests
 * that want it, it plays the backends of all their devices, too.
 */
#define _GNU_SOURCE
#include "backend.h"

#include <xenforeignmemory.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DISK_BYTES (2u << 20)
#define FIXED_BYTES (64u << 10)
#define BACK_AFTER_TICKS 20 /* from a loss of power */

struct guest {
	struct guest *next;
	uint32_t domid;
	struct world *world;
	struct console console;
	struct nic nics[2];
	struct disk disks[3];
	unsigned back_in[WORLD_DEVICES]; /* ticks */
	bool played;
};

static xenforeignmemory_handle *memory;
static xen_pfn_t first_page;
static struct guest *guests;
static uint32_t last_domid;
static volatile sig_atomic_t ended;

/* ---------------------------------------------------------------- Devices -- */

static struct device *device_of(struct guest *guest, unsigned at)
{
	return at <= WORLD_NET_B ? &guest->nics[at].device
				 : &guest->disks[at - WORLD_DISK_512].device;
}

static void watch(struct guest *guest, bool on)
{
	char path[80], token[16];

	for (unsigned i = 0; i < WORLD_DEVICES; i++) {
		snprintf(path, sizeof(path), "%s/state",
			 device_of(guest, i)->front);
		snprintf(token, sizeof(token), "%u.%u", guest->domid, i);
		if (on)
			store_watch(path, token);
		else
			store_unwatch(path, token);
	}
}

static void play(struct guest *guest)
{
	struct nic *nics = guest->nics;
	struct disk *disks = guest->disks;
	uint32_t domid = guest->domid;

	guest->played = true;
	nic_add(&nics[0], domid, 0, &nics[1]);
	nic_add(&nics[1], domid, 1, &nics[0]);
	disk_add(&disks[0], domid, WORLD_VBD_HANDLE(WORLD_DISK_512), DISK_BYTES,
		 512, false);
	disk_add(&disks[1], domid, WORLD_VBD_HANDLE(WORLD_DISK_4096),
		 DISK_BYTES, 4096, false);
	disk_add(&disks[2], domid, WORLD_VBD_HANDLE(WORLD_DISK_RO), FIXED_BYTES,
		 512, true);
	watch(guest, true);
}

/* ------------------------------------------------------------------ World -- */

static bool to_played(struct guest *guest, const struct world *world)
{
	struct device *device = device_of(guest, world->device);
	bool is_net = world->device <= WORLD_NET_B;
	struct disk *disk = (struct disk *)device;
	struct nic *nic = (struct nic *)device;

	if (is_net != (world->op == WORLD_LINK || world->op == WORLD_INJECT) &&
	    world->op != WORLD_PAUSE && world->op != WORLD_LOSE &&
	    world->op != WORLD_BREACH)
		return false;
	switch (world->op) {
	case WORLD_LINK:
		nic_set_link(nic, world->argument != 0);
		return true;
	case WORLD_INJECT:
		return nic_deliver(nic, world->bytes, world->length);
	case WORLD_PAUSE:
		device->paused = world->argument != 0;
		break;
	case WORLD_BREACH:
		if (is_net ? world->argument == WORLD_REFUSE
			   : world->argument > WORLD_REFUSE)
			return false;
		device->breach = (enum world_breach)world->argument;
		break;
	case WORLD_LOSE:
		device_lose(device, world->argument != 0);
		return true;
	case WORLD_RESIZE:
		return disk_resize(disk, world->argument);
	case WORLD_POWER_LOSS:
		disk_power_loss(disk);
		guest->back_in[world->device] = BACK_AFTER_TICKS;
		return true;
	case WORLD_DROP_CAPS:
		return disk_drop(disk, (uint32_t)world->argument);
	case WORLD_FAIL_NEXT:
		disk->fail_next = (unsigned)world->argument;
		return true;
	default:
		return false;
	}
	if (device->connected)
		device->ops->serve(device);
	return true;
}

static bool to_linux(const struct guest *guest, const struct world *world)
{
	enum world_device device = world->device;

	switch (world->op) {
	case WORLD_LINK:
		return linux_set_link(guest->domid, device,
				      world->argument != 0);
	case WORLD_LOSE:
		return linux_lose(guest->domid, device, world->argument != 0);
	case WORLD_RESIZE:
		return linux_resize(guest->domid, device, world->argument);
	default:
		return false;
	}
}

static bool ask_shutdown(const struct guest *guest)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/control", guest->domid);
	return store_write(path, "shutdown", "poweroff");
}

/* By way of memory of our own: files are not read into another domain's. */
static void read_output(const struct guest *guest, struct world *world)
{
	static uint8_t bytes[WORLD_BYTES];
	size_t n = console_output(&guest->console, world->op == WORLD_LOG,
				  world->argument, bytes, world->length);

	memcpy(world->bytes, bytes, n);
	world->length = (uint32_t)n;
}

static bool act(struct guest *guest, struct world *world)
{
	if (world->length > WORLD_BYTES || world->device >= WORLD_DEVICES)
		return false;
	switch (world->op) {
	case WORLD_SHUTDOWN:
		return ask_shutdown(guest);
	case WORLD_INPUT:
		return console_type(&guest->console, world->bytes,
				    world->length);
	case WORLD_OUTPUT:
	case WORLD_LOG:
		read_output(guest, world);
		return true;
	case WORLD_PAUSE_CONSOLE:
		return console_pause(world->argument != 0);
	case WORLD_SUSPEND:
		return linux_suspend(guest->domid);
	default:
		return guest->played ? to_played(guest, world)
				     : to_linux(guest, world);
	}
}

static void serve(struct guest *guest)
{
	struct world *world = guest->world;
	uint32_t asked = __atomic_load_n(&world->asked, __ATOMIC_ACQUIRE);

	console_serve(&guest->console);
	if (asked != world->answered) {
		world->result = act(guest, world);
		__atomic_store_n(&world->answered, asked, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < WORLD_DEVICES; i++)
		if (guest->back_in[i] > 0 && --guest->back_in[i] == 0)
			device_lose(device_of(guest, i), false);
}

/* ----------------------------------------------------------------- Guests -- */

static struct world *map_world(uint32_t domid)
{
	xen_pfn_t pages[WORLD_PAGES];
	int errors[WORLD_PAGES];
	struct world *world;

	for (unsigned i = 0; i < WORLD_PAGES; i++)
		pages[i] = first_page + i;
	world = xenforeignmemory_map(memory, domid, PROT_READ | PROT_WRITE,
				     WORLD_PAGES, pages, errors);
	if (world == NULL || world->magic == WORLD_MAGIC)
		return world;
	xenforeignmemory_unmap(memory, world, WORLD_PAGES);
	return NULL;
}

static void meet(uint32_t domid)
{
	struct world *world = map_world(domid);
	struct guest *guest;

	if (world == NULL)
		return;
	guest = calloc(1, sizeof(*guest));
	if (guest == NULL)
		abort();
	guest->domid = domid;
	guest->world = world;
	console_add(&guest->console, domid);
	if (world->played)
		play(guest);
	guest->next = guests;
	guests = guest;
	__atomic_store_n(&world->ready, 1, __ATOMIC_RELEASE);
}

static void forget(struct guest **at)
{
	struct guest *guest = *at;

	*at = guest->next;
	if (guest->played) {
		watch(guest, false);
		for (unsigned i = 0; i < 2; i++)
			nic_remove(&guest->nics[i]);
		for (unsigned i = 0; i < 3; i++)
			disk_remove(&guest->disks[i]);
	}
	console_remove(&guest->console);
	console_pause(false);
	xenforeignmemory_unmap(memory, guest->world, WORLD_PAGES);
	free(guest);
}

/* Numbers of domains only grow. Whoever is new may be building still: a guest is
 * met as soon as its image is in place. */
static void look_for_guests(void)
{
	uint32_t domid;

	while ((domid = store_next_domain(last_domid)) != 0) {
		meet(domid);
		last_domid = domid;
	}
}

static void look_for_ended(void)
{
	struct guest **at = &guests;

	while (*at != NULL)
		if (store_domain_exists((*at)->domid))
			at = &(*at)->next;
		else
			forget(at);
}

/* ------------------------------------------------------------------- Loop -- */

static void look(unsigned domid, unsigned at)
{
	for (struct guest *guest = guests; guest != NULL; guest = guest->next)
		if (guest->domid == domid && at < WORLD_DEVICES)
			device_look(device_of(guest, at));
}

static void take_changes(void)
{
	char token[16];
	unsigned domid, at;

	while (store_changed(token)) {
		if (sscanf(token, "%u.%u", &domid, &at) == 2) {
			look(domid, at);
		} else {
			look_for_ended();
			look_for_guests();
		}
	}
}

static void take_events(void)
{
	uint32_t port;

	while ((port = events_next()) != 0)
		for (struct guest *guest = guests; guest != NULL;
		     guest = guest->next)
			for (unsigned i = 0; guest->played && i < WORLD_DEVICES;
			     i++)
				if (device_of(guest, i)->port == port)
					device_of(guest, i)->ops->serve(
						device_of(guest, i));
}

static void on_signal(int number)
{
	ended = number;
}

static void run(void)
{
	struct pollfd files[] = {{.fd = store_fd(), .events = POLLIN},
				 {.fd = events_fd(), .events = POLLIN}};

	while (!ended) {
		/* The pages of worlds have no bell: look at them often. */
		poll(files, 2, guests != NULL ? 1 : 1000);
		take_changes();
		take_events();
		for (struct guest *guest = guests; guest != NULL;
		     guest = guest->next)
			serve(guest);
	}
	while (guests != NULL)
		forget(&guests);
}

int main(int argc, char *argv[])
{
	if (argc != 2) {
		fprintf(stderr, "usage: xen-backend PAGE\n");
		return 2;
	}
	first_page = strtoull(argv[1], NULL, 0);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGINT, on_signal);
	store_open();
	events_open();
	memory = xenforeignmemory_open(NULL, 0);
	grants = xengnttab_open(NULL, 0);
	if (memory == NULL || grants == NULL) {
		perror("xen-backend");
		return 1;
	}
	while (store_next_domain(last_domid) != 0)
		last_domid = store_next_domain(last_domid);
	store_watch("@introduceDomain", "domains");
	store_watch("@releaseDomain", "domains");
	printf("ready\n");
	fflush(stdout);
	run();
	return 0;
}
