/* SPDX-License-Identifier: ISC */
/* Who gets a frame, links and backends that go away, frames that are held. */
#include "sim_test.h"

static struct mirage_sim_net_counters told;

/* ------------------------------------------------------------ Addressing -- */

static struct mirage_net *nets[4];
static uint32_t got[4][8]; /* by device and number of the frame */
static void (*when_open)(void);

static void on_numbered(void *arg, struct mirage_packet *const packets[],
			size_t n)
{
	uint32_t *counts = arg;

	for (size_t i = 0; i < n; i++) {
		counts[frame_number(packets[i])]++;
		mirage_packet_release(packets[i]);
	}
}

static void stop_all(void)
{
	for (int i = 0; i < 4; i++)
		if (nets[i] != NULL)
			mirage_net_on_receive(nets[i], NULL, NULL);
}

static void one_more_open(void)
{
	static int n_open;

	if (++n_open < 4)
		return;
	for (int i = 0; i < 4; i++)
		mirage_net_on_receive(nets[i], on_numbered, got[i]);
	after(SECOND, stop_all);
	when_open();
}

/* Three devices on one LAN, a fourth elsewhere. */
static int four_nets(int argc, char *argv[])
{
	static const char *const names[] = {"n0", "n1", "n2", "n3"};

	for (int i = 0; i < 4; i++)
		open_net(names[i], 0, &nets[i], one_more_open);
	return 0;
}

#define FOUR_NETS                                       \
	"--net n0=lan:x --net n1=lan:x --net n2=lan:x " \
	"--net n3=lan:y,mac=02:00:00:00:00:03"

static void address_some(void)
{
	static const uint8_t unknown[6] = {0x02, 1, 1, 1, 1, 1};

	send_frame(nets[0], nets[1]->info->mac, 60, 0);
	send_frame(nets[0], broadcast, 60, 1);
	send_frame(nets[0], unknown, 60, 2);
	send_frame(nets[0], nets[0]->info->mac, 60, 3);
	send_frame(nets[3], broadcast, 60, 4);
}

START_TEST(frames_reach_whom_they_are_for)
{
	static const uint32_t expected[4][8] = {
		{0}, {1, 1, 1, 1}, {0, 1, 1, 1}, {0}};

	when_open = address_some;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_mem_eq(got, expected, sizeof got);
	ck_assert_int_eq(mirage_sim_net_get_counters("n3", &told), 0);
	ck_assert_uint_eq(told.unheard, 1); /* alone on its LAN */
}
END_TEST

static void join(void)
{
	mirage_sim_net_partition("n1", "n0", false);
	send_frame(nets[0], broadcast, 60, 2);
}

static void part(void)
{
	mirage_sim_net_partition("n0", "n1", true);
	send_frame(nets[0], nets[1]->info->mac, 60, 0);
	send_frame(nets[1], broadcast, 60, 1);
	after(MS, join);
}

START_TEST(a_partition_parts_two_and_nobody_else)
{
	static const uint32_t expected[4][8] = {{0}, {0, 0, 1}, {0, 1, 1}, {0}};

	when_open = part;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_mem_eq(got, expected, sizeof got);
	ck_assert_uint_eq(nets[0]->counters->tx_dropped_error, 1);
	ck_assert(nets[0]->info->link_up);
}
END_TEST

/* ------------------------------------------------------- Link and backend -- */

static uint32_t events[16];

static void count_event(void *arg, uint32_t event)
{
	events[event]++;
}

static void plug_in(void)
{
	ck_assert_int_eq(mirage_sim_net_set_link("n0", true), 0);
	send_frame(nets[0], broadcast, 60, 2);
}

static void pull_plug(void)
{
	mirage_net_on_event(nets[0], count_event, NULL);
	ck_assert_int_eq(mirage_sim_net_set_link("n0", false), 0);
	ck_assert(!nets[0]->info->link_up);
	send_frame(nets[0], broadcast, 60, 0);
	send_frame(nets[1], broadcast, 60, 1);
	after(MS, plug_in);
}

START_TEST(a_pulled_cable_carries_nothing)
{
	static const uint32_t expected[4][8] = {{0}, {0, 0, 1}, {0, 1, 1}, {0}};

	when_open = pull_plug;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_mem_eq(got, expected, sizeof got);
	ck_assert_uint_eq(events[MIRAGE_EVENT_LINK], 2);
	ck_assert_uint_eq(nets[0]->counters->tx_dropped_link, 1);
	ck_assert_int_eq(mirage_sim_net_get_counters("n0", &told), 0);
	ck_assert_uint_eq(told.missed, 1);
}
END_TEST

static void come_back(void)
{
	ck_assert_uint_eq(got[1][0], 0);
	ck_assert_int_eq(mirage_sim_net_lose("n0", false), 0);
}

static void go_away(void)
{
	mirage_net_on_event(nets[0], count_event, NULL);
	ck_assert_int_eq(mirage_sim_net_lose("n0", true), 0);
	send_frame(nets[0], broadcast, 60, 0);
	send_frame(nets[1], broadcast, 60, 1);
	after(MS, come_back);
}

START_TEST(what_is_sent_waits_for_a_lost_backend)
{
	static const uint32_t expected[4][8] = {{0}, {1}, {1, 1}, {0}};

	when_open = go_away;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_mem_eq(got, expected, sizeof got);
	ck_assert_uint_eq(events[MIRAGE_EVENT_LOST], 1);
	ck_assert_uint_eq(events[MIRAGE_EVENT_BACK], 1);
}
END_TEST

static void close_paused(void)
{
	ck_assert_int_eq(mirage_sim_net_pause("n0", true), 0);
	send_frame(nets[0], broadcast, 60, 0);
	send_frame(nets[0], broadcast, 60, 0);
	mirage_net_close(nets[0]);
	nets[0] = NULL;
}

START_TEST(a_paused_network_is_a_deadlock_that_says_so)
{
	const char *text;
	int status;

	when_open = close_paused;
	text = run_stderr(four_nets, FOUR_NETS, &status);
	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(text,
				     "test: error: network 'n0' (lan:x) "
				     "is paused and has taken 2 frames\n"));
}
END_TEST

static void go_on(void)
{
	ck_assert_uint_eq(got[1][0], 0);
	ck_assert_int_eq(mirage_sim_net_pause("n0", false), 0);
}

static void close_and_go_on(void)
{
	mirage_net_on_event(nets[0], count_event, NULL);
	close_paused();
	after(MS, go_on);
}

START_TEST(a_closed_network_sends_what_it_has_taken)
{
	when_open = close_and_go_on;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_uint_eq(got[1][0], 2);
	ck_assert_uint_eq(events[MIRAGE_EVENT_CLOSED], 1);
}
END_TEST

static void inject(void)
{
	static const uint8_t bytes[2000];

	ck_assert_int_eq(mirage_sim_net_inject("n0", bytes, 0), 0);
	ck_assert_int_eq(mirage_sim_net_inject("n0", bytes, 13), 0);
	ck_assert_int_eq(mirage_sim_net_inject("n0", bytes, 60), 0);
	ck_assert_int_eq(mirage_sim_net_inject("n0", bytes, 1514), 0);
	ck_assert_int_eq(mirage_sim_net_inject("n0", bytes, 1515), 0);
	ck_assert_int_eq(mirage_sim_net_inject("n9", bytes, 60), MIRAGE_ENODEV);
}

START_TEST(frames_of_a_wrong_length_are_counted)
{
	when_open = inject;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
	ck_assert_uint_eq(nets[0]->counters->rx_dropped_size, 3);
	ck_assert_uint_eq(got[0][0], 2);
}
END_TEST

/* ------------------------------------------------------ Holding, closing -- */

static struct mirage_packet *held[1000];
static uint32_t n_held;

static void hold(void *arg, struct mirage_packet *const packets[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		held[n_held++] = packets[i];
}

static void release_one(void)
{
	ck_assert_uint_eq(n_held, 256);
	ck_assert_uint_eq(nets[1]->counters->rx_dropped_memory, 44);
	mirage_packet_release(held[--n_held]);
	send_frame(nets[0], nets[1]->info->mac, 60, 7);
}

static void close_with_packets_held(void)
{
	ck_assert_uint_eq(n_held, 256);
	mirage_net_close(nets[1]);
	nets[1] = NULL;
	send_frame(nets[0], broadcast, 60, 0);
}

static void release_after_close(void)
{
	for (uint32_t i = 0; i < n_held; i++) {
		ck_assert_uint_eq(frame_number(held[i]), 7);
		mirage_packet_release(held[i]);
	}
}

static void reopened(void)
{
	ck_assert_ptr_nonnull(nets[1]);
	after(MS, release_after_close);
}

static void reopen(void)
{
	open_net("n1", 0, &nets[1], reopened);
}

static void hold_all(void)
{
	mirage_net_on_receive(nets[1], hold, NULL);
	for (int i = 0; i < 200; i++)
		send_frame(nets[0], nets[1]->info->mac, 60, 7);
	for (int i = 0; i < 100; i++)
		send_frame(nets[2], nets[1]->info->mac, 60, 7);
	after(10 * MS, release_one);
	after(20 * MS, close_with_packets_held);
	after(30 * MS, reopen);
}

START_TEST(held_packets_are_the_holders_until_released)
{
	when_open = hold_all;
	ck_assert_int_eq(run(four_nets, FOUR_NETS), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		frames_reach_whom_they_are_for,
		a_partition_parts_two_and_nobody_else,
		a_pulled_cable_carries_nothing,
		what_is_sent_waits_for_a_lost_backend,
		a_paused_network_is_a_deadlock_that_says_so,
		a_closed_network_sends_what_it_has_taken,
		frames_of_a_wrong_length_are_counted,
		held_packets_are_the_holders_until_released,
	};

	return run_suite("sim-net-devices", tests,
			 sizeof tests / sizeof tests[0]);
}
