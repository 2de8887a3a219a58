// SPDX-License-Identifier: ISC
// The network behind the relay: a program of Mirage's on a socket pair (slirp:,
// tap:) or a socket in the file system (unix:). All speak QEMU's stream framing.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Backoff } from 'mirage-js/drivers/backoff';
import { Deframer, HEADER_BYTES, putLength } from 'mirage-js/drivers/framing';
import { Stream } from 'mirage-js/drivers/net-stream';
import { open as openUnix } from 'mirage-js/drivers/net-unix';

const QUEUE_BYTES = 262144;
const LINE_MAX_BYTES = 512;

/** What `name` is started from, by where this file is. */
const PLACES = [
	'/usr/local/libexec/mirage/',
	'/usr/libexec/mirage/',
	'/usr/local/bin/',
	'/usr/bin/',
];

function runnable(path) {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** The path of one of Mirage's programs. Throws with the remedy. */
export function findProgram(name) {
	const short = name.replace('mirage-', '');
	const { MIRAGE_LIBEXEC } = process.env;
	const here = (place) => fileURLToPath(new URL(place, import.meta.url));
	const places = MIRAGE_LIBEXEC
		? [MIRAGE_LIBEXEC + '/']
		: [
				here('../../../../../libexec/mirage/'),
				here('../../../../../bin/'),
				here(`../../../build/tools/${short}/`),
				...PLACES,
			];
	const found = places.map((place) => join(place, name)).find(runnable);
	if (found) return found;
	throw new Error(
		`the program ${name} is missing: install Mirage's unix backend, or set ` +
			'MIRAGE_LIBEXEC to the directory of the program'
	);
}

/** Common to all: a port of the switch, and of a stream. */
class Upstream {
	/** `onFrame(frame)` gets what comes from there, a Buffer to be copied. */
	constructor(uri, counters, onFrame, log) {
		this.uri = uri;
		this.counters = counters;
		this.say = log;
		this.queue = Buffer.alloc(QUEUE_BYTES);
		this.deframe = (frame) => onFrame(Buffer.from(frame));
		this.link(false);
	}

	// As a port of the switch.

	send(frame) {
		const end = this.queued + HEADER_BYTES + frame.length;
		if (!this.up || end > QUEUE_BYTES) {
			this.counters.net_tx_dropped += 1;
			return;
		}
		if (this.queued === 0) setImmediate(() => this.flush());
		putLength(this.queue, this.queued, frame.length);
		this.queue.set(frame, this.queued + HEADER_BYTES);
		this.queued = end;
		this.frames += 1;
	}

	flush() {
		if (!this.up || this.queued === 0) return;
		if (this.driver.send(this.queue.subarray(0, this.queued)) === 0) return;
		this.counters.net_tx_frames += this.frames;
		this.queued = this.frames = 0;
	}

	// As the port of a stream or a driver.

	framed(bytes) {
		return this.deframer.push(bytes);
	}

	writable() {
		this.flush();
	}

	unsent(n) {
		this.counters.net_tx_frames -= n;
		this.counters.net_tx_dropped += n;
	}

	link(up) {
		this.counters.net_tx_dropped += this.frames ?? 0;
		this.queued = this.frames = 0;
		this.deframer = new Deframer(this.deframe);
		this.up = up;
	}

	log(level, text) {
		if (level < 3) this.say(`${this.uri}: ${text}`);
	}
}

/** A program with its descriptor 3. When it ends it is started again. */
class Program extends Upstream {
	async open(program, args) {
		this.program = program;
		this.args = args;
		this.backoff = new Backoff();
		await this.start();
		return this;
	}

	async start() {
		const child = spawn(this.program, this.args, {
			stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
		});
		const [, , , socket] = child.stdio;
		const ended = new Promise((resolve) => {
			child.once('exit', () => resolve());
			child.once('error', (error) => resolve(error));
		});
		this.ended = ended;
		socket.on('error', () => {}); // what it is shows at its end
		const rest = await this.ready(socket, ended);
		this.driver = new Stream(this, socket, (why) => this.gone(why));
		this.link(true);
		if (rest.length > 0) this.framed(rest);
	}

	/** Awaits the line "0 ready", or an error with its text. */
	async ready(socket, ended) {
		let text = Buffer.alloc(0);
		const line = new Promise((resolve) => {
			socket.on('data', (bytes) => {
				text = Buffer.concat([text, bytes]);
				if (text.includes('\n') || text.length > LINE_MAX_BYTES) {
					socket.pause();
					socket.removeAllListeners('data');
					resolve();
				}
			});
			socket.on('end', resolve);
		});
		const error = await Promise.race([line, ended]);
		const end = text.indexOf('\n');
		const [number] = text.toString().split(' ', 1);
		if (!error && number === '0') return text.subarray(end + 1);
		socket.destroy();
		const message = text.subarray(number.length, end).toString().trim();
		throw new Error(
			error?.message ??
				(message || `${this.program} ended at once; try --version of it`)
		);
	}

	gone(why = 'its socket has closed') {
		this.link(false);
		if (this.closed) return;
		this.say(`${this.uri}: ${this.program} has ended: ${why}; starting it again`);
		this.again();
	}

	again() {
		this.timer = setTimeout(async () => {
			try {
				await this.start();
				this.say(`${this.uri}: ${this.program} runs again`);
			} catch (error) {
				this.log(2, error.message);
				if (!this.closed) this.again();
			}
		}, this.backoff.next());
	}

	async close() {
		this.closed = true;
		clearTimeout(this.timer);
		this.flush();
		await this.driver?.close();
		await this.ended;
	}
}

class Socket extends Upstream {
	async open(options) {
		this.driver = await openUnix(this, options);
		return this;
	}

	async close() {
		this.flush();
		await this.driver.close();
	}
}

function splitUri(uri) {
	const colon = uri.indexOf(':');
	const [path, ...flags] = uri.slice(colon + 1).split(',');
	return { scheme: uri.slice(0, colon), path, flags };
}

/** Opens the network that `uri` names. Rejects with what is wrong. */
export function openUpstream(uri, { mtu, counters, onFrame, log }) {
	const { scheme, path, flags } = splitUri(uri);
	const known = scheme === 'unix' ? ['listen', 'connect'] : [];
	const forward = /^hostfwd=(.*)$/;
	const odd = flags.find(
		(flag) =>
			!known.includes(flag) && !(scheme === 'slirp' && forward.test(flag))
	);
	if (odd !== undefined) throw new Error(`${scheme}: has no option '${odd}'`);
	const arguments_ = [uri, counters, onFrame, log];
	switch (scheme) {
		case 'slirp':
			return new Program(...arguments_).open(findProgram('mirage-slirp'), [
				`--mtu=${mtu}`,
				...flags.flatMap((flag) =>
					forward
						.exec(flag)[1]
						.split('+')
						.map((rule) => `--hostfwd=${rule}`)
				),
			]);
		case 'tap':
			return new Program(...arguments_).open(findProgram('mirage-tap'), [
				path,
			]);
		case 'unix':
			return new Socket(...arguments_).open({
				path,
				listen: flags.includes('listen'),
				connect: flags.includes('connect'),
			});
		default:
			throw new Error(`'${uri}' is none of slirp:, tap:NAME and unix:PATH`);
	}
}
