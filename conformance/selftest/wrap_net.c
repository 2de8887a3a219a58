/* SPDX-License-Identifier: ISC */
/* wrap_net.c: bugs of networks and packets that the core would prevent, as in
 * wrap_block.c. */
#include "selftest.h"

#define OPENS 64u

int __real_mirage_net_send(struct mirage_net *net,
			   struct mirage_packet *const packets[], size_t n);
int __wrap_mirage_net_send(struct mirage_net *net,
			   struct mirage_packet *const packets[], size_t n);
int __real_mirage_net_reserve(struct mirage_net *net, uint32_t length_bytes,
			      struct mirage_packet *packets[], size_t n);
int __wrap_mirage_net_reserve(struct mirage_net *net, uint32_t length_bytes,
			      struct mirage_packet *packets[], size_t n);
void __real_mirage_net_close(struct mirage_net *net);
void __wrap_mirage_net_close(struct mirage_net *net);
void __real_mirage_net_open(const char *name, uint32_t accept,
			    mirage_net_open_fn *done, void *arg);
void __wrap_mirage_net_open(const char *name, uint32_t accept,
			    mirage_net_open_fn *done, void *arg);
void __real_mirage_packet_release(struct mirage_packet *packet);
void __wrap_mirage_packet_release(struct mirage_packet *packet);

static struct mirage_net_info *info_of(struct mirage_net *net)
{
	return (struct mirage_net_info *)(uintptr_t)net->info;
}

/* --------------------------------------------------------------- Sending -- */

static void spoil_limits(struct mirage_net_info *info)
{
	if (planted(BUG_NET_TAKES_TOO_LONG) ||
	    planted(BUG_NET_RESERVES_TOO_LONG))
		info->mtu_bytes++;
	if (planted(BUG_NET_REFUSES_LONGEST))
		info->mtu_bytes--;
	if (planted(BUG_NET_TOO_MANY_FRAGMENTS))
		info->max_fragments++;
	if (planted(BUG_NET_MARKS_WITHOUT_CAP)) {
		info->caps |= MIRAGE_NET_CAP_TX_CSUM | MIRAGE_NET_CAP_TX_GSO4 |
			      MIRAGE_NET_CAP_TX_GSO6;
		info->gso_max_bytes = info->mtu_bytes + 14;
	}
}

/* Whether the frame is one that the bug swallows. */
static bool swallows(const struct mirage_packet *packet)
{
	return planted(BUG_NET_TAKES_SHORT) &&
	       mirage_packet_frame_bytes(packet) < 14;
}

int __wrap_mirage_net_send(struct mirage_net *net,
			   struct mirage_packet *const packets[], size_t n)
{
	struct mirage_net_info before = *net->info;
	uint64_t refused = net->counters->tx_refused;
	int taken;

	if (n == 1 && swallows(packets[0])) {
		__real_mirage_packet_release(packets[0]);
		return 1;
	}
	if (n == 1 && planted(BUG_NET_MARK_OUTSIDE))
		packets[0]->csum = MIRAGE_CSUM_NONE;
	spoil_limits(info_of(net));
	taken = __real_mirage_net_send(net, packets, n);
	info_of(net)->mtu_bytes = before.mtu_bytes;
	info_of(net)->caps = before.caps;
	info_of(net)->max_fragments = before.max_fragments;
	info_of(net)->gso_max_bytes = before.gso_max_bytes;
	if (planted(BUG_NET_REFUSED_UNCOUNTED))
		net->counters->tx_refused = refused;
	if (planted(BUG_NET_AFTER_CLOSE) && taken == MIRAGE_EGONE)
		taken = 0;
	if (planted(BUG_NET_SKIPS_BAD_FRAME) && taken > 0 && (size_t)taken < n)
		taken++;
	return taken;
}

int __wrap_mirage_net_reserve(struct mirage_net *net, uint32_t length_bytes,
			      struct mirage_packet *packets[], size_t n)
{
	uint32_t mtu_bytes = net->info->mtu_bytes;
	int got;

	if (planted(BUG_NET_RESERVES_TOO_LONG))
		info_of(net)->mtu_bytes = UINT16_MAX;
	got = __real_mirage_net_reserve(net, length_bytes, packets, n);
	info_of(net)->mtu_bytes = mtu_bytes;
	return got;
}

/* --------------------------------------------------------------- Packets -- */

void __wrap_mirage_packet_release(struct mirage_packet *packet)
{
	if (planted(BUG_PACKET_RELEASED_TWICE) && packet->references == 0)
		return;
	if (planted(BUG_PACKET_CHAIN_LEAKS))
		packet->next = NULL;
	if (planted(BUG_PACKET_NOT_ZEROED))
		packet->dirty_to_bytes = packet->dirty_from_bytes;
	if (planted(BUG_PACKET_TRIM_FORGETS)) {
		packet->dirty_from_bytes = mirage_packet_headroom(packet);
		packet->dirty_to_bytes =
			packet->dirty_from_bytes + packet->length_bytes;
	}
	__real_mirage_packet_release(packet);
}

/* ------------------------------------------------------ Opening, closing -- */

void __wrap_mirage_net_close(struct mirage_net *net)
{
	/* 1 is the core's word for open. */
	if (planted(BUG_NET_CLOSE_AGAIN) && (net->state & 3) != 1)
		net->on_event(net->event_arg, MIRAGE_EVENT_CLOSED);
	__real_mirage_net_close(net);
}

struct net_open {
	mirage_net_open_fn *done;
	void *arg;
};

static void on_opened(void *arg, int result, struct mirage_net *net)
{
	static struct mirage_net *last;
	struct net_open *open = arg;

	if (planted(BUG_NET_NAME_STAYS) && net != NULL && last != NULL) {
		result = MIRAGE_EBUSY;
		net = NULL;
	}
	if (net != NULL)
		last = net;
	if (planted(BUG_NET_BUSY_MISSING) && result == MIRAGE_EBUSY) {
		net = last;
		result = 0;
	}
	if (planted(BUG_NET_NAMES) && result == MIRAGE_EINVAL)
		result = MIRAGE_ENODEV;
	else if (planted(BUG_NET_UNKNOWN_NAME) && result == MIRAGE_ENODEV)
		result = MIRAGE_EIO;
	if (planted(BUG_NET_OPENS_TWICE))
		open->done(open->arg, result, net);
	open->done(open->arg, result, net);
}

void __wrap_mirage_net_open(const char *name, uint32_t accept,
			    mirage_net_open_fn *done, void *arg)
{
	static struct net_open opens[OPENS];
	static unsigned n;
	struct net_open *open = &opens[n++ % OPENS];

	*open = (struct net_open){done, arg};
	if (planted(BUG_NET_OPENS_INSIDE))
		done(arg, MIRAGE_EINVAL, NULL);
	else if (done == NULL)
		__real_mirage_net_open(name, accept, NULL, arg);
	else
		__real_mirage_net_open(name, accept, on_opened, open);
}
