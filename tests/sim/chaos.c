/* SPDX-License-Identifier: ISC */
/*
 * chaos [DISK]: a busy little world for comparing traces. Four networks on two
 * LANs send each other frames of random lengths and answer some; a cable is
 * pulled and a partition comes and goes; a disk, if one is named, is written,
 * flushed, and loses its power again and again.
 */
#include <mirage-sim.h>
#include <mirage.h>

#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define NETS 4
#define ROUNDS 400
#define REQUESTS 16
#define POWER_LOSSES 20

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* ------------------------------------------------------------- Networks -- */

static struct peer {
	struct mirage_net *net;
	struct mirage_timer timer;
	unsigned rounds;
} peers[NETS];

static void send_one(struct peer *peer, const uint8_t to[6])
{
	struct mirage_packet *packet;
	uint16_t extra;
	uint8_t *bytes;

	mirage_random_fill(&extra, sizeof extra);
	if (mirage_net_reserve(peer->net, 1514, &packet, 1) != 1)
		return;
	bytes = mirage_packet_append(packet, 60 + extra % 1454);
	if (bytes != NULL) {
		memcpy(bytes, to, 6);
		memcpy(bytes + 6, peer->net->info->mac, 6);
		mirage_random_fill(bytes + 14, 32);
		if (mirage_net_send(peer->net, &packet, 1) == 1)
			return;
	}
	mirage_packet_release(packet);
}

static void on_frames(void *arg, struct mirage_packet *const packets[],
		      size_t n)
{
	struct peer *peer = arg;

	for (size_t i = 0; i < n; i++) {
		/* Answers some, so that a lost frame changes what follows. */
		if (packets[i]->data[14] < 128 && peer->rounds < ROUNDS)
			send_one(peer, packets[i]->data + 6);
		mirage_packet_release(packets[i]);
	}
}

static void on_tick(void *arg)
{
	struct peer *peer = arg;

	send_one(peer, broadcast);
	if (++peer->rounds < ROUNDS)
		mirage_timer_start(&peer->timer,
				   mirage_clock_monotonic_ns() + MS, on_tick,
				   peer);
	else
		mirage_net_on_receive(peer->net, NULL, NULL);
}

static void net_opened(void *arg, int result, struct mirage_net *net)
{
	struct peer *peer = arg;

	if (result < 0) {
		mirage_exit(1);
		return;
	}
	peer->net = net;
	mirage_net_on_receive(net, on_frames, peer);
	on_tick(peer);
}

static void set_link(void *arg)
{
	mirage_sim_net_set_link("n0", arg != NULL);
}

static void set_partition(void *arg)
{
	mirage_sim_net_partition("n2", "n3", arg != NULL);
}

/* ----------------------------------------------------------------- Disk -- */

static struct mirage_block *disk;
static struct io {
	struct mirage_block_request request;
	struct mirage_vector vector;
	uint8_t bytes[4096];
} requests[REQUESTS];
static unsigned losses;

static void next_request(struct io *io);

static void io_done(void *arg, int result)
{
	if (losses < POWER_LOSSES)
		next_request(arg);
}

static void next_request(struct io *io)
{
	struct mirage_block_request *request = &io->request;
	uint8_t drawn[2];

	mirage_random_fill(drawn, sizeof drawn);
	io->vector = (struct mirage_vector){io->bytes, sizeof io->bytes};
	*request = (struct mirage_block_request){
		.op = drawn[0] % 5 + 1,
		.n_vectors = 1,
		.vectors = &io->vector,
		.offset_bytes = drawn[1] * UINT64_C(4096),
		.length_bytes = sizeof io->bytes,
		.done = io_done,
		.arg = io,
	};
	mirage_block_submit(disk, &request, 1);
}

static void lose_power(void *arg)
{
	mirage_sim_block_power_loss(disk->name, 2 * MS);
	if (++losses < POWER_LOSSES)
		mirage_sim_at((losses + 1) * 17 * MS, lose_power, NULL);
}

static void disk_opened(void *arg, int result, struct mirage_block *block)
{
	if (result < 0) {
		mirage_exit(1);
		return;
	}
	disk = block;
	for (int i = 0; i < REQUESTS; i++)
		next_request(&requests[i]);
	mirage_sim_at(17 * MS, lose_power, NULL);
}

static int start(int argc, char *argv[])
{
	static const char *const names[NETS] = {"n0", "n1", "n2", "n3"};

	for (int i = 0; i < NETS; i++)
		mirage_net_open(names[i], 0, net_opened, &peers[i]);
	mirage_sim_at(100 * MS, set_link, NULL);
	mirage_sim_at(150 * MS, set_link, "up");
	mirage_sim_at(200 * MS, set_partition, "cut");
	mirage_sim_at(250 * MS, set_partition, NULL);
	if (argc > 1)
		mirage_block_open(argv[1], disk_opened, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
