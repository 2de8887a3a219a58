// SPDX-License-Identifier: ISC
// The wire of a network as a stream socket of Node: bytes as the module frames
// them, both ways.

import { countFrames } from './framing.js';

/** The module's queue has no more, so that all of it is taken or nothing. */
const STAGE_BYTES = 262144;

/** One connected socket. `gone(why, heard)` is called once when the peer has left;
 *  `heard` says whether it has ever spoken. */
export class Stream {
	constructor(port, socket, gone) {
		this.port = port;
		this.socket = socket;
		this.gone = gone;
		this.heard = false;
		this.staged = 0; // bytes that are being written
		this.stage = Buffer.allocUnsafeSlow(STAGE_BYTES);
		this.onWritten = (error) => this.written(error);
		this.onData = (bytes) => this.data(bytes);
		socket.on('data', this.onData);
		socket.on('end', () => this.lose('closed by the peer'));
		socket.on('error', (error) => (this.error = error));
		socket.on('close', () => this.lose(this.error?.message));
		socket.resume();
	}

	/** All of `bytes`, or nothing while earlier ones are being written. */
	send(bytes) {
		if (this.staged > 0 || bytes.length > STAGE_BYTES) return 0;
		this.staged = bytes.length;
		this.stage.set(bytes);
		this.socket.write(this.stage.subarray(0, bytes.length), this.onWritten);
		return bytes.length;
	}

	written(error) {
		const bytes = this.stage.subarray(0, this.staged);
		this.staged = 0;
		if (error) this.port.unsent(countFrames(bytes));
		else this.port.writable();
		if (this.staged === 0) this.onIdle?.();
	}

	data(bytes) {
		this.heard = true;
		if (!this.port.framed(bytes)) this.lose('broken framing');
	}

	lose(why) {
		this.socket.off('data', this.onData);
		this.socket.destroy();
		const { gone } = this;
		this.gone = null;
		gone?.(why, this.heard);
	}

	/** Resolves when what was taken is with the host. */
	async idle() {
		if (this.staged > 0)
			await new Promise((resolve) => (this.onIdle = resolve));
	}

	/** Sends what was taken; nothing more is received. */
	async close() {
		this.gone = null;
		this.socket.off('data', this.onData);
		this.socket.resume();
		await this.idle();
		this.socket.destroy();
	}

	destroy() {
		this.gone = null;
		this.socket.destroy();
	}
}
