/* SPDX-License-Identifier: ISC */
/*
 * bench_dom0 VIF PEER_VIF ROUNDS: orders the same work of two guests (work.h),
 * in turns, and measures both with dom0's clock. VIF is our guest's interface,
 * PEER_VIF that of the Linux guest. Prints one figure a line (bench.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bench.h"
#include "work.h"

#define BATCH 64
#define ANSWER_MS 60000

/** One guest, seen from dom0. */
struct guest {
	const char *vif;
	int fd, bulk_fd;
	uint8_t header[WORK_HEADER_BYTES];
	uint32_t number;
};

static struct guest ours, peer;
static unsigned rounds;

static int packet_socket(const char *vif, int type)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)type),
		.sll_ifindex = (int)if_nametoindex(vif),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	bench_must(fd >= 0 && address.sll_ifindex != 0, vif);
	bench_must(bind(fd, (void *)&address, sizeof address) == 0, "bind");
	return fd;
}

static void open_guest(struct guest *guest, const char *vif)
{
	struct ifreq request = {0};

	guest->vif = vif;
	guest->fd = packet_socket(vif, WORK_TYPE);
	guest->bulk_fd = packet_socket(vif, 0); /* for sending only */
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", vif);
	bench_must(ioctl(guest->fd, SIOCGIFHWADDR, &request) == 0, vif);
	memset(guest->header, 0xff, 6); /* the guest is alone there */
	memcpy(guest->header + 6, request.ifr_hwaddr.sa_data, 6);
}

/** Sends an order and waits for its answer, which replaces it. */
static void ask(struct guest *guest, struct work *work)
{
	uint8_t frame[2048];
	struct pollfd ready = {.fd = guest->fd, .events = POLLIN};
	const uint32_t number = ++guest->number;

	work->number = number;
	memcpy(frame, guest->header, WORK_HEADER_BYTES);
	frame[12] = WORK_TYPE >> 8;
	frame[13] = WORK_TYPE & 255;
	memcpy(frame + WORK_HEADER_BYTES, work, sizeof *work);
	bench_must(send(guest->fd, frame, WORK_HEADER_BYTES + sizeof *work, 0) >
			   0,
		   "send");
	do {
		if (poll(&ready, 1, ANSWER_MS) != 1) {
			fprintf(stderr, "%s: no answer to order %u\n",
				guest->vif, number);
			exit(1);
		}
		bench_must(recv(guest->fd, frame, sizeof frame, 0) > 0, "recv");
		memcpy(work, frame + WORK_HEADER_BYTES, sizeof *work);
	} while (work->number != number || work->done == 0);
}

/* -------------------------------------------------------------- Measures -- */

/** What one round gave. */
struct result {
	double per_second; /* frames, bytes or requests */
	double hypercalls; /* per frame or request */
	double copies;	   /* of most of a frame or more, likewise */
};

static uint64_t received(const struct guest *guest)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/sys/class/net/%s/statistics/rx_packets",
		 guest->vif);
	file = fopen(path, "r");
	bench_must(file != NULL && fgets(text, sizeof text, file) != NULL,
		   path);
	fclose(file);
	return strtoull(text, NULL, 10);
}

static struct result measure_tx(struct guest *guest, uint32_t frames)
{
	struct work work = {.what = WORK_TX, .count = frames};
	uint64_t before = received(guest), start = bench_now_ns();
	double count, per_second;

	ask(guest, &work);
	count = (double)(received(guest) - before - 1); /* and the answer */
	per_second = bench_per_second(count, start);
	return (struct result){per_second, work.hypercalls / count,
			       work.copies / count};
}

static void blast(struct guest *guest, uint32_t frames)
{
	uint8_t frame[WORK_FRAME_BYTES] = {0};
	struct iovec piece = {frame, sizeof frame};
	struct mmsghdr messages[BATCH] = {0};

	memcpy(frame, guest->header, WORK_HEADER_BYTES);
	frame[12] = WORK_BULK >> 8;
	frame[13] = WORK_BULK & 255;
	for (unsigned i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &piece;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (frames > 0) {
		int n = sendmmsg(guest->bulk_fd, messages,
				 frames < BATCH ? frames : BATCH, 0);

		bench_must(n > 0 || errno == ENOBUFS, "sendmmsg");
		if (n > 0)
			frames -= (uint32_t)n;
	}
}

static struct result measure_rx(struct guest *guest, uint32_t frames)
{
	struct work work = {.what = WORK_RX};
	double count, per_second;
	uint64_t start;

	ask(guest, &work);
	work = (struct work){.what = WORK_RX};
	start = bench_now_ns();
	blast(guest, frames);
	ask(guest, &work);
	count = work.count < frames ? work.count : frames;
	per_second = bench_per_second(count, start);
	if (getenv("BENCH_VERBOSE") != NULL)
		fprintf(stderr, "%s: %g of %u frames arrived\n", guest->vif,
			count, frames);
	return (struct result){per_second, work.hypercalls / count,
			       work.copies / count};
}

static struct result measure_block(struct guest *guest, const struct work *want)
{
	struct work work = *want;
	uint64_t start = bench_now_ns();
	double count = want->count, per_second;

	ask(guest, &work);
	per_second = bench_per_second(count, start);
	return (struct result){per_second, work.hypercalls / count,
			       work.copies / count};
}

/* --------------------------------------------------------------- Figures -- */

typedef struct result measure_fn(struct guest *guest, const void *arg);

static double median_of(double values[], unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i; j > 0 && values[j] < values[j - 1]; j--) {
			double value = values[j];

			values[j] = values[j - 1];
			values[j - 1] = value;
		}
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/** Rounds of both guests in turns, who is first changing; one to warm up. */
static void compare(struct bench *bench, measure_fn *measure, const void *arg,
		    const char *unit)
{
	double hypercalls[BENCH_ROUNDS_MAX], copies[BENCH_ROUNDS_MAX];
	char name[64];

	for (unsigned i = 0; i <= rounds; i++) {
		bool peer_first = i % 2 != 0;
		struct result his, mine;

		if (peer_first)
			his = measure(&peer, arg);
		mine = measure(&ours, arg);
		if (!peer_first)
			his = measure(&peer, arg);
		if (getenv("BENCH_VERBOSE") != NULL)
			fprintf(stderr, "%s: %g against %g, %g hypercalls\n",
				bench->name, mine.per_second, his.per_second,
				mine.hypercalls);
		if (i == 0)
			continue;
		hypercalls[i - 1] = mine.hypercalls;
		copies[i - 1] = mine.copies;
		bench_round(bench, mine.per_second, his.per_second);
	}
	bench_print(bench);
	snprintf(name, sizeof name, "%s_hypercalls", bench->name);
	bench_print_lone(name, median_of(hypercalls, rounds), unit);
	snprintf(name, sizeof name, "%s_copies", bench->name);
	bench_print_lone(name, median_of(copies, rounds), unit);
}

static struct result tx(struct guest *guest, const void *arg)
{
	return measure_tx(guest, *(const uint32_t *)arg);
}

static struct result rx(struct guest *guest, const void *arg)
{
	return measure_rx(guest, *(const uint32_t *)arg);
}

static struct result block(struct guest *guest, const void *arg)
{
	struct result result = measure_block(guest, arg);
	const struct work *work = arg;

	if (work->random == 0)
		result.per_second *= work->size_bytes / 1e6;
	return result;
}

static void network(void)
{
	struct bench sent = {.name = "net_tx_1514",
			     .unit = "frames/s",
			     .against = "Linux netfront"};
	struct bench arrived = {.name = "net_rx_1514",
				.unit = "frames/s",
				.against = "Linux netfront"};
	uint32_t frames = 6000;

	compare(&sent, tx, &frames, "per frame");
	compare(&arrived, rx, &frames, "per frame");
}

static void blocks(void)
{
	struct bench in_order = {.name = "block_seqread_1m",
				 .unit = "MB/s",
				 .against = "Linux blkfront"};
	struct bench random = {.name = "block_randread_4k_qd32",
			       .unit = "requests/s",
			       .against = "Linux blkfront"};
	const struct work large = {.what = WORK_BLOCK,
				   .count = 32,
				   .size_bytes = 1 << 20,
				   .depth = 4};
	const struct work small = {.what = WORK_BLOCK,
				   .count = 2000,
				   .size_bytes = 4096,
				   .depth = 32,
				   .random = 2463534242u};

	compare(&in_order, block, &large, "per request");
	compare(&random, block, &small, "per request");
}

int main(int argc, char *argv[])
{
	if (argc < 4 || (rounds = (unsigned)atoi(argv[3])) < 1 ||
	    rounds > BENCH_ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_dom0 VIF PEER_VIF ROUNDS "
				"[net|block]\n");
		return 2;
	}
	open_guest(&ours, argv[1]);
	open_guest(&peer, argv[2]);
	if (argc < 5 || strncmp(argv[4], "net", 3) == 0)
		network();
	if (argc < 5 || strcmp(argv[4], "block") == 0)
		blocks();
	return 0;
}
