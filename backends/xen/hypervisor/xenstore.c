/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client: one job at a time, but all messages of a job under way
 * together. Every message has an id of its own, so that a reply to anything else
 * is noticed and left out.
 */
#include "xenstore.h"

#include "hypervisor.h"
#include "xenstore_ring.h"
#include "xenstore_watch.h"

#include <mirage-backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#define ATTEMPTS_MAX 20
#define MESSAGE_MAX (XENSTORE_PATH_MAX + 2 + XENSTORE_VALUE_MAX + 1)

static struct xenstore_batch *jobs, **jobs_end = &jobs;

/** Ids of jobs' messages; those about watches have the highest bit set. */
static uint32_t next_id;

uint64_t xenstore_breaches;

/* ---------------------------------------------------------------- Asking -- */

static uint32_t key_message(const struct xenstore_batch *job, unsigned i,
			    char *message, size_t room)
{
	const struct xenstore_key *key = &job->keys[i];
	int length = snprintf(message, room, "%s%s%s", job->directory,
			      job->directory[0] != '\0' ? "/" : "", key->name);

	if (length < 0 || length > XENSTORE_PATH_MAX)
		return 0;
	if (job->kind == XENSTORE_READ)
		return (uint32_t)length + 1;
	/* The value of a write goes without its NUL. */
	return (uint32_t)length + 1 +
	       (uint32_t)snprintf(message + length + 1,
				  room - (size_t)length - 1, "%s", key->value);
}

static bool ask_key(struct xenstore_batch *job)
{
	char message[MESSAGE_MAX];
	uint32_t length = key_message(job, job->asked, message, sizeof message);

	if (length == 0)
		mirage_core_broken("LAW-05",
				   "a xenstore path that is too long");
	return xenstore_ring_send(job->type, job->first_id + job->asked,
				  job->transaction, message, length);
}

/** Sends the next message of `job`; false when the ring is full. */
static bool ask(struct xenstore_batch *job)
{
	const char *end = job->error == 0 ? "T" : "F";

	switch (job->type) {
	case XS_TRANSACTION_START:
		return xenstore_ring_send(job->type, job->first_id, 0, "", 1);
	case XS_TRANSACTION_END:
		return xenstore_ring_send(job->type, job->first_id,
					  job->transaction, end, 2);
	case XS_DIRECTORY:
		return xenstore_ring_send(job->type, job->first_id, 0,
					  job->directory,
					  (uint32_t)strlen(job->directory) + 1);
	default:
		return ask_key(job);
	}
}

static unsigned messages_of_step(const struct xenstore_batch *job)
{
	return job->type == XS_READ || job->type == XS_WRITE ? job->n_keys : 1;
}

static void fail_all(struct xen_kick *kick);
static struct xen_kick failing = {.run = fail_all};

static bool paused;

void xenstore_ask(void)
{
	if (paused)
		return;
	if (xenstore_ring_dead()) {
		xen_kick(&failing);
		return;
	}
	xenstore_watch_ask();
	while (jobs != NULL && jobs->asked < messages_of_step(jobs) &&
	       ask(jobs))
		jobs->asked++;
	xenstore_ring_flush();
}

/* ------------------------------------------------------------- Answering -- */

static void begin_step(struct xenstore_batch *job, uint32_t type)
{
	job->type = type;
	job->asked = job->answered = 0;
	job->first_id = next_id;
	next_id = (next_id + messages_of_step(job)) & ~XENSTORE_WATCH_ID;
}

static void begin(struct xenstore_batch *job)
{
	static const uint32_t first[] = {
		[XENSTORE_READ] = XS_READ,
		[XENSTORE_WRITE] = XS_TRANSACTION_START,
		[XENSTORE_LIST] = XS_DIRECTORY,
	};

	job->error = 0;
	job->transaction = 0;
	begin_step(job, first[job->kind]);
}

static void finish(struct xenstore_batch *job)
{
	jobs = job->next;
	if (jobs == NULL)
		jobs_end = &jobs;
	else
		begin(jobs);
	job->busy = false;
	job->done(job, job->error);
}

static void take_value(struct xenstore_key *key, const char *text,
		       uint32_t length)
{
	key->found = length <= XENSTORE_VALUE_MAX;
	if (!key->found)
		length = 0;
	memcpy(key->value, text, length);
	key->value[length] = '\0';
}

/** Takes the names of a directory, each ended by NUL. */
static void take_list(struct xenstore_batch *job, const char *text,
		      uint32_t length)
{
	unsigned n = 0;

	while (length > 0 && n < job->n_keys) {
		uint32_t name = (uint32_t)strnlen(text, length);

		take_value(&job->keys[n++], text, name);
		name += name < length;
		text += name;
		length -= name;
	}
	job->n_keys = n;
}

/** Nothing will be answered any more: everything asked for ends. */
static void fail_all(struct xen_kick *kick)
{
	struct xenstore_batch *last = jobs;

	while (last != NULL && last->next != NULL)
		last = last->next;
	while (jobs != NULL) {
		struct xenstore_batch *job = jobs;

		job->error = MIRAGE_EIO;
		finish(job);
		if (job == last)
			break;
	}
}

static void answer_key(struct xenstore_batch *job, bool failed,
		       const char *text, uint32_t length)
{
	if (job->type == XS_WRITE && failed)
		job->error = MIRAGE_EACCES;
	else if (job->type == XS_READ)
		take_value(&job->keys[job->answered], text,
			   failed ? XENSTORE_VALUE_MAX + 1 : length);
	else if (job->type == XS_DIRECTORY)
		take_list(job, text, failed ? 0 : length);
}

static void started(struct xenstore_batch *job, bool failed, const char *text)
{
	uint64_t transaction;

	if (failed || !xenstore_number(text, UINT32_MAX, &transaction) ||
	    transaction == 0) {
		job->error = MIRAGE_EACCES;
		finish(job);
		return;
	}
	job->transaction = (uint32_t)transaction;
	begin_step(job, XS_WRITE);
}

static void ended(struct xenstore_batch *job, bool failed, const char *text)
{
	if (failed && job->error == 0 && strcmp(text, "EAGAIN") == 0 &&
	    ++job->attempts < ATTEMPTS_MAX) {
		begin(job);
		return;
	}
	if (failed && job->error == 0)
		job->error = MIRAGE_EAGAIN;
	finish(job);
}

static void next_step(struct xenstore_batch *job, bool failed, const char *text)
{
	switch (job->type) {
	case XS_TRANSACTION_START:
		started(job, failed, text);
		break;
	case XS_WRITE:
		begin_step(job, XS_TRANSACTION_END);
		break;
	case XS_TRANSACTION_END:
		ended(job, failed, text);
		break;
	default:
		finish(job);
	}
}

void xenstore_breach(const char *what)
{
	xenstore_breaches++;
	mirage_log(MIRAGE_LOG_WARN, "xenstore: %s", what);
}

static void answer(uint32_t type, uint32_t id, const char *text,
		   uint32_t length)
{
	struct xenstore_batch *job = jobs;
	bool failed;

	if (job == NULL || job->answered >= job->asked ||
	    id != job->first_id + job->answered) {
		xenstore_breach("a reply that nobody asked for");
		return;
	}
	failed = type != job->type;
	if (failed && type != XS_ERROR)
		xenstore_breach("a reply of another type than the question");
	answer_key(job, failed, text, length);
	job->answered++;
	if (job->answered == messages_of_step(job))
		next_step(job, failed, text);
}

static void on_message(uint32_t type, uint32_t id, const char *text,
		       uint32_t length)
{
	if (type == XS_WATCH_EVENT)
		xenstore_watch_event(text, length);
	else if ((id & XENSTORE_WATCH_ID) != 0)
		xenstore_watch_reply(type, id, text);
	else
		answer(type, id, text, length);
}

static void on_event(void)
{
	xenstore_ring_receive(on_message);
	xenstore_ask();
}

/* ------------------------------------------------------------- Interface -- */

void xenstore_init(void)
{
	jobs = NULL;
	jobs_end = &jobs;
	xenstore_watch_init();
	xenstore_ring_init(on_event);
}

void xenstore_start(struct xenstore_batch *batch, enum xenstore_kind kind)
{
	batch->kind = kind;
	batch->busy = true;
	batch->attempts = 0;
	batch->asked = batch->answered = 0;
	batch->next = NULL;
	*jobs_end = batch;
	jobs_end = &batch->next;
	if (jobs == batch)
		begin(batch);
	xenstore_ask();
}

static void nobody(struct xenstore_batch *batch, int error)
{
	free(batch);
}

void xenstore_pause(void)
{
	paused = true;
}

/** What was canceled waits only for answers, which will not come. */
static void drop_canceled(void)
{
	struct xenstore_batch **at = &jobs;

	while (*at != NULL) {
		struct xenstore_batch *job = *at;

		if (job->done == nobody) {
			*at = job->next;
			free(job);
		} else {
			at = &job->next;
		}
	}
	jobs_end = at;
}

void xenstore_resume(void)
{
	xenstore_ring_init(on_event);
	xenstore_watch_resume();
	drop_canceled();
	if (jobs != NULL)
		begin(jobs);
	paused = false;
	xenstore_ask();
}

/* The answers to what was asked already will come: a copy takes them. */
void xenstore_cancel(struct xenstore_batch *batch)
{
	struct xenstore_batch **at = &jobs, *copy;

	if (!batch->busy)
		return;
	copy = calloc(1, sizeof *copy +
				 batch->n_keys * sizeof(struct xenstore_key));
	if (copy == NULL)
		mirage_core_broken("LAW-05", "no memory for xenstore");
	while (*at != batch)
		at = &(*at)->next;
	*copy = *batch;
	copy->keys = (struct xenstore_key *)(copy + 1);
	memcpy(copy->keys, batch->keys,
	       batch->n_keys * sizeof(struct xenstore_key));
	copy->done = nobody;
	*at = copy;
	if (jobs_end == &batch->next)
		jobs_end = &copy->next;
	batch->busy = false;
}

bool xenstore_number(const char *value, uint64_t most, uint64_t *number)
{
	uint64_t n = 0;

	if (*value < '0' || *value > '9')
		return false;
	for (; *value >= '0' && *value <= '9'; value++) {
		uint64_t digit = (uint64_t)(*value - '0');

		if (digit > most || n > (most - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return *value == '\0';
}
