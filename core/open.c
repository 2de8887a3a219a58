/* SPDX-License-Identifier: ISC */
/* Opening by name: what is common to networks, blocks, stores and the host's stack. */
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

static const char *const words[] = {"network", "block", "store", "network"};

/** Whether a device of the list is called `name`. */
#define LISTED(type, list, called)                                          \
	({                                                                  \
		const struct type *device = (list);                         \
		while (device != NULL && strcmp(device->name, called) != 0) \
			device = device->next;                              \
		device != NULL;                                             \
	})

bool core_name_taken(const char *name, uint32_t kind)
{
	if (kind == MIRAGE_OPEN_STACK)
		return false; /* there may be several stacks of the host */
	for (struct mirage_open *o = under_way; o != NULL; o = o->under_way)
		if (o->kind == kind && strcmp(o->name, name) == 0)
			return true;
	switch (kind) {
	case MIRAGE_OPEN_NET:
		return LISTED(mirage_net, core_nets, name);
	case MIRAGE_OPEN_BLOCK:
		return LISTED(mirage_block, core_blocks, name);
	default:
		return LISTED(mirage_kv, core_kvs, name);
	}
}

/** Disposes of the closed devices in the list that are called `called`. */
#define DISPOSE_CLOSED(type, list, called)               \
	for (struct type **at = &(list); *at != NULL;) { \
		struct type *device = *at;               \
                                                         \
		if (strcmp(device->name, called) != 0) { \
			at = &device->next;              \
			continue;                        \
		}                                        \
		*at = device->next;                      \
		if (MIRAGE_HAS(device->ops, dispose))    \
			device->ops->dispose(device);    \
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

void mirage_core_kv_opened(struct mirage_open *open, int result,
			   struct mirage_kv *kv)
{
	open->kv = result < 0 ? NULL : kv;
	if (open->kv != NULL) {
		core_validate_kv(kv);
		kv->name = intern(open->name);
	}
	answer(open, result);
}

void mirage_core_stack_opened(struct mirage_open *open, int result,
			      struct mirage_stack *stack)
{
	open->stack = result < 0 ? NULL : stack;
	if (open->stack != NULL)
		core_validate_stack(stack);
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
	mirage_log(MIRAGE_LOG_ERROR, "%s '%s'%s%s%s: %s", words[open->kind],
		   open->name, open->uri != NULL ? " (" : "",
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

static void run_kv(struct mirage_open *open)
{
	mirage_kv_open_fn *done = open->kv_done;
	struct mirage_kv *kv = open->kv;
	void *arg = open->arg;
	int result = open->result;

	if (kv != NULL)
		mirage_core_kv_start(kv);
	forget(open);
	core_enter();
	done(arg, result, kv);
	core_leave();
}

static void run_stack(struct mirage_open *open)
{
	mirage_stack_open_fn *done = open->stack_done;
	struct mirage_stack *stack = open->stack;
	void *arg = open->arg;
	int result = open->result;

	if (stack != NULL)
		mirage_core_stack_start(stack);
	forget(open);
	core_enter();
	done(arg, result, stack);
	core_leave();
}

void core_opens_run(void)
{
	static void (*const run[])(struct mirage_open *) = {run_net, run_block,
							    run_kv, run_stack};

	struct mirage_open *list = core_opens, *next;

	core_opens = NULL;
	for (; list != NULL && !core.ended; list = next) {
		next = list->next;
		core.keeping--;
		run[list->kind](list);
	}
}

/* ------------------------------------------------------------- Asking -- */

static struct mirage_open *open_new(uint32_t kind, const char *name, void *arg)
{
	struct mirage_open *open = calloc(1, sizeof *open);

	if (open == NULL) {
		core_must(!spare_used, "LAW-05", "opens without end or memory");
		spare = (struct mirage_open){.result = MIRAGE_ENOMEM};
		spare_used = true;
		open = &spare;
	}
	open->kind = kind;
	open->arg = arg;
	open->name = open->name_copy;
	snprintf(open->name_copy, sizeof open->name_copy, "%s", name);
	open->uri = core_option_device(kind, open->name, &open->any_given);
	core.keeping++;
	return open;
}

/** The error that the core itself finds, or 0; `offered` is whether the backend has
 *  such devices at all. */
static int check(struct mirage_open *open, const char *name, bool offered)
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
	if (core_name_taken(name, open->kind)) {
		mirage_core_open_error(open, "already open; close it first");
		return MIRAGE_EBUSY;
	}
	if (open->kind == MIRAGE_OPEN_NET && mirage_core_is_host(name)) {
		mirage_core_open_error(open,
				       "these are the host's sockets, and "
				       "frames are wanted here: give a "
				       "network");
		return MIRAGE_ENOTSUP;
	}
	if (!offered) {
		static const char *const what[] = {
			"networks", "blocks", "stores of its own: see lib/kv",
			"sockets of its own: give a network"};

		mirage_core_open_error(open, "the %s backend has no %s",
				       mirage_backend.name, what[open->kind]);
		return MIRAGE_ENOSYS;
	}
	return 0;
}

/** Puts `open` among those under way, and returns what `check` says. */
static int begin(struct mirage_open *open, const char *name, bool offered,
		 bool has_done)
{
	int error = check(open, name, offered);

	core_must(has_done, "LAW-05", "an open without a completion");
	open->under_way = under_way;
	under_way = open;
	return error;
}

void mirage_net_open(const char *name, uint32_t accept,
		     mirage_net_open_fn *done, void *arg)
{
	struct mirage_open *open = open_new(MIRAGE_OPEN_NET, name, arg);
	bool offered = MIRAGE_HAS(&mirage_backend, net_open);
	int error = begin(open, name, offered, done != NULL);

	open->net_done = done;
	open->accept = accept & MIRAGE_NET_ACCEPT_ALL;
	if (error < 0) {
		mirage_core_net_opened(open, error, NULL);
		return;
	}
	DISPOSE_CLOSED(mirage_net, core_closed_nets, open->name);
	mirage_backend.net_open(open);
}

void mirage_block_open(const char *name, mirage_block_open_fn *done, void *arg)
{
	struct mirage_open *open = open_new(MIRAGE_OPEN_BLOCK, name, arg);
	bool offered = MIRAGE_HAS(&mirage_backend, block_open);
	int error = begin(open, name, offered, done != NULL);

	open->block_done = done;
	if (error < 0) {
		mirage_core_block_opened(open, error, NULL);
		return;
	}
	DISPOSE_CLOSED(mirage_block, core_closed_blocks, open->name);
	mirage_backend.block_open(open);
}

void mirage_kv_open(const char *name, mirage_kv_open_fn *done, void *arg)
{
	struct mirage_open *open = open_new(MIRAGE_OPEN_KV, name, arg);
	bool offered = MIRAGE_HAS(&mirage_backend, kv_open);
	int error = begin(open, name, offered, done != NULL);

	open->kv_done = done;
	if (error < 0) {
		mirage_core_kv_opened(open, error, NULL);
		return;
	}
	DISPOSE_CLOSED(mirage_kv, core_closed_kvs, open->name);
	mirage_backend.kv_open(open);
}

void mirage_core_host_open(const char *name, mirage_stack_open_fn *done,
			   void *arg)
{
	struct mirage_open *open = open_new(MIRAGE_OPEN_STACK, name, arg);
	bool offered = MIRAGE_HAS(&mirage_backend, stack_open);
	int error = begin(open, name, offered, done != NULL);

	open->stack_done = done;
	if (error < 0) {
		mirage_core_stack_opened(open, error, NULL);
		return;
	}
	mirage_backend.stack_open(open);
}
