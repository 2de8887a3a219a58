/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client: one job at a time, but all messages of a job under way
 * together. Watched paths stay registered with the store for good: a guest has few,
 * and an event that nobody waits for is dropped here.
 */
#include "xenstore.h"

#include "xenstore_ring.h"

#include <mirage-backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#define ATTEMPTS_MAX 20
#define PATHS_MAX 64
#define MESSAGE_MAX (XENSTORE_PATH_MAX + 2 + XENSTORE_VALUE_MAX + 1)

static struct xenstore_batch *jobs, **jobs_end = &jobs;
static struct xenstore_watch *watches;

static struct path {
	char text[XENSTORE_PATH_MAX + 1];
	bool asked;
} paths[PATHS_MAX];
static unsigned n_paths;

/* ---------------------------------------------------------------- Asking -- */

static bool ask_watch(unsigned token)
{
	char message[MESSAGE_MAX];
	int length = snprintf(message, sizeof message, "%s%c%u",
			      paths[token].text, '\0', token);

	return xenstore_ring_send(XS_WATCH, token, 0, message,
				  (uint32_t)length + 1);
}

static uint32_t key_message(const struct xenstore_batch *job, unsigned i,
			    char *message, size_t room)
{
	const struct xenstore_key *key = &job->keys[i];
	int length =
		snprintf(message, room, "%s/%s", job->directory, key->name);

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
	uint32_t type = job->kind == XENSTORE_READ ? XS_READ : XS_WRITE;

	if (length == 0)
		mirage_core_broken("LAW-05",
				   "a xenstore path that is too long");
	return xenstore_ring_send(type, job->asked, job->transaction, message,
				  length);
}

/** Sends the next message of `job`; false when the ring is full. */
static bool ask(struct xenstore_batch *job)
{
	switch (job->step) {
	case XENSTORE_STEP_START:
		return xenstore_ring_send(XS_TRANSACTION_START, 0, 0, "", 1);
	case XENSTORE_STEP_KEYS:
		if (job->kind == XENSTORE_LIST)
			return xenstore_ring_send(
				XS_DIRECTORY, 0, 0, job->directory,
				(uint32_t)strlen(job->directory) + 1);
		return ask_key(job);
	default:
		return xenstore_ring_send(XS_TRANSACTION_END, 0,
					  job->transaction,
					  job->error == 0 ? "T" : "F", 2);
	}
}

static unsigned messages_of_step(const struct xenstore_batch *job)
{
	return job->step == XENSTORE_STEP_KEYS && job->kind != XENSTORE_LIST
		       ? job->n_keys
		       : 1;
}

static void ask_all(void)
{
	for (unsigned i = 0; i < n_paths; i++)
		if (!paths[i].asked)
			paths[i].asked = ask_watch(i);
	while (jobs != NULL && jobs->asked < messages_of_step(jobs) &&
	       ask(jobs))
		jobs->asked++;
	xenstore_ring_flush();
}

/* ------------------------------------------------------------- Answering -- */

static void begin_step(struct xenstore_batch *job, uint8_t step)
{
	job->step = step;
	job->asked = job->answered = 0;
}

static void begin(struct xenstore_batch *job)
{
	job->error = 0;
	job->transaction = 0;
	begin_step(job, job->kind == XENSTORE_WRITE ? XENSTORE_STEP_START
						    : XENSTORE_STEP_KEYS);
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

static void answer_keys(struct xenstore_batch *job, bool failed,
			const char *text, uint32_t length)
{
	if (job->kind == XENSTORE_WRITE && failed)
		job->error = MIRAGE_EACCES;
	else if (job->kind == XENSTORE_READ)
		take_value(&job->keys[job->answered], failed ? "" : text,
			   failed ? XENSTORE_VALUE_MAX + 1 : length);
	else if (job->kind == XENSTORE_LIST)
		take_list(job, text, failed ? 0 : length);
}

static void next_step(struct xenstore_batch *job, bool failed, const char *text)
{
	if (job->step == XENSTORE_STEP_START) {
		job->error = failed ? MIRAGE_EACCES : 0;
		job->transaction = (uint32_t)strtoul(text, NULL, 10);
		begin_step(job, XENSTORE_STEP_KEYS);
		if (failed)
			finish(job);
	} else if (job->step == XENSTORE_STEP_KEYS &&
		   job->kind == XENSTORE_WRITE) {
		begin_step(job, XENSTORE_STEP_END);
	} else if (job->step == XENSTORE_STEP_END && failed &&
		   job->error == 0 && strcmp(text, "EAGAIN") == 0 &&
		   ++job->attempts < ATTEMPTS_MAX) {
		begin(job);
	} else {
		if (job->step == XENSTORE_STEP_END && failed && job->error == 0)
			job->error = MIRAGE_EAGAIN;
		finish(job);
	}
}

static void answer(uint32_t type, uint32_t id, const char *text,
		   uint32_t length)
{
	struct xenstore_batch *job = jobs;
	bool failed = type == XS_ERROR;

	if (type == XS_WATCH)
		return;
	if (job == NULL || job->answered >= job->asked ||
	    (job->step == XENSTORE_STEP_KEYS && id != job->answered)) {
		mirage_log(MIRAGE_LOG_WARN,
			   "xenstore: a reply that nobody asked for");
		return;
	}
	if (job->step == XENSTORE_STEP_KEYS)
		answer_keys(job, failed, text, length);
	job->answered++;
	if (job->answered == messages_of_step(job) ||
	    (job->kind == XENSTORE_LIST && job->step == XENSTORE_STEP_KEYS))
		next_step(job, failed, text);
}

/* --------------------------------------------------------------- Watches -- */

static void fire(const char *path)
{
	struct xenstore_watch *watch, *next;

	for (watch = watches; watch != NULL; watch = next) {
		next = watch->next;
		if (strcmp(watch->path, path) == 0)
			watch->changed(watch);
	}
}

/** `text` is the path that changed, NUL, our token. */
static void event(const char *text, uint32_t length)
{
	uint32_t path = (uint32_t)strnlen(text, length);
	unsigned long token;

	if (path + 1 >= length)
		return;
	token = strtoul(text + path + 1, NULL, 10);
	if (token < n_paths)
		fire(paths[token].text);
}

static void on_message(uint32_t type, uint32_t id, const char *text,
		       uint32_t length)
{
	if (type == XS_WATCH_EVENT)
		event(text, length);
	else
		answer(type, id, text, length);
}

static void on_event(void)
{
	xenstore_ring_receive(on_message);
	ask_all();
}

/* ------------------------------------------------------------- Interface -- */

void xenstore_init(void)
{
	xenstore_ring_init(on_event);
}

void xenstore_start(struct xenstore_batch *batch, enum xenstore_kind kind)
{
	batch->kind = kind;
	batch->busy = true;
	batch->attempts = 0;
	batch->next = NULL;
	*jobs_end = batch;
	jobs_end = &batch->next;
	if (jobs == batch)
		begin(batch);
	ask_all();
}

static void nobody(struct xenstore_batch *batch, int error)
{
	free(batch);
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

void xenstore_watch(struct xenstore_watch *watch)
{
	unsigned i = 0;

	watch->next = watches;
	watches = watch;
	while (i < n_paths && strcmp(paths[i].text, watch->path) != 0)
		i++;
	if (i == PATHS_MAX)
		mirage_core_broken("LAW-05",
				   "more than 64 xenstore paths watched");
	if (i == n_paths)
		memcpy(paths[n_paths++].text, watch->path, sizeof watch->path);
	else
		paths[i].asked = false; /* asked again, it fires at once */
	ask_all();
}

void xenstore_unwatch(struct xenstore_watch *watch)
{
	for (struct xenstore_watch **at = &watches; *at != NULL;
	     at = &(*at)->next) {
		if (*at != watch)
			continue;
		*at = watch->next;
		return;
	}
}

bool xenstore_number(const char *value, uint64_t most, uint64_t *number)
{
	uint64_t n = 0;

	if (*value < '0' || *value > '9')
		return false;
	for (; *value >= '0' && *value <= '9'; value++) {
		if (n > (most - (uint64_t)(*value - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*value - '0');
	}
	*number = n;
	return *value == '\0' && n <= most;
}
