/* SPDX-License-Identifier: ISC */
/*
 * law.c: what holds for every device: completions, callbacks, memory.
 */
#include "conformance.h"

#define N 32u
#define PIECE 4096u

/* Reads of one disk, in flight together. */
static struct mirage_block_request requests[N];
static struct mirage_block_request *pointers[N];
static struct mirage_vector vectors[N];
static struct conf_done dones[N];

static void prepare(unsigned i, mirage_done_fn *done, void *arg)
{
	if (vectors[i].base == NULL)
		vectors[i].base = conf_memory(PIECE);
	vectors[i].length_bytes = PIECE;
	requests[i] = (struct mirage_block_request){.op = MIRAGE_BLOCK_READ,
						    .n_vectors = 1,
						    .vectors = &vectors[i],
						    .offset_bytes = i * PIECE,
						    .done = done,
						    .arg = arg};
	pointers[i] = &requests[i];
}

static void begin(void)
{
	unsigned i;

	for (i = 0; i < N; i++) {
		vectors[i].base = NULL;
		dones[i] = (struct conf_done){.count = 0};
		prepare(i, conf_count, &dones[i]);
	}
}

static unsigned total(void)
{
	unsigned sum = 0, i;

	for (i = 0; i < N; i++)
		sum += dones[i].count;
	return sum;
}

/* ----------------------------------------------------------- Completions -- */

/* Good requests and bad ones: the bad ones are complete as soon as they are
 * submitted, which is no reason to say so at once, or twice. */
CASE(law, completes_once, "LAW-01 LAW-02", .needs = CONF_DISK)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	requests[3].op = 77;
	requests[5].offset_bytes = 1;
	requests[7].offset_bytes = UINT64_MAX - 4095;
	requests[9].n_vectors = 0;
	vectors[11].length_bytes = 0;
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, N);
	CLAIM("LAW-02");
	CHECK_EQ(total(), 0);
	CLAIM("LAW-01");
	AWAIT(total() >= N);
	REST_NS(10000000);
	for (i = 0; i < N; i++)
		CHECK_EQ(dones[i].count, 1);
	CHECK_RESULT(dones[0].result, MIRAGE_OK);
	CHECK_RESULT(dones[3].result, MIRAGE_EINVAL);
	CASE_END;
}

static unsigned closing;

static void count_closed(void *arg, uint32_t event)
{
	closing -= event == MIRAGE_EVENT_CLOSED;
	conf_wake();
}

static void count_net(void *arg, int result, struct mirage_net *net)
{
	conf_count(arg, result);
	if (net == NULL)
		return;
	closing++;
	mirage_net_on_event(net, count_closed, NULL);
	mirage_net_close(net);
}

static void count_block(void *arg, int result, struct mirage_block *block)
{
	conf_count(arg, result);
	if (block == NULL)
		return;
	closing++;
	mirage_block_on_event(block, count_closed, NULL);
	mirage_block_close(block);
}

CASE(law, opens_complete_once, "LAW-01 LAW-02 LAW-04")
{
	static struct conf_done wrong, unknown, net, block;
	static unsigned n;

	CASE_BEGIN;
	mirage_net_open("no such name", 0, count_net, &wrong);
	mirage_block_open("nobody-gave-this", count_block, &unknown);
	n = 2;
	if (conf_name(CONF_NET_A) != NULL) {
		mirage_net_open(conf_name(CONF_NET_A), 0, count_net, &net);
		n++;
	}
	if (conf_name(CONF_DISK_512) != NULL) {
		mirage_block_open(conf_name(CONF_DISK_512), count_block,
				  &block);
		n++;
	}
	CLAIM("LAW-02");
	CHECK_EQ(wrong.count + unknown.count + net.count + block.count, 0);
	CLAIM("LAW-01");
	AWAIT(wrong.count + unknown.count + net.count + block.count >= n);
	REST_NS(10000000);
	CHECK_EQ(wrong.count, 1);
	CHECK_EQ(unknown.count, 1);
	CHECK(net.count <= 1 && block.count <= 1);
	/* The next case wants the names. */
	AWAIT(closing == 0);
	CASE_END;
}

/* ------------------------------------------------------------- Callbacks -- */

static unsigned depth, deepest, rounds;

static void enter(void)
{
	depth++;
	deepest = depth > deepest ? depth : deepest;
}

static void leave(void)
{
	depth--;
	conf_wake();
}

static void provoked(void *arg, int result)
{
	enter();
	leave();
}

static void provoked_open(void *arg, int result, struct mirage_block *block)
{
	enter();
	leave();
}

static void provoked_timer(void *arg)
{
	enter();
	leave();
}

/* Makes calls whose completions a careless backend would run at once. */
static void provoke(void *arg, int result)
{
	static struct mirage_timer timer;

	enter();
	if (rounds++ < 4) {
		prepare(1, provoke, NULL);
		prepare(2, provoked, NULL);
		requests[2].op = 0;
		prepare(3, provoked, NULL);
		vectors[3].length_bytes = 0;
		mirage_block_submit(conf_block(CONF_DISK_512), pointers + 1, 3);
		mirage_block_open("no such name", provoked_open, NULL);
		mirage_timer_start(&timer, 0, provoked_timer, NULL);
	}
	leave();
}

CASE(law, callbacks_do_not_nest, "LAW-03 LAW-04", .needs = CONF_DISK)
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	depth = deepest = rounds = 0;
	prepare(1, provoke, NULL);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers + 1, 1);
	AWAIT(rounds == 5);
	REST_NS(10000000);
	CHECK_EQ(deepest, 1);
	CHECK_EQ(depth, 0);
	CASE_END;
}

static void close_own(void *arg, int result)
{
	conf_count(arg, result);
	conf_close(CONF_DISK_512);
}

CASE(law, closes_own_device, "LAW-04 LAW-01", .needs = CONF_DISK)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	for (i = 0; i < N; i++)
		prepare(i, i == 0 ? close_own : conf_count, &dones[i]);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, N);
	AWAIT(conf_is_closed(CONF_DISK_512));
	CLAIM("LAW-01");
	for (i = 0; i < N; i++)
		CHECK_EQ(dones[i].count, 1);
	CASE_END;
}

/* Opens the name again from the last callback of the device. */
static struct conf_done reopened;

static void open_again(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_CLOSED)
		mirage_block_open(conf_name(CONF_DISK_512), count_block,
				  &reopened);
}

CASE(law, opens_inside_closed, "LAW-04 BLK-16", .needs = CONF_DISK)
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	conf_on_event(CONF_DISK_512, open_again, NULL);
	CLOSE(CONF_DISK_512);
	AWAIT(reopened.count == 1);
	CHECK_RESULT(reopened.result, MIRAGE_OK);
	/* Until count_block's close has come to its end. */
	REST_NS(10000000);
	CASE_END;
}

static struct conf_done received;

static void close_net(void *arg, struct mirage_packet *const packets[],
		      size_t n)
{
	size_t i;

	conf_close(CONF_NET_B);
	for (i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	conf_count(&received, 0);
}

static int send_one(void)
{
	static struct mirage_packet *packets[1];
	struct mirage_net *net = conf_net(CONF_NET_A);
	uint8_t *bytes;

	if (mirage_net_reserve(net, 60, packets, 1) != 1)
		return -1;
	bytes = mirage_packet_append(packets[0], 60);
	conf_set(bytes, 6, 0xff);
	conf_copy(bytes + 6, net->info->mac, 6);
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	if (mirage_net_send(net, packets, 1) == 1)
		return 0;
	mirage_packet_release(packets[0]);
	return -1;
}

CASE(law, closes_own_network, "LAW-04", .needs = CONF_PAIR)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	AWAIT(conf_net(CONF_NET_A)->info->link_up &&
	      conf_net(CONF_NET_B)->info->link_up);
	mirage_net_on_receive(conf_net(CONF_NET_B), close_net, NULL);
	CHECK_EQ(send_one(), 0);
	AWAIT(received.count > 0);
	AWAIT(conf_is_closed(CONF_NET_B));
	CASE_END;
}

/* ------------------------------------------------------ Broken contracts -- */

CASE(law, null_timer, "LAW-05", .aborts = "LAW-05")
{
	static struct mirage_timer timer;

	CASE_BEGIN;
	mirage_timer_start(&timer, 0, NULL, NULL);
	CASE_END;
}

CASE(law, null_net_open, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	mirage_net_open("any", 0, NULL, NULL);
	CASE_END;
}

CASE(law, null_block_open, "LAW-05", .aborts = "LAW-05")
{
	CASE_BEGIN;
	mirage_block_open("any", NULL, NULL);
	CASE_END;
}

CASE(law, null_completion, "LAW-05", .needs = CONF_DISK, .aborts = "LAW-05")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	prepare(0, NULL, NULL);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
	CASE_END;
}

CASE(law, submitted_twice, "LAW-05", .needs = CONF_DISK, .aborts = "LAW-05")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	pointers[1] = pointers[0];
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 2);
	CASE_END;
}

CASE(law, submitted_bad_twice, "LAW-05", .needs = CONF_DISK, .aborts = "LAW-05")
{
	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	requests[0].op = 99;
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
	CASE_END;
}

/* ---------------------------------------------------------------- Memory -- */

/* Submits itself again until enough: as it is, or after it was scribbled over. */
static void reuse(void *arg, int result)
{
	unsigned i = (unsigned)((struct conf_done *)arg - dones);

	conf_count(arg, result);
	if (dones[i].count >= 20)
		return;
	if (dones[i].count % 2 == 0) {
		conf_set(&requests[i], sizeof(requests[i]), 0xee);
		conf_set(vectors[i].base, PIECE, 0xee);
		prepare(i, reuse, arg);
	}
	mirage_block_submit(conf_block(CONF_DISK_512), &pointers[i], 1);
}

CASE(law, request_is_free_inside, "LAW-06 LAW-04", .needs = CONF_DISK)
{
	static unsigned i;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	for (i = 0; i < N; i++)
		prepare(i, reuse, &dones[i]);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, N);
	AWAIT(total() >= 20 * N);
	for (i = 0; i < N; i++) {
		CHECK_EQ(dones[i].count, 20);
		CHECK_RESULT(dones[i].result, MIRAGE_OK);
	}
	CASE_END;
}

/* A request in memory that was anything before, with no word of it set to zero
 * but those that the law names: zeroed memory is idle, so this one is zeroed. */
CASE(law, zeroed_is_idle, "LAW-06", .needs = CONF_DISK)
{
	static struct mirage_timer timer;
	static struct mirage_block_request flush;

	CASE_BEGIN;
	CHECK(!mirage_timer_armed(&timer));
	CHECK(!mirage_timer_cancel(&timer));
	OPEN(CONF_DISK_512);
	begin();
	flush.op = MIRAGE_BLOCK_FLUSH;
	flush.done = conf_count;
	flush.arg = &dones[0];
	mirage_block_submit(conf_block(CONF_DISK_512),
			    (struct mirage_block_request *[]){&flush}, 1);
	AWAIT(dones[0].count == 1);
	CASE_END;
}

/* ---------------------------------------------------------- Capabilities -- */

/* Submits `op` over the first sectors, which hold conf_fill of seed 9. */
static void submit_op(uint32_t op)
{
	requests[0] = (struct mirage_block_request){.op = op,
						    .length_bytes = PIECE,
						    .done = conf_count,
						    .arg = &dones[0]};
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
}

static uint32_t cap_of(uint32_t op)
{
	return op == MIRAGE_BLOCK_FLUSH	    ? MIRAGE_BLOCK_CAP_FLUSH
	       : op == MIRAGE_BLOCK_DISCARD ? MIRAGE_BLOCK_CAP_DISCARD
					    : MIRAGE_BLOCK_CAP_WRITE_ZEROES;
}

CASE(law, disk_without_capability, "LAW-07",
     .needs = CONF_DISK | CONF_DROP_CAPS, .caps = MIRAGE_BLOCK_CAP_WRITE)
{
	static uint32_t op, caps;

	CASE_BEGIN;
	OPEN(CONF_DISK_512);
	begin();
	conf_fill(vectors[0].base, PIECE, 9);
	requests[0].op = MIRAGE_BLOCK_WRITE;
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
	AWAIT(dones[0].count == 1);
	/* Where zeroes are written like all else they cannot be dropped. */
	caps = MIRAGE_BLOCK_CAP_FLUSH | MIRAGE_BLOCK_CAP_DISCARD;
	WORLD(conf_drop_caps(CONF_DISK_512,
			     caps | MIRAGE_BLOCK_CAP_WRITE_ZEROES) ||
	      conf_drop_caps(CONF_DISK_512, caps));
	AWAIT((conf_block(CONF_DISK_512)->info->caps & caps) == 0);
	for (op = MIRAGE_BLOCK_FLUSH; op <= MIRAGE_BLOCK_WRITE_ZEROES; op++) {
		if ((conf_block(CONF_DISK_512)->info->caps & cap_of(op)) != 0)
			continue;
		dones[0].count = 0;
		submit_op(op);
		AWAIT(dones[0].count == 1);
		CHECK_RESULT(dones[0].result, MIRAGE_ENOTSUP);
	}
	dones[0].count = 0;
	conf_set(vectors[0].base, PIECE, 0);
	prepare(0, conf_count, &dones[0]);
	mirage_block_submit(conf_block(CONF_DISK_512), pointers, 1);
	AWAIT(dones[0].count == 1);
	CHECK(conf_filled(vectors[0].base, PIECE, 9));
	CASE_END;
}

CASES(law) = {
	&law_completes_once,
	&law_opens_complete_once,
	&law_callbacks_do_not_nest,
	&law_closes_own_device,
	&law_opens_inside_closed,
	&law_closes_own_network,
	&law_null_timer,
	&law_null_net_open,
	&law_null_block_open,
	&law_null_completion,
	&law_submitted_twice,
	&law_submitted_bad_twice,
	&law_request_is_free_inside,
	&law_zeroed_is_idle,
	&law_disk_without_capability,
	NULL,
};
