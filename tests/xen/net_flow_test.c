/* SPDX-License-Identifier: ISC */
/* Which frames netfront sends on which queue, and when it is told of those that come. */
#include "net_fixture.h"

static struct xen_net *net(void)
{
	return (struct xen_net *)app.net;
}

#define FLOWS 32

START_TEST(keeps_flows_in_order)
{
	unsigned used[2] = {0}, queue_of[FLOWS], last[FLOWS] = {0};

	begin_with(2);
	for (unsigned i = 0; i < FLOWS * 8; i++) {
		app.port = (uint16_t)(5000 + i % FLOWS);
		ck_assert_int_eq(
			app_net_send(&app, 60, (uint8_t)(i / FLOWS + 1)), 1);
		if (i % 5 == 0)
			fake_settle();
	}
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, FLOWS * 8);
	for (unsigned i = 0; i < FLOWS * 8; i++) {
		const struct back_frame *frame = &peer.frames[i];
		unsigned flow =
			(unsigned)(frame->bytes[34] << 8 | frame->bytes[35]) -
			5000;

		if (frame->bytes[59] == 1) {
			queue_of[flow] = frame->queue;
			used[frame->queue]++;
		}
		ck_assert_uint_eq(frame->queue, queue_of[flow]);
		ck_assert_uint_eq(frame->bytes[59], ++last[flow]);
	}
	/* An even spread is 16; the ports are one behind the other. */
	ck_assert_uint_ge(used[0], 8);
	ck_assert_uint_ge(used[1], 8);
	end();
}
END_TEST

START_TEST(sends_what_is_not_ip_on_one_queue)
{
	begin_with(2);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_int_eq(app_net_send(&app, 14 + i, (uint8_t)i), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 64);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(peer.frames[i].queue, 0);
	end();
}
END_TEST

/** The queue of a frame of `n` bytes, cut after `cut` bytes. */
static unsigned queue_of(const uint8_t *bytes, uint32_t n, uint32_t cut)
{
	struct mirage_packet *p[2];
	long queue;

	ck_assert_int_eq(mirage_net_reserve(app.net, n, p, 2), 2);
	memcpy(mirage_packet_append(p[0], cut), bytes, cut);
	memcpy(mirage_packet_append(p[1], n - cut), bytes + cut, n - cut);
	p[0]->next = p[1];
	queue = xen_net_queue_of(net(), p[0]) - net()->queues;
	mirage_packet_release(p[0]);
	return (unsigned)queue;
}

/** Frames that differ in `n` bytes at `at` alone: how many go out on the second
 *  queue, however they are cut. */
static unsigned spread(uint8_t *bytes, uint32_t length, uint32_t at)
{
	unsigned second = 0;

	for (unsigned i = 0; i < 64; i++) {
		unsigned queue;

		bytes[at] = (uint8_t)i;
		queue = queue_of(bytes, length, 14);
		for (uint32_t cut = 1; cut < length; cut++)
			ck_assert_uint_eq(queue_of(bytes, length, cut), queue);
		second += queue;
	}
	return second;
}

#define SPREAD(bytes, at)                                          \
	do {                                                       \
		unsigned second = spread(bytes, sizeof bytes, at); \
		ck_assert_uint_ge(second, 16);                     \
		ck_assert_uint_le(second, 48);                     \
	} while (0)

static unsigned together(uint8_t *bytes, uint32_t length, uint32_t at)
{
	unsigned second = spread(bytes, length, at);

	return second == 0 || second == 64;
}

START_TEST(knows_flows_of_ipv4)
{
	uint8_t frame[60] = {[12] = 8, [14] = 0x45, [23] = 17};

	begin_with(2);
	SPREAD(frame, 29);
	SPREAD(frame, 33);
	SPREAD(frame, 35);
	SPREAD(frame, 37);
	frame[23] = 6;
	SPREAD(frame, 35);
	ck_assert(together(frame, sizeof frame, 41)); /* sequence number */
	frame[23] = 1;
	ck_assert(together(frame, sizeof frame, 35)); /* there are no ports */
	frame[23] = 17;
	frame[20] = 0x20; /* more fragments follow */
	ck_assert(together(frame, sizeof frame, 35));
	frame[20] = 0;
	frame[21] = 3; /* not the first */
	ck_assert(together(frame, sizeof frame, 35));
	SPREAD(frame, 33);
	frame[14] = 0x44; /* shorter than a header is */
	ck_assert(together(frame, sizeof frame, 33));
	end();
}
END_TEST

/* Options move the ports, a tag all headers. */
START_TEST(knows_flows_behind_options)
{
	uint8_t options[80] = {[12] = 8, [14] = 0x46, [23] = 17};
	uint8_t tagged[80] = {[12] = 0x81, [16] = 8, [18] = 0x45, [27] = 17};

	begin_with(2);
	SPREAD(options, 39);
	ck_assert(together(options, sizeof options, 35));
	SPREAD(tagged, 39);
	SPREAD(tagged, 37);
	end();
}
END_TEST

START_TEST(knows_flows_of_ipv6)
{
	uint8_t frame[100] = {[12] = 0x86, 0xdd, 0x60, [20] = 17};

	begin_with(2);
	SPREAD(frame, 37);
	SPREAD(frame, 53);
	SPREAD(frame, 55);
	frame[20] = 0; /* hop by hop, then TCP */
	frame[54] = 6;
	frame[55] = 0;
	SPREAD(frame, 63);
	frame[20] = 44; /* a fragment */
	ck_assert(together(frame, sizeof frame, 63));
	frame[20] = 0;
	frame[55] = 255; /* beyond the end */
	ck_assert(together(frame, sizeof frame, 63));
	end();
}
END_TEST

/** Whether the guest has asked to be told of the next frame. */
static bool is_armed(void)
{
	return net()->queues[0].rx_shared->rsp_event ==
	       peer.queues[0].rx.rsp_prod_pvt + 1;
}

static void push(const struct back_frame *frame)
{
	ck_assert(netback_send(&peer, frame, frame->length, 0));
	netback_push(&peer);
}

START_TEST(is_told_of_frames_only_before_it_sleeps)
{
	struct back_frame frame = frame_of(64);

	begin(0);
	ck_assert(is_armed());
	push(&frame);
	fake_step();
	ck_assert_uint_eq(app.n_got, 1);
	ck_assert(!is_armed());
	push(&frame); /* no event: it looks */
	fake_step();
	ck_assert_uint_eq(app.n_got, 2);
	ck_assert(!is_armed());
	fake_settle();
	ck_assert(is_armed());
	push(&frame);
	fake_settle();
	ck_assert_uint_eq(app.n_got, 3);
	free(frame.bytes);
	app_net_release(&app);
	end();
}
END_TEST

TCase *net_flow_cases(void)
{
	TCase *c = tcase_create("net flows");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, keeps_flows_in_order);
	tcase_add_test(c, sends_what_is_not_ip_on_one_queue);
	tcase_add_test(c, knows_flows_of_ipv4);
	tcase_add_test(c, knows_flows_behind_options);
	tcase_add_test(c, knows_flows_of_ipv6);
	tcase_add_test(c, is_told_of_frames_only_before_it_sleeps);
	return c;
}
