/* SPDX-License-Identifier: ISC */
/* The guest that is measured: does what dom0 orders (work.h). */
#include <mirage.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

#define BATCH 64

extern uint64_t xen_hypercall_count;

static struct mirage_net *net;
static struct mirage_block *disk;
static uint8_t header[WORK_HEADER_BYTES];
static uint8_t template[WORK_FRAME_BYTES];
static struct work order;
static uint64_t hypercalls_before, rx_hypercalls_before;
static uint32_t copies, copies_before, rx_copies_before;

/* The linker sends everybody's calls of memcpy here (`--wrap`). */
void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	copies += n >= WORK_LARGE_BYTES;
	return __real_memcpy(to, from, n);
}

/* --------------------------------------------------------------- Sending -- */

static struct mirage_packet *batch[BATCH];
static size_t batch_at, batch_n;
static uint32_t frames_left;
static bool answer_due;

static bool send_answer(void)
{
	struct mirage_packet *packet;
	uint8_t *at;

	if (mirage_net_reserve(net, sizeof header + sizeof order, &packet, 1) !=
	    1)
		return false;
	at = mirage_packet_append(packet, sizeof header + sizeof order);
	order.done = 1;
	order.hypercalls = xen_hypercall_count - hypercalls_before;
	order.copies = copies - copies_before;
	memcpy(at, header, sizeof header);
	memcpy(at + sizeof header, &order, sizeof order);
	if (mirage_net_send(net, &packet, 1) == 1)
		return true;
	mirage_packet_release(packet);
	return false;
}

/** Sends what is in hand; false if not all went. */
static bool send_batch(void)
{
	int taken = mirage_net_send(net, batch + batch_at, batch_n - batch_at);

	if (taken > 0)
		batch_at += (size_t)taken;
	return batch_at == batch_n;
}

static bool fill_batch(void)
{
	size_t n = frames_left < BATCH ? frames_left : BATCH;
	int got = mirage_net_reserve(net, WORK_FRAME_BYTES, batch, n);

	batch_at = 0;
	batch_n = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < batch_n; i++)
		memcpy(mirage_packet_append(batch[i], WORK_FRAME_BYTES),
		       template, WORK_FRAME_BYTES);
	frames_left -= (uint32_t)batch_n;
	return batch_n > 0;
}

/** Goes on until the device takes no more; WRITABLE goes on from there. */
static void pump(void)
{
	while (batch_at < batch_n || frames_left > 0) {
		if (batch_at == batch_n && !fill_batch())
			return;
		if (!send_batch())
			return;
	}
	if (answer_due && send_answer())
		answer_due = false;
}

static void answer(void)
{
	answer_due = true;
	pump();
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_WRITABLE)
		pump();
}

/* --------------------------------------------------------------- Reading -- */

static struct read {
	struct mirage_block_request request;
	struct mirage_vector vector;
} reads[WORK_DEPTH_MAX];

static uint32_t reads_sent, reads_done, random_state;

static void on_read(void *arg, int result);

static void next_read(struct read *read)
{
	struct mirage_block_request *request = &read->request;

	read->vector.length_bytes = order.size_bytes;
	read->request = (struct mirage_block_request){
		.op = MIRAGE_BLOCK_READ,
		.n_vectors = 1,
		.vectors = &read->vector,
		.offset_bytes = work_place(&order, &random_state, reads_sent++,
					   disk->info->size_bytes),
		.done = on_read,
		.arg = read,
	};
	mirage_block_submit(disk, &request, 1);
}

static void on_read(void *arg, int result)
{
	struct read *read = arg;

	if (result < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "read: %s",
			   mirage_strerror(result));
		mirage_exit(1);
		return;
	}
	order.bytes += order.size_bytes;
	reads_done++;
	if (reads_sent < order.count)
		next_read(read);
	else if (reads_done == order.count)
		answer();
}

static void start_reads(void)
{
	reads_sent = reads_done = 0;
	random_state = order.random;
	for (uint32_t i = 0; i < order.depth && reads_sent < order.count; i++)
		next_read(&reads[i]);
}

/* ------------------------------------------------------------- Receiving -- */

static uint32_t bulk_frames;
static uint64_t bulk_bytes;

static void obey(const struct mirage_packet *packet)
{
	if (packet->length_bytes < sizeof header + sizeof order)
		return;
	memcpy(&order, packet->data + sizeof header, sizeof order);
	memcpy(header, packet->data + 6, 6);
	memcpy(header + 6, net->info->mac, 6);
	memcpy(header + 12, packet->data + 12, 2);
	memcpy(template, header, sizeof header);
	template[12] = WORK_BULK >> 8;
	template[13] = WORK_BULK & 255;
	order.bytes = 0;
	hypercalls_before = xen_hypercall_count;
	copies_before = copies;
	if (order.what == WORK_TX) {
		frames_left = order.count;
		answer();
	} else if (order.what == WORK_RX) {
		order.count = bulk_frames;
		order.bytes = bulk_bytes;
		hypercalls_before = rx_hypercalls_before;
		rx_hypercalls_before = xen_hypercall_count;
		copies_before = rx_copies_before;
		rx_copies_before = copies;
		bulk_frames = 0;
		bulk_bytes = 0;
		answer();
	} else if (order.what == WORK_BLOCK && order.depth <= WORK_DEPTH_MAX &&
		   order.size_bytes <= WORK_BLOCK_BYTES_MAX) {
		start_reads();
	}
}

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mirage_packet *packet = packets[i];
		unsigned type =
			(unsigned)packet->data[12] << 8 | packet->data[13];

		if (type == WORK_BULK) {
			bulk_frames++;
			bulk_bytes += packet->length_bytes;
		} else if (type == WORK_TYPE) {
			obey(packet);
		}
		mirage_packet_release(packet);
	}
}

/* ----------------------------------------------------------------- Start -- */

static void ready(void)
{
	char line[] = "ready\n";

	if (net != NULL && disk != NULL)
		mirage_console_write(line, sizeof line - 1);
}

static void on_net(void *arg, int result, struct mirage_net *opened)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	net = opened;
	mirage_net_on_event(net, on_event, NULL);
	mirage_net_on_receive(net, on_receive, NULL);
	ready();
}

static void on_disk(void *arg, int result, struct mirage_block *opened)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	disk = opened;
	ready();
}

static int start(int argc, char *argv[])
{
	for (unsigned i = 0; i < WORK_DEPTH_MAX; i++) {
		reads[i].vector.base = aligned_alloc(
			4096, i < 8 ? WORK_BLOCK_BYTES_MAX : 4096);
		if (reads[i].vector.base == NULL)
			return MIRAGE_ENOMEM;
	}
	mirage_net_open("peer", 0, on_net, NULL);
	mirage_block_open("disk", on_disk, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
