/* SPDX-License-Identifier: ISC */
/*
 * wire TAP TAP [vnet] [delay=US] [loss=P] [reorder=P] [duplicate=P] [seed=N]:
 * carries frames between two taps, each US microseconds late, and loses, holds back
 * and doubles P of a thousand: what netem does, for kernels without it, and from a
 * seed. With `vnet` frames are as long as segmentation offload makes them, and share
 * one fate. Says "ready".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 65536 + 64, HELD = 20000, BATCH = 64 };

struct frame {
	struct frame *next;
	uint64_t due_ns;
	int to;
	size_t length;
	uint8_t bytes[];
};

static struct frame *first;
static unsigned held;
static bool vnet;
static uint64_t delay_us, loss, reorder, duplicate, seed = 1;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool happens(uint64_t per_thousand)
{
	seed ^= seed << 13; /* xorshift64 */
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % 1000 < per_thousand;
}

static int attach(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	must(fd >= 0, "/dev/net/tun");
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (vnet)
		request.ifr_flags |= IFF_VNET_HDR;
	must(ioctl(fd, TUNSETIFF, &request) == 0, name);
	must(ioctl(fd, TUNSETOFFLOAD,
		   vnet ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0) == 0,
	     "TUNSETOFFLOAD");
	return fd;
}

/** Puts a frame behind those that are due no later. */
static void hold(int to, const uint8_t *bytes, size_t length, uint64_t due_ns)
{
	static struct frame *end; /* what comes in order goes there at once */
	struct frame *frame, **at = &first;

	if (held == HELD)
		return;
	frame = malloc(sizeof(*frame) + length);
	must(frame != NULL, "memory");
	*frame = (struct frame){.due_ns = due_ns, .to = to, .length = length};
	memcpy(frame->bytes, bytes, length);
	if (first != NULL && end->due_ns <= due_ns)
		at = &end->next;
	while (*at != NULL && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	frame->next = *at;
	*at = frame;
	if (frame->next == NULL)
		end = frame;
	held++;
}

static void carry(int from, int to)
{
	static uint8_t bytes[FRAME];

	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(from, bytes, sizeof(bytes));
		uint64_t due_ns = now_ns() + delay_us * 1000;

		if (n <= 0)
			return;
		if (happens(loss))
			continue;
		if (happens(reorder))
			due_ns += delay_us * 500 + 300000;
		hold(to, bytes, (size_t)n, due_ns);
		if (happens(duplicate))
			hold(to, bytes, (size_t)n, due_ns + 100000);
	}
}

static void deliver(void)
{
	while (first != NULL && first->due_ns <= now_ns()) {
		struct frame *frame = first;

		first = frame->next;
		held--;
		/* A full or missing interface is one more loss. */
		if (write(frame->to, frame->bytes, frame->length) < 0)
			must(errno == EAGAIN || errno == EIO, "write");
		free(frame);
	}
}

static void wait_for_work(struct pollfd fds[2])
{
	struct timespec left = {60, 0};
	uint64_t now = now_ns(), ns;

	if (first != NULL) {
		ns = first->due_ns > now ? first->due_ns - now : 0;
		left.tv_sec = (time_t)(ns / 1000000000u);
		left.tv_nsec = (long)(ns % 1000000000u);
	}
	must(ppoll(fds, 2, &left, NULL) >= 0, "ppoll");
}

static void option(const char *text)
{
	static const struct {
		const char *name;
		uint64_t *value;
	} options[] = {{"delay=", &delay_us},
		       {"loss=", &loss},
		       {"reorder=", &reorder},
		       {"duplicate=", &duplicate},
		       {"seed=", &seed}};

	vnet |= strcmp(text, "vnet") == 0;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t n = strlen(options[i].name);

		if (strncmp(text, options[i].name, n) == 0)
			*options[i].value = strtoull(text + n, NULL, 10);
	}
}

int main(int argc, char *argv[])
{
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc < 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 3; i < argc; i++)
		option(argv[i]);
	for (int i = 0; i < 2; i++)
		fds[i].fd = attach(argv[1 + i]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		wait_for_work(fds);
		carry(fds[0].fd, fds[1].fd);
		carry(fds[1].fd, fds[0].fd);
		deliver();
	}
}
