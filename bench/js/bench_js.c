/* SPDX-License-Identifier: ISC */
/*
 * What the benchmarks of the JavaScript backend let a program do; each prints one
 * figure. The other side, and what is compared, is in bench_js.mjs.
 *
 *	bench_js read DEPTH N    random reads of 4 KiB from block "disk", per second
 *	bench_js flush DEPTH N   flushes: ns each, the core's part included
 *	bench_js submit N        empty submits, the boundary alone: ns each
 *	bench_js send N          frames of 1,514 bytes to network "wire": ns each
 *	bench_js receive N       the same, received, from the first to the last
 */
#include "js.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES 4096u
#define DEPTH_MAX 64u
#define FRAME_BYTES 1514u
#define BATCH 64u

static uint64_t wanted, submitted, finished;
static uint64_t began_ns;
static uint32_t depth;
static struct mirage_block *disk;
static struct mirage_net *wire;

static void end(const char *unit, double value)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%s %.3f\n", unit, value);

	mirage_console_write(line, (size_t)n);
	mirage_exit(0);
}

static double elapsed_ns(void)
{
	return (double)(mirage_clock_monotonic_ns() - began_ns);
}

static void end_each(void)
{
	end("ns", elapsed_ns() / (double)wanted);
}

/* --------------------------------------------------------------- Block -- */

static struct slot {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint8_t bytes[READ_BYTES];
} slots[DEPTH_MAX];

static uint32_t op;

/* xorshift: the same places in every run. */
static uint64_t random_sector(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % (disk->info->size_bytes / READ_BYTES);
}

static void on_done(void *arg, int result);

static void submit(struct slot *slot)
{
	struct mirage_block_request *request = &slot->request;

	memset(request, 0, sizeof *request);
	slot->vector = (struct mirage_vector){slot->bytes, READ_BYTES};
	request->op = op;
	if (op == MIRAGE_BLOCK_READ) {
		request->vectors = &slot->vector;
		request->n_vectors = 1;
		request->offset_bytes = random_sector() * READ_BYTES;
	}
	request->done = on_done;
	request->arg = slot;
	submitted++;
	mirage_block_submit(disk, &request, 1);
}

static void on_done(void *arg, int result)
{
	if (result < 0) {
		mirage_log(MIRAGE_LOG_ERROR, "disk: %s",
			   mirage_strerror(result));
		mirage_exit(1);
		return;
	}
	if (submitted < wanted)
		submit(arg);
	if (++finished < wanted)
		return;
	if (op == MIRAGE_BLOCK_READ)
		end("reads/s", (double)wanted * 1e9 / elapsed_ns());
	else
		end_each();
}

/* From C to JavaScript, which finds the device, and back. */
static void submit_nothing(void)
{
	for (uint64_t i = 0; i < wanted; i++)
		js_block_submit((struct js_block *)disk, NULL, 0);
	end_each();
}

static void on_disk(void *arg, int result, struct mirage_block *block)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	disk = block;
	began_ns = mirage_clock_monotonic_ns();
	if (depth == 0)
		submit_nothing();
	for (uint32_t i = 0; i < depth; i++)
		submit(&slots[i]);
}

/* ------------------------------------------------------------- Network -- */

static void send_some(void)
{
	struct mirage_packet *packets[BATCH];

	while (submitted < wanted) {
		uint64_t left = wanted - submitted;
		int n = mirage_net_reserve(wire, FRAME_BYTES, packets,
					   left < BATCH ? (size_t)left : BATCH);
		int taken;

		for (int i = 0; i < n; i++)
			memset(mirage_packet_append(packets[i], FRAME_BYTES),
			       0xff, 12);
		taken = n > 0 ? mirage_net_send(wire, packets, (size_t)n) : n;
		for (int i = taken < 0 ? 0 : taken; i < n; i++)
			mirage_packet_release(packets[i]);
		if (taken > 0)
			submitted += (uint64_t)taken;
		if (taken < (int)BATCH)
			break;
	}
	if (submitted == wanted)
		mirage_net_close(wire);
}

static void on_event(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED) {
		end_each();
		return;
	}
	if (!wire->info->link_up || submitted == wanted)
		return;
	if (began_ns == 0)
		began_ns = mirage_clock_monotonic_ns();
	send_some();
}

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	if (finished == 0)
		began_ns = mirage_clock_monotonic_ns();
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	finished += n;
	if (finished >= wanted)
		end_each();
}

static void on_wire(void *arg, int result, struct mirage_net *net)
{
	bool sends = arg != NULL;

	if (result < 0) {
		mirage_exit(1);
		return;
	}
	wire = net;
	if (!sends) {
		mirage_net_on_receive(net, on_receive, NULL);
		return;
	}
	/* Somebody must hold the program while the link is down. */
	mirage_net_on_receive(net, on_receive, NULL);
	mirage_net_on_event(net, on_event, NULL);
	on_event(NULL, MIRAGE_EVENT_LINK);
}

/* --------------------------------------------------------------- Start -- */

static int usage(void)
{
	mirage_log(MIRAGE_LOG_ERROR,
		   "give: read DEPTH N, flush DEPTH N, submit N, "
		   "send N or receive N");
	return 2;
}

static int start(int argc, char *argv[])
{
	static char sends[1];

	if (argc < 3)
		return usage();
	wanted = strtoull(argv[argc - 1], NULL, 10);
	if (argc == 4)
		depth = (uint32_t)strtoul(argv[2], NULL, 10);
	if (strcmp(argv[1], "read") == 0) {
		op = MIRAGE_BLOCK_READ;
	} else if (strcmp(argv[1], "flush") == 0) {
		op = MIRAGE_BLOCK_FLUSH;
	} else if (strcmp(argv[1], "submit") == 0) {
		op = 0;
	} else if (strcmp(argv[1], "send") == 0) {
		mirage_net_open("wire", 0, on_wire, sends);
		return 0;
	} else if (strcmp(argv[1], "receive") == 0) {
		mirage_net_open("wire", 0, on_wire, NULL);
		return 0;
	} else {
		return usage();
	}
	if ((op != 0) != (depth != 0) || depth > DEPTH_MAX || wanted < depth)
		return usage();
	mirage_block_open("disk", on_disk, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
