/* SPDX-License-Identifier: ISC */
/*
 * The peer: the only program, /init, of a Linux guest. Does the same work as
 * bench_guest.c (see work.h) with what Linux offers: frames through a packet
 * socket and sendmmsg, received ones counted by the interface itself, reads past
 * the page cache through io_submit.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define BATCH 64

static int control, bulk, disk, counter;
static uint64_t disk_bytes;
static aio_context_t aio;
static uint8_t mac[6];
static uint8_t frame[WORK_FRAME_BYTES];
static void *buffers[WORK_DEPTH_MAX];
static uint64_t frames_before;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	sleep(1);
	reboot(RB_POWER_OFF);
}

/* --------------------------------------------------------------- Network -- */

static int packet_socket(int type, int index)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)type),
		.sll_ifindex = index,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), size = 4 << 20;

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	must(bind(fd, (void *)&address, sizeof address) == 0, "bind");
	return fd;
}

static void interface_up(void)
{
	struct ifreq request = {.ifr_name = "eth0"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), index;

	must(ioctl(fd, SIOCGIFHWADDR, &request) == 0, "eth0");
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	must(ioctl(fd, SIOCGIFFLAGS, &request) == 0, "flags");
	request.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "up");
	must(ioctl(fd, SIOCGIFINDEX, &request) == 0, "index");
	index = request.ifr_ifindex;
	close(fd);
	control = packet_socket(WORK_TYPE, index);
	bulk = packet_socket(0, index); /* for sending only */
	counter = open("/sys/class/net/eth0/statistics/rx_packets", O_RDONLY);
	must(counter >= 0, "rx_packets");
}

static uint64_t frames_received(void)
{
	char text[32] = "";

	must(pread(counter, text, sizeof text - 1, 0) > 0, "rx_packets");
	return strtoull(text, NULL, 10);
}

static void transmit(uint32_t count)
{
	struct iovec piece = {frame, sizeof frame};
	struct mmsghdr messages[BATCH] = {0};

	for (unsigned i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &piece;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (count > 0) {
		/* Full: the queue drops, and sendmmsg says so. */
		int n = sendmmsg(bulk, messages, count < BATCH ? count : BATCH,
				 0);

		if (n > 0)
			count -= (uint32_t)n;
	}
}

/* ----------------------------------------------------------------- Block -- */

static void open_disk(void)
{
	for (int i = 0; i < 100; i++) {
		disk = open("/dev/xvda", O_RDONLY | O_DIRECT);
		if (disk >= 0)
			break;
		usleep(50000);
	}
	must(disk >= 0, "/dev/xvda");
	disk_bytes = (uint64_t)lseek(disk, 0, SEEK_END);
	must(syscall(SYS_io_setup, WORK_DEPTH_MAX, &aio) == 0, "io_setup");
	for (unsigned i = 0; i < WORK_DEPTH_MAX; i++) {
		buffers[i] = aligned_alloc(4096,
					   i < 8 ? WORK_BLOCK_BYTES_MAX : 4096);
		must(buffers[i] != NULL, "memory");
		memset(buffers[i], 1, i < 8 ? WORK_BLOCK_BYTES_MAX : 4096);
	}
}

static void read_blocks(struct work *work)
{
	struct iocb blocks[WORK_DEPTH_MAX], *ready[WORK_DEPTH_MAX];
	struct io_event events[WORK_DEPTH_MAX];
	uint32_t state = work->random, sent = 0, done = 0;
	long n_ready = 0;

	for (uint32_t i = 0; i < work->depth && i < work->count; i++)
		ready[n_ready++] = &blocks[i];
	while (done < work->count) {
		for (long i = 0; i < n_ready; i++) {
			unsigned which = (unsigned)(ready[i] - blocks);

			*ready[i] = (struct iocb){
				.aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_fildes = (uint32_t)disk,
				.aio_buf = (uintptr_t)buffers[which],
				.aio_nbytes = work->size_bytes,
				.aio_offset = (int64_t)work_place(
					work, &state, sent++, disk_bytes),
			};
		}
		if (n_ready > 0)
			must(syscall(SYS_io_submit, aio, n_ready, ready) ==
				     n_ready,
			     "io_submit");
		long n = syscall(SYS_io_getevents, aio, 1, WORK_DEPTH_MAX,
				 events, NULL);

		must(n > 0, "io_getevents");
		n_ready = 0;
		for (long i = 0; i < n; i++) {
			must(events[i].res == (int64_t)work->size_bytes,
			     "read");
			done++;
			work->bytes += work->size_bytes;
			if (sent + (uint32_t)n_ready < work->count)
				ready[n_ready++] =
					(struct iocb *)(uintptr_t)events[i].obj;
		}
	}
}

/* ------------------------------------------------------------------ Work -- */

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, path);
	must(syscall(SYS_finit_module, fd, "", 0) == 0, path);
	close(fd);
}

static void obey(uint8_t *from)
{
	uint8_t answer[WORK_HEADER_BYTES + sizeof(struct work)];
	struct work work;

	memcpy(&work, from + WORK_HEADER_BYTES, sizeof work);
	memcpy(answer, from + 6, 6);
	memcpy(answer + 6, mac, 6);
	memcpy(answer + 12, from + 12, 2);
	memcpy(frame, answer, 12);
	frame[12] = WORK_BULK >> 8;
	frame[13] = WORK_BULK & 255;
	work.bytes = 0;
	if (work.what == WORK_TX) {
		transmit(work.count);
	} else if (work.what == WORK_RX) {
		uint64_t now = frames_received();

		work.count = (uint32_t)(now - frames_before);
		frames_before = now;
	} else if (work.what == WORK_BLOCK) {
		read_blocks(&work);
	}
	work.done = 1;
	work.hypercalls = 0;
	memcpy(answer + WORK_HEADER_BYTES, &work, sizeof work);
	must(send(bulk, answer, sizeof answer, 0) == sizeof answer, "answer");
}

int main(void)
{
	uint8_t order[2048];
	struct timespec now;

	mount("dev", "/dev", "devtmpfs", 0, "");
	/* The end of the boot: what comes now is the application's. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("us to main: %lld\n",
	       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	fflush(stdout);
	mkdir("/sys", 0755);
	mount("sys", "/sys", "sysfs", 0, "");
	load("/xen-netfront.ko");
	load("/xen-blkfront.ko");
	open_disk();
	interface_up();
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t n = recv(control, order, sizeof order, 0);

		if (n >= (ssize_t)(WORK_HEADER_BYTES + sizeof(struct work)))
			obey(order);
	}
}
