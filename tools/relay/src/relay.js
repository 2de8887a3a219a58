// SPDX-License-Identifier: ISC
// The relay: clients by WebSocket, one binary message being one frame, and a
// network behind them are the ports of a switch.

import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { Switch } from './switch.js';
import { openUpstream } from './upstream.js';

const FRAME_MIN_BYTES = 14;
/** What a message may have at all; beyond it a client is let go of. */
const MESSAGE_MAX_BYTES = 131072;
/** What may wait for a client that does not read; beyond it frames are dropped. */
const BUFFERED_MAX_BYTES = 1048576;
/** In this time a client must answer a ping. */
const ALIVE_MS = 30000;
const CLOSE_MS = 500;
const GOING_AWAY = 1001;
const HERE = ['localhost', '127.0.0.1', '[::1]'];

function newCounters() {
	return {
		clients: 0,
		clients_max: 0,
		refused_origin: 0,
		refused_clients: 0,
		rx_frames: 0, // from clients
		rx_dropped_size: 0,
		rx_dropped_text: 0,
		rx_dropped_rate: 0,
		tx_frames: 0, // to clients
		tx_dropped_slow: 0,
		net_rx_frames: 0, // from the network
		net_rx_dropped_size: 0,
		net_rx_dropped_early: 0, // before the relay was ready
		net_tx_frames: 0, // to it
		net_tx_dropped: 0,
	};
}

/** Whether a page of `origin` may connect: programs that are no browsers send
 *  none. */
export function originAllowed(origin, allowed) {
	if (origin === undefined || allowed.includes('*')) return true;
	if (allowed.length > 0) return allowed.includes(origin);
	try {
		return HERE.includes(new URL(origin).hostname);
	} catch {
		return false; // "null", of a page from a file
	}
}

/** So many frames per second, and half a second of them at once. */
class Rate {
	constructor(perSecond) {
		this.perMs = perSecond / 1000;
		this.burst = this.left = Math.max(perSecond / 2, 1);
		this.at = performance.now();
	}

	take() {
		if (this.left < 1) this.refill();
		if (this.left < 1) return false;
		this.left -= 1;
		return true;
	}

	refill() {
		const now = performance.now();
		this.left = Math.min(
			this.left + (now - this.at) * this.perMs,
			this.burst
		);
		this.at = now;
	}
}

/** A client as a port of the switch. */
class Client {
	constructor(relay, socket) {
		this.relay = relay;
		this.socket = socket;
		this.rate = new Rate(relay.rate);
		this.alive = true;
		socket.on('message', (bytes, binary) => this.message(bytes, binary));
		socket.on('pong', () => (this.alive = true));
		socket.on('close', () => relay.left(this));
		socket.on('error', ({ code }) => {
			if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
				relay.counters.rx_dropped_size += 1;
		});
	}

	message(bytes, binary) {
		const { counters, switch: switch_, frameMaxBytes } = this.relay;
		this.alive = true;
		if (!this.rate.take()) {
			counters.rx_dropped_rate += 1;
		} else if (!binary) {
			counters.rx_dropped_text += 1;
		} else if (
			bytes.length < FRAME_MIN_BYTES ||
			bytes.length > frameMaxBytes
		) {
			counters.rx_dropped_size += 1;
		} else {
			counters.rx_frames += 1;
			switch_.forward(this, bytes);
		}
	}

	send(frame) {
		const { counters } = this.relay;
		if (this.socket.bufferedAmount > BUFFERED_MAX_BYTES) {
			counters.tx_dropped_slow += 1;
			return;
		}
		counters.tx_frames += 1;
		this.socket.send(frame);
	}

	check() {
		if (!this.alive) this.socket.terminate();
		this.alive = false;
		this.socket.ping();
	}
}

export class Relay {
	/** `log(text)` gets what an operator should know. */
	constructor({ host, port, net, mtu, origins, maxClients, rate, log }) {
		Object.assign(this, { host, port, net, mtu, maxClients, rate, log });
		this.origins = origins;
		this.frameMaxBytes = mtu + FRAME_MIN_BYTES;
		this.counters = newCounters();
		this.switch = new Switch();
		this.clients = new Set();
	}

	async start() {
		this.upstream = await openUpstream(this.net, {
			mtu: this.mtu,
			counters: this.counters,
			onFrame: (frame) => this.fromNet(frame),
			log: this.log,
		});
		this.switch.add(this.upstream);
		this.server = new WebSocketServer({
			host: this.host,
			port: this.port,
			perMessageDeflate: false,
			maxPayload: MESSAGE_MAX_BYTES,
			clientTracking: false,
			verifyClient: ({ origin }, answer) => this.verify(origin, answer),
		});
		this.server.on('connection', (socket) => this.joined(socket));
		await once(this.server, 'listening');
		this.checking = setInterval(() => {
			for (const client of this.clients) client.check();
		}, ALIVE_MS);
	}

	/** Where it listens, as a client needs it. */
	get address() {
		const { address, family, port } = this.server.address();
		return `ws://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
	}

	fromNet(frame) {
		if (!this.upstream) {
			this.counters.net_rx_dropped_early += 1;
			return;
		}
		if (frame.length < FRAME_MIN_BYTES || frame.length > this.frameMaxBytes) {
			this.counters.net_rx_dropped_size += 1;
			return;
		}
		this.counters.net_rx_frames += 1;
		this.switch.forward(this.upstream, frame);
	}

	verify(origin, answer) {
		const { counters } = this;
		if (!originAllowed(origin, this.origins)) {
			counters.refused_origin += 1;
			this.log(
				`refused a page of ${JSON.stringify(origin)}; allow it with ` +
					'--origin'
			);
			answer(false, 403, 'Forbidden');
		} else if (this.clients.size >= this.maxClients) {
			counters.refused_clients += 1;
			this.log(`refused a client beyond --max-clients ${this.maxClients}`);
			answer(false, 503, 'Service Unavailable');
		} else {
			answer(true);
		}
	}

	joined(socket) {
		const client = new Client(this, socket);
		this.clients.add(client);
		this.switch.add(client);
		this.count();
	}

	left(client) {
		this.clients.delete(client);
		this.switch.remove(client);
		this.count();
	}

	count() {
		const { counters, clients } = this;
		counters.clients = clients.size;
		counters.clients_max = Math.max(counters.clients_max, clients.size);
	}

	/** Says goodbye to all. */
	async stop() {
		clearInterval(this.checking);
		this.server?.close();
		const closed = [...this.clients].map(({ socket }) => {
			socket.close(GOING_AWAY);
			return once(socket, 'close');
		});
		const late = setTimeout(() => {
			for (const { socket } of this.clients) socket.terminate();
		}, CLOSE_MS);
		await Promise.allSettled(closed);
		clearTimeout(late);
		await this.upstream?.close();
	}
}
