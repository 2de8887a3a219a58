// SPDX-License-Identifier: ISC
// The frames that the page itself sends: ARP (RFC 826) and ICMP echo (RFC 792).

import { BROADCAST, checksum, get16, put16, same } from './bytes.js';

export const ETHER_IP4 = 0x0800;
export const ETHER_ARP = 0x0806;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const ETHER = 14;
const IP = 20;
const ICMP = 8;
const ECHO_REQUEST = 8;
const NOBODY = new Uint8Array(4);

function ethernet(to, from, type, payloadBytes) {
	const frame = new Uint8Array(ETHER + payloadBytes);
	frame.set(to, 0);
	frame.set(from, 6);
	put16(frame, 12, type);
	return frame;
}

function arp(op, to, mac, ip, targetMac, targetIp) {
	const frame = ethernet(to, mac, ETHER_ARP, 28);
	frame.set([0, 1, 8, 0, 6, 4, 0, op], ETHER);
	frame.set(mac, 22);
	frame.set(ip, 28);
	frame.set(targetMac, 32);
	frame.set(targetIp, 38);
	return frame;
}

export function arpRequest(mac, ip, target) {
	return arp(ARP_REQUEST, BROADCAST, mac, ip, new Uint8Array(6), target);
}

/** Asks without an address of one's own (RFC 5227). The example programs answer
 *  whoever asks, and would answer to 0.0.0.0. */
export function arpProbe(mac, target) {
	return arpRequest(mac, NOBODY, target);
}

export function arpReply(mac, ip, frame) {
	const asker = frame.subarray(22, 28);
	return arp(ARP_REPLY, asker, mac, ip, asker, frame.subarray(28, 32));
}

/** What an ARP frame says, or null. */
export function readArp(frame) {
	if (frame.length < 42 || get16(frame, 12) !== ETHER_ARP) return null;
	return {
		op: get16(frame, 20),
		mac: frame.slice(22, 28),
		ip: frame.slice(28, 32),
		target: frame.slice(38, 42),
	};
}

export function echoRequest({ mac, ip, toMac, toIp, id, sequence, dataBytes }) {
	const frame = ethernet(toMac, mac, ETHER_IP4, IP + ICMP + dataBytes);
	const header = frame.subarray(ETHER, ETHER + IP);
	header.set([0x45, 0]);
	put16(header, 2, IP + ICMP + dataBytes);
	put16(header, 4, sequence);
	header.set([64, 1], 8);
	header.set(ip, 12);
	header.set(toIp, 16);
	put16(header, 10, checksum(header));

	const icmp = frame.subarray(ETHER + IP);
	icmp[0] = ECHO_REQUEST;
	put16(icmp, 4, id);
	put16(icmp, 6, sequence);
	for (let i = 0; i < dataBytes; i++) icmp[ICMP + i] = 0x61 + (i % 26);
	put16(icmp, 2, checksum(icmp));
	return frame;
}

/** The sequence number of an echo reply for `ip` with `id`, or null. */
export function readEchoReply(frame, ip, id) {
	const good =
		frame.length >= ETHER + IP + ICMP &&
		get16(frame, 12) === ETHER_IP4 &&
		frame[ETHER] === 0x45 &&
		frame[ETHER + 9] === 1 &&
		same(frame.subarray(30, 34), ip) &&
		frame[ETHER + IP] === 0 &&
		get16(frame, ETHER + IP + 4) === id;
	if (!good) return null;
	const end = ETHER + get16(frame, ETHER + 2);
	if (end > frame.length || checksum(frame.subarray(ETHER + IP, end)) !== 0)
		return null;
	return get16(frame, ETHER + IP + 6);
}
