/* SPDX-License-Identifier: ISC */
/* The front of every key-value store: keys, capabilities, completions, close. */
#include "core.h"

#include <string.h>

enum kv_request_state { KV_IDLE = 0, KV_BUSY = 1 };

/** Closed by its implementation, and CLOSED not yet told. */
#define KV_TELL CORE_SHORT

static bool is_open(const struct mirage_kv *kv)
{
	return core_state(kv->state) == CORE_OPEN;
}

/* -------------------------------------------------------------- Checks -- */

/** The length of the name that `key` begins with, or 0: it is none. */
static size_t name_length(const char *key)
{
	size_t length = strcspn(key, "/");

	if ((length == 1 && key[0] == '.') ||
	    (length == 2 && key[0] == '.' && key[1] == '.'))
		return 0;
	return length;
}

/** Whether `key` is names with a `/` between; with `prefix` it may be empty or end
 *  in `/`. */
static bool valid_key(const char *key, bool prefix)
{
	if (strnlen(key, MIRAGE_KV_KEY_MAX + 1) > MIRAGE_KV_KEY_MAX)
		return false;
	if (prefix && *key == '\0')
		return true;
	for (;;) {
		size_t length = name_length(key);

		if (length == 0)
			return false;
		key += length;
		if (*key == '\0')
			return true;
		key++;
		if (prefix && *key == '\0')
			return true;
	}
}

/** Whether the vectors are `limit` bytes at most. */
static int check_vectors(const struct mirage_kv_request *request,
			 uint64_t limit)
{
	uint64_t left = limit;

	for (uint32_t i = 0; i < request->n_vectors; i++) {
		if (request->vectors[i].length_bytes > left)
			return MIRAGE_ERANGE;
		left -= request->vectors[i].length_bytes;
	}
	return 0;
}

static int check_request(const struct mirage_kv *kv,
			 const struct mirage_kv_request *request)
{
	bool list = request->op == MIRAGE_KV_LIST;

	if (!is_open(kv))
		return MIRAGE_EGONE;
	if (request->op < MIRAGE_KV_STAT || request->op > MIRAGE_KV_REMOVE ||
	    request->key == NULL || !valid_key(request->key, list) ||
	    (list && request->on_key == NULL))
		return MIRAGE_EINVAL;
	if (request->op == MIRAGE_KV_READ) /* the count is an int */
		return check_vectors(request, INT32_MAX);
	if (request->op < MIRAGE_KV_SET)
		return 0;
	if ((kv->info->caps & MIRAGE_KV_CAP_WRITE) == 0)
		return MIRAGE_EROFS;
	return request->op == MIRAGE_KV_SET
		       ? check_vectors(request, kv->info->max_value_bytes)
		       : 0;
}

/* ---------------------------------------------------------- Requesting -- */

static struct mirage_kv_request *first_done, *last_done;

static void queue_done(struct mirage_kv_request *request, int result)
{
	request->result = result;
	request->next = NULL;
	if (first_done == NULL)
		first_done = request;
	else
		last_done->next = request;
	last_done = request;
	core_kvs_due = true;
	core_wake();
}

void mirage_kv_submit(struct mirage_kv *kv, struct mirage_kv_request *request)
{
	int error;

	core_must(request->done != NULL, "LAW-05",
		  "a request was submitted without a completion");
	core_must(request->state == KV_IDLE, "LAW-05",
		  "a request was submitted while it was in flight");
	error = check_request(kv, request);
	request->state = KV_BUSY;
	request->kv = core_state(kv->state) != CORE_CLOSED ? kv : NULL;
	request->next = NULL;
	if (request->kv != NULL)
		kv->pending++;
	core.keeping++;
	if (error < 0)
		queue_done(request, error);
	else
		kv->ops->submit(kv, request);
}

const void *mirage_kv_view(struct mirage_kv *kv, const char *key,
			   struct mirage_kv_value *value)
{
	if (!is_open(kv) || (kv->info->caps & MIRAGE_KV_CAP_VIEW) == 0 ||
	    !valid_key(key, false))
		return NULL;
	return kv->ops->view(kv, key, value);
}

void mirage_core_kv_complete(struct mirage_kv_request *request, int result)
{
	core_must(request->state == KV_BUSY, "LAW-01",
		  "a request was completed that was not in flight");
	queue_done(request, result);
}

bool mirage_core_kv_key(struct mirage_kv_request *list, const char *key,
			const struct mirage_kv_value *value)
{
	core_must(list->state == KV_BUSY && list->op == MIRAGE_KV_LIST,
		  "LAW-01", "a key was told to no LIST in flight");
	if (!core_enter_upper())
		return false;
	list->on_key(list->arg, key, value);
	core_leave();
	return !core.ended;
}

static void close_if_drained(struct mirage_kv *kv)
{
	if (core_state(kv->state) != CORE_CLOSING || kv->pending != 0)
		return;
	if ((kv->state & CORE_CLOSE_ASKED) == 0) {
		kv->state |= CORE_CLOSE_ASKED;
		kv->ops->close(kv);
	} else if ((kv->state & KV_TELL) != 0) {
		core.device_events = true;
	}
}

static void run_done(struct mirage_kv_request *request)
{
	struct mirage_kv *kv = request->kv;

	request->state = KV_IDLE;
	core.keeping--;
	if (kv != NULL)
		kv->pending--;
	core_enter();
	request->done(request->arg, request->result);
	core_leave();
	if (kv != NULL)
		close_if_drained(kv);
}

void core_kvs_complete(void)
{
	struct mirage_kv_request *list = first_done, *next;

	if (!core_kvs_due)
		return;
	core_kvs_due = false;
	first_done = NULL;
	for (; list != NULL && !core.ended; list = next) {
		next = list->next;
		run_done(list);
	}
}

/* --------------------------------------------------- Opening and closing -- */

void mirage_core_kv_start(struct mirage_kv *kv)
{
	core_validate_kv(kv);
	if (kv->name == NULL)
		kv->name = "";
	kv->state = CORE_OPEN;
	kv->pending = 0;
	kv->next = core_kvs;
	core_kvs = kv;
}

void mirage_kv_on_event(struct mirage_kv *kv, mirage_event_fn *on_event,
			void *arg)
{
	kv->on_event = on_event;
	kv->event_arg = arg;
}

void mirage_kv_close(struct mirage_kv *kv)
{
	if (!is_open(kv))
		return;
	kv->state = CORE_CLOSING;
	core.keeping++;
	close_if_drained(kv);
}

void mirage_core_kv_closed(struct mirage_kv *kv)
{
	core_must((kv->state & CORE_CLOSE_ASKED) != 0, "KVS-06",
		  "a store was closed that nobody closed");
	kv->state |= KV_TELL;
	core.device_events = true;
	core_wake();
}

static void tell_closed(const struct mirage_kv *kv)
{
	if (kv->on_event == NULL)
		return;
	core_enter();
	kv->on_event(kv->event_arg, MIRAGE_EVENT_CLOSED);
	core_leave();
}

/** Takes a closed store out of the list. One that has a name is disposed of when that
 *  is opened again, another, of a library, at once. */
static void retire(struct mirage_kv **at)
{
	struct mirage_kv *kv = *at;
	bool named = *kv->name != '\0';

	*at = kv->next;
	kv->state = CORE_CLOSED;
	core.keeping--;
	if (named) {
		kv->next = core_closed_kvs;
		core_closed_kvs = kv;
	}
	tell_closed(kv);
	if (!named && MIRAGE_HAS(kv->ops, dispose))
		kv->ops->dispose(kv);
}

void core_kv_events(void)
{
	struct mirage_kv **at = &core_kvs;

	while (*at != NULL && !core.ended) {
		if (((*at)->state & KV_TELL) == 0 || (*at)->pending != 0) {
			at = &(*at)->next;
			continue;
		}
		retire(at);
		at = &core_kvs; /* the handler may have changed the list */
	}
}
