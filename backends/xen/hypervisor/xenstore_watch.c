/* SPDX-License-Identifier: ISC */
#include "xenstore_watch.h"

#include "xenstore_ring.h"

#include <mirage-backend.h>

#include <stdio.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#define PATHS_MAX 64
#define MESSAGE_MAX (XENSTORE_PATH_MAX + 2 + 16)

static struct xenstore_watch *watches;

/** A path that is watched, whose token is its place. It stays where it is until
 *  the store was told to forget it. */
static struct path {
	char text[XENSTORE_PATH_MAX + 1];
	unsigned users;
	bool known; /* to the store */
	bool drop, ask;
} paths[PATHS_MAX];

static bool ask_watch(uint32_t type, unsigned token)
{
	char message[MESSAGE_MAX];
	int length = snprintf(message, sizeof message, "%s%c%u",
			      paths[token].text, '\0', token);

	return xenstore_ring_send(type, XENSTORE_WATCH_ID | token, 0, message,
				  (uint32_t)length + 1);
}

void xenstore_watch_ask(void)
{
	for (unsigned i = 0; i < PATHS_MAX; i++) {
		struct path *path = &paths[i];

		if (path->drop)
			path->drop = !ask_watch(XS_UNWATCH, i);
		if (path->drop || !path->ask)
			continue;
		path->known = ask_watch(XS_WATCH, i);
		path->ask = !path->known;
	}
}

static void fire(const char *path)
{
	struct xenstore_watch *watch, *next;

	for (watch = watches; watch != NULL; watch = next) {
		next = watch->next;
		if (strcmp(watch->path, path) == 0)
			watch->changed(watch);
	}
}

void xenstore_watch_event(const char *text, uint32_t length)
{
	uint32_t path = (uint32_t)strnlen(text, length);
	uint64_t token;

	if (path + 1 >= length ||
	    !xenstore_number(text + path + 1, PATHS_MAX - 1, &token))
		xenstore_breach("an event of a watch that nobody set");
	else if (paths[token].users > 0)
		fire(paths[token].text);
}

void xenstore_watch_reply(uint32_t type, uint32_t id, const char *text)
{
	uint32_t token = id & ~XENSTORE_WATCH_ID;

	if (token >= PATHS_MAX)
		xenstore_breach("a reply that nobody asked for");
	else if (type == XS_ERROR && paths[token].users > 0)
		mirage_log(MIRAGE_LOG_WARN, "xenstore: cannot watch %s: %s",
			   paths[token].text, text);
}

static struct path *path_of(const char *text)
{
	for (unsigned i = 0; i < PATHS_MAX; i++)
		if (paths[i].users > 0 && strcmp(paths[i].text, text) == 0)
			return &paths[i];
	return NULL;
}

static struct path *free_path(void)
{
	for (unsigned i = 0; i < PATHS_MAX; i++)
		if (paths[i].users == 0 && !paths[i].drop)
			return &paths[i];
	mirage_core_broken("LAW-05", "more than 64 xenstore paths watched");
}

void xenstore_watch(struct xenstore_watch *watch)
{
	struct path *path = path_of(watch->path);

	watch->next = watches;
	watches = watch;
	if (path == NULL) {
		path = free_path();
		memcpy(path->text, watch->path, sizeof watch->path);
	}
	path->users++;
	/* A watch fires when it is set: so that this one does, it is set anew. */
	path->drop |= path->known;
	path->known = false;
	path->ask = true;
	xenstore_ask();
}

static void leave_path(struct path *path)
{
	if (--path->users > 0)
		return;
	path->drop |= path->known && !xenstore_ring_dead();
	path->known = path->ask = false;
	xenstore_ask();
}

void xenstore_unwatch(struct xenstore_watch *watch)
{
	for (struct xenstore_watch **at = &watches; *at != NULL;
	     at = &(*at)->next) {
		if (*at != watch)
			continue;
		*at = watch->next;
		leave_path(path_of(watch->path));
		return;
	}
}

void xenstore_watch_init(void)
{
	watches = NULL;
	memset(paths, 0, sizeof paths);
}

void xenstore_watch_resume(void)
{
	for (unsigned i = 0; i < PATHS_MAX; i++) {
		paths[i].drop = paths[i].known = false;
		paths[i].ask = paths[i].users > 0;
	}
}
