/* SPDX-License-Identifier: ISC */
/*
 * bench_net.c: frames through a tap, by mirage.h and by read and write, in a
 * network namespace that the program makes for itself. The tap takes one user at
 * a time: a round opens the network, works, closes it, and then runs its floor on
 * the same interface.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <mirage.h>

#include <endian.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP "bench0"
/* Many and short: a round is over before the machine changes its mind. */
#define ROUNDS 61
#define BATCH 16
/* What the queue of a tap holds for certain. */
#define QUEUE 500
#define GSO_BYTES (54 + 45 * 1448)

struct scenario {
	struct bench bench;
	uint32_t accept;
	uint32_t length;
	unsigned count;
	void (*begin)(const struct scenario *s); /* ends in `finish` */
	double (*floor)(const struct scenario *s);
};

static struct mirage_net *net;
static uint8_t bytes[sizeof(struct virtio_net_hdr) + GSO_BYTES];
static uint8_t *const frame = bytes + sizeof(struct virtio_net_hdr);
static int packet_fd; /* on the host's side of the tap */
static unsigned received;
static uint64_t start_ns, spent_ns;
static double value;

static void must(int ok, const char *what)
{
	bench_must(ok, what);
}

static void finish(double figure)
{
	value = figure;
	mirage_net_close(net);
}

static double speed(unsigned count, uint64_t ns)
{
	return count * 1e9 / (double)ns;
}

/* ------------------------------------------------------------- The world -- */

static int attach(bool vnet)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_name = TAP};

	must(fd >= 0, "/dev/net/tun");
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (vnet)
		request.ifr_flags |= IFF_VNET_HDR;
	must(ioctl(fd, TUNSETIFF, &request) == 0, "TUNSETIFF");
	must(ioctl(fd, TUNSETOFFLOAD, 0ul) == 0, "TUNSETOFFLOAD");
	return fd;
}

static void make_tap(void)
{
	struct ifreq request = {.ifr_name = TAP};
	int fd = attach(false), s = socket(AF_INET, SOCK_DGRAM, 0);

	must(ioctl(fd, TUNSETPERSIST, 1) == 0, "TUNSETPERSIST");
	must(s >= 0 && ioctl(s, SIOCGIFFLAGS, &request) == 0, "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	must(ioctl(s, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
	close(s);
	close(fd);
}

/** Keeps the host from sending frames of its own. */
static void quiet(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);

	if (fd < 0)
		return; /* there is no IPv6 */
	must(write(fd, "1", 1) == 1, "disable_ipv6");
	close(fd);
}

static int packet_socket(uint16_t type)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htobe16(type));
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htobe16(type),
				 .sll_ifindex = (int)if_nametoindex(TAP)};
	int one = 1;

	must(fd >= 0, "packet socket");
	/* The queueing discipline comes up a moment after the carrier. */
	must(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
			sizeof(one)) == 0,
	     "PACKET_QDISC_BYPASS");
	must(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
			sizeof(one)) == 0,
	     "PACKET_IGNORE_OUTGOING");
	must(bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "bind");
	return fd;
}

/** A frame of an experimental type that nobody but the echo takes. */
static void make_frame(uint16_t type)
{
	memset(bytes, 0, sizeof(bytes));
	memset(frame, 0xff, ETH_ALEN);
	memset(frame + ETH_ALEN, 2, ETH_ALEN);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
}

/** Answers every frame of ETH_P_802_EX1 with itself, for ever. */
static void echo_child(void)
{
	uint8_t buffer[2048];
	int fd;

	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (fd = packet_socket(ETH_P_802_EX1);;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n > 0)
			send(fd, buffer, (size_t)n, 0);
	}
}

/** Puts a queue's worth of frames before the one who reads. */
static void fill(const struct scenario *s)
{
	for (unsigned i = 0; i < QUEUE; i++)
		must(send(packet_fd, frame, s->length, 0) == (ssize_t)s->length,
		     "fill");
}

/* --------------------------------------------------------------- Sending -- */

static void send_begin(const struct scenario *s)
{
	struct mirage_packet *packets[BATCH];

	start_ns = bench_now_ns();
	for (unsigned done = 0; done < s->count; done += BATCH) {
		must(mirage_net_reserve(net, s->length, packets, BATCH) ==
			     BATCH,
		     "reserve");
		for (unsigned i = 0; i < BATCH; i++)
			memcpy(mirage_packet_append(packets[i], s->length),
			       frame, s->length);
		must(mirage_net_send(net, packets, BATCH) == BATCH, "send");
	}
	spent_ns = bench_now_ns() - start_ns;
	must(net->counters->tx_dropped_error == 0 &&
		     net->counters->tx_dropped_link == 0,
	     "frames were dropped");
	finish(speed(s->count, spent_ns));
}

static double send_floor(const struct scenario *s)
{
	int fd = attach(false);

	start_ns = bench_now_ns();
	for (unsigned i = 0; i < s->count; i++)
		must(write(fd, frame, s->length) == (ssize_t)s->length,
		     "write");
	spent_ns = bench_now_ns() - start_ns;
	close(fd);
	return speed(s->count, spent_ns);
}

/* ------------------------------------------------- Sending superframes -- */

static void keep(struct mirage_packet *packet)
{
}

/** A frame that stays the sender's, as TCP keeps what may be lost. */
static void gso_begin(const struct scenario *s)
{
	struct mirage_packet packet = {
		.data = frame,
		.length_bytes = GSO_BYTES,
		.csum = MIRAGE_CSUM_BLANK,
		.csum_start_bytes = 34,
		.csum_offset_bytes = 16,
		.gso = MIRAGE_GSO_TCPV4,
		.gso_size_bytes = 1448,
		.buffer = bytes,
		.capacity_bytes = sizeof(bytes),
		.recycle = keep,
	};
	struct mirage_packet *const sent = &packet;

	start_ns = bench_now_ns();
	for (unsigned i = 0; i < s->count; i++) {
		packet.references = 1;
		must(mirage_net_send(net, &sent, 1) == 1, "send");
	}
	spent_ns = bench_now_ns() - start_ns;
	must(net->counters->tx_dropped_error == 0, "frames were dropped");
	finish(speed(s->count, spent_ns));
}

static double gso_floor(const struct scenario *s)
{
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16,
	};
	int fd = attach(true);

	memcpy(bytes, &header, sizeof(header));
	start_ns = bench_now_ns();
	for (unsigned i = 0; i < s->count; i++)
		must(write(fd, bytes, sizeof(bytes)) == sizeof(bytes), "write");
	spent_ns = bench_now_ns() - start_ns;
	close(fd);
	return speed(s->count, spent_ns);
}

/* ------------------------------------------------------------- Receiving -- */

static void receive_on_frames(void *arg, struct mirage_packet *const packets[],
			      size_t n)
{
	const struct scenario *s = arg;

	received += (unsigned)n;
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	if (received % QUEUE != 0)
		return;
	spent_ns += bench_now_ns() - start_ns;
	if (received == s->count) {
		finish(speed(s->count, spent_ns));
		return;
	}
	fill(s);
	start_ns = bench_now_ns();
}

static void receive_begin(const struct scenario *s)
{
	received = 0;
	spent_ns = 0;
	mirage_net_on_receive(net, receive_on_frames, (void *)s);
	fill(s);
	start_ns = bench_now_ns();
}

static double receive_floor(const struct scenario *s)
{
	uint8_t buffer[2048];
	int fd = attach(false);

	spent_ns = 0;
	for (unsigned done = 0; done < s->count; done += QUEUE) {
		unsigned n = 0;

		fill(s);
		start_ns = bench_now_ns();
		while (read(fd, buffer, sizeof(buffer)) > 0)
			n++;
		spent_ns += bench_now_ns() - start_ns;
		must(n == QUEUE, "frames are missing");
	}
	close(fd);
	return speed(s->count, spent_ns);
}

/* ------------------------------------------------------------ There, back -- */

static void pingpong_serve(void)
{
	struct mirage_packet *packet;

	must(mirage_net_reserve(net, 64, &packet, 1) == 1, "reserve");
	memcpy(mirage_packet_append(packet, 64), frame, 64);
	must(mirage_net_send(net, &packet, 1) == 1, "send");
}

static void pingpong_on_frames(void *arg, struct mirage_packet *const packets[],
			       size_t n)
{
	const struct scenario *s = arg;

	received += (unsigned)n;
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	if (received < s->count)
		pingpong_serve();
	else
		finish((double)(bench_now_ns() - start_ns) / s->count);
}

static void pingpong_begin(const struct scenario *s)
{
	received = 0;
	mirage_net_on_receive(net, pingpong_on_frames, (void *)s);
	start_ns = bench_now_ns();
	pingpong_serve();
}

static double pingpong_floor(const struct scenario *s)
{
	uint8_t buffer[2048];
	int fd = attach(false);

	must(fcntl(fd, F_SETFL, 0) == 0, "F_SETFL");
	start_ns = bench_now_ns();
	for (unsigned i = 0; i < s->count; i++) {
		must(write(fd, frame, 64) == 64, "write");
		must(read(fd, buffer, sizeof(buffer)) == 64, "read");
	}
	spent_ns = bench_now_ns() - start_ns;
	close(fd);
	return (double)spent_ns / s->count;
}

/* ------------------------------------------------------------- The rounds -- */

#define SCENARIO(name, unit, against, ...)                      \
	{                                                       \
		{name, unit, against, 0, {0}, {0}}, __VA_ARGS__ \
	}

static struct scenario scenarios[] = {
	SCENARIO("net_tap_tx_64", "frames/s", "write", 0, 64, 3200, send_begin,
		 send_floor),
	SCENARIO("net_tap_tx_1514", "frames/s", "write", 0, 1514, 3200,
		 send_begin, send_floor),
	SCENARIO("net_tap_rx_64", "frames/s", "read", 0, 64, 2500,
		 receive_begin, receive_floor),
	SCENARIO("net_tap_rx_1514", "frames/s", "read", 0, 1514, 2500,
		 receive_begin, receive_floor),
	SCENARIO("net_tap_gso_64k", "frames/s", "write, IFF_VNET_HDR",
		 MIRAGE_NET_CAP_RX_CSUM, GSO_BYTES, 300, gso_begin, gso_floor),
	SCENARIO("net_tap_pingpong", "ns", "blocking read and write", 0, 64,
		 300, pingpong_begin, pingpong_floor),
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static unsigned current;

static void next(void);

static void on_event(void *arg, uint32_t event)
{
	struct scenario *s = &scenarios[current % SCENARIOS];

	if (event != MIRAGE_EVENT_CLOSED)
		return;
	bench_round(&s->bench, value, s->floor(s));
	current++;
	next();
}

static void on_open(void *arg, int result, struct mirage_net *opened)
{
	struct scenario *s = &scenarios[current % SCENARIOS];
	bool echoed = s->begin == pingpong_begin;

	if (result < 0) {
		mirage_exit(1);
		return;
	}
	net = opened;
	mirage_net_on_event(net, on_event, NULL);
	make_frame(echoed		   ? ETH_P_802_EX1
		   : s->begin == gso_begin ? ETH_P_IP
					   : 0x88b6);
	s->begin(s);
}

static void next(void)
{
	const struct scenario *s = &scenarios[current % SCENARIOS];

	if (current < ROUNDS * SCENARIOS) {
		mirage_net_open("service", s->accept, on_open, NULL);
		return;
	}
	for (unsigned i = 0; i < SCENARIOS; i++)
		bench_print(&scenarios[i].bench);
}

static int start(int argc, char *argv[])
{
	next();
	return 0;
}

static int skip(const char *why)
{
	for (unsigned i = 0; i < SCENARIOS; i++)
		bench_skip(scenarios[i].bench.name, why);
	return 0;
}

int main(int argc, char *argv[])
{
	char *arguments[] = {argv[0], "--net", "service=tap:" TAP, NULL};

	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		return skip("no permission for /dev/net/tun");
	if (unshare(CLONE_NEWNET) != 0)
		return skip("no permission to make a network namespace");
	quiet();
	make_tap();
	packet_fd = packet_socket(0);
	echo_child();
	return mirage_run(3, arguments, start);
}
