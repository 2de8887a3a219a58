/* SPDX-License-Identifier: ISC */
/* Packets: the functions on a fragment, references, and what pools owe. */
#include "conformance.h"

#define ROOM 256u
#define POOL_MAX 1024u

/* A packet of the case's own, whose bytes lie in the middle of its buffer. */
struct own {
	struct mirage_packet packet;
	uint8_t buffer[ROOM];
	unsigned n_recycled;
};

static void own_recycle(struct mirage_packet *packet)
{
	struct own *own = packet->owner;

	own->n_recycled++;
}

static void own_init(struct own *own, uint32_t headroom)
{
	conf_set(own, sizeof(*own), 0);
	own->packet = (struct mirage_packet){
		.data = own->buffer + headroom,
		.references = 1,
		.buffer = own->buffer,
		.capacity_bytes = ROOM,
		.dirty_from_bytes = headroom,
		.dirty_to_bytes = headroom,
		.recycle = own_recycle,
		.owner = own,
	};
}

CASE(packet, append, "PKT-02")
{
	static struct own own;
	struct mirage_packet *packet = &own.packet;

	CASE_BEGIN;
	own_init(&own, 56);
	CHECK(mirage_packet_append(packet, 10) == own.buffer + 56);
	CHECK(mirage_packet_append(packet, 0) == own.buffer + 66);
	CHECK(mirage_packet_append(packet, 190) == own.buffer + 66);
	CHECK_EQ(packet->length_bytes, 200);
	CHECK_EQ(mirage_packet_tailroom(packet), 0);
	CHECK_EQ(mirage_packet_headroom(packet), 56);
	CHECK(mirage_packet_append(packet, 1) == NULL);
	CHECK(mirage_packet_append(packet, UINT32_MAX) == NULL);
	CHECK_EQ(packet->length_bytes, 200);
	CHECK(packet->dirty_from_bytes <= 56 && packet->dirty_to_bytes >= 256);
	CASE_END;
}

CASE(packet, prepend, "PKT-03")
{
	static struct own own;
	struct mirage_packet *packet = &own.packet;

	CASE_BEGIN;
	own_init(&own, 56);
	CHECK(mirage_packet_append(packet, 4) != NULL);
	CHECK(mirage_packet_prepend(packet, 0) == own.buffer + 56);
	CHECK(mirage_packet_prepend(packet, 20) == own.buffer + 36);
	CHECK(mirage_packet_prepend(packet, 36) == own.buffer);
	CHECK_EQ(packet->length_bytes, 60);
	CHECK_EQ(mirage_packet_headroom(packet), 0);
	CHECK(mirage_packet_prepend(packet, 1) == NULL);
	CHECK(mirage_packet_prepend(packet, UINT32_MAX) == NULL);
	CHECK(packet->data == own.buffer && packet->length_bytes == 60);
	CHECK_EQ(packet->dirty_from_bytes, 0);
	CASE_END;
}

CASE(packet, trim, "PKT-04")
{
	static struct own own;
	struct mirage_packet *packet = &own.packet;

	CASE_BEGIN;
	own_init(&own, 56);
	CHECK(mirage_packet_append(packet, 100) != NULL);
	CHECK(mirage_packet_trim(packet, 10, 20));
	CHECK(packet->data == own.buffer + 66 && packet->length_bytes == 70);
	CHECK(!mirage_packet_trim(packet, 71, 0));
	CHECK(!mirage_packet_trim(packet, 0, 71));
	CHECK(!mirage_packet_trim(packet, 35, 36));
	CHECK(!mirage_packet_trim(packet, UINT32_MAX, 2));
	CHECK(!mirage_packet_trim(packet, 2, UINT32_MAX));
	CHECK(packet->data == own.buffer + 66 && packet->length_bytes == 70);
	CHECK(mirage_packet_trim(packet, 35, 35));
	CHECK_EQ(packet->length_bytes, 0);
	CHECK(mirage_packet_trim(packet, 0, 0));
	CASE_END;
}

CASE(packet, frame_bytes, "PKT-05")
{
	static struct own a, b, c;

	CASE_BEGIN;
	own_init(&a, 0);
	own_init(&b, 100);
	own_init(&c, 0);
	CHECK_EQ(mirage_packet_frame_bytes(&a.packet), 0);
	CHECK(mirage_packet_append(&a.packet, 17) != NULL);
	CHECK(mirage_packet_append(&c.packet, 25) != NULL);
	a.packet.next = &b.packet;
	b.packet.next = &c.packet;
	CHECK_EQ(mirage_packet_frame_bytes(&a.packet), 42);
	a.packet.length_bytes = UINT32_MAX;
	CHECK(mirage_packet_frame_bytes(&a.packet) == 25ull + UINT32_MAX);
	CASE_END;
}

CASE(packet, release_chain, "PKT-06")
{
	static struct own a, b, c;

	CASE_BEGIN;
	own_init(&a, 0);
	own_init(&b, 0);
	own_init(&c, 0);
	a.packet.next = &b.packet;
	b.packet.next = &c.packet;
	/* The first fragment speaks for all: these count nothing. */
	b.packet.references = 0;
	c.packet.references = 7;
	CHECK(mirage_packet_retain(&a.packet) == &a.packet);
	mirage_packet_release(&a.packet);
	CHECK_EQ(a.n_recycled + b.n_recycled + c.n_recycled, 0);
	mirage_packet_release(&a.packet);
	CHECK_EQ(a.n_recycled, 1);
	CHECK_EQ(b.n_recycled, 1);
	CHECK_EQ(c.n_recycled, 1);
	CASE_END;
}

CASE(packet, release_twice, "PKT-08", .needs = CONF_NET, .aborts = "PKT-08")
{
	static struct mirage_packet *packet;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	CHECK_EQ(mirage_net_reserve(conf_net(CONF_NET_A), 60, &packet, 1), 1);
	mirage_packet_release(packet);
	mirage_packet_release(packet);
	CASE_END;
}

/* ----------------------------------------------------------------- Pools -- */

static struct mirage_packet *held[POOL_MAX];
static uint32_t n_held;

static void held_release(void)
{
	while (n_held > 0)
		mirage_packet_release(held[--n_held]);
}

/* Takes every packet that the device promises to have, or fewer. */
static void held_reserve(void)
{
	const struct mirage_net *net = conf_net(CONF_NET_A);
	uint32_t want = net->info->pool_frames;
	int got;

	if (want > POOL_MAX)
		want = POOL_MAX;
	got = mirage_net_reserve(conf_net(CONF_NET_A),
				 net->info->mtu_bytes + 14, held, want);
	n_held = got > 0 ? (uint32_t)got : 0;
}

static void held_write(uint8_t value)
{
	for (uint32_t i = 0; i < n_held; i++) {
		struct mirage_packet *packet = held[i];

		mirage_packet_append(packet, mirage_packet_tailroom(packet));
		mirage_packet_prepend(packet, mirage_packet_headroom(packet));
		conf_set(packet->data, packet->length_bytes, value);
	}
}

CASE(packet, alone, "PKT-01", .needs = CONF_NET)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	held_reserve();
	CHECK(n_held >= 16);
	for (uint32_t i = 0; i < n_held; i++) {
		struct mirage_packet *packet = held[i];

		CHECK_EQ(packet->references, 1);
		mirage_packet_append(packet, mirage_packet_tailroom(packet));
		mirage_packet_prepend(packet, mirage_packet_headroom(packet));
		conf_fill(packet->data, packet->length_bytes, i);
	}
	for (uint32_t i = 0; i < n_held; i++)
		CHECK(conf_filled(held[i]->data, held[i]->length_bytes, i));
	held_release();
	CASE_END;
}

/* Every byte of the buffers, headroom included. */
static bool held_zero(void)
{
	for (uint32_t i = 0; i < n_held; i++)
		if (!conf_all(held[i]->buffer, held[i]->capacity_bytes, 0))
			return false;
	return true;
}

CASE(packet, zeroed_after_release, "PKT-07", .needs = CONF_NET)
{
	static unsigned round;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	for (round = 0; round < 3; round++) {
		held_reserve();
		CHECK(n_held >= 16);
		CHECK(held_zero());
		held_write(0xee);
		held_release();
	}
	CASE_END;
}

CASE(packet, zeroed_after_trim, "PKT-07", .needs = CONF_NET)
{
	CASE_BEGIN;
	OPEN(CONF_NET_A);
	held_reserve();
	CHECK(n_held >= 16);
	held_write(0xee);
	/* What was trimmed away was written all the same. */
	for (uint32_t i = 0; i < n_held; i++)
		CHECK(mirage_packet_trim(held[i], 40,
					 held[i]->length_bytes - 50));
	held_release();
	held_reserve();
	CHECK(n_held >= 16);
	CHECK(held_zero());
	held_release();
	CASE_END;
}

CASE(packet, zeroed_after_send, "PKT-07", .needs = CONF_PAIR)
{
	static unsigned round;
	int taken;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	for (round = 0; round < 8; round++) {
		/* All of the pool may be under way still. */
		AWAIT((held_reserve(), n_held > 0));
		CHECK(held_zero());
		for (uint32_t i = 0; i < n_held; i++)
			conf_set(mirage_packet_append(held[i], 600), 600, 0xee);
		taken = mirage_net_send(conf_net(CONF_NET_A), held, n_held);
		CHECK(taken > 0);
		for (uint32_t i = (uint32_t)taken; i < n_held; i++)
			mirage_packet_release(held[i]);
		n_held = 0;
		REST_NS(2000000);
	}
	CASE_END;
}

/* Sends what is held, as much as the device takes. */
static void held_send(void)
{
	int taken = mirage_net_send(conf_net(CONF_NET_A), held, n_held);

	if (taken <= 0)
		return;
	n_held -= (uint32_t)taken;
	for (uint32_t i = 0; i < n_held; i++)
		held[i] = held[i + (uint32_t)taken];
}

static bool whole_pool_again(uint32_t n)
{
	bool whole;

	held_reserve();
	whole = n_held == n;
	held_release();
	return whole;
}

CASE(packet, back_after_send, "PKT-06 NET-19", .needs = CONF_PAIR)
{
	static uint32_t n;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	OPEN(CONF_NET_B);
	held_reserve();
	n = n_held;
	CHECK(n >= 16);
	for (uint32_t i = 0; i < n; i++)
		conf_set(mirage_packet_append(held[i], 60), 60, 0x02);
	CLAIM("NET-19");
	AWAIT((held_send(), n_held == 0));
	CLAIM("PKT-06");
	AWAIT(whole_pool_again(n));
	CASE_END;
}

CASE(packet, chain_comes_back, "PKT-06", .needs = CONF_NET)
{
	static uint32_t before;

	CASE_BEGIN;
	OPEN(CONF_NET_A);
	held_reserve();
	CHECK(n_held >= 16);
	before = n_held;
	for (uint32_t i = 0; i + 1 < n_held; i++)
		held[i]->next = held[i + 1];
	mirage_packet_release(held[0]);
	n_held = 0;
	held_reserve();
	CHECK_EQ(n_held, before);
	for (uint32_t i = 0; i < n_held; i++)
		CHECK(held[i]->next == NULL);
	held_release();
	CASE_END;
}

CASES(packet) = {
	&packet_append,
	&packet_prepend,
	&packet_trim,
	&packet_frame_bytes,
	&packet_release_chain,
	&packet_release_twice,
	&packet_alone,
	&packet_zeroed_after_release,
	&packet_zeroed_after_trim,
	&packet_zeroed_after_send,
	&packet_back_after_send,
	&packet_chain_comes_back,
	NULL,
};
