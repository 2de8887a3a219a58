// SPDX-License-Identifier: ISC
// What the playground says of frames, and its pcap files; in Node.

import { ip6Text } from '../../../examples/playground/src/bytes.js';
import { decode } from '../../../examples/playground/src/decode.js';
import { pcapFile } from '../../../examples/playground/src/pcap.js';
import { assert, done, test } from '../tap.mjs';

const bytes = (text) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

const ETHER = '02 00 00 00 00 02  02 00 00 00 00 01';

/** Frames whose checksums tcpdump -vv calls correct. */
const FRAMES = {
	udp: bytes(`${ETHER} 0800
		4500 0021 0001 0000 40 11 66c9 0a000001 0a000002
		1388 0035 000d 9442 68656c6c6f`),
	tcp: bytes(`${ETHER} 0800
		4500 0028 0001 4000 40 06 26cd 0a000001 0a000002
		c000 0050 00000001 00000000 5002 ffff db8e 0000`),
	icmp6: bytes(`${ETHER} 86dd
		6000 0000 000c 3a 40
		fe80 0000 0000 0000 0000 0000 0000 0001
		fe80 0000 0000 0000 0000 0000 0000 0002
		8000 abb2 1234 0007 61626364`),
};

/** The value of a field of the layer. */
function field(frame, title, name) {
	const { layers } = decode(frame);
	const layer = layers.find((one) => one.title === title);
	return String(layer.fields.find((one) => one.name === name).value);
}

await test('UDP over IPv4', () => {
	const { source, destination, protocol, info } = decode(FRAMES.udp);
	assert.equal(source, '10.0.0.1');
	assert.equal(destination, '10.0.0.2');
	assert.equal(protocol, 'UDP');
	assert.equal(info, 'port 5000 to 53, 5 bytes');
	assert.match(field(FRAMES.udp, 'IPv4', 'checksum'), /good/);
	assert.match(field(FRAMES.udp, 'UDP', 'checksum'), /good/);
});

await test('TCP over IPv4', () => {
	const { protocol, info } = decode(FRAMES.tcp);
	assert.equal(protocol, 'TCP');
	assert.equal(info, 'port 49152 to 80 SYN, 0 bytes');
	assert.equal(field(FRAMES.tcp, 'IPv4', 'fragment'), "don't fragment");
	assert.match(field(FRAMES.tcp, 'TCP', 'checksum'), /good/);
});

await test('ICMPv6 over IPv6', () => {
	const { source, destination, protocol, info } = decode(FRAMES.icmp6);
	assert.equal(source, 'fe80::1');
	assert.equal(destination, 'fe80::2');
	assert.equal(protocol, 'ICMPv6');
	assert.equal(info, 'echo request #7, 4 bytes');
	assert.match(field(FRAMES.icmp6, 'ICMPv6', 'checksum'), /good/);
});

await test('a flipped bit is a wrong checksum', () => {
	const titles = { udp: 'UDP', tcp: 'TCP', icmp6: 'ICMPv6' };
	for (const [name, frame] of Object.entries(FRAMES)) {
		const broken = frame.slice();
		broken[broken.length - 1] ^= 1;
		assert.match(field(broken, titles[name], 'checksum'), /WRONG/, name);
	}
});

await test('a frame cut anywhere is read no further than its end', () => {
	for (const frame of Object.values(FRAMES))
		for (let length = 0; length < frame.length; length++) {
			const { layers } = decode(frame.subarray(0, length));
			for (const layer of layers) {
				assert(layer.to <= Math.max(length, layer.from));
				for (const { to } of layer.fields) assert(to <= length);
			}
		}
});

await test('lengths that lie are noticed', () => {
	const header = FRAMES.udp.slice();
	header[14] = 0x43;
	assert.equal(decode(header).broken, true);
	const total = FRAMES.udp.slice();
	total[16] = total[17] = 0;
	assert.equal(decode(total).broken, true);
});

await test('IPv6 addresses are short, as RFC 5952 has them', () => {
	const cases = {
		'20010db8000000000000000000000001': '2001:db8::1',
		'00000000000000000000000000000000': '::',
		'20010db8000000010000000000000001': '2001:db8:0:1::1',
		'20010db8000100010001000100010001': '2001:db8:1:1:1:1:1:1',
		'20010db8000000010001000100010001': '2001:db8:0:1:1:1:1:1',
		'fe800000000000000000000000000000': 'fe80::',
	};
	for (const [digits, text] of Object.entries(cases))
		assert.equal(ip6Text(bytes(digits)), text);
});

await test('a pcap file has the times and bytes of its frames', () => {
	const time = 1700000000123.456;
	const file = pcapFile([{ bytes: FRAMES.udp, time }]);
	const data = new DataView(file.buffer);
	assert.equal(data.getUint32(0, true), 0xa1b2c3d4);
	assert.equal(data.getUint32(20, true), 1);
	assert.equal(data.getUint32(24, true), 1700000000);
	assert.equal(data.getUint32(28, true), 123456);
	assert.equal(data.getUint32(32, true), FRAMES.udp.length);
	assert.deepEqual(file.subarray(40), FRAMES.udp);
	assert.equal(pcapFile([]).length, 24);
});

done();
