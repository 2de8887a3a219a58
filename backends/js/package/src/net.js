// SPDX-License-Identifier: ISC
// Between a network's driver and the module: frames as bytes, each behind its
// length of 4 bytes, big-endian, in one queue each way in the module's memory.

import { Device } from './device.js';
import { errorOf } from './errors.js';

const HEADER_BYTES = 4;
const FRAME_MAX_BYTES = 69632;

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

/** Calls `frame(bytes)` for each frame that `queue` holds, while it returns true.
 *  Returns the bytes of the queue that these were. The views end with the call. */
export function eachFrame(queue, frame) {
	let at = 0;
	while (at + HEADER_BYTES <= queue.length) {
		const end =
			at +
			HEADER_BYTES +
			((queue[at] << 24) |
				(queue[at + 1] << 16) |
				(queue[at + 2] << 8) |
				queue[at + 3]);
		if (!frame(queue.subarray(at + HEADER_BYTES, end))) break;
		at = end;
	}
	return at;
}

/** What a driver calls. After the end of the device all of it does nothing. */
class Port {
	constructor(instance, at, name, wasm) {
		this.instance = instance;
		this.at = at;
		this.name = name;
		this.wasm = wasm;
		this.closed = false;
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
		memory[to] = 0;
		memory[to + 1] = bytes.length >>> 16;
		memory[to + 2] = bytes.length >>> 8;
		memory[to + 3] = bytes.length;
		memory.set(bytes, to + HEADER_BYTES);
		this.call(this.wasm.filled, HEADER_BYTES + bytes.length);
		this.instance.turn();
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

	log(level, text) {
		this.instance.log(level, `network '${this.name}': ${text}`);
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
			const { open } = await instance.driver('networks', options);
			this.driver = await open(this.port, options);
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

	send(bytes) {
		return this.driver.send(bytes);
	}

	async close() {
		await this.driver.close();
		const { instance, at } = this;
		instance.devices.delete(at);
		this.port.call(this.port.wasm.closed);
		this.port.closed = true;
		instance.turn();
	}

	/** At the end of the program. */
	async abandon() {
		this.port.closed = true;
		await this.driver?.close();
	}
}

/** Opens the network at `at` in the module, with its table of calls. */
export function open(instance, at, options, calls) {
	const wasm = instance.functions(calls, CALLS);
	const net = new Net(instance, at, options.name, wasm);
	instance.devices.set(at, net);
	return net.open(options);
}
