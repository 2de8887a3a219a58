/* SPDX-License-Identifier: ISC */
/* Opening by name: what is common to networks and blocks. */
#include "shim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 31

/** Names of devices, kept for ever: handles outlive their devices. An open that
 *  is let through has its name here already. */
struct name {
	struct name *next;
	char text[NAME_MAX_BYTES + 1];
};

static const char *intern(const char *text)
{
	static struct name *names;
	struct name *name;

	for (name = names; name != NULL; name = name->next)
		if (strcmp(name->text, text) == 0)
			return name->text;
	name = calloc(1, sizeof *name);
	if (name == NULL)
		return NULL;
	memcpy(name->text, text, strlen(text));
	name->next = names;
	names = name;
	return name->text;
}

static bool valid_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= NAME_MAX_BYTES &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == length;
}

/** Names with an open that was answered or not: `opens` holds the answered ones. */
static struct mirage_open *under_way;

bool core_name_taken(const char *name, bool is_net)
{
	for (struct mirage_open *o = under_way; o != NULL; o = o->under_way)
		if (o->is_net == is_net && strcmp(o->name, name) == 0)
			return true;
	if (is_net) {
		for (struct mirage_net *n = core_nets; n != NULL; n = n->next)
			if (strcmp(n->name, name) == 0)
				return true;
		return false;
	}
	for (struct mirage_block *b = core_blocks; b != NULL; b = b->next)
		if (strcmp(b->name, name) == 0)
			return true;
	return false;
}

static void dispose_closed_net(const char *name)
{
	for (struct mirage_net **at = &core_closed_nets; *at != NULL;) {
		struct mirage_net *net = *at;

		if (strcmp(net->name, name) != 0) {
			at = &net->next;
			continue;
		}
		*at = net->next;
		if (MIRAGE_HAS(net->ops, dispose))
			net->ops->dispose(net);
	}
}

static void dispose_closed_block(const char *name)
{
	for (struct mirage_block **at = &core_closed_blocks; *at != NULL;) {
		struct mirage_block *block = *at;

		if (strcmp(block->name, name) != 0) {
			at = &block->next;
			continue;
		}
		*at = block->next;
		if (MIRAGE_HAS(block->ops, dispose))
			block->ops->dispose(block);
	}
}

/* ---------------------------------------------------------- Answering -- */

static void answer(struct mirage_open *open, int result)
{
	struct mirage_open **end = &core_opens;

	while (*end != NULL)
		end = &(*end)->next;
	open->result = result;
	open->next = NULL;
	*end = open;
	core_wake();
}

void mirage_core_net_opened(struct mirage_open *open, int result,
			    struct mirage_net *net)
{
	open->net = result < 0 ? NULL : net;
	if (open->net != NULL) {
		core_validate_net(net);
		net->name = intern(open->name);
		result = core_shim_net(&open->net, open);
	}
	answer(open, result);
}

void mirage_core_block_opened(struct mirage_open *open, int result,
			      struct mirage_block *block)
{
	open->block = result < 0 ? NULL : block;
	if (open->block != NULL) {
		core_validate_block(block);
		block->name = intern(open->name);
		result = core_shim_block(&open->block, open);
	}
	answer(open, result);
}

bool mirage_core_open_record(struct mirage_open *open, const char *path)
{
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof open->record_path) {
		mirage_core_open_error(open,
				       "pcap= needs the path of a file, 1 to "
				       "%zu bytes of it",
				       sizeof open->record_path - 1);
		return false;
	}
	memcpy(open->record_path, path, length + 1);
	return true;
}

void mirage_core_open_error(const struct mirage_open *open, const char *format,
			    ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	mirage_log(MIRAGE_LOG_ERROR, "%s '%s'%s%s%s: %s",
		   open->is_net ? "network" : "block", open->name,
		   open->uri != NULL ? " (" : "",
		   open->uri != NULL ? open->uri : "",
		   open->uri != NULL ? ")" : "", message);
}

static void link_net(struct mirage_net *net)
{
	net->state = CORE_OPEN;
	net->next = core_nets;
	core_nets = net;
}

static void link_block(struct mirage_block *block)
{
	block->state = CORE_OPEN;
	block->waiting_end = &block->waiting;
	block->next = core_blocks;
	core_blocks = block;
}

/* To say that there is no memory for an open, one open's memory is kept. */
static struct mirage_open spare;
static bool spare_used;

static void forget(struct mirage_open *open)
{
	struct mirage_open **at = &under_way;

	while (*at != open)
		at = &(*at)->under_way;
	*at = open->under_way;
	if (open != &spare)
		free(open);
	spare_used &= open != &spare;
}

static void run_net(struct mirage_open *open)
{
	mirage_net_open_fn *done = open->net_done;
	struct mirage_net *net = open->net;
	void *arg = open->arg;
	int result = open->result;

	if (net != NULL)
		link_net(net);
	forget(open);
	if (net != NULL && result < 0) { /* a shim cannot be had */
		mirage_net_close(net);
		net = NULL;
	}
	core_enter();
	done(arg, result, net);
	core_leave();
}

static void run_block(struct mirage_open *open)
{
	mirage_block_open_fn *done = open->block_done;
	struct mirage_block *block = open->block;
	void *arg = open->arg;
	int result = open->result;

	if (block != NULL)
		link_block(block);
	forget(open);
	if (block != NULL && result < 0) { /* a shim cannot be had */
		mirage_block_close(block);
		block = NULL;
	}
	core_enter();
	done(arg, result, block);
	core_leave();
}

void core_opens_run(void)
{
	struct mirage_open *list = core_opens, *next;

	core_opens = NULL;
	for (; list != NULL && !core.ended; list = next) {
		next = list->next;
		core.keeping--;
		if (list->is_net)
			run_net(list);
		else
			run_block(list);
	}
}

/* ------------------------------------------------------------- Asking -- */

static struct mirage_open *open_new(bool is_net, const char *name, void *arg)
{
	struct mirage_open *open = calloc(1, sizeof *open);

	if (open == NULL) {
		core_must(!spare_used, "LAW-05", "opens without end or memory");
		spare = (struct mirage_open){.result = MIRAGE_ENOMEM};
		spare_used = true;
		open = &spare;
	}
	open->is_net = is_net;
	open->arg = arg;
	open->name = open->name_copy;
	snprintf(open->name_copy, sizeof open->name_copy, "%s", name);
	open->uri = core_option_device(is_net, open->name, &open->any_given);
	open->under_way = under_way;
	core.keeping++;
	return open;
}

/** The error that the core itself finds with `name`, or 0. */
static int check_name(const struct mirage_open *open, const char *name)
{
	if (open->result < 0 || (valid_name(name) && intern(name) == NULL)) {
		mirage_core_open_error(open, "no memory left");
		return MIRAGE_ENOMEM;
	}
	if (!valid_name(name)) {
		mirage_core_open_error(open, "a device name has 1 to 31 "
					     "letters, digits, '-' or '_'");
		return MIRAGE_EINVAL;
	}
	if (core_name_taken(name, open->is_net)) {
		mirage_core_open_error(open, "already open; close it first");
		return MIRAGE_EBUSY;
	}
	return 0;
}

void mirage_net_open(const char *name, uint32_t accept,
		     mirage_net_open_fn *done, void *arg)
{
	struct mirage_open *open = open_new(true, name, arg);
	int error = check_name(open, name);

	core_must(done != NULL, "LAW-05", "an open without a completion");
	under_way = open;
	open->net_done = done;
	open->accept = accept & MIRAGE_NET_ACCEPT_ALL;
	if (error == 0 && !MIRAGE_HAS(&mirage_backend, net_open)) {
		mirage_core_open_error(open, "the %s backend has no networks",
				       mirage_backend.name);
		error = MIRAGE_ENOSYS;
	}
	if (error < 0) {
		mirage_core_net_opened(open, error, NULL);
		return;
	}
	dispose_closed_net(open->name);
	mirage_backend.net_open(open);
}

void mirage_block_open(const char *name, mirage_block_open_fn *done, void *arg)
{
	struct mirage_open *open = open_new(false, name, arg);
	int error = check_name(open, name);

	core_must(done != NULL, "LAW-05", "an open without a completion");
	under_way = open;
	open->block_done = done;
	if (error == 0 && !MIRAGE_HAS(&mirage_backend, block_open)) {
		mirage_core_open_error(open, "the %s backend has no blocks",
				       mirage_backend.name);
		error = MIRAGE_ENOSYS;
	}
	if (error < 0) {
		mirage_core_block_opened(open, error, NULL);
		return;
	}
	dispose_closed_block(open->name);
	mirage_backend.block_open(open);
}
