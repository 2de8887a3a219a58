/* SPDX-License-Identifier: ISC */
/* What the simulated networks do to frames on their way, and that all of it is
 * counted. */
#include "sim_test.h"

#include <stdio.h>

#define FRAMES 10000u
#define FRAME_BYTES 100u

/* -------------------------------------------------------------- Traffic -- */

/* "a" sends FRAMES frames to "b", as fast as its queue takes them. */
static struct mirage_net *a, *b;
static uint32_t sent, received;
static uint32_t order[2 * FRAMES]; /* the numbers, as they arrived */
static uint32_t times[FRAMES];	   /* how often each number arrived */
static uint32_t damaged;
static uint32_t *lasting; /* where to leave `times`, for another process */
static uint64_t finished_ns;

static bool is_intact(const struct mirage_packet *packet)
{
	uint32_t number = frame_number(packet);

	if (packet->length_bytes != FRAME_BYTES || number >= FRAMES ||
	    memcmp(packet->data + 18, &number, sizeof number) != 0 ||
	    memcmp(packet->data, b->info->mac, 6) != 0 ||
	    memcmp(packet->data + 6, a->info->mac, 6) != 0)
		return false;
	for (uint32_t i = 12; i < FRAME_BYTES; i++)
		if ((i < 14 || i > 21) && packet->data[i] != 0)
			return false;
	return true;
}

static void on_frames(void *arg, struct mirage_packet *const packets[],
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t number = frame_number(packets[i]);

		ck_assert_uint_lt(received, 2 * FRAMES);
		order[received++] = number;
		damaged += !is_intact(packets[i]);
		if (number < FRAMES)
			times[number]++;
		mirage_packet_release(packets[i]);
	}
	finished_ns = mirage_clock_monotonic_ns();
}

static void send_more(void)
{
	for (; sent < FRAMES; sent++) {
		struct mirage_packet *packet =
			make_frame(a, b->info->mac, FRAME_BYTES, sent);

		if (packet == NULL)
			return;
		if (mirage_net_send(a, &packet, 1) == 0) {
			mirage_packet_release(packet);
			return;
		}
	}
}

static void on_writable(void *arg, uint32_t event)
{
	if (event == MIRAGE_EVENT_WRITABLE)
		send_more();
}

static void stop_listening(void)
{
	mirage_net_on_receive(b, NULL, NULL);
	if (lasting != NULL)
		memcpy(lasting, times, sizeof times);
}

static void begin(void)
{
	if (a == NULL || b == NULL)
		return;
	mirage_net_on_receive(b, on_frames, NULL);
	mirage_net_on_event(a, on_writable, NULL);
	after(SECOND, stop_listening);
	send_more();
}

static int traffic(int argc, char *argv[])
{
	open_net("a", 0, &a, begin);
	open_net("b", 0, &b, begin);
	return 0;
}

static struct mirage_sim_net_counters told;

static void run_traffic(const char *uri_options)
{
	char line[256];

	snprintf(line, sizeof line, "--net a=lan:x%s --net b=lan:x",
		 uri_options);
	ck_assert_int_eq(run(traffic, line), 0);
	ck_assert_uint_eq(sent, FRAMES);
	ck_assert_int_eq(mirage_sim_net_get_counters("a", &told), 0);
	ck_assert_uint_eq(a->counters->tx_frames, FRAMES);
	ck_assert_uint_eq(a->counters->tx_bytes, FRAMES * FRAME_BYTES);
	ck_assert_uint_eq(b->counters->rx_frames, received);
	/* Nothing disappears without a counter moving. */
	ck_assert_uint_eq(received, FRAMES + told.duplicated - told.lost);
	ck_assert_uint_eq(a->counters->tx_dropped_error, told.lost);
}

/** How many frames arrived after one that was sent later. */
static uint32_t overtaken(void)
{
	uint32_t last = 0, count = 0;

	for (uint32_t i = 0; i < received; i++) {
		count += order[i] < last;
		if (order[i] > last)
			last = order[i];
	}
	return count;
}

/** Within a fifth of the expectation: about ten standard deviations. */
static void about(uint64_t count, uint64_t expected)
{
	ck_assert_uint_ge(count, expected - expected / 5);
	ck_assert_uint_le(count, expected + expected / 5);
}

START_TEST(a_sound_medium_loses_nothing_and_keeps_order)
{
	run_traffic("");
	ck_assert_uint_eq(received, FRAMES);
	ck_assert_uint_eq(overtaken(), 0);
	ck_assert_uint_eq(damaged, 0);
}
END_TEST

START_TEST(loss_is_as_likely_as_given)
{
	run_traffic(",loss=0.2");
	about(told.lost, FRAMES / 5);
	ck_assert_uint_eq(overtaken(), 0);
	ck_assert_uint_eq(damaged, 0);
}
END_TEST

START_TEST(loss_of_all_and_of_none)
{
	run_traffic(",loss=1,duplicate=1");
	ck_assert_uint_eq(received, 0);
	ck_assert_uint_eq(told.lost, FRAMES);
}
END_TEST

START_TEST(jitter_keeps_the_order)
{
	run_traffic(",delay=1ms,jitter=500us");
	ck_assert_uint_eq(received, FRAMES);
	ck_assert_uint_eq(overtaken(), 0);
}
END_TEST

START_TEST(some_frames_are_overtaken)
{
	run_traffic(",reorder=0.1");
	ck_assert_uint_eq(received, FRAMES);
	about(told.reordered, FRAMES / 10);
	about(overtaken(), FRAMES / 10);
	ck_assert_uint_eq(damaged, 0);
}
END_TEST

START_TEST(some_frames_arrive_twice)
{
	uint32_t twice = 0;

	run_traffic(",duplicate=0.1");
	about(told.duplicated, FRAMES / 10);
	for (uint32_t i = 0; i < FRAMES; i++) {
		ck_assert_uint_ge(times[i], 1);
		ck_assert_uint_le(times[i], 2);
		twice += times[i] == 2;
	}
	ck_assert_uint_eq(twice, told.duplicated);
}
END_TEST

START_TEST(some_frames_are_damaged)
{
	run_traffic(",corrupt=0.1");
	about(told.corrupted, FRAMES / 10);
	ck_assert_uint_eq(damaged, told.corrupted);
}
END_TEST

START_TEST(all_at_once_adds_up)
{
	run_traffic(",loss=0.1,reorder=0.1,duplicate=0.1,corrupt=0.1,"
		    "jitter=1ms");
	about(told.lost, FRAMES / 10);
	about(told.duplicated, FRAMES * 9 / 100);
	about(told.corrupted, FRAMES * 9 / 100);
}
END_TEST

START_TEST(bandwidth_takes_its_time)
{
	/* 1,000,000 bytes at 4 MB a second. */
	run_traffic(",bandwidth=4000000,delay=1ms,queue=16");
	ck_assert_uint_ge(finished_ns, 251 * MS);
	ck_assert_uint_lt(finished_ns, 251 * MS + 100 * US);
	ck_assert_uint_eq(received, FRAMES);
}
END_TEST

/* ------------------------------------------------------- Streams of chance -- */

static struct mirage_block *disk;
static struct io io;
static unsigned writes;

static void write_on(void)
{
	if (writes++ < 100)
		submit(&io, disk, MIRAGE_BLOCK_WRITE, 0, 4096, write_on);
}

static int traffic_and_disk(int argc, char *argv[])
{
	open_disk("d", &disk, write_on);
	return traffic(argc, argv);
}

/** Which frames arrive from "a" under `seed`. */
static uint32_t *survivors(mirage_start_fn *start, const char *seed)
{
	char line[128];

	lasting = shared(sizeof times);
	snprintf(line, sizeof line,
		 "--seed %s --net a=lan:x,loss=0.5 --net b=lan:x "
		 "--block d=disk:1M",
		 seed);
	ck_assert_int_eq(run_apart(start, line), 0);
	return lasting;
}

START_TEST(one_more_disk_does_not_change_what_is_lost)
{
	uint32_t *alone = survivors(traffic, "5");
	uint32_t *beside = survivors(traffic_and_disk, "5");
	uint32_t *other = survivors(traffic, "6");

	ck_assert_mem_eq(alone, beside, sizeof times);
	ck_assert_mem_ne(alone, other, sizeof times);
}
END_TEST

/* --------------------------------------------------------- Back-pressure -- */

static void send_at_once(void)
{
	struct mirage_packet *packets[40];

	ck_assert_int_eq(mirage_net_reserve(a, 60, packets, 40), 40);
	for (int i = 0; i < 40; i++)
		ck_assert_ptr_nonnull(mirage_packet_append(packets[i], 60));
	ck_assert_int_eq(mirage_net_send(a, packets, 40), 16);
	ck_assert_int_eq(mirage_net_send(a, packets + 16, 24), 0);
	for (int i = 16; i < 40; i++)
		mirage_packet_release(packets[i]);
}

static unsigned writable;

static void count_writable(void *arg, uint32_t event)
{
	ck_assert_uint_eq(event, MIRAGE_EVENT_WRITABLE);
	writable++;
	send_frame(a, broadcast, 60, 0);
}

/* A shortage alone does not keep a program running. */
static void stay_a_while(void)
{
}

static void open_and_fill(void)
{
	after(MS, stay_a_while);
	mirage_net_on_event(a, count_writable, NULL);
	send_at_once();
}

static int fill_queue(int argc, char *argv[])
{
	open_net("a", 0, &a, open_and_fill);
	return 0;
}

START_TEST(a_full_queue_pushes_back_once)
{
	ck_assert_int_eq(run(fill_queue, "--net a=lan:x,queue=16"), 0);
	ck_assert_uint_eq(writable, 1);
	ck_assert_uint_eq(a->counters->tx_frames, 17);
	/* Nobody else is on this LAN. */
	ck_assert_uint_eq(a->counters->tx_dropped_error, 17);
	ck_assert_int_eq(mirage_sim_net_get_counters("a", &told), 0);
	ck_assert_uint_eq(told.unheard, 17);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_sound_medium_loses_nothing_and_keeps_order,
		loss_is_as_likely_as_given,
		loss_of_all_and_of_none,
		jitter_keeps_the_order,
		some_frames_are_overtaken,
		some_frames_arrive_twice,
		some_frames_are_damaged,
		all_at_once_adds_up,
		bandwidth_takes_its_time,
		one_more_disk_does_not_change_what_is_lost,
		a_full_queue_pushes_back_once,
	};

	return run_suite("sim-net", tests, sizeof tests / sizeof tests[0]);
}
