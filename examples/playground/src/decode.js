// SPDX-License-Identifier: ISC
// What a frame says: Ethernet, ARP, IPv4, IPv6, ICMP, UDP, TCP. Frames come from
// anybody: nothing is read past their end.

import {
	checksum,
	get16,
	get32,
	ip4Text,
	ip6Text,
	macText,
} from './bytes.js';
import { hex } from './dom.js';

/** Thrown where the frame ends before its header does. */
class Short extends Error {}

class Decoder {
	constructor(bytes) {
		this.bytes = bytes;
		this.end = bytes.length;
		this.layers = [];
		this.source = this.destination = '';
		this.protocol = 'Ethernet';
		this.info = '';
	}

	/** Begins a layer of `length` bytes at `at`, which must be there. */
	layer(title, at, length) {
		if (at + length > this.end) {
			this.layers.push({ title, from: at, to: this.end, fields: [] });
			throw new Short(`${title} is cut short`);
		}
		this.at = at;
		this.fields = [];
		this.layers.push({ title, from: at, to: at + length, fields: this.fields });
	}

	field(name, from, length, value) {
		const at = this.at + from;
		this.fields.push({ name, value, from: at, to: at + length });
	}

	part(from, length) {
		return this.bytes.subarray(this.at + from, this.at + from + length);
	}

	u8(from) {
		return this.bytes[this.at + from];
	}

	u16(from) {
		return get16(this.bytes, this.at + from);
	}

	say(protocol, info) {
		this.protocol = protocol;
		this.info = info;
	}
}

const ETHER_TYPES = { 0x0800: ipv4, 0x0806: arp, 0x86dd: ipv6 };
const TYPE_NAMES = { 0x0800: 'IPv4', 0x0806: 'ARP', 0x86dd: 'IPv6' };
const PROTOCOLS = { 1: icmp, 6: tcp, 17: udp, 58: icmp6 };
const PROTOCOL_NAMES = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6' };
const HEADER_BYTES_ETHERNET = 14;

function ethernet(d) {
	d.layer('Ethernet', 0, HEADER_BYTES_ETHERNET);
	const type = d.u16(12);
	d.destination = macText(d.part(0, 6));
	d.source = macText(d.part(6, 6));
	d.field('to', 0, 6, addressNote(d.destination));
	d.field('from', 6, 6, d.source);
	d.field('type', 12, 2, `0x${hex(type, 4)} ${TYPE_NAMES[type] ?? ''}`);
	d.say('Ethernet', `type 0x${hex(type, 4)}, ${d.end} bytes`);
	ETHER_TYPES[type]?.(d, HEADER_BYTES_ETHERNET);
}

function addressNote(mac) {
	if (mac === 'ff:ff:ff:ff:ff:ff') return `${mac} (everybody)`;
	return parseInt(mac.slice(0, 2), 16) & 1 ? `${mac} (a group)` : mac;
}

/** RFC 826, of Ethernet and IPv4. */
function arp(d, at) {
	d.layer('ARP', at, 28);
	const op = d.u16(6);
	const from = ip4Text(d.part(14, 4));
	const to = ip4Text(d.part(24, 4));
	const ops = { 1: 'request', 2: 'reply' };
	d.field('hardware', 0, 2, d.u16(0) === 1 ? '1 (Ethernet)' : d.u16(0));
	d.field('protocol', 2, 2, `0x${hex(d.u16(2), 4)}`);
	d.field('operation', 6, 2, `${op} (${ops[op] ?? 'unknown'})`);
	d.field('sender', 8, 6, macText(d.part(8, 6)));
	d.field('sender IP', 14, 4, from);
	d.field('target', 18, 6, macText(d.part(18, 6)));
	d.field('target IP', 24, 4, to);
	if (op === 2) d.say('ARP', `${from} is at ${macText(d.part(8, 6))}`);
	else d.say('ARP', `who has ${to}? tell ${from}`);
}

function sumNote(good) {
	return good ? 'good' : 'WRONG';
}

/** RFC 791. */
function ipv4(d, at) {
	d.layer('IPv4', at, 20);
	const header = (d.u8(0) & 15) * 4;
	const total = d.u16(2);
	const protocol = d.u8(9);
	const fragment = d.u16(6);
	const offset = (fragment & 0x1fff) * 8;
	d.source = ip4Text(d.part(12, 4));
	d.destination = ip4Text(d.part(16, 4));
	d.field('version, header', 0, 1, `${d.u8(0) >> 4}, ${header} bytes`);
	d.field('length', 2, 2, `${total} bytes`);
	d.field('identification', 4, 2, `0x${hex(d.u16(4), 4)}`);
	d.field('fragment', 6, 2, fragmentNote(fragment, offset));
	d.field('time to live', 8, 1, `${d.u8(8)} hops`);
	d.field('protocol', 9, 1, `${protocol} ${PROTOCOL_NAMES[protocol] ?? ''}`);
	const sum = checksum(d.part(0, Math.max(header, 20)));
	d.field('checksum', 10, 2, `0x${hex(d.u16(10), 4)} ${sumNote(sum === 0)}`);
	d.field('from', 12, 4, d.source);
	d.field('to', 16, 4, d.destination);
	d.say('IPv4', `protocol ${protocol}, ${total} bytes`);
	if (header < 20 || total < header) throw new Short('IPv4: broken lengths');
	d.end = Math.min(d.end, at + total); // what follows is padding
	if (offset > 0) d.info = `fragment at ${offset}`;
	else PROTOCOLS[protocol]?.(d, at + header, pseudo4(d, protocol, header));
}

function fragmentNote(fragment, offset) {
	if (fragment & 0x4000) return "don't fragment";
	const more = fragment & 0x2000 ? ', more follow' : '';
	return fragment & 0x3fff ? `at byte ${offset}${more}` : 'whole';
}

/** The sum of the pseudo header that TCP and UDP include. */
function pseudo4(d, protocol, header) {
	return sumOf(d.part(12, 8)) + protocol + d.u16(2) - header;
}

function sumOf(bytes) {
	return checksum(bytes) ^ 0xffff;
}

/** RFC 8200; of extension headers only the name is said. */
function ipv6(d, at) {
	d.layer('IPv6', at, 40);
	const length = d.u16(4);
	const next = d.u8(6);
	d.source = ip6Text(d.part(8, 16));
	d.destination = ip6Text(d.part(24, 16));
	d.field('version', 0, 1, d.u8(0) >> 4);
	d.field('payload', 4, 2, `${length} bytes`);
	d.field('next header', 6, 1, `${next} ${PROTOCOL_NAMES[next] ?? ''}`);
	d.field('hop limit', 7, 1, `${d.u8(7)} hops`);
	d.field('from', 8, 16, d.source);
	d.field('to', 24, 16, d.destination);
	d.say('IPv6', `next header ${next}, ${length} bytes`);
	d.end = Math.min(d.end, at + 40 + length);
	PROTOCOLS[next]?.(d, at + 40, sumOf(d.part(8, 32)) + next + length);
}

/** RFC 792. */
function icmp(d, at) {
	d.layer('ICMP', at, 8);
	const type = d.u8(0);
	const names = {
		0: 'echo reply',
		3: 'destination unreachable',
		8: 'echo request',
		11: 'time exceeded',
	};
	const good = checksum(d.bytes.subarray(at, d.end)) === 0;
	d.field('type', 0, 1, `${type} (${names[type] ?? 'unknown'})`);
	d.field('code', 1, 1, d.u8(1));
	d.field('checksum', 2, 2, `0x${hex(d.u16(2), 4)} ${sumNote(good)}`);
	d.say('ICMP', names[type] ?? `type ${type}`);
	if (type === 0 || type === 8) echo(d, at);
}

function echo(d, at) {
	d.field('identifier', 4, 2, `0x${hex(d.u16(4), 4)}`);
	d.field('sequence', 6, 2, d.u16(6));
	d.info += ` #${d.u16(6)}, ${d.end - at - 8} bytes`;
}

/** RFC 4443 and 4861. */
function icmp6(d, at, pseudo) {
	d.layer('ICMPv6', at, 8);
	const type = d.u8(0);
	const names = {
		1: 'destination unreachable',
		128: 'echo request',
		129: 'echo reply',
		133: 'router solicitation',
		134: 'router advertisement',
		135: 'neighbour solicitation',
		136: 'neighbour advertisement',
	};
	const good = checksum(d.bytes.subarray(at, d.end), pseudo) === 0;
	d.field('type', 0, 1, `${type} (${names[type] ?? 'unknown'})`);
	d.field('checksum', 2, 2, `0x${hex(d.u16(2), 4)} ${sumNote(good)}`);
	d.say('ICMPv6', names[type] ?? `type ${type}`);
	if (type === 128 || type === 129) echo(d, at);
}

/** RFC 768. */
function udp(d, at, pseudo) {
	d.layer('UDP', at, 8);
	const [from, to, length, sum] = [0, 2, 4, 6].map((i) => d.u16(i));
	const covered = d.bytes.subarray(at, Math.min(d.end, at + length));
	const note =
		sum === 0 ? 'none' : sumNote(checksum(covered, pseudo) === 0);
	d.field('from port', 0, 2, from);
	d.field('to port', 2, 2, to);
	d.field('length', 4, 2, `${length} bytes`);
	d.field('checksum', 6, 2, `0x${hex(sum, 4)} ${note}`);
	d.say('UDP', `port ${from} to ${to}, ${Math.max(length - 8, 0)} bytes`);
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

/** RFC 9293. */
function tcp(d, at, pseudo) {
	d.layer('TCP', at, 20);
	const header = (d.u8(12) >> 4) * 4;
	const flags = TCP_FLAGS.filter((_, i) => (d.u8(13) >> i) & 1).join(' ');
	const good = checksum(d.bytes.subarray(at, d.end), pseudo) === 0;
	d.field('from port', 0, 2, d.u16(0));
	d.field('to port', 2, 2, d.u16(2));
	d.field('sequence', 4, 4, get32(d.bytes, at + 4));
	d.field('acknowledges', 8, 4, get32(d.bytes, at + 8));
	d.field('header', 12, 1, `${header} bytes`);
	d.field('flags', 13, 1, flags || 'none');
	d.field('window', 14, 2, `${d.u16(14)} bytes`);
	d.field('checksum', 16, 2, `0x${hex(d.u16(16), 4)} ${sumNote(good)}`);
	const data = Math.max(d.end - at - header, 0);
	d.say('TCP', `port ${d.u16(0)} to ${d.u16(2)} ${flags}, ${data} bytes`);
}

/** Returns { source, destination, protocol, info, layers, broken }. */
export function decode(bytes) {
	const d = new Decoder(bytes);
	try {
		ethernet(d);
	} catch (error) {
		if (!(error instanceof Short)) throw error;
		d.broken = true;
		d.info = error.message;
	}
	const { source, destination, protocol, info, layers, broken = false } = d;
	return { source, destination, protocol, info, layers, broken };
}
