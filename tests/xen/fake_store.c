/* SPDX-License-Identifier: ISC */
/*
 * xenstored, as far as a guest sees it: a tree of nodes behind the real protocol on
 * the real ring, with watches and transactions. Paths without a leading slash are
 * below the guest's own.
 */
#include "fake.h"

#include "xenstore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#define HOME "/local/domain/1/"
#define PATH_MAX_BYTES 300
#define OUT_MAX_BYTES 65536

static struct node {
	char path[PATH_MAX_BYTES];
	char *value, *other; /* `other`: shown by the next read */
} nodes[FAKE_NODES];

static struct watch {
	char path[PATH_MAX_BYTES], token[32];
	bool set;
} watches[FAKE_WATCHES];

/* Writes of the one transaction that there is at a time. */
static struct {
	uint32_t id, next_id;
	char paths[32][PATH_MAX_BYTES], values[32][256];
	unsigned n;
} transaction;

static struct xenstore_domain_interface *page;
static uint32_t port;
static char out[OUT_MAX_BYTES];
static uint32_t out_bytes;

struct xenstore_domain_interface *fake_store_page(void)
{
	return page;
}

struct xenstore_domain_interface *xen_store_ring(uint32_t *port_out,
						 void (*on_event)(void *arg))
{
	port = fake_store_bind(on_event);
	*port_out = port;
	return page;
}

void fake_store_break(void)
{
	out_bytes = 0;
	page->rsp_prod += 1u << 30;
	fake_raise(port);
}

unsigned fake_watches(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_WATCHES; i++)
		n += watches[i].set;
	return n;
}

/* ----------------------------------------------------------------- Nodes -- */

static const char *absolute(const char *path, char *room)
{
	/* Longer ones are cut, as there are none. */
	snprintf(room, PATH_MAX_BYTES, "%s%.250s", path[0] == '/' ? "" : HOME,
		 path);
	return room;
}

static struct node *find(const char *path)
{
	char room[PATH_MAX_BYTES];

	absolute(path, room);
	for (unsigned i = 0; i < FAKE_NODES; i++)
		if (nodes[i].value != NULL && strcmp(nodes[i].path, room) == 0)
			return &nodes[i];
	return NULL;
}

static bool is_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	return strncmp(path, top, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

static void fire(const char *path)
{
	for (unsigned i = 0; i < FAKE_WATCHES; i++) {
		char room[PATH_MAX_BYTES], message[2 * PATH_MAX_BYTES];
		int length;

		if (!watches[i].set ||
		    !is_below(path, absolute(watches[i].path, room)))
			continue;
		if (watches[i].path[0] != '/')
			length = snprintf(message, sizeof message, "%s",
					  path + strlen(HOME));
		else
			length = snprintf(message, sizeof message, "%s", path);
		length += 1 + snprintf(message + length + 1,
				       sizeof message - (size_t)length - 1,
				       "%s", watches[i].token);
		fake_store_reply(XS_WATCH_EVENT, 0, 0, message,
				 (uint32_t)length + 1);
	}
}

static void drop(struct node *node)
{
	free(node->value);
	free(node->other);
	node->value = node->other = NULL;
}

void fake_set(const char *path, const char *value)
{
	char room[PATH_MAX_BYTES];
	struct node *node = find(path);

	absolute(path, room);
	for (unsigned i = 0; value == NULL && i < FAKE_NODES; i++)
		if (nodes[i].value != NULL && is_below(nodes[i].path, room))
			drop(&nodes[i]);
	for (unsigned i = 0; value != NULL && node == NULL && i < FAKE_NODES;
	     i++)
		if (nodes[i].value == NULL)
			node = &nodes[i];
	if (value != NULL && node != NULL) {
		value = strdup(value);
		drop(node);
		snprintf(node->path, sizeof node->path, "%s", room);
		node->value = (char *)(uintptr_t)value;
	}
	fire(room);
}

void fake_setf(const char *path, const char *format, ...)
{
	char value[256];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	fake_set(path, value);
}

const char *fake_get(const char *path)
{
	const struct node *node = find(path);

	return node != NULL ? node->value : NULL;
}

long fake_get_number(const char *path)
{
	const char *value = fake_get(path);

	return value != NULL ? strtol(value, NULL, 10) : -1;
}

void fake_flip(const char *path, const char *value, const char *other)
{
	fake_set(path, value);
	find(path)->other = strdup(other);
}

/* ------------------------------------------------------------- Replies -- */

void fake_store_bytes(const void *bytes, uint32_t length)
{
	if (length > OUT_MAX_BYTES - out_bytes)
		return;
	if (length > 0)
		memcpy(out + out_bytes, bytes, length);
	out_bytes += length;
}

void fake_store_reply(uint32_t type, uint32_t id, uint32_t tx, const void *text,
		      uint32_t length)
{
	struct xsd_sockmsg head = {type, id, tx, length};

	if (sizeof head + length > OUT_MAX_BYTES - out_bytes)
		return;
	fake_store_bytes(&head, sizeof head);
	fake_store_bytes(text, length);
}

static void error(uint32_t id, uint32_t tx, const char *name)
{
	fake_store_reply(XS_ERROR, id, tx, name, (uint32_t)strlen(name) + 1);
}

static void ok(uint32_t type, uint32_t id, uint32_t tx)
{
	fake_store_reply(type, id, tx, "OK", 3);
}

/** Moves what waits onto the ring, as far as there is room. */
static bool flush(void)
{
	uint32_t used = page->rsp_prod - page->rsp_cons;
	uint32_t n = used > XENSTORE_RING_SIZE ? 0 : XENSTORE_RING_SIZE - used;

	n = n < out_bytes ? n : out_bytes;
	for (uint32_t i = 0; i < n; i++)
		page->rsp[MASK_XENSTORE_IDX(page->rsp_prod + i)] = out[i];
	page->rsp_prod += n;
	memmove(out, out + n, out_bytes - n);
	out_bytes -= n;
	if (n > 0)
		fake_raise(port);
	return n > 0;
}

/* ------------------------------------------------------------- Requests -- */

static void do_read(uint32_t id, uint32_t tx, const char *path)
{
	struct node *node = find(path);
	char *shown;

	if (node == NULL) {
		error(id, tx, "ENOENT");
		return;
	}
	shown = node->value;
	fake_store_reply(XS_READ, id, tx, shown, (uint32_t)strlen(shown));
	if (node->other == NULL)
		return;
	node->value = node->other;
	node->other = shown;
}

static void do_list(uint32_t id, const char *path)
{
	char room[PATH_MAX_BYTES], list[2048];
	uint32_t length = 0;
	size_t top = strlen(absolute(path, room));

	for (unsigned i = 0; i < FAKE_NODES; i++) {
		const char *name = nodes[i].path + top + 1;
		uint32_t n;
		bool seen = false;

		if (nodes[i].value == NULL || !is_below(nodes[i].path, room) ||
		    nodes[i].path[top] == '\0')
			continue;
		n = (uint32_t)strcspn(name, "/");
		for (uint32_t at = 0; at < length;
		     at += (uint32_t)strlen(list + at) + 1)
			seen |= strlen(list + at) == n &&
				strncmp(list + at, name, n) == 0;
		if (seen || length + n + 1 > sizeof list)
			continue;
		memcpy(list + length, name, n);
		list[length + n] = '\0';
		length += n + 1;
	}
	if (length == 0)
		error(id, 0, "ENOENT");
	else
		fake_store_reply(XS_DIRECTORY, id, 0, list, length);
}

static void do_write(uint32_t id, uint32_t tx, const char *text,
		     uint32_t length)
{
	uint32_t path = (uint32_t)strlen(text) + 1;
	unsigned n = transaction.n;

	if (tx == 0) {
		fake_set(text, path <= length ? text + path : "");
	} else if (tx != transaction.id || n == 32 || path > PATH_MAX_BYTES) {
		error(id, tx, "ENOENT");
		return;
	} else {
		strcpy(transaction.paths[n], text);
		snprintf(transaction.values[n], sizeof transaction.values[n],
			 "%s", path <= length ? text + path : "");
		transaction.n++;
	}
	ok(XS_WRITE, id, tx);
}

static void do_end(uint32_t id, uint32_t tx, const char *text)
{
	unsigned n = transaction.n;

	if (tx != transaction.id) {
		error(id, tx, "ENOENT");
		return;
	}
	transaction.id = transaction.n = 0;
	if (fake.conflicts > 0) {
		fake.conflicts--;
		error(id, tx, "EAGAIN");
		return;
	}
	ok(XS_TRANSACTION_END, id, tx);
	for (unsigned i = 0; text[0] == 'T' && i < n; i++)
		fake_set(transaction.paths[i], transaction.values[i]);
}

static struct watch *find_watch(const char *path, const char *token)
{
	for (unsigned i = 0; i < FAKE_WATCHES; i++)
		if (watches[i].set && strcmp(watches[i].path, path) == 0 &&
		    strcmp(watches[i].token, token) == 0)
			return &watches[i];
	return NULL;
}

static void do_watch(uint32_t id, const char *path, const char *token)
{
	char message[PATH_MAX_BYTES + 32];
	struct watch *watch = watches;
	int length;

	if (find_watch(path, token) != NULL) {
		error(id, 0, "EEXIST");
		return;
	}
	while (watch < watches + FAKE_WATCHES && watch->set)
		watch++;
	if (watch == watches + FAKE_WATCHES) {
		error(id, 0, "E2BIG");
		return;
	}
	snprintf(watch->path, sizeof watch->path, "%.299s", path);
	snprintf(watch->token, sizeof watch->token, "%.31s", token);
	watch->set = true;
	ok(XS_WATCH, id, 0);
	length = snprintf(message, sizeof message, "%s%c%s", watch->path, '\0',
			  watch->token);
	fake_store_reply(XS_WATCH_EVENT, 0, 0, message, (uint32_t)length + 1);
}

static void do_unwatch(uint32_t id, const char *path, const char *token)
{
	struct watch *watch = find_watch(path, token);

	if (watch == NULL) {
		error(id, 0, "ENOENT");
		return;
	}
	watch->set = false;
	ok(XS_UNWATCH, id, 0);
}

static void do_request(const struct xsd_sockmsg *head, const char *text)
{
	const char *second = text + strlen(text) + 1;
	char number[16];

	if (fake.on_store != NULL &&
	    fake.on_store(head->type, head->req_id, head->tx_id, text,
			  head->len))
		return;
	switch (head->type) {
	case XS_READ:
		do_read(head->req_id, head->tx_id, text);
		break;
	case XS_DIRECTORY:
		do_list(head->req_id, text);
		break;
	case XS_WRITE:
		do_write(head->req_id, head->tx_id, text, head->len);
		break;
	case XS_TRANSACTION_START:
		transaction.id = ++transaction.next_id;
		transaction.n = 0;
		snprintf(number, sizeof number, "%u", transaction.id);
		fake_store_reply(head->type, head->req_id, 0, number,
				 (uint32_t)strlen(number) + 1);
		break;
	case XS_TRANSACTION_END:
		do_end(head->req_id, head->tx_id, text);
		break;
	case XS_WATCH:
		do_watch(head->req_id, text, second);
		break;
	case XS_UNWATCH:
		do_unwatch(head->req_id, text, second);
		break;
	default:
		error(head->req_id, head->tx_id, "ENOSYS");
	}
}

static void copy_off(void *to, uint32_t at, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		((char *)to)[i] = page->req[MASK_XENSTORE_IDX(at + i)];
}

/** Takes one request off the ring. */
static bool take_request(void)
{
	uint32_t there = page->req_prod - page->req_cons;
	struct xsd_sockmsg head;
	char text[XENSTORE_RING_SIZE + 2];

	if (there < sizeof head || there > XENSTORE_RING_SIZE)
		return false;
	copy_off(&head, page->req_cons, sizeof head);
	if (head.len > there - sizeof head)
		return false;
	copy_off(text, page->req_cons + (uint32_t)sizeof head, head.len);
	text[head.len] = text[head.len + 1] = '\0';
	page->req_cons += (uint32_t)sizeof head + head.len;
	fake.store_requests++;
	do_request(&head, text);
	return true;
}

bool fake_store_step(void)
{
	bool any = false;

	if (fake.store_is_silent || page == NULL)
		return false;
	/* It looks only when it was told to. */
	if (fake_raised(port))
		while (out_bytes < OUT_MAX_BYTES / 2 && take_request())
			any = true;
	if (any)
		fake_raise(port); /* there is room again */
	return flush() || any;
}

void fake_store_forget(void)
{
	if (page != NULL)
		xen_event_close(port);
	free(page);
	page = calloc(1, XEN_PAGE_BYTES);
	for (unsigned i = 0; i < FAKE_NODES; i++)
		drop(&nodes[i]);
	memset(watches, 0, sizeof watches);
	transaction.id = transaction.n = 0;
	out_bytes = 0;
}

void fake_store_reset(void)
{
	fake_store_forget();
	xenstore_init();
}
