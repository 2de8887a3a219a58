// SPDX-License-Identifier: ISC
// ws: and wss:, where one binary message is one frame: relays such as ours,
// websockproxy and v86's. They may send a broadcast back to where it came from.

import { Backoff } from './backoff.js';
import { errorOf } from './error-of.js';
import { EINVAL, MirageError } from './errors.js';
import { eachFrame } from './framing.js';

/** Nothing more is taken while more waits in the WebSocket, which does not say when
 *  it has sent that: it is asked again in so many milliseconds. */
const BUFFERED_MAX_BYTES = 1048576;
const ASK_MS = 1;
const SOURCE_AT = 6; // of an Ethernet header
const NORMAL_CLOSURE = 1000;
const ABNORMAL_CLOSURE = 1006;

/** What a close says that gives no reason: browsers tell pages no more. */
function silentReason(url, code, wasOpen) {
	if (code !== ABNORMAL_CLOSURE) return `closed with code ${code}`;
	if (wasOpen) return 'the connection broke';
	const trusted = url.startsWith('wss:') ? ', is its certificate trusted' : '';
	return (
		'there is no connection: is the relay running' +
		`${trusted}, may this page connect?`
	);
}

class Wire {
	constructor(port, { scheme, path, mac }, sockets) {
		this.port = port;
		this.url = `${scheme}:${path}`;
		this.mac = mac;
		this.sockets = sockets;
		this.backoff = new Backoff();
		this.wasOpen = this.toldAway = this.toldText = false;
		this.each = (frame) => {
			if (this.socket.bufferedAmount > BUFFERED_MAX_BYTES) return false;
			this.socket.send(frame);
			return true;
		};
	}

	connect() {
		const socket = this.sockets.connect(this.url, (frame) =>
			this.message(frame)
		);
		socket.onopen = () => this.opened();
		socket.onerror = (event) => (this.reason = event.message);
		socket.onclose = (event) => this.lost(event);
		this.socket = socket;
	}

	opened() {
		if (this.toldAway) this.port.log(1, `${this.url} is back`);
		this.toldAway = false;
		this.wasOpen = true;
		this.port.link(true);
	}

	/** `frame` is null of a text message. */
	message(frame) {
		this.backoff.reset();
		if (!frame) this.text();
		else if (this.isOwn(frame)) this.port.invalid(1);
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
		const why =
			reason || this.reason || silentReason(this.url, code, this.wasOpen);
		this.reason = undefined;
		this.wasOpen = false;
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
		const taken = eachFrame(this.sockets.own(bytes), this.each);
		if (taken < bytes.length) this.ask();
		return taken;
	}

	ask() {
		clearTimeout(this.asking);
		this.asking = setTimeout(() => {
			if (this.socket.bufferedAmount > BUFFERED_MAX_BYTES) this.ask();
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

/** `sockets.connect(url, onMessage)` makes a WebSocket, whose binary messages go to
 *  `onMessage` as bytes, others as null; `sockets.own(bytes)` gives the bytes as the
 *  WebSocket may keep them. */
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

/** A WebSocket as browsers have it, which copies what it sends. */
export function connect(url, onMessage) {
	const socket = new WebSocket(url);
	socket.binaryType = 'arraybuffer';
	socket.onmessage = ({ data }) =>
		onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : null);
	return socket;
}

export function open(port, options) {
	return openWith(port, options, { connect, own: (bytes) => bytes });
}
