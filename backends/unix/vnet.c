/* SPDX-License-Identifier: ISC */
#include "vnet.h"

#include <string.h>

enum { ETHER_BYTES = 14, TCP_BYTES = 20, CSUM_BYTES = 2 };

void unix_vnet_encode(struct virtio_net_hdr *header,
		      const struct mirage_packet *frame)
{
	memset(header, 0, sizeof(*header));
	if (frame->csum == MIRAGE_CSUM_VERIFIED)
		header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	if (frame->csum != MIRAGE_CSUM_BLANK)
		return;
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = frame->csum_start_bytes;
	header->csum_offset = frame->csum_offset_bytes;
	if (frame->gso == MIRAGE_GSO_NONE)
		return;
	header->gso_type = frame->gso == MIRAGE_GSO_TCPV4
				   ? VIRTIO_NET_HDR_GSO_TCPV4
				   : VIRTIO_NET_HDR_GSO_TCPV6;
	header->gso_size = frame->gso_size_bytes;
	/* A hint: how much the kernel makes linear at first. */
	header->hdr_len = (uint16_t)(frame->csum_start_bytes + TCP_BYTES);
}

static bool vnet_csum(const struct virtio_net_hdr *header, uint32_t accept,
		      struct mirage_packet *frame)
{
	uint32_t field = (uint32_t)header->csum_start + header->csum_offset;

	if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
		if ((header->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0 &&
		    (accept & MIRAGE_NET_CAP_RX_CSUM) != 0)
			frame->csum = MIRAGE_CSUM_VERIFIED;
		return true;
	}
	if ((accept & MIRAGE_NET_CAP_RX_CSUM) == 0 ||
	    header->csum_start < ETHER_BYTES ||
	    field + CSUM_BYTES > mirage_packet_frame_bytes(frame))
		return false;
	frame->csum = MIRAGE_CSUM_BLANK;
	frame->csum_start_bytes = header->csum_start;
	frame->csum_offset_bytes = header->csum_offset;
	return true;
}

static bool vnet_gso(const struct virtio_net_hdr *header, uint32_t accept,
		     struct mirage_packet *frame)
{
	uint64_t bytes = mirage_packet_frame_bytes(frame);
	uint32_t needs;

	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return header->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		needs = MIRAGE_NET_CAP_RX_GSO4;
		frame->gso = MIRAGE_GSO_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		needs = MIRAGE_NET_CAP_RX_GSO6;
		frame->gso = MIRAGE_GSO_TCPV6;
		break;
	default:
		return false;
	}
	frame->gso_size_bytes = header->gso_size;
	return (accept & needs) != 0 && header->gso_size > 0 &&
	       frame->csum == MIRAGE_CSUM_BLANK && header->hdr_len <= bytes &&
	       (uint64_t)header->csum_start + TCP_BYTES <= bytes;
}

bool unix_vnet_decode(const struct virtio_net_hdr *header, uint32_t accept,
		      struct mirage_packet *frame)
{
	return vnet_csum(header, accept, frame) &&
	       vnet_gso(header, accept, frame);
}
