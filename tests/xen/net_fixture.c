/* SPDX-License-Identifier: ISC */
#include "net_fixture.h"

struct netback peer;
struct net_app app;

void begin(uint32_t accept)
{
	const char *arguments[] = {"--net", "n=vif:0", "--net", "m=vif:1",
				   NULL};

	fake_start(arguments);
	netback_start(&peer, 0);
	app_net_open(&app, "n", accept);
	ck_assert_int_eq(app.result, 0);
}

void begin_with(unsigned n_queues)
{
	netback_offer = n_queues;
	begin(MIRAGE_NET_ACCEPT_ALL);
}

void end(void)
{
	app_net_release(&app);
	mirage_net_close(app.net);
	fake_settle();
	ck_assert_uint_eq(app.events[MIRAGE_EVENT_CLOSED], 1);
	netback_forget_frames(&peer);
	check_all_returned();
}

/** A frame whose bytes tell their place. */
struct back_frame frame_of(uint32_t length)
{
	struct back_frame frame = {.bytes = malloc(length), .length = length};

	for (uint32_t i = 0; i < length; i++)
		frame.bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	return frame;
}

void check_same(const struct mirage_packet *packet,
		const struct back_frame *frame)
{
	uint32_t at = 0;

	ck_assert_uint_eq(mirage_packet_frame_bytes(packet), frame->length);
	for (; packet != NULL; packet = packet->next) {
		ck_assert_mem_eq(packet->data, frame->bytes + at,
				 packet->length_bytes);
		at += packet->length_bytes;
	}
}

/** Sends `frame` to the guest and checks that it arrives. */
struct mirage_packet *arrives(struct back_frame *frame, uint32_t piece,
			      uint16_t offset)
{
	unsigned before = app.n_got;

	ck_assert(netback_send(&peer, frame, piece, offset));
	netback_push(&peer);
	fake_settle();
	ck_assert_uint_eq(app.n_got, before + 1);
	check_same(app.got[before], frame);
	return app.got[before];
}
