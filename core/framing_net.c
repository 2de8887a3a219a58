/* SPDX-License-Identifier: ISC */
#include "framing_net.h"

#include <string.h>

#define ETHERNET_HEADER_BYTES 14u
#define BATCH_FRAMES 64u

int framing_net_put(struct framing *tx, struct mirage_packet *const packets[],
		    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t *to = framing_put(
			tx, (uint32_t)mirage_packet_frame_bytes(packets[i]));

		if (to == NULL)
			break;
		mirage_core_net_gather(to, packets[i]);
		mirage_packet_release(packets[i]);
	}
	return (int)i;
}

int framing_net_drop(struct mirage_net *net,
		     struct mirage_packet *const packets[], size_t n)
{
	net->counters->tx_dropped_link += n;
	for (size_t i = 0; i < n; i++)
		mirage_packet_release(packets[i]);
	return (int)n;
}

/** Takes up to BATCH_FRAMES frames out of `rx`. */
static uint32_t take(struct mirage_net *net, struct framing *rx,
		     struct mirage_pool *pool, struct mirage_packet *packets[],
		     enum framing_found *found)
{
	uint32_t longest = net->info->mtu_bytes + ETHERNET_HEADER_BYTES;
	uint32_t length, n = 0;
	const uint8_t *frame;

	while (n < BATCH_FRAMES) {
		*found = framing_next(rx, longest, &frame, &length);
		if (*found == FRAMING_MORE || *found == FRAMING_BROKEN)
			break;
		if (*found == FRAMING_SIZE) {
			net->counters->rx_dropped_size++;
			continue;
		}
		packets[n] = mirage_pool_get(pool);
		if (packets[n] == NULL) {
			net->counters->rx_dropped_memory++;
			continue;
		}
		memcpy(mirage_packet_append(packets[n++], length), frame,
		       length);
	}
	return n;
}

bool framing_net_deliver(struct mirage_net *net, struct framing *rx,
			 struct mirage_pool *pool, const bool *closing)
{
	struct mirage_packet *packets[BATCH_FRAMES];
	enum framing_found found = FRAMING_FRAME;

	while (found != FRAMING_MORE && found != FRAMING_BROKEN && !*closing) {
		uint32_t n = take(net, rx, pool, packets, &found);

		mirage_core_net_deliver(net, packets, n);
	}
	if (found != FRAMING_BROKEN || *closing)
		return true;
	mirage_log(MIRAGE_LOG_WARN,
		   "network '%s': the peer announces a frame of more than %u "
		   "bytes, it does not speak QEMU's stream framing",
		   net->name, FRAMING_MAX_BYTES);
	return false;
}
