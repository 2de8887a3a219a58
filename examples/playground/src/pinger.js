// SPDX-License-Identifier: ISC
// Sends pings on the LAN and tells what has become of each.

import { ip4, ip4Text, same } from './bytes.js';
import {
	ARP_REPLY,
	ARP_REQUEST,
	arpReply,
	arpRequest,
	echoRequest,
	readArp,
	readEchoReply,
} from './packets.js';

const TIMEOUT_MS = 1500;
const DATA_BYTES = 32;
export const KEPT = 60;

/** Events: `change`, and `result` with { sequence, ms } where ms is null for a lost
 *  one. */
export class Pinger extends EventTarget {
	constructor(lan) {
		super();
		this.lan = lan;
		this.ip = ip4(`10.0.0.${100 + Math.floor(Math.random() * 150)}`);
		this.id = Math.floor(Math.random() * 65536);
		this.onFrame = ({ detail }) => this.hear(detail);
		lan.addEventListener('frame', this.onFrame);
		this.clear();
	}

	clear() {
		this.results = []; // the last ones: { sequence, ms, state }
		this.sent = this.received = this.lost = 0;
		this.total = 0;
		this.least = Infinity;
		this.most = 0;
		this.changed();
	}

	get running() {
		return this.timer !== undefined;
	}

	changed() {
		this.dispatchEvent(new Event('change'));
	}

	/** Throws when the address is none. */
	start(target, intervalMs) {
		const address = ip4(target);
		if (!address)
			throw new Error(
				`'${target}' is not an IPv4 address; write one such as 10.0.0.2`
			);
		this.stop();
		this.target = address;
		this.toMac = null;
		this.run = {}; // what is still on its way belongs to an earlier one
		this.sequence = 0;
		this.waiting = new Map();
		this.clear();
		this.timer = setInterval(() => this.ping(), intervalMs);
		this.ping();
	}

	stop() {
		clearInterval(this.timer);
		this.timer = undefined;
		this.changed();
	}

	ping() {
		const { mac } = this.lan;
		const sequence = ++this.sequence & 0xffff;
		const { run } = this;
		const result = { sequence, run, ms: null, state: 'waiting' };
		this.results.push(result);
		if (this.results.length > KEPT) this.results.shift();
		this.sent++;
		setTimeout(() => this.settle(result, null), TIMEOUT_MS);
		this.waiting.set(sequence, result);
		if (this.toMac) this.echo(result);
		else this.lan.send(arpRequest(mac, this.ip, this.target));
		this.changed();
	}

	echo(result) {
		result.began = performance.now();
		this.lan.send(
			echoRequest({
				mac: this.lan.mac,
				ip: this.ip,
				toMac: this.toMac,
				toIp: this.target,
				id: this.id,
				sequence: result.sequence,
				dataBytes: DATA_BYTES,
			})
		);
	}

	settle(result, ms) {
		if (result.state !== 'waiting' || result.run !== this.run) return;
		result.state = ms === null ? 'lost' : 'good';
		result.ms = ms;
		this.waiting.delete(result.sequence);
		if (ms === null) this.lost++;
		else this.count(ms);
		this.dispatchEvent(new CustomEvent('result', { detail: result }));
		this.changed();
	}

	count(ms) {
		this.received++;
		this.total += ms;
		this.least = Math.min(this.least, ms);
		this.most = Math.max(this.most, ms);
	}

	// -------------------------------------------------------------- Frames

	hear(frame) {
		const arp = readArp(frame);
		if (arp) this.hearArp(arp, frame);
		if (!this.target || arp) return;
		const sequence = readEchoReply(frame, this.ip, this.id);
		const result = sequence !== null && this.waiting.get(sequence);
		if (result) this.settle(result, performance.now() - result.began);
	}

	hearArp(arp, frame) {
		if (arp.op === ARP_REQUEST && same(arp.target, this.ip))
			this.lan.send(arpReply(this.lan.mac, this.ip, frame));
		if (arp.op !== ARP_REPLY || !this.target) return;
		if (!same(arp.ip, this.target) || this.toMac) return;
		this.toMac = arp.mac;
		for (const result of this.waiting.values()) this.echo(result);
	}

	/** One line, much as ping has it. */
	line({ sequence, ms }) {
		const from = ip4Text(this.target);
		const what = ms === null ? 'no answer' : `${ms.toFixed(2)} ms`;
		return `seq ${sequence}: ${what} from ${from}`;
	}

	close() {
		this.stop();
		this.lan.removeEventListener('frame', this.onFrame);
	}
}
