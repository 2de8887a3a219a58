/* SPDX-License-Identifier: ISC */
/*
 * pcap.h: writes frames to a capture file in the classic format of libpcap, as
 * tcpdump and Wireshark read it (nanoseconds, Ethernet).
 */
#ifndef MIRAGE_PCAP_H
#define MIRAGE_PCAP_H

#include <mirage.h>

#define CORE_PCAP_SNAP_BYTES 262144

struct core_pcap;

/** Creates the file; on an error returns NULL and errno tells. */
struct core_pcap *core_pcap_open(const char *path);

/**
 * Collects a frame, of which only the first CORE_PCAP_SNAP_BYTES are kept. Nothing
 * is written yet, so that a frame may be recorded before it is known whether the
 * device takes it. Returns false when there is no room: write first.
 */
bool core_pcap_add(struct core_pcap *pcap, const struct mirage_packet *frame);

/** Writes the first `n` of the collected frames and forgets the rest. The first
 *  error is logged and ends the recording, all frames after it are counted. */
void core_pcap_write(struct core_pcap *pcap, size_t n);

/** Closes the file, says how many frames are missing from it, if any. */
void core_pcap_close(struct core_pcap *pcap);

#endif /* MIRAGE_PCAP_H */
