/* SPDX-License-Identifier: ISC */
#include "guest.h"

#include "config.h"
#include "device.h"
#include "report.h"
#include "store.h"
#include "xc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* One directory for each guest, kept until all else of it is gone. */
static const char records[] = "/tool/mirage-xen-run";

/* ------------------------------------------------------------- Identity -- */

static void set_domid(struct guest *guest, uint32_t domid)
{
	guest->domid = domid;
	snprintf(guest->id, sizeof guest->id, "%u", domid);
	snprintf(guest->home, sizeof guest->home, "/local/domain/%u", domid);
}

static void set_record(struct guest *guest, const char *name)
{
	snprintf(guest->record, sizeof guest->record, "%s/%s", records, name);
}

static void make_uuid(struct guest *guest)
{
	uint8_t *u = guest->uuid;

	if (getrandom(u, UUID_BYTES, 0) != UUID_BYTES)
		abort();
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	snprintf(guest->uuid_text, sizeof guest->uuid_text,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
}

static bool parse_uuid(struct guest *guest, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n < UUID_BYTES; text += 2, n++) {
		text += *text == '-';
		if (sscanf(text, "%2hhx", &guest->uuid[n]) != 1)
			return false;
	}
	return n == UUID_BYTES;
}

void guest_init(struct guest *guest, const struct options *options)
{
	memset(guest, 0, sizeof *guest);
	make_uuid(guest);
	if (report_dry)
		strcpy(guest->uuid_text, "UUID");
	strcpy(guest->id, "ID");
	strcpy(guest->home, "/local/domain/ID");
	set_record(guest, options->name);
	guest->cmdline = config_command_line(options);
}

/* ------------------------------------------------------------- Creation -- */

/** A domain of this name, ours or not, has the name for itself. */
static bool name_is_free(const struct guest *guest, const char *name)
{
	char **domains, *value = store_read(guest->record, "uuid");
	bool is_free = value == NULL;
	unsigned n;

	free(value);
	if (!is_free) {
		complain("there is a guest '%s' already; 'mirage-xen-run "
			 "--destroy %s' ends it, --name takes another name",
			 name, name);
		return false;
	}
	domains = store_list("/local/domain", &n);
	for (unsigned i = 0; i < n && is_free; i++) {
		char home[64];

		snprintf(home, sizeof home, "/local/domain/%s", domains[i]);
		value = store_read(home, "name");
		is_free = value == NULL || strcmp(value, name) != 0;
		if (!is_free)
			complain("domain %s has the name '%s' already; --name "
				 "takes another name",
				 domains[i], name);
		free(value);
	}
	free(domains);
	return is_free;
}

/** What the guest and dom0 say to each other (xenstore-paths.pandoc). */
static void write_home(const struct guest *guest, const struct options *options)
{
	static const char *const flags[] = {"shutdown", "feature-poweroff",
					    "feature-reboot", "feature-halt"};
	char path[STORE_PATH];

	store_directory(guest->home, STORE_GUEST_READS, guest->domid);
	store_write(guest->home, "name", "%s", options->name);
	store_write(guest->home, "domid", "%s", guest->id);
	store_write(guest->home, "vm", "/vm/%s", guest->uuid_text);
	store_write(guest->home, "memory/target", "%u",
		    options->memory_mib * 1024);
	store_write(guest->home, "memory/static-max", "%u",
		    options->memory_mib * 1024);
	/* A node has the access of its directory when it is made. */
	snprintf(path, sizeof path, "%s/control", guest->home);
	store_directory(path, STORE_GUEST_OWNS, guest->domid);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		store_write(path, flags[i], "%s", "");
	store_access(path, STORE_GUEST_READS, guest->domid);
	snprintf(path, sizeof path, "%s/data", guest->home);
	store_directory(path, STORE_GUEST_OWNS, guest->domid);
}

static void write_vm(const struct guest *guest, const struct options *options)
{
	char path[STORE_PATH];

	snprintf(path, sizeof path, "/vm/%s", guest->uuid_text);
	store_directory(path, STORE_GUEST_READS, guest->domid);
	store_write(path, "name", "%s", options->name);
	store_write(path, "uuid", "%s", guest->uuid_text);
}

bool guest_create(struct guest *guest, const struct options *options)
{
	if (!report_dry && !name_is_free(guest, options->name)) {
		guest->record[0] = '\0'; /* that one is another guest's */
		return false;
	}
	/* First of all, so that whatever happens can be cleaned up after. */
	store_directory(guest->record, STORE_TOOLS, 0);
	store_write(guest->record, "uuid", "%s", guest->uuid_text);
	store_write(guest->record, "pid", "%d", report_dry ? 0 : getpid());
	if (!store_ok())
		return false;
	if (step("create a domain: PVH, 1 CPU, %u MiB", options->memory_mib)) {
		if (!domain_create(guest, options->memory_mib))
			return false;
		set_domid(guest, guest->domid);
	}
	store_write(guest->record, "domid", "%s", guest->id);
	write_home(guest, options);
	write_vm(guest, options);
	return store_ok() && devices_create(guest, options);
}

bool guest_build(struct guest *guest, const struct options *options)
{
	char console[STORE_PATH];

	if (step("load %s with the command line: %s", options->image,
		 guest->cmdline) &&
	    !domain_build(guest, options->image, options->memory_mib))
		return false;
	if (options->detach) {
		snprintf(console, sizeof console, "%s/console", guest->home);
		store_directory(console, STORE_GUEST_READS, guest->domid);
		store_write(console, "type", "xenconsoled");
		store_write(console, "output", "pty");
		store_write(console, "limit", "1048576");
		store_write(console, "port", "%u", guest->console_port);
		store_write(console, "ring-ref", "%llu",
			    (unsigned long long)guest->console_gfn);
	}
	if (step("introduce the domain to xenstored"))
		store_introduce(guest->domid, guest->store_gfn,
				guest->store_port);
	return store_ok();
}

/* ------------------------------------------------------------------ Life -- */

bool guest_find(struct guest *guest, const char *name)
{
	char *uuid;
	bool ok;

	memset(guest, 0, sizeof *guest);
	set_record(guest, name);
	uuid = store_read(guest->record, "uuid");
	if (uuid == NULL) {
		complain("no guest '%s' was started by mirage-xen-run; 'xl "
			 "list' "
			 "and 'xl destroy' know about others",
			 name);
		return false;
	}
	ok = parse_uuid(guest, uuid);
	snprintf(guest->uuid_text, sizeof guest->uuid_text, "%s", uuid);
	free(uuid);
	if (!ok)
		complain("%s/uuid makes no sense", guest->record);
	else if (domain_find(guest))
		set_domid(guest, guest->domid);
	else
		set_domid(guest,
			  (uint32_t)store_number(guest->record, "domid", 0));
	return ok;
}

void guest_ask_poweroff(const struct guest *guest)
{
	store_write(guest->home, "control/shutdown", "poweroff");
	(void)store_ok();
}

int guest_exit_status(const struct guest *guest)
{
	long status = store_number(guest->home, "data/exit-status", -1);

	return status >= 0 && status <= 255 ? (int)status : -1;
}

static bool is_other(const struct guest *guest)
{
	char *vm = store_read(guest->home, "vm");
	bool other = vm != NULL && (strncmp(vm, "/vm/", 4) != 0 ||
				    strcmp(vm + 4, guest->uuid_text) != 0);

	free(vm);
	return other;
}

void guest_remove(const struct guest *guest)
{
	char vm[STORE_PATH];

	if (guest->record[0] == '\0')
		return;
	/* A number may belong to a later guest by now. */
	if (guest->domid != 0 && !is_other(guest)) {
		if (step("destroy domain %s", guest->id))
			domain_pause(guest);
		devices_remove(guest);
		if (!report_dry)
			domain_destroy(guest);
		store_remove(guest->home);
	}
	snprintf(vm, sizeof vm, "/vm/%s", guest->uuid_text);
	store_remove(vm);
	store_remove(guest->record);
	(void)store_ok();
}
