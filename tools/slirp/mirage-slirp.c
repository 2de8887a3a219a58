/* SPDX-License-Identifier: ISC */
/*
 * mirage-slirp: a user-mode network for one Mirage process. libslirp brings glib
 * along, so it lives in this program; the unix backend starts it with one end of
 * a socket pair as its descriptor 3. It answers with one line, "0" or a mirage
 * error and a message, then frames go both ways (framing.h). When the socket
 * ends, so does the program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libslirp.h>
#include <mirage.h>

#include "framing.h"
#include "hostfwd.h"

#define FD 3
#define POLLS_MAX 4096u
#define TIMERS_MAX 4u
#define FRAME_MAX_BYTES 65535u

struct timer {
	bool used;
	SlirpTimerId id;
	void *opaque;
	int64_t at_ms; /* -1 idle */
};

static struct {
	Slirp *slirp;
	struct framing rx, tx;
	struct timer timers[TIMERS_MAX];
	struct pollfd polls[POLLS_MAX];
	unsigned n_polls;
	bool ended;
} net;

static void say(int error, const char *message)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%d %s\n", error, message);

	if (n > 0)
		(void)!send(FD, line, (size_t)n, MSG_NOSIGNAL);
}

static void fail(int error, const char *message)
{
	say(error, message);
	exit(1);
}

/* -------------------------------------------------- Callbacks of libslirp -- */

static int64_t now_ns(void *opaque)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A full queue drops the frame, as a switch would: TCP sends it again. */
static ssize_t send_packet(const void *frame, size_t length, void *opaque)
{
	uint8_t *to = framing_put(&net.tx, (uint32_t)length);

	if (to != NULL)
		memcpy(to, frame, length);
	return (ssize_t)length;
}

static void guest_error(const char *message, void *opaque)
{
	/* What the application sends is its own affair. */
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		struct timer *timer = &net.timers[i];

		if (timer->used)
			continue;
		*timer = (struct timer){true, id, timer_opaque, -1};
		return timer;
	}
	return NULL;
}

static void timer_free(void *timer, void *opaque)
{
	if (timer != NULL)
		((struct timer *)timer)->used = false;
}

static void timer_mod(void *timer, int64_t at_ms, void *opaque)
{
	if (timer != NULL)
		((struct timer *)timer)->at_ms = at_ms;
}

static void poll_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd,
	.unregister_poll_fd = poll_fd,
	.notify = notify,
};

/* ---------------------------------------------------------------- Frames -- */

static void take_frames(void)
{
	const uint8_t *frame;
	uint32_t length;
	enum framing_found found;

	do {
		found = framing_next(&net.rx, FRAME_MAX_BYTES, &frame, &length);
		if (found == FRAMING_FRAME)
			slirp_input(net.slirp, frame, (int)length);
	} while (found == FRAMING_FRAME || found == FRAMING_SIZE);
	if (found == FRAMING_BROKEN)
		net.ended = true;
}

static void read_frames(void)
{
	uint32_t room;
	uint8_t *at = framing_room(&net.rx, &room);
	ssize_t n = recv(FD, at, room, MSG_DONTWAIT);

	if (n > 0) {
		framing_filled(&net.rx, (uint32_t)n);
		take_frames();
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		net.ended = true;
	}
}

static void write_frames(void)
{
	ssize_t n;

	if (framing_bytes(&net.tx) == 0)
		return;
	n = send(FD, net.tx.bytes + net.tx.from, framing_bytes(&net.tx),
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		framing_written(&net.tx, (uint32_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		net.ended = true;
}

/* ------------------------------------------------------------------ Loop -- */

static int add_poll(int fd, int events, void *opaque)
{
	struct pollfd *at = &net.polls[net.n_polls];

	if (net.n_polls == POLLS_MAX)
		return -1;
	at->fd = fd;
	at->events = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
			     (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
			     (events & SLIRP_POLL_PRI ? POLLPRI : 0));
	at->revents = 0;
	return (int)net.n_polls++;
}

static int get_revents(int index, void *opaque)
{
	short revents;

	if (index < 0 || (unsigned)index >= net.n_polls)
		return 0;
	revents = net.polls[index].revents;
	return (revents & POLLIN ? SLIRP_POLL_IN : 0) |
	       (revents & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (revents & POLLPRI ? SLIRP_POLL_PRI : 0) |
	       (revents & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (revents & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* How long to wait, at most `limit_ms`, for the next timer. */
static uint32_t timers_wait(uint32_t limit_ms)
{
	int64_t now_ms = now_ns(NULL) / 1000000;

	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		const struct timer *timer = &net.timers[i];
		int64_t wait_ms = timer->at_ms - now_ms;

		if (!timer->used || timer->at_ms < 0)
			continue;
		if (wait_ms < 0)
			wait_ms = 0;
		if ((uint64_t)wait_ms < limit_ms)
			limit_ms = (uint32_t)wait_ms;
	}
	return limit_ms;
}

static void timers_run(void)
{
	int64_t now_ms = now_ns(NULL) / 1000000;

	for (unsigned i = 0; i < TIMERS_MAX; i++) {
		struct timer *timer = &net.timers[i];

		if (!timer->used || timer->at_ms < 0 || timer->at_ms > now_ms)
			continue;
		timer->at_ms = -1;
		slirp_handle_timer(net.slirp, timer->id, timer->opaque);
	}
}

static void turn(void)
{
	uint32_t wait_ms = 60000;
	int n;

	net.n_polls = 0;
	add_poll(FD,
		 SLIRP_POLL_IN |
			 (framing_bytes(&net.tx) != 0 ? SLIRP_POLL_OUT : 0),
		 NULL);
	slirp_pollfds_fill(net.slirp, &wait_ms, add_poll, NULL);
	n = poll(net.polls, net.n_polls, (int)timers_wait(wait_ms));
	if (n < 0 && errno != EINTR)
		net.ended = true;
	slirp_pollfds_poll(net.slirp, n < 0, get_revents, NULL);
	timers_run();
	if (n > 0 && (net.polls[0].revents & (POLLIN | POLLHUP)) != 0)
		read_frames();
	write_frames();
}

/* ----------------------------------------------------------------- Start -- */

static const char help[] =
	"Usage: mirage-slirp [OPTION]...\n"
	"A network with NAT, DHCP and port forwards for a Mirage program, "
	"which\n"
	"starts it by itself for --net NAME=slirp: and talks to it on "
	"descriptor "
	"3.\n"
	"\n"
	"  --hostfwd=PROTO:[ADDR]:PORT-[GUEST]:PORT\n"
	"                  hand connections to a port of this machine on to "
	"the\n"
	"                  program; PROTO is tcp or udp, ADDR is 127.0.0.1 "
	"and\n"
	"                  GUEST is 10.0.2.15 unless given; may be repeated\n"
	"  --restrict      nothing gets out; only port forwards get in\n"
	"  --no-ipv6       IPv4 only\n"
	"  --mtu=BYTES     without the Ethernet header (1500)\n"
	"  --help          this text\n"
	"  --version       the versions of Mirage and of libslirp\n"
	"\n"
	"The program's network is 10.0.2.0/24: the gateway is 10.0.2.2, which "
	"is\n"
	"also this machine, the name server 10.0.2.3, and DHCP gives out\n"
	"addresses from 10.0.2.15 on. With IPv6 it is fec0::/64, gateway "
	"fec0::2.\n";

static const struct option options[] = {
	{"hostfwd", required_argument, NULL, 'f'},
	{"restrict", no_argument, NULL, 'r'},
	{"no-ipv6", no_argument, NULL, '4'},
	{"mtu", required_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

static struct in_addr ipv4(const char *text)
{
	struct in_addr address = {0};

	inet_pton(AF_INET, text, &address);
	return address;
}

static void configure(SlirpConfig *config)
{
	*config = (SlirpConfig){
		.version = 4,
		.in_enabled = true,
		.vnetwork = ipv4("10.0.2.0"),
		.vnetmask = ipv4("255.255.255.0"),
		.vhost = ipv4("10.0.2.2"),
		.vdhcp_start = ipv4("10.0.2.15"),
		.vnameserver = ipv4("10.0.2.3"),
		.in6_enabled = true,
		.vprefix_len = 64,
		.if_mtu = 1500,
		.if_mru = 1500,
	};
	inet_pton(AF_INET6, "fec0::", &config->vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &config->vhost6);
	inet_pton(AF_INET6, "fec0::3", &config->vnameserver6);
}

static void forward(const char *rule)
{
	const char *wrong;
	struct hostfwd forward;
	char message[256];

	wrong = hostfwd_parse(&forward, rule);
	if (wrong != NULL) {
		snprintf(message, sizeof(message), "hostfwd=%s: %s", rule,
			 wrong);
		fail(MIRAGE_EINVAL, message);
	}
	if (slirp_add_hostfwd(net.slirp, forward.udp, forward.host,
			      forward.host_port, forward.guest,
			      forward.guest_port) == 0)
		return;
	snprintf(message, sizeof(message), "hostfwd=%s: %s; %s", rule,
		 strerror(errno),
		 errno == EACCES ? "choose a host port above 1023"
				 : "choose another host port or address");
	fail(errno == EACCES ? MIRAGE_EACCES : MIRAGE_EIO, message);
}

static void start(int argc, char *argv[])
{
	SlirpConfig config;
	int option;

	configure(&config);
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r')
			config.restricted = 1;
		else if (option == '4')
			config.in6_enabled = false;
		else if (option == 'm')
			config.if_mtu = config.if_mru =
				strtoul(optarg, NULL, 10);
		else if (option != 'f')
			exit(2);
	}
	if (optind < argc)
		exit(2);
	net.slirp = slirp_new(&config, &callbacks, NULL);
	if (net.slirp == NULL)
		fail(MIRAGE_EIO, "libslirp does not start");
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == 'f')
			forward(optarg);
}

/* The program must not outlive its parent, even if that has children which hold
 * the socket open. */
static void follow_parent(void)
{
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getppid() != parent)
		exit(1);
	/* A terminal's ^C is for the parent, whose end is the end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static bool answered(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		fputs(help, stdout);
	else if (argc == 2 && strcmp(argv[1], "--version") == 0)
		printf("mirage-slirp %s (libslirp %s)\n", MIRAGE_VERSION,
		       slirp_version_string());
	else
		return false;
	return true;
}

int main(int argc, char *argv[])
{
	static uint8_t buffers[2][FRAMING_BUFFER_BYTES];
	int type;
	socklen_t length = sizeof(type);

	if (answered(argc, argv))
		return fflush(stdout) == 0 ? 0 : 1;
	if (getsockopt(FD, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
	    type != SOCK_STREAM) {
		fputs("mirage-slirp: descriptor 3 is no stream socket; Mirage "
		      "programs start this, see --help\n",
		      stderr);
		return 2;
	}
	follow_parent();
	framing_init(&net.rx, buffers[0], FRAMING_BUFFER_BYTES);
	framing_init(&net.tx, buffers[1], FRAMING_BUFFER_BYTES);
	start(argc, argv);
	say(0, "ready");
	while (!net.ended)
		turn();
	slirp_cleanup(net.slirp);
	return 0;
}
