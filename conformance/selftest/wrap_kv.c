/* SPDX-License-Identifier: ISC */
/* wrap_kv.c: bugs of stores, planted between the cases and the core, as in
 * wrap_block.c: all kinds of stores have them. */
#include "selftest.h"

#include <string.h>

#define REQUESTS 256u

void __real_mirage_kv_submit(struct mirage_kv *kv,
			     struct mirage_kv_request *request);
void __wrap_mirage_kv_submit(struct mirage_kv *kv,
			     struct mirage_kv_request *request);
void __real_mirage_kv_close(struct mirage_kv *kv);
void __wrap_mirage_kv_close(struct mirage_kv *kv);
void __real_mirage_kv_on_event(struct mirage_kv *kv, mirage_event_fn *on_event,
			       void *arg);
void __wrap_mirage_kv_on_event(struct mirage_kv *kv, mirage_event_fn *on_event,
			       void *arg);
const void *__real_mirage_kv_view(struct mirage_kv *kv, const char *key,
				  struct mirage_kv_value *value);
const void *__wrap_mirage_kv_view(struct mirage_kv *kv, const char *key,
				  struct mirage_kv_value *value);

/** A request, as the case submitted it. */
struct kv_deceived {
	struct mirage_kv_request *request;
	mirage_done_fn *done;
	mirage_kv_key_fn *on_key;
	void *arg;
	uint32_t op;
	bool told; /* `done` was called already */
	struct mirage_vector vector;
	char held[MIRAGE_KV_KEY_MAX + 1]; /* a key that LIST holds back */
	struct mirage_kv_value held_value;
};

static bool closing;

/* ---------------------------------------------------------------- Results -- */

static int spoil_result(const struct kv_deceived *deceived, int result)
{
	static const struct {
		enum selftest_bug bug;
		int result;
	} hidden[] = {
		{BUG_KV_BAD_KEYS, MIRAGE_EINVAL},
		{BUG_KV_WRITES_READ_ONLY, MIRAGE_EROFS},
		{BUG_KV_AFTER_CLOSE, MIRAGE_EGONE},
		{BUG_KV_MISSING_IS_EMPTY, MIRAGE_ENOENT},
		{BUG_KV_TOO_LARGE, MIRAGE_ERANGE},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (planted(hidden[i].bug) && result == hidden[i].result)
			return 0;
	if (planted(BUG_KV_UNKNOWN_OP) && result == MIRAGE_EINVAL &&
	    (deceived->op == 0 || deceived->op > MIRAGE_KV_REMOVE))
		return 0;
	if (planted(BUG_KV_READ_PAST_END) && result == 0 &&
	    deceived->op == MIRAGE_KV_READ)
		return MIRAGE_ERANGE;
	if (planted(BUG_KV_CLOSE_DROPS) && closing && result != MIRAGE_EGONE)
		return MIRAGE_ECANCELED;
	return result;
}

static void spoil_value(const struct kv_deceived *deceived,
			struct mirage_kv_value *value)
{
	if (planted(BUG_KV_SAME_VERSION))
		memset(value->version, 7, sizeof(value->version));
	if (planted(BUG_KV_STAT_SIZE) && deceived->op == MIRAGE_KV_STAT)
		value->size_bytes++;
}

static void on_key(void *arg, const char *key,
		   const struct mirage_kv_value *value)
{
	struct kv_deceived *deceived = arg;

	if (!planted(BUG_KV_LIST_UNORDERED)) {
		deceived->on_key(deceived->arg, key, value);
		return;
	}
	if (deceived->held[0] == '\0') {
		strcpy(deceived->held, key);
		deceived->held_value = *value;
		return;
	}
	deceived->on_key(deceived->arg, key, value);
	deceived->on_key(deceived->arg, deceived->held, &deceived->held_value);
	deceived->held[0] = '\0';
}

static void on_done(void *arg, int result)
{
	struct kv_deceived *deceived = arg;
	struct mirage_kv_request *request = deceived->request;

	if (deceived->told)
		return;
	if (deceived->held[0] != '\0')
		deceived->on_key(deceived->arg, deceived->held,
				 &deceived->held_value);
	request->done = deceived->done;
	request->on_key = deceived->on_key;
	request->arg = deceived->arg;
	request->op = deceived->op;
	spoil_value(deceived, &request->value);
	result = spoil_result(deceived, result);
	deceived->done(deceived->arg, result);
	if (planted(BUG_KV_COMPLETES_TWICE))
		deceived->done(deceived->arg, result);
}

/* --------------------------------------------------------------- Requests -- */

static void spoil_request(struct kv_deceived *deceived,
			  struct mirage_kv_request *request)
{
	static unsigned sets;

	if (planted(BUG_KV_READ_FROM_START))
		request->offset_bytes = 0;
	if (planted(BUG_KV_LIST_ALL) && request->op == MIRAGE_KV_LIST)
		request->key = "";
	if (planted(BUG_KV_REMOVE_KEEPS) && request->op == MIRAGE_KV_REMOVE)
		request->op = MIRAGE_KV_STAT;
	if (request->op != MIRAGE_KV_SET)
		return;
	if (planted(BUG_KV_STALE) && ++sets % 2 == 0)
		request->op = MIRAGE_KV_STAT;
	if (planted(BUG_KV_SET_TORN) && request->n_vectors == 1 &&
	    request->vectors[0].length_bytes > 1) {
		deceived->vector = request->vectors[0];
		deceived->vector.length_bytes--;
		request->vectors = &deceived->vector;
	}
}

static bool any_planted(void)
{
	for (unsigned bug = BUG_KV_COMPLETES_TWICE; bug <= BUG_KV_VIEW_MOVES;
	     bug++)
		if (planted((enum selftest_bug)bug))
			return true;
	return false;
}

void __wrap_mirage_kv_submit(struct mirage_kv *kv,
			     struct mirage_kv_request *request)
{
	static struct kv_deceived all[REQUESTS];
	static unsigned n;
	struct kv_deceived *deceived = &all[n++ % REQUESTS];

	if (!any_planted() || request->done == NULL) {
		__real_mirage_kv_submit(kv, request);
		return;
	}
	*deceived = (struct kv_deceived){.request = request,
					 .done = request->done,
					 .on_key = request->on_key,
					 .arg = request->arg,
					 .op = request->op};
	spoil_request(deceived, request);
	request->done = on_done;
	request->arg = deceived;
	if (request->on_key != NULL)
		request->on_key = on_key;
	__real_mirage_kv_submit(kv, request);
	if (planted(BUG_KV_INSIDE_SUBMIT)) {
		deceived->told = true;
		deceived->done(deceived->arg, 0);
	}
}

const void *__wrap_mirage_kv_view(struct mirage_kv *kv, const char *key,
				  struct mirage_kv_value *value)
{
	static unsigned views;
	const char *bytes = __real_mirage_kv_view(kv, key, value);

	if (planted(BUG_KV_VIEW_MOVES) && bytes != NULL && ++views % 2 == 0)
		bytes++;
	return bytes;
}

/* ---------------------------------------------------------------- Closing -- */

void __wrap_mirage_kv_close(struct mirage_kv *kv)
{
	closing = true;
	__real_mirage_kv_close(kv);
}

static struct {
	mirage_event_fn *on_event;
	void *arg;
} handler;

static void twice(void *arg, uint32_t event)
{
	handler.on_event(handler.arg, event);
	handler.on_event(handler.arg, event);
}

void __wrap_mirage_kv_on_event(struct mirage_kv *kv, mirage_event_fn *on_event,
			       void *arg)
{
	handler.on_event = on_event;
	handler.arg = arg;
	if (planted(BUG_KV_CLOSED_TWICE))
		on_event = twice;
	__real_mirage_kv_on_event(kv, on_event, arg);
}
