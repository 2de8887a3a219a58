// SPDX-License-Identifier: ISC
// stdin, stdout and stderr of Node. process.stdout loses what a pipe has not taken
// when the process ends, and fs.writeSync waits for readers; so bytes wait in a
// bounded queue and are written by a thread of Node's pool.

import fs from 'node:fs';
import { EGONE } from './errors.js';

const QUEUE_BYTES = 65536;
const RETRY_MS = 2;

class Output {
	constructor(fd, onWritable) {
		this.fd = fd;
		this.onWritable = onWritable;
		this.queue = [];
		this.queued = 0;
		this.busy = this.short = this.gone = false;
		this.drains = [];
	}

	/** Takes up to `limit` bytes in all and returns how many. */
	write(bytes, limit = QUEUE_BYTES) {
		if (this.gone) return EGONE;
		const room = Math.max(limit - this.queued, 0);
		const taken = Math.min(bytes.length, room);
		if (taken < bytes.length) this.short = true;
		if (taken === 0) return 0;
		this.queue.push(bytes.slice(0, taken));
		this.queued += taken;
		this.pump();
		return taken;
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
		fs.write(this.fd, bytes, 0, bytes.length, null, (error, n) => {
			if (error?.code === 'EAGAIN') {
				setTimeout(() => this.put(bytes), RETRY_MS);
				return;
			}
			if (error) this.lose();
			else this.queued -= n;
			if (!error && n < bytes.length) this.put(bytes.subarray(n));
			else this.next();
		});
	}

	lose() {
		this.gone = true;
		this.queue.length = this.queued = 0;
	}

	next() {
		this.busy = false;
		this.pump();
		if (!this.short || this.queued > QUEUE_BYTES / 2) return;
		this.short = false;
		this.onWritable();
	}

	drain() {
		return new Promise((resolve) => {
			this.drains.push(resolve);
			this.pump();
		});
	}
}

export class NodeConsole {
	/** Of other streams than the process's, for tests: `input` gives a stream, the
	 *  others are file descriptors. */
	constructor({ input = () => process.stdin, output = 1, error = 2 } = {}) {
		this.input = input;
		this.out = new Output(output, () => this.instance?.writable());
		this.err = new Output(error, () => {});
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
