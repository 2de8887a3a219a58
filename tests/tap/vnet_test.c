/* SPDX-License-Identifier: ISC */
/*
 * The virtio header against the marks of a packet: what the kernel would never
 * send, a hostile peer behind it may try.
 */
#include "vnet.h"

#include <stdio.h>
#include <string.h>

#define C MIRAGE_NET_CAP_RX_CSUM
#define G4 MIRAGE_NET_CAP_RX_GSO4
#define G6 MIRAGE_NET_CAP_RX_GSO6
#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define TCP4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCP6 VIRTIO_NET_HDR_GSO_TCPV6
#define ECN VIRTIO_NET_HDR_GSO_ECN

/* Of a frame of 100 bytes in fragments of 60 and 40. */
static const struct {
	const char *what;
	uint32_t accept;
	struct virtio_net_hdr
		header; /* flags, type, header, size, start, off */
	bool good;
	uint8_t csum, gso;
} cases[] = {
	{"nothing", 0, {0, 0, 0, 0, 0, 0}, true, 0, 0},
	{"nothing, all accepted", C | G4 | G6, {0, 0, 0, 0, 0, 0}, true, 0, 0},
	{"verified", C, {VALID, 0, 0, 0, 0, 0}, true, 1, 0},
	{"verified for nobody", 0, {VALID, 0, 0, 0, 0, 0}, true, 0, 0},
	{"blank", C, {NEEDS, 0, 0, 0, 34, 16}, true, 2, 0},
	{"blank, not accepted", 0, {NEEDS, 0, 0, 0, 34, 16}, false, 0, 0},
	{"blank, last two bytes", C, {NEEDS, 0, 0, 0, 34, 64}, true, 2, 0},
	{"blank, beyond the end", C, {NEEDS, 0, 0, 0, 34, 65}, false, 0, 0},
	{"blank, sum wraps", C, {NEEDS, 0, 0, 0, 65535, 65535}, false, 0, 0},
	{"blank, wraps to 20", C, {NEEDS, 0, 0, 0, 34, 65522}, false, 0, 0},
	{"blank, in the Ethernet header",
	 C,
	 {NEEDS, 0, 0, 0, 13, 4},
	 false,
	 0,
	 0},
	{"blank, just behind it", C, {NEEDS, 0, 0, 0, 14, 4}, true, 2, 0},
	{"segments", C | G4, {NEEDS, TCP4, 54, 10, 34, 16}, true, 2, 1},
	{"segments, 6", C | G6, {NEEDS, TCP6, 74, 10, 54, 16}, true, 2, 2},
	{"segments with ECN",
	 C | G4,
	 {NEEDS, TCP4 | ECN, 54, 10, 34, 16},
	 true,
	 2,
	 1},
	{"segments, not accepted",
	 C,
	 {NEEDS, TCP4, 54, 10, 34, 16},
	 false,
	 0,
	 0},
	{"4 for 6", C | G6, {NEEDS, TCP4, 54, 10, 34, 16}, false, 0, 0},
	{"6 for 4", C | G4, {NEEDS, TCP6, 54, 10, 34, 16}, false, 0, 0},
	{"segments without a blank",
	 C | G4,
	 {0, TCP4, 54, 10, 34, 16},
	 false,
	 0,
	 0},
	{"segments, verified",
	 C | G4,
	 {VALID, TCP4, 54, 10, 34, 16},
	 false,
	 0,
	 0},
	{"segments of nothing",
	 C | G4,
	 {NEEDS, TCP4, 54, 0, 34, 16},
	 false,
	 0,
	 0},
	{"headers to the end",
	 C | G4,
	 {NEEDS, TCP4, 100, 10, 34, 16},
	 true,
	 2,
	 1},
	{"headers beyond it",
	 C | G4,
	 {NEEDS, TCP4, 101, 10, 34, 16},
	 false,
	 0,
	 0},
	{"no room for TCP", C | G4, {NEEDS, TCP4, 54, 10, 81, 16}, false, 0, 0},
	{"UDP",
	 C | G4 | G6,
	 {NEEDS, VIRTIO_NET_HDR_GSO_UDP, 42, 8, 34, 6},
	 false,
	 0,
	 0},
	{"an unknown kind",
	 C | G4 | G6,
	 {NEEDS, 0x7f, 54, 10, 34, 16},
	 false,
	 0,
	 0},
	{"ECN alone", C | G4 | G6, {NEEDS, ECN, 54, 10, 34, 16}, false, 0, 0},
};

static int failures;

static void check(bool holds, const char *what, const char *how)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, how);
	failures++;
}

static void test_case(size_t i)
{
	uint8_t bytes[100] = {0};
	struct mirage_packet tail = {.data = bytes + 60, .length_bytes = 40};
	struct mirage_packet frame = {
		.data = bytes, .length_bytes = 60, .next = &tail};
	const struct virtio_net_hdr *header = &cases[i].header;
	struct virtio_net_hdr back;
	bool good = unix_vnet_decode(header, cases[i].accept, &frame);

	check(good == cases[i].good, cases[i].what, "wrongly judged");
	if (!good || !cases[i].good)
		return;
	check(frame.csum == cases[i].csum, cases[i].what, "checksum mark");
	check(frame.gso == cases[i].gso, cases[i].what, "segmentation mark");
	unix_vnet_encode(&back, &frame);
	if (frame.csum != MIRAGE_CSUM_BLANK)
		return;
	check(back.flags == header->flags &&
		      back.gso_type == (header->gso_type & ~ECN) &&
		      back.gso_size == header->gso_size &&
		      back.csum_start == header->csum_start &&
		      back.csum_offset == header->csum_offset,
	      cases[i].what, "comes back changed");
}

int main(void)
{
	check(UNIX_VNET_BYTES == 10, "virtio header", "not of 10 bytes");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(i);
	return failures != 0;
}
