/* SPDX-License-Identifier: ISC */
/* The unix backend: one process, one libuv loop. */
#include "unix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Turns in a row before the host is asked for news: a program whose requests
 * complete at once must not shut out its networks. */
#define TURNS_MAX 64

static uv_loop_t loop;
static struct unix_kick *kicks, **kicks_end = &kicks;

uv_loop_t *unix_loop(void)
{
	return &loop;
}

void unix_must(int uv_result, const char *what)
{
	if (uv_result >= 0)
		return;
	mirage_log(MIRAGE_LOG_ERROR, "%s: %s", what, uv_strerror(uv_result));
	exit(1);
}

/* --------------------------------------------------------------- Kicks -- */

void unix_kick(struct unix_kick *kick)
{
	if (kick->queued)
		return;
	kick->queued = true;
	kick->next = NULL;
	*kicks_end = kick;
	kicks_end = &kick->next;
}

static void run_kicks(void)
{
	struct unix_kick *list = kicks, *next;

	kicks = NULL;
	kicks_end = &kicks;
	for (; list != NULL; list = next) {
		next = list->next;
		list->queued = false;
		list->run(list);
	}
}

/* ------------------------------------------------------------- Signals -- */

static int signal_fd;
static uv_poll_t signal_poll;

static void on_signal(int number)
{
	int saved = errno;

	(void)!eventfd_write(signal_fd, 1);
	errno = saved;
}

static void on_signal_fd(uv_poll_t *poll, int status, int events)
{
	eventfd_t count;

	(void)!eventfd_read(signal_fd, &count);
	mirage_core_event(MIRAGE_EVENT_SHUTDOWN);
}

/** The first SIGINT or SIGTERM asks; the second one, even of a program that is
 *  stuck in a callback, has its default action. */
static void init_signals(void)
{
	struct sigaction ask = {.sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND | SA_RESTART};

	signal_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	unix_must(signal_fd < 0 ? -errno : 0, "eventfd");
	unix_must(uv_poll_init(&loop, &signal_poll, signal_fd), "signals");
	uv_poll_start(&signal_poll, UV_READABLE, on_signal_fd);
	sigaction(SIGINT, &ask, NULL);
	sigaction(SIGTERM, &ask, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---------------------------------------------------------------- Loop -- */

static void run_turns(void)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		mirage_core_turn();
		run_kicks();
		if (mirage_core_ended() || (!unix_time_due() && kicks == NULL))
			return;
	}
}

static int run(void)
{
	unix_console_init();
	unix_must(uv_loop_init(&loop), "event loop");
	unix_time_init();
	init_signals();
	for (;;) {
		run_turns();
		if (mirage_core_ended())
			break;
		uv_run(&loop, unix_time_arm() || kicks != NULL ? UV_RUN_NOWAIT
							       : UV_RUN_ONCE);
	}
	return mirage_core_status();
}

/* -------------------------------------------------------------- Errors -- */

int unix_error(int error)
{
	switch (error) {
	case 0:
		return 0;
	case EAGAIN:
		return MIRAGE_EAGAIN;
	case EINVAL:
	case ENAMETOOLONG:
		return MIRAGE_EINVAL;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ENOTDIR:
		return MIRAGE_ENODEV;
	case EBUSY:
	case ETXTBSY:
		return MIRAGE_EBUSY;
	case EACCES:
	case EPERM:
		return MIRAGE_EACCES;
	case EROFS:
		return MIRAGE_EROFS;
	case EMSGSIZE:
		return MIRAGE_EMSGSIZE;
	case ENOMEM:
	case ENOBUFS:
	case EMFILE:
	case ENFILE:
		return MIRAGE_ENOMEM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return MIRAGE_ENOSPC;
	case EPIPE:
	case ECONNRESET:
	case EBADF:
		return MIRAGE_EGONE;
	case ECANCELED:
		return MIRAGE_ECANCELED;
	case ETIMEDOUT:
		return MIRAGE_ETIMEDOUT;
	case ENOSYS:
		return MIRAGE_ENOSYS;
	case EOPNOTSUPP:
		return MIRAGE_ENOTSUP;
	default:
		return MIRAGE_EIO;
	}
}

/* ------------------------------------------------------------- Backend -- */

static const struct mirage_ambient ambient = {
	.size = sizeof ambient,
	.console = &unix_console_ops,
	.clock = &unix_clock_ops,
	.time = &unix_time_ops,
	.random = &unix_random_ops,
};

static const char usage[] =
	"Networks:\n"
	"  slirp:[hostfwd=RULE[+RULE...]][,restrict][,ipv6=off]\n"
	"                         NAT, DHCP and port forwards, no privileges "
	"(the default);\n"
	"                         RULE is tcp|udp:[ADDR]:PORT-[GUEST]:PORT\n"
	"  tap:IF                 the Linux tap interface IF\n"
	"  unix:PATH[,listen][,connect]  stream socket with QEMU's framing\n"
	"  pair:LAN               linked to the other network with this LAN\n"
	"  all of them            [,mtu=N][,mac=MAC][,pcap=FILE]\n"
	"  host:                  no network: this machine's own sockets, for "
	"programs\n"
	"                         that use TCP and UDP; --net host for all "
	"names\n"
	"Blocks:\n"
	"  file:PATH[,ro][,sector=512|4096][,direct]\n"
	"  mem:SIZE[,sector=512|4096]   SIZE as in 64M\n"
	"Stores:\n"
	"  dir:PATH[,ro]          the files of a directory\n";

const struct mirage_backend mirage_backend = {
	.size = sizeof mirage_backend,
	.name = "unix",
	.ambient = &ambient,
	.run = run,
	.net_open = unix_net_open,
	.block_open = unix_block_open,
	.usage = usage,
	.kv_open = unix_kv_open,
	.stack_open = unix_stack_open,
};
