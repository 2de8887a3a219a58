// SPDX-License-Identifier: ISC
// Numbers and addresses in network order.

import { hex } from './dom.js';

export const BROADCAST = new Uint8Array(6).fill(0xff);

export function get16(bytes, at) {
	return (bytes[at] << 8) | bytes[at + 1];
}

export function get32(bytes, at) {
	return get16(bytes, at) * 65536 + get16(bytes, at + 2);
}

export function put16(bytes, at, value) {
	bytes[at] = value >>> 8;
	bytes[at + 1] = value;
}

export function same(a, b) {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The Internet checksum (RFC 1071): 0 over bytes that hold their own. */
export function checksum(bytes, sum = 0) {
	for (let i = 0; i < bytes.length; i += 2)
		sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
	while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
	return sum ^ 0xffff;
}

export function macText(bytes) {
	return Array.from(bytes, (byte) => hex(byte, 2)).join(':');
}

export function ip4Text(bytes) {
	return Array.from(bytes).join('.');
}

/** RFC 5952: the longest run of zeroes, of two groups or more, is `::`. */
export function ip6Text(bytes) {
	const groups = Array.from({ length: 8 }, (_, i) => get16(bytes, 2 * i));
	let best = { from: 0, length: 1 };
	for (let from = 0; from < 8; from++) {
		let length = 0;
		while (from + length < 8 && groups[from + length] === 0) length++;
		if (length > best.length) best = { from, length };
	}
	const text = groups.map((group) => group.toString(16));
	if (best.length < 2) return text.join(':');
	const head = text.slice(0, best.from).join(':');
	return `${head}::${text.slice(best.from + best.length).join(':')}`;
}

/** An IPv4 address from its text, or null. */
export function ip4(text) {
	const parts = text.trim().split('.');
	const good = parts.every((part) => /^\d{1,3}$/.test(part) && part < 256);
	return parts.length === 4 && good ? Uint8Array.from(parts) : null;
}
