// SPDX-License-Identifier: ISC
// Between a network's driver and the module: frames as bytes, each behind its
// length of 4 bytes, big-endian, in one queue each way in the module's memory.

import { Device } from './device.js';
import { errorOf } from './error-of.js';
import {
	FRAME_MAX_BYTES,
	HEADER_BYTES,
	countFrames,
	putLength,
} from './framing.js';

/** How long a driver that is closed may take to hand over what it has taken. */
const LINGER_MS = 1000;

export { eachFrame } from './framing.js';

/** struct js_net_calls. */
const CALLS = [
	'opened',
	'closed',
	'link',
	'writable',
	'room',
	'roomBytes',
	'filled',
	'invalid',
	'size',
	'unsent',
	'log',
	'counters',
	'fault',
];

/** struct mirage_net_counters. */
const COUNTERS = [
	'rx_frames',
	'rx_bytes',
	'tx_frames',
	'tx_bytes',
	'rx_dropped_nobody',
	'rx_dropped_memory',
	'rx_dropped_size',
	'rx_dropped_invalid',
	'tx_dropped_link',
	'tx_dropped_error',
	'tx_refused',
];

/** What a driver calls. After the end of the device all of it does nothing. */
class Port {
	constructor(instance, at, name, wasm) {
		this.instance = instance;
		this.at = at;
		this.name = name;
		this.wasm = wasm;
		this.closed = this.turning = false;
		this.turn = () => {
			this.turning = false;
			this.instance.turn();
		};
	}

	call(wasm, value) {
		if (this.closed) return undefined;
		return this.instance.call(wasm, this.at, value);
	}

	link(up) {
		this.call(this.wasm.link, up);
		this.instance.turn();
	}

	/** The driver takes bytes again. */
	writable() {
		this.call(this.wasm.writable);
		this.instance.turn();
	}

	/** One whole frame has arrived. */
	frame(bytes) {
		if (this.closed || this.instance.ended) return;
		if (bytes.length > FRAME_MAX_BYTES) {
			this.call(this.wasm.size, 1);
			return;
		}
		const to = this.call(this.wasm.room);
		if (to === undefined) return;
		const memory = this.instance.bytes;
		putLength(memory, to, bytes.length);
		memory.set(bytes, to + HEADER_BYTES);
		this.call(this.wasm.filled, HEADER_BYTES + bytes.length);
		this.turnSoon();
	}

	/** After all frames that one event of the host brings. */
	turnSoon() {
		if (this.turning) return;
		this.turning = true;
		queueMicrotask(this.turn);
	}

	/** Framed bytes have arrived, cut anywhere. Returns false when they make no
	 *  sense. */
	framed(bytes) {
		for (let at = 0; at < bytes.length && !this.closed; ) {
			const to = this.call(this.wasm.room);
			if (to === undefined) return true;
			const part = bytes.subarray(at, at + this.call(this.wasm.roomBytes));
			this.instance.bytes.set(part, to);
			if (this.call(this.wasm.filled, part.length) === 0) return false;
			at += part.length;
		}
		this.instance.turn();
		return true;
	}

	/** `n` things came that are no frames. */
	invalid(n) {
		this.call(this.wasm.invalid, n);
	}

	/** `n` frames that the driver had taken could not be sent. */
	unsent(n) {
		this.call(this.wasm.unsent, n);
	}

	/** Calls `run` soon, when others have had their turn. */
	soon(run) {
		this.instance.host.soon(run);
	}

	log(level, text) {
		if (this.closed || this.instance.ended) return;
		this.instance.putText(text);
		this.instance.call(this.wasm.log, this.at, level);
	}
}

class Net extends Device {
	constructor(instance, at, name, wasm) {
		super(instance, at, name, wasm);
		this.counterNames = COUNTERS;
		this.port = new Port(instance, at, name, wasm);
	}

	async open(options) {
		const { instance, at } = this;
		let result = 0;
		try {
			const driver = await this.findDriver('networks', options);
			this.driver = await driver.open(this.port, options);
		} catch (error) {
			result = errorOf(error);
			instance.putText(error.message);
		}
		if (result !== 0) instance.devices.delete(at);
		if (instance.ended) this.abandon();
		if (result === 0) this.findCounters();
		instance.call(this.port.wasm.opened, at, result);
		if (result === 0) this.driver.begin?.();
		instance.turn();
	}

	/** What a driver throws must not unwind the program that sends. */
	send(bytes) {
		try {
			return this.driver.send(bytes);
		} catch (error) {
			const n = countFrames(bytes);
			this.port.log(1, `sending: ${error.message}`);
			queueMicrotask(() => this.port.unsent(n));
			return bytes.length;
		}
	}

	/** Lets the driver hand over what it has taken, but not for ever. */
	async closeDriver() {
		const { host } = this.instance;
		let timer;
		const late = new Promise((resolve) => {
			timer = host.setTimeout(resolve, LINGER_MS);
		});
		try {
			await Promise.race([this.driver?.close(), late]);
			this.driver?.destroy?.();
		} catch (error) {
			this.port.log(1, `closing: ${error.message}`);
		}
		host.clearTimeout(timer);
	}

	async close() {
		await this.closeDriver();
		const { instance, at } = this;
		instance.devices.delete(at);
		this.port.call(this.port.wasm.closed);
		this.port.closed = true;
		instance.turn();
	}

	/** At the end of the program. */
	abandon() {
		this.port.closed = true;
		return this.closeDriver();
	}
}

/** js_net_open of js.h. */
export function open(
	instance,
	at,
	texts,
	mtu,
	mac,
	listen,
	connect,
	batch,
	calls
) {
	const wasm = instance.functions(calls, CALLS);
	const net = new Net(instance, at, texts.name, wasm);
	instance.devices.set(at, net);
	return net.open({
		...texts,
		mtu,
		mac: instance.bytes.slice(mac, mac + 6),
		listen: listen !== 0,
		connect: connect !== 0,
		batch: batch !== 0,
	});
}
