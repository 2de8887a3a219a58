// SPDX-License-Identifier: ISC
// bc:LAN, the tabs of one origin or the threads of one Node, as v86 has it: each
// message of the channel is a Uint8Array, a frame. With `batch` messages are
// ArrayBuffers of many frames, each behind its length, for Mirage alone; whoever
// receives takes either. Nobody hears what he has sent himself.

import { EINVAL, MirageError } from './errors.js';
import { countFrames, eachFrame } from './framing.js';

const PREFIX = 'v86-inbrowser-';
/** A channel never refuses: so much is taken before others get their turn. */
const TURN_BYTES = 262144;

class Wire {
	constructor(port, { path, batch }) {
		this.port = port;
		this.batch = batch;
		this.taken = 0;
		this.channel = new BroadcastChannel(PREFIX + path);
		this.channel.onmessage = ({ data }) => this.message(data);
		this.channel.onmessageerror = () => this.port.invalid(1);
		this.each = (frame) => {
			this.channel.postMessage(frame.slice());
			return true;
		};
	}

	begin() {
		this.port.link(true);
	}

	message(data) {
		if (data instanceof Uint8Array) {
			this.port.frame(data);
			return;
		}
		const bytes = data instanceof ArrayBuffer && new Uint8Array(data);
		if (bytes && countFrames(bytes) > 0) this.port.framed(bytes);
		else this.port.invalid(1);
	}

	send(bytes) {
		if (this.taken === 0) this.port.soon(() => this.breathe());
		if (this.taken >= TURN_BYTES) {
			this.short = true;
			return 0;
		}
		this.taken += bytes.length;
		if (this.batch) this.channel.postMessage(bytes.slice().buffer);
		else eachFrame(bytes, this.each);
		return bytes.length;
	}

	/** Others have had their turn. */
	breathe() {
		this.taken = 0;
		if (!this.short) return;
		this.short = false;
		this.port.writable();
	}

	close() {
		this.channel.close();
	}
}

export function open(port, options) {
	if (options.path === '')
		throw new MirageError(EINVAL, 'the LAN has no name; give one as in bc:lan');
	return new Wire(port, options);
}
