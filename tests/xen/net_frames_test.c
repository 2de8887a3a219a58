/* SPDX-License-Identifier: ISC */
/* Frames through netfront, with a backend that keeps to the protocol. */
#include "net_fixture.h"

/** An IPv4 TCP frame of `length` bytes. */
static struct back_frame tcp_frame(uint32_t length)
{
	struct back_frame frame = frame_of(length);

	frame.bytes[12] = 8;
	frame.bytes[13] = 0;
	frame.bytes[14] = 0x45;
	frame.bytes[23] = 6;
	return frame;
}

START_TEST(sends)
{
	begin(0);
	for (uint32_t length = 14; length <= 1514; length += 100)
		ck_assert_int_eq(app_net_send(&app, length, (uint8_t)length),
				 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 16);
	for (unsigned i = 0; i < 16; i++) {
		struct back_frame *frame = &peer.frames[i];

		ck_assert_uint_eq(frame->length, 14 + 100 * i);
		ck_assert_uint_eq(frame->bytes[frame->length - 1],
				  (uint8_t)frame->length);
		ck_assert_uint_eq(frame->slots, 1);
		ck_assert_uint_eq(frame->flags, 0);
	}
	end();
}
END_TEST

/* One notification for all frames of a turn. */
START_TEST(sends_in_batches)
{
	uint64_t before;

	begin(0);
	before = fake.notified;
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(app_net_send(&app, 1514, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 100);
	ck_assert_uint_eq(fake.notified - before, 1);
	end();
}
END_TEST

START_TEST(is_writable_again)
{
	int n = 0;

	begin(0);
	peer.queues[0].hold = true;
	while (app_net_send(&app, 60, 1) == 1)
		n++;
	fake_settle();
	ck_assert_int_eq(n, 256);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 0);
	peer.queues[0].hold = false;
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 256);
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_WRITABLE], 1);
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	end();
}
END_TEST

START_TEST(sends_fragments)
{
	struct mirage_packet *p[3];

	begin(0);
	ck_assert_int_eq(mirage_net_reserve(app.net, 100, p, 3), 3);
	memset(mirage_packet_append(p[0], 14), 1, 14);
	memset(mirage_packet_append(p[2], 700), 3, 700);
	p[0]->next = p[1]; /* empty */
	p[1]->next = p[2];
	ck_assert_int_eq(mirage_net_send(app.net, p, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	ck_assert_uint_eq(peer.frames[0].slots, 2);
	ck_assert_uint_eq(peer.frames[0].length, 714);
	ck_assert_uint_eq(peer.frames[0].bytes[13], 1);
	ck_assert_uint_eq(peer.frames[0].bytes[14], 3);
	end();
}
END_TEST

/* A header in pieces is put together: Linux drops such frames. */
START_TEST(sends_a_header_in_pieces)
{
	struct mirage_packet *p[2];

	begin(0);
	ck_assert_int_eq(mirage_net_reserve(app.net, 100, p, 2), 2);
	memset(mirage_packet_append(p[0], 6), 1, 6);
	memset(mirage_packet_append(p[1], 100), 2, 100);
	p[0]->next = p[1];
	ck_assert_int_eq(mirage_net_send(app.net, p, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.frames[0].slots, 1);
	ck_assert_uint_eq(peer.frames[0].length, 106);
	ck_assert_uint_eq(peer.frames[0].bytes[5], 1);
	ck_assert_uint_eq(peer.frames[0].bytes[6], 2);
	end();
}
END_TEST

/* A checksum where no backend looks for it is filled in here. */
START_TEST(fills_checksums)
{
	struct mirage_packet *p;
	uint32_t sum = 0;

	begin(0);
	ck_assert_int_eq(mirage_net_reserve(app.net, 101, &p, 1), 1);
	memset(mirage_packet_append(p, 101), 0x35, 101);
	p->data[34] = p->data[35] = 0;
	p->csum = MIRAGE_CSUM_BLANK;
	p->csum_start_bytes = 30;
	p->csum_offset_bytes = 4;
	ck_assert_int_eq(mirage_net_send(app.net, &p, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.frames[0].flags, 0);
	for (uint32_t i = 30; i < 101; i++)
		sum += (uint32_t)peer.frames[0].bytes[i] << (i % 2 ? 0 : 8);
	sum = (sum & 0xffff) + (sum >> 16);
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
	end();
}
END_TEST

/* A frame of others' memory is copied; one of many pages goes out as it lies. */
START_TEST(sends_what_is_not_its_own)
{
	static uint8_t bytes[3000];
	static struct mirage_pool pool;
	struct mirage_packet packet, *p;

	begin(0);
	mirage_pool_init(&pool, &packet, bytes, 1, sizeof bytes, 0, NULL);
	p = mirage_pool_get(&pool);
	memset(mirage_packet_append(p, 1400), 9, 1400);
	ck_assert_int_eq(mirage_net_send(app.net, &p, 1), 1);
	ck_assert_uint_eq(pool.n_out, 0);
	fake_settle();
	ck_assert_uint_eq(peer.frames[0].length, 1400);
	ck_assert_uint_eq(peer.frames[0].bytes[1399], 9);
	end();
}
END_TEST

START_TEST(sends_segments_to_cut)
{
	struct mirage_packet *p;
	uint8_t *bytes;

	begin(0);
	ck_assert_uint_ne(app.net->info->caps & MIRAGE_NET_CAP_TX_GSO4, 0);
	ck_assert_int_eq(mirage_net_reserve(app.net, 65535, &p, 1), 1);
	bytes = mirage_packet_append(p, 65535);
	for (uint32_t i = 0; i < 65535; i++)
		bytes[i] = (uint8_t)(i / 251);
	p->csum = MIRAGE_CSUM_BLANK;
	p->csum_start_bytes = 34;
	p->csum_offset_bytes = 16;
	p->gso = MIRAGE_GSO_TCPV4;
	p->gso_size_bytes = 1448;
	ck_assert_int_eq(mirage_net_send(app.net, &p, 1), 1);
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	ck_assert_uint_eq(peer.frames[0].gso_size, 1448);
	ck_assert_uint_eq(peer.frames[0].gso_type, XEN_NETIF_GSO_TYPE_TCPV4);
	ck_assert_uint_eq(peer.frames[0].slots, 17);
	ck_assert_uint_eq(peer.frames[0].flags &
				  (NETTXF_csum_blank | NETTXF_data_validated),
			  NETTXF_csum_blank | NETTXF_data_validated);
	for (uint32_t i = 0; i < 65535; i++)
		ck_assert_uint_eq(peer.frames[0].bytes[i], (uint8_t)(i / 251));
	end();
}
END_TEST

START_TEST(counts_refusals)
{
	begin(0);
	peer.status = NETIF_RSP_ERROR;
	ck_assert_int_eq(app_net_send(&app, 60, 1), 1);
	fake_settle();
	ck_assert_uint_eq(app.net->counters->tx_dropped_error, 1);
	end();
}
END_TEST

START_TEST(receives)
{
	struct back_frame frame;

	begin(0);
	for (uint32_t length = 14; length <= 1514; length += 75) {
		frame = frame_of(length);
		arrives(&frame, XEN_PAGE_BYTES, 0);
		free(frame.bytes);
	}
	/* In pieces, not at the start of their pages. */
	frame = frame_of(1514);
	arrives(&frame, 100, 16);
	arrives(&frame, 1000, 3000);
	free(frame.bytes);
	ck_assert_uint_eq(app.net->counters->rx_frames, 23);
	end();
}
END_TEST

START_TEST(drops_wrong_sizes)
{
	struct back_frame small, large;

	begin(0);
	small = frame_of(13);
	large = frame_of(1515);
	ck_assert(netback_send(&peer, &small, XEN_PAGE_BYTES, 0));
	ck_assert(netback_send(&peer, &large, XEN_PAGE_BYTES, 0));
	netback_push(&peer);
	fake_settle();
	ck_assert_uint_eq(app.n_got, 0);
	ck_assert_uint_eq(app.net->counters->rx_dropped_size, 2);
	free(small.bytes);
	free(large.bytes);
	end();
}
END_TEST

/* The two bits are the other way round than those of sending. */
START_TEST(knows_checksums)
{
	struct back_frame frame = tcp_frame(100);
	struct mirage_packet *p;

	begin(MIRAGE_NET_CAP_RX_CSUM);
	ck_assert_int_eq(
		fake_get_number("device/vif/0/feature-no-csum-offload"), 0);
	p = arrives(&frame, 4096, 0);
	ck_assert_uint_eq(p->csum, MIRAGE_CSUM_NONE);
	frame.flags = 1u << 0;
	p = arrives(&frame, 4096, 0);
	ck_assert_uint_eq(p->csum, MIRAGE_CSUM_VERIFIED);
	frame.flags = 1u << 1 | 1u << 0;
	p = arrives(&frame, 4096, 0);
	ck_assert_uint_eq(p->csum, MIRAGE_CSUM_BLANK);
	ck_assert_uint_eq(p->csum_start_bytes, 34);
	ck_assert_uint_eq(p->csum_offset_bytes, 16);
	free(frame.bytes);
	end();
}
END_TEST

START_TEST(gets_no_marks_that_it_did_not_accept)
{
	struct back_frame frame = tcp_frame(100);
	struct mirage_packet *p;

	begin(0);
	frame.flags = NETRXF_data_validated;
	p = arrives(&frame, 4096, 0);
	ck_assert_uint_eq(p->csum, MIRAGE_CSUM_NONE);
	frame.flags = NETRXF_csum_blank;
	ck_assert(netback_send(&peer, &frame, 4096, 0));
	netback_push(&peer);
	fake_settle();
	ck_assert_uint_eq(app.n_got, 1);
	ck_assert_uint_eq(app.net->counters->rx_dropped_invalid, 1);
	free(frame.bytes);
	end();
}
END_TEST

START_TEST(receives_segments_to_cut)
{
	struct back_frame frame = tcp_frame(60000);
	struct mirage_packet *p;

	begin(MIRAGE_NET_ACCEPT_ALL);
	frame.flags = NETRXF_csum_blank | NETRXF_data_validated;
	frame.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
	frame.gso_size = 1400;
	p = arrives(&frame, XEN_PAGE_BYTES, 0);
	ck_assert_uint_eq(p->gso, MIRAGE_GSO_TCPV4);
	ck_assert_uint_eq(p->gso_size_bytes, 1400);
	free(frame.bytes);
	end();
}
END_TEST

/* 2,000 frames each way: the rings turn several times. */
START_TEST(goes_round)
{
	struct back_frame frame;

	begin(0);
	frame = frame_of(1514);
	app.drop = true;
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < 10; j++) {
			ck_assert_int_eq(app_net_send(&app, 1514, 1), 1);
			ck_assert(netback_send(&peer, &frame, 4096, 0));
		}
		netback_push(&peer);
		fake_settle();
		netback_forget_frames(&peer);
	}
	ck_assert_uint_eq(app.net->counters->rx_frames, 2000);
	ck_assert_uint_eq(app.net->counters->tx_frames, 2000);
	free(frame.bytes);
	end();
}
END_TEST

/* What an application holds is not given to the ring; frames are counted as
 * dropped, and come again when it lets go. */
START_TEST(survives_holding)
{
	struct back_frame frame;
	unsigned most = XEN_NET_RX_SPARE;

	begin(0);
	frame = frame_of(100);
	for (unsigned i = 0; i < most + 300; i++) {
		ck_assert(netback_send(&peer, &frame, 4096, 0));
		netback_push(&peer);
		fake_settle();
	}
	ck_assert_uint_eq(app.n_got, most);
	ck_assert_uint_eq(app.net->counters->rx_dropped_memory, 300);
	app_net_release(&app);
	arrives(&frame, 4096, 0);
	free(frame.bytes);
	end();
}
END_TEST

/* Pages that could not be granted are when they can. */
START_TEST(fills_the_ring_later)
{
	struct back_frame frame;
	struct mirage_packet *p;

	begin(0);
	frame = frame_of(100);
	fake.grants_max = xen_grants_in_use - 1;
	p = arrives(&frame, 4096, 0);
	fake.grants_max = FAKE_GRANTS;
	ck_assert_uint_eq(peer.queues[0].rx.sring->req_prod, 256);
	mirage_packet_release(p);
	app.n_got = 0;
	fake_settle();
	ck_assert_uint_eq(peer.queues[0].rx.sring->req_prod, 257);
	free(frame.bytes);
	end();
}
END_TEST

START_TEST(forwards_what_it_received)
{
	struct back_frame frame;

	begin(0);
	frame = frame_of(1000);
	arrives(&frame, 300, 5);
	ck_assert_int_eq(mirage_net_send(app.net, app.got, 1), 1);
	app.n_got = 0;
	fake_settle();
	ck_assert_uint_eq(peer.n_frames, 1);
	ck_assert_uint_eq(peer.frames[0].slots, 4);
	ck_assert_mem_eq(peer.frames[0].bytes, frame.bytes, 1000);
	free(frame.bytes);
	end();
}
END_TEST

START_TEST(large_frames)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};
	struct back_frame frame;

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_set("device/vif/0/mtu", "9000");
	app_net_open(&app, "n", 0);
	ck_assert_uint_eq(app.net->info->mtu_bytes, 9000);
	ck_assert_uint_ge(app.net->info->pool_frames, 16);
	ck_assert_int_eq(app_net_send(&app, 9014, 7), 1);
	fake_settle();
	ck_assert_uint_eq(peer.frames[0].length, 9014);
	ck_assert_uint_eq(peer.frames[0].slots, 3);
	ck_assert_uint_eq(peer.frames[0].bytes[9013], 7);
	frame = frame_of(9014);
	arrives(&frame, 4096, 0);
	free(frame.bytes);
	end();
}
END_TEST

START_TEST(large_frames_need_scatter_gather)
{
	const char *arguments[] = {"--net", "n=vif:0", NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	fake_set("device/vif/0/mtu", "9000");
	fake_set("/local/domain/0/backend/vif/1/0/feature-sg", "0");
	app_net_open(&app, "n", 0);
	ck_assert_uint_eq(app.net->info->mtu_bytes, 1500);
	ck_assert_uint_eq(app.net->info->max_fragments, 1);
	end();
}
END_TEST

TCase *net_frame_cases(void)
{
	TCase *c = tcase_create("net frames");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, sends);
	tcase_add_test(c, sends_in_batches);
	tcase_add_test(c, is_writable_again);
	tcase_add_test(c, sends_fragments);
	tcase_add_test(c, sends_a_header_in_pieces);
	tcase_add_test(c, fills_checksums);
	tcase_add_test(c, sends_what_is_not_its_own);
	tcase_add_test(c, sends_segments_to_cut);
	tcase_add_test(c, counts_refusals);
	tcase_add_test(c, receives);
	tcase_add_test(c, drops_wrong_sizes);
	tcase_add_test(c, knows_checksums);
	tcase_add_test(c, gets_no_marks_that_it_did_not_accept);
	tcase_add_test(c, receives_segments_to_cut);
	tcase_add_test(c, goes_round);
	tcase_add_test(c, survives_holding);
	tcase_add_test(c, fills_the_ring_later);
	tcase_add_test(c, forwards_what_it_received);
	tcase_add_test(c, large_frames);
	tcase_add_test(c, large_frames_need_scatter_gather);
	return c;
}
