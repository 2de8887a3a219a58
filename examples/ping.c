/* SPDX-License-Identifier: ISC */
/*
 * ping: answers ARP (RFC 826) and ICMP echo (RFC 792) on the network "service"
 * for the IPv4 address of its argument, 10.0.0.2 without one.
 *
 *	ping --net service=tap:tap0 10.0.0.2
 */
#include <mirage.h>

enum { ETHER = 14, ARP = 28, IP = 20, ICMP = 8, MAC = 6 };

/* Where things are, from the first byte of the frame. */
enum { ETHER_TO = 0, ETHER_FROM = 6, ETHER_TYPE = 12 };
enum {
	ARP_OP = 20,
	ARP_FROM = 22,
	ARP_FROM_IP = 28,
	ARP_TO = 32,
	ARP_TO_IP = 38
};
enum { IP_BYTES = 16, IP_FRAGMENT = 20, IP_TTL = 22, IP_PROTOCOL = 23 };
enum { IP_SUM = 24, IP_FROM = 26, IP_TO = 30, ICMP_TYPE = 34, ICMP_SUM = 36 };

static struct mirage_net *net;
static uint8_t address[4] = {10, 0, 0, 2};

/* ---------------------------------------------------------------- Bytes -- */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
	while (n-- > 0)
		*to++ = *from++;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	while (n > 0 && *a == *b)
		a++, b++, n--;
	return n == 0;
}

/** The Internet checksum (RFC 1071): 0 over bytes that hold their own. */
static uint32_t checksum(const uint8_t *at, size_t n)
{
	uint32_t sum = 0;

	for (; n > 1; at += 2, n -= 2)
		sum += get16(at);
	if (n == 1)
		sum += (uint32_t)*at << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum ^ 0xffff;
}

/* -------------------------------------------------------------- Answers -- */

/** Addresses a frame back to its sender. */
static void turn_round(uint8_t *frame)
{
	copy(frame + ETHER_TO, frame + ETHER_FROM, MAC);
	copy(frame + ETHER_FROM, net->info->mac, MAC);
}

/** Makes the answer to a request for our address. Returns its length, 0 for a
 *  frame to be passed over. */
static uint32_t answer_arp(uint8_t *frame, uint32_t length)
{
	static const uint8_t ether_ip[] = {0, 1, 8, 0, 6, 4, 0, 1};

	if (length < ETHER + ARP || !same(frame + ETHER, ether_ip, 8) ||
	    !same(frame + ARP_TO_IP, address, 4) ||
	    !same(frame + ARP_FROM, frame + ETHER_FROM, MAC))
		return 0;
	turn_round(frame);
	put16(frame + ARP_OP, 2);
	copy(frame + ARP_TO, frame + ARP_FROM, MAC + 4);
	copy(frame + ARP_FROM, net->info->mac, MAC);
	copy(frame + ARP_FROM_IP, address, 4);
	return ETHER + ARP;
}

/** Whether this is a whole IPv4 datagram without options, from one station, for
 *  our address. */
static bool ip_good(const uint8_t *frame, uint32_t length)
{
	return length >= ETHER + IP && frame[ETHER] == 0x45 &&
	       get16(frame + IP_BYTES) >= IP &&
	       get16(frame + IP_BYTES) <= length - ETHER &&
	       (get16(frame + IP_FRAGMENT) & 0x3fff) == 0 &&
	       checksum(frame + ETHER, IP) == 0 && frame[IP_FROM] != 0 &&
	       frame[IP_FROM] < 224 && !same(frame + IP_FROM, address, 4) &&
	       same(frame + IP_TO, address, 4) &&
	       same(frame + ETHER_TO, net->info->mac, MAC);
}

static uint32_t answer_echo(uint8_t *frame, uint32_t length)
{
	uint32_t icmp_bytes;

	if (!ip_good(frame, length) || frame[IP_PROTOCOL] != 1)
		return 0;
	icmp_bytes = get16(frame + IP_BYTES) - IP;
	if (icmp_bytes < ICMP || get16(frame + ICMP_TYPE) != 0x0800 ||
	    checksum(frame + ICMP_TYPE, icmp_bytes) != 0)
		return 0;
	turn_round(frame);
	frame[IP_TTL] = 64;
	copy(frame + IP_TO, frame + IP_FROM, 4);
	copy(frame + IP_FROM, address, 4);
	put16(frame + IP_SUM, 0);
	put16(frame + IP_SUM, checksum(frame + ETHER, IP));
	frame[ICMP_TYPE] = 0;
	put16(frame + ICMP_SUM, 0);
	put16(frame + ICMP_SUM, checksum(frame + ICMP_TYPE, icmp_bytes));
	return ETHER + IP + icmp_bytes;
}

static uint32_t answer(uint8_t *frame, uint32_t length)
{
	if (length < ETHER || (frame[ETHER_FROM] & 1) != 0)
		return 0;
	switch (get16(frame + ETHER_TYPE)) {
	case 0x0806:
		return answer_arp(frame, length);
	case 0x0800:
		return answer_echo(frame, length);
	default:
		return 0;
	}
}

/* -------------------------------------------------------------- Network -- */

/** The frame in one fragment that is ours alone to write to: itself, or a copy,
 *  or NULL when there is no packet for one. Takes the frame over. */
static struct mirage_packet *own(struct mirage_packet *frame)
{
	uint32_t bytes = (uint32_t)mirage_packet_frame_bytes(frame);
	struct mirage_packet *whole;

	if (frame->references == 1 && frame->next == NULL)
		return frame;
	if (mirage_net_reserve(net, bytes, &whole, 1) == 1)
		for (struct mirage_packet *p = frame; p != NULL; p = p->next)
			copy(mirage_packet_append(whole, p->length_bytes),
			     p->data, p->length_bytes);
	else
		whole = NULL;
	mirage_packet_release(frame);
	return whole;
}

static void on_receive(void *arg, struct mirage_packet *const frames[],
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mirage_packet *frame = own(frames[i]);
		uint32_t length;

		if (frame == NULL)
			continue;
		length = answer(frame->data, frame->length_bytes);
		/* What follows the datagram is padding. */
		mirage_packet_trim(frame, 0, frame->length_bytes - length);
		if (length == 0 || mirage_net_send(net, &frame, 1) != 1)
			mirage_packet_release(frame);
	}
}

static void on_open(void *arg, int result, struct mirage_net *opened)
{
	static const char ready[] = "ping: ready\n";

	if (result < 0) {
		mirage_exit(1);
		return;
	}
	net = opened;
	mirage_net_on_receive(net, on_receive, NULL);
	mirage_console_write(ready, sizeof(ready) - 1);
	mirage_log(MIRAGE_LOG_INFO, "answering for %u.%u.%u.%u", address[0],
		   address[1], address[2], address[3]);
}

static bool parse_address(const char *text)
{
	for (int i = 0; i < 4; i++, text++) {
		const char *first = text;
		unsigned value = 0;

		while (*text >= '0' && *text <= '9' && text - first < 3)
			value = value * 10 + (unsigned)(*text++ - '0');
		if (text == first || value > 255 || *text != (i < 3 ? '.' : 0))
			return false;
		address[i] = (uint8_t)value;
	}
	return true;
}

static int start(int argc, char *argv[])
{
	if (argc > 2 || (argc == 2 && !parse_address(argv[1]))) {
		mirage_log(MIRAGE_LOG_ERROR, "usage: %s [A.B.C.D]", argv[0]);
		return 2;
	}
	mirage_net_open("service", 0, on_open, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	return mirage_run(argc, argv, start);
}
