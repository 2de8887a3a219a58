/* SPDX-License-Identifier: ISC */
/* Checksums and segments for receivers that did not accept the marks. */
#include "sim_test.h"

#define LAN "--net a=lan:x,gso --net b=lan:x --net c=lan:x,gso"
#define PAYLOAD_BYTES 5000u
#define SEGMENT_BYTES 1400u
#define SEGMENTS 4u /* 3 of 1,400 bytes and one of 800 */

/** Where the headers of a version of IP end, and their TCP's. */
struct shape {
	uint32_t tcp, payload;
	uint8_t gso;
};

static const struct shape v4 = {34, 54, MIRAGE_GSO_TCPV4};
static const struct shape v6 = {54, 74, MIRAGE_GSO_TCPV6};
static const struct shape *shape;

static struct mirage_net *a, *b, *c;

/* ------------------------------------------------------------- Checking -- */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/** 0xffff over a range with a good checksum and its pseudo-header. */
static uint32_t ones_sum(const uint8_t *bytes, uint32_t n, uint32_t start)
{
	uint64_t total = start;

	for (uint32_t i = 0; i < n; i++)
		total += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

static uint32_t pseudo_sum(const uint8_t *frame, uint32_t length)
{
	bool four = shape == &v4;
	uint32_t start = 6 + length - shape->tcp;

	return four ? ones_sum(frame + 26, 8, start)
		    : ones_sum(frame + 22, 32, start);
}

static void check_checksum(const struct mirage_packet *packet)
{
	const uint8_t *frame = packet->data;
	uint32_t n = packet->length_bytes;

	ck_assert_uint_eq(packet->csum, MIRAGE_CSUM_NONE);
	ck_assert_uint_eq(ones_sum(frame + shape->tcp, n - shape->tcp,
				   pseudo_sum(frame, n)),
			  0xffff);
}

/* -------------------------------------------------------------- Sending -- */

static void fill_ip(uint8_t *ip, uint32_t length)
{
	if (shape == &v4) {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((length - 14) >> 8);
		ip[3] = (uint8_t)(length - 14);
		ip[5] = 0xfe; /* identification, so that it carries over */
		ip[4] = 0xff;
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	} else {
		ip[0] = 0x60;
		ip[6] = 6;
		ip[7] = 64;
		ip[8] = 0xfd;
		ip[23] = 1;
		ip[24] = 0xfd;
		ip[39] = 2;
	}
}

static struct mirage_packet *make_tcp(uint32_t payload)
{
	uint32_t length = shape->payload + payload;
	struct mirage_packet *packet = make_frame(a, broadcast, length, 0);
	uint8_t *frame;
	uint32_t sum;

	ck_assert_ptr_nonnull(packet);
	frame = packet->data;
	memset(frame + 12, 0, length - 12);
	frame[12] = shape == &v4 ? 0x08 : 0x86;
	frame[13] = shape == &v4 ? 0x00 : 0xdd;
	fill_ip(frame + 14, length);
	frame[shape->tcp + 4] = 0xff; /* a sequence number that wraps */
	frame[shape->tcp + 5] = 0xff;
	frame[shape->tcp + 6] = 0xff;
	frame[shape->tcp + 12] = 0x50;
	frame[shape->tcp + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	for (uint32_t i = 0; i < payload; i++)
		frame[shape->payload + i] = (uint8_t)(i * 7);
	sum = pseudo_sum(frame, length);
	frame[shape->tcp + 16] = (uint8_t)(sum >> 8);
	frame[shape->tcp + 17] = (uint8_t)sum;
	packet->csum = MIRAGE_CSUM_BLANK;
	packet->csum_start_bytes = (uint16_t)shape->tcp;
	packet->csum_offset_bytes = 16;
	return packet;
}

/* ------------------------------------------------------------ Receiving -- */

static uint32_t n_b, n_c;

static void on_segment(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	const struct mirage_packet *packet = packets[0];
	const uint8_t *tcp = packet->data + shape->tcp;
	uint32_t done = n_b * SEGMENT_BYTES;
	bool last = n_b == SEGMENTS - 1;
	uint32_t payload = last ? PAYLOAD_BYTES - done : SEGMENT_BYTES;

	ck_assert_uint_eq(n, 1);
	ck_assert_uint_lt(n_b, SEGMENTS);
	check_checksum(packet);
	ck_assert_uint_eq(packet->gso, MIRAGE_GSO_NONE);
	ck_assert_uint_eq(packet->length_bytes, shape->payload + payload);
	ck_assert_uint_eq(get32(tcp + 4), 0xffffff00u + done);
	ck_assert_uint_eq(tcp[13],
			  0x10 | (last ? 0x09 : 0) | (n_b == 0 ? 0x80 : 0));
	for (uint32_t i = 0; i < payload; i++)
		ck_assert_uint_eq(packet->data[shape->payload + i],
				  (uint8_t)((done + i) * 7));
	if (shape == &v4) {
		ck_assert_uint_eq(ones_sum(packet->data + 14, 20, 0), 0xffff);
		ck_assert_uint_eq(get16(packet->data + 16), 40 + payload);
		ck_assert_uint_eq(get16(packet->data + 18),
				  (0xfffe + n_b) & 0xffff);
	} else {
		ck_assert_uint_eq(get16(packet->data + 18), 20 + payload);
	}
	n_b++;
	mirage_packet_release(packets[0]);
}

static void on_whole(void *arg, struct mirage_packet *const packets[], size_t n)
{
	ck_assert_uint_eq(packets[0]->length_bytes,
			  shape->payload + PAYLOAD_BYTES);
	ck_assert_uint_eq(packets[0]->gso, shape->gso);
	ck_assert_uint_eq(packets[0]->gso_size_bytes, SEGMENT_BYTES);
	ck_assert_uint_eq(packets[0]->csum, MIRAGE_CSUM_BLANK);
	ck_assert_uint_eq(packets[0]->csum_start_bytes, shape->tcp);
	ck_assert_uint_eq(packets[0]->csum_offset_bytes, 16);
	n_c++;
	mirage_packet_release(packets[0]);
}

static void on_one(void *arg, struct mirage_packet *const packets[], size_t n)
{
	check_checksum(packets[0]);
	n_b++;
	mirage_packet_release(packets[0]);
}

static void on_one_blank(void *arg, struct mirage_packet *const packets[],
			 size_t n)
{
	ck_assert_uint_eq(packets[0]->csum, MIRAGE_CSUM_BLANK);
	ck_assert_uint_eq(packets[0]->csum_start_bytes, shape->tcp);
	n_c++;
	mirage_packet_release(packets[0]);
}

/* ---------------------------------------------------------------- Tests -- */

static void (*when_open)(void);

static void stop(void)
{
	mirage_net_on_receive(b, NULL, NULL);
	mirage_net_on_receive(c, NULL, NULL);
}

static void one_open(void)
{
	if (a == NULL || b == NULL || c == NULL)
		return;
	after(SECOND, stop);
	when_open();
}

static int open_three(int argc, char *argv[])
{
	open_net("a", 0, &a, one_open);
	open_net("b", 0, &b, one_open);
	open_net("c", MIRAGE_NET_ACCEPT_ALL, &c, one_open);
	return 0;
}

static void send_large(void)
{
	struct mirage_packet *packet = make_tcp(PAYLOAD_BYTES);

	mirage_net_on_receive(b, on_segment, NULL);
	mirage_net_on_receive(c, on_whole, NULL);
	packet->gso = shape->gso;
	packet->gso_size_bytes = SEGMENT_BYTES;
	ck_assert_int_eq(mirage_net_send(a, &packet, 1), 1);
}

START_TEST(ipv4_is_cut_for_who_does_not_accept_it)
{
	shape = &v4;
	when_open = send_large;
	ck_assert_int_eq(run(open_three, LAN), 0);
	ck_assert_uint_eq(n_b, SEGMENTS);
	ck_assert_uint_eq(n_c, 1);
}
END_TEST

START_TEST(ipv6_is_cut_for_who_does_not_accept_it)
{
	shape = &v6;
	when_open = send_large;
	ck_assert_int_eq(run(open_three, LAN), 0);
	ck_assert_uint_eq(n_b, SEGMENTS);
	ck_assert_uint_eq(n_c, 1);
}
END_TEST

static void send_blank(void)
{
	struct mirage_packet *packet = make_tcp(1001);

	mirage_net_on_receive(b, on_one, NULL);
	mirage_net_on_receive(c, on_one_blank, NULL);
	ck_assert_int_eq(mirage_net_send(a, &packet, 1), 1);
}

START_TEST(a_blank_checksum_is_filled_for_who_does_not_accept_it)
{
	shape = &v4;
	when_open = send_blank;
	ck_assert_int_eq(run(open_three, LAN), 0);
	ck_assert_uint_eq(n_b, 1);
	ck_assert_uint_eq(n_c, 1);
}
END_TEST

/* Ways to make headers contradict the marks. */
static void move_start(struct mirage_packet *packet)
{
	packet->csum_start_bytes -= 4;
}

static void change_version(struct mirage_packet *packet)
{
	packet->data[14] = 0x65;
}

static void add_ip_options(struct mirage_packet *packet)
{
	packet->data[14] = 0x46;
}

static void lengthen_tcp_header(struct mirage_packet *packet)
{
	packet->data[shape->tcp + 12] = 0x40;
}

static void move_checksum(struct mirage_packet *packet)
{
	packet->csum_offset_bytes = 6;
}

static void (*const nonsense[])(struct mirage_packet *packet) = {
	move_start, change_version, add_ip_options, lengthen_tcp_header,
	move_checksum};

#define N_NONSENSE (sizeof nonsense / sizeof nonsense[0])

static void send_nonsense(void)
{
	mirage_net_on_receive(b, on_segment, NULL);
	mirage_net_close(c);
	for (size_t i = 0; i < N_NONSENSE; i++) {
		struct mirage_packet *packet = make_tcp(PAYLOAD_BYTES);

		packet->gso = shape->gso;
		packet->gso_size_bytes = SEGMENT_BYTES;
		nonsense[i](packet);
		ck_assert_int_eq(mirage_net_send(a, &packet, 1), 1);
	}
}

START_TEST(headers_that_do_not_fit_together_are_counted)
{
	shape = &v4;
	when_open = send_nonsense;
	ck_assert_int_eq(run(open_three, LAN), 0);
	ck_assert_uint_eq(n_b, 0);
	ck_assert_uint_eq(a->counters->tx_dropped_error, N_NONSENSE);
}
END_TEST

static void on_damaged(void *arg, struct mirage_packet *const packets[],
		       size_t n)
{
	const struct mirage_packet *packet = packets[0];
	const uint8_t *frame = packet->data;

	ck_assert_uint_eq(packet->csum, MIRAGE_CSUM_NONE);
	ck_assert_uint_eq(packet->gso, MIRAGE_GSO_NONE);
	n_c += ones_sum(frame + shape->tcp, packet->length_bytes - shape->tcp,
			pseudo_sum(frame, packet->length_bytes)) != 0xffff;
	mirage_packet_release(packets[0]);
}

static void send_ten(void)
{
	mirage_net_on_receive(c, on_damaged, NULL);
	for (int i = 0; i < 10; i++) {
		struct mirage_packet *packet = make_tcp(1000);

		ck_assert_int_eq(mirage_net_send(a, &packet, 1), 1);
	}
}

START_TEST(damage_happens_after_the_checksum)
{
	shape = &v4;
	when_open = send_ten;
	ck_assert_int_eq(run(open_three,
			     "--net a=lan:x,corrupt=1 --net b=lan:x "
			     "--net c=lan:x"),
			 0);
	/* A bit of the Ethernet header is in no checksum. */
	ck_assert_uint_ge(n_c, 8);
}
END_TEST

static void look(void)
{
	uint32_t rx = MIRAGE_NET_ACCEPT_ALL;
	uint32_t tx_gso = MIRAGE_NET_CAP_TX_GSO4 | MIRAGE_NET_CAP_TX_GSO6;

	ck_assert_uint_eq(a->info->caps & (rx | tx_gso), tx_gso);
	ck_assert_uint_eq(b->info->caps & (rx | tx_gso), 0);
	ck_assert_uint_eq(b->info->gso_max_bytes, 0);
	ck_assert_uint_eq(c->info->caps & (rx | tx_gso), rx | tx_gso);
	ck_assert_uint_eq(c->info->gso_max_bytes, 65549);
}

START_TEST(capabilities_are_what_was_accepted_and_given)
{
	when_open = look;
	ck_assert_int_eq(run(open_three, LAN), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		ipv4_is_cut_for_who_does_not_accept_it,
		ipv6_is_cut_for_who_does_not_accept_it,
		a_blank_checksum_is_filled_for_who_does_not_accept_it,
		headers_that_do_not_fit_together_are_counted,
		damage_happens_after_the_checksum,
		capabilities_are_what_was_accepted_and_given,
	};

	return run_suite("sim-offload", tests, sizeof tests / sizeof tests[0]);
}
