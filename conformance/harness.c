/* SPDX-License-Identifier: ISC */
/*
 * harness.c: runs one case at a time on the application's side of mirage.h.
 */
#include "harness.h"

#define TICK_NS 1000000u
#define CLOSE_PATIENCE_NS 5000000000u

struct device {
	bool opening, closing, closed;
	bool forgotten;
	struct mirage_net *net;
	struct mirage_block *block;
	struct mirage_kv *kv;
	struct mirage_stack *stack;
	unsigned events[MIRAGE_EVENT_ADDRESS + 1];
	mirage_event_fn *on_event;
	void *event_arg;
};

static struct {
	const struct conf_case *test;
	struct conf_fixture *fixture;
	struct conf_result *result;
	void (*on_end)(void);
	int line;
	uint64_t deadline_ns;
	uint64_t tick_ns, reached_ns; /* of the tick: armed for, last run */
	bool ending;
	struct mirage_timer tick, wake;
	struct device devices[CONF_ROLES];
} now;

static void step(void *arg);

struct conf_fixture *conf_fixture(void)
{
	return now.fixture;
}

bool conf_over(void)
{
	return now.result->verdict != CONF_NONE;
}

void conf_wake(void)
{
	if (!now.ending || !now.test->exits)
		mirage_timer_start(&now.wake, 0, step, NULL);
}

void conf_count(void *arg, int result)
{
	struct conf_done *done = arg;

	done->count++;
	done->result = result;
	conf_wake();
}

void conf_count_time(void *arg)
{
	conf_count(arg, 0);
}

/* --------------------------------------------------------------- Verdict -- */

static struct conf_text verdict(enum conf_verdict verdict)
{
	struct conf_result *result = now.result;

	result->verdict = verdict;
	return (struct conf_text){result->text,
				  result->text + sizeof(result->text) - 1};
}

void conf_pass(void)
{
	if (!conf_over())
		verdict(CONF_PASSED);
}

void conf_skip(const char *reason)
{
	struct conf_text text;

	if (conf_over())
		return;
	text = verdict(CONF_SKIPPED);
	conf_put(&text, reason);
	conf_wake();
}

void conf_claim(const char *tag)
{
	char next[8];

	conf_next_tag(tag, next);
	if (!conf_over())
		conf_copy(now.result->tag, next, sizeof(next));
}

/* Later failures of a case follow from its first one. */
static bool fail(const char *file, int line, struct conf_text *text)
{
	if (conf_over())
		return false;
	*text = verdict(CONF_FAILED);
	now.result->file = file;
	now.result->line = line;
	conf_wake();
	return true;
}

void conf_failed(const char *file, int line, const char *condition)
{
	struct conf_text text;

	if (!fail(file, line, &text))
		return;
	conf_put(&text, "expected ");
	conf_put(&text, condition);
}

void conf_blame(struct conf_result *result, const char *what)
{
	struct conf_text text = {result->text,
				 result->text + sizeof(result->text) - 1};

	if (result->verdict == CONF_FAILED)
		return;
	result->verdict = CONF_FAILED;
	conf_put(&text, what);
}

void conf_lost(void)
{
	conf_failed(now.test->file, now.line, "the case to be where it was");
}

static void put_result(struct conf_text *text, int64_t result)
{
	if (result < 0)
		conf_put(text, mirage_error_name((int)result));
	else
		conf_put_number(text, result);
}

/** Whether two values are equal; fails with both, in the words of `put`. */
static bool equal(const char *file, int line, const char *what, int64_t actual,
		  int64_t expected,
		  void (*put)(struct conf_text *text, int64_t value))
{
	struct conf_text text;

	if (actual == expected)
		return true;
	if (!fail(file, line, &text))
		return false;
	conf_put(&text, what);
	conf_put(&text, " is ");
	put(&text, actual);
	conf_put(&text, ", expected ");
	put(&text, expected);
	return false;
}

bool conf_equal_numbers(const char *file, int line, const char *what,
			int64_t actual, int64_t expected)
{
	return equal(file, line, what, actual, expected, conf_put_number);
}

bool conf_equal_results(const char *file, int line, const char *what,
			int actual, int expected)
{
	return equal(file, line, what, actual, expected, put_result);
}

bool conf_equal_bytes(const char *file, int line, const char *what,
		      const void *actual, const void *expected, size_t length)
{
	const uint8_t *a = actual, *b = expected;
	struct conf_text text;
	size_t i;

	for (i = 0; i < length && a[i] == b[i]; i++)
		;
	if (i == length)
		return true;
	if (!fail(file, line, &text))
		return false;
	conf_put(&text, what);
	conf_put(&text, ": byte ");
	conf_put_number(&text, (int64_t)i);
	conf_put(&text, " is ");
	conf_put_number(&text, a[i]);
	conf_put(&text, ", expected ");
	conf_put_number(&text, b[i]);
	return false;
}

/* --------------------------------------------------------------- Waiting -- */

int conf_line(void)
{
	return now.line;
}

void conf_await(int line, uint64_t patience_ns)
{
	now.line = line;
	now.deadline_ns = mirage_clock_monotonic_ns() + patience_ns;
}

/* By the order of timers, not by the clock: after a tick everything that was due
 * before it has run, however slow the machine is. */
bool conf_rested(void)
{
	return now.reached_ns >= now.deadline_ns;
}

void conf_still(const char *file, int line, const char *condition)
{
	struct conf_text text;

	if (!conf_rested() || !fail(file, line, &text))
		return;
	conf_put(&text, "waited in vain for ");
	conf_put(&text, condition);
}

/* --------------------------------------------------------------- Devices -- */

static void on_event(void *arg, uint32_t event)
{
	struct device *device = arg;

	if (event <= MIRAGE_EVENT_ADDRESS)
		device->events[event]++;
	if (event == MIRAGE_EVENT_CLOSED) {
		device->closed = true;
		device->net = NULL;
		device->block = NULL;
		device->kv = NULL;
		device->stack = NULL;
	}
	if (device->on_event != NULL && !now.ending)
		device->on_event(device->event_arg, event);
	conf_wake();
}

/* The verdict that an open comes to, before the case goes on. */
static void opened(struct device *device, int result, uint32_t caps)
{
	struct conf_text text;

	device->opening = false;
	conf_wake();
	if (result == MIRAGE_ENOSYS) {
		conf_skip("not implemented by this backend (ENOSYS)");
	} else if (result != MIRAGE_OK) {
		if (!fail(now.test->file, now.line, &text))
			return;
		conf_put(&text, "opening ");
		conf_put(&text,
			 conf_name((enum conf_role)(device - now.devices)));
		conf_put(&text, " ended in ");
		put_result(&text, result);
	} else if ((now.test->caps & ~caps) != 0) {
		conf_skip("the device has not the capabilities");
	} else if ((now.test->lacks & caps) != 0) {
		conf_skip("the device has a capability too many");
	}
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	struct device *device = arg;

	device->net = net;
	if (net != NULL)
		mirage_net_on_event(net, on_event, device);
	opened(device, result, net != NULL ? net->info->caps : 0);
}

static void block_opened(void *arg, int result, struct mirage_block *block)
{
	struct device *device = arg;

	device->block = block;
	if (block != NULL)
		mirage_block_on_event(block, on_event, device);
	opened(device, result, block != NULL ? block->info->caps : 0);
}

static void kv_opened(void *arg, int result, struct mirage_kv *kv)
{
	struct device *device = arg;

	device->kv = kv;
	if (kv != NULL)
		mirage_kv_on_event(kv, on_event, device);
	opened(device, result, kv != NULL ? kv->info->caps : 0);
}

/* What the case wants of a device is not wanted of a store in the program. */
void conf_take_kv(enum conf_role role, int result, struct mirage_kv *kv)
{
	struct device *device = &now.devices[role];

	*device = (struct device){.kv = kv};
	if (kv != NULL)
		mirage_kv_on_event(kv, on_event, device);
	if (result < 0)
		opened(device, result, 0);
}

static void stack_opened(void *arg, int result, struct mirage_stack *stack)
{
	struct device *device = arg;

	device->stack = stack;
	if (stack != NULL)
		mirage_stack_on_event(stack, on_event, device);
	opened(device, result, 0);
}

void conf_open_stack(enum conf_role role,
		     const struct mirage_stack_config *config)
{
	struct device *device = &now.devices[role];

	*device = (struct device){.opening = true};
	mirage_stack_open(config, stack_opened, device);
}

void conf_open(enum conf_role role, uint32_t accept)
{
	struct device *device = &now.devices[role];

	*device = (struct device){.opening = true};
	if (role <= CONF_NET_B)
		mirage_net_open(conf_name(role), accept, net_opened, device);
	else if (role == CONF_KV)
		mirage_kv_open(conf_name(role), kv_opened, device);
	else
		mirage_block_open(conf_name(role), block_opened, device);
}

/* The second of two networks is open once they see each other: on some media
 * that takes a moment. */
static bool connected(void)
{
	const struct mirage_net *a = now.devices[CONF_NET_A].net;
	const struct mirage_net *b = now.devices[CONF_NET_B].net;

	return a == NULL || b == NULL || conf_world_link_down() ||
	       (a->info->link_up && b->info->link_up);
}

bool conf_is_open(enum conf_role role)
{
	return !now.devices[role].opening &&
	       (conf_over() || role > CONF_NET_B || connected());
}

void conf_close(enum conf_role role)
{
	struct device *device = &now.devices[role];

	if (device->closing)
		return;
	device->closing = true;
	if (device->net != NULL)
		mirage_net_close(device->net);
	else if (device->block != NULL)
		mirage_block_close(device->block);
	else if (device->kv != NULL)
		mirage_kv_close(device->kv);
	else if (device->stack != NULL)
		mirage_stack_close(device->stack);
	else
		device->closed = true;
}

bool conf_is_closed(enum conf_role role)
{
	return now.devices[role].closed;
}

void conf_forget(enum conf_role role)
{
	now.devices[role].forgotten = true;
}

struct mirage_net *conf_net(enum conf_role role)
{
	return now.devices[role].net;
}

struct mirage_block *conf_block(enum conf_role role)
{
	return now.devices[role].block;
}

struct mirage_kv *conf_kv(enum conf_role role)
{
	return now.devices[role].kv;
}

struct mirage_stack *conf_stack(enum conf_role role)
{
	return now.devices[role].stack;
}

const char *conf_name(enum conf_role role)
{
	return now.fixture->devices[role];
}

unsigned conf_events(enum conf_role role, uint32_t event)
{
	return event <= MIRAGE_EVENT_ADDRESS ? now.devices[role].events[event]
					     : 0;
}

void conf_on_event(enum conf_role role, mirage_event_fn *handler, void *arg)
{
	now.devices[role].on_event = handler;
	now.devices[role].event_arg = arg;
}

/* --------------------------------------------------------------- Running -- */

/* Whether everything that the case opened is closed; closes what is not. */
static bool all_closed(void)
{
	bool closed = true;
	unsigned role;

	for (role = 0; role < CONF_ROLES; role++) {
		struct device *device = &now.devices[role];

		if (device->forgotten)
			continue;
		if (device->net != NULL || device->block != NULL ||
		    device->kv != NULL || device->stack != NULL)
			conf_close((enum conf_role)role);
		if (device->opening || (device->closing && !device->closed))
			closed = false;
	}
	return closed;
}

static void finish(void)
{
	if (!now.ending) {
		now.ending = true;
		now.deadline_ns =
			mirage_clock_monotonic_ns() + CLOSE_PATIENCE_NS;
		mirage_on_event(NULL, NULL);
		conf_world_mend();
	}
	if (!all_closed()) {
		if (!conf_rested())
			return;
		conf_blame(now.result, "a device did not close at the end");
	}
	mirage_timer_cancel(&now.tick);
	mirage_timer_cancel(&now.wake);
	now.on_end();
}

static void step(void *arg)
{
	if (!mirage_timer_armed(&now.tick))
		now.reached_ns = now.tick_ns;
	now.tick_ns = mirage_clock_monotonic_ns() + TICK_NS;
	mirage_timer_start(&now.tick, now.tick_ns, step, NULL);
	if (!conf_over())
		now.test->run();
	if (!conf_over())
		return;
	if (now.test->exits && now.result->verdict == CONF_PASSED) {
		now.ending = true;
		mirage_timer_cancel(&now.tick);
		mirage_timer_cancel(&now.wake);
		return;
	}
	finish();
}

void conf_begin(const struct conf_case *test, struct conf_fixture *fixture,
		struct conf_result *result, void (*on_end)(void))
{
	unsigned role;

	for (role = 0; role < CONF_ROLES; role++)
		now.devices[role] = (struct device){.opening = false};
	now.test = test;
	now.fixture = fixture;
	now.result = result;
	now.on_end = on_end;
	now.line = 0;
	now.ending = false;
	conf_memory_reset();
	conf_wake();
}

void conf_reopen(const struct conf_case *test, struct conf_fixture *fixture,
		 struct conf_result *result)
{
	now.test = test;
	now.fixture = fixture;
	now.result = result;
	now.ending = true;
	if (result->verdict == CONF_PASSED)
		result->verdict = CONF_NONE;
}
