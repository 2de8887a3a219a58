// SPDX-License-Identifier: ISC
// fd:NUMBER in Node: a connected stream socket with QEMU's framing that Node has
// inherited, as from mirage-tap. When its peer leaves, the link is down for good.
// (A tap itself will not do: Node reads it in a thread that nothing wakes, so that
// not even exit would end.)

import { fstatSync } from 'node:fs';
import net from 'node:net';
import { EINVAL, MirageError } from './errors.js';
import { Deframer } from './framing.js';
import { Stream } from './net-stream.js';

const NUMBER = /^\d{1,9}$/;
const FIRST = 3;

/** Those that were opened once, by number: the socket stays open, and knows where
 *  its frames begin, when the network is closed and opened again. */
const inherited = new Map();

class Inherited {
	constructor(fd) {
		this.deframer = new Deframer((frame) => this.port?.frame(frame));
		this.socket = new net.Socket({ fd, readable: true, writable: true });
		this.stream = new Stream(this, this.socket, (why) => this.gone(why));
		this.up = true;
	}

	attach(port) {
		this.port = port;
		this.socket.ref();
	}

	begin() {
		this.port.link(this.up);
	}

	gone(why = 'connection lost') {
		this.up = false;
		this.port?.log(1, `the peer has gone: ${why}`);
		this.port?.link(false);
	}

	// The port of the stream.

	framed(bytes) {
		return this.deframer.push(bytes);
	}

	writable() {
		this.port?.writable();
	}

	unsent(n) {
		this.port?.unsent(n);
	}

	// The driver of the network.

	send(bytes) {
		return this.stream.send(bytes);
	}

	async close() {
		await this.stream.idle();
		this.destroy();
	}

	destroy() {
		this.port = null;
		this.socket.unref();
	}
}

function find(path) {
	const fd = Number(path);
	const known = inherited.get(fd);
	if (known) return known;
	try {
		if (!NUMBER.test(path) || fd < FIRST || !fstatSync(fd).isSocket())
			throw new Error('not a socket');
		const made = new Inherited(fd);
		inherited.set(fd, made);
		return made;
	} catch (error) {
		throw new MirageError(
			EINVAL,
			`descriptor '${path}' is no connected stream socket ` +
				`(${error.message}); start the program by ` +
				'mirage-tap INTERFACE COMMAND and give fd:3'
		);
	}
}

export function open(port, { path }) {
	const wire = find(path);
	if (wire.port)
		throw new MirageError(
			EINVAL,
			`descriptor ${path} is another network's; give each its own`
		);
	wire.attach(port);
	return wire;
}
