/* SPDX-License-Identifier: ISC */
/*
 * hostile DEVICE BREACH END: a guest whose backend, tools/xen-backend, breaks the
 * protocol. DEVICE is `net` or `block`, BREACH a number of enum world_breach. END is
 * how the device is to take it: it `dies`, `lives`, or `waits` for ever. Whatever
 * it does, the guest's other device and its timers go on, and it says what it saw.
 */
#include <mirage.h>

#include "../../tools/xen-backend/world.h"

#include "block.h"
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS UINT64_C(1000000)
#define STEP_TICKS 10000
#define REST_TICKS 300
#define SECTOR_BYTES 512
#define FRAME_BYTES 60

/* Found by its symbol, by dom0. Not zero, so that it is in the image. */
extern struct world conf_world;
__attribute__((used, aligned(4096))) struct world conf_world = {
	.magic = WORLD_MAGIC,
	.played = 1,
};

static bool on_net;
static uint64_t breach;
static const char *end;

static struct mirage_net *a, *b;
static struct mirage_block *disk;
static unsigned n_open, n_received, n_sent, n_done, n_closed;
static struct read {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint8_t bytes[SECTOR_BYTES];
	int result;
} reads[2];

/* --------------------------------------------------------------- Devices -- */

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	n_received += (unsigned)n;
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
}

static void on_event(void *arg, uint32_t event)
{
	n_closed += event == MIRAGE_EVENT_CLOSED;
	if (event == MIRAGE_EVENT_CAPS)
		printf("capabilities changed\n");
}

static void got_net(void *arg, int result, struct mirage_net *net)
{
	struct mirage_net **to = arg;

	*to = net;
	n_open += result == 0;
}

static void got_disk(void *arg, int result, struct mirage_block *block)
{
	disk = block;
	n_open += result == 0;
}

static void send(unsigned n)
{
	struct mirage_packet *frames[2];

	n = (unsigned)mirage_net_reserve(a, FRAME_BYTES, frames, n);
	for (unsigned i = 0; i < n; i++) {
		memset(mirage_packet_append(frames[i], FRAME_BYTES), 0xff, 6);
		n_sent++;
	}
	if (mirage_net_send(a, frames, n) != (int)n)
		printf("not all was taken\n");
}

static void on_read(void *arg, int result)
{
	struct read *read = arg;

	read->result = result;
	n_done++;
}

static void submit(unsigned n, uint32_t op)
{
	struct mirage_block_request *requests[2];

	n_done = 0;
	for (unsigned i = 0; i < n; i++) {
		struct read *read = &reads[i];

		read->vector =
			(struct mirage_vector){read->bytes, SECTOR_BYTES};
		read->request = (struct mirage_block_request){
			.op = op,
			.n_vectors = op == MIRAGE_BLOCK_READ,
			.vectors = &read->vector,
			.offset_bytes = i * SECTOR_BYTES,
			.done = on_read,
			.arg = read,
		};
		requests[i] = &read->request;
	}
	mirage_block_submit(disk, requests, n);
}

/* ----------------------------------------------------------------- Steps -- */

static bool is_ready(void)
{
	if (__atomic_load_n(&conf_world.ready, __ATOMIC_ACQUIRE) != 1)
		return false;
	mirage_net_open("a", 0, got_net, &a);
	mirage_net_open("b", 0, got_net, &b);
	mirage_block_open("small", got_disk, NULL);
	return true;
}

static bool is_open(void)
{
	if (n_open < 3 || !a->info->link_up || !b->info->link_up)
		return false;
	mirage_net_on_receive(b, on_receive, NULL);
	mirage_net_on_event(a, on_event, NULL);
	mirage_block_on_event(disk, on_event, NULL);
	send(1);
	submit(1, MIRAGE_BLOCK_READ);
	return true;
}

static bool both_work(void)
{
	if (n_received < n_sent || n_done < 1)
		return false;
	if (reads[0].result != 0)
		printf("the disk fails\n");
	conf_world.op = WORLD_BREACH;
	conf_world.device = on_net ? WORLD_NET_A : WORLD_DISK_512;
	conf_world.argument = breach;
	__atomic_store_n(&conf_world.asked, 1, __ATOMIC_RELEASE);
	return true;
}

static bool is_asked(void)
{
	if (__atomic_load_n(&conf_world.answered, __ATOMIC_ACQUIRE) != 1)
		return false;
	if (conf_world.result != 1)
		printf("there is no such breach\n");
	if (on_net)
		send(2);
	else
		submit(2, breach == WORLD_REFUSE ? MIRAGE_BLOCK_FLUSH
						 : MIRAGE_BLOCK_READ);
	return true;
}

static uint64_t breaches(void)
{
	return on_net ? ((const struct xen_net *)a)->breaches
		      : ((const struct xen_block *)disk)->breaches;
}

static unsigned ticks;

/* Where it waits for ever, nothing can be waited for. */
static bool is_over(void)
{
	if (strcmp(end, "waits") == 0)
		return ticks == REST_TICKS;
	if (strcmp(end, "dies") == 0 && breaches() == 0)
		return false;
	if (!on_net)
		return n_done == 2;
	return strcmp(end, "dies") == 0 ||
	       n_received + a->counters->tx_dropped_error == n_sent;
}

static void use(bool the_net)
{
	if (the_net)
		send(1);
	else
		submit(1, MIRAGE_BLOCK_READ);
}

static void tell(void)
{
	if (on_net)
		printf("failed %d, breaches %d\n",
		       (int)a->counters->tx_dropped_error, (int)breaches());
	else
		printf("done %u, %s, breaches %d\n", n_done,
		       mirage_error_name(reads[1].result), (int)breaches());
}

static bool is_told(void)
{
	tell();
	n_received = n_sent = 0;
	use(!on_net);
	return true;
}

/* And then the one that was wronged. */
static bool other_works(void)
{
	if (on_net ? n_done < 1 || reads[0].result != 0 : n_received < 1)
		return false;
	printf("the other device works\n");
	n_received = n_sent = 0;
	if (strcmp(end, "waits") != 0)
		use(on_net);
	return true;
}

static bool is_used(void)
{
	bool lives = strcmp(end, "lives") == 0;

	if (strcmp(end, "waits") == 0)
		return true;
	if (on_net ? lives && n_received < 1 : n_done < 1)
		return false;
	if (on_net)
		printf("then link %d, received %u\n", a->info->link_up,
		       n_received);
	else
		printf("then %s\n", mirage_error_name(reads[0].result));
	mirage_net_close(a);
	mirage_block_close(disk);
	return true;
}

static bool is_closed(void)
{
	if (strcmp(end, "waits") == 0)
		return true;
	if (n_closed < 2)
		return false;
	printf("closed\n");
	return true;
}

static bool (*const steps[])(void) = {
	is_ready, is_open,     both_work, is_asked,  is_over,
	is_told,  other_works, is_used,	  is_closed,
};

/* -------------------------------------------------------------- The timer -- */

static struct mirage_timer timer;
static unsigned step;

static void on_tick(void *arg)
{
	ticks++;
	if (steps[step]()) {
		step++;
		ticks = 0;
	}
	if (step == sizeof(steps) / sizeof(steps[0])) {
		mirage_exit(0);
	} else if (ticks == STEP_TICKS) {
		printf("stuck at step %u\n", step);
		tell();
		mirage_exit(1);
	}
	mirage_timer_start(&timer, mirage_clock_monotonic_ns() + TICK_NS,
			   on_tick, NULL);
}

static int start(int argc, char *argv[])
{
	if (argc != 4)
		return 2;
	on_net = strcmp(argv[1], "net") == 0;
	breach = strtoull(argv[2], NULL, 10);
	end = argv[3];
	on_tick(NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
