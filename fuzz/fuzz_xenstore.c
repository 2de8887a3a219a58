/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client against a store that says whatever the input says: every
 * batch ends once, watches fire only while they are set, and nothing is read or
 * written out of bounds.
 */
#include "fuzz_xen.h"

#include "xenstore.h"

#include <xen/io/xs_wire.h>

#define BATCHES 6
#define KEYS 8
#define WATCHES 6

static struct work {
	struct xenstore_batch batch;
	struct xenstore_key keys[KEYS];
	bool asked;
	unsigned n_keys;
} work[BATCHES];

static struct seen {
	struct xenstore_watch watch;
	bool set;
	unsigned fired;
} seen[WATCHES];

static struct input *input;
static bool hostile;

static void done(struct xenstore_batch *batch, int error)
{
	struct work *w = batch->arg;

	assert(w->asked && !batch->busy && batch->n_keys <= w->n_keys);
	w->asked = false;
	for (unsigned i = 0; i < batch->n_keys; i++)
		assert(memchr(w->keys[i].value, '\0',
			      sizeof w->keys[i].value) != NULL);
	/* A driver asks on from here. */
	if (error == 0 && batch->kind == XENSTORE_LIST) {
		w->asked = true;
		w->batch.n_keys = w->n_keys = 1;
		w->keys[0].name = "again";
		xenstore_start(&w->batch, XENSTORE_READ);
	}
}

static void ask(struct input *in)
{
	static const char *const names[] = {"a", "b/c", "state", ""};
	struct work *w = &work[byte(in) % BATCHES];
	uint8_t kind = byte(in) % 3;

	if (w->asked)
		return;
	memset(w, 0, sizeof *w);
	w->n_keys = w->batch.n_keys = 1 + byte(in) % KEYS;
	w->batch.keys = w->keys;
	w->batch.arg = w;
	w->batch.done = done;
	strcpy(w->batch.directory, (byte(in) & 1) != 0 ? "/dir" : "dir");
	for (unsigned i = 0; i < w->n_keys; i++) {
		w->keys[i].name = names[byte(in) % 4];
		snprintf(w->keys[i].value, sizeof w->keys[i].value, "%s",
			 value(in));
	}
	w->asked = true;
	xenstore_start(&w->batch, (enum xenstore_kind)kind);
}

static void cancel(struct input *in)
{
	struct work *w = &work[byte(in) % BATCHES];

	xenstore_cancel(&w->batch);
	w->asked = false;
}

static void changed(struct xenstore_watch *watch)
{
	struct seen *s = watch->arg;

	assert(s->set);
	s->fired++;
}

static void watch(struct input *in)
{
	struct seen *s = &seen[byte(in) % WATCHES];

	if (s->set) {
		xenstore_unwatch(&s->watch);
		s->set = false;
		return;
	}
	snprintf(s->watch.path, sizeof s->watch.path, "w%u", byte(in) % 4u);
	s->watch.changed = changed;
	s->watch.arg = s;
	s->set = true;
	xenstore_watch(&s->watch);
}

/** Answers, when it is hostile, as the input says. */
static bool on_store(uint32_t type, uint32_t id, uint32_t tx, const char *text,
		     uint32_t length)
{
	char bytes[400];
	uint32_t n;

	if (!hostile)
		return false;
	switch (byte(input) % 8) {
	case 0:
		return false;
	case 1:
		fake_store_reply(XS_ERROR, id, tx, "EAGAIN", 7);
		return true;
	case 2: /* another id */
		fake_store_reply(type, id + byte(input) - 4, tx, "1", 2);
		return true;
	case 3: /* another type */
		fake_store_reply(byte(input), id, tx, "1", 2);
		return true;
	case 4: /* any text */
		n = word(input) % sizeof bytes;
		for (uint32_t i = 0; i < n; i++)
			bytes[i] = (char)byte(input);
		fake_store_reply(type, id, tx, bytes, n);
		return true;
	case 5: /* twice */
		fake_store_reply(type, id, tx, "7", 1);
		fake_store_reply(type, id, tx, "7", 1);
		return true;
	case 6: /* long */
		memset(bytes, 'x', sizeof bytes);
		fake_store_reply(type, id, tx, bytes, sizeof bytes);
		return true;
	default: /* never */
		return true;
	}
}

static void send_event(struct input *in)
{
	char bytes[64];
	uint32_t n = byte(in) % sizeof bytes;

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (char)byte(in);
	fake_store_reply(XS_WATCH_EVENT, byte(in), 0, bytes, n);
}

static void send_bytes(struct input *in)
{
	uint8_t bytes[64];
	uint32_t n = byte(in) % sizeof bytes;

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = byte(in);
	fake_store_bytes(bytes, n);
}

static void spoil(struct input *in)
{
	struct xenstore_domain_interface *page = fake_store_page();
	uint32_t *indices[] = {&page->req_cons, &page->req_prod,
			       &page->rsp_cons, &page->rsp_prod};
	uint8_t which = byte(in) % 4;

	*indices[which] += number(in);
}

static void act(struct input *in)
{
	switch (byte(in) % 12) {
	case 0:
	case 1:
		ask(in);
		break;
	case 2:
		cancel(in);
		break;
	case 3:
	case 4:
		watch(in);
		break;
	case 5:
		hostile = !hostile;
		break;
	case 6:
		send_event(in);
		break;
	case 7:
		send_bytes(in);
		break;
	case 8:
		spoil(in);
		break;
	case 9:
		fake_setf((byte(in) & 1) != 0 ? "w1" : "dir/a", "%s",
			  value(in));
		break;
	case 10:
		fake.conflicts = byte(in) % 30;
		break;
	default:
		fake_settle();
	}
}

/* A store that never answers keeps its askers waiting; one that broke down does
 * not: its page says so. */
static void finish(void)
{
	hostile = false;
	fake_settle();
	for (unsigned i = 0; i < WATCHES; i++)
		if (seen[i].set)
			xenstore_unwatch(&seen[i].watch);
	memset(seen, 0, sizeof seen);
	/* Its index may have been spoiled to where this makes sense again. */
	for (int i = 0; i < 2; i++) {
		fake_store_break();
		fake_settle();
	}
	for (unsigned i = 0; i < BATCHES; i++)
		assert(!work[i].asked && !work[i].batch.busy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	static bool started;

	if (!started)
		fake_start(NULL);
	started = true;
	input = &in;
	fake_store_reset();
	fake.on_store = on_store;
	fake.conflicts = 0;
	fake.log[0] = '\0';
	for (int i = 0; i < STEPS_MAX && in.at < in.end; i++)
		act(&in);
	finish();
	return 0;
}
