// SPDX-License-Identifier: ISC
// stdin, stdout and stderr of Node. process.stdout loses what a pipe has not taken
// when the process ends, and fs.writeSync waits for readers of a pipe that somebody
// else made; so a pipe is opened once more, not to wait. What it does not take waits
// in a bounded queue. What cannot be opened is written by a thread of Node's pool.

import fs from 'node:fs';
import { errorOf } from './error-of.js';
import { EGONE } from './errors.js';

const QUEUE_BYTES = 65536;
const RETRY_MS = 1;
const { O_NONBLOCK, O_WRONLY } = fs.constants;

/** A descriptor of the same file that never waits: { fd }, { gone: true } where
 *  nobody reads any more, or {} where there can be none. */
function openOwn(fd) {
	try {
		const about = fs.fstatSync(fd);
		const isPipe = about.isFIFO();
		if (about.isFile()) return { fd };
		if (!isPipe && !about.isCharacterDevice()) return {};
		try {
			return {
				fd: fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK),
			};
		} catch (error) {
			return { gone: isPipe && error.code === 'ENXIO' };
		}
	} catch {
		return { gone: true };
	}
}

class Output {
	constructor(fd, onWritable) {
		const own = openOwn(fd);
		this.fd = fd;
		this.own = own.fd;
		this.gone = own.gone ?? false;
		this.onWritable = onWritable;
		this.queue = [];
		this.queued = 0;
		this.busy = this.short = false;
		this.drains = [];
	}

	/** Takes bytes, so that up to `limit` wait, and returns how many. */
	write(bytes, limit = QUEUE_BYTES) {
		if (this.gone) return EGONE;
		const now = this.queued === 0 ? this.try(bytes) : 0;
		if (now < 0) return now;
		const room = Math.max(limit - this.queued, 0);
		const end = Math.min(bytes.length, now + room);
		if (end < bytes.length) this.short = true;
		if (end > now) {
			this.queue.push(bytes.slice(now, end));
			this.queued += end - now;
			this.pump();
		}
		return end;
	}

	/** What goes out now, or an error of mirage.h. */
	try(bytes) {
		if (this.own === undefined) return 0;
		try {
			return fs.writeSync(this.own, bytes);
		} catch (error) {
			if (error.code === 'EAGAIN') return 0;
			this.error = error;
			this.gone = errorOf(error) === EGONE;
			return errorOf(error);
		}
	}

	pump() {
		if (this.busy) return;
		if (this.queue.length === 0) {
			for (const resolve of this.drains.splice(0)) resolve();
			return;
		}
		this.busy = true;
		this.put(Buffer.concat(this.queue.splice(0)));
	}

	put(bytes) {
		const written = (error, n) => this.written(bytes, error, n);
		if (this.own === undefined) {
			fs.write(this.fd, bytes, 0, bytes.length, null, written);
			return;
		}
		setTimeout(() => {
			const n = this.try(bytes);
			written(n < 0 ? this.error : null, n);
		}, RETRY_MS);
	}

	written(bytes, error, n) {
		if (error?.code === 'EAGAIN') {
			setTimeout(() => this.put(bytes), RETRY_MS);
			return;
		}
		if (error) this.lose(error);
		else this.queued -= n;
		if (!error && n < bytes.length) this.put(bytes.subarray(n));
		else this.next();
	}

	lose(error) {
		this.gone = true;
		if (errorOf(error) !== EGONE) this.onLost?.(error);
		this.queue.length = this.queued = 0;
	}

	next() {
		this.busy = false;
		this.pump();
		if (!this.short || this.queued > QUEUE_BYTES / 2) return;
		this.short = false;
		this.onWritable();
	}

	async drain() {
		await new Promise((resolve) => {
			this.drains.push(resolve);
			this.pump();
		});
		if (this.own !== undefined && this.own !== this.fd)
			fs.closeSync(this.own);
		this.own = undefined;
	}
}

export class NodeConsole {
	/** Of other streams than the process's, for tests: `input` gives a stream, the
	 *  others are file descriptors. */
	constructor({ input = () => process.stdin, output = 1, error = 2 } = {}) {
		this.input = input;
		this.out = new Output(output, () => this.instance?.writable());
		this.err = new Output(error, () => {});
		this.out.onLost = ({ message }) =>
			this.log(0, `console: output is lost: ${message}`);
		this.waiting = [];
		this.enabled = this.listening = false;
	}

	start(instance) {
		this.instance = instance;
	}

	write(bytes) {
		return this.out.write(bytes);
	}

	/** printf and such, which cannot wait: without a bound. */
	print(fd, bytes) {
		(fd === 2 ? this.err : this.out).write(bytes, Infinity);
	}

	/** Dropped when nobody reads. */
	log(level, text) {
		const line = Buffer.from(text + '\n');
		if (this.err.queued + line.length <= QUEUE_BYTES) this.err.write(line);
	}

	read(enable) {
		this.enabled = enable;
		if (enable && !this.listening) this.listen();
		if (enable) setImmediate(() => this.deliver());
		if (enable && !this.over) this.stdin.resume();
		else this.stdin?.pause();
	}

	listen() {
		this.listening = true;
		this.stdin = this.input();
		const end = () => {
			if (!this.over) this.waiting.push(Buffer.alloc(0));
			this.over = true;
			this.deliver();
		};
		this.stdin.on('data', (bytes) => {
			this.waiting.push(bytes);
			this.deliver();
		});
		this.stdin.on('end', end);
		this.stdin.on('error', end);
	}

	deliver() {
		while (this.enabled && this.waiting.length > 0) {
			const left = this.instance.feed(this.waiting[0]);
			if (left.length > 0) this.waiting[0] = left;
			else this.waiting.shift();
		}
	}

	async drain() {
		this.stdin?.destroy();
		await Promise.all([this.out.drain(), this.err.drain()]);
	}
}
