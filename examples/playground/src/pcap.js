// SPDX-License-Identifier: ISC
// Frames as a pcap file of Ethernet, with microseconds, as tcpdump and Wireshark
// read it.

const MAGIC = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;
const SNAP_BYTES = 262144;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** `frames` are { bytes, time }, with the time in milliseconds since 1970. */
export function pcapFile(frames) {
	const size = frames.reduce(
		(sum, { bytes }) => sum + RECORD_HEADER + bytes.length,
		FILE_HEADER
	);
	const file = new Uint8Array(size);
	const data = new DataView(file.buffer);
	const words = (at, ...values) =>
		values.forEach((value, i) => data.setUint32(at + 4 * i, value, true));

	words(0, MAGIC, 2 | (4 << 16), 0, 0, SNAP_BYTES, LINKTYPE_ETHERNET);
	let at = FILE_HEADER;
	for (const { bytes, time } of frames) {
		const us = Math.round(time * 1000);
		const seconds = Math.floor(us / 1e6);
		words(at, seconds, us - seconds * 1e6, bytes.length, bytes.length);
		file.set(bytes, at + RECORD_HEADER);
		at += RECORD_HEADER + bytes.length;
	}
	return file;
}
