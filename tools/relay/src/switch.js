// SPDX-License-Identifier: ISC
// A learning switch (IEEE 802.1D, without the spanning tree). A port is an object
// with `send(frame)`.

const AGE_MS = 300000;
const TABLE_MAX = 4096;
/** So that nobody can fill the table alone. */
const TABLE_MAX_OF_ONE = 256;

function addressAt(frame, at) {
	return frame.readUIntBE(at, 6);
}

function isGroup(frame, at) {
	return (frame[at] & 1) !== 0;
}

export class Switch {
	constructor(now = () => performance.now()) {
		this.now = now;
		this.ports = new Map(); // and how many addresses each has
		this.table = new Map(); // address: {port, at}, the longest silent first
	}

	add(port) {
		this.ports.set(port, 0);
	}

	remove(port) {
		this.ports.delete(port);
		for (const [address, entry] of this.table)
			if (entry.port === port) this.table.delete(address);
	}

	/** `frame`, a Buffer of 14 bytes or more, has come in at `port`. */
	forward(port, frame) {
		if (!isGroup(frame, 6)) this.learn(addressAt(frame, 6), port);
		const to = isGroup(frame, 0) ? undefined : this.find(addressAt(frame, 0));
		if (to === port) return;
		if (to) to.send(frame);
		else
			for (const other of this.ports.keys())
				if (other !== port) other.send(frame);
	}

	learn(address, port) {
		const known = this.table.get(address);
		if (known?.port === port) {
			known.at = this.now();
			return;
		}
		if (this.ports.get(port) >= TABLE_MAX_OF_ONE) this.age();
		else if (this.table.size >= TABLE_MAX) this.age();
		if (known) this.forget(address, known);
		if (this.table.size >= TABLE_MAX) return;
		if (this.ports.get(port) >= TABLE_MAX_OF_ONE) return;
		this.table.set(address, { port, at: this.now() });
		this.ports.set(port, this.ports.get(port) + 1);
	}

	find(address) {
		const entry = this.table.get(address);
		if (!entry) return undefined;
		if (this.now() - entry.at <= AGE_MS) return entry.port;
		this.forget(address, entry);
		return undefined;
	}

	forget(address, { port }) {
		this.table.delete(address);
		this.ports.set(port, this.ports.get(port) - 1);
	}

	age() {
		const now = this.now();
		if (now - this.aged < 1000) return;
		this.aged = now;
		for (const [address, entry] of this.table)
			if (now - entry.at > AGE_MS) this.forget(address, entry);
	}
}
