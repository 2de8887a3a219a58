/* SPDX-License-Identifier: ISC */
#include "device.h"

#include "report.h"
#include "store.h"

#include <errno.h>
#include <net/if.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#define WAIT_MS 5000
#define BEGIN_MS 500
#define STEP_MS 2

extern char **environ;

/* Held until the end: a loop device lives as long as somebody has it open. */
static int disk_fds[DISKS_MAX];

static const char backends[] = "/local/domain/0/backend";

static void pause_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

void device_mac(const struct net_option *net, const char *guest, char text[18])
{
	uint8_t mac[6] = {0x00, 0x16, 0x3e}; /* Xen's own range */
	char names[256];
	uint32_t hash = 2166136261u;
	size_t n;

	if (gethostname(names, 64) != 0)
		names[0] = '\0';
	names[63] = '\0';
	n = strlen(names);
	snprintf(names + n, sizeof names - n, "/%s/%s", guest, net->name);
	for (const char *c = names; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	mac[3] = hash >> 16 & 0x7f;
	mac[4] = hash >> 8 & 0xff;
	mac[5] = hash & 0xff;
	if (net->has_mac)
		memcpy(mac, net->mac, sizeof mac);
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
}

/* ------------------------------------------------------------- Checking -- */

static bool net_check(const struct net_option *net)
{
	if (net->script != NULL && access(net->script, X_OK) != 0) {
		complain("--net %s: script %s: %s", net->name, net->script,
			 strerror(errno));
		return false;
	}
	if (net->bridge == NULL || net->script != NULL || report_dry ||
	    bridge_is(net->bridge))
		return true;
	complain("--net %s: no bridge '%s'; 'ip link add %s type bridge' makes "
		 "one",
		 net->name, net->bridge, net->bridge);
	return false;
}

bool devices_check(const struct options *options)
{
	for (unsigned i = 0; i < options->n_nets; i++)
		if (!net_check(&options->nets[i]))
			return false;
	for (unsigned i = 0; i < options->n_disks; i++)
		if (!disk_check(&options->disks[i]))
			return false;
	return true;
}

/* ------------------------------------------------------------- Creating -- */

struct ends {
	char front[STORE_PATH], back[STORE_PATH];
};

/** What both ends of any device have. The backend's state is written last, by
 *  the caller: from that moment on Linux looks at the rest. */
static void create_ends(struct ends *ends, const struct guest *guest,
			const char *kind, unsigned number)
{
	snprintf(ends->front, sizeof ends->front, "%s/device/%s/%u",
		 guest->home, kind, number);
	snprintf(ends->back, sizeof ends->back, "%s/%s/%s/%u", backends, kind,
		 guest->id, number);
	store_directory(ends->front, STORE_GUEST_OWNS, guest->domid);
	store_write(ends->front, "backend", "%s", ends->back);
	store_write(ends->front, "backend-id", "0");
	store_write(ends->front, "handle", "%u", number);
	store_write(ends->front, "state", "%d", XenbusStateInitialising);
	store_directory(ends->back, STORE_GUEST_READS, guest->domid);
	store_write(ends->back, "frontend", "%s", ends->front);
	store_write(ends->back, "frontend-id", "%s", guest->id);
	store_write(ends->back, "handle", "%u", number);
	store_write(ends->back, "online", "1");
}

static void net_create(const struct guest *guest, const struct options *options,
		       unsigned number)
{
	const struct net_option *net = &options->nets[number];
	struct ends ends;
	char mac[18];

	create_ends(&ends, guest, "vif", number);
	device_mac(net, options->name, mac);
	store_write(ends.front, "mac", "%s", mac);
	store_write(ends.back, "mac", "%s", mac);
	if (net->bridge != NULL)
		store_write(ends.back, "bridge", "%s", net->bridge);
	if (net->mtu_bytes != 0) {
		store_write(ends.front, "mtu", "%u", net->mtu_bytes);
		store_write(ends.back, "mtu", "%u", net->mtu_bytes);
	}
	/* netback will not go without this node, even if nobody runs it. */
	store_write(ends.back, "script", "%s",
		    net->script != NULL ? net->script : "");
	store_write(ends.back, "type", "vif");
	store_write(ends.back, "state", "%d", XenbusStateInitialising);
}

static bool disk_create(const struct guest *guest,
			const struct options *options, unsigned number)
{
	const struct disk_option *disk = &options->disks[number];
	unsigned vdev = 202u << 8 | number << 4, major = 0, minor = 0;
	struct ends ends;

	if (step("disk %s: block device for %s%s", disk->name, disk->file,
		 disk->read_only ? ", read-only" : "")) {
		disk_fds[number] = disk_attach(disk, &major, &minor);
		if (disk_fds[number] < 0)
			return false;
	}
	create_ends(&ends, guest, "vbd", vdev);
	store_write(ends.front, "virtual-device", "%u", vdev);
	store_write(ends.front, "device-type", "disk");
	store_write(ends.back, "dev", "xvd%c", 'a' + number);
	store_write(ends.back, "type", "phy");
	store_write(ends.back, "params", "%s", disk->file);
	store_write(ends.back, "mode", "%s", disk->read_only ? "r" : "w");
	store_write(ends.back, "device-type", "disk");
	store_write(ends.back, "discard-enable", "%d", !disk->read_only);
	store_write(ends.back, "physical-device", "%x:%x", major, minor);
	store_write(ends.back, "hotplug-status", "connected");
	store_write(ends.back, "state", "%d", XenbusStateInitialising);
	return true;
}

bool devices_create(const struct guest *guest, const struct options *options)
{
	for (unsigned i = 0; i < options->n_nets; i++)
		net_create(guest, options, i);
	for (unsigned i = 0; i < options->n_disks; i++)
		if (!disk_create(guest, options, i))
			return false;
	return store_ok();
}

/* ------------------------------------------------------------- Plugging -- */

/** Runs a script in the way of Xen's own: the node and the interface are in its
 *  environment. */
static bool run_script(const char *script, const char *back,
		       const char *interface, const char *action)
{
	char path[STORE_PATH + 16], vif[32];
	char *argv[] = {(char *)(uintptr_t)script, (char *)(uintptr_t)action,
			(char *)(uintptr_t) "type_if=vif", NULL};
	pid_t child;
	int status;

	snprintf(path, sizeof path, "%s", back);
	setenv("XENBUS_PATH", path, 1);
	setenv("XENBUS_TYPE", "vif", 1);
	snprintf(vif, sizeof vif, "%s", interface);
	setenv("vif", vif, 1);
	if (posix_spawn(&child, script, NULL, NULL, argv, environ) != 0 ||
	    waitpid(child, &status, 0) != child) {
		complain("script %s: %s", script, strerror(errno));
		return false;
	}
	if (status == 0)
		return true;
	complain("script %s %s: ended with status %d", script, action,
		 WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	return false;
}

/** Waits until netback has made its interface. */
static bool await_interface(const struct net_option *net, const char *interface)
{
	for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		if (if_nametoindex(interface) != 0)
			return true;
		pause_ms(STEP_MS);
	}
	complain("--net %s: no %s in %d s; is the module xen-netback loaded?",
		 net->name, interface, WAIT_MS / 1000);
	return false;
}

static bool net_plug(const struct guest *guest, const struct net_option *net,
		     unsigned number)
{
	char back[STORE_PATH], interface[32];

	snprintf(back, sizeof back, "%s/vif/%s/%u", backends, guest->id,
		 number);
	snprintf(interface, sizeof interface, "vif%s.%u", guest->id, number);
	if (net->script != NULL) {
		if (step("network %s: run %s online for %s", net->name,
			 net->script, interface) &&
		    (!await_interface(net, interface) ||
		     !run_script(net->script, back, interface, "online")))
			return false;
	} else if (step("network %s: set %s up%s%s", net->name, interface,
			net->bridge != NULL ? " in bridge " : "",
			net->bridge != NULL ? net->bridge : "") &&
		   (!await_interface(net, interface) ||
		    !bridge_plug(interface, net->bridge, net->mtu_bytes))) {
		return false;
	}
	store_write(back, "hotplug-status", "connected");
	return true;
}

bool devices_plug(const struct guest *guest, const struct options *options)
{
	for (unsigned i = 0; i < options->n_nets; i++)
		if (!net_plug(guest, &options->nets[i], i))
			return false;
	return store_ok();
}

/* ------------------------------------------------------------- Removing -- */

/** Closed, or Linux has no such device, or never had. */
static bool is_closed(const char *back, const char *device)
{
	long state = store_number(back, "state", XenbusStateClosed);
	char path[96];

	snprintf(path, sizeof path, "/sys/bus/xen-backend/devices/%s", device);
	return state == XenbusStateClosed || state == XenbusStateUnknown ||
	       (state != XenbusStateInitialising && access(path, F_OK) != 0);
}

/** A backend that has only just begun to look writes its own state over ours. */
static void await_beginning(const char *back)
{
	for (int ms = 0; ms < BEGIN_MS; ms += STEP_MS) {
		if (store_number(back, "state", 0) != XenbusStateInitialising)
			return;
		pause_ms(STEP_MS);
	}
}

/** With its frontend gone, a backend that is told to close does. */
static void backend_remove(const struct guest *guest, const char *kind,
			   const char *number)
{
	char back[STORE_PATH], front[STORE_PATH], device[32], *script;
	int ms;

	snprintf(back, sizeof back, "%s/%s/%s/%s", backends, kind, guest->id,
		 number);
	snprintf(front, sizeof front, "%s/device/%s/%s", guest->home, kind,
		 number);
	script = store_read(back, "script");
	if (script != NULL && *script != '\0' &&
	    step("run %s offline", script)) {
		snprintf(device, sizeof device, "vif%s.%s", guest->id, number);
		(void)run_script(script, back, device, "offline");
	}
	free(script);
	snprintf(device, sizeof device, "%s-%s-%s", kind, guest->id, number);
	await_beginning(back);
	store_write(back, "online", "0");
	store_write(back, "state", "%d", XenbusStateClosing);
	store_remove(front);
	for (ms = 0; !report_dry && !is_closed(back, device) && ms < WAIT_MS;
	     ms += STEP_MS)
		pause_ms(STEP_MS);
	if (ms >= WAIT_MS)
		complain("%s does not close", back);
	store_remove(back);
}

static void kind_remove(const struct guest *guest, const char *kind)
{
	char path[STORE_PATH], **numbers;
	unsigned n;

	snprintf(path, sizeof path, "%s/%s/%s", backends, kind, guest->id);
	numbers = store_list(path, &n);
	for (unsigned i = 0; i < n; i++)
		backend_remove(guest, kind, numbers[i]);
	if (numbers != NULL)
		store_remove(path);
	free(numbers);
}

void devices_remove(const struct guest *guest)
{
	kind_remove(guest, "vif");
	kind_remove(guest, "vbd");
	for (unsigned i = 0; i < DISKS_MAX; i++) {
		if (disk_fds[i] > 0)
			close(disk_fds[i]);
		disk_fds[i] = 0;
	}
}
