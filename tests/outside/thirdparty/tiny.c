/* SPDX-License-Identifier: ISC */
/* The loop and the ambient devices. */
#include "tiny.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
/* How often a console that was full is asked whether it has room. */
#define CONSOLE_PERIOD_NS (SECOND_NS / 1000)

static uint64_t wake_ns = UINT64_MAX;
static bool console_full;

static bool console_room(void)
{
	struct pollfd wanted = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&wanted, 1, 0) != 0;
}

static int console_write(const void *bytes, size_t length)
{
	ssize_t n;

	if (!console_room()) {
		console_full = true;
		return 0;
	}
	/* What a pipe takes without waiting, once it says that it has room. */
	n = write(STDOUT_FILENO, bytes, length < 512 ? length : 512);
	if (n < 0)
		return errno == EPIPE ? MIRAGE_EGONE : MIRAGE_EIO;
	console_full = (size_t)n < length;
	return (int)n;
}

static void console_log(uint32_t level, const char *line, size_t length)
{
	struct iovec parts[2] = {{(void *)(uintptr_t)line, length},
				 {(void *)(uintptr_t) "\n", 1}};

	(void)!writev(STDERR_FILENO, parts, 2);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * (int64_t)SECOND_NS + now.tv_nsec;
}

static void wake_at(uint64_t deadline_ns)
{
	wake_ns = deadline_ns;
}

static int random_fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length > 0) {
		ssize_t n = getrandom(at, length, 0);

		if (n < 0)
			return MIRAGE_EIO;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

/** Sleeps until the core wants to be called; nobody else ever wakes us. */
static void rest(void)
{
	uint64_t until_ns = wake_ns;
	struct timespec until;

	if (console_full && console_room()) {
		console_full = false;
		mirage_core_event(MIRAGE_EVENT_CONSOLE);
		return;
	}
	if (console_full && until_ns > monotonic_ns() + CONSOLE_PERIOD_NS)
		until_ns = monotonic_ns() + CONSOLE_PERIOD_NS;
	if (until_ns == UINT64_MAX) {
		pause();
		return;
	}
	until.tv_sec = (time_t)(until_ns / SECOND_NS);
	until.tv_nsec = (long)(until_ns % SECOND_NS);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int run(void)
{
	while (!mirage_core_ended()) {
		mirage_core_turn();
		if (!tiny_net_deliver() && !mirage_core_ended())
			rest();
	}
	return mirage_core_status();
}

void tiny_refuse(struct mirage_open *open, const char *message)
{
	mirage_core_open_error(open, "%s", message);
	if (open->kind == MIRAGE_OPEN_NET)
		mirage_core_net_opened(open, MIRAGE_EINVAL, NULL);
	else
		mirage_core_block_opened(open, MIRAGE_EINVAL, NULL);
}

static const struct mirage_console_ops console_ops = {
	.size = sizeof(console_ops),
	.write = console_write,
	.log = console_log,
};

static const struct mirage_clock_info clock_info = {
	.size = sizeof(clock_info),
	.monotonic_resolution_ns = 1,
	.wall_resolution_ns = 1,
};

static const struct mirage_clock_ops clock_ops = {
	.size = sizeof(clock_ops),
	.monotonic_ns = monotonic_ns,
	.wall_ns = wall_ns,
	.info = &clock_info,
};

static const struct mirage_time_ops time_ops = {
	.size = sizeof(time_ops),
	.wake_at = wake_at,
};

static const struct mirage_random_ops random_ops = {
	.size = sizeof(random_ops),
	.fill = random_fill,
};

static const struct mirage_ambient ambient = {
	.size = sizeof(ambient),
	.console = &console_ops,
	.clock = &clock_ops,
	.time = &time_ops,
	.random = &random_ops,
};

const struct mirage_backend mirage_backend = {
	.size = sizeof(mirage_backend),
	.name = "tiny",
	.ambient = &ambient,
	.run = run,
	.net_open = tiny_net_open,
	.block_open = tiny_block_open,
	.usage = "Networks: wire:LAN\n"
		 "Blocks: ram:SIZE[,sector=N][,fill=BYTE][,ro]\n",
};
