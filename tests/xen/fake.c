/* SPDX-License-Identifier: ISC */
#include "fake.h"

#include "block.h"
#include "net.h"
#include "xenbus.h"
#include "xenstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 100000

struct fake fake = {
	.now_ns = 1000000000,
	.wake_ns = UINT64_MAX,
	.grants_max = FAKE_GRANTS,
	.pages_left = UINT32_MAX,
	.domid = 1,
};
uint32_t xen_grants_in_use, xen_grants_leaked;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fake hypervisor: %s\n%s", what, fake.log);
	abort();
}

/* ---------------------------------------------------------------- Grants -- */

static struct grant {
	const uint8_t *page; /* NULL: free */
	bool read_only, leaked;
	unsigned mapped;
} grants[FAKE_GRANTS];
static uint32_t next_grant = 8;

uint32_t xen_grant(uint32_t domid, const void *page, bool read_only)
{
	if (xen_grants_in_use >= fake.grants_max)
		return XEN_GRANT_NONE;
	/* Not what was free last, to catch who uses a reference too long. */
	for (unsigned i = 0; i < FAKE_GRANTS; i++) {
		uint32_t reference = next_grant;

		next_grant = next_grant + 1 < FAKE_GRANTS ? next_grant + 1 : 8;
		if (grants[reference].page != NULL)
			continue;
		grants[reference] = (struct grant){
			.page = (uint8_t *)((uintptr_t)page & -4096ul),
			.read_only = read_only,
		};
		xen_grants_in_use++;
		return reference;
	}
	return XEN_GRANT_NONE;
}

bool xen_grant_end(uint32_t reference)
{
	struct grant *grant = &grants[reference];

	must(reference < FAKE_GRANTS && grant->page != NULL && !grant->leaked,
	     "the end of what was not granted");
	if (grant->mapped > 0) {
		grant->leaked = true;
		xen_grants_leaked++;
		return false;
	}
	grant->page = NULL;
	xen_grants_in_use--;
	return true;
}

void *fake_page(uint32_t reference, bool write)
{
	const struct grant *grant = &grants[reference % FAKE_GRANTS];

	if (reference >= FAKE_GRANTS || grant->page == NULL || grant->leaked ||
	    (write && grant->read_only))
		return NULL;
	return (void *)(uintptr_t)grant->page;
}

void *fake_map(uint32_t reference, bool write)
{
	void *page = fake_page(reference, write);

	if (page != NULL)
		grants[reference].mapped++;
	return page;
}

void fake_unmap(uint32_t reference)
{
	must(grants[reference].mapped > 0, "unmapping what is not mapped");
	grants[reference].mapped--;
}

void fake_unmap_all(void)
{
	for (unsigned i = 0; i < FAKE_GRANTS; i++) {
		if (grants[i].leaked) {
			grants[i] = (struct grant){0};
			xen_grants_in_use--;
			xen_grants_leaked--;
		}
		grants[i].mapped = 0;
	}
}

/* ---------------------------------------------------------------- Memory -- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, bytes) (void)(from)
#define ASAN_UNPOISON_MEMORY_REGION(from, bytes) (void)(from)
#endif

/* Large pieces are kept and poisoned instead of freed: fuzzers spend their time on
 * page faults otherwise. */
static struct kept {
	void *pages;
	size_t n;
} kept[8];

static void *take_kept(size_t n)
{
	for (unsigned i = 0; i < 8; i++) {
		void *pages = kept[i].pages;

		if (pages == NULL || kept[i].n != n)
			continue;
		kept[i].pages = NULL;
		ASAN_UNPOISON_MEMORY_REGION(pages, n * XEN_PAGE_BYTES);
		return pages;
	}
	return aligned_alloc(XEN_PAGE_BYTES, n * XEN_PAGE_BYTES);
}

static void keep(void *pages, size_t n)
{
	for (unsigned i = 0; n >= 64 && i < 8; i++) {
		if (kept[i].pages != NULL)
			continue;
		kept[i] = (struct kept){pages, n};
		ASAN_POISON_MEMORY_REGION(pages, n * XEN_PAGE_BYTES);
		return;
	}
	free(pages);
}

void *xen_pages_alloc(size_t n)
{
	void *pages;

	if (n == 0 || fake.pages_left < n)
		return NULL;
	if (fake.pages_left != UINT32_MAX)
		fake.pages_left -= (uint32_t)n;
	pages = take_kept(n);
	must(pages != NULL, "no memory");
	fake.pages_in_use += n;
	return memset(pages, 0, n * XEN_PAGE_BYTES);
}

void xen_pages_free(void *pages, size_t n)
{
	const uint8_t *from = pages, *to = from + n * XEN_PAGE_BYTES;

	for (unsigned i = 0; i < FAKE_GRANTS; i++)
		must(grants[i].page == NULL || grants[i].page < from ||
			     grants[i].page >= to,
		     "a page is freed that the backend may use");
	fake.pages_in_use -= n;
	if (fake.pages_left != UINT32_MAX)
		fake.pages_left += (uint32_t)n;
	keep(pages, n);
}

/* ---------------------------------------------------------------- Events -- */

static struct port {
	bool open, pending, raised;
	void (*on_event)(void *arg);
	void *arg;
} ports[FAKE_PORTS];

static uint32_t open_port(void (*on_event)(void *arg), void *arg)
{
	for (uint32_t i = 1; i < FAKE_PORTS; i++) {
		if (ports[i].open)
			continue;
		ports[i] = (struct port){
			.open = true, .on_event = on_event, .arg = arg};
		return i;
	}
	return 0;
}

uint32_t xen_event_open(uint32_t domid, void (*on_event)(void *arg), void *arg)
{
	return open_port(on_event, arg);
}

uint32_t fake_store_bind(void (*on_event)(void *arg))
{
	return open_port(on_event, NULL);
}

void xen_event_close(uint32_t port)
{
	must(port < FAKE_PORTS && ports[port].open, "closing a closed port");
	ports[port].open = false;
}

void xen_event_notify(uint32_t port)
{
	must(port < FAKE_PORTS && ports[port].open,
	     "a notification through a closed port");
	ports[port].raised = true;
	fake.notified++;
}

void fake_raise(uint32_t port)
{
	if (fake_port_open(port))
		ports[port].pending = true;
}

bool fake_raised(uint32_t port)
{
	bool raised = fake_port_open(port) && ports[port].raised;

	if (raised)
		ports[port].raised = false;
	return raised;
}

bool fake_port_open(uint32_t port)
{
	return port < FAKE_PORTS && ports[port].open;
}

unsigned fake_ports_open(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_PORTS; i++)
		n += ports[i].open;
	return n;
}

static bool run_events(void)
{
	bool any = false;

	for (unsigned i = 0; i < FAKE_PORTS; i++) {
		if (!ports[i].open || !ports[i].pending)
			continue;
		ports[i].pending = false;
		any = true;
		ports[i].on_event(ports[i].arg);
	}
	return any;
}

/* ---------------------------------------------------------------- Kicks -- */

static struct xen_kick *kicks;

void xen_kick(struct xen_kick *kick)
{
	if (kick->queued)
		return;
	kick->queued = true;
	kick->next = kicks;
	kicks = kick;
}

static bool run_kicks(void)
{
	struct xen_kick *list = kicks, *next;
	bool any = list != NULL;

	kicks = NULL;
	for (; list != NULL; list = next) {
		next = list->next;
		list->queued = false;
		list->run(list);
	}
	return any;
}

/* ------------------------------------------------------------------ Loop -- */

static struct fake_player *players;

void fake_play(struct fake_player *player)
{
	player->next = players;
	players = player;
}

void fake_stop(struct fake_player *player)
{
	struct fake_player **at = &players;

	while (*at != NULL && *at != player)
		at = &(*at)->next;
	if (*at != NULL)
		*at = player->next;
}

static bool run_players(void)
{
	bool any = false;

	for (struct fake_player *p = players; p != NULL; p = p->next)
		any |= p->step(p);
	return any;
}

bool fake_step(void)
{
	bool any = false;

	/* What is due must have been told: a real loop asks nothing else. */
	must(!mirage_core_ready() || fake.wake_ns <= fake.now_ns,
	     "work is due that wake_at was not told of");
	if (fake.wake_ns <= fake.now_ns) {
		mirage_core_turn();
		any = true;
	}
	any |= run_kicks();
	any |= run_events();
	any |= xen_polls_look();
	any |= fake_store_step();
	any |= run_players();
	return any || xen_polls_arm();
}

void fake_settle(void)
{
	unsigned rounds = 0;

	while (fake_step())
		must(++rounds < ROUNDS_MAX, "the loop does not come to rest");
}

/* The guest's own numbers of ports and grants stay taken until it gives them up. */
void fake_suspend(void)
{
	players = NULL;
	fake_store_forget();
	for (unsigned i = 0; i < FAKE_GRANTS; i++)
		grants[i].mapped = 0;
	for (unsigned i = 0; i < FAKE_PORTS; i++)
		ports[i].pending = false;
	fake.domid++;
}

void fake_resume(void)
{
	xenstore_pause();
	xenbus_resume();
	xenstore_resume();
}

void fake_advance(uint64_t ns)
{
	uint64_t until = fake.now_ns + ns;

	fake_settle();
	while (fake.wake_ns <= until) {
		fake.now_ns = fake.wake_ns;
		fake_settle();
	}
	fake.now_ns = until;
}

/* --------------------------------------------------------------- Ambient -- */

static int console_write(const void *bytes, size_t length)
{
	return (int)length;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	size_t used = strlen(fake.log);

	if (used + length + 2 > sizeof fake.log)
		return;
	memcpy(fake.log + used, line, length);
	strcpy(fake.log + used + length, "\n");
}

static uint64_t monotonic_ns(void)
{
	return fake.now_ns;
}

static int64_t wall_ns(void)
{
	return (int64_t)fake.now_ns;
}

static void wake_at(uint64_t deadline_ns)
{
	fake.wake_ns = deadline_ns;
}

static const struct mirage_console_ops console = {
	.size = sizeof console,
	.write = console_write,
	.log = console_log,
};
static const struct mirage_clock_info clock_info = {
	.size = sizeof clock_info,
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};
static const struct mirage_clock_ops clock = {
	.size = sizeof clock,
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &clock_info,
};
static const struct mirage_time_ops time = {
	.size = sizeof time,
	.wake_at = wake_at,
};
static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &console,
	.clock = &clock,
	.time = &time,
};

/* The loop is the test's. */
static int run(void)
{
	return 0;
}

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "fake-xen",
	.ambient = &ambient,
	.run = run,
	.net_open = xen_net_open,
	.block_open = xen_block_open,
};

static void nothing(void *arg)
{
}

static int start(int argc, char *argv[])
{
	static struct mirage_timer forever;

	/* Without anything to do the program would end. */
	mirage_timer_start(&forever, UINT64_MAX - 1, nothing, NULL);
	return 0;
}

void fake_start(const char *arguments[])
{
	static char program[] = "test";
	static char *argv[16] = {program}, texts[16][64];
	int argc = 1;

	for (; arguments != NULL && arguments[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(texts[argc], arguments[argc - 1]);
	fake_store_reset();
	must(mirage_run(argc, argv, start) == 0, "the options were refused");
	fake.wake_ns = 0;
	fake_settle();
}
