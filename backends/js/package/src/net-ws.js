// SPDX-License-Identifier: ISC
// ws: and wss:, where one binary message is one frame: relays such as ours,
// websockproxy and v86's. They may send a broadcast back to where it came from.

import { Backoff } from './backoff.js';
import { EINVAL, MirageError, errorOf } from './errors.js';
import { eachFrame } from './framing.js';

/** Nothing more is taken while this much waits in the WebSocket, */
const BUFFERED_MAX_BYTES = 1048576;
/** until, asked in this time, */
const ASK_MS = 4;
/** it has come down to this. */
const BUFFERED_LOW_BYTES = 524288;
const SOURCE_AT = 6; // of an Ethernet header
const NORMAL_CLOSURE = 1000;

class Wire {
	/** `connect(url)` makes a WebSocket; `copies` says that its `send` has copied
	 *  the bytes when it returns. */
	constructor(port, { scheme, path, mac }, { connect, copies }) {
		this.port = port;
		this.url = `${scheme}:${path}`;
		this.mac = mac;
		this.makeSocket = connect;
		this.copies = copies;
		this.backoff = new Backoff();
		this.toldAway = this.toldText = false;
		this.each = (frame) => {
			if (this.socket.bufferedAmount > BUFFERED_MAX_BYTES) return false;
			this.socket.send(this.copies ? frame : frame.slice());
			return true;
		};
	}

	connect() {
		const socket = this.makeSocket(this.url);
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => this.opened();
		socket.onmessage = (event) => this.message(event.data);
		socket.onerror = (event) => (this.reason = event.message);
		socket.onclose = (event) => this.lost(event);
		this.socket = socket;
	}

	opened() {
		if (this.toldAway) this.port.log(1, `${this.url} is back`);
		this.toldAway = false;
		this.port.link(true);
	}

	message(data) {
		this.backoff.reset();
		if (!(data instanceof ArrayBuffer)) {
			this.text();
			return;
		}
		const frame = new Uint8Array(data);
		if (this.isOwn(frame)) this.port.invalid(1);
		else this.port.frame(frame);
	}

	isOwn(frame) {
		if (frame.length < SOURCE_AT + 6) return false;
		for (let i = 0; i < 6; i++)
			if (frame[SOURCE_AT + i] !== this.mac[i]) return false;
		return true;
	}

	text() {
		this.port.invalid(1);
		if (this.toldText) return;
		this.toldText = true;
		this.port.log(
			1,
			`${this.url} sends text, which is no frame: it is counted in ` +
				'rx_dropped_invalid; is that a relay for Ethernet?'
		);
	}

	lost({ code, reason }) {
		const why = reason || this.reason || `closed with code ${code}`;
		this.reason = undefined;
		clearTimeout(this.asking);
		this.port.link(false);
		this.onClosed?.();
		if (this.closed) return;
		this.port.log(
			this.toldAway ? 3 : 1,
			`${this.url} is away: ${why}; trying again`
		);
		this.toldAway = true;
		this.timer = setTimeout(() => this.connect(), this.backoff.next());
	}

	// ---------------------------------------------------------- Driver

	send(bytes) {
		const taken = eachFrame(bytes, this.each);
		if (taken < bytes.length) this.ask();
		return taken;
	}

	/** A WebSocket does not say when it has sent what waited. */
	ask() {
		clearTimeout(this.asking);
		this.asking = setTimeout(() => {
			if (this.socket.bufferedAmount > BUFFERED_LOW_BYTES) this.ask();
			else this.port.writable();
		}, ASK_MS);
	}

	/** A WebSocket that is closed sends what waits first. */
	async close() {
		this.closed = true;
		clearTimeout(this.timer);
		clearTimeout(this.asking);
		const { socket } = this;
		if (socket.readyState === socket.CLOSED) return;
		const closed = new Promise((resolve) => (this.onClosed = resolve));
		socket.close(NORMAL_CLOSURE);
		await closed;
	}

	destroy() {
		this.socket.terminate?.();
	}
}

export function openWith(port, options, sockets) {
	const wire = new Wire(port, options, sockets);
	try {
		wire.connect();
	} catch (error) {
		if (error.name !== 'SyntaxError')
			throw new MirageError(errorOf(error), `${wire.url}: ${error.message}`);
		throw new MirageError(
			EINVAL,
			`${wire.url} is no address of a WebSocket; give one such as ` +
				'ws://127.0.0.1:8086/'
		);
	}
	return wire;
}

export function open(port, options) {
	return openWith(port, options, {
		connect: (url) => new WebSocket(url),
		copies: true,
	});
}
