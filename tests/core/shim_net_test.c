/* SPDX-License-Identifier: ISC */
/* Shims of networks as programs meet them: asked for by option. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mirage_net *net;
static int open_result = 1, n_writable;
static uint8_t received[64];
static uint64_t received_ns[64];
static int n_received, n_to_send, stage;

static void on_receive(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		received_ns[n_received] = fake.now_ns;
		received[n_received++] = packets[i]->data[0];
		mirage_packet_release(packets[i]);
	}
}

static void on_net_event(void *arg, uint32_t event)
{
	n_writable += event == MIRAGE_EVENT_WRITABLE;
}

/** Sends frames of 60 bytes that begin with 1, 2, … */
static void send_frames(int n)
{
	for (int i = 1; i <= n; i++) {
		struct mirage_packet *packet;

		ck_assert_int_eq(mirage_net_reserve(net, 60, &packet, 1), 1);
		fake_frame(packet, (uint8_t)i, 60);
		ck_assert_int_eq(mirage_net_send(net, &packet, 1), 1);
	}
}

static void on_net_open(void *arg, int result, struct mirage_net *opened)
{
	open_result = result;
	if (result < 0)
		return;
	net = opened;
	mirage_net_on_event(net, on_net_event, NULL);
	mirage_net_on_receive(net, on_receive, NULL);
	send_frames(n_to_send);
}

static int start_net(int argc, char *argv[])
{
	mirage_net_open("service", 0, on_net_open, NULL);
	return 0;
}

/** Receives seven frames, then closes. */
static bool receive_and_close(void)
{
	switch (stage++) {
	case 0:
		for (uint8_t i = 1; i <= 7; i++)
			ck_assert(fake_net_receive(i, 60));
		return true;
	case 1:
		mirage_net_close(net);
		return true;
	default:
		return false;
	}
}

static void check_sent(const char *digits)
{
	ck_assert_uint_eq(fake.n_sent, strlen(digits));
	for (size_t i = 0; i < fake.n_sent; i++)
		ck_assert_int_eq(fake.sent[i][0], digits[i] - '0');
}

static void check_received(const char *digits)
{
	ck_assert_int_eq(n_received, (int)strlen(digits));
	for (int i = 0; i < n_received; i++)
		ck_assert_int_eq(received[i], digits[i] - '0');
}

static void run_net(const char *option, const char *value)
{
	fake.on_idle = receive_and_close;
	ck_assert_int_eq(fake_run(start_net, option, value, NULL), 0);
	ck_assert_uint_eq(fake.pool.n_out, 0);
	ck_assert_uint_eq(fake.nets_closed, 1);
}

START_TEST(a_traced_network)
{
	n_to_send = 1;
	run_net("--trace", "service");
	check_sent("1");
	check_received("1234567");
	ck_assert_str_eq(
		fake.log,
		"trace 0.000001000 service: reserve frames=1 length=60 got=1\n"
		"trace 0.000001000 service: send frames=1 bytes=60 taken=1\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: receive frames=1 bytes=60\n"
		"trace 0.000001000 service: close\n"
		"trace 0.000001000 service: event closed\n");
	ck_assert_uint_eq(net->counters->rx_frames, 7);
	ck_assert_uint_eq(net->counters->tx_frames, 1);
	ck_assert_uint_eq(net->counters->rx_bytes, 420);
}
END_TEST

static void check_capture(const char *path)
{
	char command[128], line[256];
	int n = 0;
	FILE *pipe;

	snprintf(command, sizeof command, "tcpdump -r %s -n -e -tt 2>/dev/null",
		 path);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	while (fgets(line, sizeof line, pipe) != NULL) {
		/* The first frame was sent, the others came in. */
		unsigned first = n == 0 ? 1 : (unsigned)n, got = 0;

		if (line[0] == '\t') /* the bytes */
			continue;
		n++;
		ck_assert_msg(sscanf(line,
				     "1600000000.000001 00:00:00:00:00:00 > "
				     "%x:00:00:00:00:00, ",
				     &got) == 1,
			      "%s", line);
		ck_assert_uint_eq(got, first);
		ck_assert_msg(strstr(line, "length 60") != NULL, "%s", line);
	}
	ck_assert_int_eq(pclose(pipe), 0);
	ck_assert_int_eq(n, 8);
}

START_TEST(a_recorded_network)
{
	char path[] = "/tmp/mirage-core-XXXXXX", value[64];

	ck_assert_int_ge(mkstemp(path), 0);
	snprintf(value, sizeof value,
		 _i == 0 ? "service=%s" : "service=pcap=%s", path);
	n_to_send = 1;
	run_net(_i == 0 ? "--trace" : "--net", value);
	ck_assert_str_eq(fake.log, "");
	check_capture(path);
	unlink(path);
}
END_TEST

START_TEST(recording_to_a_full_disk)
{
	n_to_send = 1;
	run_net("--trace", "service=/dev/full");
	check_received("1234567");
	ck_assert_str_eq(fake.log,
			 "test: error: recording to /dev/full ends: No space "
			 "left on device\n"
			 "test: warning: recording to /dev/full misses 8 "
			 "frames\n");
}
END_TEST

START_TEST(recording_to_nowhere)
{
	ck_assert_int_eq(
		fake_run(start_net, "--trace", "service=/nowhere/x.pcap", NULL),
		0);
	ck_assert_int_eq(open_result, MIRAGE_EIO);
	ck_assert_str_eq(fake.log,
			 "test: error: network 'service': cannot record to "
			 "/nowhere/x.pcap: No such file or directory\n");
	ck_assert_uint_eq(fake.nets_closed, 1);
}
END_TEST

TCase *core_case_trace_nets(void)
{
	TCase *tcase = tcase_create("traced networks");

	tcase_add_test(tcase, a_traced_network);
	tcase_add_loop_test(tcase, a_recorded_network, 0, 2);
	tcase_add_test(tcase, recording_to_a_full_disk);
	tcase_add_test(tcase, recording_to_nowhere);
	return tcase;
}

static const struct {
	const char *plan, *sent, *received;
	uint64_t tx_dropped, rx_dropped;
} net_plans[] = {
	{"drop=2", "134567", "134567", 1, 1},
	{"tx-drop-every=3", "12457", "1234567", 2, 0},
	{"rx-drop=1,rx-drop=7", "1234567", "23456", 0, 2},
	{"reorder=2", "1324567", "1324567", 0, 0},
	{"reorder-every=2", "1325476", "1325476", 0, 0},
	{"tx-reorder=7", "1234567", "1234567", 0, 0},
	{"duplicate=3", "12334567", "12334567", 0, 0},
	{"tx-duplicate=1,rx-duplicate=7", "11234567", "12345677", 0, 0},
	{"reorder=2,duplicate=3", "13324567", "13324567", 0, 0},
};

START_TEST(a_faulty_network)
{
	char value[64];

	n_to_send = 7;
	snprintf(value, sizeof value, "service=%s", net_plans[_i].plan);
	run_net("--fault", value);
	check_sent(net_plans[_i].sent);
	check_received(net_plans[_i].received);
	ck_assert_uint_eq(net->counters->tx_frames, 7);
	ck_assert_uint_eq(net->counters->tx_dropped_error,
			  net_plans[_i].tx_dropped);
	ck_assert_uint_eq(net->counters->rx_dropped_invalid,
			  net_plans[_i].rx_dropped);
}
END_TEST

START_TEST(a_reordered_frame_waits_past_a_dropped_one)
{
	n_to_send = 7;
	run_net("--fault", "service=reorder=2,drop=3");
	check_sent("142567");
	check_received("142567");
}
END_TEST

START_TEST(a_frame_held_at_the_end)
{
	n_to_send = 7;
	run_net("--fault", "service=rx-reorder=7");
	check_received("123456");
	/* Closed before it came: nobody wants it any more. */
	ck_assert_uint_eq(net->counters->rx_dropped_nobody, 1);
}
END_TEST

START_TEST(a_slow_network)
{
	n_to_send = 3;
	run_net("--fault", "service=tx-delay=1ms,rx-delay=2:5us");
	check_sent("123");
	check_received("1345672");
	ck_assert_uint_eq(received_ns[0], 1001000);
	ck_assert_uint_eq(received_ns[6], 1006000);
}
END_TEST

/** Receives seven frames under each of the plans, then closes. */
static bool receive_by_plans(void)
{
	static const char *const plans[] = {"rx-drop=1", "rx-drop-every=2"};
	const char *wrong;

	if (stage >= 2)
		return receive_and_close();
	ck_assert_ptr_null(mirage_core_net_fault(&fake.net, plans[stage++]));
	wrong = mirage_core_net_fault(&fake.net, "fail=1");
	ck_assert_ptr_nonnull(strstr(wrong, "fail and stall are for blocks"));
	for (uint8_t i = 1; i <= 7; i++)
		ck_assert(fake_net_receive(i, 60));
	if (stage == 2)
		mirage_net_close(net);
	return true;
}

START_TEST(a_new_plan_for_a_network)
{
	fake.on_idle = receive_by_plans;
	ck_assert_int_eq(
		fake_run(start_net, "--fault", "service=delay=0us", NULL), 0);
	check_received("234567"
		       "1357");
}
END_TEST

static bool plan_without_shim(void)
{
	if (stage == 0)
		ck_assert_ptr_nonnull(
			strstr(mirage_core_net_fault(&fake.net, "drop=1"),
			       "started without faults"));
	return receive_and_close();
}

START_TEST(no_plan_without_a_shim)
{
	fake.on_idle = plan_without_shim;
	ck_assert_int_eq(fake_run(start_net, "--trace", "service", NULL), 0);
	check_received("1234567");
}
END_TEST

START_TEST(two_shims)
{
	static const char *const expected =
		"trace 0.000001000 service: send frames=1 bytes=60 taken=1\n";

	n_to_send = 2;
	fake.on_idle = receive_and_close;
	ck_assert_int_eq(fake_run(start_net, "--fault", "service=drop=1",
				  "--trace", "service", NULL),
			 0);
	check_sent("2");
	check_received("234567");
	ck_assert_ptr_nonnull(strstr(fake.log, expected));
	ck_assert_uint_eq(net->counters->rx_frames, 6);
}
END_TEST

static struct mirage_pool big;
static struct mirage_packet big_packets[300];
static uint8_t big_memory[300][128];

/** Sends more than the shim holds. */
static void fill(void)
{
	struct mirage_packet *list[300];

	mirage_pool_init(&big, big_packets, big_memory, 300, 128, 0, NULL);
	ck_assert_int_eq(mirage_pool_reserve(&big, list, 300), 300);
	for (int i = 0; i < 300; i++)
		mirage_packet_append(list[i], 60);
	ck_assert_int_eq(mirage_net_send(net, list, 300), 254);
	ck_assert_int_eq(mirage_net_send(net, list + 254, 46), 0);
	ck_assert_int_eq(n_writable, 0);
	for (int i = 254; i < 300; i++)
		mirage_packet_release(list[i]);
}

static bool fill_and_free(void)
{
	switch (stage++) {
	case 0:
		fake.tx_room = 0;
		fill();
		fake.tx_room = SIZE_MAX;
		mirage_core_net_event(&fake.net, MIRAGE_EVENT_WRITABLE);
		return true;
	case 1:
		ck_assert_int_eq(n_writable, 1);
		ck_assert_uint_eq(fake.n_sent, 254);
		ck_assert_uint_eq(big.n_out, 0);
		mirage_exit(0);
		return true;
	default:
		return false;
	}
}

START_TEST(a_faulty_network_that_is_full)
{
	fake.on_idle = fill_and_free;
	ck_assert_int_eq(
		fake_run(start_net, "--fault", "service=drop=999", NULL), 0);
	ck_assert_int_eq(stage, 2);
}
END_TEST

static bool fill_and_wait(void)
{
	if (stage++ == 0) {
		fill();
		return true;
	}
	ck_assert_uint_eq(fake.now_ns, 1001000);
	ck_assert_uint_eq(fake.n_sent, 254);
	ck_assert_int_eq(n_writable, 1);
	mirage_exit(0);
	return true;
}

START_TEST(a_slow_network_that_is_full)
{
	fake.on_idle = fill_and_wait;
	ck_assert_int_eq(
		fake_run(start_net, "--fault", "service=delay=1ms", NULL), 0);
	ck_assert_int_eq(stage, 2);
}
END_TEST

START_TEST(a_plan_for_a_block)
{
	ck_assert_int_eq(fake_run(start_net, "--fault", "service=fail=1", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EINVAL);
	ck_assert_str_eq(fake.log,
			 "test: error: network 'service': --fault "
			 "service=fail=1: fail and stall are for blocks; a "
			 "network takes delay, drop, reorder and duplicate\n");
}
END_TEST

TCase *core_case_fault_nets(void)
{
	TCase *tcase = tcase_create("faulty networks");

	tcase_add_loop_test(tcase, a_faulty_network, 0,
			    sizeof net_plans / sizeof *net_plans);
	tcase_add_test(tcase, a_reordered_frame_waits_past_a_dropped_one);
	tcase_add_test(tcase, a_frame_held_at_the_end);
	tcase_add_test(tcase, a_slow_network);
	tcase_add_test(tcase, a_new_plan_for_a_network);
	tcase_add_test(tcase, no_plan_without_a_shim);
	tcase_add_test(tcase, two_shims);
	tcase_add_test(tcase, a_faulty_network_that_is_full);
	tcase_add_test(tcase, a_slow_network_that_is_full);
	tcase_add_test(tcase, a_plan_for_a_block);
	return tcase;
}
