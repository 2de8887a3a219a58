/* SPDX-License-Identifier: ISC */
/* The console's ring, with the other side played: one that reads, one that does not,
 * and one whose indices make no sense. */
#include "xen.h"

#include "log_page.h"
#include "machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define PORT 7u
#define RING_AND_BUFFER (2048u + 16384u)
#define PATIENCE_NS UINT64_C(5000000000)

/* ------------------------------------------------------------- Hypervisor -- */

static struct xencons_interface ring;
static struct xen_log_page log_page;
static void (*on_event)(void *arg);
static uint64_t now_ns, waits;
static unsigned reports, console_events;
static uint32_t takes; /* bytes that the reader takes while it is waited for */
static char typed[4096], output[65536];
static size_t n_typed, n_output;
static struct xen_kick *kicked;

static uint64_t monotonic_ns(void)
{
	return now_ns;
}

const struct mirage_clock_ops xen_clock_ops = {
	.size = sizeof xen_clock_ops,
	.monotonic_ns = monotonic_ns,
};

uint64_t xen_hvm_param(uint32_t index)
{
	return index == HVM_PARAM_CONSOLE_PFN ? 1 : PORT;
}

void *xen_map(uint64_t physical, enum xen_protection protection)
{
	return physical == XEN_LOG_GFN * XEN_PAGE_BYTES ? (void *)&log_page
							: &ring;
}

void xen_crash(const char *reason)
{
	abort();
}

void xen_report(const char *text)
{
	reports++;
}

void xen_event_bind(uint32_t port, void (*handler)(void *arg), void *arg)
{
	on_event = handler;
}

void xen_event_notify(uint32_t port)
{
	ck_assert(port == PORT || port == log_page.port);
}

void xen_kick(struct xen_kick *kick)
{
	kicked = kick;
}

/* The reader takes from the ring what is there. */
static void take(uint32_t n)
{
	while (n-- > 0 && ring.out_cons != ring.out_prod) {
		ck_assert_uint_lt(n_output, sizeof output);
		output[n_output++] =
			ring.out[MASK_XENCONS_IDX(ring.out_cons, ring.out)];
		ring.out_cons++;
	}
}

void xen_event_wait_one(uint32_t port, uint64_t deadline_ns)
{
	ck_assert_uint_lt(++waits, 100000);
	if (takes == 0)
		now_ns = deadline_ns;
	take(takes);
}

void mirage_core_event(uint32_t event)
{
	console_events += event == MIRAGE_EVENT_CONSOLE;
}

void mirage_core_console_input(const void *bytes, size_t length)
{
	ck_assert_uint_le(length, sizeof typed - n_typed);
	memcpy(typed + n_typed, bytes, length);
	n_typed += length;
}

static void type(const char *text)
{
	for (; *text != '\0'; text++, ring.in_prod++)
		ring.in[MASK_XENCONS_IDX(ring.in_prod, ring.in)] = *text;
}

/* ------------------------------------------------------------------ Cases -- */

static char text[40000];

static void start(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7 + i / 256);
	/* Not from zero, and around the end of the numbers. */
	ring.out_prod = ring.out_cons = ring.in_prod = ring.in_cons = -1000u;
	xen_console_init();
}

static int put(size_t length)
{
	return xen_console_ops.write(text, length);
}

/* Writes until no more is taken. */
static void fill(void)
{
	size_t n = 0;
	int took;

	do {
		took = xen_console_ops.write(text + n, sizeof text - n);
		ck_assert_int_ge(took, 0);
		n += (size_t)took;
	} while (took > 0);
	ck_assert_uint_eq(n, RING_AND_BUFFER);
}

START_TEST(a_reader_gets_all_in_order)
{
	takes = 100;
	ck_assert_uint_eq(xen_console_write_all(text, sizeof text),
			  sizeof text);
	xen_console_drain();
	ck_assert_uint_eq(n_output, sizeof text);
	ck_assert_mem_eq(output, text, sizeof text);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

START_TEST(without_a_reader_the_guest_waits_its_patience)
{
	fill();
	ck_assert_int_eq(put(1), 0);
	on_event(NULL);
	ck_assert_uint_eq(console_events, 0);
	xen_console_drain();
	ck_assert_uint_eq(now_ns, PATIENCE_NS);
	ck_assert_uint_eq(reports, 0);
}
END_TEST

START_TEST(a_reader_that_comes_late_gets_what_was_taken)
{
	fill();
	take(10);
	on_event(NULL);
	ck_assert_uint_eq(console_events, 1);
	takes = 2048;
	xen_console_drain();
	ck_assert_uint_eq(n_output, RING_AND_BUFFER);
	ck_assert_mem_eq(output, text, RING_AND_BUFFER);
}
END_TEST

START_TEST(a_slow_reader_is_waited_for)
{
	takes = 1;
	ck_assert_int_eq(put(3000), 3000);
	xen_console_drain();
	ck_assert_uint_eq(n_output, 3000);
	ck_assert_uint_lt(now_ns, PATIENCE_NS);
}
END_TEST

START_TEST(lost_lines_are_told_of)
{
	fill();
	xen_console_ops.log(MIRAGE_LOG_ERROR, "no room", 7);
	takes = 2048;
	xen_console_drain();
	n_output = 0;
	on_event(NULL);
	take(2048);
	ck_assert_uint_eq(n_output, 33);
	ck_assert_mem_eq(output, "mirage: log lines were lost here\n", 33);
}
END_TEST

START_TEST(input_arrives_when_it_is_read)
{
	type("early");
	on_event(NULL);
	ck_assert_uint_eq(n_typed, 0);
	xen_console_ops.read_enable(true);
	kicked->run(kicked);
	type(" and late");
	on_event(NULL);
	ck_assert_uint_eq(n_typed, 14);
	ck_assert_mem_eq(typed, "early and late", 14);
	ck_assert_uint_eq(ring.in_cons, ring.in_prod);
}
END_TEST

/* The console is not used any more, and nobody waits for it. */
static void check_gone(unsigned waiting)
{
	n_typed = 0;
	on_event(NULL);
	ck_assert_uint_eq(console_events, waiting);
	ck_assert_int_eq(put(1), MIRAGE_EGONE);
	xen_console_ops.log(MIRAGE_LOG_ERROR, "unheard", 7);
	ck_assert_uint_eq(xen_console_write_all(text, 100), 0);
	xen_console_drain();
	ck_assert_uint_eq(now_ns, 0);
	ck_assert_uint_eq(reports, 1);
	type("unread");
	on_event(NULL);
	ck_assert_uint_eq(n_typed, 0);
}

static const int32_t jumps[] = {1, 2048, INT32_MAX, INT32_MIN, -2049};

START_TEST(an_output_index_that_jumps)
{
	ck_assert_int_eq(put(40), 40);
	ring.out_cons = ring.out_prod + (uint32_t)jumps[_i];
	ck_assert_int_eq(put(40), 40);
	check_gone(0);
}
END_TEST

START_TEST(an_output_index_that_jumps_while_somebody_waits)
{
	fill();
	ring.out_cons = ring.out_prod + (uint32_t)jumps[_i];
	on_event(NULL);
	check_gone(1);
}
END_TEST

START_TEST(an_output_index_that_jumps_at_the_end)
{
	fill();
	ring.out_cons = ring.out_prod + (uint32_t)jumps[_i];
	xen_console_drain();
	check_gone(1);
}
END_TEST

START_TEST(an_input_index_that_jumps)
{
	xen_console_ops.read_enable(true);
	ring.in_prod = ring.in_cons - (uint32_t)jumps[_i];
	on_event(NULL);
	check_gone(0);
}
END_TEST

START_TEST(a_broken_ring_is_believed_again_after_a_resumption)
{
	ring.out_cons = ring.out_prod + 1;
	ck_assert_int_eq(put(1), 1);
	ck_assert_int_eq(put(1), MIRAGE_EGONE);
	memset(&ring, 0, sizeof ring);
	xen_console_init();
	takes = 100;
	ck_assert_int_eq(put(1), 1);
	xen_console_drain();
	ck_assert_uint_eq(n_output, 2);
}
END_TEST

static void start_with_log(void)
{
	log_page.magic = XEN_LOG_MAGIC;
	log_page.port = PORT + 1;
	start();
}

START_TEST(the_log_has_its_own_ring_where_there_is_one)
{
	start_with_log();
	ck_assert_int_eq(put(10), 10);
	xen_console_ops.log(MIRAGE_LOG_ERROR, "a line", 6);
	ck_assert_int_eq(put(10), 10);
	take(100);
	ck_assert_uint_eq(n_output, 20);
	ck_assert_mem_eq(log_page.ring.out + MASK_XENCONS_IDX(0, ring.out),
			 "a line\n", 7);
	ck_assert_uint_eq(log_page.ring.out_prod, 7);
}
END_TEST

START_TEST(a_log_that_jumps_leaves_the_console)
{
	start_with_log();
	log_page.ring.out_cons = (uint32_t)jumps[_i];
	xen_console_ops.log(MIRAGE_LOG_ERROR, "a line", 6);
	xen_console_ops.log(MIRAGE_LOG_ERROR, "another", 7);
	ck_assert_uint_eq(reports, 1);
	ck_assert_int_eq(put(10), 10);
	takes = 2048;
	xen_console_drain();
	ck_assert_uint_eq(n_output, 10);
}
END_TEST

START_TEST(a_resumed_guest_has_one_console)
{
	start_with_log();
	xen_console_init();
	xen_console_ops.log(MIRAGE_LOG_ERROR, "a line", 6);
	take(100);
	ck_assert_uint_eq(n_output, 7);
	ck_assert_mem_eq(output, "a line\n", 7);
}
END_TEST

int main(void)
{
	const int n = sizeof jumps / sizeof *jumps;
	Suite *suite = suite_create("xen-console");
	TCase *test = tcase_create("console");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(test, start, NULL);
	tcase_add_test(test, a_reader_gets_all_in_order);
	tcase_add_test(test, without_a_reader_the_guest_waits_its_patience);
	tcase_add_test(test, a_reader_that_comes_late_gets_what_was_taken);
	tcase_add_test(test, a_slow_reader_is_waited_for);
	tcase_add_test(test, lost_lines_are_told_of);
	tcase_add_test(test, input_arrives_when_it_is_read);
	tcase_add_loop_test(test, an_output_index_that_jumps, 0, n);
	tcase_add_loop_test(
		test, an_output_index_that_jumps_while_somebody_waits, 0, n);
	tcase_add_loop_test(test, an_output_index_that_jumps_at_the_end, 0, n);
	tcase_add_loop_test(test, an_input_index_that_jumps, 0, n);
	tcase_add_test(test,
		       a_broken_ring_is_believed_again_after_a_resumption);
	tcase_add_test(test, the_log_has_its_own_ring_where_there_is_one);
	tcase_add_loop_test(test, a_log_that_jumps_leaves_the_console, 0, n);
	tcase_add_test(test, a_resumed_guest_has_one_console);
	suite_add_tcase(suite, test);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
