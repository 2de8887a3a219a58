// SPDX-License-Identifier: ISC
// Programs for the tests of networks: netapp of tests/net in this Node, or any other
// as a process; both by the lines they print.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMirage } from 'mirage-js';
import { WebSocketServer } from 'ws';
import { assert, cleanup, skip } from '../tap.mjs';

export const BUILD = process.env.MIRAGE_BUILD;
export const SOURCE = process.env.MIRAGE_SOURCE;
/** A build folder with the unix backend. */
export const NATIVE = process.env.MIRAGE_NATIVE ?? join(SOURCE, 'build');
export const NETAPP = join(BUILD, 'tests/js/net/netapp.wasm');
export const RUN = join(SOURCE, 'backends/js/package/bin/mirage-js-run.mjs');

const PATIENCE_MS = 20000;

/** What a program prints and logs. */
export class Lines {
	constructor() {
		this.text = '';
		this.waiting = [];
		this.log = [];
		this.onLine = () => {};
	}

	add(bytes) {
		const lines = (this.text + Buffer.from(bytes)).split('\n');
		this.text = lines.pop();
		this.waiting.push(...lines);
		this.onLine();
	}

	/** Waits for a line that matches, and resolves with the match. */
	line(pattern) {
		return this.until(() => {
			while (this.waiting.length > 0) {
				const match = pattern.exec(this.waiting.shift());
				if (match) return match;
			}
			return null;
		}, `line ${pattern}`);
	}

	/** Waits for a line of the log that matches. */
	logged(pattern) {
		return this.until(
			() => this.log.find((line) => pattern.test(line)),
			`log ${pattern}`
		);
	}

	until(holds, what) {
		return new Promise((resolve, reject) => {
			const late = setTimeout(
				() => reject(new Error(`never: ${what}; log ${this.log}`)),
				PATIENCE_MS
			);
			this.onLine = () => {
				const got = holds();
				if (!got) return;
				clearTimeout(late);
				this.onLine = () => {};
				resolve(got);
			};
			this.onLine();
		});
	}

	async counters() {
		const [, text] = await this.line(/^counters (.*)/);
		const pairs = text.split(' ').map((pair) => pair.split('='));
		return Object.fromEntries(
			pairs.map(([key, value]) => [key, Number(value)])
		);
	}
}

/** Those counters that are not zero. */
export function moved(counters) {
	return Object.fromEntries(
		Object.entries(counters).filter(([, value]) => value !== 0)
	);
}

/** netapp in this Node. */
export class App extends Lines {
	static async start(uri, ...args) {
		const app = new App();
		app.instance = await createMirage({
			wasm: NETAPP,
			name: 'netapp',
			networks: { wire: uri },
			args,
			signals: false,
			console: {
				write: (bytes) => app.add(bytes),
				log: (level, text) => {
					app.log.push(text);
					app.onLine();
				},
			},
		});
		cleanup(() => app.instance.finish(1));
		return app;
	}

	/** Asks it to close its network and resolves with its counters. */
	async end() {
		this.instance.shutdown();
		const counters = await this.counters();
		assert.equal(await this.instance.exited, 0);
		return counters;
	}
}

/** A process. */
export class Process extends Lines {
	constructor(program, args, options = {}) {
		super();
		this.process = spawn(program, args, {
			stdio: ['ignore', 'pipe', 'pipe', ...(options.more ?? [])],
			env: { ...process.env, ...options.env },
		});
		this.process.stdout.on('data', (bytes) => this.add(bytes));
		this.process.stderr.on('data', (bytes) => {
			this.log.push(...String(bytes).trimEnd().split('\n'));
			this.onLine();
		});
		this.exited = new Promise((resolve) => {
			this.process.on('close', (status, signal) =>
				resolve(signal ?? status)
			);
		});
		cleanup(() => {
			this.process.kill('SIGKILL');
			return this.exited;
		});
	}

	async end() {
		this.process.kill('SIGTERM');
		const counters = await this.counters();
		assert.equal(await this.exited, 0);
		return counters;
	}
}

export function frame(length, fill) {
	return Buffer.alloc(length, fill);
}

export function framed(...frames) {
	return Buffer.concat(
		frames.flatMap((one) => {
			const length = Buffer.alloc(4);
			length.writeUInt32BE(one.length);
			return [length, one];
		})
	);
}

/** A relay of the test's, with TLS if `tls`, { key, cert }, is given: `socket()`
 *  resolves with the next client. */
export async function listen(port = 0, tls = null) {
	const host = '127.0.0.1';
	const https = tls && createTlsServer(tls);
	const server = new WebSocketServer(
		https ? { server: https } : { host, port }
	);
	const clients = [];
	const waiting = [];
	server.on('connection', (socket) => {
		const resolve = waiting.shift();
		if (resolve) resolve(socket);
		else clients.push(socket);
	});
	https?.listen(port, host);
	await new Promise((resolve) => server.once('listening', resolve));
	const close = () => {
		for (const socket of server.clients) socket.terminate();
		https?.close();
		return new Promise((resolve) => server.close(resolve));
	};
	cleanup(close);
	return {
		port: server.address().port,
		close,
		socket: () =>
			clients.length > 0
				? clients.shift()
				: new Promise((resolve) => waiting.push(resolve)),
	};
}

/** A folder of the programs that the relay starts. */
export function libexec() {
	const folder = mkdtempSync(join(tmpdir(), 'mirage-relay.'));
	cleanup(() => rmSync(folder, { recursive: true, force: true }));
	for (const [part, name] of [
		['slirp', 'mirage-slirp'],
		['tap', 'mirage-tap'],
	]) {
		const path = join(NATIVE, 'tools', part, name);
		if (existsSync(path)) symlinkSync(path, join(folder, name));
	}
	return folder;
}

/** Skips the test where it cannot make a tap. */
export function needsTap() {
	const make = ['-n', 'ip', 'tuntap', 'add', 'dev', 't', 'mode', 'tap'];
	try {
		execFileSync('unshare', make, { stdio: 'ignore' });
	} catch {
		skip('needs to make a tap in a network namespace of its own');
	}
}

/** A port of this machine that nobody has. */
export function freePort() {
	return new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}
