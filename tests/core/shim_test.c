/* SPDX-License-Identifier: ISC */
/* Fault plans, and the shims as programs meet them: asked for by option. */
#include "fake.h"
#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ----------------------------------------------------------------- Plans -- */

static struct core_fault_plan plan;

START_TEST(a_plan_is_read)
{
	const struct core_fault_rule *r = plan.rules;

	ck_assert_ptr_null(core_fault_plan_parse(
		&plan, "fail=3,fail-every=10:ENOSPC,delay=5ms,delay=7:2s,"
		       "rx-drop=1,tx-duplicate-every=4,reorder=9,stall=2"));
	ck_assert_uint_eq(plan.n_rules, 8);
	ck_assert(r[0].kind == CORE_FAULT_FAIL && r[0].number == 3 &&
		  !r[0].every && r[0].error == MIRAGE_EIO);
	ck_assert(r[1].every && r[1].number == 10 &&
		  r[1].error == MIRAGE_ENOSPC);
	ck_assert(r[2].kind == CORE_FAULT_DELAY && r[2].number == 0 &&
		  r[2].delay_ns == 5000000);
	ck_assert(r[3].number == 7 && r[3].delay_ns == 2000000000);
	ck_assert(r[4].kind == CORE_FAULT_DROP && r[4].way == CORE_FAULT_RX);
	ck_assert(r[5].kind == CORE_FAULT_DUPLICATE &&
		  r[5].way == CORE_FAULT_TX && r[5].every);
	ck_assert(r[6].kind == CORE_FAULT_REORDER &&
		  r[6].way == CORE_FAULT_BOTH);
	ck_assert(r[7].kind == CORE_FAULT_STALL);
}
END_TEST

static bool strikes(enum core_fault_kind kind, uint64_t number)
{
	return core_fault_plan_match(&plan, kind, CORE_FAULT_BOTH, number) !=
	       NULL;
}

START_TEST(a_plan_strikes_by_number)
{
	ck_assert_ptr_null(core_fault_plan_parse(
		&plan, "fail=3,stall-every=4,delay=1us,rx-drop=2"));
	for (uint64_t i = 1; i <= 12; i++) {
		ck_assert_int_eq(strikes(CORE_FAULT_FAIL, i), i == 3);
		ck_assert_int_eq(strikes(CORE_FAULT_STALL, i), i % 4 == 0);
		ck_assert(strikes(CORE_FAULT_DELAY, i));
		ck_assert(!strikes(CORE_FAULT_REORDER, i));
	}
	ck_assert_ptr_null(core_fault_plan_match(&plan, CORE_FAULT_DROP,
						 CORE_FAULT_TX, 2));
	ck_assert_ptr_nonnull(core_fault_plan_match(&plan, CORE_FAULT_DROP,
						    CORE_FAULT_RX, 2));
}
END_TEST

#define FAIL_FORM                                                   \
	": expected fail=N or fail=N:ERROR with N from 1 and ERROR" \
	" such as EIO"
#define DELAY_FORM                                                 \
	": expected delay=TIME or delay=N:TIME with N from 1 and " \
	"TIME in us, ms or s, at most 3600s"
#define KINDS_FORM                                                    \
	": expected fail, stall, delay, drop, reorder or duplicate, " \
	"perhaps with rx- or tx- before it and -every after it"

static const struct {
	const char *text, *mistake;
} bad_plans[] = {
	{"", "''" KINDS_FORM},
	{"fial=1", "'fial=1'" KINDS_FORM},
	{"fail", "'fail'" FAIL_FORM},
	{"fail=", "'fail='" FAIL_FORM},
	{"fail=0", "'fail=0'" FAIL_FORM},
	{"fail=-1", "'fail=-1'" FAIL_FORM},
	{"fail=99999999999999999999", "'fail=99999999999999999999'" FAIL_FORM},
	{"fail=1:EFOO", "'fail=1:EFOO'" FAIL_FORM},
	{"rx-fail=1", "'rx-fail=1'" KINDS_FORM},
	{"fail=1,,stall=2", "''" KINDS_FORM},
	{"stall=1:EIO", "'stall=1:EIO': expected stall=N with N from 1"},
	{"delay=5", "'delay=5'" DELAY_FORM},
	{"delay=5m", "'delay=5m'" DELAY_FORM},
	{"delay=3601s", "'delay=3601s'" DELAY_FORM},
	{"delay-every=5ms", "'delay-every=5ms'" DELAY_FORM},
	{"drop=x", "'drop=x': expected drop=N with N from 1"},
	{"reorder=1:", "'reorder=1:': expected reorder=N with N from 1"},
	{"tx-duplicate=", "'tx-duplicate=': expected duplicate=N with N from "
			  "1"},
	{"drop=1,drop=2,drop=3,drop=4,drop=5,drop=6,drop=7,drop=8,drop=9,"
	 "drop=10,drop=11,drop=12,drop=13,drop=14,drop=15,drop=16,drop=17",
	 "more than 16 faults"},
};

START_TEST(a_bad_plan)
{
	ck_assert_str_eq(core_fault_plan_parse(&plan, bad_plans[_i].text),
			 bad_plans[_i].mistake);
}
END_TEST

TCase *core_case_plans(void)
{
	TCase *tcase = tcase_create("plans");

	tcase_add_test(tcase, a_plan_is_read);
	tcase_add_test(tcase, a_plan_strikes_by_number);
	tcase_add_loop_test(tcase, a_bad_plan, 0,
			    sizeof bad_plans / sizeof *bad_plans);
	return tcase;
}

/* ------------------------------------------------------------ Networks -- */

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
	tcase_add_test(tcase, two_shims);
	tcase_add_test(tcase, a_faulty_network_that_is_full);
	tcase_add_test(tcase, a_slow_network_that_is_full);
	tcase_add_test(tcase, a_plan_for_a_block);
	return tcase;
}

/* ---------------------------------------------------------------- Blocks -- */

#define N 6

static struct mirage_block *block;
static struct mirage_block_request requests[N];
static uint8_t sector[512];
static struct mirage_vector vector = {sector, sizeof sector};
static int results[N], n_done;
static uint64_t done_ns[N];
static bool closed, reopens;
static mirage_block_open_fn on_block_open;

static void on_done(void *arg, int result)
{
	struct mirage_block_request *request = arg;

	results[request - requests] = result;
	done_ns[request - requests] = fake.now_ns;
	n_done++;
}

static void on_block_event(void *arg, uint32_t event)
{
	if (event != MIRAGE_EVENT_CLOSED)
		return;
	closed = true;
	if (!reopens)
		return;
	reopens = false;
	ck_assert_uint_eq(fake.blocks_disposed, 0);
	mirage_block_open("disk", on_block_open, NULL);
	ck_assert_uint_eq(fake.blocks_disposed, 1);
}

static void on_block_open(void *arg, int result, struct mirage_block *opened)
{
	struct mirage_block_request *list[N];

	open_result = result;
	if (result < 0)
		return;
	block = opened;
	mirage_block_on_event(block, on_block_event, NULL);
	for (int i = 0; i < N; i++) {
		requests[i] = (struct mirage_block_request){
			.op = i == N - 1 ? MIRAGE_BLOCK_FLUSH
					 : MIRAGE_BLOCK_READ,
			.n_vectors = 1,
			.vectors = &vector,
			.offset_bytes = (uint64_t)i * 512,
			.done = on_done,
			.arg = &requests[i],
		};
		list[i] = &requests[i];
		results[i] = 1;
	}
	mirage_block_submit(block, list, N);
}

static int start_block(int argc, char *argv[])
{
	mirage_block_open("disk", on_block_open, NULL);
	return 0;
}

static bool close_block(void)
{
	mirage_block_close(block);
	return stage++ < 3;
}

static void check_results(const int expected[N])
{
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], expected[i]);
}

START_TEST(a_traced_block)
{
	ck_assert_int_eq(fake_run(start_block, "--trace", "disk", NULL), 0);
	check_results((int[N]){0});
	ck_assert_ptr_eq(strstr(fake.log,
				"trace 0.000001000 disk: submit 1 read "
				"offset=0 length=512\n"),
			 fake.log);
	ck_assert_ptr_nonnull(strstr(fake.log,
				     "\ntrace 0.000001000 disk: done 6 flush "
				     "offset=0 length=0 result=OK\n"));
	ck_assert_uint_eq(block->counters->reads, N - 1);
	ck_assert_uint_eq(block->counters->flushes, 1);
}
END_TEST

START_TEST(a_block_has_no_frames_to_record)
{
	ck_assert_int_eq(fake_run(start_block, "--trace", "disk=x.pcap", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EINVAL);
	ck_assert_str_eq(fake.log,
			 "test: error: block 'disk': --trace disk=x.pcap: a "
			 "block is traced in the log; use --trace disk\n");
}
END_TEST

TCase *core_case_traces(void)
{
	TCase *tcase = tcase_create("traces");

	tcase_add_test(tcase, a_traced_network);
	tcase_add_loop_test(tcase, a_recorded_network, 0, 2);
	tcase_add_test(tcase, recording_to_a_full_disk);
	tcase_add_test(tcase, recording_to_nowhere);
	tcase_add_test(tcase, a_traced_block);
	tcase_add_test(tcase, a_block_has_no_frames_to_record);
	return tcase;
}

static const struct {
	const char *plan;
	int results[N];
	size_t n_submitted;
} block_plans[] = {
	{"disk=fail=2", {0, MIRAGE_EIO}, 5},
	{"disk=fail=6:ENOSPC", {0, 0, 0, 0, 0, MIRAGE_ENOSPC}, 5},
	{"disk=fail-every=3", {0, 0, MIRAGE_EIO, 0, 0, MIRAGE_EIO}, 4},
};

START_TEST(a_failing_block)
{
	ck_assert_int_eq(
		fake_run(start_block, "--fault", block_plans[_i].plan, NULL),
		0);
	check_results(block_plans[_i].results);
	ck_assert_uint_eq(fake.n_submitted, block_plans[_i].n_submitted);
	ck_assert_uint_eq(block->counters->errors,
			  N - block_plans[_i].n_submitted);
}
END_TEST

START_TEST(a_slow_block)
{
	ck_assert_int_eq(fake_run(start_block, "--fault",
				  "disk=delay=2:3ms,fail=2,delay=3:1ms", NULL),
			 0);
	check_results((int[N]){0, MIRAGE_EIO});
	ck_assert_uint_eq(done_ns[0], 1000);
	ck_assert_uint_eq(done_ns[1], 3001000);
	ck_assert_uint_eq(done_ns[2], 1001000);
}
END_TEST

START_TEST(a_stalled_request_ends_when_closing)
{
	fake.on_idle = close_block;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=stall=3",
				  _i == 1 ? "--trace" : NULL, "disk", NULL),
			 0);
	check_results((int[N]){0, 0, MIRAGE_EGONE});
	ck_assert(closed);
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(all_requests_stalled)
{
	fake.on_idle = close_block;
	ck_assert_int_eq(
		fake_run(start_block, "--fault", "disk=stall-every=1", NULL),
		0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], MIRAGE_EGONE);
	ck_assert(closed);
	ck_assert_uint_eq(fake.n_submitted, 0);
}
END_TEST

static bool close_and_lose(void)
{
	switch (stage++) {
	case 0:
		mirage_block_close(block);
		ck_assert_uint_eq(fake.blocks_closed, 0);
		return true;
	case 1:
		ck_assert_int_eq(n_done, N - 3);
		mirage_core_block_event(&fake.block, MIRAGE_EVENT_LOST);
		return true;
	default:
		return false;
	}
}

START_TEST(closing_while_the_device_is_lost)
{
	fake.hold = true;
	fake.on_idle = close_and_lose;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=stall=1", NULL),
			 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(results[i], MIRAGE_EGONE);
	ck_assert(closed);
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(a_plan_for_a_network)
{
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=drop=1", NULL),
			 0);
	ck_assert_int_eq(open_result, MIRAGE_EINVAL);
	ck_assert_str_eq(fake.log,
			 "test: error: block 'disk': --fault disk=drop=1: "
			 "drop, reorder, duplicate, rx- and tx- are for "
			 "networks; a block takes fail, stall and delay\n");
	ck_assert_uint_eq(fake.blocks_closed, 1);
}
END_TEST

START_TEST(a_shim_is_disposed_of_with_its_device)
{
	reopens = true;
	fake.on_idle = close_block;
	ck_assert_int_eq(fake_run(start_block, "--fault", "disk=fail=1,stall=2",
				  "--trace", "disk", NULL),
			 0);
	ck_assert(!reopens);
	ck_assert_uint_eq(fake.blocks_closed, 2);
	check_results((int[N]){MIRAGE_EIO, MIRAGE_EGONE});
}
END_TEST

TCase *core_case_fault_blocks(void)
{
	TCase *tcase = tcase_create("faulty blocks");

	tcase_add_loop_test(tcase, a_failing_block, 0,
			    sizeof block_plans / sizeof *block_plans);
	tcase_add_test(tcase, a_slow_block);
	tcase_add_loop_test(tcase, a_stalled_request_ends_when_closing, 0, 2);
	tcase_add_test(tcase, all_requests_stalled);
	tcase_add_test(tcase, closing_while_the_device_is_lost);
	tcase_add_test(tcase, a_plan_for_a_network);
	tcase_add_test(tcase, a_shim_is_disposed_of_with_its_device);
	return tcase;
}
