// SPDX-License-Identifier: ISC
// Devices and standard streams of Node for the suite's cases.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeConsole } from '../../../backends/js/package/src/console-node.js';
import { DISK_BYTES, FIXED_BYTES, FIXED_VALUE } from './fixtures.mjs';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
const PUMP_MS = 5;

/** The standard streams as pipes, whose other ends are here. */
class PipeConsole {
	constructor(folder) {
		const fifo = (name) => join(folder, name);
		execFileSync('mkfifo', [fifo('in'), fifo('out')]);
		this.stdin = fs.openSync(fifo('in'), O_RDONLY | O_NONBLOCK);
		this.typing = fs.openSync(fifo('in'), O_WRONLY | O_NONBLOCK);
		this.reading = fs.openSync(fifo('out'), O_RDONLY | O_NONBLOCK);
		this.stdout = fs.openSync(fifo('out'), O_WRONLY);
		this.stderr = fs.openSync(fifo('log'), 'w+');
		this.log = Buffer.alloc(0);
		this.chunk = Buffer.alloc(65536);
		this.chunks = [];
		this.paused = false;
		this.given = new NodeConsole({
			input: () => this.input_(),
			output: this.stdout,
			error: this.stderr,
		});
		this.keep(this.given.err);
		this.pump = setInterval(() => this.read(), PUMP_MS);
	}

	input_() {
		const fd = this.stdin;
		this.stdin = null;
		return new net.Socket({ fd, readable: true, writable: false });
	}

	/** The case looks at the log before the file has it. */
	keep(error) {
		const write = error.write.bind(error);
		error.write = (bytes, limit) => {
			this.log = Buffer.concat([this.log, bytes]);
			return write(bytes, limit);
		};
	}

	readLog() {
		return this.log;
	}

	read() {
		while (!this.paused && this.reading !== null) {
			let n = 0;
			try {
				n = fs.readSync(this.reading, this.chunk);
			} catch (error) {
				if (error.code !== 'EAGAIN') throw error;
			}
			if (n === 0) break;
			this.chunks.push(Buffer.from(this.chunk.subarray(0, n)));
		}
		return Buffer.concat(this.chunks);
	}

	input(bytes) {
		if (bytes.length > 0) fs.writeSync(this.typing, bytes);
		else this.shut('typing');
	}

	pause(paused) {
		this.read();
		this.paused = paused;
	}

	close() {
		this.read();
		this.shut('reading');
	}

	shut(end) {
		if (this[end] !== null) fs.closeSync(this[end]);
		this[end] = null;
	}

	dispose() {
		clearInterval(this.pump);
		for (const end of ['typing', 'stdin', 'reading', 'stdout', 'stderr'])
			this.shut(end);
	}
}

function frameOf(bytes) {
	const header = Buffer.alloc(4);
	header.writeUInt32BE(bytes.length);
	return Buffer.concat([header, bytes]);
}

/** A wire that can be cut: takes connections at `from` on to `to`. */
class Cable {
	constructor(from, to) {
		Object.assign(this, { from, to });
		this.ends = {};
		this.paused = {};
	}

	link(up) {
		if (up) {
			this.server = net.createServer((b) => this.join(b));
			this.server.listen(this.from);
		} else {
			this.server.close();
			for (const end of Object.values(this.ends)) end.destroy();
		}
	}

	join(b) {
		const a = net.connect(this.to);
		this.ends = { a, b };
		this.carry('a', a, b);
		this.carry('b', b, a);
	}

	carry(name, one, other) {
		one.on('data', (bytes) => {
			if (!other.write(bytes)) one.pause();
		});
		other.on('drain', () => this.paused[name] || one.resume());
		one.on('error', () => {});
		one.on('close', () => other.destroy());
	}

	pause(name, paused) {
		this.paused[name] = paused;
		if (paused) this.ends[name].pause();
		else this.ends[name].resume();
	}

	inject(name, frame) {
		this.ends[name].write(frameOf(frame));
	}
}

/** Files, a socket between both networks, and the standard streams as pipes. */
export async function file() {
	const folder = fs.mkdtempSync(join(tmpdir(), 'mirage-conformance.'));
	const path = (name) => join(folder, name);
	const cable = new Cable(path('b'), path('a'));
	cable.link(true);
	const image = (name, size, value) =>
		fs.writeFileSync(path(name), Buffer.alloc(size, value));
	image('small', DISK_BYTES, 0);
	image('large', DISK_BYTES, 0);
	image('fixed', FIXED_BYTES, FIXED_VALUE);
	return {
		networks: {
			a: `unix:${path('a')},listen`,
			b: `unix:${path('b')},connect`,
		},
		link: (name, up) => cable.link(up),
		pause: (name, paused) => cable.pause(name, paused),
		inject: (name, frame) => cable.inject(name, frame),
		resize: (name, size) => fs.truncateSync(path(name), size),
		blocks: {
			small: `file:${path('small')}`,
			large: `file:${path('large')},sector=4096`,
			fixed: `file:${path('fixed')},ro`,
		},
		console: new PipeConsole(folder),
		dispose: () => {
			cable.link(false);
			fs.rmSync(folder, { recursive: true, force: true });
		},
	};
}
