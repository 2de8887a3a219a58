/* SPDX-License-Identifier: ISC */
/*
 * vnet.h: the header that Linux puts before the frames of a tap opened with
 * IFF_VNET_HDR (virtio 1.2, 5.1.6), in the byte order of the host, against the
 * checksum and segmentation marks of a packet.
 */
#ifndef MIRAGE_UNIX_VNET_H
#define MIRAGE_UNIX_VNET_H

#include <mirage.h>

#include <linux/virtio_net.h>

#define UNIX_VNET_BYTES ((uint32_t)sizeof(struct virtio_net_hdr))

/** Says in `header` what the marks of `frame` say. */
void unix_vnet_encode(struct virtio_net_hdr *header,
		      const struct mirage_packet *frame);

/**
 * Marks `frame`, which has its length already, with what `header` says. Returns
 * false when that contradicts itself, points outside of the frame or was never
 * offered by `accept`: whoever made such a frame is broken or hostile.
 */
bool unix_vnet_decode(const struct virtio_net_hdr *header, uint32_t accept,
		      struct mirage_packet *frame);

#endif /* MIRAGE_UNIX_VNET_H */
