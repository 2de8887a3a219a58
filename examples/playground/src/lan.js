// SPDX-License-Identifier: ISC
// The page's own place on the LAN, where nodes of this page and of other tabs are:
// it hears every frame and keeps a list of stations.

import { eachFrame } from 'mirage-js/drivers/framing';
import { open } from 'mirage-js/drivers/net-bc';
import { get16, ip4Text, macText, same } from './bytes.js';
import { arpProbe, ARP_REPLY, ETHER_ARP, ETHER_IP4 } from './packets.js';

const STATIONS_MAX = 64;
const PROBE_MS = 150;
const HEADER_BYTES = 4;

export class Lan extends EventTarget {
	constructor(name) {
		super();
		this.name = name;
		this.mac = crypto.getRandomValues(new Uint8Array(6));
		this.mac[0] = 0x02; // locally administered, one station
		this.stations = new Map(); // { mac, ip, frames } by MAC
		this.frames = 0;
		this.probes = new Set();
		const port = {
			link: () => {},
			writable: () => {},
			invalid: () => {},
			soon: (run) => setTimeout(run),
			frame: (bytes) => this.hear(bytes),
			framed: (bytes) =>
				eachFrame(bytes, (frame) => {
					this.hear(frame);
					return true;
				}),
		};
		this.wire = open(port, { path: name, batch: false });
		this.wire.begin();
	}

	send(frame) {
		const bytes = new Uint8Array(HEADER_BYTES + frame.length);
		new DataView(bytes.buffer).setUint32(0, frame.length);
		bytes.set(frame, HEADER_BYTES);
		this.wire.send(bytes);
		this.frames++;
	}

	/** Puts somebody else's frame on the LAN. */
	pass(frame) {
		this.send(frame);
		if (frame.length >= 14) this.note(frame);
	}

	hear(frame) {
		if (frame.length < 14) return;
		this.frames++;
		this.note(frame);
		this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
	}

	note(frame) {
		const key = macText(frame.subarray(6, 12));
		const station = this.stations.get(key) ?? { mac: key, ip: '', frames: 0 };
		if (!this.stations.has(key) && this.stations.size === STATIONS_MAX) return;
		this.stations.set(key, station);
		station.frames++;
		const type = get16(frame, 12);
		if (type === ETHER_ARP && frame.length >= 42)
			this.learn(station, frame.subarray(28, 32), get16(frame, 20));
		else if (type === ETHER_IP4 && frame.length >= 34)
			this.learn(station, frame.subarray(26, 30));
	}

	learn(station, ip, op) {
		if (ip.some((byte) => byte)) station.ip = ip4Text(ip);
		if (op !== ARP_REPLY) return;
		for (const probe of this.probes) if (same(probe.ip, ip)) probe.found();
	}

	/** Whether somebody has the address already (RFC 5227). */
	taken(ip) {
		return new Promise((resolve) => {
			const end = (answer) => {
				clearTimeout(timer);
				this.probes.delete(probe);
				resolve(answer);
			};
			const timer = setTimeout(() => end(false), PROBE_MS);
			const probe = { ip, found: () => end(true) };
			this.probes.add(probe);
			this.send(arpProbe(this.mac, ip));
		});
	}

	close() {
		this.wire.close();
	}
}
