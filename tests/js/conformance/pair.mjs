// SPDX-License-Identifier: ISC
// A wire between two networks of one program, as drivers for createMirage, which can
// be cut and paused.

import { eachFrame } from '../../../backends/js/package/src/framing.js';

class End {
	constructor(wire) {
		this.wire = wire;
		this.held = []; // frames, while this end takes none from the other
		this.paused = false;
	}

	open(port) {
		this.port = port;
		this.held = [];
		return this;
	}

	begin() {
		this.wire.tell();
	}

	/** Nothing while the other end is paused. */
	send(frames) {
		const { peer } = this;
		if (this.paused) return 0;
		const taken = [];
		eachFrame(frames, (frame) => taken.push(frame.slice()) > 0);
		if (peer.port && this.wire.up)
			queueMicrotask(() => taken.forEach((f) => peer.port?.frame(f)));
		return frames.length;
	}

	pause(paused) {
		this.paused = paused;
		if (!paused) this.port?.writable();
	}

	close() {
		this.port = null;
		queueMicrotask(() => this.wire.tell());
	}
}

export class Pair {
	constructor() {
		this.up = true;
		this.a = new End(this);
		this.b = new End(this);
		this.a.peer = this.b;
		this.b.peer = this.a;
	}

	/** The link is up while both ends are there. */
	tell() {
		const up = this.up && Boolean(this.a.port && this.b.port);
		this.a.port?.link(up);
		this.b.port?.link(up);
	}

	link(up) {
		this.up = up;
		this.tell();
	}
}
