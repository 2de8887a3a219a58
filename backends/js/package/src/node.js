// SPDX-License-Identifier: ISC
// createMirage in Node.

import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GivenConsole } from './console.js';
import { NodeConsole } from './console-node.js';
import { create } from './mirage.js';

/** What is done while the program runs keeps Node alive, no more. */
const HOLD_MS = 2 ** 30;
const SIGNALS = ['SIGINT', 'SIGTERM'];

class Host {
	constructor({ signals = true } = {}) {
		this.signals = signals;
		this.resolutionNs = 1000;
		this.networks = {
			unix: () => import('./net-unix.js'),
			ws: () => import('./net-ws-node.js'),
			wss: () => import('./net-ws-node.js'),
			bc: () => import('./net-bc.js'),
			fd: () => import('./net-fd.js'),
		};
		this.blocks = {
			file: () => import('./block-file.js'),
			mem: () => import('./block-mem.js'),
		};
		this.setTimeout = setTimeout;
		this.clearTimeout = clearTimeout;
		this.soon = setImmediate;
	}

	now() {
		return performance.now();
	}

	random(bytes) {
		webcrypto.getRandomValues(bytes);
	}

	console(given) {
		if (given instanceof NodeConsole) return given;
		return given ? new GivenConsole(given) : new NodeConsole();
	}

	async module(wasm) {
		if (wasm instanceof WebAssembly.Module) return wasm;
		const bytes =
			typeof wasm === 'string' || wasm instanceof URL
				? await readFile(wasm)
				: wasm;
		try {
			return await WebAssembly.compile(bytes);
		} catch (error) {
			throw new Error(`is no WebAssembly: ${error.message}`, {
				cause: error,
			});
		}
	}

	hold(instance) {
		this.held = setInterval(() => {}, HOLD_MS);
		if (!this.signals) return;
		// The first asks the program to end, the second is the system's.
		this.onSignal = () => {
			this.forgetSignals();
			instance.shutdown();
		};
		for (const signal of SIGNALS) process.on(signal, this.onSignal);
	}

	forgetSignals() {
		if (!this.onSignal) return;
		for (const signal of SIGNALS) process.off(signal, this.onSignal);
	}

	release() {
		clearInterval(this.held);
		this.forgetSignals();
	}
}

export function createMirage(options) {
	return create(options, new Host(options));
}
